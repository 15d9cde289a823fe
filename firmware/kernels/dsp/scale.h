/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * tinygen_scale() in a few instructions: SMMLAR is the first of its roundings.
 */
#ifndef TINYGEN_KERNELS_DSP_SCALE_H
#define TINYGEN_KERNELS_DSP_SCALE_H

#include "simd.h"

/**
 * Scale by multiplier * 2^(shift - 31) with two roundings.
 *
 * The same bits as tinygen_scale() for multipliers of 31 bits, shifts of at least -30, and |x| of
 * at most 2^30 where the shift is negative.
 */
TINYGEN_INLINE int32_t tinygen_dsp_scale(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t shifted = (int32_t)((uint32_t)x << (shift > 0 ? shift : 0));
    const int32_t factor = (int32_t)((uint32_t)multiplier << 1); /* modulo 2^32: shifted is added */
    const int32_t high = tinygen_smmlar(shifted, factor, shifted);
    if (shift >= 0) {
        return high;
    }
    return (high + (high >> 31) + ((int32_t)1 << (-shift - 1))) >> -shift;
}

#endif
