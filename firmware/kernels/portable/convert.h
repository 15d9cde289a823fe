/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * One element in, one out: QUANTIZE, DEQUANTIZE, RELU, RELU6.
 */
#ifndef TINYGEN_KERNELS_CONVERT_H
#define TINYGEN_KERNELS_CONVERT_H

#include "requantize.h"

/** From one integer quantization to another. */
typedef struct {
    int32_t count;
    int32_t input_offset; /**< minus the input's zero point, modulo 2^32 */
    tinygen_requantization requantization;
} tinygen_convert_params;

/** Define the conversion of a pair of element types. */
#define TINYGEN_DEFINE_CONVERT(name, input_type, output_type)                                      \
    TINYGEN_KERNEL void name(const tinygen_convert_params *p, const input_type *input,             \
                             output_type *output)                                                  \
    {                                                                                              \
        for (int32_t i = 0; i < p->count; i++) {                                                   \
            const int32_t value = tinygen_wrapping_add(input[i], p->input_offset);                 \
            output[i] = (output_type)tinygen_requantize(&p->requantization, value, 0);             \
        }                                                                                          \
    }

TINYGEN_DEFINE_CONVERT(tinygen_convert_s8_s8, int8_t, int8_t)
TINYGEN_DEFINE_CONVERT(tinygen_convert_s8_u8, int8_t, uint8_t)
TINYGEN_DEFINE_CONVERT(tinygen_convert_s8_s16, int8_t, int16_t)
TINYGEN_DEFINE_CONVERT(tinygen_convert_s8_s32, int8_t, int32_t)
TINYGEN_DEFINE_CONVERT(tinygen_convert_u8_s8, uint8_t, int8_t)
TINYGEN_DEFINE_CONVERT(tinygen_convert_s16_s8, int16_t, int8_t)
TINYGEN_DEFINE_CONVERT(tinygen_convert_s16_s16, int16_t, int16_t)
TINYGEN_DEFINE_CONVERT(tinygen_convert_s16_s32, int16_t, int32_t)
TINYGEN_DEFINE_CONVERT(tinygen_convert_s32_s8, int32_t, int8_t)
TINYGEN_DEFINE_CONVERT(tinygen_convert_s32_s16, int32_t, int16_t)

/** Limit int8 values to [clamp_min, clamp_max]. */
TINYGEN_KERNEL void tinygen_clamp_s8(int32_t count, int32_t clamp_min, int32_t clamp_max,
                                     const int8_t *input, int8_t *output)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] = (int8_t)tinygen_clamp(input[i], clamp_min, clamp_max);
    }
}

#endif
