#include "shim.h"
#include "functions.h"
#include "doors.h"

bool slipway_load_libvirt(char *why, size_t size) { return slipway_load("libvirt.so.0", doors, door_count, why, size); }
