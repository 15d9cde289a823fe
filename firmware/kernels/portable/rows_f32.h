/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * SOFTMAX, LOG_SOFTMAX and L2_NORMALIZATION of float32, over the last axis.
 */
#ifndef TINYGEN_KERNELS_ROWS_F32_H
#define TINYGEN_KERNELS_ROWS_F32_H

#include "real_functions.h"

/** The largest element of a row. */
static inline float tinygen_row_max(const float *row, int32_t depth)
{
    float largest = -3.402823466e+38f;
    for (int32_t c = 0; c < depth; c++) {
        largest = largest < row[c] ? row[c] : largest;
    }
    return largest;
}

/** exp((x - largest) * beta), times the reciprocal of the row's sum. */
TINYGEN_KERNEL void tinygen_softmax_f32(int32_t rows, int32_t depth, float beta, const float *input,
                                        float *output)
{
    for (int32_t r = 0; r < rows; r++) {
        const float largest = tinygen_row_max(input, depth);
        float sum = 0.0f;
        for (int32_t c = 0; c < depth; c++) {
            output[c] = tinygen_exp((input[c] - largest) * beta);
            sum += output[c];
        }
        const float factor = 1.0f / sum;
        for (int32_t c = 0; c < depth; c++) {
            output[c] = output[c] * factor;
        }
        input += depth;
        output += depth;
    }
}

/** x - largest - log of the sum of exp(x - largest). */
TINYGEN_KERNEL void tinygen_log_softmax_f32(int32_t rows, int32_t depth, float beta,
                                            const float *input, float *output)
{
    (void)beta;
    for (int32_t r = 0; r < rows; r++) {
        const float largest = tinygen_row_max(input, depth);
        float sum = 0.0f;
        for (int32_t c = 0; c < depth; c++) {
            sum += tinygen_exp(input[c] - largest);
        }
        const float logarithm = tinygen_log(sum);
        for (int32_t c = 0; c < depth; c++) {
            output[c] = input[c] - largest - logarithm;
        }
        input += depth;
        output += depth;
    }
}

/** x divided by the row's Euclidean norm, or by 1e-6 if that is less. */
TINYGEN_KERNEL void tinygen_l2_normalization_f32(int32_t rows, int32_t depth, float beta,
                                                 const float *input, float *output)
{
    (void)beta;
    for (int32_t r = 0; r < rows; r++) {
        float sum = 0.0f;
        for (int32_t c = 0; c < depth; c++) {
            sum += input[c] * input[c];
        }
        const float root = tinygen_sqrt(sum);
        const float norm = root < 1e-6f ? 1e-6f : root;
        for (int32_t c = 0; c < depth; c++) {
            output[c] = input[c] / norm;
        }
        input += depth;
        output += depth;
    }
}

#endif
