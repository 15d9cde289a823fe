/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * BATCH_MATMUL of two computed (or constant) operands, either of them transposed.
 */
#ifndef TINYGEN_KERNELS_MATMUL_H
#define TINYGEN_KERNELS_MATMUL_H

#include "conv2d_f32_s16.h"
#include "nest.h"

/** Matrices of rows x depth and depth x columns; the nest goes over the batches of both. */
typedef struct {
    tinygen_nest batches;
    int32_t rows;
    int32_t depth;
    int32_t columns;
    int32_t lhs_row_step;
    int32_t lhs_depth_step;
    int32_t rhs_depth_step;
    int32_t rhs_column_step;
} tinygen_matmul_shape;

/** A float32 product. */
typedef struct {
    tinygen_matmul_shape shape;
} tinygen_matmul_f32_params;

/** A quantized product, with a bias a column or none (NULL); with fraction it is rounded once. */
typedef struct {
    tinygen_matmul_shape shape;
    const int32_t *bias;
    const int32_t *fraction;
    int32_t lhs_offset;
    int32_t rhs_offset;
    tinygen_requantization requantization;
} tinygen_matmul_quantized_params;

/** What follows a 64-bit sum of int16 products. */
static inline int16_t tinygen_matmul_s16_output(const tinygen_matmul_quantized_params *p,
                                                int64_t sum)
{
    const tinygen_requantization *q = &p->requantization;
    const int32_t scaled = tinygen_scale_wide(sum, q->multipliers[0], q->shifts[0]);
    return (int16_t)tinygen_clamp(tinygen_wrapping_add(scaled, q->zero_point), q->clamp_min,
                                  q->clamp_max);
}

/** What follows a sum of int8 products. */
static inline int8_t tinygen_matmul_s8_output(const tinygen_matmul_quantized_params *p, int32_t sum,
                                              int32_t column)
{
    const tinygen_requantization *q = &p->requantization;
    const int32_t biased = p->bias == NULL ? sum : tinygen_wrapping_add(sum, p->bias[column]);

    if (p->fraction == NULL) {
        return (int8_t)tinygen_requantize(q, biased, 0);
    }
    return (int8_t)tinygen_clamp(
        tinygen_scale_single_rounding(biased, q->multipliers[0], p->fraction[0], q->shifts[0]) +
            q->zero_point,
        q->clamp_min, q->clamp_max);
}

/** Define a product; `term` is what one pair of elements a, b adds, `finish` the output of sum. */
#define TINYGEN_DEFINE_MATMUL(name, params_type, type, sum_type, term, finish)                     \
    TINYGEN_KERNEL void name(const params_type *p, const type *lhs, const type *rhs, type *output) \
    {                                                                                              \
        const tinygen_matmul_shape *s = &p->shape;                                                 \
        tinygen_nest_row at = {{0}, {0}};                                                          \
        for (int32_t q = 0; q < s->batches.rows; q++) {                                            \
            for (int32_t n = 0; n < s->batches.row_length; n++) {                                  \
                const type *left = lhs + at.start[0] + n * s->batches.row_step[0];                 \
                const type *right = rhs + at.start[1] + n * s->batches.row_step[1];                \
                for (int32_t i = 0; i < s->rows; i++) {                                            \
                    for (int32_t j = 0; j < s->columns; j++) {                                     \
                        sum_type sum = 0;                                                          \
                        for (int32_t k = 0; k < s->depth; k++) {                                   \
                            const type a = left[i * s->lhs_row_step + k * s->lhs_depth_step];      \
                            const type b = right[k * s->rhs_depth_step + j * s->rhs_column_step];  \
                            sum += term;                                                           \
                        }                                                                          \
                        *output++ = (type)(finish);                                                \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
            tinygen_nest_next(&s->batches, &at);                                                   \
        }                                                                                          \
    }

TINYGEN_DEFINE_MATMUL(tinygen_matmul_f32, tinygen_matmul_f32_params, float, float, a *b, sum)
TINYGEN_DEFINE_MATMUL(tinygen_matmul_s8, tinygen_matmul_quantized_params, int8_t, int32_t,
                      (a + p->lhs_offset) * (b + p->rhs_offset),
                      tinygen_matmul_s8_output(p, sum, j))
TINYGEN_DEFINE_MATMUL(tinygen_matmul_s16, tinygen_matmul_quantized_params, int16_t, int64_t, a *b,
                      tinygen_matmul_s16_output(p, sum))

#endif
