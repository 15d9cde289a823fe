/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * One byte in, one byte out: by a table, limited to a range, or with the other sign bit.
 */
#ifndef TINYGEN_KERNELS_DSP_CONVERT_S8_H
#define TINYGEN_KERNELS_DSP_CONVERT_S8_H

#include "simd.h"

/**
 * Look up every value. The output may start where the input starts, or before.
 *
 * @param count  values
 * @param table  256 outputs; that of value v at v modulo 256
 * @param input  count values
 * @param output count values
 */
TINYGEN_KERNEL void tinygen_dsp_lookup_s8(int32_t count, const int8_t *table, const int8_t *input,
                                          int8_t *output)
{
    int32_t i = 0;
    input = tinygen_opaque(input);
    for (; i + 4 <= count; i += 4) {
        const uint32_t word = tinygen_load4(input + i);
        output[i] = table[word & 0xffu];
        output[i + 1] = table[(word >> 8) & 0xffu];
        output[i + 2] = table[(word >> 16) & 0xffu];
        output[i + 3] = table[word >> 24];
    }
    for (; i < count; i++) {
        output[i] = table[(uint8_t)input[i]];
    }
}

/**
 * From int8 to uint8 or back where both mean the same: 128 more or less. The output may start where
 * the input starts, or before.
 */
TINYGEN_KERNEL void tinygen_dsp_flip_sign_bit(int32_t count, const int8_t *input, int8_t *output)
{
    int32_t i = 0;
    input = tinygen_opaque(input);
    for (; i + 16 <= count; i += 16) {
        const uint32_t first = tinygen_load4(input + i);
        const uint32_t second = tinygen_load4(input + i + 4);
        const uint32_t third = tinygen_load4(input + i + 8);
        const uint32_t fourth = tinygen_load4(input + i + 12);
        tinygen_store4(output + i, first ^ 0x80808080u);
        tinygen_store4(output + i + 4, second ^ 0x80808080u);
        tinygen_store4(output + i + 8, third ^ 0x80808080u);
        tinygen_store4(output + i + 12, fourth ^ 0x80808080u);
    }
    for (; i < count; i++) {
        output[i] = (int8_t)(input[i] ^ -128);
    }
}

/** Limit every value to [low, high]. The output may start where the input starts, or before. */
TINYGEN_KERNEL void tinygen_dsp_clamp_s8(int32_t count, int32_t low, int32_t high,
                                         const int8_t *input, int8_t *output)
{
    int32_t i = 0;
    input = tinygen_opaque(input);
    for (; i + 4 <= count; i += 4) {
        const uint32_t raised = tinygen_max_s8(tinygen_load4(input + i), tinygen_bytes(low));
        tinygen_store4(output + i, tinygen_min_s8(raised, tinygen_bytes(high)));
    }
    for (; i < count; i++) {
        output[i] = (int8_t)tinygen_clamp(input[i], low, high);
    }
}

#endif
