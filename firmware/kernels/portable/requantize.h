/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * From an int32 accumulator to a quantized output, as TFLM's reference kernels do it:
 * gemmlowp's SaturatingRoundingDoublingHighMul, then RoundingDivideByPOT, zero point, clamp.
 */
#ifndef TINYGEN_KERNELS_REQUANTIZE_H
#define TINYGEN_KERNELS_REQUANTIZE_H

#include "common.h"

/**
 * The multiplier/shift pairs of a layer and what follows them.
 *
 * Channel c uses multipliers[c * channel_step] and shifts[c * channel_step]: a step of 0 shares one
 * pair among all channels. Multipliers are Q31 and not negative; shifts go to the left where
 * positive, and are in [-31, 30].
 */
typedef struct {
    const int32_t *multipliers;
    const int8_t *shifts;
    int32_t channel_step;
    int32_t zero_point;
    int32_t clamp_min;
    int32_t clamp_max;
} tinygen_requantization;

/**
 * The high half of 2 * a * b, rounded to nearest with halves upwards.
 *
 * Equal to gemmlowp's SaturatingRoundingDoublingHighMul for b >= 0: its sign-dependent nudge and
 * truncating division come to the same as one nudge and a flooring shift, and only
 * a == b == INT32_MIN would saturate.
 */
TINYGEN_INLINE int32_t tinygen_high_mul_64(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/** The same from products of 16-bit halves, for cores without a 64-bit product (Armv6-M). */
static inline int32_t tinygen_high_mul_halves(int32_t a, int32_t b)
{
    const int32_t a_high = a >> 16;
    const int32_t b_high = b >> 16;
    const uint32_t a_low = (uint32_t)a & 0xffffu;
    const uint32_t b_low = (uint32_t)b & 0xffffu;
    const int32_t middle = a_high * (int32_t)b_low + (int32_t)(a_low * b_low >> 16);
    const int32_t carry = (int32_t)a_low * b_high + (middle & 0xffff);
    const int32_t high = a_high * b_high + (middle >> 16) + (carry >> 16);
    /* Bits 16 to 31 of the product decide the rounding; those below cannot carry into it. */
    return (int32_t)((uint32_t)high << 1) + (((carry & 0xffff) + 0x4000) >> 15);
}

/** The high half of 2 * a * b, in the way that suits the core. */
TINYGEN_INLINE int32_t tinygen_high_mul(int32_t a, int32_t b)
{
#if TINYGEN_BASELINE
    return tinygen_high_mul_halves(a, b);
#else
    return tinygen_high_mul_64(a, b);
#endif
}

/** Divide by 2^exponent, halves away from zero; exponent in [0, 31]. */
TINYGEN_INLINE int32_t tinygen_rounding_shift_right(int32_t x, int32_t exponent)
{
    const int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);
    const int32_t remainder = x & mask;
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

/** Scale by multiplier * 2^(shift - 31) with two roundings. */
TINYGEN_INLINE int32_t tinygen_scale(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0;
    const int32_t right = shift > 0 ? 0 : -shift;
    const int32_t shifted = (int32_t)((uint32_t)x << left);
    return tinygen_rounding_shift_right(tinygen_high_mul(shifted, multiplier), right);
}

/**
 * The nearest integer to x * (multiplier + fraction * 2^-22) * 2^(shift - 31), halves away from
 * zero, as LiteRT's double precision gives it. Multiplier and fraction have 31 and 22 bits, shift
 * <= 30; saturates far inside int32, so that a zero point can be added.
 */
static inline int32_t tinygen_scale_single_rounding(int32_t x, int32_t multiplier, int32_t fraction,
                                                    int32_t shift)
{
    const int64_t most = (int64_t)1 << 30;
    const int64_t magnitude = x < 0 ? -(int64_t)x : x;
    const int64_t product = magnitude * multiplier + ((magnitude * fraction) >> 22);
    const int32_t right = 31 - shift;
    if (right > 63) {
        return 0;
    }
    const int64_t rounded = (product + ((int64_t)1 << (right - 1))) >> right;
    const int32_t limited = (int32_t)(rounded > most ? most : rounded);
    return x < 0 ? -limited : limited;
}

/** Requantize one accumulator of a channel. */
TINYGEN_INLINE int32_t tinygen_requantize(const tinygen_requantization *q, int32_t accumulator,
                                          int32_t channel)
{
    const int32_t pair = channel * q->channel_step;
    const int32_t scaled = tinygen_scale(accumulator, q->multipliers[pair], q->shifts[pair]);
    const int32_t value = tinygen_wrapping_add(scaled, q->zero_point);
    return tinygen_clamp(value, q->clamp_min, q->clamp_max);
}

#endif
