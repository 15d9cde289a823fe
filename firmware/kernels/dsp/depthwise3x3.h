/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * DEPTHWISE_CONV_2D, int8, 3x3, stride 1 or 2, depth multiplier 1, for cores with 16-bit SIMD.
 *
 * Four channels at a time go through a strip: the input rows that a band of output rows needs, as
 * int16, two rows a word. Pair i of the strip holds rows 2i and 2i + 1 of the band's (padded) input:
 *
 *     strip[column][pair][channel of 4][row of 2]
 *
 * All rows of a band are in the strip before its first output is written, and the pair that two
 * bands share is carried over: the output may therefore overwrite the input (same address).
 * Padding is filled with the input's zero point, so that no loop tests for it.
 */
#ifndef TINYGEN_KERNELS_DSP_DEPTHWISE3X3_H
#define TINYGEN_KERNELS_DSP_DEPTHWISE3X3_H

#include <string.h>

#include "../portable/requantize.h"

/** Consecutive pairs of rows to fill; the order is the assembly's. Distances in bytes. */
typedef struct {
    int32_t row_step; /**< from a pair's rows to the next pair's */
    int32_t pairs;
    int32_t columns;
    int32_t upper_step; /**< from column to column of the upper row; 0 repeats one word */
    int32_t lower_step;
    int32_t column_step; /**< from column to column of the strip */
} tinygen_depthwise_run;

/** Fills pairs of rows: tinygen_depthwise_fill() or its assembly. */
typedef void tinygen_depthwise_fill_function(const int8_t *upper, const int8_t *lower,
                                             int16_t *strip, const tinygen_depthwise_run *run);

/** Computes a band from its strip: tinygen_depthwise3x3_columns() for one shape, or its assembly. */
typedef void tinygen_depthwise3x3_band_function(const int16_t *strip, const int32_t *constants,
                                                const int8_t *weights, int8_t *output, int32_t rows,
                                                int32_t channels);

/** What the assembly of a layer is made for. */
typedef struct {
    int32_t stride;
    int32_t pairs;    /**< pairs of rows that the strip holds */
    int32_t channels; /**< of the whole image */
    int32_t width;    /**< columns of the output */
    int32_t exact;    /**< 0: fitted requantization; 1: the two roundings themselves */
    int32_t shift;    /**< right shift of fitted requantization */
    int32_t cut;      /**< 255 - (largest output - smallest output) */
    int32_t low;      /**< smallest output */
} tinygen_depthwise3x3_shape;

/** Computes one channel of a band that has no fitted constants. */
typedef struct tinygen_depthwise3x3_params tinygen_depthwise3x3_params;
typedef void tinygen_depthwise3x3_exact_function(const tinygen_depthwise3x3_params *p,
                                                 const int16_t *strip, int32_t channel,
                                                 int8_t *output, int32_t rows);

/** A layer. Weights are 9 bytes a channel: w00 w01 w10 w11 w02 w20 w12 w21 w22. */
struct tinygen_depthwise3x3_params {
    tinygen_depthwise_fill_function *fill;
    tinygen_depthwise3x3_band_function *band;
    const int32_t *constants; /**< 3 a channel, see tinygen_depthwise3x3_columns() */
    const int8_t *weights;
    int32_t batches;
    int32_t channels;
    int32_t stride;
    int32_t pad_top;
    int32_t pad_left;
    int32_t input_rows;
    int32_t input_columns; /**< columns between those of the next row */
    int32_t used_columns;  /**< columns that some output depends on */
    int32_t input_ring_rows;
    int32_t output_rows;
    int32_t output_columns;
    int32_t pairs;
    int32_t padding; /**< the input's zero point in all four bytes */
    tinygen_depthwise3x3_exact_function *exact; /**< NULL if every channel has fitted constants */
    const uint8_t *exact_channels;              /**< for each channel, whether it has none */
    const int32_t *exact_bias;                  /**< with the input's zero point folded in */
    tinygen_requantization requantization;      /**< of the channels without fitted constants */
};

/** int16 of a strip from one column to the next. */
static inline int32_t tinygen_depthwise_column(int32_t pairs)
{
    return 8 * pairs;
}

/**
 * Fill pairs of rows of a strip.
 *
 * @param upper four channels of the first column of the first pair's upper row
 * @param lower the same of its lower row
 * @param strip where the first pair's first column goes
 */
static inline void tinygen_depthwise_fill(const int8_t *upper, const int8_t *lower, int16_t *strip,
                                          const tinygen_depthwise_run *run)
{
    for (int32_t pair = 0; pair < run->pairs; pair++) {
        for (int32_t x = 0; x < run->columns; x++) {
            int16_t *to = strip + 8 * pair + x * (run->column_step / 2);
            for (int32_t c = 0; c < 4; c++) {
                to[2 * c] = upper[pair * run->row_step + x * run->upper_step + c];
                to[2 * c + 1] = lower[pair * run->row_step + x * run->lower_step + c];
            }
        }
    }
}

/** The accumulator of one output, with weights in the order of the layer. */
static inline int32_t tinygen_depthwise3x3_sum(const int16_t *strip, const int8_t *w, int32_t pairs,
                                               int32_t row, int32_t column)
{
    static const uint8_t order[9] = {0, 1, 4, 2, 3, 6, 5, 7, 8};
    int32_t sum = 0;
    for (int32_t ky = 0; ky < 3; ky++) {
        const int32_t y = row + ky;
        for (int32_t kx = 0; kx < 3; kx++) {
            const int32_t at = (column + kx) * tinygen_depthwise_column(pairs) + y / 2 * 8 + y % 2;
            sum += strip[at] * w[order[3 * ky + kx]];
        }
    }
    return sum;
}

/** Requantize as the assembly does; see tinygen_depthwise3x3_columns() for the constants. */
static inline int8_t tinygen_depthwise3x3_finish(const tinygen_depthwise3x3_shape *s, int32_t sum,
                                                 const int32_t *constants)
{
    int32_t value;
    if (s->exact != 0) {
        int32_t exponent = 1;
        while ((((uint32_t)constants[2] >> (exponent - 1)) & 1u) == 0u) {
            exponent++;
        }
        const int32_t biased = tinygen_wrapping_add(sum, constants[0]);
        const int64_t doubled = ((int64_t)biased << 32) + (int64_t)biased * constants[1];
        value = (int32_t)((doubled + ((int64_t)1 << 31)) >> 32);
        value = (value + (value >> 31) + constants[2]) >> exponent;
    } else {
        const int32_t scaled = (int32_t)((uint32_t)sum << (constants[2] & 15));
        const int32_t biased = tinygen_wrapping_add(scaled, constants[0]);
        const int64_t base = (int64_t)(constants[2] >> 4) << 32;
        value = (int32_t)((base + (int64_t)biased * constants[1]) >> 32) >> s->shift;
    }
    if (s->cut == 0) {
        return (int8_t)tinygen_clamp(value, -128, 127);
    }
    const int32_t above = tinygen_clamp(value, 0, 255) - s->cut;
    return (int8_t)((above > 0 ? above : 0) + s->low);
}

/**
 * Compute a band of output rows of up to four channels.
 *
 * Three constants a channel:
 *  - the bias, with the input's zero point (and what fitting added) folded in;
 *  - the multiplier M;
 *  - fitted: 16 * C + F, where F binary digits scale up the weights, and the output is
 *    (C + ((accumulator * M) >> 32)) >> shift;
 *    exact: an odd number times 2^(e - 1), where e is the second rounding's shift, M is twice
 *    the multiplier modulo 2^32, and the odd number is 1 + twice the output's zero point.
 *
 * Where the output range is cut, 255 - (largest output) was added to the zero point.
 *
 * @param s         the shape
 * @param strip     first channel of the first column and pair
 * @param constants of the first channel
 * @param weights   of the first channel
 * @param output    first row and column of the first channel
 * @param rows      rows to compute
 * @param channels  channels to compute, at most 4
 */
static inline void tinygen_depthwise3x3_columns(const tinygen_depthwise3x3_shape *s,
                                                const int16_t *strip, const int32_t *constants,
                                                const int8_t *weights, int8_t *output, int32_t rows,
                                                int32_t channels)
{
    for (int32_t c = 0; c < channels; c++) {
        for (int32_t y = 0; y < rows; y++) {
            for (int32_t x = 0; x < s->width; x++) {
                const int32_t sum = tinygen_depthwise3x3_sum(
                    strip + 2 * c, weights + 9 * c, s->pairs, y * s->stride, x * s->stride);
                output[(y * s->width + x) * s->channels + c] =
                    tinygen_depthwise3x3_finish(s, sum, constants + 3 * c);
            }
        }
    }
}

/** Compute one channel of a band with the general requantization. */
static inline void tinygen_depthwise3x3_exact(const tinygen_depthwise3x3_params *p,
                                              const int16_t *strip, int32_t channel, int8_t *output,
                                              int32_t rows)
{
    for (int32_t y = 0; y < rows; y++) {
        for (int32_t x = 0; x < p->output_columns; x++) {
            const int32_t sum = tinygen_depthwise3x3_sum(strip, p->weights + 9 * channel, p->pairs,
                                                         y * p->stride, x * p->stride);
            const int32_t biased = tinygen_wrapping_add(sum, p->exact_bias[channel]);
            output[(y * p->output_columns + x) * p->channels] =
                (int8_t)tinygen_requantize(&p->requantization, biased, channel);
        }
    }
}

/** Fill one pair of rows of fewer than four channels, at a time when words would read too far. */
static inline void tinygen_depthwise_fill_some(const int8_t *upper, const int8_t *lower,
                                               int16_t *strip, const tinygen_depthwise_run *run,
                                               int32_t channels)
{
    for (int32_t x = 0; x < run->columns; x++) {
        for (int32_t c = 0; c < channels; c++) {
            strip[2 * c] = upper[x * run->upper_step + c];
            strip[2 * c + 1] = lower[x * run->lower_step + c];
        }
        strip += run->column_step / 2;
    }
}

/**
 * Fill pairs [pair, end) of a strip whose first row is input row `row`.
 *
 * @param input first channel of the group, of the ring's first row
 */
static inline void tinygen_depthwise_fill_pairs(const tinygen_depthwise3x3_params *p,
                                                const int8_t *input, int16_t *strip, int32_t row,
                                                int32_t pair, int32_t end, int32_t channels)
{
    const int32_t pitch = p->input_columns * p->channels;
    strip += p->pad_left * tinygen_depthwise_column(p->pairs);
    while (pair < end) {
        const int32_t upper_row = row + 2 * pair;
        const int upper_inside = upper_row >= 0 && upper_row < p->input_rows;
        const int lower_inside = upper_row + 1 >= 0 && upper_row + 1 < p->input_rows;
        tinygen_depthwise_run run = {
            .row_step = 2 * pitch,
            .pairs = 1,
            .columns = p->used_columns,
            .upper_step = upper_inside ? p->channels : 0,
            .lower_step = lower_inside ? p->channels : 0,
            .column_step = 2 * tinygen_depthwise_column(p->pairs),
        };
        const int8_t *upper = (const int8_t *)&p->padding;
        const int8_t *lower = upper;
        if (upper_inside) {
            upper = input + tinygen_ring_slot(upper_row, p->input_ring_rows) * pitch;
        }
        if (lower_inside) {
            lower = input + tinygen_ring_slot(upper_row + 1, p->input_ring_rows) * pitch;
        }
        if (channels < 4) {
            tinygen_depthwise_fill_some(upper, lower, strip + 8 * pair, &run, channels);
        } else {
            if (upper_inside && lower_inside && p->input_ring_rows >= p->input_rows) {
                const int32_t inside = (p->input_rows - upper_row) / 2;
                run.pairs = inside < end - pair ? inside : end - pair;
            }
            p->fill(upper, lower, strip + 8 * pair, &run);
        }
        pair += run.pairs;
    }
}

/** Set the columns of the strip that are padding: pairs 0 to p->pairs of all four channels. */
static inline void tinygen_depthwise_pad_columns(const tinygen_depthwise3x3_params *p,
                                                 int16_t *strip, int32_t first, int32_t end)
{
    const int32_t column = tinygen_depthwise_column(p->pairs);
    const int16_t value = (int16_t)(int8_t)(p->padding & 0xff);
    for (int32_t i = first * column; i < end * column; i++) {
        strip[i] = value;
    }
}

/** Bands of four channels or fewer, from `channel` on. */
static inline void tinygen_depthwise3x3_group(const tinygen_depthwise3x3_params *p,
                                              const int8_t *input, int8_t *output, int16_t *strip,
                                              int32_t first_row, int32_t end_row, int32_t channel)
{
    const int32_t left = p->channels - channel;
    const int32_t channels = left < 4 ? left : 4;
    const int32_t band_rows = 2 / p->stride * (p->pairs - 1);
    const int32_t column = tinygen_depthwise_column(p->pairs);
    for (int32_t y = first_row; y < end_row; y += band_rows) {
        const int32_t rows = end_row - y < band_rows ? end_row - y : band_rows;
        const int32_t pairs = p->stride == 1 ? (rows + 3) / 2 : rows + 1;
        int32_t pair = 0;
        if (y != first_row) {
            int16_t *at = strip + p->pad_left * column;
            for (int32_t x = 0; x < p->used_columns; x++) {
                memcpy(at, at + column - 8, 16);
                at += column;
            }
            pair = 1;
        }
        tinygen_depthwise_fill_pairs(p, input + channel, strip, y * p->stride - p->pad_top, pair,
                                     pairs, channels);
        int8_t *to = output + (y - first_row) * p->output_columns * p->channels + channel;
        if (p->exact == NULL) {
            p->band(strip, p->constants + 3 * channel, p->weights + 9 * channel, to, rows,
                    channels);
            continue;
        }
        for (int32_t c = 0; c < channels; c++) {
            const int32_t k = channel + c;
            if (p->exact_channels[k] != 0u) {
                p->exact(p, strip + 2 * c, k, to + c, rows);
            } else {
                p->band(strip + 2 * c, p->constants + 3 * k, p->weights + 9 * k, to + c, rows, 1);
            }
        }
    }
}

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * @param p      the layer
 * @param input  ring of p->input_ring_rows rows of input_columns * channels values
 * @param output where first_row goes; rows of output_columns * channels values
 * @param strip  scratch memory: (output_columns - 1) * stride + 3 columns of 8 * p->pairs int16,
 *               aligned to 4 bytes
 */
static __attribute__((noinline, unused)) void
tinygen_depthwise3x3_rows(const tinygen_depthwise3x3_params *p, const int8_t *input, int8_t *output,
                          int16_t *strip, int32_t first_row, int32_t end_row)
{
    const int32_t columns = (p->output_columns - 1) * p->stride + 3;
    tinygen_depthwise_pad_columns(p, strip, 0, p->pad_left);
    tinygen_depthwise_pad_columns(p, strip, p->pad_left + p->used_columns, columns);
    for (int32_t channel = 0; channel < p->channels; channel += 4) {
        tinygen_depthwise3x3_group(p, input, output, strip, first_row, end_row, channel);
    }
}

/** Compute the whole output: NHWC in, NHWC out; output == input if the layer allows it. */
TINYGEN_KERNEL void tinygen_depthwise3x3(const tinygen_depthwise3x3_params *p, const int8_t *input,
                                         int8_t *output, int16_t *strip)
{
    const int32_t input_values = p->input_rows * p->input_columns * p->channels;
    const int32_t output_values = p->output_rows * p->output_columns * p->channels;
    for (int32_t n = 0; n < p->batches; n++) {
        tinygen_depthwise3x3_rows(p, input + n * input_values, output + n * output_values, strip, 0,
                                  p->output_rows);
    }
}

#endif
