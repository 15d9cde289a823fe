/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Copying and filling bytes in vectors, at any address, nothing read or written past the end.
 */
#ifndef TINYGEN_KERNELS_MVE_MEMORY_H
#define TINYGEN_KERNELS_MVE_MEMORY_H

#include "../portable/common.h"

#include <string.h>

/** Copy bytes; the two places do not overlap. */
static inline void tinygen_mve_copy(int8_t *to, const int8_t *from, int32_t bytes)
{
#if TINYGEN_MVE_INLINE_ASSEMBLY
    __asm volatile("wlstp.8 lr, %[bytes], 2f\n"
                   "1: vldrb.u8 q0, [%[from]], #16\n\t"
                   "vstrb.8 q0, [%[to]], #16\n\t"
                   "letp lr, 1b\n"
                   "2:"
                   : [to] "+l"(to), [from] "+l"(from)
                   : [bytes] "r"(bytes)
                   : "q0", "lr", "memory");
#else
    memcpy(to, from, (size_t)bytes);
#endif
}

/** Set bytes to a value. */
static inline void tinygen_mve_fill(int8_t *to, int32_t value, int32_t bytes)
{
#if TINYGEN_MVE_INLINE_ASSEMBLY
    __asm volatile("vdup.8 q0, %[value]\n\t"
                   "wlstp.8 lr, %[bytes], 2f\n"
                   "1: vstrb.8 q0, [%[to]], #16\n\t"
                   "letp lr, 1b\n"
                   "2:"
                   : [to] "+l"(to)
                   : [bytes] "r"(bytes), [value] "r"(value)
                   : "q0", "lr", "memory");
#else
    memset(to, value, (size_t)bytes);
#endif
}

#endif
