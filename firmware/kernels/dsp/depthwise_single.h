/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * DEPTHWISE_CONV_2D, int8, of one input channel with a column stride of 2, for cores with 16-bit
 * SIMD.
 *
 * Rows of the image are widened to int16, with the padding at their sides, as many as a band of
 * output rows needs. Windows are then read in place: a pair of taps is a word of a widened row.
 *
 * The stream holds, for each four channels, four sums to start from, two words of weights for each
 * pair of taps of each filter row, two constants a channel. Words, sums and constants are those of
 * gemm.h; here the halves of a word of weights are for two neighbouring taps.
 */
#ifndef TINYGEN_KERNELS_DSP_DEPTHWISE_SINGLE_H
#define TINYGEN_KERNELS_DSP_DEPTHWISE_SINGLE_H

#include "gemm.h"

/** What a row of outputs needs to know of its layer; the order of the first three is the
 * assembly's. */
typedef struct {
    int32_t quads;    /**< groups of four channels in the stream */
    int32_t channels; /**< of the output */
    int32_t pixels;   /**< of an output row, rounded up to an even number */
} tinygen_single_shape;

/** What the assembly of a layer is made for. */
typedef struct {
    int32_t rows;  /**< of the filter */
    int32_t steps; /**< pairs of taps of a filter row */
    int32_t pitch; /**< int16 of a widened row */
    int32_t odd;   /**< whether the number of pixels of a row is odd */
    tinygen_gemm_shape scaling;
} tinygen_single_filter;

/** Computes a row of outputs: tinygen_single_row() for one filter, or its assembly. */
typedef void tinygen_single_row_function(const int16_t *rows, const int32_t *stream, int8_t *output,
                                         const tinygen_single_shape *shape);

/** Channels that the stream does not hold, or not rightly: computed one by one. */
typedef struct tinygen_single_params tinygen_single_params;
typedef void tinygen_single_rest_function(const tinygen_single_params *p, const int16_t *rows,
                                          int8_t *output);

/** A layer. */
struct tinygen_single_params {
    tinygen_single_row_function *row;
    const int32_t *stream;
    tinygen_single_shape shape;
    int32_t batches;
    int32_t input_rows;
    int32_t input_columns;
    int32_t input_ring_rows;
    int32_t input_ring_phase; /**< slot of row 0 in it */
    int32_t output_rows;
    int32_t output_columns;
    int32_t filter_rows;
    int32_t filter_columns;
    int32_t row_stride;
    int32_t pad_top;
    int32_t pad_left;
    int32_t used_columns;               /**< columns of the image that some output depends on */
    int32_t pitch;                      /**< int16 of a widened row, an even number */
    int32_t band_rows;                  /**< output rows of a band */
    int32_t padding;                    /**< the input's zero point */
    tinygen_single_rest_function *rest; /**< tinygen_single_rest(), or NULL if there are none */
    int32_t rest_count;
    const uint16_t *rest_channels;
    const int8_t *rest_weights;            /**< filter_rows * filter_columns of each */
    const int32_t *rest_bias;              /**< with the input's zero point folded in */
    tinygen_requantization requantization; /**< of these channels */
};

/** One pixel with the two channels of a word of weights; `weights` steps over two words. */
static inline void tinygen_single_two(const tinygen_single_filter *f, const int16_t *rows,
                                      const int32_t *start, const int32_t *weights,
                                      const int32_t *constants, int8_t *output)
{
    int32_t both = start[0];
    int32_t second = start[1];
    for (int32_t y = 0; y < f->rows; y++) {
        for (int32_t k = 0; k < f->steps; k++) {
            const uint32_t values = tinygen_gemm_load(rows + y * f->pitch + 2 * k);
            const uint32_t word = (uint32_t)weights[2 * (y * f->steps + k)];
            both = tinygen_smlad(values, word, both);
            second = tinygen_smlad(values, tinygen_sxtb16(word), second);
        }
    }
    const tinygen_gemm_shape *s = &f->scaling;
    int32_t first = (int32_t)((uint32_t)both - (uint32_t)second);
    if (s->two_roundings != 0) {
        first >>= 8;
    }
    output[0] =
        tinygen_gemm_output(s, first, constants, s->two_roundings != 0 ? s->shift : s->shift + 8);
    output[1] = tinygen_gemm_output(s, second, constants + 2, s->shift);
}

/**
 * Compute a row of outputs.
 *
 * @param f      the filter
 * @param rows   widened rows, from the first that the outputs need on; aligned to 4 bytes
 * @param stream see above
 * @param output first channel of the first pixel
 * @param shape  the layer
 */
static inline void tinygen_single_row(const tinygen_single_filter *f, const int16_t *rows,
                                      const int32_t *stream, int8_t *output,
                                      const tinygen_single_shape *shape)
{
    const int32_t words = 2 * f->rows * f->steps;
    for (int32_t quad = 0; quad < shape->quads; quad++) {
        const int32_t *weights = stream + 4;
        const int32_t *constants = weights + words;
        for (int32_t x = 0; x < shape->pixels - f->odd; x++) {
            int8_t *to = output + x * shape->channels + 4 * quad;
            tinygen_single_two(f, rows + 2 * x, stream, weights, constants, to);
            tinygen_single_two(f, rows + 2 * x, stream + 2, weights + 1, constants + 4, to + 2);
        }
        stream = constants + 8;
    }
}

/** Compute, in a row of outputs, the channels that the stream does not hold. */
TINYGEN_SHARED void tinygen_single_rest(const tinygen_single_params *p, const int16_t *rows,
                                        int8_t *output)
{
    for (int32_t n = 0; n < p->rest_count; n++) {
        const int8_t *weights = p->rest_weights + n * p->filter_rows * p->filter_columns;
        int8_t *to = output + p->rest_channels[n];
        for (int32_t x = 0; x < p->output_columns; x++) {
            int32_t sum = p->rest_bias[n];
            for (int32_t ky = 0; ky < p->filter_rows; ky++) {
                const int16_t *at = rows + ky * p->pitch + 2 * x;
                const int8_t *w = weights + ky * p->filter_columns;
                for (int32_t kx = 0; kx < p->filter_columns; kx++) {
                    sum = tinygen_wrapping_add(sum, at[kx] * w[kx]);
                }
            }
            *to = (int8_t)tinygen_requantize(&p->requantization, sum, n);
            to += p->shape.channels;
        }
    }
}

/** Widen `count` values. */
static inline void tinygen_single_widen(const int8_t *from, int16_t *to, int32_t count)
{
    for (int32_t groups = count / 4; groups > 0; groups--) {
        const uint32_t word = tinygen_load4(from);
        const uint32_t even = tinygen_sxtb16(word);
        const uint32_t odd = tinygen_sxtb16_ror8(word);
        tinygen_gemm_store(to, tinygen_pack_bottoms(even, odd));
        tinygen_gemm_store(to + 2, tinygen_pack_tops(even, odd));
        from += 4;
        to += 4;
    }
    for (int32_t left = count % 4; left > 0; left--) {
        *to++ = *from++;
    }
}

/** Write one value repeatedly. */
static inline void tinygen_single_fill(int16_t *to, int32_t value, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        to[i] = (int16_t)value;
    }
}

/** Widen rows [row, row + rows) of the image, those outside it as padding. */
static inline void tinygen_single_widen_rows(const tinygen_single_params *p, const int8_t *input,
                                             int16_t *to, int32_t row, int32_t rows)
{
    for (int32_t y = row; y < row + rows; y++) {
        if (y < 0 || y >= p->input_rows) {
            tinygen_single_fill(to, p->padding, p->pitch);
        } else {
            const int8_t *from =
                input +
                tinygen_ring_slot(y + p->input_ring_phase, p->input_ring_rows) * p->input_columns;
            const int32_t end = p->pad_left + p->used_columns;
            tinygen_single_fill(to, p->padding, p->pad_left);
            tinygen_single_widen(from, to + p->pad_left, p->used_columns);
            tinygen_single_fill(to + end, p->padding, p->pitch - end);
        }
        to += p->pitch;
    }
}

/** Bring the last rows of a band, which the next one needs too, to its front; gives their number.
 */
static inline int32_t tinygen_single_keep(const tinygen_single_params *p, int16_t *strip,
                                          int32_t band_rows)
{
    const int32_t kept = p->filter_rows > p->row_stride ? p->filter_rows - p->row_stride : 0;
    const int16_t *from = strip + band_rows * p->row_stride * p->pitch;
    for (int32_t y = 0; y < kept; y++) {
        memcpy(strip, from, (size_t)p->pitch * sizeof *strip);
        strip += p->pitch;
        from += p->pitch;
    }
    return kept;
}

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * @param p      the layer
 * @param input  ring of p->input_ring_rows rows of p->input_columns values
 * @param output where first_row goes
 * @param strip  scratch memory: (band_rows - 1) * row_stride + filter_rows widened rows, aligned to
 *               4 bytes
 */
TINYGEN_SHARED void tinygen_single_rows(const tinygen_single_params *p, const int8_t *input,
                                        int8_t *output, int16_t *strip, int32_t first_row,
                                        int32_t end_row)
{
    int32_t kept = 0;
    int32_t row = first_row * p->row_stride - p->pad_top;
    for (int32_t y = first_row; y < end_row; y += p->band_rows) {
        const int32_t rows = end_row - y < p->band_rows ? end_row - y : p->band_rows;
        const int32_t needed = (rows - 1) * p->row_stride + p->filter_rows;
        tinygen_single_widen_rows(p, input, strip + kept * p->pitch, row + kept, needed - kept);
        for (int32_t i = 0; i < rows; i++) {
            const int16_t *at = strip + i * p->row_stride * p->pitch;
            if (p->shape.quads != 0) {
                p->row(at, p->stream, output, &p->shape);
            }
            if (p->rest != NULL) {
                p->rest(p, at, output);
            }
            output += p->output_columns * p->shape.channels;
        }
        row += rows * p->row_stride;
        kept = tinygen_single_keep(p, strip, rows);
    }
}

/** Compute the whole output: NHWC in, NHWC out. */
TINYGEN_KERNEL void tinygen_single(const tinygen_single_params *p, const int8_t *input,
                                   int8_t *output, int16_t *strip)
{
    input = tinygen_opaque(input);
    TINYGEN_EACH_IMAGE (p->batches, input, p->input_rows * p->input_columns, output,
                        p->output_rows * p->output_columns * p->shape.channels) {
        tinygen_single_rows(p, input, output, strip, 0, p->output_rows);
    }
}

#endif
