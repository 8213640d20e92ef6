#pragma once
// What Swift's Glibc overlay hides behind _GNU_SOURCE, and macros that Swift cannot import. See clinux.c.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "CLinuxChild.h"

extern const int slipway_O_TMPFILE, slipway_O_DIRECT, slipway_O_PATH;

/// Takes (exclusive or shared) or drops an open-file-description lock on the whole file, without waiting (F_OFD_SETLK).
/// Returns 0, or -1 with errno (EAGAIN: somebody else holds it).
int slipway_ofd_lock(int fd, bool exclusive);
int slipway_ofd_unlock(int fd);
/// 1 when another open file description holds a lock that excludes an exclusive one (F_OFD_GETLK), 0 when none, -1 with errno.
int slipway_ofd_is_locked(int fd);
/// F_SETLEASE / F_GETLEASE. `type`: F_RDLCK, F_WRLCK, F_UNLCK. SIGIO is ignored from the first lease on, unless it has a handler.
int slipway_set_lease(int fd, int type);
int slipway_get_lease(int fd);
/// ioctl FICLONE: shares all extents of `source` with `target`. 0, or -1 with errno.
int slipway_reflink(int target, int source);
/// fallocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE).
int slipway_punch_hole(int fd, int64_t offset, int64_t length);
/// fallocate(FALLOC_FL_KEEP_SIZE): reserves blocks without changing the size.
int slipway_reserve(int fd, int64_t offset, int64_t length);
/// Gives an unnamed file (O_TMPFILE) a name, without replacing one (linkat on /proc/self/fd).
int slipway_link_unnamed(int fd, int dirfd, const char *name);
/// renameat2(RENAME_NOREPLACE).
int slipway_rename_noreplace(int olddir, const char *oldname, int newdir, const char *newname);
/// FS_IOC_GETFLAGS / FS_IOC_SETFLAGS: the immutable flag. 1 or 0, or -1 with errno.
int slipway_get_immutable(int fd);
int slipway_set_immutable(int fd, bool on);
/// Whether this thread may give files away (CAP_CHOWN): root where nobody took that from it, and a service that was given it.
bool slipway_may_chown(void);
/// Turns O_DIRECT on or off on an open file (F_SETFL). 0, or -1 with errno (EINVAL: the file system has none).
int slipway_set_direct(int fd, bool on);
/// sync_file_range(SYNC_FILE_RANGE_WRITE): starts write-back without waiting for it.
int slipway_start_writeback(int fd, int64_t offset, int64_t length);
/// statfs f_type of the file system that holds `fd`; 0 when it cannot be asked.
int64_t slipway_filesystem_type(int fd);
/// Birth time (statx) of the file `name` in `dirfd`, not following a symbolic link, in nanoseconds since 1970; 0 where the file system keeps none,
/// -1 with errno.
int64_t slipway_birth_time(int dirfd, const char *name);
/// Whether the file `name` in `dirfd` is immutable (statx, nothing is opened): 1 or 0; 2 where the file system does not say, -1 with errno.
int slipway_look_immutable(int dirfd, const char *name);
/// utimensat: both times of the file `name` in `dirfd`, not following a symbolic link, become now.
int slipway_touch(int dirfd, const char *name);
/// memcmp against itself: true when all `length` bytes are zero.
bool slipway_is_zero(const void *bytes, size_t length);
/// Tells ThreadSanitizer of a hand-off that it cannot see; nothing without it.
void slipway_tsan_release(void *address);
void slipway_tsan_acquire(void *address);
/// Names the calling thread (pthread_setname_np; at most 15 bytes).
void slipway_name_thread(const char *name);
/// Opens /dev/null for those of the descriptors 0 to 2 that are closed, so that no file of ours is given their numbers: each
/// the wrong way round, so that an answer written there is an error and not silence. Call once, first of all.
void slipway_keep_standard_descriptors(void);
/// Catches SIGINT and SIGTERM, and SIGHUP unless it is ignored (nohup): each becomes one byte, its number, in a pipe whose read end is
/// returned; -1 with errno. A mask and sigwait would not do: libdispatch parks the main thread in sigsuspend with nothing blocked.
int slipway_catch_signals(void);
