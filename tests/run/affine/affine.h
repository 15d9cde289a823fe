/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief A model written by hand in the shape of the generated ones: y = 3 * x + b, saturating.
 *
 * Layer 0 triples, layer 1 adds b, layer 2 saturates. The sum of all outputs since the last reset
 * is the state, and the second output. Inputs and outputs share memory, as in generated models.
 */
#ifndef AFFINE_H
#define AFFINE_H

#include <stdint.h>

#define AFFINE_MODEL_SHA256 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define AFFINE_KERNELS "by hand"
#define AFFINE_INPUT_0_LEN 500
#define AFFINE_INPUT_0_BYTES 500
#define AFFINE_INPUT_1_LEN 1
#define AFFINE_INPUT_1_BYTES 1
#define AFFINE_OUTPUT_0_LEN 500
#define AFFINE_OUTPUT_0_BYTES 500
#define AFFINE_OUTPUT_1_LEN 1
#define AFFINE_OUTPUT_1_BYTES 4
#define AFFINE_LAYERS 3
#define AFFINE_ARENA_BYTES 1504

int8_t *affine_input_0(void);
int8_t *affine_input_1(void);
const int8_t *affine_output_0(void);
const int32_t *affine_output_1(void);
int affine_invoke(void);
void affine_reset(void);

#ifdef TINYGEN_TRACE
extern void tinygen_trace(int32_t layer, const void *data, uint32_t bytes);
#endif

#endif
