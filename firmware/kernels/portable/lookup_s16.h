/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A function of one int16 element by a table of 513 entries, interpolated.
 */
#ifndef TINYGEN_KERNELS_LOOKUP_S16_H
#define TINYGEN_KERNELS_LOOKUP_S16_H

#include "accumulate.h"

/** Replace each value by what the table has there. */
TINYGEN_KERNEL void tinygen_lookup_s16(int32_t count, const int16_t *table, const int16_t *input,
                                       int16_t *output)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = (int16_t)tinygen_interpolated(table, input[i]);
    }
}

#endif
