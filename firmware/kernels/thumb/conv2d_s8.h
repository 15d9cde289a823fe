/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * CONV_2D, int8, any window, one group, for cores without SIMD: two products in one multiplication.
 *
 * Four pixels go together. Their windows are written to scratch memory, two pixels a word: x0 +
 * 2^16 * x1. Such a word times a weight, plus the next word times the next weight, is s0 + 2^16 *
 * s1, where both sums of two products are int16: with 2^15 added, the bottom half is not negative,
 * and an arithmetic shift leaves s1. The sums of all s1, and of all words (modulo 2^32), give those
 * of all s0. Weights with two neighbours of -128 are left to other kernels.
 *
 * The stream holds, for each channel, its weights in the order of the window, filled with zeros to
 * a multiple of four, then three words: the bias, with the input's zero point (and what fitting
 * added) folded in, and two of requantize.h.
 */
#ifndef TINYGEN_KERNELS_THUMB_CONV2D_S8_H
#define TINYGEN_KERNELS_THUMB_CONV2D_S8_H

#include <string.h>

#include "../portable/requantize.h"
#include "../portable/window.h"
#include "requantize.h"

/** What the multiplication needs to know of a layer; the order is the assembly's. */
typedef struct {
    int32_t groups;   /**< of four values of a window */
    int32_t channels; /**< in the stream */
    int32_t pitch;    /**< from a pixel's output to the next */
    tinygen_thumb_scaling scaling;
} tinygen_thumb_shape;

/** Multiplies four columns with a stream: tinygen_thumb_multiply() or its assembly. */
typedef void tinygen_thumb_multiply_function(const int32_t *columns, const int8_t *stream,
                                             int8_t *output, const tinygen_thumb_shape *shape,
                                             int32_t pixels);

/** Sums of products of four columns with a channel's weights: tinygen_thumb_dot() or its assembly.
 */
typedef void tinygen_thumb_dot_function(const int32_t *columns, const int8_t *weights,
                                        int32_t *sums, int32_t groups);

/** The channels without fitted constants. */
typedef struct {
    tinygen_thumb_dot_function *dot;
    int32_t count;
    const uint16_t *channels; /**< their numbers */
    const int8_t *weights;    /**< theirs, as in the stream */
    const int32_t *bias;      /**< theirs, with the input's zero point folded in */
    tinygen_requantization requantization;
} tinygen_thumb_rest;

/** A convolution layer. */
typedef struct {
    tinygen_thumb_multiply_function *multiply; /**< NULL if the stream is empty */
    const int8_t *stream;
    tinygen_thumb_shape shape;
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t input_channels;
    int32_t input_ring_rows;  /**< rows of input memory; the image's height if it is whole */
    int32_t input_ring_phase; /**< slot of row 0 in it */
    int32_t padding;          /**< the input's zero point */
} tinygen_thumb_conv2d_params;

/** Sums of the products of four columns with one channel's weights. */
static inline void tinygen_thumb_dot(const int32_t *columns, const int8_t *weights, int32_t *sums,
                                     int32_t groups)
{
    uint32_t total[2] = {0, 0};
    int32_t odd[2] = {0, 0};
    for (int32_t k = 0; k < 4 * groups; k += 2) {
        for (int32_t i = 0; i < 2; i++) {
            const uint32_t first = (uint32_t)columns[2 * k + i] * (uint32_t)weights[k];
            const uint32_t second = (uint32_t)columns[2 * k + 2 + i] * (uint32_t)weights[k + 1];
            const uint32_t both = first + second + 0x8000u;
            total[i] += both;
            odd[i] += (int32_t)both >> 16;
        }
    }
    for (int32_t i = 0; i < 2; i++) {
        sums[2 * i] = (int32_t)(total[i] - ((uint32_t)(odd[i] + groups) << 16));
        sums[2 * i + 1] = odd[i];
    }
}

/**
 * Multiply four columns with all channels of a stream.
 *
 * @param columns the words of two pixels and of the next two, for each value of the window
 * @param stream  see above
 * @param output  of the first pixel
 * @param shape   the layer
 * @param pixels  those that there are, 1 to 4; the others' columns repeat the last one's
 */
static inline void tinygen_thumb_multiply(const int32_t *columns, const int8_t *stream,
                                          int8_t *output, const tinygen_thumb_shape *shape,
                                          int32_t pixels)
{
    for (int32_t channel = 0; channel < shape->channels; channel++) {
        int32_t sums[4];
        int32_t words[3];
        tinygen_thumb_dot(columns, stream, sums, shape->groups);
        memcpy(words, stream + 4 * shape->groups, sizeof words);
        for (int32_t i = 0; i < pixels; i++) {
            output[i * shape->pitch + channel] = tinygen_thumb_output(
                &shape->scaling, tinygen_wrapping_add(sums[i], words[0]), words + 1);
        }
        stream += 4 * shape->groups + 12;
    }
}

/** Compute the channels that the stream does not hold. */
TINYGEN_SHARED void tinygen_thumb_remaining(const tinygen_thumb_rest *rest,
                                            const tinygen_thumb_shape *shape,
                                            const int32_t *columns, int8_t *output, int32_t pixels)
{
    const int8_t *weights = rest->weights;
    for (int32_t n = 0; n < rest->count; n++) {
        int32_t sums[4];
        int8_t *to = output + rest->channels[n];
        rest->dot(columns, weights, sums, shape->groups);
        for (int32_t i = 0; i < pixels; i++) {
            const int32_t sum = tinygen_wrapping_add(sums[i], rest->bias[n]);
            to[i * shape->pitch] = (int8_t)tinygen_requantize(&rest->requantization, sum, n);
        }
        weights += 4 * shape->groups;
    }
}

/**
 * Write values to the words of a column; gives where the next ones go.
 *
 * @param to    the first value's word; the words of two other pixels lie between
 * @param from  the first value
 * @param step  from a value to the next, 0 for one value all over
 * @param count number of values
 * @param odd   whether to add them to the words' top halves
 */
TINYGEN_SHARED int32_t *tinygen_thumb_widen(int32_t *to, const int8_t *from, int32_t step,
                                            int32_t count, int32_t odd)
{
    int32_t *const end = to + 2 * count;
    if (odd != 0) {
        while (to != end) {
            *to = (int32_t)((uint32_t)*to + ((uint32_t)*from << 16));
            to += 2;
            from += step;
        }
    } else {
        while (to != end) {
            *to = *from;
            to += 2;
            from += step;
        }
    }
    return to;
}

/** Write the window of output pixel (y, x) as column `number`. */
TINYGEN_SHARED void tinygen_thumb_column(const tinygen_thumb_conv2d_params *p, const int8_t *input,
                                         int32_t *columns, int32_t number, int32_t y, int32_t x)
{
    const int8_t padding = (int8_t)p->padding;
    const int32_t channels = p->input_channels;
    const int32_t origin_x = x * p->columns.stride - p->columns.pad;
    const int32_t together =
        p->columns.dilation == 1 && tinygen_window_inside(&p->columns, origin_x);
    int32_t in_y = y * p->rows.stride - p->rows.pad;
    int32_t *to = columns + number / 2;
    for (int32_t ky = 0; ky < p->rows.size; ky++) {
        const int32_t row_inside = in_y >= 0 && in_y < p->rows.input;
        const int32_t slot =
            row_inside ? tinygen_ring_slot(in_y + p->input_ring_phase, p->input_ring_rows) : 0;
        const int8_t *row = input + slot * p->columns.input * channels;
        if (row_inside && together) {
            to = tinygen_thumb_widen(to, row + origin_x * channels, 1, p->columns.size * channels,
                                     number % 2);
        } else {
            int32_t in_x = origin_x;
            for (int32_t kx = 0; kx < p->columns.size; kx++) {
                const int32_t inside = row_inside && in_x >= 0 && in_x < p->columns.input;
                to = tinygen_thumb_widen(to, inside ? row + in_x * channels : &padding, inside,
                                         channels, number % 2);
                in_x += p->columns.dilation;
            }
        }
        in_y += p->rows.dilation;
    }
}

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * @param p       the layer
 * @param rest    its channels outside the stream, or NULL
 * @param input   ring of p->input_ring_rows rows of columns.input * input_channels values
 * @param output  where first_row goes; rows of columns.output * shape.pitch values
 * @param columns scratch memory: 8 * shape.groups words
 */
TINYGEN_SHARED void tinygen_thumb_conv2d_rows(const tinygen_thumb_conv2d_params *p,
                                              const tinygen_thumb_rest *rest, const int8_t *input,
                                              int8_t *output, int32_t *columns, int32_t first_row,
                                              int32_t end_row)
{
    int32_t y = first_row;
    int32_t x = 0;
    while (y < end_row) {
        int32_t pixels = 0;
        int32_t last_y = y;
        int32_t last_x = x;
        for (int32_t i = 0; i < 4; i++) {
            if (y < end_row) {
                last_y = y;
                last_x = x;
                pixels++;
                x++;
                if (x == p->columns.output) {
                    x = 0;
                    y++;
                }
            }
            tinygen_thumb_column(p, input, columns, i, last_y, last_x);
        }
        if (p->multiply != NULL) {
            p->multiply(columns, p->stream, output, &p->shape, pixels);
        }
        if (rest != NULL) {
            tinygen_thumb_remaining(rest, &p->shape, columns, output, pixels);
        }
        output += pixels * p->shape.pitch;
    }
}

/** Compute the whole output: NHWC in, NHWC out. */
static inline void tinygen_thumb_conv2d(const tinygen_thumb_conv2d_params *p,
                                        const tinygen_thumb_rest *rest, const int8_t *input,
                                        int8_t *output, int32_t *columns)
{
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->input_channels,
                        output, p->rows.output * p->columns.output * p->shape.pitch) {
        tinygen_thumb_conv2d_rows(p, rest, input, output, columns, 0, p->rows.output);
    }
}

#endif
