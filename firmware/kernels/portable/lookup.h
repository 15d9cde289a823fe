/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Functions of one element by table: int8 exactly, int16 interpolated.
 */
#ifndef TINYGEN_KERNELS_LOOKUP_H
#define TINYGEN_KERNELS_LOOKUP_H

#include "common.h"

/** Replace each value by its entry; table[v + 128] is what v becomes. */
TINYGEN_KERNEL void tinygen_lookup_s8(int32_t count, const int8_t *table, const int8_t *input,
                                      int8_t *output)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = table[input[i] + 128];
    }
}

/** The scale that brings an int16 input to table positions: value * multiplier >> shift, rounded.
 */
typedef struct {
    int32_t count;
    int32_t multiplier;
    int32_t shift;
    const uint16_t *table; /**< logistic function at i / 24 in Q0.16, 256 entries */
} tinygen_sigmoid_s16_params;

/** A value in table positions. */
static inline int32_t tinygen_sigmoid_position(const tinygen_sigmoid_s16_params *p, int32_t value)
{
    const int32_t half = p->shift > 0 ? (int32_t)1 << (p->shift - 1) : 0;
    return (value * p->multiplier + half) >> p->shift;
}

/** Logistic function at a position: table entries 512 positions apart, linear between them. */
TINYGEN_INLINE int16_t tinygen_logistic_at(const uint16_t *table, int32_t position)
{
    const uint32_t magnitude = (uint32_t)(position < 0 ? -position : position);
    const uint32_t entry = magnitude >> 9;
    uint32_t result = (uint32_t)0x7FFF << 10;
    if (entry < 255u) {
        const uint32_t low = table[entry];
        result = (low << 9) + (magnitude & 0x1FFu) * (table[entry + 1u] - low);
    }
    result = position >= 0 ? result + (1u << 9) : (1u << 25) - result + (1u << 9) - 1u;
    return (int16_t)(result >> 10);
}

/** Hyperbolic tangent at a position, 2 * logistic(2x) - 1, of the same table. */
TINYGEN_INLINE int16_t tinygen_tanh_at(const uint16_t *table, int32_t position)
{
    const uint32_t magnitude = (uint32_t)(position < 0 ? -position : position);
    const uint32_t entry = magnitude >> 8;
    int32_t result = 0xFFFF << 8;
    if (entry < 255u) {
        const int32_t low = table[entry];
        result = low * 256 + (int32_t)(magnitude & 0xFFu) * (table[entry + 1u] - low);
    }
    const int32_t centred = result - (1 << 23);
    const int32_t turned = position >= 0 ? centred + (1 << 7) : -centred + (1 << 7) - 1;
    return (int16_t)(turned >> 8);
}

/** Logistic function of every value. */
TINYGEN_KERNEL void tinygen_logistic_s16(const tinygen_sigmoid_s16_params *p, const int16_t *input,
                                         int16_t *output)
{
    for (int32_t i = 0; i < p->count; i++) {
        output[i] = tinygen_logistic_at(p->table, tinygen_sigmoid_position(p, input[i]));
    }
}

/** Hyperbolic tangent of every value. */
TINYGEN_KERNEL void tinygen_tanh_s16(const tinygen_sigmoid_s16_params *p, const int16_t *input,
                                     int16_t *output)
{
    for (int32_t i = 0; i < p->count; i++) {
        output[i] = tinygen_tanh_at(p->table, tinygen_sigmoid_position(p, input[i]));
    }
}

#endif
