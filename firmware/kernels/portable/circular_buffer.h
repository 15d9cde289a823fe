/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * TFLM's CIRCULAR_BUFFER: the latest inputs of a stream, oldest first.
 */
#ifndef TINYGEN_KERNELS_CIRCULAR_BUFFER_H
#define TINYGEN_KERNELS_CIRCULAR_BUFFER_H

#include <string.h>

#include "common.h"

/** A buffer; the rest of the model runs every period inferences. */
typedef struct {
    int32_t slots;
    int32_t depth;
    int32_t period;
} tinygen_circular_buffer_params;

/** Put an input behind the others, and give out all slots. */
TINYGEN_KERNEL void tinygen_circular_buffer_s8(const tinygen_circular_buffer_params *p,
                                               const int8_t *input, int8_t *kept, int32_t *left,
                                               int8_t *output)
{
    const size_t depth = (size_t)p->depth;
    const size_t older = depth * (size_t)(p->slots - 1);
    memmove(kept, kept + depth, older);
    memcpy(kept + older, input, depth);
    memcpy(output, kept, older + depth);
    *left = *left > 1 ? *left - 1 : p->period;
}

/** The same; whether inferences are left until the rest of the model runs. */
TINYGEN_KERNEL int tinygen_circular_buffer_ends_s8(const tinygen_circular_buffer_params *p,
                                                   const int8_t *input, int8_t *kept, int32_t *left,
                                                   int8_t *output)
{
    tinygen_circular_buffer_s8(p, input, kept, left, output);
    return *left != p->period ? 1 : 0;
}

#endif
