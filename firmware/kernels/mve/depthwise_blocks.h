/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Blocks of outputs of a depthwise convolution from strips of interleaved rows: what
 * depthwise_s8.inc computes, in portable C.
 */
#ifndef TINYGEN_KERNELS_MVE_DEPTHWISE_BLOCKS_H
#define TINYGEN_KERNELS_MVE_DEPTHWISE_BLOCKS_H

#include "../portable/requantize.h"

#include <string.h>

/** What is the same in all calls of one function; depthwise_s8.inc describes the parameters. */
typedef struct {
    int32_t pair;
    int32_t pixels;
    int32_t blocks; /**< of a row, but the one behind */
    int32_t last;
    int32_t row_output;
    int32_t row_strip;
    int32_t column_bytes;
    int32_t step;
    int32_t output_bytes;
    int32_t row_groups;
    int32_t row_group_bytes;
    int32_t columns;
    int32_t column_group_bytes;
    int32_t multiplier;
    int32_t form; /**< 0 fitted, 1 exact */
    int32_t shift;
    int32_t addend; /**< of a form that is not used here */
    int32_t zero_point;
    int32_t clamp_min;
    int32_t clamp_max;
} tinygen_mve_depthwise_shape;

/** What a call computes; the assembly knows the order of the fields. */
typedef struct {
    int32_t gather[4];  /**< bytes to the words of a patch */
    int32_t scatter[4]; /**< bytes to the outputs of a block */
    int32_t channels;   /**< output channels */
    int32_t rows;       /**< of blocks */
} tinygen_mve_depthwise_run;

/** Computes some channels of a band from its strips. */
typedef void tinygen_mve_depthwise_function(const int8_t *strip, const int32_t *constants,
                                            int8_t *output, const tinygen_mve_depthwise_run *run);

/** The sum of a filter's products with the patches that begin at a place. */
static inline int32_t tinygen_mve_depthwise_sum(const tinygen_mve_depthwise_shape *shape,
                                                const int32_t *gather, const int8_t *strip,
                                                const int8_t *weights)
{
    int32_t sum = 0;
    for (int32_t group = 0; group < shape->row_groups; group++) {
        for (int32_t column = 0; column < shape->columns; column++) {
            const int8_t *word = strip + group * shape->row_group_bytes +
                                 column / 4 * shape->column_group_bytes + gather[column % 4];
            for (int32_t row = 0; row < 4; row++) {
                sum = tinygen_wrapping_add(sum, word[row] * *weights);
                weights++;
            }
        }
    }
    return sum;
}

/** From the sum of products to the output; constants are bias, last constant, multiplier. */
static inline int8_t tinygen_mve_depthwise_output(const tinygen_mve_depthwise_shape *shape,
                                                  int32_t sum, const int32_t *constants)
{
    const int32_t biased = tinygen_wrapping_add(sum, constants[0]);
    int32_t value;
    if (shape->form == 1) {
        value = tinygen_wrapping_add(tinygen_scale(biased, constants[2], constants[1]),
                                     shape->zero_point);
    } else {
        const int64_t half = (int64_t)1 << (shape->shift > 8 ? shape->shift - 9 : shape->shift - 1);
        const int64_t scaled = ((2 * (int64_t)biased * constants[2]) >> 32) + constants[1] + half;
        value = tinygen_clamp((int32_t)(scaled >> shape->shift), -128, 127);
    }
    return (int8_t)tinygen_clamp(value, shape->clamp_min, shape->clamp_max);
}

/** One block; the weights are those of a channel, its other constants follow. */
static inline void tinygen_mve_depthwise_block(const tinygen_mve_depthwise_shape *shape,
                                               const int8_t *strip, const int32_t *constants,
                                               int8_t *output, const tinygen_mve_depthwise_run *run)
{
    const int32_t words = shape->row_groups * shape->columns;
    const int32_t outputs = shape->pair ? 4 : shape->pixels;
    for (int32_t i = 0; i < outputs; i++) {
        int8_t weights[4 * 128];
        const int8_t *patch = shape->pair ? strip : strip + i * shape->step * shape->column_bytes;
        int32_t sum;
        memcpy(weights, constants, (size_t)(4 * words));
        if (shape->pair) {
            /* Outputs of the second row read their rows one later, those of the second column. */
            patch += i % 2 * shape->column_bytes;
            sum = 0;
            for (int32_t column = 0; column < 3; column++) {
                for (int32_t row = 0; row < 3; row++) {
                    const int32_t value = patch[column * shape->column_bytes + row + i / 2];
                    sum = tinygen_wrapping_add(sum, value * weights[4 * column + row]);
                }
            }
        } else {
            sum = tinygen_mve_depthwise_sum(shape, run->gather, patch, weights);
        }
        output[run->scatter[i]] = tinygen_mve_depthwise_output(shape, sum, constants + words);
    }
}

/** What the assembly function of that shape computes. */
static inline void tinygen_mve_depthwise_c(const tinygen_mve_depthwise_shape *shape,
                                           const int8_t *strip, const int32_t *constants,
                                           int8_t *output, const tinygen_mve_depthwise_run *run)
{
    const int32_t columns = shape->pixels * shape->step;
    for (int32_t channel = 0; channel < run->channels; channel++) {
        const int8_t *patch = strip + channel / shape->multiplier * 4;
        int8_t *out = output + channel;
        for (int32_t row = 0; row < run->rows; row++) {
            for (int32_t block = 0; block < shape->blocks; block++) {
                tinygen_mve_depthwise_block(shape, patch, constants, out, run);
                if (block + 1 < shape->blocks) {
                    patch += columns * shape->column_bytes;
                    out += shape->pixels * shape->output_bytes;
                }
            }
            if (shape->last > 0) {
                patch += shape->last * shape->step * shape->column_bytes;
                out += shape->last * shape->output_bytes;
                tinygen_mve_depthwise_block(shape, patch, constants, out, run);
            }
            if (!shape->pair) {
                patch += (shape->pixels - 1) * shape->step * shape->column_bytes;
            }
            patch += shape->row_strip;
            out += shape->row_output;
        }
        constants += shape->row_groups * shape->columns + 3;
    }
}

#endif
