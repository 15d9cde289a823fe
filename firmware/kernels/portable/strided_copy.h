/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Moving elements by a fixed pattern, whatever their type: TRANSPOSE, SLICE, PACK, PAD and others.
 */
#ifndef TINYGEN_KERNELS_STRIDED_COPY_H
#define TINYGEN_KERNELS_STRIDED_COPY_H

#include <string.h>

#include "nest.h"

/**
 * A copy. Array 0 of the nest is the source, array 1 the sink; its elements are runs of run_bytes
 * bytes, and its steps and the offsets are bytes.
 */
typedef struct {
    tinygen_nest nest;
    int32_t run_bytes;
    int32_t source_offset;
    int32_t sink_offset;
} tinygen_strided_copy_params;

/** Copy run by run, unless the one run was computed where it belongs. */
TINYGEN_KERNEL void tinygen_strided_copy(const tinygen_strided_copy_params *p,
                                         const uint8_t *source, uint8_t *sink)
{
    tinygen_nest_row row = {{0}, {p->source_offset, p->sink_offset, 0}};
    if (source + p->source_offset == sink + p->sink_offset) {
        return;
    }
    for (int32_t r = 0; r < p->nest.rows; r++) {
        const uint8_t *from = source + row.start[0];
        uint8_t *to = sink + row.start[1];
        for (int32_t i = 0; i < p->nest.row_length; i++) {
            memcpy(to, from, (size_t)p->run_bytes);
            from += p->nest.row_step[0];
            to += p->nest.row_step[1];
        }
        tinygen_nest_next(&p->nest, &row);
    }
}

/** Write count elements of element_bytes bytes, all equal to the one at value. */
TINYGEN_KERNEL void tinygen_fill(int32_t count, int32_t element_bytes, const uint8_t *value,
                                 uint8_t *sink)
{
    for (int32_t i = 0; i < count; i++) {
        memcpy(sink + i * element_bytes, value, (size_t)element_bytes);
    }
}

#endif
