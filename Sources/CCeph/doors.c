#include "shim.h"
#include "functions.h"
#include "doors.h"

bool slipway_load_ceph(char *why, size_t size) { return slipway_load("librbd.so.1", doors, door_count, why, size); }
