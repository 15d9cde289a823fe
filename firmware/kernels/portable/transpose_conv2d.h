/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * TRANSPOSE_CONV of float32, int8 and int16: each output gathers the inputs that reach it.
 */
#ifndef TINYGEN_KERNELS_TRANSPOSE_CONV2D_H
#define TINYGEN_KERNELS_TRANSPOSE_CONV2D_H

#include "conv2d_f32_s16.h"

/**
 * The shape: input y reaches output y * stride - pad + k for k in [0, size), likewise along x.
 * Weights are [output_channels][size_h][size_w][input_channels].
 */
typedef struct {
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t input_channels;
    int32_t output_channels;
} tinygen_transpose_conv2d_shape;

/** A float32 layer. */
typedef struct {
    tinygen_transpose_conv2d_shape shape;
    const float *weights;
    const float *bias;
    float clamp_min;
    float clamp_max;
} tinygen_transpose_conv2d_f32_params;

/** A quantized layer. */
typedef struct {
    tinygen_transpose_conv2d_shape shape;
    int32_t input_offset;
    const int8_t *weights;
    const int64_t *bias;
    tinygen_requantization requantization;
} tinygen_transpose_conv2d_quantized_params;

/** First input whose window reaches an output position. */
static inline int32_t tinygen_first_source(const tinygen_axis *axis, int32_t position)
{
    const int32_t lowest = position + axis->pad - axis->size + 1;
    return lowest <= 0 ? 0 : (lowest + axis->stride - 1) / axis->stride;
}

/** One past the last input whose window reaches an output position. */
static inline int32_t tinygen_end_source(const tinygen_axis *axis, int32_t position)
{
    const int32_t end = (position + axis->pad) / axis->stride + 1;
    return end < axis->input ? end : axis->input;
}

/** What follows a float32 sum. */
static inline float
tinygen_transpose_conv2d_f32_output(const tinygen_transpose_conv2d_f32_params *p, float sum,
                                    int32_t channel)
{
    const float biased = sum + p->bias[channel];
    const float raised = biased < p->clamp_min ? p->clamp_min : biased;
    return p->clamp_max < raised ? p->clamp_max : raised;
}

/** What follows a 64-bit sum. */
static inline int16_t
tinygen_transpose_conv2d_s16_output(const tinygen_transpose_conv2d_quantized_params *p, int64_t sum,
                                    int32_t channel)
{
    const tinygen_requantization *q = &p->requantization;
    const int32_t pair = channel * q->channel_step;
    const int32_t scaled =
        tinygen_scale_wide(sum + p->bias[channel], q->multipliers[pair], q->shifts[pair]);
    return (int16_t)tinygen_clamp(tinygen_wrapping_add(scaled, q->zero_point), q->clamp_min,
                                  q->clamp_max);
}

/** What follows a 32-bit sum. */
static inline int8_t
tinygen_transpose_conv2d_s8_output(const tinygen_transpose_conv2d_quantized_params *p, int32_t sum,
                                   int32_t channel)
{
    const int32_t biased = tinygen_wrapping_add(sum, (int32_t)p->bias[channel]);
    return (int8_t)tinygen_requantize(&p->requantization, biased, channel);
}

/** Define a layer; `term` is what the input value a and the weight b add. */
#define TINYGEN_DEFINE_TRANSPOSE_CONV2D(name, params_type, type, weight_type, sum_type, term,      \
                                        finish)                                                    \
    TINYGEN_KERNEL void name(const params_type *p, const type *input, type *output)                \
    {                                                                                              \
        const tinygen_transpose_conv2d_shape *s = &p->shape;                                       \
        const int32_t filter_values = s->rows.size * s->columns.size * s->input_channels;          \
        for (int32_t n = 0; n < s->batches; n++) {                                                 \
            const type *image = input + n * s->rows.input * s->columns.input * s->input_channels;  \
            for (int32_t y = 0; y < s->rows.output; y++) {                                         \
                const int32_t first_y = tinygen_first_source(&s->rows, y);                         \
                const int32_t end_y = tinygen_end_source(&s->rows, y);                             \
                for (int32_t x = 0; x < s->columns.output; x++) {                                  \
                    const int32_t first_x = tinygen_first_source(&s->columns, x);                  \
                    const int32_t end_x = tinygen_end_source(&s->columns, x);                      \
                    for (int32_t channel = 0; channel < s->output_channels; channel++) {           \
                        const weight_type *filter = p->weights + channel * filter_values;          \
                        sum_type sum = 0;                                                          \
                        for (int32_t in_y = first_y; in_y < end_y; in_y++) {                       \
                            const int32_t ky = y + s->rows.pad - in_y * s->rows.stride;            \
                            for (int32_t in_x = first_x; in_x < end_x; in_x++) {                   \
                                const int32_t kx = x + s->columns.pad - in_x * s->columns.stride;  \
                                const type *in =                                                   \
                                    image + (in_y * s->columns.input + in_x) * s->input_channels;  \
                                const weight_type *w =                                             \
                                    filter + (ky * s->columns.size + kx) * s->input_channels;      \
                                for (int32_t c = 0; c < s->input_channels; c++) {                  \
                                    const type a = in[c];                                          \
                                    const weight_type b = w[c];                                    \
                                    sum += term;                                                   \
                                }                                                                  \
                            }                                                                      \
                        }                                                                          \
                        *output++ = finish(p, sum, channel);                                       \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

TINYGEN_DEFINE_TRANSPOSE_CONV2D(tinygen_transpose_conv2d_f32, tinygen_transpose_conv2d_f32_params,
                                float, float, float, a *b, tinygen_transpose_conv2d_f32_output)
TINYGEN_DEFINE_TRANSPOSE_CONV2D(tinygen_transpose_conv2d_s8,
                                tinygen_transpose_conv2d_quantized_params, int8_t, int8_t, int32_t,
                                (a + p->input_offset) * b, tinygen_transpose_conv2d_s8_output)
TINYGEN_DEFINE_TRANSPOSE_CONV2D(tinygen_transpose_conv2d_s16,
                                tinygen_transpose_conv2d_quantized_params, int16_t, int8_t, int64_t,
                                a *b, tinygen_transpose_conv2d_s16_output)

#endif
