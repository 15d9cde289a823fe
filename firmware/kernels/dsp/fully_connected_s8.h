/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * FULLY_CONNECTED, int8, for cores with 16-bit SIMD: a row of inputs times packed weights (gemm.h).
 *
 * Four inputs, k to k + 3, make a group: SXTB16 gives those at even places (k, k + 2) and at odd
 * ones. The stream holds, for each eight outputs, all that is read for them, in order: eight sums
 * to start from, for each group and each two outputs a word of weights for the even inputs and one
 * for the odd, and two constants an output unless all share them. Words, sums and constants are as
 * in gemm.h.
 *
 * The first sum of a word is 256 times the first output's, plus the second's; the latter alone
 * takes half the multiplications (S. Winograd, A New Algorithm for Inner Product, 1968), since with
 * inputs x, y and weights v, w for them
 *
 *     (x + w) * (y + v) = x * v + y * w + x * y + v * w
 *
 * and SXTAB16, which has to widen the weights anyway, adds for nothing. The products v * w of a
 * layer's weights are taken from the sums to start from, those of its inputs, the same for all
 * outputs, are computed once. Sums wrap, so this is exact whatever they are in between.
 */
#ifndef TINYGEN_KERNELS_DSP_FULLY_CONNECTED_S8_H
#define TINYGEN_KERNELS_DSP_FULLY_CONNECTED_S8_H

#include "gemm.h"

/** What the multiplication needs to know of a layer; the order of the first five is the assembly's.
 */
typedef struct {
    int32_t groups;  /**< of four inputs */
    int32_t outputs; /**< in the stream, a multiple of eight */
    int32_t base;    /**< what the two roundings add before the shift */
    int32_t cut;     /**< 255 - (largest output - smallest output) */
    int32_t low;     /**< smallest output */
    int32_t two_roundings;
    int32_t shift;
} tinygen_gemv_shape;

/** Multiplies a row with a stream: tinygen_gemv_blocks() or its assembly. */
typedef void tinygen_gemv_function(const int8_t *input, const int32_t *stream, int8_t *output,
                                   const tinygen_gemv_shape *shape, const int32_t *constants,
                                   int32_t products);

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
 * Multiply the inputs with the weights of two outputs.
 *
 * @param input   4 * groups values
 * @param weights the pair's in the stream
 * @param groups  of four inputs
 * @param both    the sum to start from of both
 * @param second  the second's sum to start from, less the inputs' products; becomes its sum
 * @return        256 times the first's sum
 */
static inline int32_t tinygen_gemv_pair(const int8_t *input, const int32_t *weights, int32_t groups,
                                        int32_t both, int32_t *second)
{
    for (int32_t i = 0; i < groups; i++) {
        const uint32_t values = tinygen_load4(input + 4 * i);
        const uint32_t even = tinygen_sxtb16(values);
        const uint32_t odd = tinygen_sxtb16_ror8(values);
        const uint32_t for_even = (uint32_t)weights[8 * i];
        const uint32_t for_odd = (uint32_t)weights[8 * i + 1];
        both = tinygen_smlad(odd, for_odd, tinygen_smlad(even, for_even, both));
        *second =
            tinygen_smlad(tinygen_sxtab16(odd, for_even), tinygen_sxtab16(even, for_odd), *second);
    }
    return (int32_t)((uint32_t)both - (uint32_t)*second);
}

/**
 * Multiply a row.
 *
 * @param input     4 * shape->groups values
 * @param stream    see above
 * @param output    shape->outputs values
 * @param shape     the layer
 * @param constants of a pair of outputs if all share them, else NULL
 * @param products  tinygen_gemv_products() of the row
 */
static inline void tinygen_gemv_blocks(const int8_t *input, const int32_t *stream, int8_t *output,
                                       const tinygen_gemv_shape *shape, const int32_t *constants,
                                       int32_t products)
{
    const tinygen_gemm_shape s = {
        .cut = shape->cut,
        .low = shape->low,
        .base = shape->base,
        .two_roundings = shape->two_roundings,
        .shift = shape->shift,
    };
    const int32_t first_shift = s.two_roundings != 0 ? s.shift : s.shift + 8;
    for (int32_t block = 0; block < shape->outputs; block += 8) {
        const int32_t *end = stream + 8 + 8 * shape->groups;
        for (int32_t pair = 0; pair < 4; pair++) {
            const int32_t *weights = stream + 8 + 2 * pair;
            const int32_t *scales = constants != NULL ? constants : end + 4 * pair;
            const int32_t both = stream[2 * pair];
            int32_t second = (int32_t)((uint32_t)stream[2 * pair + 1] - (uint32_t)products);
            int32_t first = tinygen_gemv_pair(input, weights, shape->groups, both, &second);
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

/** The products of neighbouring inputs, 4 * groups of them, summed up. */
TINYGEN_SHARED int32_t tinygen_gemv_products(const int8_t *input, int32_t groups)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < groups; i++) {
        const uint32_t values = tinygen_load4(input + 4 * i);
        sum = tinygen_smlad(tinygen_sxtb16(values), tinygen_sxtb16_ror8(values), sum);
    }
    return sum;
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
TINYGEN_SHARED void
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

/** Compute the outputs of one row that the stream holds. */
static inline void tinygen_dsp_fully_connected_row(const tinygen_dsp_fully_connected_params *p,
                                                   const int8_t *input, int8_t *output)
{
    p->multiply(input, p->stream, output, &p->shape, p->constants,
                tinygen_gemv_products(input, p->shape.groups));
}

/**
 * Compute the outputs that the stream holds, and then the others.
 *
 * @param p      the layer; its inputs fill groups
 * @param input  p->batches rows of p->inputs values
 * @param output p->batches rows of p->outputs values
 */
static inline void tinygen_dsp_fully_connected(const tinygen_dsp_fully_connected_params *p,
                                               const int8_t *input, int8_t *output)
{
    for (int32_t b = 0; b < p->batches; b++) {
        tinygen_dsp_fully_connected_row(p, input, output);
        if (p->remaining != 0) {
            tinygen_dsp_fully_connected_remaining(p, input, output);
        }
        input += p->inputs;
        output += p->outputs;
    }
}

/** Copy a row of inputs, with zeros up to the end of its last group. */
TINYGEN_SHARED void tinygen_dsp_fully_connected_pad(const int8_t *input, int32_t inputs,
                                                    int8_t *row)
{
    int32_t k = 0;
    for (; k + 4 <= inputs; k += 4) {
        tinygen_store4(row + k, tinygen_load4(input + k));
    }
    tinygen_store4(row + k, 0);
    for (; k < inputs; k++) {
        row[k] = input[k];
    }
}

/** The same for inputs that do not fill groups; row is scratch memory for 4 * p->shape.groups. */
static inline void tinygen_dsp_fully_connected_padded(const tinygen_dsp_fully_connected_params *p,
                                                      const int8_t *input, int8_t *output,
                                                      int8_t *row)
{
    for (int32_t b = 0; b < p->batches; b++) {
        tinygen_dsp_fully_connected_pad(input, p->inputs, row);
        tinygen_dsp_fully_connected_row(p, row, output);
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
