/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * MEAN over height and width, and AVERAGE_POOL_2D of the whole image, int8, by bands of input rows.
 *
 * Sums of an image of at most 256 pixels fit into int16.
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

/** A mean from its sum. */
static inline int8_t tinygen_mean_of_sum(const tinygen_mean_rows_s8_params *p, int32_t sum)
{
    return (int8_t)tinygen_requantize(&p->requantization, sum + p->sum_offset, 0);
}

/** An average from its sum, halves away from zero. */
static inline int8_t tinygen_average_of_sum(const tinygen_average_rows_s8_params *p, int32_t sum)
{
    const int32_t mean = tinygen_pool2d_mean(sum, p->image.height * p->image.width);
    return (int8_t)tinygen_clamp(mean, p->clamp_min, p->clamp_max);
}

/** Define how rows [first_row, end_row) are added to sums of a type, which start at row 0. */
#define TINYGEN_DEFINE_ADD_ROWS(name, sum_type)                                                    \
    TINYGEN_INLINE void name(const tinygen_row_sums *image, const int8_t *input, sum_type *sums,   \
                             int32_t first_row, int32_t end_row)                                   \
    {                                                                                              \
        const int32_t pixels = (end_row - first_row) * image->width;                               \
        for (int32_t channel = 0; channel < image->channels; channel++) {                          \
            int32_t sum = first_row == 0 ? 0 : sums[channel];                                      \
            for (int32_t i = 0; i < pixels; i++) {                                                 \
                sum += input[i * image->channels + channel];                                       \
            }                                                                                      \
            sums[channel] = (sum_type)sum;                                                         \
        }                                                                                          \
    }

TINYGEN_DEFINE_ADD_ROWS(tinygen_add_rows_16, int16_t)
TINYGEN_DEFINE_ADD_ROWS(tinygen_add_rows_32, int32_t)

/**
 * Define a kernel that takes in input rows [first_row, end_row) and finishes behind the last.
 *
 *     p      the layer
 *     input  where first_row is
 *     sums   kept from call to call: one a channel
 *     output one value a channel
 */
#define TINYGEN_DEFINE_ROW_SUMS(name, params_type, sum_type, add_rows, of_sum)                     \
    TINYGEN_KERNEL void name(const params_type *p, const int8_t *input, sum_type *sums,            \
                             int8_t *output, int32_t first_row, int32_t end_row)                   \
    {                                                                                              \
        add_rows(&p->image, input, sums, first_row, end_row);                                      \
        if (end_row == p->image.height) {                                                          \
            for (int32_t channel = 0; channel < p->image.channels; channel++) {                    \
                output[channel] = of_sum(p, sums[channel]);                                        \
            }                                                                                      \
        }                                                                                          \
    }

TINYGEN_DEFINE_ROW_SUMS(tinygen_mean_rows_16, tinygen_mean_rows_s8_params, int16_t,
                        tinygen_add_rows_16, tinygen_mean_of_sum)
TINYGEN_DEFINE_ROW_SUMS(tinygen_mean_rows_32, tinygen_mean_rows_s8_params, int32_t,
                        tinygen_add_rows_32, tinygen_mean_of_sum)
TINYGEN_DEFINE_ROW_SUMS(tinygen_average_rows_16, tinygen_average_rows_s8_params, int16_t,
                        tinygen_add_rows_16, tinygen_average_of_sum)
TINYGEN_DEFINE_ROW_SUMS(tinygen_average_rows_32, tinygen_average_rows_s8_params, int32_t,
                        tinygen_add_rows_32, tinygen_average_of_sum)

#endif
