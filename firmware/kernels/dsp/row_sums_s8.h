/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * AVERAGE_POOL_2D of a whole image of at most 256 pixels, int8, by bands of input rows, four
 * channels at a time, for cores with 16-bit SIMD.
 */
#ifndef TINYGEN_KERNELS_DSP_ROW_SUMS_S8_H
#define TINYGEN_KERNELS_DSP_ROW_SUMS_S8_H

#include "../portable/row_sums_s8.h"
#include "simd.h"

/** Add pixels of four channels to their sums. */
TINYGEN_INLINE void tinygen_dsp_add_pixels(const int8_t *input, int32_t step, int32_t pixels,
                                           int16_t *sums)
{
    uint32_t low;
    uint32_t high;
    memcpy(&low, sums, 4);
    memcpy(&high, sums + 2, 4);
    uint32_t even = tinygen_pack_bottoms(low, high);
    uint32_t odd = tinygen_pack_tops(low, high);
    for (int32_t i = 0; i < pixels; i++) {
        const uint32_t word = tinygen_load4(input);
        even = tinygen_sxtab16(even, word);
        odd = tinygen_sxtab16_ror8(odd, word);
        input += step;
    }
    low = tinygen_pack_bottoms(even, odd);
    high = tinygen_pack_tops(even, odd);
    memcpy(sums, &low, 4);
    memcpy(sums + 2, &high, 4);
}

/** The same as tinygen_add_rows_16(). */
TINYGEN_INLINE void tinygen_dsp_add_rows(const tinygen_row_sums *image, const int8_t *input,
                                         int16_t *sums, int32_t first_row, int32_t end_row)
{
    const int32_t channels = image->channels;
    const int32_t pixels = (end_row - first_row) * image->width;
    const int32_t by_four = channels / 4 * 4;
    if (first_row == 0) {
        memset(sums, 0, (size_t)channels * sizeof *sums);
    }
    for (int32_t channel = 0; channel < by_four; channel += 4) {
        tinygen_dsp_add_pixels(input + channel, channels, pixels, sums + channel);
    }
    for (int32_t channel = by_four; channel < channels; channel++) {
        int32_t sum = sums[channel];
        for (int32_t i = 0; i < pixels; i++) {
            sum += input[i * channels + channel];
        }
        sums[channel] = (int16_t)sum;
    }
}

TINYGEN_DEFINE_ROW_SUMS(tinygen_dsp_average_rows_16, tinygen_average_rows_s8_params, int16_t,
                        tinygen_dsp_add_rows, tinygen_average_of_sum)

#endif
