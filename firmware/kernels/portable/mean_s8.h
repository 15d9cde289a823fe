/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * MEAN over any axes, int8.
 */
#ifndef TINYGEN_KERNELS_MEAN_S8_H
#define TINYGEN_KERNELS_MEAN_S8_H

#include "requantize.h"

/** Most runs of neighbouring axes that are all kept, or all reduced. */
#define TINYGEN_MEAN_AXES 3

/** Axes of the input: extents, and elements from one index to the next. Unused ones have extent 1.
 */
typedef struct {
    int32_t extents[TINYGEN_MEAN_AXES];
    int32_t steps[TINYGEN_MEAN_AXES];
} tinygen_mean_axes;

/**
 * A mean layer. Neighbouring axes with the same fate are merged; kept axes are in order, so that
 * their elements follow each other in the output.
 */
typedef struct {
    tinygen_mean_axes kept;
    tinygen_mean_axes reduced;
    int32_t sum_offset; /**< minus the input's zero point times the number of elements reduced */
    tinygen_requantization requantization; /**< divides by that number, too */
} tinygen_mean_s8_params;

/** Sum the reduced axes at one place of the kept ones. */
static inline int32_t tinygen_mean_sum(const tinygen_mean_axes *axes, const int8_t *input)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < axes->extents[0]; i++) {
        for (int32_t j = 0; j < axes->extents[1]; j++) {
            const int8_t *in = input + i * axes->steps[0] + j * axes->steps[1];
            for (int32_t k = 0; k < axes->extents[2]; k++) {
                sum += in[k * axes->steps[2]];
            }
        }
    }
    return sum;
}

/** Compute every mean. */
TINYGEN_KERNEL void tinygen_mean_s8(const tinygen_mean_s8_params *p, const int8_t *input,
                                    int8_t *output)
{
    const tinygen_mean_axes *kept = &p->kept;
    for (int32_t i = 0; i < kept->extents[0]; i++) {
        for (int32_t j = 0; j < kept->extents[1]; j++) {
            for (int32_t k = 0; k < kept->extents[2]; k++) {
                const int8_t *in =
                    input + i * kept->steps[0] + j * kept->steps[1] + k * kept->steps[2];
                const int32_t sum = tinygen_mean_sum(&p->reduced, in) + p->sum_offset;
                *output++ = (int8_t)tinygen_requantize(&p->requantization, sum, 0);
            }
        }
    }
}

#endif
