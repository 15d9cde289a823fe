/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Real functions that single precision cannot reach: sine and cosine of large arguments, and the
 * exponential of a square.
 *
 * Evaluated in double precision by additions, multiplications and divisions alone and rounded to
 * float once, so that every target gives the same bits.
 */
#ifndef TINYGEN_KERNELS_DOUBLE_MATH_H
#define TINYGEN_KERNELS_DOUBLE_MATH_H

#include <string.h>

#include "common.h"

#define TINYGEN_LN2_HIGH 0.693147180369123816490
#define TINYGEN_LN2_LOW 1.90821492927058770002e-10
#define TINYGEN_PI_2_HIGH 1.57079632673412561417
#define TINYGEN_PI_2_LOW 6.07710050650619224932e-11
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

/** A quiet NaN. */
static inline double tinygen_nan_f64(void)
{
    return tinygen_double_of_bits((uint64_t)0x7FF8 << 48);
}

/** Magnitude. */
static inline double tinygen_magnitude_f64(double x)
{
    return tinygen_double_of_bits(tinygen_bits_of_double(x) & ~((uint64_t)1 << 63));
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
static inline double tinygen_exp_f64(double x)
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
    if (!(tinygen_magnitude_f64(x) <= TINYGEN_TRIGONOMETRIC_LIMIT)) {
        return tinygen_nan_f64();
    }
    const int32_t quadrant = tinygen_nearest(x * 0.6366197723675814);
    const double rest = (x - quadrant * TINYGEN_PI_2_HIGH) - quadrant * TINYGEN_PI_2_LOW;
    const double square = rest * rest;
    const int32_t turns = (quadrant + quarter_turns) & 3;
    const double value = (turns & 1) != 0 ? tinygen_polynomial(cosine, 8, square)
                                          : rest * tinygen_polynomial(sine, 7, square);
    return (turns & 2) != 0 ? -value : value;
}

#endif
