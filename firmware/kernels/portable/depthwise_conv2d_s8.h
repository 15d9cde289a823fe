/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * DEPTHWISE_CONV_2D, int8 activations and weights, any stride, dilation, padding and multiplier.
 */
#ifndef TINYGEN_KERNELS_DEPTHWISE_CONV2D_S8_H
#define TINYGEN_KERNELS_DEPTHWISE_CONV2D_S8_H

#include <string.h>

#include "requantize.h"
#include "window.h"

/**
 * A depthwise convolution layer. Weights are [size_h][size_w][output_channels]; output channel
 * c * depth_multiplier + j reads input channel c. bias has (minus the input's zero point) times the
 * sum of the channel's weights added, so that padding is the zero point.
 */
typedef struct {
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t input_channels;
    int32_t depth_multiplier;
    int32_t input_ring_rows;  /**< rows of input memory; the image's height if it is whole */
    int32_t input_ring_phase; /**< slot of row 0 in it */
    int32_t padding;          /**< the input's zero point */
    const int8_t *weights;
    const int32_t *bias;
    tinygen_requantization requantization;
} tinygen_depthwise_conv2d_s8_params;

/**
 * The products of one row of a window that lies inside the image, for one channel.
 *
 * @param in      the window's first value
 * @param in_step from a value to the next in the row
 * @param w       the row's first weight
 * @param w_step  from a weight to the next in the row
 * @param taps    values in the row
 */
TINYGEN_INLINE uint32_t tinygen_depthwise_row_sum(const int8_t *in, int32_t in_step,
                                                  const int8_t *w, int32_t w_step, int32_t taps)
{
    if (taps == 3) {
        return (uint32_t)(in[0] * w[0] + in[in_step] * w[w_step] + in[2 * in_step] * w[2 * w_step]);
    }
    uint32_t sum = 0;
    for (int32_t k = 0; k < taps; k++) {
        sum += (uint32_t)(in[k * in_step] * w[k * w_step]);
    }
    return sum;
}

/** Rows of values that a window reads: where its first value is, and how they are spaced. */
typedef struct {
    const int8_t *base; /**< first row of the memory */
    int32_t slot;       /**< row of the memory in which the window starts */
    int32_t rows;       /**< rows of the memory, after which it starts again */
    int32_t row_values; /**< values of a row */
    int32_t row_step;   /**< rows from one row of the window to the next */
    int32_t step;       /**< values from one value of the window's row to the next */
} tinygen_depthwise_view;

/** The outputs of one pixel, all channels. */
TINYGEN_INLINE int8_t *tinygen_depthwise_pixel(const tinygen_depthwise_conv2d_s8_params *p,
                                               tinygen_depthwise_view view, int8_t *output)
{
    const int32_t output_channels = p->input_channels * p->depth_multiplier;
    int32_t output_channel = 0;
    for (int32_t channel = 0; channel < p->input_channels; channel++) {
        for (int32_t j = 0; j < p->depth_multiplier; j++) {
            const int8_t *w = p->weights + output_channel;
            uint32_t sum = (uint32_t)p->bias[output_channel];
            int32_t slot = view.slot;
            for (int32_t ky = 0; ky < p->rows.size; ky++) {
                sum += tinygen_depthwise_row_sum(view.base + slot * view.row_values + channel,
                                                 view.step, w, output_channels, p->columns.size);
                w += p->columns.size * output_channels;
                slot += view.row_step;
                if (p->input_ring_rows < p->rows.input && slot >= view.rows) {
                    slot -= view.rows;
                }
            }
            *output++ =
                (int8_t)tinygen_requantize(&p->requantization, (int32_t)sum, output_channel);
            output_channel++;
        }
    }
    return output;
}

/** Copy the window at an origin, all channels, with the zero point where it leaves the image. */
static inline void tinygen_depthwise_gather(const tinygen_depthwise_conv2d_s8_params *p,
                                            const int8_t *input, int32_t origin_y, int32_t origin_x,
                                            int8_t *patch)
{
    const int32_t channels = p->input_channels;
    for (int32_t ky = 0; ky < p->rows.size; ky++) {
        const int32_t in_y = origin_y + ky * p->rows.dilation;
        const int32_t row_inside = in_y >= 0 && in_y < p->rows.input;
        const int32_t slot =
            row_inside ? tinygen_ring_slot(in_y + p->input_ring_phase, p->input_ring_rows) : 0;
        const int8_t *row = input + slot * p->columns.input * channels;
        for (int32_t kx = 0; kx < p->columns.size; kx++) {
            const int32_t in_x = origin_x + kx * p->columns.dilation;
            if (row_inside && in_x >= 0 && in_x < p->columns.input) {
                memcpy(patch, row + in_x * channels, (size_t)channels);
            } else {
                memset(patch, p->padding, (size_t)channels);
            }
            patch += channels;
        }
    }
}

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * @param p      the layer
 * @param input  ring of p->input_ring_rows rows of columns.input * input_channels values
 * @param output where first_row goes; rows of columns.output * output channels values
 * @param patch  room for one window: size_h * size_w * input_channels values
 */
TINYGEN_KERNEL void tinygen_depthwise_conv2d_s8_rows(const tinygen_depthwise_conv2d_s8_params *p,
                                                     const int8_t *input, int8_t *output,
                                                     int8_t *patch, int32_t first_row,
                                                     int32_t end_row)
{
    const int32_t channels = p->input_channels;
    const tinygen_depthwise_view gathered = {
        patch, 0, p->rows.size, p->columns.size * channels, 1, channels};
    for (int32_t y = first_row; y < end_row; y++) {
        const int32_t origin_y = y * p->rows.stride - p->rows.pad;
        const int32_t rows_inside = tinygen_window_inside(&p->rows, origin_y);
        const int32_t slot =
            rows_inside ? tinygen_ring_slot(origin_y + p->input_ring_phase, p->input_ring_rows) : 0;
        for (int32_t x = 0; x < p->columns.output; x++) {
            const int32_t origin_x = x * p->columns.stride - p->columns.pad;
            if (rows_inside && tinygen_window_inside(&p->columns, origin_x)) {
                const tinygen_depthwise_view inside = {input + origin_x * channels,
                                                       slot,
                                                       p->input_ring_rows,
                                                       p->columns.input * channels,
                                                       p->rows.dilation,
                                                       p->columns.dilation * channels};
                output = tinygen_depthwise_pixel(p, inside, output);
            } else {
                tinygen_depthwise_gather(p, input, origin_y, origin_x, patch);
                output = tinygen_depthwise_pixel(p, gathered, output);
            }
        }
    }
}

/** Compute the whole output: NHWC in, NHWC out. */
TINYGEN_KERNEL void tinygen_depthwise_conv2d_s8(const tinygen_depthwise_conv2d_s8_params *p,
                                                const int8_t *input, int8_t *output, int8_t *patch)
{
    TINYGEN_EACH_IMAGE (
        p->batches, input, p->rows.input * p->columns.input * p->input_channels, output,
        p->rows.output * p->columns.output * p->input_channels * p->depth_multiplier) {
        tinygen_depthwise_conv2d_s8_rows(p, input, output, patch, 0, p->rows.output);
    }
}

#endif
