#pragma once
#include <zlib.h>
// inflateInit2 is a macro.
static inline int slipway_inflate_init(z_stream *s, int window_bits) { return inflateInit2(s, window_bits); }
// deflateInit2 is a macro.
static inline int slipway_deflate_init(z_stream *s, int level, int window_bits) {
  return deflateInit2(s, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
}
