#define _GNU_SOURCE
#include "CLinuxChild.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Everything between clone and exec is a bare system call: another thread may have held any lock of libc, of the allocator or of librbd when the copy
// was made, and sanitizers must not look. posix_spawn does neither namespaces nor Landlock nor PDEATHSIG; a program of ours to be executed
// first would have to be found and trusted, and would run as root for the same few calls.
#if defined(__has_attribute)
#if __has_attribute(no_sanitize)
#define PLAIN __attribute__((no_sanitize("thread", "address", "undefined")))
#endif
#endif
#ifndef PLAIN
#define PLAIN
#endif

// By number, since Debian 12's headers are older than the kernels that we run on.
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
static const uid_t nobody = 65534;

static int allow(int ruleset, int fd, uint64_t rights) {
  struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
  return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static void allow_path(int ruleset, const char *path, uint64_t rights) {
  int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return;
  // Rights that a file cannot have would be refused.
  struct stat status;
  if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode)) rights &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
  allow(ruleset, fd, rights);
  close(fd);
}

int slipway_landlock(const char *const *trees, const char *const *readable, int program, int *abi) {
  *abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (*abi < 1) return -1;
  // All that this version of the kernel knows: 13 rights in version 1, then REFER, TRUNCATE, TCP in 4, IOCTL_DEV in 5, scopes in 6.
  struct {
    uint64_t files, network, scopes;
  } handled = {(1 << 13) - 1, 0, 0};
  size_t size = sizeof handled.files;
  if (*abi >= 2) handled.files |= 1 << 13;
  if (*abi >= 3) handled.files |= 1 << 14;
  if (*abi >= 4) {
    handled.network = 3;
    size = 2 * sizeof(uint64_t);
  }
  if (*abi >= 5) handled.files |= 1 << 15;
  if (*abi >= 6) {
    handled.scopes = 3;
    size = 3 * sizeof(uint64_t);
  }
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, size, 0);
  if (ruleset < 0) return -1;
  for (; *trees; trees++) allow_path(ruleset, *trees, READ_RIGHTS | LANDLOCK_ACCESS_FS_EXECUTE);
  for (; *readable; readable++) allow_path(ruleset, *readable, READ_RIGHTS);
  allow_path(ruleset, "/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
  allow(ruleset, program, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE);
  return ruleset;
}

/// What the child tells before it becomes the program: how it is held, or where it failed.
struct report {
  int32_t error, stage;
  uint32_t held;
};

enum stage { CLONE, DESCRIPTORS, LIMITS, USER, PARENT, FILES, PROGRAM };
static const char *const stages[] = {
    "start a process", "pass its descriptors", "limit it", "take its rights away", "tie it to this process", "close the files to it", "run it"};

PLAIN static void fail(int pipe, enum stage stage, int error) {
  struct report report = {.error = error, .stage = stage};
  syscall(SYS_write, pipe, &report, sizeof report);
  syscall(SYS_exit_group, 127);
}

PLAIN static bool limit(int resource, uint64_t value) {
  struct {
    uint64_t soft, hard;
  } limit = {value, value};
  return syscall(SYS_prlimit64, 0, resource, &limit, NULL) == 0;
}

PLAIN static void run(const struct slipway_child_spec *spec, int pipe, bool is_root, uint32_t held) {
  enum { FIRST_FREE = 64 };
  int list[16];
  // Signals as a new program expects them: ours catches some and ignores SIGPIPE.
  struct {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
  } plain = {0};
  for (int number = 1; number < 65; number++) syscall(SYS_rt_sigaction, number, &plain, NULL, 8);
  uint64_t none = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
  // Not in the terminal's group: what Ctrl-C means is for us to say.
  syscall(SYS_setsid);
  syscall(SYS_umask, 077);
  syscall(SYS_chdir, "/");

  // Out of the way first, since the numbers that they come from and go to may be the same.
  pipe = (int)syscall(SYS_fcntl, pipe, F_DUPFD_CLOEXEC, FIRST_FREE);
  int program = (int)syscall(SYS_fcntl, spec->executable, F_DUPFD_CLOEXEC, FIRST_FREE);
  int landlock = spec->landlock < 0 ? -1 : (int)syscall(SYS_fcntl, spec->landlock, F_DUPFD_CLOEXEC, FIRST_FREE);
  if (pipe < 0 || program < 0 || (spec->landlock >= 0 && landlock < 0)) fail(pipe, DESCRIPTORS, errno);
  for (size_t i = 0; i < spec->count; i++)
    if ((list[i] = (int)syscall(SYS_fcntl, spec->descriptors[i], F_DUPFD_CLOEXEC, FIRST_FREE)) < 0) fail(pipe, DESCRIPTORS, errno);
  for (size_t i = 0; i < spec->count; i++)
    if (syscall(SYS_dup3, list[i], (int)i, 0) < 0) fail(pipe, DESCRIPTORS, errno);
  // Everything else ends at exec; our own few stay until then.
  for (unsigned fd = (unsigned)spec->count; fd < FIRST_FREE; fd++) syscall(SYS_close, fd);
  if (syscall(SYS_close_range, FIRST_FREE, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) < 0)
    for (int fd = FIRST_FREE; fd < 65536; fd++) syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);

  if (held & slipway_HELD_MOUNTS) {
    // Sockets and leftovers of others lie there. The program is open already.
    static const char *const hidden[] = {"/run", "/tmp", "/var"};
    bool all = syscall(SYS_mount, "none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    for (size_t i = 0; all && i < sizeof hidden / sizeof *hidden; i++)
      if (syscall(SYS_mount, "none", hidden[i], "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "size=4k") < 0 && errno != ENOENT) all = false;
    if (!all) held &= ~(uint32_t)slipway_HELD_MOUNTS;
  }

  if (!limit(RLIMIT_AS, spec->address_space) || !limit(RLIMIT_CPU, spec->cpu_seconds) || !limit(RLIMIT_FSIZE, spec->file_size) ||
      !limit(RLIMIT_CORE, 0) || !limit(RLIMIT_NOFILE, spec->open_files))
    fail(pipe, LIMITS, errno);

  // Set-uid programs and file capabilities give it nothing any more.
  if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(pipe, USER, errno);
  syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // A container may have taken from root what this needs; then it stays who it is, without capabilities, and the report says so.
  bool is_nobody = !is_root || (syscall(SYS_setgroups, 0, NULL) == 0 && syscall(SYS_setresgid, nobody, nobody, nobody) == 0 &&
                                syscall(SYS_setresuid, nobody, nobody, nobody) == 0);
  struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct empty[2] = {{0}};
  if (syscall(SYS_capset, &head, empty) < 0) fail(pipe, USER, errno);
  if (is_nobody) held |= slipway_HELD_USER;

  // After the change of user, which would undo it. Whoever died before this is seen in the pipe.
  if (syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail(pipe, PARENT, errno);
  struct pollfd orphaned = {.fd = pipe};
  struct timespec now = {0};
  if (syscall(SYS_ppoll, &orphaned, 1, &now, NULL, 8) > 0 && (orphaned.revents & (POLLERR | POLLHUP))) syscall(SYS_exit_group, 127);

  if (landlock >= 0) {
    if (syscall(SYS_landlock_restrict_self, landlock, 0) < 0) fail(pipe, FILES, errno);
    held |= slipway_HELD_FILES;
  }
  struct report report = {.held = held};
  syscall(SYS_write, pipe, &report, sizeof report);
  syscall(SYS_execveat, program, "", spec->arguments, spec->environment, AT_EMPTY_PATH);
  if (errno == ENOENT) {
    // A script: its interpreter opens it by the descriptor's name.
    syscall(SYS_fcntl, program, F_SETFD, 0);
    syscall(SYS_execveat, program, "", spec->arguments, spec->environment, AT_EMPTY_PATH);
  }
  fail(pipe, PROGRAM, errno);
}

/// As fork, without libc's handlers and with namespaces. The child gets 0.
PLAIN static long start(unsigned long flags, int *pidfd) {
#if defined(__s390__)
  return syscall(SYS_clone, NULL, flags | CLONE_PIDFD | SIGCHLD, pidfd, NULL, 0);
#else
  return syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, 0);
#endif
}

static ssize_t read_report(int fd, struct report *report) {
  ssize_t got;
  do got = read(fd, report, sizeof *report);
  while (got < 0 && errno == EINTR);
  return got;
}

PLAIN int slipway_spawn(const struct slipway_child_spec *spec, struct slipway_child *child, const char **stage) {
  *stage = stages[CLONE];
  if (spec->count > 16) {
    errno = EINVAL;
    return -1;
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
  // What the kernel and our rights allow: as root; as anybody, with a user namespace around; without any.
  const unsigned long spaces = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS;
  const unsigned long attempts[] = {spaces, spaces | CLONE_NEWUSER, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUSER, 0};
  const bool is_root = geteuid() == 0;
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  long pid = -1;
  child->pidfd = -1;
  int error = 0;
  for (size_t i = 0; i < sizeof attempts / sizeof *attempts && pid < 0; i++) {
    unsigned long flags = attempts[i];
    uint32_t held = (flags & CLONE_NEWNET ? slipway_HELD_NETWORK : 0) | (flags & CLONE_NEWPID ? slipway_HELD_PROCESSES : 0) |
                    (flags & CLONE_NEWIPC ? slipway_HELD_IPC : 0) | (flags & CLONE_NEWNS ? slipway_HELD_MOUNTS : 0);
    pid = start(flags, &child->pidfd);
    if (pid == 0) {
      syscall(SYS_close, ends[0]);
      // In a user namespace without a map there is no other user to become, and exec takes the capabilities of this one.
      run(spec, ends[1], is_root && !(flags & CLONE_NEWUSER), held);
    }
    error = errno;
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    errno = error;
    return -1;
  }
  child->pid = (pid_t)pid;
  struct report report = {0}, failure = {0};
  // The second never comes when the program runs: the pipe is closed then.
  ssize_t got = read_report(ends[0], &report);
  if (got == (ssize_t)sizeof report && report.error == 0) {
    child->held = report.held;
    got = read_report(ends[0], &failure);
  } else {
    failure = report;
    if (got != (ssize_t)sizeof report) failure.error = ECHILD;
    got = sizeof failure;
  }
  close(ends[0]);
  if (got == 0) return 0;
  slipway_kill(child->pidfd);
  slipway_reap(child->pid, NULL);
  close(child->pidfd);
  *stage = stages[failure.stage >= CLONE && failure.stage <= PROGRAM ? failure.stage : PROGRAM];
  errno = failure.error;
  return -1;
}

int slipway_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }

int slipway_kill(int pidfd) { return (int)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0); }

int slipway_reap(pid_t pid, int64_t *cpu) {
  int status = 0;
  struct rusage usage = {0};
  pid_t got;
  do got = wait4(pid, &status, 0, &usage);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -1;
  if (cpu)
    *cpu = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}
