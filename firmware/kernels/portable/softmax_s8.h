/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * SOFTMAX, int8 to int8 or int16: exponentials from a table, the reciprocal as gemmlowp has it.
 *
 * Qm.n names an int32 with m integer and n = 31 - m fractional bits.
 */
#ifndef TINYGEN_KERNELS_SOFTMAX_S8_H
#define TINYGEN_KERNELS_SOFTMAX_S8_H

#include "requantize.h"

/** Integer bits of a row's sum of exponentials. */
#define TINYGEN_SOFTMAX_SUM_BITS 12

/**
 * A softmax layer: exponentials[d] is exp(-d * scale * beta) in Q0.31 for a value that is d below
 * its row's maximum; from count on it is 0.
 */
typedef struct {
    int32_t rows;
    int32_t depth;
    const int32_t *exponentials;
    int32_t count;
} tinygen_softmax_s8_params;

/** x * 2^bits, saturated. */
static inline int32_t tinygen_saturating_shift_left(int32_t x, int32_t bits)
{
    const int32_t limit = INT32_MAX >> bits;
    if (x > limit) {
        return INT32_MAX;
    }
    return x < -limit - 1 ? INT32_MIN : x * ((int32_t)1 << bits);
}

/**
 * 1 / (1 + x) for x in [0, 1), Q0.31 to Q0.31: three Newton-Raphson steps in Q2.29.
 *
 * gemmlowp's one_over_one_plus_x_for_x_in_0_1. tinygen_high_mul() may take factors of either sign:
 * only INT32_MIN times itself, which does not occur, would be another than gemmlowp's product.
 */
static inline int32_t tinygen_one_over_one_plus_x(int32_t x)
{
    const int32_t forty_eight_17ths = 1515870810;
    const int32_t minus_32_17ths = -1010580540;
    const int32_t one = (int32_t)1 << 29;
    const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) >> 1);
    int32_t estimate = forty_eight_17ths + tinygen_high_mul(half_denominator, minus_32_17ths);
    for (int32_t step = 0; step < 3; step++) {
        const int32_t error = one - tinygen_high_mul(half_denominator, estimate);
        estimate += tinygen_saturating_shift_left(tinygen_high_mul(estimate, error), 2);
    }
    return tinygen_saturating_shift_left(estimate, 1);
}

/** What a row's exponentials are multiplied and divided by. */
typedef struct {
    int32_t reciprocal; /**< of the sum brought to [1, 2), Q0.31 */
    int32_t shift;      /**< to the right */
} tinygen_softmax_scale;

/** The exponential of a value in a row with that maximum. */
static inline int32_t tinygen_softmax_exp(const tinygen_softmax_s8_params *p, int32_t maximum,
                                          int32_t value)
{
    const int32_t difference = maximum - value;
    return difference < p->count ? p->exponentials[difference] : 0;
}

/** The largest value of a row. */
static inline int32_t tinygen_softmax_max(const tinygen_softmax_s8_params *p, const int8_t *row)
{
    int32_t maximum = row[0];
    for (int32_t i = 1; i < p->depth; i++) {
        maximum = row[i] > maximum ? row[i] : maximum;
    }
    return maximum;
}

/** Sum a row and invert the sum, for outputs of so many bits. */
static inline tinygen_softmax_scale tinygen_softmax_sum(const tinygen_softmax_s8_params *p,
                                                        const int8_t *row, int32_t maximum,
                                                        int32_t output_bits)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < p->depth; i++) {
        const int32_t exponential = tinygen_softmax_exp(p, maximum, row[i]);
        const int32_t term = tinygen_rounding_shift_right(exponential, TINYGEN_SOFTMAX_SUM_BITS);
        sum = sum > INT32_MAX - term ? INT32_MAX : sum + term;
    }
    int32_t headroom = 1;
    while (((uint32_t)sum << headroom) < 0x80000000u) {
        headroom++;
    }
    const uint32_t fraction = ((uint32_t)sum << headroom) - 0x80000000u;
    const tinygen_softmax_scale scale = {
        tinygen_one_over_one_plus_x((int32_t)fraction),
        TINYGEN_SOFTMAX_SUM_BITS - headroom + 31 - output_bits,
    };
    return scale;
}

/** One output, from 0 up: exponential / sum. Shifts of 32 and more leave nothing. */
static inline int32_t tinygen_softmax_output(tinygen_softmax_scale scale, int32_t exponential)
{
    const int32_t product = tinygen_high_mul(exponential, scale.reciprocal);
    return scale.shift > 31 ? 0 : tinygen_rounding_shift_right(product, scale.shift);
}

/** Softmax of every row, to int8 with scale 1/256 and zero point -128. */
TINYGEN_KERNEL void tinygen_softmax_s8(const tinygen_softmax_s8_params *p, const int8_t *input,
                                       int8_t *output)
{
    for (int32_t r = 0; r < p->rows; r++) {
        const int32_t maximum = tinygen_softmax_max(p, input);
        const tinygen_softmax_scale scale = tinygen_softmax_sum(p, input, maximum, 8);
        for (int32_t i = 0; i < p->depth; i++) {
            const int32_t exponential = tinygen_softmax_exp(p, maximum, input[i]);
            const int32_t value = tinygen_softmax_output(scale, exponential) + INT8_MIN;
            output[i] = (int8_t)(value > INT8_MAX ? INT8_MAX : value);
        }
        input += p->depth;
        output += p->depth;
    }
}

/** Softmax of every row, to int16 with scale 1/65536 and zero point -32768. */
TINYGEN_KERNEL void tinygen_softmax_s8_s16(const tinygen_softmax_s8_params *p, const int8_t *input,
                                           int16_t *output)
{
    for (int32_t r = 0; r < p->rows; r++) {
        const int32_t maximum = tinygen_softmax_max(p, input);
        const tinygen_softmax_scale scale = tinygen_softmax_sum(p, input, maximum, 16);
        for (int32_t i = 0; i < p->depth; i++) {
            const int32_t exponential = tinygen_softmax_exp(p, maximum, input[i]);
            const int32_t value = tinygen_softmax_output(scale, exponential) + INT16_MIN;
            output[i] = (int16_t)(value > INT16_MAX ? INT16_MAX : value);
        }
        input += p->depth;
        output += p->depth;
    }
}

#endif
