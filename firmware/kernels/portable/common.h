/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * What every kernel shares: switches, wrapping addition, the slots of a ring of rows, batches.
 *
 * Kernels are C99 for compilers on which a right shift of a negative number is arithmetic and the
 * conversion to a narrower signed type keeps the low bits (GCC, Clang, Arm Compiler, IAR).
 */
#ifndef TINYGEN_KERNELS_COMMON_H
#define TINYGEN_KERNELS_COMMON_H

#include <stddef.h>
#include <stdint.h>

#include "../config.h"

/** Sum modulo 2^32: accumulators wrap, they never overflow. */
static inline int32_t tinygen_wrapping_add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

/** Limit a value to [low, high]; an empty range gives high. */
static inline int32_t tinygen_clamp(int32_t value, int32_t low, int32_t high)
{
    const int32_t raised = value < low ? low : value;
    return raised > high ? high : raised;
}

/** Slot of an image row in a ring of rows; a whole image is a ring with as many rows as it has. */
static inline int32_t tinygen_ring_slot(int32_t row, int32_t ring_rows)
{
    return row < ring_rows ? row : row % ring_rows;
}

/**
 * For every image of a batch: `input` and `output` point to its values, and the next image's
 * follow.
 */
#define TINYGEN_EACH_IMAGE(batches, input, input_values, output, output_values)                    \
    for (int32_t image = 0; image < (batches);                                                     \
         image++, (input) += (input_values), (output) += (output_values))

/** Zero bits above the highest bit that is set; 32 if none is. */
static inline int32_t tinygen_leading_zeros(uint32_t value)
{
    int32_t zeros = 0;
    for (uint32_t bit = (uint32_t)1 << 31; bit != 0u && (value & bit) == 0u; bit >>= 1) {
        zeros++;
    }
    return zeros;
}

#endif
