/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * CONV_2D, int8, 3x3 filter, stride 1, by Winograd's minimal filtering in exact integers, for cores
 * with 16-bit SIMD.
 *
 * Two tiles of tile x tile outputs that stand side by side are computed at once. Their inputs are
 * transformed to (tile + 2)^2 values a channel (frequencies), multiplied frequency by frequency
 * with transformed weights, and the sums over the channels transformed to outputs: sums that are a
 * known multiple of the convolution's, modulo 2^32 (winograd_f2.h, winograd_f4.h). Nothing is
 * rounded before requantization. Transformed inputs and weights are int16.
 *
 * Transformed inputs come as words of two channels, by frequency, channel and tile: for each group
 * of four channels k to k + 3
 *
 *     a[k] a[k+2]  b[k] b[k+2]  a[k+1] a[k+3]  b[k+1] b[k+3]
 *
 * where a is the first tile. Two channels make a step. The stream holds, for each four output
 * channels, by frequency and step, a word of weights for each of the four; then three words each:
 * what is added to frequency (1, 1), and two constants.
 */
#ifndef TINYGEN_KERNELS_DSP_WINOGRAD_H
#define TINYGEN_KERNELS_DSP_WINOGRAD_H

#include "../portable/window.h"
#include "simd.h"

/** Where outputs go and how they are requantized; the order of the first five is the assembly's. */
typedef struct {
    int32_t pixel; /**< bytes from a pixel to the next */
    int32_t row;   /**< bytes from a row to the next */
    int32_t base;  /**< what the two roundings add before the shift */
    int32_t cut;   /**< 255 - (largest output - smallest output) */
    int32_t low;   /**< smallest output */
    int32_t two_roundings;
    int32_t shift;
} tinygen_winograd_target;

/** Transforms the inputs of two tiles; `pitch` is the bytes from a row to the next. */
typedef void tinygen_winograd_input_function(const int8_t *from, int32_t pitch, int32_t depth,
                                             uint32_t *values);

/** Multiplies with the weights of four channels: tinygen_winograd_multiply() or its assembly. */
typedef void tinygen_winograd_multiply_function(const uint32_t *values, const int32_t *weights,
                                                int32_t *sums, int32_t steps, int32_t frequencies);

/** Transforms sums to outputs of four channels; spoils the sums. */
typedef void tinygen_winograd_output_function(int32_t *sums, const int32_t *constants,
                                              int8_t *output,
                                              const tinygen_winograd_target *target);

/** A convolution layer. */
typedef struct {
    tinygen_winograd_input_function *transform;
    tinygen_winograd_multiply_function *multiply;
    tinygen_winograd_output_function *finish;
    const int32_t *stream;
    tinygen_winograd_target target;
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t tile; /**< outputs along a side of a tile */
    int32_t batches;
    int32_t input_channels;
    int32_t output_channels;
    int32_t input_ring_rows; /**< rows of input memory; the image's height if it is whole */
    int32_t padding;         /**< the input's zero point */
} tinygen_winograd_params;

/** One output from its sum; of two roundings the sum has no factor left. See gemm.h. */
static inline int8_t tinygen_winograd_requantize(const tinygen_winograd_target *target, int32_t sum,
                                                 const int32_t *constants)
{
    int32_t value;
    if (target->two_roundings != 0) {
        const int64_t doubled = (int64_t)sum * ((int64_t)1 << 32) + (int64_t)sum * constants[0];
        const int32_t rounded = (int32_t)((doubled + ((int64_t)1 << 31)) >> 32);
        value = (int32_t)((uint32_t)(rounded + (rounded >> 31)) * (uint32_t)constants[1]);
        value = tinygen_wrapping_add(value, target->base) >> target->shift;
    } else {
        value = tinygen_smmla(sum, constants[0], constants[1]) >> target->shift;
    }
    if (target->cut == 0) {
        return (int8_t)tinygen_clamp(value, -128, 127);
    }
    const int32_t above = tinygen_clamp(value, 0, 255) - target->cut;
    return (int8_t)((above > 0 ? above : 0) + target->low);
}

/**
 * Multiply the transformed inputs of two tiles with the weights of four channels.
 *
 * @param values      see above
 * @param weights     of the four channels, in the stream
 * @param sums        by frequency, channel and tile
 * @param steps       pairs of input channels
 * @param frequencies their number
 */
static inline void tinygen_winograd_multiply(const uint32_t *values, const int32_t *weights,
                                             int32_t *sums, int32_t steps, int32_t frequencies)
{
    for (int32_t f = 0; f < frequencies; f++) {
        for (int32_t i = 0; i < 8; i++) {
            int32_t sum = 0;
            for (int32_t k = 0; k < steps; k++) {
                sum = tinygen_smlad(values[2 * k + i % 2], (uint32_t)weights[4 * k + i / 2], sum);
            }
            sums[i] = sum;
        }
        values += 2 * steps;
        weights += 4 * steps;
        sums += 8;
    }
}

/** Copy the inputs of two tiles to `patch`, with padding for what lies outside the image. */
TINYGEN_SHARED void tinygen_winograd_gather(const tinygen_winograd_params *p, const int8_t *input,
                                            int8_t *patch, int32_t in_y, int32_t in_x)
{
    const int32_t depth = p->input_channels;
    const int32_t width = 2 * p->tile + 2;
    const int32_t room = p->columns.input - in_x;
    const int32_t first = in_x < 0 ? -in_x : 0;
    const int32_t end = room < width ? room : width;
    for (int32_t y = in_y; y < in_y + p->tile + 2; y++) {
        memset(patch, p->padding, (size_t)(width * depth));
        if (y >= 0 && y < p->rows.input && first < end) {
            const int32_t slot = tinygen_ring_slot(y, p->input_ring_rows);
            memcpy(patch + first * depth, input + (slot * p->columns.input + in_x + first) * depth,
                   (size_t)((end - first) * depth));
        }
        patch += width * depth;
    }
}

/** Transform the inputs of two tiles of which the first output is at (y, x). */
static inline void tinygen_winograd_transform(const tinygen_winograd_params *p, const int8_t *input,
                                              uint32_t *values, int8_t *patch, int32_t y, int32_t x)
{
    const int32_t height = p->tile + 2;
    const int32_t width = 2 * p->tile + 2;
    const int32_t depth = p->input_channels;
    const int32_t in_y = y - p->rows.pad;
    const int32_t in_x = x - p->columns.pad;
    if (in_y >= 0 && in_y + height <= p->rows.input && in_x >= 0 &&
        in_x + width <= p->columns.input) {
        const int32_t slot = tinygen_ring_slot(in_y, p->input_ring_rows);
        if (slot + height <= p->input_ring_rows) {
            p->transform(input + (slot * p->columns.input + in_x) * depth, p->columns.input * depth,
                         depth, values);
            return;
        }
    }
    tinygen_winograd_gather(p, input, patch, in_y, in_x);
    p->transform(patch, width * depth, depth, values);
}

/** Finish four channels of two tiles of which some outputs are not wanted. */
TINYGEN_SHARED void tinygen_winograd_finish_some(const tinygen_winograd_params *p, int32_t *sums,
                                                 const int32_t *constants, int8_t *output,
                                                 int32_t rows, int32_t columns)
{
    int8_t outputs[4 * 8 * 4];
    tinygen_winograd_target target = p->target;
    target.pixel = 4;
    target.row = 8 * p->tile;
    p->finish(sums, constants, outputs, &target);
    for (int32_t y = 0; y < rows; y++) {
        for (int32_t x = 0; x < columns; x++) {
            memcpy(output + y * p->target.row + x * p->target.pixel,
                   outputs + y * target.row + x * target.pixel, 4);
        }
    }
}

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * @param p       the layer
 * @param input   ring of p->input_ring_rows rows of columns.input * input_channels values
 * @param output  where first_row goes; rows of columns.output * output_channels values
 * @param scratch (tile + 2)^2 * input_channels words; then 8 * (tile + 2)^2 words, or
 *                (tile + 2) * (2 * tile + 2) * input_channels bytes if that is more
 */
TINYGEN_SHARED void tinygen_winograd_rows(const tinygen_winograd_params *p, const int8_t *input,
                                          int8_t *output, uint32_t *scratch, int32_t first_row,
                                          int32_t end_row)
{
    const int32_t tile = p->tile;
    const int32_t frequencies = (tile + 2) * (tile + 2);
    const int32_t steps = p->input_channels / 2;
    /* Inputs that were gathered are done with before there are sums. */
    int32_t *sums = (int32_t *)(scratch + frequencies * p->input_channels);
    for (int32_t y = first_row; y < end_row; y += tile) {
        for (int32_t x = 0; x < p->columns.output; x += 2 * tile) {
            const int32_t rows = end_row - y;
            const int32_t columns = p->columns.output - x;
            int8_t *to = output + x * p->output_channels;
            const int32_t *stream = p->stream;
            tinygen_winograd_transform(p, input, scratch, (int8_t *)sums, y, x);
            for (int32_t channel = 0; channel < p->output_channels; channel += 4) {
                const int32_t *constants = stream + 4 * steps * frequencies;
                p->multiply(scratch, stream, sums, steps, frequencies);
                if (rows >= tile && columns >= 2 * tile) {
                    p->finish(sums, constants, to + channel, &p->target);
                } else {
                    tinygen_winograd_finish_some(p, sums, constants, to + channel,
                                                 rows < tile ? rows : tile,
                                                 columns < 2 * tile ? columns : 2 * tile);
                }
                stream = constants + 12;
            }
        }
        output += tile * p->target.row;
    }
}

/** Compute the whole output: NHWC in, NHWC out. */
static inline void tinygen_winograd_conv2d(const tinygen_winograd_params *p, const int8_t *input,
                                           int8_t *output, uint32_t *scratch)
{
    input = tinygen_opaque(input);
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->input_channels,
                        output, p->rows.output * p->target.row) {
        tinygen_winograd_rows(p, input, output, scratch, 0, p->rows.output);
    }
}

#endif
