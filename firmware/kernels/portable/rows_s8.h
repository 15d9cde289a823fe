/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * LOG_SOFTMAX and L2_NORMALIZATION of int8 rows, as TFLM's reference kernels have them.
 *
 * Qm.n names an int32 with m integer and n = 31 - m fractional bits.
 */
#ifndef TINYGEN_KERNELS_ROWS_S8_H
#define TINYGEN_KERNELS_ROWS_S8_H

#include "softmax_s8.h"

/**
 * log(x) for x >= 1, Q12.19 to Q5.26.
 *
 * TFLM's log_x_for_x_greater_than_or_equal_to_1: x = r * 2^power with r around sqrt(sqrt(1/2)), and
 * a rational function of r.
 */
static inline int32_t tinygen_fixed_log(int32_t x)
{
    const int32_t log_2 = 1488522236;
    const int32_t sqrt_sqrt_half = 1805811301;
    const int32_t sqrt_half = 1518500250;
    const int32_t alpha_n = 117049297;
    const int32_t alpha_d = 127690142;
    const int32_t alpha_i = 1057819769;
    const int32_t alpha_f = 638450708;
    const int32_t unit = (int32_t)1 << 25;
    const int32_t zeros = tinygen_leading_zeros((uint32_t)x);
    const int32_t first = tinygen_saturating_shift_left(
        tinygen_high_mul(tinygen_saturating_shift_left(x, zeros - 1), sqrt_half), 1);
    const int32_t first_power = (12 - zeros) * unit + unit / 4;
    const int32_t headroom = tinygen_leading_zeros((uint32_t)tinygen_high_mul(x, sqrt_half)) - 1;
    const int32_t second = tinygen_saturating_shift_left(x, headroom);
    const int32_t second_power = (12 - headroom) * unit - unit / 4;
    const int32_t r = first < second ? first : second;
    const int32_t power = first_power > second_power ? first_power : second_power;
    const int32_t p = (int32_t)(((int64_t)r + sqrt_sqrt_half + 1) / 2);
    const int32_t q = 2 * (r - sqrt_sqrt_half);
    const int32_t square = tinygen_high_mul(q, q);
    const int32_t numerator =
        tinygen_high_mul(q, r) + tinygen_high_mul(tinygen_high_mul(q, square), alpha_n);
    const int32_t inner = alpha_i + q + tinygen_high_mul(alpha_d, square);
    const int32_t denominator = tinygen_high_mul(p, inner) + tinygen_high_mul(alpha_f, q);
    const int32_t scaled = tinygen_high_mul(tinygen_rounding_shift_right(numerator, 6),
                                            tinygen_one_over_one_plus_x(denominator));
    return tinygen_saturating_shift_left(tinygen_high_mul(power, log_2) + scaled, 1);
}

/** A log softmax layer: terms[d] is exp(-d * scale) in Q12.19, 0 from count on. */
typedef struct {
    int32_t rows;
    int32_t depth;
    const int32_t *terms;
    int32_t count;
    int32_t multiplier; /**< of a difference, to Q5.26 */
    int32_t shift;
    int32_t reverse_multiplier; /**< back from Q5.26 to a difference */
    int32_t reverse_shift;
    int32_t least_difference;
} tinygen_log_softmax_s8_params;

/** Logarithm of the softmax of every row, to int8 with scale 1/16 and zero point 127. */
TINYGEN_KERNEL void tinygen_log_softmax_s8(const tinygen_log_softmax_s8_params *p,
                                           const int8_t *input, int8_t *output)
{
    for (int32_t r = 0; r < p->rows; r++) {
        int32_t maximum = input[0];
        for (int32_t i = 1; i < p->depth; i++) {
            maximum = input[i] > maximum ? input[i] : maximum;
        }
        int32_t sum = 0;
        for (int32_t i = 0; i < p->depth; i++) {
            const int32_t difference = maximum - input[i];
            sum += difference < p->count ? p->terms[difference] : 0;
        }
        const int32_t logarithm = tinygen_fixed_log(sum);
        const int32_t reversed = tinygen_scale(tinygen_wrapping_add(logarithm, INT32_MIN),
                                               p->reverse_multiplier, p->reverse_shift);
        const int32_t least =
            reversed > p->least_difference - 1 ? reversed : p->least_difference - 1;
        for (int32_t i = 0; i < p->depth; i++) {
            const int32_t difference = input[i] - maximum;
            int32_t value = INT8_MIN;
            if (difference > least) {
                const int32_t scaled = tinygen_scale(difference, p->multiplier, p->shift);
                const int32_t shifted = (int32_t)((uint32_t)scaled - (uint32_t)logarithm);
                value = tinygen_clamp(tinygen_rounding_shift_right(shifted, 22) + INT8_MAX,
                                      INT8_MIN, INT8_MAX);
            }
            output[i] = (int8_t)value;
        }
        input += p->depth;
        output += p->depth;
    }
}

/** A multiplier and its shift, to the left where positive. */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} tinygen_scaling;

/** 1 / sqrt(value): five Newton-Raphson steps in Q3.28. TFLM's GetInvSqrtQuantizedMultiplierExp. */
static inline tinygen_scaling tinygen_inverse_square_root(int32_t value)
{
    tinygen_scaling result = {INT32_MAX, 0};
    if (value <= 1) {
        return result;
    }
    int32_t shift = 11;
    while (value >= (int32_t)1 << 29) {
        value /= 4;
        shift++;
    }
    const int32_t pairs = (tinygen_leading_zeros((uint32_t)value) - 1) / 2 - 1;
    shift -= pairs;
    const int32_t operand = value * ((int32_t)1 << (2 * pairs)) / 2;
    const int32_t half = tinygen_rounding_shift_right(operand, 1);
    const int32_t half_three = ((int32_t)1 << 28) + ((int32_t)1 << 27);
    int32_t x = (int32_t)1 << 28;
    for (int32_t step = 0; step < 5; step++) {
        const int32_t cube =
            tinygen_saturating_shift_left(tinygen_high_mul(tinygen_high_mul(x, x), x), 6);
        x = tinygen_saturating_shift_left(
            tinygen_high_mul(half_three, x) - tinygen_high_mul(half, cube), 3);
    }
    x = tinygen_high_mul(x, 1518500250);
    result.multiplier = shift < 0 ? x * ((int32_t)1 << -shift) : x;
    result.shift = shift < 0 ? 0 : -shift;
    return result;
}

/** Divide every row by its Euclidean norm, in steps of 1/128. */
TINYGEN_KERNEL void tinygen_l2_normalization_s8(int32_t rows, int32_t depth, int32_t zero_point,
                                                const int8_t *input, int8_t *output)
{
    for (int32_t r = 0; r < rows; r++) {
        int32_t squares = 0;
        for (int32_t i = 0; i < depth; i++) {
            const int32_t value = input[i] - zero_point;
            squares += value * value;
        }
        const tinygen_scaling scaling = tinygen_inverse_square_root(squares);
        for (int32_t i = 0; i < depth; i++) {
            const int32_t scaled =
                tinygen_scale(input[i] - zero_point, scaling.multiplier, scaling.shift + 7);
            output[i] = (int8_t)tinygen_clamp(scaled, INT8_MIN, INT8_MAX);
        }
        input += depth;
        output += depth;
    }
}

#endif
