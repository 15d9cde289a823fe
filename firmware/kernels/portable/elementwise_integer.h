/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Elementwise operators of plain integers and booleans: no scale, no zero point.
 */
#ifndef TINYGEN_KERNELS_ELEMENTWISE_INTEGER_H
#define TINYGEN_KERNELS_ELEMENTWISE_INTEGER_H

#include "elementwise.h"

/** The fused activation's clamp. */
typedef struct {
    int32_t clamp_min;
    int32_t clamp_max;
} tinygen_clamp_s32_params;

/** Difference modulo 2^32. */
static inline int32_t tinygen_wrapping_sub(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

/** Product modulo 2^32. */
static inline int32_t tinygen_wrapping_mul(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

/** Quotient truncated towards zero; 0 where it is not defined, the one overflow wraps. */
static inline int32_t tinygen_divide(int32_t a, int32_t b)
{
    return b == 0 ? 0 : b == -1 ? tinygen_wrapping_sub(0, a) : a / b;
}

#define TINYGEN_ARITHMETIC_S32(name, value)                                                        \
    TINYGEN_DEFINE_BINARY(name, tinygen_clamp_s32_params, int32_t, int32_t, int32_t,               \
                          tinygen_clamp(value, p->clamp_min, p->clamp_max))

TINYGEN_ARITHMETIC_S32(tinygen_add_s32, tinygen_wrapping_add(a, b))
TINYGEN_ARITHMETIC_S32(tinygen_sub_s32, tinygen_wrapping_sub(a, b))
TINYGEN_ARITHMETIC_S32(tinygen_mul_s32, tinygen_wrapping_mul(a, b))
TINYGEN_ARITHMETIC_S32(tinygen_div_s32, tinygen_divide(a, b))
TINYGEN_DEFINE_BINARY(tinygen_squared_difference_s32, tinygen_no_params, int32_t, int32_t, int32_t,
                      tinygen_wrapping_mul(tinygen_wrapping_sub(a, b), tinygen_wrapping_sub(a, b)))

#define TINYGEN_EXTREMA(suffix, type)                                                              \
    TINYGEN_DEFINE_BINARY(tinygen_maximum_##suffix, tinygen_no_params, type, type, type,           \
                          a > b ? a : b)                                                           \
    TINYGEN_DEFINE_BINARY(tinygen_minimum_##suffix, tinygen_no_params, type, type, type,           \
                          a < b ? a : b)

TINYGEN_EXTREMA(s8, int8_t)
TINYGEN_EXTREMA(s16, int16_t)
TINYGEN_EXTREMA(s32, int32_t)
TINYGEN_EXTREMA(s64, int64_t)

#define TINYGEN_COMPARISONS(suffix, type)                                                          \
    TINYGEN_DEFINE_BINARY(tinygen_equal_##suffix, tinygen_no_params, type, type, uint8_t, a == b)  \
    TINYGEN_DEFINE_BINARY(tinygen_not_equal_##suffix, tinygen_no_params, type, type, uint8_t,      \
                          a != b)                                                                  \
    TINYGEN_DEFINE_BINARY(tinygen_greater_##suffix, tinygen_no_params, type, type, uint8_t, a > b) \
    TINYGEN_DEFINE_BINARY(tinygen_greater_equal_##suffix, tinygen_no_params, type, type, uint8_t,  \
                          a >= b)                                                                  \
    TINYGEN_DEFINE_BINARY(tinygen_less_##suffix, tinygen_no_params, type, type, uint8_t, a < b)    \
    TINYGEN_DEFINE_BINARY(tinygen_less_equal_##suffix, tinygen_no_params, type, type, uint8_t,     \
                          a <= b)

TINYGEN_COMPARISONS(s16, int16_t)
TINYGEN_COMPARISONS(s32, int32_t)
TINYGEN_COMPARISONS(s64, int64_t)
TINYGEN_COMPARISONS(b8, uint8_t)

TINYGEN_DEFINE_BINARY(tinygen_logical_and_b8, tinygen_no_params, uint8_t, uint8_t, uint8_t,
                      a != 0u && b != 0u)
TINYGEN_DEFINE_BINARY(tinygen_logical_or_b8, tinygen_no_params, uint8_t, uint8_t, uint8_t,
                      a != 0u || b != 0u)
TINYGEN_DEFINE_UNARY(tinygen_logical_not_b8, tinygen_no_params, uint8_t, uint8_t, a == 0u)
TINYGEN_DEFINE_UNARY(tinygen_abs_s16, tinygen_no_params, int16_t, int16_t, a < 0 ? -a : a)

#endif
