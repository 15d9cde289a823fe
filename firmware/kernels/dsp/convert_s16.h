/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * QUANTIZE from int16 to int16 or int8, and from int8 to int16.
 */
#ifndef TINYGEN_KERNELS_DSP_CONVERT_S16_H
#define TINYGEN_KERNELS_DSP_CONVERT_S16_H

#include "simd.h"

/**
 * out = saturate((((value * multiplier) >> 16) + base) >> shift), with `below` taken from the base
 * of negative values: both roundings of TFLM's requantization at once.
 */
typedef struct {
    int32_t count;
    int32_t multiplier;
    int32_t base;
    int32_t below; /**< 0 if negative values are like others */
    int32_t shift;
} tinygen_dsp_scale_s16_params;

/** Scale the bottom and the top half of a word, not yet saturated; `below` as in the parameters. */
static inline int32_t tinygen_dsp_scale_bottom(const tinygen_dsp_scale_s16_params *p, uint32_t word,
                                               int32_t below)
{
    const int32_t base = below == 0 ? p->base : p->base - (below & (tinygen_bottom(word) >> 31));
    return tinygen_smlawb(p->multiplier, word, base) >> p->shift;
}
static inline int32_t tinygen_dsp_scale_top(const tinygen_dsp_scale_s16_params *p, uint32_t word,
                                            int32_t below)
{
    const int32_t base = below == 0 ? p->base : p->base - (below & (tinygen_top(word) >> 31));
    return tinygen_smlawt(p->multiplier, word, base) >> p->shift;
}

/** Scale two values to int16. */
static inline uint32_t tinygen_dsp_scale2_s16(const tinygen_dsp_scale_s16_params *p, uint32_t word,
                                              int32_t below)
{
    return tinygen_halves(tinygen_saturate16(tinygen_dsp_scale_bottom(p, word, below)),
                          tinygen_saturate16(tinygen_dsp_scale_top(p, word, below)));
}

/** Scale to int16. The output may start where the input starts, or before. */
TINYGEN_KERNEL void tinygen_dsp_scale_s16_s16(const tinygen_dsp_scale_s16_params *params,
                                              const int16_t *input, int16_t *output)
{
    const tinygen_dsp_scale_s16_params p = *params;
    int32_t i = 0;
    if (p.below == 0) {
        for (; i + 2 <= p.count; i += 2) {
            tinygen_store2(output + i, tinygen_dsp_scale2_s16(&p, tinygen_load2(input + i), 0));
        }
    } else {
        for (; i + 2 <= p.count; i += 2) {
            tinygen_store2(output + i,
                           tinygen_dsp_scale2_s16(&p, tinygen_load2(input + i), p.below));
        }
    }
    if (i < p.count) {
        const uint32_t last = tinygen_halves(input[i], 0);
        output[i] = (int16_t)tinygen_saturate16(tinygen_dsp_scale_bottom(&p, last, p.below));
    }
}

/** Scale two values to int8. */
static inline void tinygen_dsp_scale2_s8(const tinygen_dsp_scale_s16_params *p, uint32_t word,
                                         int32_t below, int8_t *output)
{
    output[0] = (int8_t)tinygen_saturate8(tinygen_dsp_scale_bottom(p, word, below));
    output[1] = (int8_t)tinygen_saturate8(tinygen_dsp_scale_top(p, word, below));
}

/** Scale to int8. The output may start where the input starts, or before. */
TINYGEN_KERNEL void tinygen_dsp_scale_s16_s8(const tinygen_dsp_scale_s16_params *params,
                                             const int16_t *input, int8_t *output)
{
    const tinygen_dsp_scale_s16_params p = *params;
    int32_t i = 0;
    if (p.below == 0) {
        for (; i + 2 <= p.count; i += 2) {
            tinygen_dsp_scale2_s8(&p, tinygen_load2(input + i), 0, output + i);
        }
    } else {
        for (; i + 2 <= p.count; i += 2) {
            tinygen_dsp_scale2_s8(&p, tinygen_load2(input + i), p.below, output + i);
        }
    }
    if (i < p.count) {
        const uint32_t last = tinygen_halves(input[i], 0);
        output[i] = (int8_t)tinygen_saturate8(tinygen_dsp_scale_bottom(&p, last, p.below));
    }
}

/**
 * Look up every value.
 *
 * @param count  values
 * @param table  256 outputs; that of value v at v modulo 256
 * @param input  count values
 * @param output count values; may start `count` bytes or more before the input
 */
TINYGEN_KERNEL void tinygen_dsp_lookup_s8_s16(int32_t count, const int16_t *table,
                                              const int8_t *input, int16_t *output)
{
    input = tinygen_opaque(input);
    for (int32_t quad = 0; quad < count / 4; quad++) {
        const uint32_t word = tinygen_load4(input);
        output[0] = table[word & 0xffu];
        output[1] = table[(word >> 8) & 0xffu];
        output[2] = table[(word >> 16) & 0xffu];
        output[3] = table[word >> 24];
        input += 4;
        output += 4;
    }
    for (int32_t i = 0; i < count % 4; i++) {
        output[i] = table[(uint8_t)input[i]];
    }
}

#endif
