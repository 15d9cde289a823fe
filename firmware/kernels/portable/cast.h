/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * CAST between the types that TFLM converts.
 */
#ifndef TINYGEN_KERNELS_CAST_H
#define TINYGEN_KERNELS_CAST_H

#include "elementwise.h"

/** Towards zero; saturated, NaN is 0, as Arm's conversion has it (C leaves both undefined). */
static inline int32_t tinygen_truncated(float x)
{
    if (x != x) {
        return 0;
    }
    return x >= 2147483648.0f ? INT32_MAX : x < -2147483648.0f ? INT32_MIN : (int32_t)x;
}

/** The same, unsigned. */
static inline uint32_t tinygen_truncated_u32(float x)
{
    return !(x > 0.0f) ? 0u : x >= 4294967296.0f ? UINT32_MAX : (uint32_t)x;
}

TINYGEN_DEFINE_UNARY(tinygen_cast_f32_s8, tinygen_no_params, float, int8_t, tinygen_truncated(a))
TINYGEN_DEFINE_UNARY(tinygen_cast_f32_s16, tinygen_no_params, float, int16_t, tinygen_truncated(a))
TINYGEN_DEFINE_UNARY(tinygen_cast_f32_s32, tinygen_no_params, float, int32_t, tinygen_truncated(a))
TINYGEN_DEFINE_UNARY(tinygen_cast_f32_u32, tinygen_no_params, float, uint32_t,
                     tinygen_truncated_u32(a))
TINYGEN_DEFINE_UNARY(tinygen_cast_s8_f32, tinygen_no_params, int8_t, float, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_s8_s16, tinygen_no_params, int8_t, int16_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_s8_s32, tinygen_no_params, int8_t, int32_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_s8_u32, tinygen_no_params, int8_t, uint32_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_s16_f32, tinygen_no_params, int16_t, float, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_s16_s8, tinygen_no_params, int16_t, int8_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_s16_s32, tinygen_no_params, int16_t, int32_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_s16_u32, tinygen_no_params, int16_t, uint32_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_s32_f32, tinygen_no_params, int32_t, float, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_s32_s8, tinygen_no_params, int32_t, int8_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_s32_s16, tinygen_no_params, int32_t, int16_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_s32_u32, tinygen_no_params, int32_t, uint32_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_u32_f32, tinygen_no_params, uint32_t, float, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_u32_s8, tinygen_no_params, uint32_t, int8_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_u32_s16, tinygen_no_params, uint32_t, int16_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_u32_s32, tinygen_no_params, uint32_t, int32_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_b8_f32, tinygen_no_params, uint8_t, float, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_b8_s8, tinygen_no_params, uint8_t, int8_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_b8_s16, tinygen_no_params, uint8_t, int16_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_b8_s32, tinygen_no_params, uint8_t, int32_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_b8_u32, tinygen_no_params, uint8_t, uint32_t, a)
TINYGEN_DEFINE_UNARY(tinygen_cast_f32_b8, tinygen_no_params, float, uint8_t, a != 0.0f)
TINYGEN_DEFINE_UNARY(tinygen_cast_s8_b8, tinygen_no_params, int8_t, uint8_t, a != 0)
TINYGEN_DEFINE_UNARY(tinygen_cast_s16_b8, tinygen_no_params, int16_t, uint8_t, a != 0)
TINYGEN_DEFINE_UNARY(tinygen_cast_s32_b8, tinygen_no_params, int32_t, uint8_t, a != 0)
TINYGEN_DEFINE_UNARY(tinygen_cast_u32_b8, tinygen_no_params, uint32_t, uint8_t, a != 0u)

#endif
