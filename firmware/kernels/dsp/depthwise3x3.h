/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * DEPTHWISE_CONV_2D, int8, 3x3, stride 1 or 2, depth multiplier 1, for cores with 16-bit SIMD.
 *
 * Four channels at a time go through a strip: the input rows that a band of output rows needs, as
 * int16, two rows a word. Pair i of the strip holds rows 2i and 2i + 1 of the band's (padded)
 * input:
 *
 *     strip[pair][column][channel of 4][row of 2]
 *
 * All rows of a band are in the strip before its first output is written, and the pair that two
 * bands share is carried over: the output may therefore overwrite the input (same address).
 * Padding is filled with the input's zero point, so that no loop tests for it.
 */
#ifndef TINYGEN_KERNELS_DSP_DEPTHWISE3X3_H
#define TINYGEN_KERNELS_DSP_DEPTHWISE3X3_H

#include <string.h>

#include "../portable/requantize.h"
#include "simd.h"

/** The input of a layer, as filling a strip sees it; the order is the assembly's. */
typedef struct {
    int32_t rows;
    int32_t pitch; /**< bytes of a row */
    int32_t channels;
    int32_t columns;    /**< those that some output depends on */
    int32_t strip_skip; /**< bytes of strip from the last of them to the first of the next pair */
    int32_t padding;    /**< the input's zero point in all four bytes */
    int32_t input_ring_rows;  /**< rows of input memory; the image's height if it is whole */
    int32_t input_ring_phase; /**< slot of row 0 in it */
} tinygen_depthwise_image;

/** Fills pairs of rows: tinygen_depthwise_fill() or its assembly. */
typedef void tinygen_depthwise_fill_function(const tinygen_depthwise_image *image,
                                             const int8_t *input, int16_t *strip, int32_t row,
                                             int32_t pairs);

/** Computes a band from its strip: tinygen_depthwise3x3_columns() for one shape, or its assembly.
 */
typedef void tinygen_depthwise3x3_band_function(const int16_t *strip, const int32_t *constants,
                                                const int8_t *weights, int8_t *output, int32_t rows,
                                                int32_t channels);

/** What the assembly of a layer is made for. */
typedef struct {
    int32_t stride;
    int32_t channels;      /**< of the whole image */
    int32_t width;         /**< columns of the output */
    int32_t two_roundings; /**< 0 for fitted requantization */
    int32_t shift;         /**< right shift of either */
    int32_t base;          /**< what the two roundings add before it */
    int32_t cut;           /**< 255 - (largest output - smallest output) */
    int32_t low;           /**< smallest output */
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
    tinygen_depthwise_image image;
    int32_t batches;
    int32_t stride;
    int32_t pad_top;
    int32_t pad_left;
    int32_t output_rows;
    int32_t output_columns;
    int32_t pairs;                              /**< pairs of rows that the strip holds */
    int32_t band_rows;                          /**< output rows that they are enough for */
    tinygen_depthwise3x3_exact_function *exact; /**< NULL if every channel has fitted constants */
    const uint8_t *exact_channels;              /**< for each channel, whether it has none */
    const int32_t *exact_bias;                  /**< with the input's zero point folded in */
    tinygen_requantization requantization;      /**< of the channels without fitted constants */
};

/** int16 of a pair of rows of a strip, for outputs of that many columns. */
static inline int32_t tinygen_depthwise_pair(int32_t output_columns, int32_t stride)
{
    return 8 * ((output_columns - 1) * stride + 3);
}

/** A row of the image: `*step` gets the bytes from column to column, 0 if it is padding. */
static inline const int8_t *tinygen_depthwise_row(const tinygen_depthwise_image *image,
                                                  const int8_t *input, int32_t row, int32_t *step)
{
    if (row < 0 || row >= image->rows) {
        *step = 0;
        return (const int8_t *)&image->padding;
    }
    *step = image->channels;
    return input +
           tinygen_ring_slot(row + image->input_ring_phase, image->input_ring_rows) * image->pitch;
}

/** Fill pairs of rows of a strip with up to four channels; see tinygen_depthwise_fill(). */
static inline void tinygen_depthwise_fill_some(const tinygen_depthwise_image *image,
                                               const int8_t *input, int16_t *strip, int32_t row,
                                               int32_t pairs, int32_t channels)
{
    for (int32_t pair = 0; pair < pairs; pair++) {
        int32_t upper_step;
        int32_t lower_step;
        const int8_t *upper = tinygen_depthwise_row(image, input, row, &upper_step);
        const int8_t *lower = tinygen_depthwise_row(image, input, row + 1, &lower_step);
        for (int32_t x = 0; x < image->columns; x++) {
            for (int32_t c = 0; c < channels; c++) {
                strip[2 * c] = upper[x * upper_step + c];
                strip[2 * c + 1] = lower[x * lower_step + c];
            }
            strip += 8;
        }
        strip += image->strip_skip / 2;
        row += 2;
    }
}

/**
 * Fill pairs of rows of a strip with four channels.
 *
 * @param image  where they come from
 * @param input  first of the channels, of the ring's first row
 * @param strip  where the first pair's first column that is no padding goes
 * @param row    first row; outside the image is padding
 * @param pairs  pairs of rows to fill, at least 1
 */
static inline void tinygen_depthwise_fill(const tinygen_depthwise_image *image, const int8_t *input,
                                          int16_t *strip, int32_t row, int32_t pairs)
{
    tinygen_depthwise_fill_some(image, input, strip, row, pairs, 4);
}

/** The accumulator of one output, with weights in the order of the layer. */
static inline int32_t tinygen_depthwise3x3_sum(const int16_t *strip, const int8_t *w, int32_t pair,
                                               int32_t row, int32_t column)
{
    static const uint8_t order[9] = {0, 1, 4, 2, 3, 6, 5, 7, 8};
    int32_t sum = 0;
    for (int32_t ky = 0; ky < 3; ky++) {
        const int16_t *at = strip + (row + ky) / 2 * pair + (row + ky) % 2;
        for (int32_t kx = 0; kx < 3; kx++) {
            sum += at[8 * (column + kx)] * w[order[3 * ky + kx]];
        }
    }
    return sum;
}

/** Requantize as the assembly does; see tinygen_depthwise3x3_columns() for the constants. */
static inline int8_t tinygen_depthwise3x3_finish(const tinygen_depthwise3x3_shape *s, int32_t sum,
                                                 const int32_t *constants)
{
    int32_t value;
    if (s->two_roundings != 0) {
        const int32_t biased = tinygen_wrapping_add(sum, constants[0]);
        const int64_t doubled =
            (int64_t)biased * ((int64_t)1 << 32) + (int64_t)biased * constants[1];
        value = (int32_t)((doubled + ((int64_t)1 << 31)) >> 32);
        value = ((value + (value >> 31)) * constants[2] + s->base) >> s->shift;
    } else {
        const int32_t scaled = (int32_t)((uint32_t)sum << (constants[2] & 15));
        const int32_t biased = tinygen_wrapping_add(scaled, constants[0]);
        const int64_t product = ((int64_t)biased * constants[1]) >> 32;
        value = ((constants[2] >> 4) + (int32_t)product) >> s->shift;
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
 *    two roundings: a factor P, and the output is (v * P + base) >> shift, where v is
 *    round(accumulator * (1 + M / 2^32)), less 1 if negative.
 *
 * Where the range of outputs is cut, 255 minus the largest was added to the output.
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
    const int32_t pair = tinygen_depthwise_pair(s->width, s->stride);
    for (int32_t c = 0; c < channels; c++) {
        for (int32_t y = 0; y < rows; y++) {
            for (int32_t x = 0; x < s->width; x++) {
                const int32_t sum = tinygen_depthwise3x3_sum(strip + 2 * c, weights + 9 * c, pair,
                                                             y * s->stride, x * s->stride);
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
    const int32_t pair = tinygen_depthwise_pair(p->output_columns, p->stride);
    for (int32_t y = 0; y < rows; y++) {
        for (int32_t x = 0; x < p->output_columns; x++) {
            const int32_t sum = tinygen_depthwise3x3_sum(strip, p->weights + 9 * channel, pair,
                                                         y * p->stride, x * p->stride);
            const int32_t biased = tinygen_wrapping_add(sum, p->exact_bias[channel]);
            output[(y * p->output_columns + x) * p->image.channels] =
                (int8_t)tinygen_requantize(&p->requantization, biased, channel);
        }
    }
}

/** Set the columns of the strip that are padding to the input's zero point. */
static inline void tinygen_depthwise_pad_columns(const tinygen_depthwise3x3_params *p,
                                                 int16_t *strip)
{
    const int32_t pair = tinygen_depthwise_pair(p->output_columns, p->stride);
    const int32_t value = (int8_t)(p->image.padding & 0xff);
    const uint32_t word = tinygen_halves(value, value);
    for (int32_t i = 0; i < p->pairs; i++) {
        for (int32_t k = 0; k < 8 * p->pad_left; k += 2) {
            memcpy(strip + k, &word, 4);
        }
        for (int32_t k = 8 * (p->pad_left + p->image.columns); k < pair; k += 2) {
            memcpy(strip + k, &word, 4);
        }
        strip += pair;
    }
}

/** A band of up to four channels: with fitted constants or without. */
static inline void tinygen_depthwise3x3_band(const tinygen_depthwise3x3_params *p,
                                             const int16_t *strip, int8_t *output, int32_t rows,
                                             int32_t channel, int32_t channels)
{
    if (p->exact == NULL) {
        p->band(strip, p->constants + 3 * channel, p->weights + 9 * channel, output, rows,
                channels);
        return;
    }
    for (int32_t k = channel; k < channel + channels; k++) {
        if (p->exact_channels[k] != 0u) {
            p->exact(p, strip, k, output, rows);
        } else {
            p->band(strip, p->constants + 3 * k, p->weights + 9 * k, output, rows, 1);
        }
        strip += 2;
        output++;
    }
}

/** Several bands, or fewer than four channels, from `channel` on. */
static inline void tinygen_depthwise3x3_bands(const tinygen_depthwise3x3_params *p,
                                              const int8_t *input, int8_t *output, int16_t *strip,
                                              int32_t first_row, int32_t end_row, int32_t channel)
{
    const int32_t left = p->image.channels - channel;
    const int32_t channels = left < 4 ? left : 4;
    const int32_t pair = tinygen_depthwise_pair(p->output_columns, p->stride);
    const int32_t pitch = p->output_columns * p->image.channels;
    int16_t *fill = strip + 8 * p->pad_left;
    int32_t row = first_row * p->stride - p->pad_top;
    int32_t carried = 0;
    input += channel;
    output += channel;
    for (int32_t y = first_row; y < end_row; y += p->band_rows) {
        const int32_t rows = end_row - y < p->band_rows ? end_row - y : p->band_rows;
        const int32_t pairs = (rows * p->stride + 4 - p->stride) / 2 - carried;
        if (channels == 4) {
            p->fill(&p->image, input, fill, row, pairs);
        } else {
            tinygen_depthwise_fill_some(&p->image, input, fill, row, pairs, channels);
        }
        tinygen_depthwise3x3_band(p, strip, output, rows, channel, channels);
        if (rows < end_row - y) {
            memcpy(strip, strip + (p->pairs - 1) * pair, (size_t)pair * sizeof *strip);
        }
        row += 2 * pairs;
        output += rows * pitch;
        fill = strip + pair + 8 * p->pad_left;
        carried = 1;
    }
}

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * @param p      the layer
 * @param input  ring of p->image.input_ring_rows rows of p->image.pitch values
 * @param output where first_row goes; rows of output_columns * channels values
 * @param strip  scratch memory: p->pairs * tinygen_depthwise_pair() int16, aligned to 4 bytes
 */
TINYGEN_SHARED void tinygen_depthwise3x3_rows(const tinygen_depthwise3x3_params *p,
                                              const int8_t *input, int8_t *output, int16_t *strip,
                                              int32_t first_row, int32_t end_row)
{
    const int32_t rows = end_row - first_row;
    const int32_t pairs = (rows * p->stride + 4 - p->stride) / 2;
    const int32_t row = first_row * p->stride - p->pad_top;
    int16_t *fill = strip + 8 * p->pad_left;
    int32_t channel = 0;
    tinygen_depthwise_pad_columns(p, strip);
    if (rows <= p->band_rows && p->exact == NULL) {
        for (; channel + 4 <= p->image.channels; channel += 4) {
            p->fill(&p->image, input + channel, fill, row, pairs);
            p->band(strip, p->constants + 3 * channel, p->weights + 9 * channel, output + channel,
                    rows, 4);
        }
    }
    for (; channel < p->image.channels; channel += 4) {
        tinygen_depthwise3x3_bands(p, input, output, strip, first_row, end_row, channel);
    }
}

/** Compute the whole output: NHWC in, NHWC out; output == input if the layer allows it. */
TINYGEN_KERNEL void tinygen_depthwise3x3(const tinygen_depthwise3x3_params *p, const int8_t *input,
                                         int8_t *output, int16_t *strip)
{
    input = tinygen_opaque(input);
    TINYGEN_EACH_IMAGE (p->batches, input, p->image.rows * p->image.pitch, output,
                        p->output_rows * p->output_columns * p->image.channels) {
        tinygen_depthwise3x3_rows(p, input, output, strip, 0, p->output_rows);
    }
}

#endif
