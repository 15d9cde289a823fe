/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Elementwise operators of two quantized operands, int8 and int16, and their comparisons.
 */
#ifndef TINYGEN_KERNELS_ELEMENTWISE_QUANTIZED_H
#define TINYGEN_KERNELS_ELEMENTWISE_QUANTIZED_H

#include "elementwise.h"
#include "requantize.h"

/**
 * How two operands come to a common scale, and the result to the output's. Where an operator uses
 * just a part of it, the rest is 0.
 */
typedef struct {
    int32_t left_shift;
    int32_t lhs_offset;
    int32_t lhs_multiplier;
    int32_t lhs_shift;
    int32_t rhs_offset;
    int32_t rhs_multiplier;
    int32_t rhs_shift;
    int32_t output_offset;
    int32_t output_multiplier;
    int32_t output_shift;
    int32_t clamp_min;
    int32_t clamp_max;
} tinygen_arithmetic_params;

/** The left operand in the common scale. */
static inline int32_t tinygen_lhs_scaled(const tinygen_arithmetic_params *p, int32_t value)
{
    const int32_t widened = (value + p->lhs_offset) * ((int32_t)1 << p->left_shift);
    return tinygen_scale(widened, p->lhs_multiplier, p->lhs_shift);
}

/** The right operand in the common scale. */
static inline int32_t tinygen_rhs_scaled(const tinygen_arithmetic_params *p, int32_t value)
{
    const int32_t widened = (value + p->rhs_offset) * ((int32_t)1 << p->left_shift);
    return tinygen_scale(widened, p->rhs_multiplier, p->rhs_shift);
}

/** A result in the output's quantization. */
static inline int32_t tinygen_arithmetic_output(const tinygen_arithmetic_params *p, int32_t value)
{
    const int32_t scaled = tinygen_scale(value, p->output_multiplier, p->output_shift);
    return tinygen_clamp(tinygen_wrapping_add(scaled, p->output_offset), p->clamp_min,
                         p->clamp_max);
}

/** Sum. */
static inline int32_t tinygen_quantized_add(const tinygen_arithmetic_params *p, int32_t a,
                                            int32_t b)
{
    return tinygen_arithmetic_output(p, tinygen_lhs_scaled(p, a) + tinygen_rhs_scaled(p, b));
}

/** Difference. */
static inline int32_t tinygen_quantized_sub(const tinygen_arithmetic_params *p, int32_t a,
                                            int32_t b)
{
    return tinygen_arithmetic_output(p, tinygen_lhs_scaled(p, a) - tinygen_rhs_scaled(p, b));
}

/** Product. */
static inline int32_t tinygen_quantized_mul(const tinygen_arithmetic_params *p, int32_t a,
                                            int32_t b)
{
    return tinygen_arithmetic_output(p, (a + p->lhs_offset) * (b + p->rhs_offset));
}

/** Square of the difference. */
static inline int32_t tinygen_quantized_squared_difference(const tinygen_arithmetic_params *p,
                                                           int32_t a, int32_t b)
{
    const uint32_t difference = (uint32_t)(tinygen_lhs_scaled(p, a) - tinygen_rhs_scaled(p, b));
    return tinygen_arithmetic_output(p, (int32_t)(difference * difference));
}

/** PRELU: the left operand if it is not negative, else its product with the right one. */
static inline int32_t tinygen_quantized_prelu(const tinygen_arithmetic_params *p, int32_t a,
                                              int32_t b)
{
    const int32_t value = a + p->lhs_offset;
    const int32_t scaled = value >= 0 ? tinygen_scale(value, p->lhs_multiplier, p->lhs_shift)
                                      : tinygen_scale(value * (b + p->rhs_offset),
                                                      p->output_multiplier, p->output_shift);
    return tinygen_clamp(tinygen_wrapping_add(scaled, p->output_offset), p->clamp_min,
                         p->clamp_max);
}

/** SaturatingRoundingDoublingHighMul for factors of any sign, but not both INT32_MIN. */
static inline int32_t tinygen_signed_high_mul(int32_t a, int32_t b)
{
    const int64_t product = (int64_t)a * b;
    const int64_t nudged = product + (product >= 0 ? (1 << 30) : 1 - (1 << 30));
    return (int32_t)(nudged / ((int64_t)1 << 31));
}

/** 1 / (1 + a) for a in [0, 1), Q0.31: three Newton-Raphson steps, as gemmlowp does them. */
static inline int32_t tinygen_reciprocal_of_one_plus(int32_t a)
{
    const int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) >> 1);
    int32_t x = 1515870810 + tinygen_signed_high_mul(half, -1010580540);
    for (int32_t i = 0; i < 3; i++) {
        const int32_t error = ((int32_t)1 << 29) - tinygen_signed_high_mul(half, x);
        x += tinygen_signed_high_mul(x, error) * 4;
    }
    return x > INT32_MAX / 2 ? INT32_MAX : x * 2;
}

/** Quotient; a divisor of 0 gives 0. */
static inline int32_t tinygen_quantized_div(const tinygen_arithmetic_params *p, int32_t a,
                                            int32_t b)
{
    const int32_t signed_divisor = b + p->rhs_offset;
    const int32_t signed_dividend = a + p->lhs_offset;
    if (signed_divisor == 0) {
        return tinygen_clamp(p->output_offset, p->clamp_min, p->clamp_max);
    }
    const int32_t divisor = signed_divisor < 0 ? -signed_divisor : signed_divisor;
    const int32_t dividend = signed_divisor < 0 ? -signed_dividend : signed_dividend;
    const int32_t zeros = tinygen_leading_zeros((uint32_t)divisor);
    const int32_t fraction = (int32_t)(((uint32_t)divisor << zeros) - ((uint32_t)1 << 31));
    const int32_t reciprocal = tinygen_reciprocal_of_one_plus(fraction);
    const uint32_t magnitude = (uint32_t)(dividend < 0 ? -(dividend + 1) : dividend);
    const int32_t headroom = tinygen_leading_zeros(magnitude) - 1;
    const int32_t quotient =
        tinygen_high_mul((int32_t)((uint32_t)dividend << headroom), reciprocal);
    const int32_t shift = p->output_shift - (31 - zeros) - headroom;
    const int32_t scaled = tinygen_rounding_shift_right(
        tinygen_high_mul(quotient, p->output_multiplier), shift < -31 ? 31 : -shift);
    return tinygen_clamp(scaled + p->output_offset, p->clamp_min, p->clamp_max);
}

#define TINYGEN_ARITHMETIC(name, type, function)                                                   \
    TINYGEN_DEFINE_BINARY(name, tinygen_arithmetic_params, type, type, type, function(p, a, b))

TINYGEN_ARITHMETIC(tinygen_quantized_add_s16, int16_t, tinygen_quantized_add)
TINYGEN_ARITHMETIC(tinygen_quantized_sub_s8, int8_t, tinygen_quantized_sub)
TINYGEN_ARITHMETIC(tinygen_quantized_sub_s16, int16_t, tinygen_quantized_sub)
TINYGEN_ARITHMETIC(tinygen_quantized_mul_s16, int16_t, tinygen_quantized_mul)
TINYGEN_ARITHMETIC(tinygen_quantized_div_s8, int8_t, tinygen_quantized_div)
TINYGEN_ARITHMETIC(tinygen_quantized_squared_difference_s8, int8_t,
                   tinygen_quantized_squared_difference)
TINYGEN_ARITHMETIC(tinygen_quantized_squared_difference_s16, int16_t,
                   tinygen_quantized_squared_difference)
TINYGEN_ARITHMETIC(tinygen_quantized_prelu_s8, int8_t, tinygen_quantized_prelu)
TINYGEN_DEFINE_BINARY(tinygen_quantized_prelu_s16, tinygen_arithmetic_params, int16_t, int8_t,
                      int16_t, tinygen_quantized_prelu(p, a, b))

#define TINYGEN_QUANTIZED_COMPARE(name, relation)                                                  \
    TINYGEN_DEFINE_BINARY(name, tinygen_arithmetic_params, int8_t, int8_t, uint8_t,                \
                          tinygen_lhs_scaled(p, a) relation tinygen_rhs_scaled(p, b))

TINYGEN_QUANTIZED_COMPARE(tinygen_quantized_equal_s8, ==)
TINYGEN_QUANTIZED_COMPARE(tinygen_quantized_not_equal_s8, !=)
TINYGEN_QUANTIZED_COMPARE(tinygen_quantized_greater_s8, >)
TINYGEN_QUANTIZED_COMPARE(tinygen_quantized_greater_equal_s8, >=)
TINYGEN_QUANTIZED_COMPARE(tinygen_quantized_less_s8, <)
TINYGEN_QUANTIZED_COMPARE(tinygen_quantized_less_equal_s8, <=)

/** LEAKY_RELU: a factor for values from the zero point on, another for those below. */
static inline int32_t tinygen_quantized_leaky_relu(const tinygen_arithmetic_params *p, int32_t a)
{
    const int32_t value = a + p->lhs_offset;
    const int32_t scaled = value >= 0 ? tinygen_scale(value, p->lhs_multiplier, p->lhs_shift)
                                      : tinygen_scale(value, p->rhs_multiplier, p->rhs_shift);
    const int32_t turned = value < 0 && p->output_multiplier < 0 ? -scaled : scaled;
    return tinygen_clamp(tinygen_wrapping_add(turned, p->output_offset), p->clamp_min,
                         p->clamp_max);
}

/** ABS in the output's scale. */
static inline int32_t tinygen_quantized_abs(const tinygen_arithmetic_params *p, int32_t a)
{
    const int32_t value = a + p->lhs_offset;
    return tinygen_arithmetic_output(p, value < 0 ? -value : value);
}

/** RELU and its like: rescale and clamp. */
static inline int32_t tinygen_quantized_rescale(const tinygen_arithmetic_params *p, int32_t a)
{
    return tinygen_arithmetic_output(p, a + p->lhs_offset);
}

TINYGEN_DEFINE_UNARY(tinygen_quantized_leaky_relu_s16, tinygen_arithmetic_params, int16_t, int16_t,
                     tinygen_quantized_leaky_relu(p, a))
TINYGEN_DEFINE_UNARY(tinygen_quantized_abs_s16, tinygen_arithmetic_params, int16_t, int16_t,
                     tinygen_quantized_abs(p, a))
TINYGEN_DEFINE_UNARY(tinygen_quantized_rescale_s16, tinygen_arithmetic_params, int16_t, int16_t,
                     tinygen_quantized_rescale(p, a))
TINYGEN_DEFINE_UNARY(tinygen_quantized_clamp_s16, tinygen_arithmetic_params, int16_t, int16_t,
                     tinygen_clamp(a, p->clamp_min, p->clamp_max))

#endif
