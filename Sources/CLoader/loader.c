#include "CLoader.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void slipway_not_loaded(void) {
  fputs("slipway: a C library was called before it was loaded\n", stderr);
  abort();
}

static bool is_open(const struct slipway_door *door) {
  return __atomic_load_n(door->target, __ATOMIC_ACQUIRE) != (void *)slipway_not_loaded;
}

bool slipway_load(const char *soname, const struct slipway_door *doors, size_t count, char *why, size_t size) {
  // The last door is opened last.
  if (count == 0 || is_open(&doors[count - 1])) return true;
  pthread_mutex_lock(&lock);
  bool loaded = is_open(&doors[count - 1]);
  if (!loaded) {
    // All of it now, so that nothing is missing later; local, so that no other library's names are taken for its own.
    void *library = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    loaded = library != NULL;
    if (!loaded) snprintf(why, size, "%s", dlerror());
    for (size_t i = 0; loaded && i < count; i++) {
      loaded = dlsym(library, doors[i].name) != NULL;
      if (!loaded) snprintf(why, size, "%s has no function %s", soname, doors[i].name);
    }
    // Never unloaded again: its threads and its exit handlers live as long as the process.
    for (size_t i = 0; loaded && i < count; i++) {
      __atomic_store_n(doors[i].target, dlsym(library, doors[i].name), __ATOMIC_RELEASE);
    }
    if (!loaded && library != NULL) dlclose(library);
  }
  pthread_mutex_unlock(&lock);
  return loaded;
}
