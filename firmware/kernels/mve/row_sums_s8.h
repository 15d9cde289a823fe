/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * AVERAGE_POOL_2D of a whole image of at most 256 pixels with Helium, by bands of input rows, eight
 * channels at a time.
 */
#ifndef TINYGEN_KERNELS_MVE_ROW_SUMS_S8_H
#define TINYGEN_KERNELS_MVE_ROW_SUMS_S8_H

#include "../portable/row_sums_s8.h"
#include "pool2d_s8.h"

#if TINYGEN_MVE_INLINE_ASSEMBLY

/** Add pixels of eight channels, or of those that `inside` says, to their sums. */
static inline int16x8_t tinygen_mve_add_pixels(const int8_t *input, int32_t step, int32_t pixels,
                                               mve_pred16_t inside, int16x8_t sums)
{
    for (int32_t i = 0; i < pixels; i++) {
        sums = vaddq_s16(sums, vldrbq_z_s16(input, inside));
        input += step;
    }
    return sums;
}

/** The same as tinygen_average_rows_16(). */
TINYGEN_KERNEL void tinygen_mve_average_rows_16(const tinygen_average_rows_s8_params *p,
                                                const int8_t *input, int16_t *sums, int8_t *output,
                                                int32_t first_row, int32_t end_row)
{
    const int32_t channels = p->image.channels;
    const int32_t pixels = (end_row - first_row) * p->image.width;
    const tinygen_mve_pool_divisor divisor =
        tinygen_mve_pool_divide_by(p->image.height * p->image.width);
    for (int32_t channel = 0; channel < channels; channel += 8) {
        const mve_pred16_t inside = vctp16q((uint32_t)(channels - channel));
        int16x8_t sum = vdupq_n_s16(0);
        if (first_row > 0) {
            sum = vldrhq_z_s16(sums + channel, inside);
        }
        sum = tinygen_mve_add_pixels(input + channel, channels, pixels, inside, sum);
        if (end_row < p->image.height) {
            vstrhq_p_s16(sums + channel, sum, inside);
        } else {
            const int16x8_t mean = tinygen_mve_pool_mean(sum, &divisor);
            const int16x8_t low = vdupq_n_s16((int16_t)p->clamp_min);
            const int16x8_t high = vdupq_n_s16((int16_t)p->clamp_max);
            vstrbq_p_s16(output + channel, vminq_s16(vmaxq_s16(mean, low), high), inside);
        }
    }
}

#else

/** The same as tinygen_average_rows_16(). */
TINYGEN_KERNEL void tinygen_mve_average_rows_16(const tinygen_average_rows_s8_params *p,
                                                const int8_t *input, int16_t *sums, int8_t *output,
                                                int32_t first_row, int32_t end_row)
{
    tinygen_average_rows_16(p, input, sums, output, first_row, end_row);
}

#endif

#endif
