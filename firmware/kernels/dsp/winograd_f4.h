/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The transforms of F(4x4, 3x3) in integers: winograd.h. Sums come out 576 times too large.
 */
#ifndef TINYGEN_KERNELS_DSP_WINOGRAD_F4_H
#define TINYGEN_KERNELS_DSP_WINOGRAD_F4_H

#include "winograd.h"

/** 1 / 9 modulo 2^32. */
#define TINYGEN_WINOGRAD_NINTH 0x38e38e39u

/**
 * Six values, transformed; two channels in the halves of a word.
 *
 * Words are added, subtracted and shifted whole, which lets the low half borrow from the high one;
 * tinygen_winograd4_halves() gives it back.
 */
typedef struct {
    uint32_t at[6];
} tinygen_winograd4_six;

/** One-dimensional transform of inputs d. */
TINYGEN_INLINE tinygen_winograd4_six tinygen_winograd4_transform(uint32_t d0, uint32_t d1,
                                                                 uint32_t d2, uint32_t d3,
                                                                 uint32_t d4, uint32_t d5)
{
    const uint32_t a = d4 - d2;
    const uint32_t b = d3 - d1;
    const uint32_t c = d4 - (d2 << 2);
    const uint32_t d = d3 - (d1 << 2);
    const tinygen_winograd4_six result = {
        {a + ((d0 - d2) << 2), c + d, c - d, a + (b << 1), a - (b << 1), (d5 - d3) - (b << 2)}};
    return result;
}

/** A sum of words as two int16, side by side. */
TINYGEN_INLINE uint32_t tinygen_winograd4_halves(uint32_t sum)
{
    return sum + ((sum & 0x8000u) << 1);
}

/** Channels k and k + 2 (odd: k + 1 and k + 3) of four, each 128 too large. */
TINYGEN_INLINE uint32_t tinygen_winograd4_load(const int8_t *from, int32_t odd)
{
    const uint32_t word = tinygen_load4(from) ^ 0x80808080u;
    return (odd != 0 ? word >> 8 : word) & 0x00ff00ffu;
}

/** Transform two channels of a tile. Loops keep the compiler from keeping more than it has room
 * for. */
TINYGEN_INLINE void tinygen_winograd4_two(const int8_t *from, int32_t pitch, int32_t depth,
                                          int32_t odd, uint32_t *to)
{
    tinygen_winograd4_six rows[6];
    for (int32_t y = 0; y < 6; y++) {
        const int8_t *middle = from + 3 * depth;
        rows[y] = tinygen_winograd4_transform(
            tinygen_winograd4_load(from, odd), tinygen_winograd4_load(from + depth, odd),
            tinygen_winograd4_load(from + 2 * depth, odd), tinygen_winograd4_load(middle, odd),
            tinygen_winograd4_load(middle + depth, odd),
            tinygen_winograd4_load(middle + 2 * depth, odd));
        from += pitch;
    }
    for (int32_t x = 0; x < 6; x++) {
        const tinygen_winograd4_six column =
            tinygen_winograd4_transform(rows[0].at[x], rows[1].at[x], rows[2].at[x], rows[3].at[x],
                                        rows[4].at[x], rows[5].at[x]);
        uint32_t *at = to;
        *at = tinygen_winograd4_halves(column.at[0]);
        at += 6 * depth;
        *at = tinygen_winograd4_halves(column.at[1]);
        at += 6 * depth;
        *at = tinygen_winograd4_halves(column.at[2]);
        at += 6 * depth;
        *at = tinygen_winograd4_halves(column.at[3]);
        at += 6 * depth;
        *at = tinygen_winograd4_halves(column.at[4]);
        at += 6 * depth;
        *at = tinygen_winograd4_halves(column.at[5]);
        to += depth;
    }
}

/** Transform the even two of four channels of a tile. */
TINYGEN_SHARED void tinygen_winograd4_even(const int8_t *from, int32_t pitch, int32_t depth,
                                           uint32_t *to)
{
    tinygen_winograd4_two(from, pitch, depth, 0, to);
}

/** Transform the odd two of four channels of a tile. */
TINYGEN_SHARED void tinygen_winograd4_odd(const int8_t *from, int32_t pitch, int32_t depth,
                                          uint32_t *to)
{
    tinygen_winograd4_two(from, pitch, depth, 1, to);
}

/** tinygen_winograd_input_function */
TINYGEN_SHARED void tinygen_winograd4_input(const int8_t *from, int32_t pitch, int32_t depth,
                                            uint32_t *values)
{
    for (int32_t k = 0; k < depth; k += 4) {
        for (int32_t tile = 0; tile < 2; tile++) {
            const int8_t *first = from + k + 4 * tile * depth;
            tinygen_winograd4_even(first, pitch, depth, values + k + tile);
            tinygen_winograd4_odd(first, pitch, depth, values + k + 2 + tile);
        }
    }
}

/** One-dimensional transform of six sums, `step` apart, to four in the same place. */
static inline void tinygen_winograd4_four(int32_t *at, int32_t step)
{
    const uint32_t m0 = (uint32_t)at[0];
    const uint32_t m1 = (uint32_t)at[step];
    const uint32_t m2 = (uint32_t)at[2 * step];
    const uint32_t m3 = (uint32_t)at[3 * step];
    const uint32_t m4 = (uint32_t)at[4 * step];
    const uint32_t m5 = (uint32_t)at[5 * step];
    at[0] = (int32_t)(3u * m0 + (m1 + m2) + (m3 + m4));
    at[step] = (int32_t)((m1 - m2) + 2u * (m3 - m4));
    at[2 * step] = (int32_t)((m1 + m2) + 4u * (m3 + m4));
    at[3 * step] = (int32_t)((m1 - m2) + 8u * (m3 - m4) + 3u * m5);
}

/**
 * Transform sums to outputs of four channels of two tiles.
 *
 * @param sums      by frequency, channel and tile; spoilt
 * @param constants three words a channel
 * @param output    of the first pixel
 * @param target    the layer's, or with other distances
 */
static inline void tinygen_winograd4_finish(int32_t *sums, const int32_t *constants, int8_t *output,
                                            const tinygen_winograd_target *target)
{
    for (int32_t i = 0; i < 8; i++) {
        const int32_t *constant = constants + 3 * (i / 2);
        int8_t *to = output + i / 2 + 4 * (i % 2) * target->pixel;
        int32_t *at = sums + i;
        at[8 * 7] = tinygen_wrapping_add(at[8 * 7], constant[0]);
        for (int32_t x = 0; x < 6; x++) {
            tinygen_winograd4_four(at + 8 * x, 8 * 6);
        }
        for (int32_t y = 0; y < 4; y++) {
            tinygen_winograd4_four(at + 8 * 6 * y, 8);
            for (int32_t x = 0; x < 4; x++) {
                const uint32_t sum = (uint32_t)at[8 * (6 * y + x)] * TINYGEN_WINOGRAD_NINTH;
                const int32_t scaled = (int32_t)sum >> (target->two_roundings != 0 ? 6 : 0);
                to[y * target->row + x * target->pixel] =
                    tinygen_winograd_requantize(target, scaled, constant + 1);
            }
        }
    }
}

#endif
