/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * FULLY_CONNECTED, int8 activations and weights, per tensor or per channel.
 */
#ifndef TINYGEN_KERNELS_FULLY_CONNECTED_S8_H
#define TINYGEN_KERNELS_FULLY_CONNECTED_S8_H

#include "requantize.h"

/** A fully connected layer. Weights are [outputs][inputs]. */
typedef struct {
    int32_t batches;
    int32_t inputs;
    int32_t outputs;
    int32_t input_offset; /**< minus the input's zero point */
    const int8_t *weights;
    const int32_t *bias;
    tinygen_requantization requantization;
} tinygen_fully_connected_s8_params;

/** The accumulator of one output: bias + sum of (input + offset) * weight. */
static inline int32_t tinygen_fully_connected_sum(const tinygen_fully_connected_s8_params *p,
                                                  const int8_t *input, int32_t output)
{
    const int8_t *weights = p->weights + output * p->inputs;
    int32_t sum = p->bias[output];
    for (int32_t i = 0; i < p->inputs; i++) {
        sum = tinygen_wrapping_add(sum, (input[i] + p->input_offset) * weights[i]);
    }
    return sum;
}

/** Compute batches rows of outputs from batches rows of inputs. */
TINYGEN_KERNEL void tinygen_fully_connected_s8(const tinygen_fully_connected_s8_params *p,
                                               const int8_t *input, int8_t *output)
{
    for (int32_t b = 0; b < p->batches; b++) {
        for (int32_t o = 0; o < p->outputs; o++) {
            const int32_t sum = tinygen_fully_connected_sum(p, input, o);
            *output++ = (int8_t)tinygen_requantize(&p->requantization, sum, o);
        }
        input += p->inputs;
    }
}

/** The same with LiteRT's single rounding; fractions has an entry for each output. */
TINYGEN_KERNEL void
tinygen_fully_connected_s8_single_rounding(const tinygen_fully_connected_s8_params *p,
                                           const int32_t *fractions, const int8_t *input,
                                           int8_t *output)
{
    const tinygen_requantization *q = &p->requantization;
    for (int32_t b = 0; b < p->batches; b++) {
        for (int32_t o = 0; o < p->outputs; o++) {
            const int32_t sum = tinygen_fully_connected_sum(p, input, o);
            const int32_t pair = o * q->channel_step;
            const int32_t scaled = tinygen_scale_single_rounding(sum, q->multipliers[pair],
                                                                 fractions[o], q->shifts[pair]);
            *output++ = (int8_t)tinygen_clamp(scaled + q->zero_point, q->clamp_min, q->clamp_max);
        }
        input += p->inputs;
    }
}

#endif
