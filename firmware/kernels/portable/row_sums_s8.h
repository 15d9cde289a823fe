/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * MEAN over height and width, and AVERAGE_POOL_2D of the whole image, int8, by bands of input rows.
 */
#ifndef TINYGEN_KERNELS_ROW_SUMS_S8_H
#define TINYGEN_KERNELS_ROW_SUMS_S8_H

#include "pool2d_s8.h"
#include "requantize.h"

/** An image whose pixels are summed channel by channel. */
typedef struct {
    int32_t height;
    int32_t width;
    int32_t channels;
} tinygen_row_sums;

/** A mean of all pixels. */
typedef struct {
    tinygen_row_sums image;
    int32_t sum_offset; /**< minus the input's zero point times the number of pixels */
    tinygen_requantization requantization; /**< divides by that number, too */
} tinygen_mean_rows_s8_params;

/** An average pool over the whole image. */
typedef struct {
    tinygen_row_sums image;
    int32_t clamp_min;
    int32_t clamp_max;
} tinygen_average_rows_s8_params;

/** Add the pixels of rows [first_row, end_row) to the sums, which start at row 0. */
TINYGEN_INLINE void tinygen_add_rows(const tinygen_row_sums *image, const int8_t *input,
                                     int32_t *sums, int32_t first_row, int32_t end_row)
{
    const int32_t pixels = (end_row - first_row) * image->width;
    for (int32_t channel = 0; channel < image->channels; channel++) {
        int32_t sum = first_row == 0 ? 0 : sums[channel];
        for (int32_t i = 0; i < pixels; i++) {
            sum += input[i * image->channels + channel];
        }
        sums[channel] = sum;
    }
}

/** The means, from the sums of all rows. */
TINYGEN_INLINE void tinygen_finish_mean_rows(const tinygen_mean_rows_s8_params *p,
                                             const int32_t *sums, int8_t *output)
{
    for (int32_t channel = 0; channel < p->image.channels; channel++) {
        output[channel] =
            (int8_t)tinygen_requantize(&p->requantization, sums[channel] + p->sum_offset, 0);
    }
}

/** The averages, halves away from zero, from the sums of all rows. */
TINYGEN_INLINE void tinygen_finish_average_rows(const tinygen_average_rows_s8_params *p,
                                                const int32_t *sums, int8_t *output)
{
    const int32_t count = p->image.height * p->image.width;
    for (int32_t channel = 0; channel < p->image.channels; channel++) {
        const int32_t mean = tinygen_pool2d_mean(sums[channel], count);
        output[channel] = (int8_t)tinygen_clamp(mean, p->clamp_min, p->clamp_max);
    }
}

/**
 * Take in input rows [first_row, end_row); write the means behind the last.
 *
 * @param p      the layer
 * @param input  where first_row is
 * @param sums   kept from call to call: one a channel
 * @param output one value a channel
 */
TINYGEN_KERNEL void tinygen_mean_rows_s8(const tinygen_mean_rows_s8_params *p, const int8_t *input,
                                         int32_t *sums, int8_t *output, int32_t first_row,
                                         int32_t end_row)
{
    tinygen_add_rows(&p->image, input, sums, first_row, end_row);
    if (end_row == p->image.height) {
        tinygen_finish_mean_rows(p, sums, output);
    }
}

/** Like tinygen_mean_rows_s8(), without a change of scale. */
TINYGEN_KERNEL void tinygen_average_rows_s8(const tinygen_average_rows_s8_params *p,
                                            const int8_t *input, int32_t *sums, int8_t *output,
                                            int32_t first_row, int32_t end_row)
{
    tinygen_add_rows(&p->image, input, sums, first_row, end_row);
    if (end_row == p->image.height) {
        tinygen_finish_average_rows(p, sums, output);
    }
}

#endif
