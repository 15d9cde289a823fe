/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * ADD_N and CUMSUM: running sums, of float32 and int8; SOFTMAX of int16.
 */
#ifndef TINYGEN_KERNELS_ACCUMULATE_H
#define TINYGEN_KERNELS_ACCUMULATE_H

#include "requantize.h"

/** How int8 values come to the scale of the sum and the sum to the output's. */
typedef struct {
    int32_t input_offset;
    int32_t multiplier;
    int32_t shift;
    int32_t left_shift;
    tinygen_requantization requantization;
} tinygen_accumulate_s8_params;

/** A value less its zero point in the scale of the sum. */
static inline int32_t tinygen_accumulate_scaled(const tinygen_accumulate_s8_params *p,
                                                int32_t value)
{
    const int32_t widened = (value + p->input_offset) * ((int32_t)1 << p->left_shift);
    return tinygen_scale(widened, p->multiplier, p->shift);
}

/** Start a sum of tensors: as TFLM does, from a value of 0 less its zero point. */
TINYGEN_KERNEL void tinygen_add_n_start_s8(const tinygen_accumulate_s8_params *p, int32_t count,
                                           int32_t *sums)
{
    for (int32_t i = 0; i < count; i++) {
        sums[i] = tinygen_accumulate_scaled(p, 0);
    }
}

/** Add a tensor to the sums. */
TINYGEN_KERNEL void tinygen_add_n_term_s8(const tinygen_accumulate_s8_params *p, int32_t count,
                                          const int8_t *input, int32_t *sums)
{
    for (int32_t i = 0; i < count; i++) {
        sums[i] = tinygen_wrapping_add(sums[i], tinygen_accumulate_scaled(p, input[i]));
    }
}

/** The sums as outputs. */
TINYGEN_KERNEL void tinygen_add_n_finish_s8(const tinygen_accumulate_s8_params *p, int32_t count,
                                            const int32_t *sums, int8_t *output)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = (int8_t)tinygen_requantize(&p->requantization, sums[i], 0);
    }
}

/** Start a sum of tensors: 0 and the first of them. */
TINYGEN_KERNEL void tinygen_add_n_start_f32(int32_t count, const float *input, float *sums)
{
    for (int32_t i = 0; i < count; i++) {
        sums[i] = 0.0f + input[i];
    }
}

/** Add a tensor to the sums. */
TINYGEN_KERNEL void tinygen_add_n_term_f32(int32_t count, const float *input, float *sums)
{
    for (int32_t i = 0; i < count; i++) {
        sums[i] = sums[i] + input[i];
    }
}

/** Lines of depth elements, inner elements apart; from the end if reversed, each less itself. */
typedef struct {
    int32_t outer;
    int32_t depth;
    int32_t inner;
    int32_t reverse;
    int32_t exclusive;
} tinygen_cumsum_shape;

/** Running sums of float32. */
TINYGEN_KERNEL void tinygen_cumsum_f32(const tinygen_cumsum_shape *s, const float *input,
                                       float *output)
{
    for (int32_t o = 0; o < s->outer; o++) {
        for (int32_t i = 0; i < s->inner; i++) {
            float sum = 0.0f;
            for (int32_t d = 0; d < s->depth; d++) {
                const int32_t k = s->reverse != 0 ? s->depth - 1 - d : d;
                const int32_t at = (o * s->depth + k) * s->inner + i;
                const float next = sum + input[at];
                output[at] = s->exclusive != 0 ? sum : next;
                sum = next;
            }
        }
    }
}

/** Running sums of int8; they start from 0 less its zero point, as in TFLM. */
TINYGEN_KERNEL void tinygen_cumsum_s8(const tinygen_cumsum_shape *s,
                                      const tinygen_accumulate_s8_params *p, const int8_t *input,
                                      int8_t *output)
{
    for (int32_t o = 0; o < s->outer; o++) {
        for (int32_t i = 0; i < s->inner; i++) {
            int32_t sum = tinygen_accumulate_scaled(p, 0);
            for (int32_t d = 0; d < s->depth; d++) {
                const int32_t k = s->reverse != 0 ? s->depth - 1 - d : d;
                const int32_t at = (o * s->depth + k) * s->inner + i;
                const int32_t next =
                    tinygen_wrapping_add(sum, tinygen_accumulate_scaled(p, input[at]));
                const int32_t shown = s->exclusive != 0 ? sum : next;
                output[at] = (int8_t)tinygen_requantize(&p->requantization, shown, 0);
                sum = next;
            }
        }
    }
}

/** A softmax of int16 rows by two tables of 513 entries, interpolated. */
typedef struct {
    int32_t rows;
    int32_t depth;
    int32_t multiplier;
    int32_t shift;
    const int16_t *exponentials;
    const int16_t *reciprocals;
} tinygen_softmax_s16_params;

/** Entry at 256 + value / 128, linear between entries. */
static inline int32_t tinygen_interpolated(const int16_t *table, int32_t value)
{
    const int32_t index = 256 + (value >> 7);
    const int32_t slope = (int16_t)(table[index + 1] - table[index]);
    return (int16_t)(table[index] + ((slope * (value & 0x7F) + 64) >> 7));
}

/** Softmax of each row, Q0.15. */
TINYGEN_KERNEL void tinygen_softmax_s16(const tinygen_softmax_s16_params *p, const int16_t *input,
                                        int16_t *output)
{
    for (int32_t r = 0; r < p->rows; r++) {
        int32_t largest = INT16_MIN;
        for (int32_t c = 0; c < p->depth; c++) {
            largest = input[c] > largest ? input[c] : largest;
        }
        int32_t sum = 0;
        for (int32_t c = 0; c < p->depth; c++) {
            const int32_t scaled = tinygen_scale(input[c] - largest, p->multiplier, p->shift);
            const int32_t position =
                tinygen_clamp(tinygen_wrapping_add(scaled, 32767), INT16_MIN, INT16_MAX);
            output[c] = (int16_t)tinygen_interpolated(p->exponentials, position);
            sum += output[c];
        }
        int32_t zeros = 0;
        while (zeros < 31 && ((uint32_t)sum << zeros) >> 31 == 0u) {
            zeros++;
        }
        const int32_t shifted = (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14);
        const int32_t position =
            tinygen_clamp(shifted - (1 << 15) - (1 << 16), INT16_MIN, INT16_MAX);
        const int64_t reciprocal = tinygen_interpolated(p->reciprocals, position);
        const int32_t right = 31 - zeros;
        for (int32_t c = 0; c < p->depth; c++) {
            const int64_t product = output[c] * reciprocal + ((int64_t)1 << (right - 1));
            output[c] = (int16_t)tinygen_clamp((int32_t)(product >> right), 0, INT16_MAX);
        }
        input += p->depth;
        output += p->depth;
    }
}

#endif
