/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Real functions without a mathematical library.
 *
 * Evaluated in double precision by additions, multiplications and divisions alone and rounded to
 * float once, so that every target gives the same bits (compile without contraction to fused
 * operations). The results are at most one unit in the last place from correctly rounded ones.
 */
#ifndef TINYGEN_KERNELS_FLOAT_MATH_H
#define TINYGEN_KERNELS_FLOAT_MATH_H

#include <string.h>

#include "common.h"

#define TINYGEN_LN2_HIGH 0.693147180369123816490
#define TINYGEN_LN2_LOW 1.90821492927058770002e-10
#define TINYGEN_PI_2_HIGH 1.57079632673412561417
#define TINYGEN_PI_2_LOW 6.07710050650619224932e-11
#define TINYGEN_NEAR_ZERO 0.02
#define TINYGEN_TRIGONOMETRIC_LIMIT 1.0e9

/** The double with these bits. */
static inline double tinygen_double_of_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/** The bits of a double. */
static inline uint64_t tinygen_bits_of_double(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

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
static inline double tinygen_nan(void)
{
    return tinygen_double_of_bits((uint64_t)0x7FF8 << 48);
}

/** Magnitude. */
static inline double tinygen_magnitude(double x)
{
    return tinygen_double_of_bits(tinygen_bits_of_double(x) & ~((uint64_t)1 << 63));
}

/** Magnitude. */
static inline float tinygen_magnitude_f32(float x)
{
    return tinygen_float_of_bits(tinygen_bits_of_float(x) & 0x7FFFFFFFu);
}

/** Horner's scheme, highest coefficient first. */
static inline double tinygen_polynomial(const double *coefficients, int32_t count, double x)
{
    double result = coefficients[0];
    for (int32_t i = 1; i < count; i++) {
        result = result * x + coefficients[i];
    }
    return result;
}

/** To the nearest integer, halves away from zero; |x| < 2^31. */
static inline int32_t tinygen_nearest(double x)
{
    return (int32_t)(x + (x < 0.0 ? -0.5 : 0.5));
}

/** e^x for any x, within what becomes a float. */
static inline double tinygen_exp(double x)
{
    static const double series[10] = {
        1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120,
        1.0 / 24,     1.0 / 6,     1.0 / 2,    1.0,       1.0,
    };
    if (x != x) {
        return x;
    }
    const double raised = x < -150.0 ? -150.0 : x;
    const double limited = raised > 100.0 ? 100.0 : raised;
    const int32_t power = tinygen_nearest(limited * 1.4426950408889634);
    const double rest = (limited - power * TINYGEN_LN2_HIGH) - power * TINYGEN_LN2_LOW;
    const double scale = tinygen_double_of_bits((uint64_t)(power + 1023) << 52);
    return tinygen_polynomial(series, 10, rest) * scale;
}

/** e^x - 1. */
static inline double tinygen_expm1(double x)
{
    if (tinygen_magnitude(x) < TINYGEN_NEAR_ZERO) {
        return x * (1.0 + x * (0.5 + x * (1.0 / 6 + x * (1.0 / 24 + x * (1.0 / 120)))));
    }
    return tinygen_exp(x) - 1.0;
}

/** Natural logarithm of a float's value. */
static inline double tinygen_log(double x)
{
    static const double series[8] = {
        1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1.0,
    };
    const uint64_t bits = tinygen_bits_of_double(x);
    if (x != x || bits == (uint64_t)0x7FF << 52) {
        return x;
    }
    if (x == 0.0) {
        return tinygen_double_of_bits((uint64_t)0xFFF << 52);
    }
    if (x < 0.0) {
        return tinygen_nan();
    }
    const uint64_t fraction_bits = (bits & (((uint64_t)1 << 52) - 1u)) | ((uint64_t)1022 << 52);
    const double fraction = tinygen_double_of_bits(fraction_bits);
    const int32_t exponent = (int32_t)(bits >> 52) - 1022;
    const int32_t low = fraction * 1.4142135623730951 < 1.0 ? 1 : 0;
    const double mantissa = low != 0 ? fraction * 2.0 : fraction;
    const double ratio = (mantissa - 1.0) / (mantissa + 1.0);
    const double sum = tinygen_polynomial(series, 8, ratio * ratio);
    return (2.0 * ratio) * sum + (exponent - low) * (TINYGEN_LN2_HIGH + TINYGEN_LN2_LOW);
}

/** Sine of x plus a number of quarter turns; NaN for |x| > 1e9. */
static inline double tinygen_sine_of_quadrant(double x, int32_t quarter_turns)
{
    static const double sine[7] = {
        1.0 / 6227020800.0, -1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1.0,
    };
    static const double cosine[8] = {
        -1.0 / 87178291200.0, 1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320,
        -1.0 / 720,           1.0 / 24,        -0.5,           1.0,
    };
    if (!(tinygen_magnitude(x) <= TINYGEN_TRIGONOMETRIC_LIMIT)) {
        return tinygen_nan();
    }
    const int32_t quadrant = tinygen_nearest(x * 0.6366197723675814);
    const double rest = (x - quadrant * TINYGEN_PI_2_HIGH) - quadrant * TINYGEN_PI_2_LOW;
    const double square = rest * rest;
    const int32_t turns = (quadrant + quarter_turns) & 3;
    const double value = (turns & 1) != 0 ? tinygen_polynomial(cosine, 8, square)
                                          : rest * tinygen_polynomial(sine, 7, square);
    return (turns & 2) != 0 ? -value : value;
}

/** Hyperbolic tangent. */
static inline double tinygen_tanh(double x)
{
    if (tinygen_magnitude(x) < TINYGEN_NEAR_ZERO) {
        const double square = x * x;
        return x * (1.0 - square * (1.0 / 3 - square * (2.0 / 15)));
    }
    const double raised = x < -20.0 ? -20.0 : x;
    const double power = tinygen_exp(2.0 * (raised > 20.0 ? 20.0 : raised));
    return (power - 1.0) / (power + 1.0);
}

/** Square root: Newton's iteration in double, exact when rounded to float. */
static inline float tinygen_sqrt(float x)
{
    const uint32_t bits = tinygen_bits_of_float(x);
    if (x == 0.0f || x != x || bits == 0x7F800000u) {
        return x;
    }
    if (x < 0.0f) {
        return (float)tinygen_nan();
    }
    const double value = (double)x;
    double root =
        tinygen_double_of_bits((tinygen_bits_of_double(value) >> 1) + ((uint64_t)0x1FF8 << 48));
    for (int32_t i = 0; i < 5; i++) {
        root = 0.5 * (root + value / root);
    }
    return (float)root;
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

/** Logistic function as TFLM evaluates it in single precision. */
static inline float tinygen_logistic(float x)
{
    if (x > 16.619047164916992188f) {
        return 1.0f;
    }
    if (x < -9.0f) {
        return (float)tinygen_exp((double)x);
    }
    return 1.0f / (1.0f + (float)tinygen_exp(-(double)x));
}

/** Largest integer not above lhs / rhs. */
static inline float tinygen_floor_div(float lhs, float rhs)
{
    const double quotient = (double)lhs / (double)rhs;
    if (!(tinygen_magnitude(quotient) < 4503599627370496.0) || quotient == 0.0) {
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
    if (magnitude >= 0x7F800000u || divisor > 0x7F800000u || divisor == 0u) {
        return (float)tinygen_nan();
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
    const double unit = tinygen_double_of_bits((uint64_t)(end - 150 + 1023) << 52);
    const float result = (float)(rest * unit);
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
