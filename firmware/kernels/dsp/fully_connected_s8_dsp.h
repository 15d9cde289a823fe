/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * FULLY_CONNECTED, int8, for cores with 16-bit SIMD: a column times packed weights (gemm.h).
 *
 * The column is int16, for four values of the depth, k to k + 3: k, k + 2, k + 1, k + 3. The stream
 * holds, for each eight outputs, all that is read for them, in order: eight sums to start from,
 * four words of weights for each two values of the depth, and two constants an output unless all
 * share them. Words, sums and constants are as in gemm.h.
 */
#ifndef TINYGEN_KERNELS_DSP_FULLY_CONNECTED_S8_H
#define TINYGEN_KERNELS_DSP_FULLY_CONNECTED_S8_H

#include "gemm.h"

/** What the multiplication needs to know of a layer; the order of the first five is the assembly's.
 */
typedef struct {
    int32_t groups;  /**< of four values of the depth */
    int32_t outputs; /**< in the stream, a multiple of eight */
    int32_t base;    /**< what the two roundings add before the shift */
    int32_t cut;     /**< 255 - (largest output - smallest output) */
    int32_t low;     /**< smallest output */
    int32_t two_roundings;
    int32_t shift;
} tinygen_gemv_shape;

/** Multiplies a column with a stream: tinygen_gemv_blocks() or its assembly. */
typedef void tinygen_gemv_function(const int16_t *column, const int32_t *stream, int8_t *output,
                                   const tinygen_gemv_shape *shape, const int32_t *constants);

/** A fully connected layer. */
typedef struct {
    tinygen_gemv_function *multiply;
    const int32_t *stream;
    const int32_t *constants; /**< of a pair of outputs if all share them, else NULL */
    tinygen_gemv_shape shape;
    int32_t batches;
    int32_t inputs;
    int32_t outputs;
    int32_t remaining;        /**< outputs computed one by one */
    const uint16_t *channels; /**< their numbers */
    const int8_t *weights;    /**< theirs, [remaining][inputs] */
    const int32_t *bias;      /**< theirs, with the input's zero point folded in */
    tinygen_requantization requantization;
} tinygen_dsp_fully_connected_params;

/**
 * Multiply a column.
 *
 * @param column    4 * shape->groups values, aligned to 4 bytes
 * @param stream    see above
 * @param output    shape->outputs values
 * @param shape     the layer
 * @param constants of a pair of outputs if all share them, else NULL
 */
static inline void tinygen_gemv_blocks(const int16_t *column, const int32_t *stream, int8_t *output,
                                       const tinygen_gemv_shape *shape, const int32_t *constants)
{
    const tinygen_gemm_shape s = {
        .cut = shape->cut,
        .low = shape->low,
        .base = shape->base,
        .two_roundings = shape->two_roundings,
        .shift = shape->shift,
    };
    const int32_t steps = 2 * shape->groups;
    const int32_t first_shift = s.two_roundings != 0 ? s.shift : s.shift + 8;
    for (int32_t block = 0; block < shape->outputs; block += 8) {
        const int32_t *end = stream + 8 + 4 * steps;
        for (int32_t pair = 0; pair < 4; pair++) {
            const int32_t *weights = stream + 8 + pair;
            const int32_t *scales = constants != NULL ? constants : end + 4 * pair;
            int32_t both = stream[2 * pair];
            int32_t second = stream[2 * pair + 1];
            for (int32_t k = 0; k < steps; k++) {
                const uint32_t values = tinygen_gemm_load(column + 2 * k);
                const uint32_t word = (uint32_t)weights[4 * k];
                both = tinygen_smlad(values, word, both);
                second = tinygen_smlad(values, tinygen_sxtb16(word), second);
            }
            int32_t first = (int32_t)((uint32_t)both - (uint32_t)second);
            if (s.two_roundings != 0) {
                first >>= 8;
            }
            output[2 * pair] = tinygen_gemm_output(&s, first, scales, first_shift);
            output[2 * pair + 1] = tinygen_gemm_output(&s, second, scales + 2, s.shift);
        }
        stream = constants != NULL ? end : end + 16;
        output += 8;
    }
}

/** The sums of up to two outputs, from the input as it is. */
static inline void tinygen_dsp_fully_connected_two(const int8_t *input, const int8_t *first,
                                                   const int8_t *second, int32_t inputs,
                                                   int32_t *sums)
{
    int32_t a = sums[0];
    int32_t b = sums[1];
    int32_t k = 0;
    for (; k + 4 <= inputs; k += 4) {
        const uint32_t values = tinygen_load4(input + k);
        const uint32_t even = tinygen_sxtb16(values);
        const uint32_t odd = tinygen_sxtb16_ror8(values);
        const uint32_t of_first = tinygen_load4(first + k);
        const uint32_t of_second = tinygen_load4(second + k);
        a = tinygen_smlad(even, tinygen_sxtb16(of_first), a);
        b = tinygen_smlad(even, tinygen_sxtb16(of_second), b);
        a = tinygen_smlad(odd, tinygen_sxtb16_ror8(of_first), a);
        b = tinygen_smlad(odd, tinygen_sxtb16_ror8(of_second), b);
    }
    for (; k < inputs; k++) {
        a = tinygen_wrapping_add(a, input[k] * first[k]);
        b = tinygen_wrapping_add(b, input[k] * second[k]);
    }
    sums[0] = a;
    sums[1] = b;
}

/** Compute the outputs that the stream does not hold. */
static __attribute__((noinline, unused)) void
tinygen_dsp_fully_connected_remaining(const tinygen_dsp_fully_connected_params *p,
                                      const int8_t *input, int8_t *output)
{
    for (int32_t n = 0; n < p->remaining; n += 2) {
        const int32_t other = n + 1 < p->remaining ? n + 1 : n;
        int32_t sums[2] = {p->bias[n], p->bias[other]};
        tinygen_dsp_fully_connected_two(input, p->weights + n * p->inputs,
                                        p->weights + other * p->inputs, p->inputs, sums);
        output[p->channels[n]] = (int8_t)tinygen_requantize(&p->requantization, sums[0], n);
        output[p->channels[other]] = (int8_t)tinygen_requantize(&p->requantization, sums[1], other);
    }
}

/** Widen a row of inputs to a column. */
static __attribute__((noinline, unused)) void
tinygen_dsp_fully_connected_column(const int8_t *input, int32_t inputs, int16_t *column)
{
    int32_t k = 0;
    for (; k + 4 <= inputs; k += 4) {
        const uint32_t values = tinygen_load4(input + k);
        tinygen_gemm_store(column + k, tinygen_sxtb16(values));
        tinygen_gemm_store(column + k + 2, tinygen_sxtb16_ror8(values));
    }
    for (int32_t i = 0; k + i < inputs; i++) {
        column[k + 2 * (i & 1) + i / 2] = input[k + i];
    }
}

/**
 * Compute the outputs that the stream holds, and then the others.
 *
 * @param p      the layer
 * @param input  p->batches rows of p->inputs values
 * @param output p->batches rows of p->outputs values; may start where the input does if they are
 *               not more, and if the stream holds all
 * @param column scratch memory for 4 * p->shape.groups values, aligned to 4 bytes
 */
static inline void tinygen_dsp_fully_connected(const tinygen_dsp_fully_connected_params *p,
                                               const int8_t *input, int8_t *output, int16_t *column)
{
    for (int32_t b = 0; b < p->batches; b++) {
        tinygen_dsp_fully_connected_column(input, p->inputs, column);
        p->multiply(column, p->stream, output, &p->shape, p->constants);
        if (p->remaining != 0) {
            tinygen_dsp_fully_connected_remaining(p, input, output);
        }
        input += p->inputs;
        output += p->outputs;
    }
}

/** The same for a layer without a stream. */
static inline void tinygen_dsp_fully_connected_small(const tinygen_dsp_fully_connected_params *p,
                                                     const int8_t *input, int8_t *output)
{
    for (int32_t b = 0; b < p->batches; b++) {
        tinygen_dsp_fully_connected_remaining(p, input, output);
        input += p->inputs;
        output += p->outputs;
    }
}

#endif
