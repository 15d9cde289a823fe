/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Moving elements without looking at them: CONCATENATION, PAD.
 */
#ifndef TINYGEN_KERNELS_COPY_H
#define TINYGEN_KERNELS_COPY_H

#include <string.h>

#include "common.h"

/** One operand of a concatenation, in bytes: it gives blocks that follow each other to the output.
 */
typedef struct {
    int32_t blocks;
    int32_t block_bytes;
    int32_t output_step;   /**< from one block to the next in the output */
    int32_t output_offset; /**< of the first block */
} tinygen_concatenate_params;

/** Put one operand of a concatenation into its places, unless it was computed there. */
TINYGEN_KERNEL void tinygen_concatenate(const tinygen_concatenate_params *p, const uint8_t *input,
                                        uint8_t *output)
{
    if (input == output + p->output_offset) {
        return;
    }
    for (int32_t block = 0; block < p->blocks; block++) {
        memcpy(output + p->output_offset + block * p->output_step, input + block * p->block_bytes,
               (size_t)p->block_bytes);
    }
}

/** Axes of a padded tensor before the last one. */
#define TINYGEN_PAD_OUTER 4

/**
 * A padding layer. The input is rows of row_length elements along up to 4 outer axes (unused ones,
 * the first, have extent 1); steps are elements of the output.
 */
typedef struct {
    int32_t extents[TINYGEN_PAD_OUTER];
    int32_t steps[TINYGEN_PAD_OUTER];
    int32_t row_length;
    int32_t output_offset; /**< of the input's first element */
    int32_t output_length;
    int8_t value;
} tinygen_pad_s8_params;

/** Surround a tensor by a value. */
TINYGEN_KERNEL void tinygen_pad_s8(const tinygen_pad_s8_params *p, const int8_t *input,
                                   int8_t *output)
{
    memset(output, p->value, (size_t)p->output_length);
    for (int32_t i = 0; i < p->extents[0]; i++) {
        for (int32_t j = 0; j < p->extents[1]; j++) {
            for (int32_t k = 0; k < p->extents[2]; k++) {
                for (int32_t l = 0; l < p->extents[3]; l++) {
                    int8_t *row = output + p->output_offset + i * p->steps[0] + j * p->steps[1] +
                                  k * p->steps[2] + l * p->steps[3];
                    memcpy(row, input, (size_t)p->row_length);
                    input += p->row_length;
                }
            }
        }
    }
}

#endif
