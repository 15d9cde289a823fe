/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * CONV_2D, int8 activations and weights, any stride, dilation, padding and number of groups.
 */
#ifndef TINYGEN_KERNELS_CONV2D_S8_H
#define TINYGEN_KERNELS_CONV2D_S8_H

#include "requantize.h"
#include "window.h"

/** A convolution layer. Weights are [output_channels][size_h][size_w][group_depth]. */
typedef struct {
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t input_channels;
    int32_t output_channels;
    int32_t group_depth;        /**< input channels a filter reads */
    int32_t channels_per_group; /**< output channels that share a group's input */
    int32_t input_ring_rows;    /**< rows of input memory; the image's height if it is whole */
    int32_t input_ring_phase;   /**< slot of row 0 in it */
    int32_t input_offset;       /**< minus the input's zero point */
    const int8_t *weights;
    const int32_t *bias;
    tinygen_requantization requantization;
} tinygen_conv2d_s8_params;

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * @param p      the layer
 * @param input  ring of p->input_ring_rows rows of columns.input * input_channels values
 * @param output where first_row goes; rows of columns.output * output_channels values
 */
TINYGEN_KERNEL void tinygen_conv2d_s8_rows(const tinygen_conv2d_s8_params *p, const int8_t *input,
                                           int8_t *output, int32_t first_row, int32_t end_row)
{
    const int32_t row_values = p->columns.input * p->input_channels;
    const int32_t filter_values = p->rows.size * p->columns.size * p->group_depth;
    for (int32_t y = first_row; y < end_row; y++) {
        const int32_t origin_y = y * p->rows.stride - p->rows.pad;
        const int32_t first_ky = tinygen_first_tap(&p->rows, origin_y);
        const int32_t end_ky = tinygen_end_tap(&p->rows, origin_y);
        for (int32_t x = 0; x < p->columns.output; x++) {
            const int32_t origin_x = x * p->columns.stride - p->columns.pad;
            const int32_t first_kx = tinygen_first_tap(&p->columns, origin_x);
            const int32_t end_kx = tinygen_end_tap(&p->columns, origin_x);
            for (int32_t channel = 0; channel < p->output_channels; channel++) {
                const int8_t *filter = p->weights + channel * filter_values;
                const int32_t group = channel / p->channels_per_group * p->group_depth;
                int32_t sum = p->bias[channel];
                for (int32_t ky = first_ky; ky < end_ky; ky++) {
                    const int32_t in_y = origin_y + ky * p->rows.dilation;
                    const int32_t slot =
                        tinygen_ring_slot(in_y + p->input_ring_phase, p->input_ring_rows);
                    for (int32_t kx = first_kx; kx < end_kx; kx++) {
                        const int32_t in_x = origin_x + kx * p->columns.dilation;
                        const int8_t *in =
                            input + slot * row_values + in_x * p->input_channels + group;
                        const int8_t *w = filter + (ky * p->columns.size + kx) * p->group_depth;
                        for (int32_t c = 0; c < p->group_depth; c++) {
                            sum = tinygen_wrapping_add(sum, (in[c] + p->input_offset) * w[c]);
                        }
                    }
                }
                *output++ = (int8_t)tinygen_requantize(&p->requantization, sum, channel);
            }
        }
    }
}

/** Compute the whole output: NHWC in, NHWC out. */
TINYGEN_KERNEL void tinygen_conv2d_s8(const tinygen_conv2d_s8_params *p, const int8_t *input,
                                      int8_t *output)
{
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->input_channels,
                        output, p->rows.output * p->columns.output * p->output_channels) {
        tinygen_conv2d_s8_rows(p, input, output, 0, p->rows.output);
    }
}

#endif
