/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Walking up to three arrays by strides at once: strided copies, elementwise operators that
 * broadcast.
 */
#ifndef TINYGEN_KERNELS_NEST_H
#define TINYGEN_KERNELS_NEST_H

#include "common.h"

/** Loops outside the innermost one. */
#define TINYGEN_NEST_OUTER 5

/** Arrays that are walked at once. */
#define TINYGEN_NEST_ARRAYS 3

/**
 * Rows of row_length elements along up to 5 outer loops (unused ones, the first, have extent 1).
 * Steps are elements of an array from one index to the next: 0 where it is repeated, negative where
 * it is reversed.
 */
typedef struct {
    int32_t rows;
    int32_t row_length;
    int32_t row_step[TINYGEN_NEST_ARRAYS];
    int32_t extents[TINYGEN_NEST_OUTER];
    int32_t steps[TINYGEN_NEST_ARRAYS][TINYGEN_NEST_OUTER];
} tinygen_nest;

/** Where a row is: indices of the outer loops, and where it starts in each array. */
typedef struct {
    int32_t index[TINYGEN_NEST_OUTER];
    int32_t start[TINYGEN_NEST_ARRAYS];
} tinygen_nest_row;

/** Go on to the next row. */
static inline void tinygen_nest_next(const tinygen_nest *nest, tinygen_nest_row *row)
{
    for (int32_t loop = TINYGEN_NEST_OUTER - 1; loop >= 0; loop--) {
        row->index[loop]++;
        const int32_t wrapped = row->index[loop] < nest->extents[loop] ? 0 : nest->extents[loop];
        for (int32_t k = 0; k < TINYGEN_NEST_ARRAYS; k++) {
            row->start[k] += (1 - wrapped) * nest->steps[k][loop];
        }
        if (wrapped == 0) {
            return;
        }
        row->index[loop] = 0;
    }
}

#endif
