/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * ADD, int8, with broadcasting.
 */
#ifndef TINYGEN_KERNELS_ADD_S8_H
#define TINYGEN_KERNELS_ADD_S8_H

#include "broadcast.h"
#include "requantize.h"

/** What brings an operand to the scale of the sum. */
typedef struct {
    int32_t offset; /**< minus its zero point */
    int32_t multiplier;
    int32_t shift; /**< not positive */
} tinygen_add_operand;

/** An addition layer: both operands are shifted left by left_shift bits, scaled, and added. */
typedef struct {
    tinygen_broadcast broadcast;
    tinygen_add_operand lhs;
    tinygen_add_operand rhs;
    int32_t left_shift;
    tinygen_requantization requantization;
} tinygen_add_s8_params;

/** An operand's element in the scale of the sum. */
static inline int32_t tinygen_add_scaled(const tinygen_add_operand *operand, int32_t left_shift,
                                         int32_t value)
{
    const int32_t widened = (value + operand->offset) * ((int32_t)1 << left_shift);
    return tinygen_scale(widened, operand->multiplier, operand->shift);
}

/** Add two tensors. */
TINYGEN_KERNEL void tinygen_add_s8(const tinygen_add_s8_params *p, const int8_t *lhs,
                                   const int8_t *rhs, int8_t *output)
{
    const tinygen_broadcast *b = &p->broadcast;
    tinygen_broadcast_row row = {{0}, 0, 0};
    for (int32_t r = 0; r < b->rows; r++) {
        for (int32_t i = 0; i < b->row_length; i++) {
            const int32_t left = lhs[row.lhs + i * b->lhs_step];
            const int32_t right = rhs[row.rhs + i * b->rhs_step];
            const int32_t sum = tinygen_add_scaled(&p->lhs, p->left_shift, left) +
                                tinygen_add_scaled(&p->rhs, p->left_shift, right);
            *output++ = (int8_t)tinygen_requantize(&p->requantization, sum, 0);
        }
        tinygen_broadcast_next(b, &row);
    }
}

#endif
