/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * UNIDIRECTIONAL_SEQUENCE_LSTM of one sequence of float32.
 */
#ifndef TINYGEN_KERNELS_LSTM_F32_H
#define TINYGEN_KERNELS_LSTM_F32_H

#include "real_functions.h"

/** One of the four gates. Weights are [units][depth] and [units][units]. */
typedef struct {
    const float *weights;
    const float *recurrent_weights;
    const float *bias;
    int32_t is_tanh;
} tinygen_lstm_f32_gate;

/** The layer; gates are input, forget, cell and output. */
typedef struct {
    int32_t steps;
    int32_t depth;
    int32_t units;
    float cell_clip; /**< 0 for none */
    tinygen_lstm_f32_gate gates[4];
} tinygen_lstm_f32_params;

/** Sum of a row of weights over a vector, in order. */
static inline float tinygen_lstm_f32_sum(const float *weights, const float *values, int32_t count)
{
    float sum = 0.0f;
    for (int32_t i = 0; i < count; i++) {
        sum += weights[i] * values[i];
    }
    return sum;
}

/** A gate's output. */
static inline void tinygen_lstm_f32_run_gate(const tinygen_lstm_f32_params *p, int32_t number,
                                             const float *input, const float *hidden, float *output)
{
    const tinygen_lstm_f32_gate *gate = &p->gates[number];
    for (int32_t u = 0; u < p->units; u++) {
        const float own =
            tinygen_lstm_f32_sum(gate->weights + u * p->depth, input, p->depth) + gate->bias[u];
        const float total =
            own + tinygen_lstm_f32_sum(gate->recurrent_weights + u * p->units, hidden, p->units);
        output[u] = gate->is_tanh != 0 ? tinygen_tanh(total) : tinygen_logistic(total);
    }
}

/** Run the sequence; hidden and cell are kept, work holds 3 * units values. */
TINYGEN_KERNEL void tinygen_lstm_f32(const tinygen_lstm_f32_params *p, const float *input,
                                     float *hidden, float *cell, float *work, float *output)
{
    float *taken = work;
    float *forgotten = work + p->units;
    float *candidate = work + 2 * p->units;
    for (int32_t t = 0; t < p->steps; t++) {
        tinygen_lstm_f32_run_gate(p, 0, input, hidden, taken);
        tinygen_lstm_f32_run_gate(p, 1, input, hidden, forgotten);
        tinygen_lstm_f32_run_gate(p, 2, input, hidden, candidate);
        for (int32_t u = 0; u < p->units; u++) {
            float sum = forgotten[u] * cell[u] + taken[u] * candidate[u];
            if (p->cell_clip > 0.0f) {
                sum = sum > p->cell_clip ? p->cell_clip : sum;
                sum = sum < -p->cell_clip ? -p->cell_clip : sum;
            }
            cell[u] = sum;
        }
        tinygen_lstm_f32_run_gate(p, 3, input, hidden, taken);
        for (int32_t u = 0; u < p->units; u++) {
            hidden[u] = tinygen_tanh(cell[u]) * taken[u];
            *output++ = hidden[u];
        }
        input += p->depth;
    }
}

#endif
