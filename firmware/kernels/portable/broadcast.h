/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Walking two operands that broadcast against each other, in the order of the output.
 */
#ifndef TINYGEN_KERNELS_BROADCAST_H
#define TINYGEN_KERNELS_BROADCAST_H

#include "common.h"

/** Axes before the last one. */
#define TINYGEN_BROADCAST_OUTER 5

/**
 * The output as rows of row_length elements, the rows along up to 5 outer axes (unused ones, the
 * first, have extent 1). Steps are elements of an operand from one index to the next: 0 where it is
 * repeated.
 */
typedef struct {
    int32_t rows;
    int32_t row_length;
    int32_t lhs_step;
    int32_t rhs_step;
    int32_t extents[TINYGEN_BROADCAST_OUTER];
    int32_t lhs_steps[TINYGEN_BROADCAST_OUTER];
    int32_t rhs_steps[TINYGEN_BROADCAST_OUTER];
} tinygen_broadcast;

/** Where a row is: indices along the outer axes, and where it starts in each operand. */
typedef struct {
    int32_t index[TINYGEN_BROADCAST_OUTER];
    int32_t lhs;
    int32_t rhs;
} tinygen_broadcast_row;

/** Go on to the next row. */
static inline void tinygen_broadcast_next(const tinygen_broadcast *b, tinygen_broadcast_row *row)
{
    for (int32_t axis = TINYGEN_BROADCAST_OUTER - 1; axis >= 0; axis--) {
        row->lhs += b->lhs_steps[axis];
        row->rhs += b->rhs_steps[axis];
        row->index[axis]++;
        if (row->index[axis] < b->extents[axis]) {
            return;
        }
        row->index[axis] = 0;
        row->lhs -= b->extents[axis] * b->lhs_steps[axis];
        row->rhs -= b->extents[axis] * b->rhs_steps[axis];
    }
}

#endif
