/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Bits, roundings and remainders of float32, without a mathematical library.
 */
#ifndef TINYGEN_KERNELS_FLOAT_MATH_H
#define TINYGEN_KERNELS_FLOAT_MATH_H

#include <string.h>

#include "common.h"

#define TINYGEN_INFINITY_BITS 0x7F800000u

/** The float with these bits. */
static inline float tinygen_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/** The bits of a float. */
static inline uint32_t tinygen_bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/** A quiet NaN. */
static inline float tinygen_nan(void)
{
    return tinygen_float_of_bits(0x7FC00000u);
}

/** Magnitude. */
static inline float tinygen_magnitude_f32(float x)
{
    return tinygen_float_of_bits(tinygen_bits_of_float(x) & 0x7FFFFFFFu);
}

/** value * 2^power, rounded once, for |power| <= 200 and a value that 2^(power / 2) leaves normal.
 */
static inline float tinygen_scale_f32(float value, int32_t power)
{
    const int32_t half = power / 2;
    const float first = tinygen_float_of_bits((uint32_t)(half + 127) << 23);
    return value * first * tinygen_float_of_bits((uint32_t)(power - half + 127) << 23);
}

/** Largest integer not above x, with the sign of x. */
static inline float tinygen_floor(float x)
{
    if (!(tinygen_magnitude_f32(x) < 8388608.0f) || x == 0.0f) {
        return x;
    }
    const float truncated = (float)(int32_t)x;
    return truncated > x ? truncated - 1.0f : truncated;
}

/** Smallest integer not below x, with the sign of x. */
static inline float tinygen_ceil(float x)
{
    if (!(tinygen_magnitude_f32(x) < 8388608.0f) || x == 0.0f) {
        return x;
    }
    const float truncated = (float)(int32_t)x;
    const float raised = truncated < x ? truncated + 1.0f : truncated;
    return raised == 0.0f && x < 0.0f ? -0.0f : raised;
}

/** To the nearest integer, halves to the even one. */
static inline float tinygen_round(float x)
{
    const float low = tinygen_floor(x);
    const float difference = x - low;
    const int32_t even = tinygen_floor(low * 0.5f) == low * 0.5f;
    return difference < 0.5f || (difference == 0.5f && even) ? low : low + 1.0f;
}

/** Largest integer not above lhs / rhs. */
static inline float tinygen_floor_div(float lhs, float rhs)
{
    const double quotient = (double)lhs / (double)rhs;
    const double limit = 4503599627370496.0;
    if (!(quotient > -limit && quotient < limit) || quotient == 0.0) {
        return (float)quotient;
    }
    const double truncated = (double)(int64_t)quotient;
    return (float)(truncated > quotient ? truncated - 1.0 : truncated);
}

/** Remainder of a division truncated towards zero, exact. */
static inline float tinygen_fmod(float lhs, float rhs)
{
    const uint32_t magnitude = tinygen_bits_of_float(lhs) & 0x7FFFFFFFu;
    const uint32_t divisor = tinygen_bits_of_float(rhs) & 0x7FFFFFFFu;
    if (magnitude >= TINYGEN_INFINITY_BITS || divisor > TINYGEN_INFINITY_BITS || divisor == 0u) {
        return tinygen_nan();
    }
    if (magnitude < divisor) {
        return lhs;
    }
    int32_t exponent = (int32_t)(magnitude >> 23);
    const int32_t last = (int32_t)(divisor >> 23);
    uint32_t rest = exponent == 0 ? magnitude : (magnitude & 0x7FFFFFu) | 0x800000u;
    const uint32_t step = last == 0 ? divisor : (divisor & 0x7FFFFFu) | 0x800000u;
    const int32_t end = last == 0 ? 1 : last;
    for (exponent = exponent == 0 ? 1 : exponent; exponent > end; exponent--) {
        rest = rest >= step ? rest - step : rest;
        rest <<= 1;
    }
    rest = rest >= step ? rest - step : rest;
    const float result = tinygen_scale_f32((float)rest, end - 150);
    return tinygen_float_of_bits(tinygen_bits_of_float(result) |
                                 (tinygen_bits_of_float(lhs) & 0x80000000u));
}

/** Remainder with the divisor's sign. */
static inline float tinygen_floor_mod(float lhs, float rhs)
{
    const float remainder = tinygen_fmod(lhs, rhs);
    return remainder != 0.0f && (rhs < 0.0f) != (remainder < 0.0f) ? remainder + rhs : remainder;
}

#endif
