/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * A row of int8 times packed weights, for layers that requantize the sums in ways of their own.
 *
 * The stream is that of fully_connected_s8.h without constants. Every first sum of a pair is below
 * 2^23.
 */
#ifndef TINYGEN_KERNELS_DSP_GEMV_SUMS_H
#define TINYGEN_KERNELS_DSP_GEMV_SUMS_H

#include "fully_connected_s8.h"

/** Multiplies a row with a stream: tinygen_gemv_sums() or its assembly. */
typedef void tinygen_gemv_sums_function(const int8_t *input, const int32_t *stream, int32_t *sums,
                                        int32_t groups, int32_t blocks, int32_t products);

/**
 * Multiply a row.
 *
 * @param input    4 * groups values
 * @param stream   blocks of eight outputs
 * @param sums     8 * blocks values
 * @param groups   of four inputs
 * @param blocks   of outputs
 * @param products tinygen_gemv_products() of the row
 */
static inline void tinygen_gemv_sums(const int8_t *input, const int32_t *stream, int32_t *sums,
                                     int32_t groups, int32_t blocks, int32_t products)
{
    for (int32_t block = 0; block < blocks; block++) {
        for (int32_t pair = 0; pair < 4; pair++) {
            int32_t second = (int32_t)((uint32_t)stream[2 * pair + 1] - (uint32_t)products);
            *sums++ = tinygen_gemv_pair(input, stream + 8 + 2 * pair, groups, stream[2 * pair],
                                        &second) >>
                      8;
            *sums++ = second;
        }
        stream += 8 + 8 * groups;
    }
}

#endif
