#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

const int slipway_O_TMPFILE = O_TMPFILE, slipway_O_DIRECT = O_DIRECT, slipway_O_PATH = O_PATH;

static int ofd(int fd, int command, short type, struct flock *out) {
  struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
  int r;
  do r = fcntl(fd, command, &l); while (r < 0 && errno == EINTR);
  if (out) *out = l;
  return r;
}

int slipway_ofd_lock(int fd, bool exclusive) { return ofd(fd, F_OFD_SETLK, exclusive ? F_WRLCK : F_RDLCK, NULL); }
int slipway_ofd_unlock(int fd) { return ofd(fd, F_OFD_SETLK, F_UNLCK, NULL); }
int slipway_ofd_is_locked(int fd) {
  struct flock l;
  if (ofd(fd, F_OFD_GETLK, F_WRLCK, &l) < 0) return -1;
  return l.l_type != F_UNLCK;
}
int slipway_set_lease(int fd, int type) {
  // Who breaks a lease makes the kernel send SIGIO to its holder, and the default action for that ends the process.
  struct sigaction action;
  if (type != F_UNLCK && sigaction(SIGIO, NULL, &action) == 0 && action.sa_handler == SIG_DFL) signal(SIGIO, SIG_IGN);
  return fcntl(fd, F_SETLEASE, type);
}
int slipway_get_lease(int fd) { return fcntl(fd, F_GETLEASE); }
int slipway_reflink(int target, int source) { return ioctl(target, FICLONE, source); }
int slipway_punch_hole(int fd, int64_t offset, int64_t length) {
  return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}
int slipway_reserve(int fd, int64_t offset, int64_t length) { return fallocate(fd, FALLOC_FL_KEEP_SIZE, offset, length); }
int slipway_link_unnamed(int fd, int dirfd, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW);
}
int slipway_rename_noreplace(int olddir, const char *oldname, int newdir, const char *newname) {
  return renameat2(olddir, oldname, newdir, newname, RENAME_NOREPLACE);
}
int slipway_get_immutable(int fd) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) return -1;
  return (flags & FS_IMMUTABLE_FL) != 0;
}
int slipway_set_immutable(int fd, bool on) {
  int flags = 0;
  if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0) return -1;
  flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
  return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}
int slipway_set_direct(int fd, bool on) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return -1;
  return fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT);
}
int slipway_start_writeback(int fd, int64_t offset, int64_t length) {
  return sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}
int64_t slipway_filesystem_type(int fd) {
  struct statfs s;
  return fstatfs(fd, &s) < 0 ? 0 : (int64_t)s.f_type;
}
int64_t slipway_birth_time(int dirfd, const char *name) {
  struct statx s;
  if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &s) < 0) return -1;
  return s.stx_mask & STATX_BTIME ? (int64_t)s.stx_btime.tv_sec * 1000000000 + s.stx_btime.tv_nsec : 0;
}
int slipway_look_immutable(int dirfd, const char *name) {
  struct statx s;
  if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW, STATX_MODE, &s) < 0) return -1;
  if (!(s.stx_attributes_mask & STATX_ATTR_IMMUTABLE)) return 2;
  return s.stx_attributes & STATX_ATTR_IMMUTABLE ? 1 : 0;
}
int slipway_touch(int dirfd, const char *name) { return utimensat(dirfd, name, NULL, AT_SYMLINK_NOFOLLOW); }
bool slipway_is_zero(const void *bytes, size_t length) {
  const unsigned char *p = bytes;
  if (length == 0) return true;
  // 16 bytes by hand, then the block against itself, 16 further: memcmp is vectorised.
  size_t head = length < 16 ? length : 16;
  for (size_t i = 0; i < head; i++)
    if (p[i]) return false;
  return length <= 16 || memcmp(p, p + 16, length - 16) == 0;
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLIPWAY_TSAN 1
#endif
#endif
#ifdef SLIPWAY_TSAN
void __tsan_release(void *);
void __tsan_acquire(void *);
void slipway_tsan_release(void *address) { __tsan_release(address); }
void slipway_tsan_acquire(void *address) { __tsan_acquire(address); }
#else
void slipway_tsan_release(void *address) { (void)address; }
void slipway_tsan_acquire(void *address) { (void)address; }
#endif

bool slipway_may_chown(void) {
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {{0}};
  return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & (1u << CAP_CHOWN)) != 0;
}

void slipway_name_thread(const char *name) { (void)pthread_setname_np(pthread_self(), name); }

void slipway_keep_standard_descriptors(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0) return;
}

static int caught[2] = {-1, -1};
static void tell(int number) {
  int saved = errno;
  unsigned char byte = (unsigned char)number;
  // A full pipe holds enough of them already.
  ssize_t ignored = write(caught[1], &byte, 1);
  (void)ignored;
  errno = saved;
}
int slipway_catch_signals(void) {
  if (pipe2(caught, O_CLOEXEC) < 0) return -1;
  if (fcntl(caught[1], F_SETFL, O_NONBLOCK) < 0) return -1;
  const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction old, action = {.sa_handler = tell, .sa_flags = SA_RESTART};
    if (numbers[i] == SIGHUP && sigaction(SIGHUP, NULL, &old) == 0 && old.sa_handler == SIG_IGN) continue;
    if (sigaction(numbers[i], &action, NULL) < 0) return -1;
  }
  return caught[0];
}
