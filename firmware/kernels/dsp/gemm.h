/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Matrix multiplication of columns of int8 values with packed int8 weights, for cores with 16-bit
 * SIMD; convolutions bring their windows into columns.
 *
 * Columns come in pairs, as int16 in the order in which SMLAD wants them: for four values of the
 * depth, k to k + 3, a pair is
 *
 *     a[k] a[k+2]  b[k] b[k+2]  a[k+1] a[k+3]  b[k+1] b[k+3]
 *
 * Two values of the depth make a step; steps are even in number.
 *
 * The stream holds, for each four channels, all that is read for them, in order: four sums to start
 * from, two words of weights a step, two constants a channel. A word holds the weights of two
 * channels for the two values of a step, each half 256 * first + second, and the sum to start from
 * is 256 * first + second too: the sum of products of whole halves, less the sum of products of
 * sign-extended low bytes, is 256 times the first channel's sum.
 */
#ifndef TINYGEN_KERNELS_DSP_GEMM_H
#define TINYGEN_KERNELS_DSP_GEMM_H

#include "../portable/requantize.h"
#include "simd.h"

/** What the multiplication needs to know of a layer; the order of the first five is the assembly's.
 */
typedef struct {
    int32_t steps;
    int32_t outputs; /**< channels in the stream, a multiple of four */
    int32_t base;    /**< what the two roundings add before the shift */
    int32_t cut;     /**< 255 - (largest output - smallest output) */
    int32_t low;     /**< smallest output */
    int32_t two_roundings;
    int32_t shift;
} tinygen_gemm_shape;

/** Multiplies pairs of columns with a stream: tinygen_gemm_pairs() or its assembly. */
typedef void tinygen_gemm_function(const int16_t *columns, const int32_t *stream, int8_t *output,
                                   const tinygen_gemm_shape *shape, int32_t pairs, int32_t pitch);

/** Channels that the stream does not hold, or not rightly: computed one by one. */
typedef struct tinygen_gemm_rest tinygen_gemm_rest;
typedef void tinygen_gemm_rest_function(const tinygen_gemm_rest *rest, int32_t steps,
                                        const int16_t *columns, int8_t *output, int32_t pairs,
                                        int32_t pitch);
struct tinygen_gemm_rest {
    tinygen_gemm_rest_function *compute; /**< tinygen_gemm_remaining() */
    int32_t count;
    const uint16_t *channels; /**< their numbers */
    const int8_t *weights;    /**< 2 * steps for each, the depth in order */
    const int32_t *bias;      /**< with the input's zero point folded in */
    tinygen_requantization requantization;
};

/**
 * One output from its sum.
 *
 * Fitted, with constants M and C: (C + (sum * M >> 32)) >> shift. With two roundings, and a factor
 * P in the place of C: (v * P + base) >> shift, where v is round(sum * (1 + M / 2^32)), less 1 if
 * negative. Where the range of outputs is cut, 255 minus the largest was added to the output.
 */
static inline int8_t tinygen_gemm_output(const tinygen_gemm_shape *s, int32_t sum,
                                         const int32_t *constants, int32_t shift)
{
    int32_t value;
    if (s->two_roundings != 0) {
        const int64_t doubled = (int64_t)sum * ((int64_t)1 << 32) + (int64_t)sum * constants[0];
        const int32_t rounded = (int32_t)((doubled + ((int64_t)1 << 31)) >> 32);
        value = (int32_t)((uint32_t)(rounded + (rounded >> 31)) * (uint32_t)constants[1]);
        value = tinygen_wrapping_add(value, s->base) >> shift;
    } else {
        value = tinygen_smmla(sum, constants[0], constants[1]) >> shift;
    }
    if (s->cut == 0) {
        return (int8_t)tinygen_clamp(value, -128, 127);
    }
    const int32_t above = tinygen_clamp(value, 0, 255) - s->cut;
    return (int8_t)((above > 0 ? above : 0) + s->low);
}

/** One column of a pair with the two channels of a word of weights. */
static inline void tinygen_gemm_two(const tinygen_gemm_shape *s, const int16_t *column,
                                    const int32_t *start, const int32_t *weights,
                                    const int32_t *constants, int8_t *output)
{
    int32_t both = start[0];
    int32_t second = start[1];
    for (int32_t k = 0; k < s->steps; k++) {
        const uint32_t values = tinygen_halves(column[4 * k], column[4 * k + 1]);
        const uint32_t word = (uint32_t)weights[2 * k];
        both = tinygen_smlad(values, word, both);
        second = tinygen_smlad(values, tinygen_sxtb16(word), second);
    }
    int32_t first = (int32_t)((uint32_t)both - (uint32_t)second);
    if (s->two_roundings != 0) {
        first >>= 8;
    }
    output[0] =
        tinygen_gemm_output(s, first, constants, s->two_roundings != 0 ? s->shift : s->shift + 8);
    output[1] = tinygen_gemm_output(s, second, constants + 2, s->shift);
}

/**
 * Multiply pairs of columns.
 *
 * @param columns pairs of 4 * steps values each, aligned to 4 bytes
 * @param stream  see above
 * @param output  of the first column; the channels of a column are consecutive
 * @param shape   the layer
 * @param pairs   number of pairs, at least 1
 * @param pitch   from a column's output to the next; 0 if the two columns of one pair are the same
 */
static inline void tinygen_gemm_pairs(const int16_t *columns, const int32_t *stream, int8_t *output,
                                      const tinygen_gemm_shape *shape, int32_t pairs, int32_t pitch)
{
    const int32_t words = 2 * shape->steps;
    for (int32_t pair = 0; pair < pairs; pair++) {
        const int32_t *at = stream;
        for (int32_t channel = 0; channel < shape->outputs; channel += 4) {
            const int32_t *weights = at + 4;
            const int32_t *constants = weights + words;
            for (int32_t side = 0; side < 2; side++) {
                int8_t *to = output + side * pitch + channel;
                const int16_t *column = columns + 2 * side;
                tinygen_gemm_two(shape, column, at, weights, constants, to);
                tinygen_gemm_two(shape, column, at + 2, weights + 1, constants + 4, to + 2);
            }
            at = constants + 8;
        }
        columns += 4 * shape->steps;
        output += 2 * pitch;
    }
}

/** Two int16, as one word. */
static inline uint32_t tinygen_gemm_load(const int16_t *from)
{
    uint32_t word;
    memcpy(&word, from, 4);
    return word;
}

/** Store two int16. */
static inline void tinygen_gemm_store(int16_t *to, uint32_t word)
{
    memcpy(to, &word, 4);
}

/** Compute the channels that the stream does not hold; arguments as of tinygen_gemm_pairs(). */
TINYGEN_SHARED void tinygen_gemm_remaining(const tinygen_gemm_rest *rest, int32_t steps,
                                           const int16_t *columns, int8_t *output, int32_t pairs,
                                           int32_t pitch)
{
    for (int32_t n = 0; n < rest->count; n++) {
        const int8_t *weights = rest->weights + n * 2 * steps;
        const int16_t *at = columns;
        int8_t *to = output + rest->channels[n];
        for (int32_t pair = 0; pair < pairs; pair++) {
            int32_t first = rest->bias[n];
            int32_t second = first;
            for (int32_t k = 0; k < 2 * steps; k += 4) {
                const uint32_t word = tinygen_load4(weights + k);
                const uint32_t even = tinygen_sxtb16(word);
                const uint32_t odd = tinygen_sxtb16_ror8(word);
                first = tinygen_smlad(tinygen_gemm_load(at), even, first);
                second = tinygen_smlad(tinygen_gemm_load(at + 2), even, second);
                first = tinygen_smlad(tinygen_gemm_load(at + 4), odd, first);
                second = tinygen_smlad(tinygen_gemm_load(at + 6), odd, second);
                at += 8;
            }
            to[0] = (int8_t)tinygen_requantize(&rest->requantization, first, n);
            to[pitch] = (int8_t)tinygen_requantize(&rest->requantization, second, n);
            to += 2 * pitch;
        }
    }
}

/** How windows lie in memory: segments of consecutive bytes; the order is the assembly's. */
typedef struct {
    int32_t groups;   /**< of four bytes in a segment */
    int32_t left;     /**< bytes that are left of it */
    int32_t segments; /**< of a window */
    int32_t pitch;    /**< from a segment to the next */
    int32_t step;     /**< from a window to that of the next pixel */
    int32_t pair;     /**< int16 from a pair of columns to the next */
} tinygen_gemm_windows;

/** Writes windows as columns: tinygen_gemm_columns() or its assembly. */
typedef void tinygen_gemm_columns_function(const tinygen_gemm_windows *windows, const int8_t *from,
                                           int16_t *columns, int32_t pairs);

/** Write four values as one column of a pair. */
static inline void tinygen_gemm_widen4(int16_t *to, uint32_t word)
{
    tinygen_gemm_store(to, tinygen_sxtb16(word));
    tinygen_gemm_store(to + 4, tinygen_sxtb16_ror8(word));
}

/** Write groups of four values as one column of a pair; gives where the next ones go. */
static inline int16_t *tinygen_gemm_widen(int16_t *to, const int8_t *from, int32_t groups)
{
    for (int32_t i = 0; i < groups; i++) {
        tinygen_gemm_widen4(to, tinygen_load4(from + 4 * i));
        to += 8;
    }
    return to;
}

/** Write value number k of those that follow groups of four. */
static inline void tinygen_gemm_widen1(int16_t *to, int32_t k, int32_t value)
{
    to[8 * (k / 4) + 4 * (k & 1) + ((k >> 1) & 1)] = (int16_t)value;
}

/** Write one window as a column: the groups of all segments, then what is left of each. */
TINYGEN_SHARED void tinygen_gemm_column(const tinygen_gemm_windows *windows, const int8_t *from,
                                        int16_t *column)
{
    const int8_t *left = from + 4 * windows->groups;
    int32_t k = 0;
    for (int32_t segment = 0; segment < windows->segments; segment++) {
        column = tinygen_gemm_widen(column, from + segment * windows->pitch, windows->groups);
    }
    for (int32_t segment = 0; segment < windows->segments; segment++) {
        for (int32_t i = 0; i < windows->left; i++) {
            tinygen_gemm_widen1(column, k, left[segment * windows->pitch + i]);
            k++;
        }
    }
}

/**
 * Write the windows of neighbouring pixels as pairs of columns.
 *
 * @param windows how they lie in memory
 * @param from    the first one
 * @param columns where the first pair goes, aligned to 4 bytes
 * @param pairs   number of pairs, at least 1
 */
static inline void tinygen_gemm_columns(const tinygen_gemm_windows *windows, const int8_t *from,
                                        int16_t *columns, int32_t pairs)
{
    for (int32_t i = 0; i < pairs; i++) {
        tinygen_gemm_column(windows, from, columns);
        tinygen_gemm_column(windows, from + windows->step, columns + 2);
        from += 2 * windows->step;
        columns += windows->pair;
    }
}

#endif
