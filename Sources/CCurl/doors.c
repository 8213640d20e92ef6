#include "shim.h"
#include "functions.h"
#include "doors.h"

bool slipway_load_curl(char *why, size_t size) { return slipway_load("libcurl.so.4", doors, door_count, why, size); }
