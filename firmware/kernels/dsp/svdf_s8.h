/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * SVDF of int8 with a state of int8 or int16: what filters add to their memories is a matrix
 * product, and memories move by an element while they are weighted.
 */
#ifndef TINYGEN_KERNELS_DSP_SVDF_S8_H
#define TINYGEN_KERNELS_DSP_SVDF_S8_H

#include "../portable/requantize.h"
#include "gemv_sums.h"
#include "scale.h"

/** The layer; the feature's scale is fit for tinygen_dsp_scale(). */
typedef struct {
    tinygen_gemv_sums_function *multiply;
    const int32_t *stream; /**< of the filters' weights */
    int32_t groups;        /**< of four inputs */
    int32_t blocks;        /**< of eight filters */
    const int32_t *bias;   /**< with the state's zero point folded in */
    int32_t batches;
    int32_t inputs;
    int32_t units;
    int32_t rank; /**< filters of a unit */
    int32_t memory;
    int32_t feature_multiplier;
    int32_t feature_shift;
    int32_t state_zero_point;
    tinygen_requantization requantization;
} tinygen_dsp_svdf_params;

/** Limit to the state's type. */
static inline int32_t tinygen_dsp_svdf_limit_s16(int32_t value)
{
    return tinygen_ssat16(value);
}

/** The same of int8. */
static inline int32_t tinygen_dsp_svdf_limit_s8(int32_t value)
{
    return tinygen_clamp(value, INT8_MIN, INT8_MAX);
}

/**
 * Move a memory on by an element and weight it.
 *
 * @param past   the memory, whose last value is the newest's of the inference before
 * @param times  its weights
 * @param memory values of either
 * @param newest the newest
 * @param sum    to which the products are added
 */
TINYGEN_INLINE int32_t tinygen_dsp_svdf_past_s16(int16_t *past, const int16_t *times,
                                                 int32_t memory, int16_t newest, int32_t sum)
{
    int32_t j = 0;
    for (; j + 4 < memory; j += 4) {
        const uint32_t first = tinygen_load4((const int8_t *)(past + j + 1));
        const uint32_t second = tinygen_load4((const int8_t *)(past + j + 3));
        tinygen_store4((int8_t *)(past + j), first);
        tinygen_store4((int8_t *)(past + j + 2), second);
        sum = tinygen_smlad(first, tinygen_load4((const int8_t *)(times + j)), sum);
        sum = tinygen_smlad(second, tinygen_load4((const int8_t *)(times + j + 2)), sum);
    }
    for (; j + 1 < memory; j++) {
        past[j] = past[j + 1];
        sum = tinygen_wrapping_add(sum, times[j] * past[j]);
    }
    past[j] = newest;
    return tinygen_wrapping_add(sum, times[j] * newest);
}

/** The same of int8. */
TINYGEN_INLINE int32_t tinygen_dsp_svdf_past_s8(int8_t *past, const int8_t *times, int32_t memory,
                                                int8_t newest, int32_t sum)
{
    int32_t j = 0;
    for (; j + 4 < memory; j += 4) {
        const uint32_t values = tinygen_load4(past + j + 1);
        const uint32_t weights = tinygen_load4(times + j);
        tinygen_store4(past + j, values);
        sum = tinygen_smlad(tinygen_sxtb16(values), tinygen_sxtb16(weights), sum);
        sum = tinygen_smlad(tinygen_sxtb16_ror8(values), tinygen_sxtb16_ror8(weights), sum);
    }
    for (; j + 1 < memory; j++) {
        past[j] = past[j + 1];
        sum = tinygen_wrapping_add(sum, times[j] * past[j]);
    }
    past[j] = newest;
    return tinygen_wrapping_add(sum, times[j] * newest);
}

/**
 * Define the layer with a type of state and time weights, [filters][memory].
 *
 * Work holds 8 * p->blocks words, then a row of the input in whole groups if it does not fill them.
 */
#define TINYGEN_DEFINE_DSP_SVDF(suffix, type)                                                      \
    TINYGEN_KERNEL void tinygen_dsp_svdf_##suffix(const tinygen_dsp_svdf_params *p,                \
                                                  const type *times, const int8_t *input,          \
                                                  type *state, int32_t *work, int8_t *output)      \
    {                                                                                              \
        int8_t *padded = (int8_t *)(work + 8 * p->blocks);                                         \
        for (int32_t b = 0; b < p->batches; b++) {                                                 \
            const int8_t *row = input;                                                             \
            if (p->inputs % 4 != 0) {                                                              \
                tinygen_dsp_fully_connected_pad(input, p->inputs, padded);                         \
                row = padded;                                                                      \
            }                                                                                      \
            p->multiply(row, p->stream, work, p->groups, p->blocks,                                \
                        tinygen_gemv_products(row, p->groups));                                    \
            const int32_t *feature = work;                                                         \
            const type *weights = times;                                                           \
            for (int32_t u = 0; u < p->units; u++) {                                               \
                int32_t sum = p->bias[u];                                                          \
                for (int32_t r = 0; r < p->rank; r++) {                                            \
                    const int32_t scaled =                                                         \
                        tinygen_dsp_scale(*feature++, p->feature_multiplier, p->feature_shift);    \
                    const int32_t newest =                                                         \
                        p->state_zero_point + tinygen_dsp_svdf_limit_##suffix(scaled);             \
                    sum = tinygen_dsp_svdf_past_##suffix(state, weights, p->memory, (type)newest,  \
                                                         sum);                                     \
                    state += p->memory;                                                            \
                    weights += p->memory;                                                          \
                }                                                                                  \
                *output++ = (int8_t)tinygen_requantize(&p->requantization, sum, 0);                \
            }                                                                                      \
            input += p->inputs;                                                                    \
        }                                                                                          \
    }

TINYGEN_DEFINE_DSP_SVDF(s8, int8_t)
TINYGEN_DEFINE_DSP_SVDF(s16, int16_t)

#endif
