#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <rados/librados.h>
#include <rbd/librbd.h>
#include <rbd/features.h>

// Loads librbd, and librados with it. Before any other call; blocks. False writes the reason.
bool slipway_load_ceph(char *why, size_t size);
