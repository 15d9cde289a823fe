/* SPDX-License-Identifier: Apache-2.0 */
#include "affine.h"

#include <stddef.h>
#include <string.h>

#ifdef TINYGEN_TRACE
#define TRACE(layer, data, bytes) tinygen_trace((layer), (data), (uint32_t)(bytes))
#else
#define TRACE(layer, data, bytes) ((void)0)
#endif

/* 0: x, later y; 500: b; 504: the intermediate. */
static union {
    int32_t alignment;
    int8_t bytes[AFFINE_ARENA_BYTES];
} arena;
static int32_t sum;
/* Volatile, so that it stays a variable whose initial value start-up has to copy. */
static volatile int16_t factor = 3;

int8_t *affine_input_0(void)
{
    return arena.bytes;
}

int8_t *affine_input_1(void)
{
    return arena.bytes + 500;
}

const int8_t *affine_output_0(void)
{
    return arena.bytes;
}

const int32_t *affine_output_1(void)
{
    return &sum;
}

int affine_invoke(void)
{
    const int8_t b = arena.bytes[500];
    int16_t *const wide = (int16_t *)(void *)(arena.bytes + 504);

    if (b == -128) {
        return 5;
    }
    for (size_t i = 0; i < 500; i++) {
        wide[i] = (int16_t)(factor * arena.bytes[i]);
    }
    TRACE(0, wide, 300 * sizeof *wide);
    TRACE(0, wide + 300, 200 * sizeof *wide);
    for (size_t i = 0; i < 500; i++) {
        wide[i] = (int16_t)(wide[i] + b);
    }
    TRACE(1, wide, 500 * sizeof *wide);
    for (size_t i = 0; i < 500; i++) {
        const int16_t y = wide[i];

        arena.bytes[i] = (int8_t)(y < -128 ? -128 : y > 127 ? 127 : y);
        sum += arena.bytes[i];
    }
    TRACE(2, arena.bytes, 500);
    return 0;
}

void affine_reset(void)
{
    memset(&sum, 0, sizeof sum);
}
