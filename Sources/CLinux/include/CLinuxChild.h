#pragma once
// Starts a program that holds nothing and may do nothing but what is listed. See child.c and docs/decisions.
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// What keeps a child in, as bits: of `slipway_child.held`.
enum {
  slipway_HELD_NETWORK = 1,     // a network namespace of its own, with nothing in it
  slipway_HELD_PROCESSES = 2,   // a process namespace of its own: whatever it starts ends with it
  slipway_HELD_IPC = 4,         // System V and POSIX queues of its own
  slipway_HELD_MOUNTS = 8,      // a mount namespace of its own, /run, /tmp and /var empty
  slipway_HELD_FILES = 16,      // Landlock: no file but those listed
  slipway_HELD_USER = 32,       // neither root nor any capability
};

struct slipway_child_spec {
  int executable;            // open descriptor of the program
  char *const *arguments;    // argv, null at the end
  char *const *environment;  // null at the end
  const int *descriptors;    // become 0, 1, 2, … of the child, all others are closed
  size_t count;              // at most 16
  int landlock;              // a ruleset, or -1
  uint64_t address_space, cpu_seconds, file_size, open_files;  // limits of the child
};

struct slipway_child {
  pid_t pid;
  int pidfd;
  uint32_t held;
};

/// A Landlock ruleset that lets nothing be opened but: everything beneath `trees` and the open `program` (read and execute), `readable` files (read),
/// `/dev/null` (read and write). Both lists end with null; what does not exist is left out. Its descriptor, or -1 with errno (ENOSYS, EOPNOTSUPP: the
/// kernel has none). `abi` is set to the version of the kernel's Landlock.
int slipway_landlock(const char *const *trees, const char *const *readable, int program, int *abi);
/// Starts a child. It dies with the calling *thread*, which therefore must wait for it. 0; or -1 with errno, and in `stage` what failed.
int slipway_spawn(const struct slipway_child_spec *spec, struct slipway_child *child, const char **stage);
/// pipe2(O_CLOEXEC).
int slipway_pipe(int ends[2]);
/// Sends SIGKILL through a pidfd. 0, or -1 with errno.
int slipway_kill(int pidfd);
/// Waits for the child's end and reaps it: exit status 0 to 255, or 256 + signal; -1 with errno. `cpu` is set to its CPU time in microseconds.
int slipway_reap(pid_t pid, int64_t *cpu);
