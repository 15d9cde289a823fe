/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D of float32, the first two of int16.
 */
#ifndef TINYGEN_KERNELS_POOL2D_F32_S16_H
#define TINYGEN_KERNELS_POOL2D_F32_S16_H

#include "real_functions.h"
#include "window.h"

/** A pooling layer; both windows have a dilation of 1. */
typedef struct {
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t channels;
} tinygen_pool2d_shape;

/** A float32 pooling layer. */
typedef struct {
    tinygen_pool2d_shape shape;
    float clamp_min;
    float clamp_max;
} tinygen_pool2d_f32_params;

/** An int16 pooling layer. */
typedef struct {
    tinygen_pool2d_shape shape;
    int32_t clamp_min;
    int32_t clamp_max;
} tinygen_pool2d_s16_params;

/** Limit a value; NaN stays. */
static inline float tinygen_pool2d_clamp_f32(float value, float low, float high)
{
    const float raised = value < low ? low : value;
    return high < raised ? high : raised;
}

/** Mean of int16 values, halves away from zero. */
static inline int32_t tinygen_pool2d_mean_s16(int32_t sum, int32_t count)
{
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

/** Define a pool: `step` takes `value` into `sum`, `finish` is the result of `count` of them. */
#define TINYGEN_DEFINE_POOL2D(name, params_type, type, sum_type, start, step, finish, clamp)       \
    TINYGEN_KERNEL void name(const params_type *p, const type *input, type *output)                \
    {                                                                                              \
        const tinygen_pool2d_shape *s = &p->shape;                                                 \
        for (int32_t n = 0; n < s->batches; n++) {                                                 \
            const type *image = input + n * s->rows.input * s->columns.input * s->channels;        \
            for (int32_t y = 0; y < s->rows.output; y++) {                                         \
                const int32_t origin_y = y * s->rows.stride - s->rows.pad;                         \
                const int32_t end_y = origin_y + tinygen_end_tap(&s->rows, origin_y);              \
                for (int32_t x = 0; x < s->columns.output; x++) {                                  \
                    const int32_t origin_x = x * s->columns.stride - s->columns.pad;               \
                    const int32_t end_x = origin_x + tinygen_end_tap(&s->columns, origin_x);       \
                    for (int32_t channel = 0; channel < s->channels; channel++) {                  \
                        sum_type sum = start;                                                      \
                        int32_t count = 0;                                                         \
                        for (int32_t in_y = origin_y < 0 ? 0 : origin_y; in_y < end_y; in_y++) {   \
                            for (int32_t in_x = origin_x < 0 ? 0 : origin_x; in_x < end_x;         \
                                 in_x++) {                                                         \
                                const type value =                                                 \
                                    image[(in_y * s->columns.input + in_x) * s->channels +         \
                                          channel];                                                \
                                sum = step;                                                        \
                                count++;                                                           \
                            }                                                                      \
                        }                                                                          \
                        (void)count;                                                               \
                        *output++ = (type)clamp(finish, p->clamp_min, p->clamp_max);               \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

TINYGEN_DEFINE_POOL2D(tinygen_average_pool2d_f32, tinygen_pool2d_f32_params, float, float, 0.0f,
                      sum + value, sum / (float)count, tinygen_pool2d_clamp_f32)
TINYGEN_DEFINE_POOL2D(tinygen_max_pool2d_f32, tinygen_pool2d_f32_params, float, float,
                      -3.402823466e+38f, sum < value ? value : sum, sum, tinygen_pool2d_clamp_f32)
TINYGEN_DEFINE_POOL2D(tinygen_l2_pool2d_f32, tinygen_pool2d_f32_params, float, float, 0.0f,
                      sum + value * value, tinygen_sqrt(sum / (float)count),
                      tinygen_pool2d_clamp_f32)
TINYGEN_DEFINE_POOL2D(tinygen_average_pool2d_s16, tinygen_pool2d_s16_params, int16_t, int32_t, 0,
                      sum + value, tinygen_pool2d_mean_s16(sum, count), tinygen_clamp)
TINYGEN_DEFINE_POOL2D(tinygen_max_pool2d_s16, tinygen_pool2d_s16_params, int16_t, int32_t, -32768,
                      sum < value ? value : sum, sum, tinygen_clamp)

#endif
