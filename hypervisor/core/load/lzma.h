/* LZMA2, the compression inside .xz. Private to the unpackers. */
#ifndef CORE_LOAD_LZMA_H
#define CORE_LOAD_LZMA_H

#include "core/load/unpack.h"

/* Unpacks LZMA2 chunks from u->in + *in_pos up to their end mark to u->out + *out_pos, moving both
 * positions on. Uses u->scratch. Returns as unpack.h says. */
NODISCARD int lzma2_decode(const struct unpack *u, size_t *in_pos, size_t *out_pos,
                           const char **why);

#endif
