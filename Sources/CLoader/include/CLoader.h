#pragma once
#include <stdbool.h>
#include <stddef.h>

/// A door to a function of a library that is loaded when it is first needed: the linker finds the door under the function's name, and the door
/// jumps to where the library has the function once that is loaded.
struct slipway_door {
  const char *name;
  void **target;
};

/// Loads a library by its soname and opens the doors, all or none; nothing once they are open. Blocks; from any thread. False writes the reason
/// into `why`, cut to `size` bytes with its NUL; the next call tries again.
bool slipway_load(const char *soname, const struct slipway_door *doors, size_t count, char *why, size_t size);

/// Where a door leads before its library is loaded: ends the process with a word of it.
void slipway_not_loaded(void);
