/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * MEAN over height and width, and AVERAGE_POOL_2D of the whole image, int8, by bands of input rows,
 * four channels at a time, for cores with 16-bit SIMD.
 */
#ifndef TINYGEN_KERNELS_DSP_ROW_SUMS_S8_H
#define TINYGEN_KERNELS_DSP_ROW_SUMS_S8_H

#include "../portable/row_sums_s8.h"
#include "simd.h"

/** Pixels whose values can be added up in 16 bits. */
#define TINYGEN_DSP_SUMMED 256

/** Add up to 256 pixels of four channels to their sums. */
TINYGEN_INLINE void tinygen_dsp_add_pixels(const int8_t *input, int32_t step, int32_t pixels,
                                           int32_t *sums)
{
    uint32_t even = 0;
    uint32_t odd = 0;
    for (int32_t i = 0; i < pixels; i++) {
        const uint32_t word = tinygen_load4(input);
        even = tinygen_sxtab16(even, word);
        odd = tinygen_sxtab16_ror8(odd, word);
        input += step;
    }
    sums[0] += tinygen_bottom(even);
    sums[1] += tinygen_bottom(odd);
    sums[2] += tinygen_top(even);
    sums[3] += tinygen_top(odd);
}

/** Add the pixels of rows [first_row, end_row) to the sums, which start at row 0. */
TINYGEN_INLINE void tinygen_dsp_add_rows(const tinygen_row_sums *image, const int8_t *input,
                                         int32_t *sums, int32_t first_row, int32_t end_row)
{
    const int32_t channels = image->channels;
    const int32_t pixels = (end_row - first_row) * image->width;
    if (first_row == 0) {
        memset(sums, 0, (size_t)channels * sizeof *sums);
    }
    for (int32_t done = 0; done < pixels; done += TINYGEN_DSP_SUMMED) {
        const int32_t left = pixels - done;
        const int32_t count = left < TINYGEN_DSP_SUMMED ? left : TINYGEN_DSP_SUMMED;
        const int8_t *from = input + done * channels;
        int32_t channel = 0;
        for (; channel + 4 <= channels; channel += 4) {
            tinygen_dsp_add_pixels(from + channel, channels, count, sums + channel);
        }
        for (; channel < channels; channel++) {
            for (int32_t i = 0; i < count; i++) {
                sums[channel] += from[i * channels + channel];
            }
        }
    }
}

/** The same as tinygen_mean_rows_s8(). */
TINYGEN_KERNEL void tinygen_dsp_mean_rows_s8(const tinygen_mean_rows_s8_params *p,
                                             const int8_t *input, int32_t *sums, int8_t *output,
                                             int32_t first_row, int32_t end_row)
{
    tinygen_dsp_add_rows(&p->image, input, sums, first_row, end_row);
    if (end_row == p->image.height) {
        tinygen_finish_mean_rows(p, sums, output);
    }
}

/** The same as tinygen_average_rows_s8(). */
TINYGEN_KERNEL void tinygen_dsp_average_rows_s8(const tinygen_average_rows_s8_params *p,
                                                const int8_t *input, int32_t *sums, int8_t *output,
                                                int32_t first_row, int32_t end_row)
{
    tinygen_dsp_add_rows(&p->image, input, sums, first_row, end_row);
    if (end_row == p->image.height) {
        tinygen_finish_average_rows(p, sums, output);
    }
}

#endif
