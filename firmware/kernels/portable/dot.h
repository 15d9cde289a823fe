/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Sums of products of int8 vectors, blocked so that each value that is loaded is used twice.
 */
#ifndef TINYGEN_KERNELS_DOT_H
#define TINYGEN_KERNELS_DOT_H

#include "common.h"

/** Most elements whose products cannot overflow a sum that starts at 0: 2^31 / (128 * 128), less
 * one. */
#define TINYGEN_DOT_MAX_DEPTH 131071

/** Sums of products of two inputs (a, b) with two filters (0, 1). */
typedef struct {
    int32_t a0;
    int32_t a1;
    int32_t b0;
    int32_t b1;
} tinygen_sums;

/**
 * Add the products of one input with two filters to sums->a0 and sums->a1.
 *
 * Kept out of line, as the next one is: the loop then has all registers to itself.
 */
TINYGEN_SHARED void tinygen_dot_1x2(tinygen_sums *sums, const int8_t *a, const int8_t *w0,
                                    const int8_t *w1, int32_t depth)
{
    int32_t s0 = sums->a0;
    int32_t s1 = sums->a1;
    for (int32_t k = 0; k < depth; k++) {
        const int32_t value = a[k];
        s0 += value * w0[k];
        s1 += value * w1[k];
    }
    sums->a0 = s0;
    sums->a1 = s1;
}

/** Add the products of two inputs with two filters to all sums. */
TINYGEN_SHARED void tinygen_dot_2x2(tinygen_sums *sums, const int8_t *a, const int8_t *b,
                                    const int8_t *w0, const int8_t *w1, int32_t depth)
{
    int32_t a0 = sums->a0;
    int32_t a1 = sums->a1;
    int32_t b0 = sums->b0;
    int32_t b1 = sums->b1;
    const int8_t *const end = a + depth;
    const int8_t *const end_of_fours = a + depth / 4 * 4;
#define TINYGEN_DOT_STEP(k)                                                                        \
    do {                                                                                           \
        const int32_t x = a[k];                                                                    \
        const int32_t y = b[k];                                                                    \
        const int32_t v = w0[k];                                                                   \
        const int32_t w = w1[k];                                                                   \
        a0 += x * v;                                                                               \
        b0 += y * v;                                                                               \
        a1 += x * w;                                                                               \
        b1 += y * w;                                                                               \
    } while (0)
    while (a < end_of_fours) {
        TINYGEN_DOT_STEP(0);
        TINYGEN_DOT_STEP(1);
        TINYGEN_DOT_STEP(2);
        TINYGEN_DOT_STEP(3);
        a += 4;
        b += 4;
        w0 += 4;
        w1 += 4;
    }
    while (a < end) {
        TINYGEN_DOT_STEP(0);
        a++;
        b++;
        w0++;
        w1++;
    }
#undef TINYGEN_DOT_STEP
    sums->a0 = a0;
    sums->a1 = a1;
    sums->b0 = b0;
    sums->b1 = b1;
}

#endif
