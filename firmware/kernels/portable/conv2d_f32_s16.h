/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * CONV_2D, DEPTHWISE_CONV_2D (as many groups as channels) and FULLY_CONNECTED (a window of 1 by 1),
 * of float32 and of int16 activations with int8 weights.
 */
#ifndef TINYGEN_KERNELS_CONV2D_F32_S16_H
#define TINYGEN_KERNELS_CONV2D_F32_S16_H

#include "requantize.h"
#include "window.h"

/** The shape of a convolution. Weights are [output_channels][size_h][size_w][group_depth]. */
typedef struct {
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t input_channels;
    int32_t output_channels;
    int32_t group_depth;        /**< input channels a filter reads */
    int32_t channels_per_group; /**< output channels that share a group's input */
} tinygen_conv2d_shape;

/** A float32 convolution. */
typedef struct {
    tinygen_conv2d_shape shape;
    const float *weights;
    const float *bias;
    float clamp_min;
    float clamp_max;
} tinygen_conv2d_f32_params;

/** An int16 convolution; a 64-bit bias takes 64-bit sums with it. */
typedef struct {
    tinygen_conv2d_shape shape;
    const int8_t *weights;
    const int64_t *bias;
    tinygen_requantization requantization;
} tinygen_conv2d_s16_params;

/** Scale a 64-bit sum: the multiplier cut to 16 bits, one rounding, halves upwards. */
static inline int32_t tinygen_scale_wide(int64_t x, int32_t multiplier, int32_t shift)
{
    const int32_t reduced =
        multiplier < 0x7FFF0000 ? (multiplier + ((int32_t)1 << 15)) >> 16 : 0x7FFF;
    const int32_t total = 15 - shift;
    return (int32_t)((x * reduced + ((int64_t)1 << (total - 1))) >> total);
}

/** What follows a float32 sum. */
static inline float tinygen_conv2d_f32_output(const tinygen_conv2d_f32_params *p, float sum,
                                              int32_t channel)
{
    const float biased = sum + p->bias[channel];
    const float raised = biased < p->clamp_min ? p->clamp_min : biased;
    return p->clamp_max < raised ? p->clamp_max : raised;
}

/** What follows a 64-bit sum. */
static inline int16_t tinygen_conv2d_s16_output(const tinygen_conv2d_s16_params *p, int64_t sum,
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
static inline int16_t tinygen_conv2d_s16_narrow_output(const tinygen_conv2d_s16_params *p,
                                                       int32_t sum, int32_t channel)
{
    const int32_t biased = tinygen_wrapping_add(sum, (int32_t)p->bias[channel]);
    return (int16_t)tinygen_requantize(&p->requantization, biased, channel);
}

/** Define a convolution: NHWC in, NHWC out, `add` takes one product into the sum. */
#define TINYGEN_DEFINE_CONV2D(name, params_type, value_type, weight_type, sum_type, add, finish)   \
    TINYGEN_KERNEL void name(const params_type *p, const value_type *input, value_type *output)    \
    {                                                                                              \
        const tinygen_conv2d_shape *s = &p->shape;                                                 \
        const int32_t filter_values = s->rows.size * s->columns.size * s->group_depth;             \
        for (int32_t n = 0; n < s->batches; n++) {                                                 \
            const value_type *image =                                                              \
                input + n * s->rows.input * s->columns.input * s->input_channels;                  \
            for (int32_t y = 0; y < s->rows.output; y++) {                                         \
                const int32_t origin_y = y * s->rows.stride - s->rows.pad;                         \
                const int32_t first_ky = tinygen_first_tap(&s->rows, origin_y);                    \
                const int32_t end_ky = tinygen_end_tap(&s->rows, origin_y);                        \
                for (int32_t x = 0; x < s->columns.output; x++) {                                  \
                    const int32_t origin_x = x * s->columns.stride - s->columns.pad;               \
                    const int32_t first_kx = tinygen_first_tap(&s->columns, origin_x);             \
                    const int32_t end_kx = tinygen_end_tap(&s->columns, origin_x);                 \
                    for (int32_t channel = 0; channel < s->output_channels; channel++) {           \
                        const weight_type *filter = p->weights + channel * filter_values;          \
                        const int32_t group = channel / s->channels_per_group * s->group_depth;    \
                        sum_type sum = 0;                                                          \
                        for (int32_t ky = first_ky; ky < end_ky; ky++) {                           \
                            const int32_t in_y = origin_y + ky * s->rows.dilation;                 \
                            for (int32_t kx = first_kx; kx < end_kx; kx++) {                       \
                                const int32_t in_x = origin_x + kx * s->columns.dilation;          \
                                const value_type *in =                                             \
                                    image + (in_y * s->columns.input + in_x) * s->input_channels + \
                                    group;                                                         \
                                const weight_type *w =                                             \
                                    filter + (ky * s->columns.size + kx) * s->group_depth;         \
                                for (int32_t c = 0; c < s->group_depth; c++) {                     \
                                    sum = add(sum, in[c] * w[c]);                                  \
                                }                                                                  \
                            }                                                                      \
                        }                                                                          \
                        *output++ = finish(p, sum, channel);                                       \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

#define TINYGEN_PLAIN_ADD(sum, product) ((sum) + (product))

TINYGEN_DEFINE_CONV2D(tinygen_conv2d_f32, tinygen_conv2d_f32_params, float, float, float,
                      TINYGEN_PLAIN_ADD, tinygen_conv2d_f32_output)
TINYGEN_DEFINE_CONV2D(tinygen_conv2d_s16, tinygen_conv2d_s16_params, int16_t, int8_t, int64_t,
                      TINYGEN_PLAIN_ADD, tinygen_conv2d_s16_output)
TINYGEN_DEFINE_CONV2D(tinygen_conv2d_s16_narrow, tinygen_conv2d_s16_params, int16_t, int8_t,
                      int32_t, tinygen_wrapping_add, tinygen_conv2d_s16_narrow_output)

#endif
