/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Loops of the elementwise operators: one, two or three operands that broadcast.
 */
#ifndef TINYGEN_KERNELS_ELEMENTWISE_H
#define TINYGEN_KERNELS_ELEMENTWISE_H

#include "nest.h"

/** Define kernel `name`: each output is `value` of the element `a`. */
#define TINYGEN_DEFINE_UNARY(name, params_type, input_type, output_type, value)                    \
    TINYGEN_KERNEL void name(const tinygen_nest *nest, const params_type *p,                       \
                             const input_type *input, output_type *output)                         \
    {                                                                                              \
        (void)p;                                                                                   \
        for (int32_t i = 0; i < nest->row_length; i++) {                                           \
            const input_type a = input[i];                                                         \
            output[i] = (output_type)(value);                                                      \
        }                                                                                          \
    }

/** Define kernel `name`: each output is `value` of the elements `a` and `b`. */
#define TINYGEN_DEFINE_BINARY(name, params_type, lhs_type, rhs_type, output_type, value)           \
    TINYGEN_KERNEL void name(const tinygen_nest *nest, const params_type *p, const lhs_type *lhs,  \
                             const rhs_type *rhs, output_type *output)                             \
    {                                                                                              \
        tinygen_nest_row row = {{0}, {0}};                                                         \
        (void)p;                                                                                   \
        for (int32_t r = 0; r < nest->rows; r++) {                                                 \
            for (int32_t i = 0; i < nest->row_length; i++) {                                       \
                const lhs_type a = lhs[row.start[0] + i * nest->row_step[0]];                      \
                const rhs_type b = rhs[row.start[1] + i * nest->row_step[1]];                      \
                *output++ = (output_type)(value);                                                  \
            }                                                                                      \
            tinygen_nest_next(nest, &row);                                                         \
        }                                                                                          \
    }

/** Parameters of an operator that has none. */
typedef struct {
    int32_t unused;
} tinygen_no_params;

/** Define selection among elements of a type: `lhs` where the condition holds. */
#define TINYGEN_DEFINE_SELECT(name, type)                                                          \
    TINYGEN_KERNEL void name(const tinygen_nest *nest, const tinygen_no_params *p,                 \
                             const uint8_t *condition, const type *lhs, const type *rhs,           \
                             type *output)                                                         \
    {                                                                                              \
        tinygen_nest_row row = {{0}, {0}};                                                         \
        (void)p;                                                                                   \
        for (int32_t r = 0; r < nest->rows; r++) {                                                 \
            for (int32_t i = 0; i < nest->row_length; i++) {                                       \
                const uint8_t holds = condition[row.start[0] + i * nest->row_step[0]];             \
                const type a = lhs[row.start[1] + i * nest->row_step[1]];                          \
                const type b = rhs[row.start[2] + i * nest->row_step[2]];                          \
                *output++ = holds != 0u ? a : b;                                                   \
            }                                                                                      \
            tinygen_nest_next(nest, &row);                                                         \
        }                                                                                          \
    }

TINYGEN_DEFINE_SELECT(tinygen_select_s8, int8_t)
TINYGEN_DEFINE_SELECT(tinygen_select_s16, int16_t)
TINYGEN_DEFINE_SELECT(tinygen_select_f32, float)

#endif
