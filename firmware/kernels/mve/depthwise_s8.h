/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * DEPTHWISE_CONV_2D with Helium: four rows interleaved in a strip, a patch of them in one gather.
 */
#ifndef TINYGEN_KERNELS_MVE_DEPTHWISE_S8_H
#define TINYGEN_KERNELS_MVE_DEPTHWISE_S8_H

#include "depthwise_blocks.h"
#include "depthwise_strips.h"

/** The places of a patch's words and of a block's outputs. */
static inline tinygen_mve_depthwise_run
tinygen_mve_depthwise_places(const tinygen_mve_depthwise_conv2d_s8_params *p)
{
    const int32_t output_channels = p->input_channels * p->depth_multiplier;
    tinygen_mve_depthwise_run run;
    for (int32_t i = 0; i < 4; i++) {
        run.gather[i] = i * p->columns.dilation * p->group * 4;
        if (p->pair) {
            run.scatter[i] = (i % 2 + i / 2 * p->columns.output) * output_channels;
        } else {
            run.scatter[i] = (i < p->pixels ? i : p->pixels - 1) * output_channels;
        }
    }
    return run;
}

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * Blocks of two rows of which only one is asked for write both to the same place, the one that is
 * not first: a store's elements are written in their order.
 *
 * @param p       the layer
 * @param pack    interleaves rows
 * @param compute computes bands
 * @param input   ring of p->input_ring_rows rows of columns.input * input_channels values
 * @param output  where first_row goes
 * @param scratch strips, and 64 bytes behind them; aligned to 4
 */
TINYGEN_SHARED void tinygen_mve_depthwise_conv2d_s8_rows(
    const tinygen_mve_depthwise_conv2d_s8_params *p, tinygen_mve_pack_function *pack,
    tinygen_mve_depthwise_function *compute, const int8_t *input, int8_t *output, int8_t *scratch,
    int32_t first_row, int32_t end_row)
{
    const int32_t output_channels = p->input_channels * p->depth_multiplier;
    const int32_t rows_a_strip = p->pair ? 2 : 1;
    tinygen_mve_depthwise_run run = tinygen_mve_depthwise_places(p);
    tinygen_mve_depthwise_filling filling[TINYGEN_MVE_DEPTHWISE_STRIPS];
    tinygen_mve_depthwise_pad(p, scratch);
    if (p->pair && end_row - first_row == 1) {
        run.scatter[0] = run.scatter[2];
        run.scatter[1] = run.scatter[3];
    }
    for (int32_t y = first_row; y < end_row;) {
        int32_t rows = p->band_rows;
        if (rows > end_row - y) {
            rows = (end_row - y + rows_a_strip - 1) / rows_a_strip * rows_a_strip;
            y = end_row - rows;
        }
        int8_t *out = output + (y - first_row) * p->columns.output * output_channels;
        run.rows = rows / rows_a_strip;
        const int32_t fillings =
            tinygen_mve_depthwise_describe_band(p, input, scratch, y, run.rows, filling);
        for (int32_t channel = 0; channel < p->input_channels; channel += p->group) {
            const int32_t left = p->input_channels - channel;
            const int32_t channels = left < p->group ? left : p->group;
            for (int32_t i = 0; i < fillings; i++) {
                tinygen_mve_depthwise_fill(p, pack, &filling[i], channel, channels);
            }
            run.channels = channels * p->depth_multiplier;
            compute(scratch, p->constants + channel * p->depth_multiplier * p->channel_words,
                    out + channel * p->depth_multiplier, &run);
        }
        y += rows;
    }
}

/** Compute the whole output: NHWC in, NHWC out. */
TINYGEN_KERNEL void tinygen_mve_depthwise_conv2d_s8(const tinygen_mve_depthwise_conv2d_s8_params *p,
                                                    tinygen_mve_pack_function *pack,
                                                    tinygen_mve_depthwise_function *compute,
                                                    const int8_t *input, int8_t *output,
                                                    int8_t *scratch)
{
    TINYGEN_EACH_IMAGE (
        p->batches, input, p->rows.input * p->columns.input * p->input_channels, output,
        p->rows.output * p->columns.output * p->input_channels * p->depth_multiplier) {
        tinygen_mve_depthwise_conv2d_s8_rows(p, pack, compute, input, output, scratch, 0,
                                             p->rows.output);
    }
}

#endif
