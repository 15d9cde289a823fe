/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The transforms of F(2x2, 3x3) in integers: winograd.h. Sums come out 4 times too large.
 */
#ifndef TINYGEN_KERNELS_DSP_WINOGRAD_F2_H
#define TINYGEN_KERNELS_DSP_WINOGRAD_F2_H

#include "winograd.h"

/** Four values, transformed; two channels in the halves of a word. */
typedef struct {
    uint32_t at[4];
} tinygen_winograd2_four;

/** One-dimensional transform of inputs d. */
TINYGEN_INLINE tinygen_winograd2_four tinygen_winograd2_transform(uint32_t d0, uint32_t d1,
                                                                  uint32_t d2, uint32_t d3)
{
    const tinygen_winograd2_four result = {{tinygen_ssub16(d0, d2), tinygen_sadd16(d1, d2),
                                            tinygen_ssub16(d2, d1), tinygen_ssub16(d1, d3)}};
    return result;
}

/** Channels k and k + 2 (odd: k + 1 and k + 3) of four. */
TINYGEN_INLINE uint32_t tinygen_winograd2_load(const int8_t *from, int32_t odd)
{
    const uint32_t word = tinygen_load4(from);
    return odd != 0 ? tinygen_sxtb16_ror8(word) : tinygen_sxtb16(word);
}

/** Transform a row of four pixels. */
TINYGEN_INLINE void tinygen_winograd2_row(const int8_t *from, int32_t depth, int32_t odd,
                                          tinygen_winograd2_four *to)
{
    *to = tinygen_winograd2_transform(tinygen_winograd2_load(from, odd),
                                      tinygen_winograd2_load(from + depth, odd),
                                      tinygen_winograd2_load(from + 2 * depth, odd),
                                      tinygen_winograd2_load(from + 3 * depth, odd));
}

/** Transform column c of four transformed rows, and store it `step` words apart. */
TINYGEN_INLINE void tinygen_winograd2_column(const tinygen_winograd2_four *rows, int32_t c,
                                             uint32_t *to, int32_t step)
{
    const tinygen_winograd2_four column =
        tinygen_winograd2_transform(rows[0].at[c], rows[1].at[c], rows[2].at[c], rows[3].at[c]);
    to[0] = column.at[0];
    to += step;
    to[0] = column.at[1];
    to += step;
    to[0] = column.at[2];
    to += step;
    to[0] = column.at[3];
}

/** Transform two channels of a tile. */
TINYGEN_INLINE void tinygen_winograd2_two(const int8_t *from, int32_t pitch, int32_t depth,
                                          int32_t odd, uint32_t *to)
{
    tinygen_winograd2_four rows[4];
    tinygen_winograd2_row(from, depth, odd, &rows[0]);
    tinygen_winograd2_row(from + pitch, depth, odd, &rows[1]);
    tinygen_winograd2_row(from + 2 * pitch, depth, odd, &rows[2]);
    tinygen_winograd2_row(from + 3 * pitch, depth, odd, &rows[3]);
    tinygen_winograd2_column(rows, 0, to, 4 * depth);
    tinygen_winograd2_column(rows, 1, to + depth, 4 * depth);
    tinygen_winograd2_column(rows, 2, to + 2 * depth, 4 * depth);
    tinygen_winograd2_column(rows, 3, to + 3 * depth, 4 * depth);
}

/** tinygen_winograd_input_function */
TINYGEN_SHARED void tinygen_winograd2_input(const int8_t *from, int32_t pitch, int32_t depth,
                                            uint32_t *values)
{
    for (int32_t k = 0; k < depth; k += 4) {
        for (int32_t tile = 0; tile < 2; tile++) {
            const int8_t *first = from + k + 2 * tile * depth;
            tinygen_winograd2_two(first, pitch, depth, 0, values + k + tile);
            tinygen_winograd2_two(first, pitch, depth, 1, values + k + 2 + tile);
        }
    }
}

/** One-dimensional transform of four sums, `step` apart, to two in the same place. */
static inline void tinygen_winograd2_pair(int32_t *at, int32_t step)
{
    const uint32_t m0 = (uint32_t)at[0];
    const uint32_t m1 = (uint32_t)at[step];
    const uint32_t m2 = (uint32_t)at[2 * step];
    const uint32_t m3 = (uint32_t)at[3 * step];
    at[0] = (int32_t)(m0 + m1 + m2);
    at[step] = (int32_t)(m1 - m2 - m3);
}

/**
 * Transform sums to outputs of four channels of two tiles.
 *
 * @param sums      by frequency, channel and tile; spoilt
 * @param constants three words a channel
 * @param output    of the first pixel
 * @param target    the layer's, or with other distances
 */
static inline void tinygen_winograd2_finish(int32_t *sums, const int32_t *constants, int8_t *output,
                                            const tinygen_winograd_target *target)
{
    for (int32_t i = 0; i < 8; i++) {
        const int32_t *constant = constants + 3 * (i / 2);
        int8_t *to = output + i / 2 + 2 * (i % 2) * target->pixel;
        int32_t *at = sums + i;
        at[8 * 5] = tinygen_wrapping_add(at[8 * 5], constant[0]);
        for (int32_t x = 0; x < 4; x++) {
            tinygen_winograd2_pair(at + 8 * x, 8 * 4);
        }
        for (int32_t y = 0; y < 2; y++) {
            tinygen_winograd2_pair(at + 8 * 4 * y, 8);
            for (int32_t x = 0; x < 2; x++) {
                const int32_t scaled = at[8 * (4 * y + x)] >> (target->two_roundings != 0 ? 2 : 0);
                to[y * target->row + x * target->pixel] =
                    tinygen_winograd_requantize(target, scaled, constant + 1);
            }
        }
    }
}

#endif
