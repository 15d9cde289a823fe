/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * QUANTIZE from and DEQUANTIZE to float32, in single precision throughout.
 */
#ifndef TINYGEN_KERNELS_CONVERT_F32_H
#define TINYGEN_KERNELS_CONVERT_F32_H

#include "common.h"

/** A quantization: real value = (quantized value - zero_point) * scale. */
typedef struct {
    int32_t count;
    float scale;
    int32_t zero_point;
} tinygen_convert_f32_params;

/** The nearest int32, halves away from zero; saturates, and takes NaN for 0. */
static inline int32_t tinygen_round_to_int32(float value)
{
    if (!(value > -2147483648.0f)) {
        return value < 0.0f ? INT32_MIN : 0;
    }
    if (value >= 2147483648.0f) {
        return INT32_MAX;
    }
    const int32_t whole = (int32_t)value;
    const float rest = value - (float)whole;
    return whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
}

/** One quantized value in [low, high]. */
static inline int32_t tinygen_quantize_f32(const tinygen_convert_f32_params *p, float value,
                                           int32_t low, int32_t high)
{
    /* Beyond 2^24 steps every type's range is left behind, zero point or not. */
    const int32_t steps =
        tinygen_clamp(tinygen_round_to_int32(value / p->scale), -16777216, 16777216);
    return tinygen_clamp(steps + p->zero_point, low, high);
}

/** Quantize to int8. */
TINYGEN_KERNEL void tinygen_quantize_f32_s8(const tinygen_convert_f32_params *p, const float *input,
                                            int8_t *output)
{
    for (int32_t i = 0; i < p->count; i++) {
        output[i] = (int8_t)tinygen_quantize_f32(p, input[i], INT8_MIN, INT8_MAX);
    }
}

/** Quantize to int16. */
TINYGEN_KERNEL void tinygen_quantize_f32_s16(const tinygen_convert_f32_params *p,
                                             const float *input, int16_t *output)
{
    for (int32_t i = 0; i < p->count; i++) {
        output[i] = (int16_t)tinygen_quantize_f32(p, input[i], INT16_MIN, INT16_MAX);
    }
}

/** Define the conversion of an element type to float32; the difference is exact in a float. */
#define TINYGEN_DEFINE_DEQUANTIZE(name, input_type)                                                \
    TINYGEN_KERNEL void name(const tinygen_convert_f32_params *p, const input_type *input,         \
                             float *output)                                                        \
    {                                                                                              \
        for (int32_t i = 0; i < p->count; i++) {                                                   \
            output[i] = (float)(input[i] - p->zero_point) * p->scale;                              \
        }                                                                                          \
    }

TINYGEN_DEFINE_DEQUANTIZE(tinygen_dequantize_s8_f32, int8_t)
TINYGEN_DEFINE_DEQUANTIZE(tinygen_dequantize_u8_f32, uint8_t)
TINYGEN_DEFINE_DEQUANTIZE(tinygen_dequantize_s16_f32, int16_t)

#endif
