/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Square root, exponential, logarithm and sigmoids of float32, without a mathematical library.
 *
 * Additions, multiplications, divisions and square roots of single precision in a fixed order, each
 * rounded once (compile without contraction to fused operations), so that every target gives the
 * same bits. docs/kernels.md says how far they are from the real functions.
 */
#ifndef TINYGEN_KERNELS_REAL_FUNCTIONS_H
#define TINYGEN_KERNELS_REAL_FUNCTIONS_H

#include "float_math.h"

/** The first twelve bits of ln 2: times a whole number below 2^12 it is exact. */
#define TINYGEN_LN2_FIRST 0.693359375f
#define TINYGEN_LN2_REST -2.12194440e-4f

/** x = whole * ln 2 + rest. */
typedef struct {
    float rest;
    int32_t whole;
} tinygen_binary_power;

/** Square root, rounded to nearest: by the core's instruction, or digit by digit. */
static inline float tinygen_sqrt(float x)
{
#if defined(__ARM_FP) && !defined(TINYGEN_NO_ASSEMBLY)
    float result;
    __asm__("vsqrt.f32 %0, %1" : "=t"(result) : "t"(x));
    return result;
#else
    const uint32_t bits = tinygen_bits_of_float(x);
    if (x == 0.0f || x != x || bits == TINYGEN_INFINITY_BITS) {
        return x;
    }
    if (x < 0.0f) {
        return tinygen_nan();
    }
    int32_t exponent = (int32_t)(bits >> 23);
    uint32_t rest = bits & 0x7FFFFFu;
    if (exponent == 0) {
        for (exponent = 1; (rest & 0x800000u) == 0u; exponent--) {
            rest <<= 1;
        }
    }
    exponent -= 127;
    rest = (rest | 0x800000u) << (1 + (exponent & 1));
    uint32_t root = 0;
    uint32_t twice = 0;
    for (uint32_t digit = (uint32_t)1 << 24; digit != 0u; digit >>= 1) {
        if (twice + digit <= rest) {
            rest -= twice + digit;
            twice += 2u * digit;
            root += digit;
        }
        rest <<= 1;
    }
    /* The last digit is a half, and never all that is left. */
    const int32_t half = (exponent - (exponent & 1)) / 2;
    return tinygen_float_of_bits(((root + 1u) >> 1) + ((uint32_t)(half + 126) << 23));
#endif
}

/** The power of two next to e^x, and what is left of x; |x| < 2000. */
static inline tinygen_binary_power tinygen_binary_power_of(float x)
{
    /* Added to a smaller number, 1.5 * 2^23 leaves its nearest integer in the lowest bits. */
    const float magic = 12582912.0f;
    const float shifted = x * 1.44269504f + magic;
    const float whole = shifted - magic;
    const tinygen_binary_power result = {
        (x - whole * TINYGEN_LN2_FIRST) - whole * TINYGEN_LN2_REST,
        (int32_t)(tinygen_bits_of_float(shifted) - tinygen_bits_of_float(magic)),
    };
    return result;
}

/** e^x - 1 for |x| <= ln(2) / 2. */
static inline float tinygen_expm1_series(float x)
{
    const float square = x * x;
    const float low = 0.5f + x * 0.1666652f;
    const float high = 0.041666392f + x * 0.008368832f + square * 0.0013941536f;
    return x + square * (low + square * high);
}

/** e^x. */
static inline float tinygen_exp(float x)
{
    const uint32_t magnitude = tinygen_bits_of_float(x) & 0x7FFFFFFFu;
    const int32_t is_far = magnitude > 0x42AE0000u; /* 87.0f, or NaN */
    if (is_far != 0) {
        if (!(x > -104.0f)) {
            return x != x ? x : 0.0f;
        }
        if (x > 89.0f) {
            return tinygen_float_of_bits(TINYGEN_INFINITY_BITS);
        }
    }
    const tinygen_binary_power power = tinygen_binary_power_of(x);
    const float factor = 1.0f + tinygen_expm1_series(power.rest);
    if (is_far != 0) {
        return tinygen_scale_f32(factor, power.whole);
    }
    return tinygen_float_of_bits(tinygen_bits_of_float(factor) + ((uint32_t)power.whole << 23));
}

/** e^x - 1 for x <= 0. */
static inline float tinygen_expm1_of_negative(float x)
{
    if (!(x > -20.0f)) {
        return x != x ? x : -1.0f;
    }
    const tinygen_binary_power power = tinygen_binary_power_of(x);
    const float scale = tinygen_float_of_bits((uint32_t)(power.whole + 127) << 23);
    return (scale - 1.0f) + scale * tinygen_expm1_series(power.rest);
}

/** Natural logarithm; of 0 minus infinity, of less NaN. */
static inline float tinygen_log(float x)
{
    uint32_t bits = tinygen_bits_of_float(x);
    int32_t whole = 0;
    if (bits - 0x800000u >= TINYGEN_INFINITY_BITS - 0x800000u) {
        if (x == 0.0f) {
            return tinygen_float_of_bits(0xFF800000u);
        }
        if (x != x || bits == TINYGEN_INFINITY_BITS) {
            return x;
        }
        if (x < 0.0f) {
            return tinygen_nan();
        }
        bits = tinygen_bits_of_float(x * 8388608.0f);
        whole = -23;
    }
    const int32_t power = (int32_t)(bits - 0x3F3504F3u) >> 23; /* of x / sqrt(1/2) */
    const float exponent = (float)(whole + power);
    const float f = tinygen_float_of_bits(bits - ((uint32_t)power << 23)) - 1.0f;
    const float square = f * f;
    const float first = 0.3333333f + f * -0.25000823f;
    const float second = 0.20001249f + f * -0.16623314f;
    const float third = 0.14201306f + f * -0.13160236f;
    const float fourth = 0.12764585f + f * -0.07637878f;
    const float series = first + square * (second + square * (third + square * fourth));
    const float small = f * square * series + exponent * TINYGEN_LN2_REST;
    return (f + (small - 0.5f * square)) + exponent * TINYGEN_LN2_FIRST;
}

/** Hyperbolic tangent. */
static inline float tinygen_tanh(float x)
{
    const float magnitude = tinygen_magnitude_f32(x);
    if (magnitude < 0.625f) {
        const float z = x * x;
        const float square = z * z;
        const float low = -0.33333284f + z * 0.13331486f;
        const float high = -0.053743172f + z * 0.020649709f + square * -0.005716203f;
        return x + x * (z * (low + square * high));
    }
    const float result = 1.0f - 2.0f / (tinygen_exp(magnitude + magnitude) + 1.0f);
    return x < 0.0f ? -result : result;
}

/** Logistic function as TFLM evaluates it in single precision. */
static inline float tinygen_logistic(float x)
{
    const int32_t is_low = x < -9.0f;
    const float power = tinygen_exp(is_low != 0 ? x : -x);
    if (is_low != 0) {
        return power;
    }
    return x > 16.619047164916992188f ? 1.0f : 1.0f / (1.0f + power);
}

#endif
