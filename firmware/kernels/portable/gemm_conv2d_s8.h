/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * CONV_2D, int8, as a product of matrices: each output pixel's window is one contiguous patch.
 *
 * A patch is the window's values in the order of the weights, with the zero point where the window
 * leaves the image (there, its product with the folded bias comes to nothing). A 1x1 window with
 * stride 1 is a patch as it lies in the image. Two patches meet two filters at a time.
 */
#ifndef TINYGEN_KERNELS_GEMM_CONV2D_S8_H
#define TINYGEN_KERNELS_GEMM_CONV2D_S8_H

#include <string.h>

#include "dot.h"
#include "requantize.h"
#include "window.h"

/**
 * A convolution layer with one group. Weights are
 * [output_channels][size_h][size_w][input_channels]; bias has (minus the input's zero point) times
 * the sum of the filter's weights added.
 */
typedef struct {
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t input_channels;
    int32_t output_channels;
    int32_t input_ring_rows;  /**< rows of input memory; the image's height if it is whole */
    int32_t input_ring_phase; /**< slot of row 0 in it */
    int32_t padding;          /**< the input's zero point */
    const int8_t *weights;
    const int32_t *bias;
    tinygen_requantization requantization;
} tinygen_gemm_conv2d_s8_params;

/** Write the patch of output position (y, x): size_h * size_w * input_channels values. */
static inline void tinygen_gather_patch(const tinygen_gemm_conv2d_s8_params *p, const int8_t *input,
                                        int32_t y, int32_t x, int8_t *patch)
{
    const int32_t channels = p->input_channels;
    const int32_t origin_y = y * p->rows.stride - p->rows.pad;
    const int32_t origin_x = x * p->columns.stride - p->columns.pad;
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

/** The outputs of two patches (the same one twice if there is only one pixel left). */
TINYGEN_INLINE void tinygen_gemm_pixels(const tinygen_gemm_conv2d_s8_params *p, const int8_t *a,
                                        const int8_t *b, int8_t *output, int32_t pixels)
{
    const int32_t depth = p->rows.size * p->columns.size * p->input_channels;
    const int32_t channels = p->output_channels;
    for (int32_t channel = 0; channel < channels; channel += 2) {
        const int32_t second = channel + 1 < channels ? channel + 1 : channel;
        const int8_t *w0 = p->weights + channel * depth;
        const int8_t *w1 = p->weights + second * depth;
        const int32_t bias0 = p->bias[channel];
        const int32_t bias1 = p->bias[second];
        tinygen_sums sums = {0, 0, 0, 0};
        if (pixels == 2) {
#if TINYGEN_BASELINE
            /* Eight registers hold the loop of one pixel, not that of two. */
            tinygen_sums second_pixel = {0, 0, 0, 0};
            tinygen_dot_1x2(&second_pixel, b, w0, w1, depth);
            tinygen_dot_1x2(&sums, a, w0, w1, depth);
            sums.b0 = second_pixel.a0;
            sums.b1 = second_pixel.a1;
#else
            tinygen_dot_2x2(&sums, a, b, w0, w1, depth);
#endif
            output[channels + second] = (int8_t)tinygen_requantize(
                &p->requantization, tinygen_wrapping_add(sums.b1, bias1), second);
            output[channels + channel] = (int8_t)tinygen_requantize(
                &p->requantization, tinygen_wrapping_add(sums.b0, bias0), channel);
        } else {
            tinygen_dot_1x2(&sums, a, w0, w1, depth);
        }
        output[second] = (int8_t)tinygen_requantize(&p->requantization,
                                                    tinygen_wrapping_add(sums.a1, bias1), second);
        output[channel] = (int8_t)tinygen_requantize(&p->requantization,
                                                     tinygen_wrapping_add(sums.a0, bias0), channel);
    }
}

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * @param p       the layer
 * @param input   ring of p->input_ring_rows rows of columns.input * input_channels values
 * @param output  where first_row goes; rows of columns.output * output_channels values
 * @param patches room for two patches; NULL if a patch lies in the image as it is
 */
TINYGEN_KERNEL void tinygen_gemm_conv2d_s8_rows(const tinygen_gemm_conv2d_s8_params *p,
                                                const int8_t *input, int8_t *output,
                                                int8_t *patches, int32_t first_row, int32_t end_row)
{
    const int32_t depth = p->rows.size * p->columns.size * p->input_channels;
    for (int32_t y = first_row; y < end_row; y++) {
        const int32_t slot = tinygen_ring_slot(y + p->input_ring_phase, p->input_ring_rows);
        const int8_t *row = input + slot * p->columns.input * p->input_channels;
        for (int32_t x = 0; x < p->columns.output; x += 2) {
            const int32_t pixels = x + 1 < p->columns.output ? 2 : 1;
            const int8_t *a = row + x * depth;
            const int8_t *b = a + depth;
            if (patches != NULL) {
                tinygen_gather_patch(p, input, y, x, patches);
                if (pixels == 2) {
                    tinygen_gather_patch(p, input, y, x + 1, patches + depth);
                }
                a = patches;
                b = patches + depth;
            }
            tinygen_gemm_pixels(p, a, b, output, pixels);
            output += pixels * p->output_channels;
        }
    }
}

/** Compute the whole output: NHWC in, NHWC out. */
TINYGEN_KERNEL void tinygen_gemm_conv2d_s8(const tinygen_gemm_conv2d_s8_params *p,
                                           const int8_t *input, int8_t *output, int8_t *patches)
{
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->input_channels,
                        output, p->rows.output * p->columns.output * p->output_channels) {
        tinygen_gemm_conv2d_s8_rows(p, input, output, patches, 0, p->rows.output);
    }
}

#endif
