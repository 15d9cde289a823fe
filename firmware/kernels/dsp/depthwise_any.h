/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * DEPTHWISE_CONV_2D, int8, any filter, stride, dilation and padding, depth multiplier 1, at least
 * four channels, for cores with 16-bit SIMD.
 *
 * Four channels of two taps are multiplied at once. The taps of a line of the filter go in pairs; a
 * line is a row, or the whole of a filter of one column.
 */
#ifndef TINYGEN_KERNELS_DSP_DEPTHWISE_ANY_H
#define TINYGEN_KERNELS_DSP_DEPTHWISE_ANY_H

#include "../portable/depthwise_conv2d_s8.h"
#include "simd.h"

/**
 * A layer. For each group of four channels (the last ones, if their number is no multiple of four,
 * overlap the group before), line and pair of taps, weights hold 8 bytes: of the first two channels
 * for the first tap, then for the second, and the same of the last two channels. The second tap of
 * an odd line's last pair weighs 0.
 */
typedef struct {
    tinygen_depthwise_conv2d_s8_params layer; /**< without weights and requantization */
    const int8_t *weights;
    const int32_t *scales; /**< two a channel: see tinygen_depthwise_any_output() */
    int32_t base;
    int32_t shift;
    int32_t cut; /**< 255 - (largest output - smallest output) */
    int32_t low; /**< smallest output */
    int32_t lines;
    int32_t line_taps;
} tinygen_depthwise_any_params;

/**
 * An output with the two roundings of its definition: with v = round(sum * (1 + scale[0] / 2^32)),
 * less 1 if negative, and u = (v * scale[1] + base) >> shift, limited to [0, 255], it is
 * max(u - cut, 0) + low.
 */
TINYGEN_INLINE int8_t tinygen_depthwise_any_output(const tinygen_depthwise_any_params *p,
                                                   int32_t sum, const int32_t *scale)
{
    const int32_t rounded = tinygen_smmlar(sum, scale[0], sum);
    const int32_t scaled = (rounded + (rounded >> 31)) * scale[1] + p->base;
    const int32_t limited = tinygen_clamp(scaled >> p->shift, 0, 255) - p->cut;
    return (int8_t)((p->cut == 0 || limited > 0 ? limited : 0) + p->low);
}

/** Where a window is: its first value, and values from line to line and from tap to tap. */
typedef struct {
    const int8_t *first;
    int32_t line_step;
    int32_t tap_step;
} tinygen_depthwise_window;

/** Sums of four channels over two taps. */
TINYGEN_INLINE void tinygen_depthwise_any_pair(int32_t *sums, uint32_t x0, uint32_t x1,
                                               const int8_t *weights)
{
    const uint32_t low = tinygen_pack_bottoms(x0, x1);
    const uint32_t high = tinygen_pack_tops(x0, x1);
    const uint32_t w_low = tinygen_load4(weights);
    const uint32_t w_high = tinygen_load4(weights + 4);
    sums[0] = tinygen_smlad(tinygen_sxtb16(low), tinygen_sxtb16(w_low), sums[0]);
    sums[1] = tinygen_smlad(tinygen_sxtb16_ror8(low), tinygen_sxtb16_ror8(w_low), sums[1]);
    sums[2] = tinygen_smlad(tinygen_sxtb16(high), tinygen_sxtb16(w_high), sums[2]);
    sums[3] = tinygen_smlad(tinygen_sxtb16_ror8(high), tinygen_sxtb16_ror8(w_high), sums[3]);
}

/** Four channels of one pixel; gives the next group's weights. */
TINYGEN_INLINE const int8_t *tinygen_depthwise_any_four(const tinygen_depthwise_any_params *p,
                                                        const tinygen_depthwise_window *window,
                                                        const int8_t *weights, int32_t channel,
                                                        int8_t *output)
{
    const int32_t *bias = p->layer.bias + channel;
    int32_t sums[4] = {bias[0], bias[1], bias[2], bias[3]};
    for (int32_t line = 0; line < p->lines; line++) {
        const int8_t *at = window->first + line * window->line_step + channel;
        for (int32_t pairs = p->line_taps / 2; pairs > 0; pairs--) {
            const uint32_t first = tinygen_load4(at);
            tinygen_depthwise_any_pair(sums, first, tinygen_load4(at + window->tap_step), weights);
            at += 2 * window->tap_step;
            weights += 8;
        }
        if (p->line_taps % 2 != 0) {
            const uint32_t first = tinygen_load4(at);
            tinygen_depthwise_any_pair(sums, first, first, weights);
            weights += 8;
        }
    }
    for (int32_t k = 0; k < 4; k++) {
        output[channel + k] =
            tinygen_depthwise_any_output(p, sums[k], p->scales + 2 * (channel + k));
    }
    return weights;
}

/** All channels of one pixel. */
TINYGEN_INLINE void tinygen_depthwise_any_pixel(const tinygen_depthwise_any_params *p,
                                                const tinygen_depthwise_window *window,
                                                int8_t *output)
{
    const int32_t last = p->layer.input_channels - 4;
    const int8_t *weights = p->weights;
    for (int32_t channel = 0; channel <= last; channel += 4) {
        weights = tinygen_depthwise_any_four(p, window, weights, channel, output);
    }
    if (last % 4 != 0) {
        tinygen_depthwise_any_four(p, window, weights, last, output);
    }
}

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * @param p      the layer
 * @param input  ring of layer.input_ring_rows rows of columns.input * input_channels values
 * @param output where first_row goes; rows of columns.output * input_channels values
 * @param patch  room for one window: size_h * size_w * input_channels values
 */
TINYGEN_KERNEL void tinygen_depthwise_any_rows(const tinygen_depthwise_any_params *p,
                                               const int8_t *input, int8_t *output, int8_t *patch,
                                               int32_t first_row, int32_t end_row)
{
    const tinygen_axis *rows = &p->layer.rows;
    const tinygen_axis *columns = &p->layer.columns;
    const int32_t channels = p->layer.input_channels;
    const int32_t pitch = columns->input * channels;
    const int along_rows = columns->size > 1;
    const tinygen_depthwise_window gathered = {patch, columns->size * channels, channels};
    const int32_t row_step = rows->dilation * pitch;
    const int32_t column_step = columns->dilation * channels;
    const int32_t reach = (rows->size - 1) * rows->dilation;
    for (int32_t y = first_row; y < end_row; y++) {
        const int32_t origin_y = y * rows->stride - rows->pad;
        const int32_t inside = tinygen_window_inside(rows, origin_y);
        const int32_t slot = inside ? tinygen_ring_slot(origin_y, p->layer.input_ring_rows) : 0;
        const int32_t together = inside && slot + reach < p->layer.input_ring_rows;
        for (int32_t x = 0; x < columns->output; x++) {
            const int32_t origin_x = x * columns->stride - columns->pad;
            if (together && tinygen_window_inside(columns, origin_x)) {
                const tinygen_depthwise_window window = {
                    input + slot * pitch + origin_x * channels,
                    row_step,
                    along_rows ? column_step : row_step,
                };
                tinygen_depthwise_any_pixel(p, &window, output);
            } else {
                tinygen_depthwise_gather(&p->layer, input, origin_y, origin_x, patch);
                tinygen_depthwise_any_pixel(p, &gathered, output);
            }
            output += channels;
        }
    }
}

/** Compute the whole output: NHWC in, NHWC out. */
TINYGEN_KERNEL void tinygen_depthwise_any(const tinygen_depthwise_any_params *p,
                                          const int8_t *input, int8_t *output, int8_t *patch)
{
    const tinygen_depthwise_conv2d_s8_params *layer = &p->layer;
    const int32_t channels = layer->input_channels;
    const int32_t input_values = layer->rows.input * layer->columns.input * channels;
    const int32_t output_values = layer->rows.output * layer->columns.output * channels;
    input = tinygen_opaque(input);
    for (int32_t n = 0; n < layer->batches; n++) {
        tinygen_depthwise_any_rows(p, input + n * input_values, output + n * output_values, patch,
                                   0, layer->rows.output);
    }
}

#endif
