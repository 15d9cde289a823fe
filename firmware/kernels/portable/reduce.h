/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Reductions over any axes: SUM, MEAN, REDUCE_MAX, REDUCE_MIN, REDUCE_ALL, ARG_MAX, ARG_MIN.
 */
#ifndef TINYGEN_KERNELS_REDUCE_H
#define TINYGEN_KERNELS_REDUCE_H

#include "nest.h"
#include "requantize.h"

/** Array 0 of both nests is the input: `outer` goes over the outputs, `inner` over what each reads.
 */
typedef struct {
    tinygen_nest outer;
    tinygen_nest inner;
} tinygen_reduction;

/** A reduction of quantized values: sums, less the zero point of each term, rescaled. */
typedef struct {
    tinygen_reduction reduction;
    int32_t zero_points; /**< of all terms, to be taken off the sum */
    tinygen_requantization requantization;
} tinygen_reduce_quantized_params;

/** A reduction of float32; sums are divided by divisor. */
typedef struct {
    tinygen_reduction reduction;
    float divisor;
} tinygen_reduce_f32_params;

/** A reduction that keeps one of its inputs, or the index of one. */
typedef struct {
    tinygen_reduction reduction;
} tinygen_reduce_plain_params;

/** What follows a sum of quantized values. */
static inline int32_t tinygen_reduce_quantized(const tinygen_reduce_quantized_params *p,
                                               int32_t sum)
{
    const int32_t centred = (int32_t)((uint32_t)sum - (uint32_t)p->zero_points);
    return tinygen_requantize(&p->requantization, centred, 0);
}

/** Define a reduction: `step` takes `value` into `sum`; `index` counts what has been read. */
#define TINYGEN_DEFINE_REDUCE(name, params_type, type, sum_type, output_type, step, finish)        \
    TINYGEN_KERNEL void name(const params_type *p, const type *input, output_type *output)         \
    {                                                                                              \
        const tinygen_nest *outer = &p->reduction.outer;                                           \
        const tinygen_nest *inner = &p->reduction.inner;                                           \
        tinygen_nest_row at = {{0}, {0}};                                                          \
        for (int32_t r = 0; r < outer->rows; r++) {                                                \
            for (int32_t o = 0; o < outer->row_length; o++) {                                      \
                const type *base = input + at.start[0] + o * outer->row_step[0];                   \
                tinygen_nest_row within = {{0}, {0}};                                              \
                int32_t index = 0;                                                                 \
                int32_t found = 0;                                                                 \
                sum_type sum = 0;                                                                  \
                for (int32_t q = 0; q < inner->rows; q++) {                                        \
                    for (int32_t i = 0; i < inner->row_length; i++) {                              \
                        const type value = base[within.start[0] + i * inner->row_step[0]];         \
                        step;                                                                      \
                        index++;                                                                   \
                    }                                                                              \
                    tinygen_nest_next(inner, &within);                                             \
                }                                                                                  \
                (void)found;                                                                       \
                *output++ = (output_type)(finish);                                                 \
            }                                                                                      \
            tinygen_nest_next(outer, &at);                                                         \
        }                                                                                          \
    }

#define TINYGEN_KEEP_IF(better)                                                                    \
    if (index == 0 || (better)) {                                                                  \
        sum = value;                                                                               \
        found = index;                                                                             \
    }

#define TINYGEN_DEFINE_EXTREMA(suffix, type)                                                       \
    TINYGEN_DEFINE_REDUCE(tinygen_reduce_max_##suffix, tinygen_reduce_plain_params, type, type,    \
                          type, TINYGEN_KEEP_IF(value > sum), sum)                                 \
    TINYGEN_DEFINE_REDUCE(tinygen_reduce_min_##suffix, tinygen_reduce_plain_params, type, type,    \
                          type, TINYGEN_KEEP_IF(value < sum), sum)                                 \
    TINYGEN_DEFINE_REDUCE(tinygen_arg_max_##suffix, tinygen_reduce_plain_params, type, type,       \
                          int32_t, TINYGEN_KEEP_IF(value > sum), found)                            \
    TINYGEN_DEFINE_REDUCE(tinygen_arg_min_##suffix, tinygen_reduce_plain_params, type, type,       \
                          int32_t, TINYGEN_KEEP_IF(value < sum), found)

TINYGEN_DEFINE_EXTREMA(s8, int8_t)
TINYGEN_DEFINE_EXTREMA(f32, float)
TINYGEN_DEFINE_REDUCE(tinygen_reduce_sum_f32, tinygen_reduce_f32_params, float, float, float,
                      sum = sum + value, sum / p->divisor)
TINYGEN_DEFINE_REDUCE(tinygen_reduce_sum_s8, tinygen_reduce_quantized_params, int8_t, int32_t,
                      int8_t, sum = tinygen_wrapping_add(sum, value),
                      tinygen_reduce_quantized(p, sum))
TINYGEN_DEFINE_REDUCE(tinygen_reduce_sum_s16, tinygen_reduce_quantized_params, int16_t, int32_t,
                      int16_t, sum = tinygen_wrapping_add(sum, value),
                      tinygen_reduce_quantized(p, sum))
TINYGEN_DEFINE_REDUCE(tinygen_reduce_all_b8, tinygen_reduce_plain_params, uint8_t, int32_t, uint8_t,
                      sum += value == 0u ? 1 : 0, sum == 0 ? 1 : 0)

#endif
