/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * AVERAGE_POOL_2D and MAX_POOL_2D, int8. Padding takes no part in either.
 */
#ifndef TINYGEN_KERNELS_POOL2D_S8_H
#define TINYGEN_KERNELS_POOL2D_S8_H

#include "window.h"

/** A pooling layer; both windows have a dilation of 1. */
typedef struct {
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t channels;
    int32_t input_ring_rows;  /**< rows of input memory; the image's height if it is whole */
    int32_t input_ring_phase; /**< slot of row 0 in it */
    int32_t clamp_min;
    int32_t clamp_max;
} tinygen_pool2d_s8_params;

/** What a window covers of the image: rows [first_y, end_y), columns [first_x, end_x). */
typedef struct {
    int32_t first_y;
    int32_t end_y;
    int32_t first_x;
    int32_t end_x;
} tinygen_pool2d_area;

/** The part of the image that the window of output (y, x) covers; never empty. */
static inline tinygen_pool2d_area tinygen_pool2d_covered(const tinygen_pool2d_s8_params *p,
                                                         int32_t y, int32_t x)
{
    const int32_t origin_y = y * p->rows.stride - p->rows.pad;
    const int32_t origin_x = x * p->columns.stride - p->columns.pad;
    const tinygen_pool2d_area area = {
        origin_y + tinygen_first_tap(&p->rows, origin_y),
        origin_y + tinygen_end_tap(&p->rows, origin_y),
        origin_x + tinygen_first_tap(&p->columns, origin_x),
        origin_x + tinygen_end_tap(&p->columns, origin_x),
    };
    return area;
}

/** Mean of a sum over count elements, halves away from zero. */
static inline int32_t tinygen_pool2d_mean(int32_t sum, int32_t count)
{
    const int32_t half = count / 2;
    return (sum > 0 ? sum + half : sum - half) / count;
}

/**
 * Average output rows [first_row, end_row) of one image.
 *
 * @param p      the layer
 * @param input  ring of p->input_ring_rows rows of columns.input * channels values
 * @param output where first_row goes; rows of columns.output * channels values
 */
TINYGEN_KERNEL void tinygen_average_pool2d_s8_rows(const tinygen_pool2d_s8_params *p,
                                                   const int8_t *input, int8_t *output,
                                                   int32_t first_row, int32_t end_row)
{
    const int32_t row_values = p->columns.input * p->channels;
    for (int32_t y = first_row; y < end_row; y++) {
        for (int32_t x = 0; x < p->columns.output; x++) {
            const tinygen_pool2d_area area = tinygen_pool2d_covered(p, y, x);
            const int32_t count = (area.end_y - area.first_y) * (area.end_x - area.first_x);
            for (int32_t channel = 0; channel < p->channels; channel++) {
                int32_t sum = 0;
                for (int32_t in_y = area.first_y; in_y < area.end_y; in_y++) {
                    const int32_t slot =
                        tinygen_ring_slot(in_y + p->input_ring_phase, p->input_ring_rows);
                    const int8_t *in = input + slot * row_values + channel;
                    for (int32_t in_x = area.first_x; in_x < area.end_x; in_x++) {
                        sum += in[in_x * p->channels];
                    }
                }
                const int32_t mean = tinygen_pool2d_mean(sum, count);
                *output++ = (int8_t)tinygen_clamp(mean, p->clamp_min, p->clamp_max);
            }
        }
    }
}

/** Like tinygen_average_pool2d_s8_rows(), with the largest value in the place of the mean. */
TINYGEN_KERNEL void tinygen_max_pool2d_s8_rows(const tinygen_pool2d_s8_params *p,
                                               const int8_t *input, int8_t *output,
                                               int32_t first_row, int32_t end_row)
{
    const int32_t row_values = p->columns.input * p->channels;
    for (int32_t y = first_row; y < end_row; y++) {
        for (int32_t x = 0; x < p->columns.output; x++) {
            const tinygen_pool2d_area area = tinygen_pool2d_covered(p, y, x);
            for (int32_t channel = 0; channel < p->channels; channel++) {
                int32_t largest = INT8_MIN;
                for (int32_t in_y = area.first_y; in_y < area.end_y; in_y++) {
                    const int32_t slot =
                        tinygen_ring_slot(in_y + p->input_ring_phase, p->input_ring_rows);
                    const int8_t *in = input + slot * row_values + channel;
                    for (int32_t in_x = area.first_x; in_x < area.end_x; in_x++) {
                        const int32_t value = in[in_x * p->channels];
                        largest = value > largest ? value : largest;
                    }
                }
                *output++ = (int8_t)tinygen_clamp(largest, p->clamp_min, p->clamp_max);
            }
        }
    }
}

/** Average the whole input: NHWC in, NHWC out. */
TINYGEN_KERNEL void tinygen_average_pool2d_s8(const tinygen_pool2d_s8_params *p,
                                              const int8_t *input, int8_t *output)
{
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->channels, output,
                        p->rows.output * p->columns.output * p->channels) {
        tinygen_average_pool2d_s8_rows(p, input, output, 0, p->rows.output);
    }
}

/** Take the largest values of the whole input: NHWC in, NHWC out. */
TINYGEN_KERNEL void tinygen_max_pool2d_s8(const tinygen_pool2d_s8_params *p, const int8_t *input,
                                          int8_t *output)
{
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->channels, output,
                        p->rows.output * p->columns.output * p->channels) {
        tinygen_max_pool2d_s8_rows(p, input, output, 0, p->rows.output);
    }
}

#endif
