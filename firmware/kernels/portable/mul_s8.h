/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * MUL, int8, with broadcasting.
 */
#ifndef TINYGEN_KERNELS_MUL_S8_H
#define TINYGEN_KERNELS_MUL_S8_H

#include "broadcast.h"
#include "requantize.h"

/** A multiplication layer; offsets are minus the operands' zero points. */
typedef struct {
    tinygen_broadcast broadcast;
    int32_t lhs_offset;
    int32_t rhs_offset;
    tinygen_requantization requantization;
} tinygen_mul_s8_params;

/** Multiply two tensors. */
TINYGEN_KERNEL void tinygen_mul_s8(const tinygen_mul_s8_params *p, const int8_t *lhs,
                                   const int8_t *rhs, int8_t *output)
{
    const tinygen_broadcast *b = &p->broadcast;
    tinygen_broadcast_row row = {{0}, 0, 0};
    for (int32_t r = 0; r < b->rows; r++) {
        for (int32_t i = 0; i < b->row_length; i++) {
            const int32_t left = lhs[row.lhs + i * b->lhs_step] + p->lhs_offset;
            const int32_t right = rhs[row.rhs + i * b->rhs_step] + p->rhs_offset;
            *output++ = (int8_t)tinygen_requantize(&p->requantization, left * right, 0);
        }
        tinygen_broadcast_next(b, &row);
    }
}

#endif
