/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Picking blocks by index, and mixing pixels: GATHER and its like, RESIZE_BILINEAR.
 */
#ifndef TINYGEN_KERNELS_GATHER_H
#define TINYGEN_KERNELS_GATHER_H

#include <string.h>

#include "common.h"

/** Most indices that pick one block. */
#define TINYGEN_GATHER_INDICES 5

/** Blocks of block_bytes in tables of `extents` blocks; every batch has its own tuples of indices.
 */
typedef struct {
    int32_t batches;
    int32_t outer; /**< tables of a batch, picked from alike */
    int32_t picks;
    int32_t block_bytes;
    int32_t index_count;
    int32_t extents[TINYGEN_GATHER_INDICES];
} tinygen_gather_params;

/** The block that an index tuple picks; an index out of range is limited to the range. */
static inline int32_t tinygen_gather_place(const tinygen_gather_params *p, const int32_t *tuple)
{
    int32_t place = 0;
    for (int32_t i = 0; i < p->index_count; i++) {
        place = place * p->extents[i] + tinygen_clamp(tuple[i], 0, p->extents[i] - 1);
    }
    return place;
}

/** Pick. */
TINYGEN_KERNEL void tinygen_gather(const tinygen_gather_params *p, const uint8_t *tables,
                                   const int32_t *indices, uint8_t *output)
{
    int32_t table_bytes = p->block_bytes;
    for (int32_t i = 0; i < p->index_count; i++) {
        table_bytes *= p->extents[i];
    }
    for (int32_t b = 0; b < p->batches; b++) {
        for (int32_t o = 0; o < p->outer; o++) {
            for (int32_t k = 0; k < p->picks; k++) {
                const int32_t *tuple = indices + (b * p->picks + k) * p->index_count;
                const int32_t place = tinygen_gather_place(p, tuple);
                memcpy(output, tables + place * p->block_bytes, (size_t)p->block_bytes);
                output += p->block_bytes;
            }
            tables += table_bytes;
        }
    }
}

/** Pick rows of one int8 table, as float32. */
TINYGEN_KERNEL void tinygen_gather_s8_f32(const tinygen_gather_params *p, float scale,
                                          const uint8_t *table, const int32_t *indices,
                                          float *output)
{
    for (int32_t k = 0; k < p->picks; k++) {
        const int32_t place = tinygen_gather_place(p, indices + k * p->index_count);
        const uint8_t *block = table + place * p->block_bytes;
        for (int32_t i = 0; i < p->block_bytes; i++) {
            *output++ = (float)(int8_t)block[i] * scale;
        }
    }
}

/** A bilinear resize of NHWC images; positions and the second's weights for each output row,
 * column. */
typedef struct {
    int32_t batches;
    int32_t input_rows;
    int32_t input_columns;
    int32_t rows;
    int32_t columns;
    int32_t channels;
    const int32_t *upper_row;
    const int32_t *lower_row;
    const int32_t *left_column;
    const int32_t *right_column;
} tinygen_resize_params;

/** Define a resize: `weight_type` weights with `one` for 1, `finish` of the mixture `sum`. */
#define TINYGEN_DEFINE_RESIZE(name, type, weight_type, sum_type, one, finish)                      \
    TINYGEN_KERNEL void name(const tinygen_resize_params *p, const weight_type *row_weights,       \
                             const weight_type *column_weights, const type *input, type *output)   \
    {                                                                                              \
        const int32_t row_values = p->input_columns * p->channels;                                 \
        for (int32_t n = 0; n < p->batches; n++) {                                                 \
            for (int32_t y = 0; y < p->rows; y++) {                                                \
                const type *upper = input + p->upper_row[y] * row_values;                          \
                const type *lower = input + p->lower_row[y] * row_values;                          \
                const sum_type down = row_weights[y];                                              \
                for (int32_t x = 0; x < p->columns; x++) {                                         \
                    const sum_type right = column_weights[x];                                      \
                    const int32_t l = p->left_column[x] * p->channels;                             \
                    const int32_t r = p->right_column[x] * p->channels;                            \
                    for (int32_t c = 0; c < p->channels; c++) {                                    \
                        const sum_type first = upper[l + c] * (one - down) * (one - right);        \
                        const sum_type second = lower[l + c] * down * (one - right);               \
                        const sum_type third = upper[r + c] * (one - down) * right;                \
                        const sum_type fourth = lower[r + c] * down * right;                       \
                        const sum_type sum = first + second + third + fourth;                      \
                        *output++ = (type)(finish);                                                \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
            input += p->input_rows * row_values;                                                   \
        }                                                                                          \
    }

TINYGEN_DEFINE_RESIZE(tinygen_resize_bilinear_f32, float, float, float, 1.0f, sum)
TINYGEN_DEFINE_RESIZE(tinygen_resize_bilinear_s8, int8_t, int32_t, int64_t, 1024,
                      (sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20))

#endif
