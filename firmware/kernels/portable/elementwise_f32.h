/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Elementwise operators of float32.
 */
#ifndef TINYGEN_KERNELS_ELEMENTWISE_F32_H
#define TINYGEN_KERNELS_ELEMENTWISE_F32_H

#include "double_math.h"
#include "elementwise.h"
#include "real_functions.h"

/** The fused activation's clamp. */
typedef struct {
    float clamp_min;
    float clamp_max;
} tinygen_clamp_f32_params;

/** The slope of LEAKY_RELU for negative values. */
typedef struct {
    float alpha;
} tinygen_leaky_relu_f32_params;

/** Limit a value; NaN stays. */
static inline float tinygen_clamp_f32(float value, float low, float high)
{
    const float raised = value < low ? low : value;
    return high < raised ? high : raised;
}

#define TINYGEN_ARITHMETIC_F32(name, value)                                                        \
    TINYGEN_DEFINE_BINARY(name, tinygen_clamp_f32_params, float, float, float,                     \
                          tinygen_clamp_f32(value, p->clamp_min, p->clamp_max))
#define TINYGEN_BINARY_F32(name, value)                                                            \
    TINYGEN_DEFINE_BINARY(name, tinygen_no_params, float, float, float, value)
#define TINYGEN_UNARY_F32(name, value)                                                             \
    TINYGEN_DEFINE_UNARY(name, tinygen_no_params, float, float, value)

TINYGEN_ARITHMETIC_F32(tinygen_add_f32, a + b)
TINYGEN_ARITHMETIC_F32(tinygen_sub_f32, a - b)
TINYGEN_ARITHMETIC_F32(tinygen_mul_f32, a *b)
TINYGEN_ARITHMETIC_F32(tinygen_div_f32, a / b)
TINYGEN_BINARY_F32(tinygen_squared_difference_f32, (a - b) * (a - b))
TINYGEN_BINARY_F32(tinygen_maximum_f32, a > b ? a : b)
TINYGEN_BINARY_F32(tinygen_minimum_f32, a < b ? a : b)
TINYGEN_BINARY_F32(tinygen_floor_div_f32, tinygen_floor_div(a, b))
TINYGEN_BINARY_F32(tinygen_floor_mod_f32, tinygen_floor_mod(a, b))
TINYGEN_BINARY_F32(tinygen_prelu_f32, a >= 0.0f ? a : a * b)

TINYGEN_UNARY_F32(tinygen_abs_f32, tinygen_magnitude_f32(a))
TINYGEN_UNARY_F32(tinygen_neg_f32, -a)
TINYGEN_UNARY_F32(tinygen_sqrt_f32, tinygen_sqrt(a))
TINYGEN_UNARY_F32(tinygen_rsqrt_f32, 1.0f / tinygen_sqrt(a))
TINYGEN_UNARY_F32(tinygen_square_f32, a *a)
TINYGEN_UNARY_F32(tinygen_exp_f32, tinygen_exp(a))
TINYGEN_UNARY_F32(tinygen_log_f32, tinygen_log(a))
TINYGEN_UNARY_F32(tinygen_sin_f32, tinygen_sine_of_quadrant((double)a, 0))
TINYGEN_UNARY_F32(tinygen_cos_f32, tinygen_sine_of_quadrant((double)a, 1))
TINYGEN_UNARY_F32(tinygen_tanh_f32, tinygen_tanh(a))
TINYGEN_UNARY_F32(tinygen_logistic_f32, tinygen_logistic(a))
TINYGEN_UNARY_F32(tinygen_round_f32, tinygen_round(a))
TINYGEN_UNARY_F32(tinygen_floor_f32, tinygen_floor(a))
TINYGEN_UNARY_F32(tinygen_ceil_f32, tinygen_ceil(a))
TINYGEN_UNARY_F32(tinygen_elu_f32, a < 0.0f ? tinygen_expm1_of_negative(a) : a)
TINYGEN_UNARY_F32(tinygen_hard_swish_f32, a *tinygen_clamp_f32(a + 3.0f, 0.0f, 6.0f) / 6.0f)

TINYGEN_DEFINE_UNARY(tinygen_clamp_values_f32, tinygen_clamp_f32_params, float, float,
                     tinygen_clamp_f32(a, p->clamp_min, p->clamp_max))
TINYGEN_DEFINE_UNARY(tinygen_leaky_relu_f32, tinygen_leaky_relu_f32_params, float, float,
                     a > 0.0f ? a : a * p->alpha)

#define TINYGEN_COMPARE_F32(name, value)                                                           \
    TINYGEN_DEFINE_BINARY(name, tinygen_no_params, float, float, uint8_t, value)

TINYGEN_COMPARE_F32(tinygen_equal_f32, a == b)
TINYGEN_COMPARE_F32(tinygen_not_equal_f32, a != b)
TINYGEN_COMPARE_F32(tinygen_greater_f32, a > b)
TINYGEN_COMPARE_F32(tinygen_greater_equal_f32, a >= b)
TINYGEN_COMPARE_F32(tinygen_less_f32, a < b)
TINYGEN_COMPARE_F32(tinygen_less_equal_f32, a <= b)

#endif
