/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * SVDF: filters over the input, each with a memory of its last values that is weighted over time.
 */
#ifndef TINYGEN_KERNELS_SVDF_H
#define TINYGEN_KERNELS_SVDF_H

#include <string.h>

#include "requantize.h"

/** The sizes. The state is [batches][filters][memory]. */
typedef struct {
    int32_t batches;
    int32_t inputs;
    int32_t units;
    int32_t rank; /**< filters of a unit */
    int32_t memory;
} tinygen_svdf_shape;

/** A quantized layer. */
typedef struct {
    tinygen_svdf_shape shape;
    const int8_t *features;
    const int32_t *bias;
    int32_t input_zero_point;
    int32_t state_zero_point;
    int32_t output_zero_point;
    int32_t state_min;
    int32_t state_max;
    int32_t feature_multiplier;
    int32_t feature_shift;
    int32_t output_multiplier;
    int32_t output_shift;
} tinygen_svdf_s8_params;

/** A float32 layer. */
typedef struct {
    tinygen_svdf_shape shape;
    const float *features;
    const float *bias;
    int32_t relu;
} tinygen_svdf_f32_params;

/** What a filter adds to its memory. */
static inline int32_t tinygen_svdf_feature(const tinygen_svdf_s8_params *p, const int8_t *weights,
                                           const int8_t *input)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < p->shape.inputs; i++) {
        sum += weights[i] * (input[i] - p->input_zero_point);
    }
    const int32_t scaled = tinygen_scale(sum, p->feature_multiplier, p->feature_shift);
    return p->state_zero_point + tinygen_clamp(scaled, p->state_min, p->state_max);
}

/** Define the quantized layer with a type of state and time weights, [filters][memory]. */
#define TINYGEN_DEFINE_SVDF(name, type)                                                            \
    TINYGEN_KERNEL void name(const tinygen_svdf_s8_params *p, const type *times,                   \
                             const int8_t *input, type *state, int8_t *output)                     \
    {                                                                                              \
        const tinygen_svdf_shape *s = &p->shape;                                                   \
        const int32_t filters = s->units * s->rank;                                                \
        const int32_t held = s->batches * filters * s->memory;                                     \
        memmove(state, state + 1, (size_t)(held - 1) * sizeof(type));                              \
        for (int32_t b = 0; b < s->batches; b++) {                                                 \
            for (int32_t u = 0; u < s->units; u++) {                                               \
                int32_t sum = p->bias[u];                                                          \
                for (int32_t r = 0; r < s->rank; r++) {                                            \
                    const int32_t filter = u * s->rank + r;                                        \
                    type *past = state + (b * filters + filter) * s->memory;                       \
                    past[s->memory - 1] =                                                          \
                        (type)tinygen_svdf_feature(p, p->features + filter * s->inputs, input);    \
                    for (int32_t j = 0; j < s->memory; j++) {                                      \
                        sum = tinygen_wrapping_add(sum, times[filter * s->memory + j] *            \
                                                            (past[j] - p->state_zero_point));      \
                    }                                                                              \
                }                                                                                  \
                const int32_t scaled = tinygen_scale(sum, p->output_multiplier, p->output_shift);  \
                *output++ = (int8_t)tinygen_clamp(                                                 \
                    tinygen_wrapping_add(scaled, p->output_zero_point), INT8_MIN, INT8_MAX);       \
            }                                                                                      \
            input += s->inputs;                                                                    \
        }                                                                                          \
    }

TINYGEN_DEFINE_SVDF(tinygen_svdf_s8_s8, int8_t)
TINYGEN_DEFINE_SVDF(tinygen_svdf_s8_s16, int16_t)

/** The float32 layer. */
TINYGEN_KERNEL void tinygen_svdf_f32(const tinygen_svdf_f32_params *p, const float *times,
                                     const float *input, float *state, float *output)
{
    const tinygen_svdf_shape *s = &p->shape;
    const int32_t filters = s->units * s->rank;
    const int32_t held = s->batches * filters * s->memory;
    memmove(state, state + 1, (size_t)(held - 1) * sizeof(float));
    for (int32_t b = 0; b < s->batches; b++) {
        for (int32_t u = 0; u < s->units; u++) {
            float sum = 0.0f + p->bias[u];
            for (int32_t r = 0; r < s->rank; r++) {
                const int32_t filter = u * s->rank + r;
                float *past = state + (b * filters + filter) * s->memory;
                float feature = 0.0f;
                for (int32_t i = 0; i < s->inputs; i++) {
                    feature = feature + p->features[filter * s->inputs + i] * input[i];
                }
                past[s->memory - 1] = feature;
                float weighted = 0.0f;
                for (int32_t j = 0; j < s->memory; j++) {
                    weighted = weighted + times[filter * s->memory + j] * past[j];
                }
                sum = sum + weighted;
            }
            *output++ = p->relu != 0 && sum < 0.0f ? 0.0f : sum;
        }
        input += s->inputs;
    }
}

#endif
