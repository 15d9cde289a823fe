/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * UNIDIRECTIONAL_SEQUENCE_LSTM of one sequence: int8 or int16 activations, int8 weights, int16
 * cell.
 */
#ifndef TINYGEN_KERNELS_LSTM_H
#define TINYGEN_KERNELS_LSTM_H

#include "conv2d_f32_s16.h"
#include "lookup.h"

/** A multiplier (Q31) and its shift, to the left where positive. */
typedef struct {
    int32_t multiplier;
    int32_t shift;
} tinygen_pair;

/** One of the four gates. Weights are [units][depth] and [units][units]. */
typedef struct {
    const int8_t *weights;
    const int8_t *recurrent_weights;
    const int64_t *bias;
    tinygen_pair input_pair;
    tinygen_pair recurrent_pair;
    int32_t is_tanh;
} tinygen_lstm_gate;

/** The layer; gates are input, forget, cell and output. */
typedef struct {
    int32_t steps;
    int32_t depth;
    int32_t units;
    int32_t input_zero_point;
    int32_t hidden_zero_point;
    int32_t hidden_min;
    int32_t hidden_max;
    int32_t cell_clip; /**< 0 for none */
    tinygen_pair forget_pair;
    tinygen_pair update_pair;
    tinygen_pair hidden_pair;
    tinygen_sigmoid_s16_params gate_positions;
    tinygen_sigmoid_s16_params cell_positions;
    tinygen_lstm_gate gates[4];
} tinygen_lstm_params;

/** Limit to int16. */
static inline int16_t tinygen_lstm_saturate(int32_t value)
{
    return (int16_t)tinygen_clamp(value, INT16_MIN, INT16_MAX);
}

/** Product of two int16 values, scaled and saturated. */
static inline int32_t tinygen_lstm_product(int32_t a, int32_t b, const tinygen_pair *pair)
{
    return tinygen_scale(a * b, pair->multiplier, pair->shift);
}

/** Define the layer of a type of activations; `scale` brings a sum to a gate's Q3.12. */
#define TINYGEN_DEFINE_LSTM(suffix, type, sum_type, scale)                                         \
    /** Sums of a row of weights over a vector. */                                                 \
    static inline sum_type tinygen_lstm_sum_##suffix(const int8_t *weights, const type *values,    \
                                                     int32_t count, int32_t zero_point)            \
    {                                                                                              \
        sum_type sum = 0;                                                                          \
        for (int32_t i = 0; i < count; i++) {                                                      \
            sum += (values[i] - zero_point) * weights[i];                                          \
        }                                                                                          \
        return sum;                                                                                \
    }                                                                                              \
                                                                                                   \
    /** A gate's output, Q0.15. */                                                                 \
    static inline void tinygen_lstm_gate_##suffix(const tinygen_lstm_params *p, int32_t number,    \
                                                  const type *input, const type *hidden,           \
                                                  int16_t *output)                                 \
    {                                                                                              \
        const tinygen_lstm_gate *gate = &p->gates[number];                                         \
        for (int32_t u = 0; u < p->units; u++) {                                                   \
            const sum_type own = (sum_type)gate->bias[u] +                                         \
                                 tinygen_lstm_sum_##suffix(gate->weights + u * p->depth, input,    \
                                                           p->depth, p->input_zero_point);         \
            const sum_type past = tinygen_lstm_sum_##suffix(                                       \
                gate->recurrent_weights + u * p->units, hidden, p->units, p->hidden_zero_point);   \
            const int16_t lhs = tinygen_lstm_saturate(                                             \
                scale(own, gate->input_pair.multiplier, gate->input_pair.shift));                  \
            const int16_t rhs = tinygen_lstm_saturate(                                             \
                scale(past, gate->recurrent_pair.multiplier, gate->recurrent_pair.shift));         \
            output[u] = tinygen_lstm_saturate(lhs + rhs);                                          \
        }                                                                                          \
        if (gate->is_tanh != 0) {                                                                  \
            tinygen_tanh_s16(&p->gate_positions, output, output);                                  \
        } else {                                                                                   \
            tinygen_logistic_s16(&p->gate_positions, output, output);                              \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    /** Run the sequence; hidden and cell are kept, work holds 3 * units values. */                \
    TINYGEN_KERNEL void tinygen_lstm_##suffix(const tinygen_lstm_params *p, const type *input,     \
                                              type *hidden, int16_t *cell, int16_t *work,          \
                                              type *output)                                        \
    {                                                                                              \
        int16_t *taken = work;                                                                     \
        int16_t *forgotten = work + p->units;                                                      \
        int16_t *candidate = work + 2 * p->units;                                                  \
        for (int32_t t = 0; t < p->steps; t++) {                                                   \
            tinygen_lstm_gate_##suffix(p, 0, input, hidden, taken);                                \
            tinygen_lstm_gate_##suffix(p, 1, input, hidden, forgotten);                            \
            tinygen_lstm_gate_##suffix(p, 2, input, hidden, candidate);                            \
            for (int32_t u = 0; u < p->units; u++) {                                               \
                const int16_t kept = tinygen_lstm_saturate(                                        \
                    tinygen_lstm_product(forgotten[u], cell[u], &p->forget_pair));                 \
                const int16_t added = tinygen_lstm_saturate(                                       \
                    tinygen_lstm_product(taken[u], candidate[u], &p->update_pair));                \
                const int16_t sum = tinygen_lstm_saturate(kept + added);                           \
                cell[u] = p->cell_clip > 0                                                         \
                              ? (int16_t)tinygen_clamp(sum, -p->cell_clip, p->cell_clip)           \
                              : sum;                                                               \
            }                                                                                      \
            tinygen_lstm_gate_##suffix(p, 3, input, hidden, taken);                                \
            tinygen_tanh_s16(&p->cell_positions, cell, candidate);                                 \
            for (int32_t u = 0; u < p->units; u++) {                                               \
                const int32_t scaled =                                                             \
                    tinygen_lstm_product(candidate[u], taken[u], &p->hidden_pair);                 \
                const int32_t shifted = tinygen_wrapping_add(scaled, p->hidden_zero_point);        \
                hidden[u] = (type)tinygen_clamp(shifted, p->hidden_min, p->hidden_max);            \
                *output++ = hidden[u];                                                             \
            }                                                                                      \
            input += p->depth;                                                                     \
        }                                                                                          \
    }

TINYGEN_DEFINE_LSTM(s8, int8_t, int32_t, tinygen_scale)
TINYGEN_DEFINE_LSTM(s16, int16_t, int64_t, tinygen_scale_wide)

#endif
