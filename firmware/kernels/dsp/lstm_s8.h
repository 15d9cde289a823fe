/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * UNIDIRECTIONAL_SEQUENCE_LSTM of one int8 sequence, int16 cell: all gates' products in two matrix
 * products, of the input and of the hidden state.
 *
 * Outputs of the products are the gates of the first unit (input, forget, cell, output), those of
 * the second, and so on; zero points and biases are in the sums to start from. A few units'
 * sums are computed, and made to outputs, at a time.
 */
#ifndef TINYGEN_KERNELS_DSP_LSTM_S8_H
#define TINYGEN_KERNELS_DSP_LSTM_S8_H

#include "../portable/lstm.h"
#include "gemv_sums.h"
#include "scale.h"

/** How a gate's sums become its output. */
typedef struct {
    tinygen_pair input_pair;
    tinygen_pair recurrent_pair;
    int32_t is_tanh;
} tinygen_dsp_lstm_gate;

/** The layer; pairs are fit for tinygen_dsp_scale(). */
typedef struct {
    tinygen_gemv_sums_function *multiply;
    const int32_t *stream;           /**< of the input's weights */
    const int32_t *recurrent_stream; /**< of the hidden state's */
    int32_t groups;                  /**< of four inputs */
    int32_t recurrent_groups;
    int32_t blocks;      /**< of two units, in either stream */
    int32_t most_blocks; /**< computed at a time */
    int32_t steps;
    int32_t depth;
    int32_t units;
    int32_t hidden_zero_point;
    int32_t cell_clip; /**< 0 for none */
    tinygen_pair forget_pair;
    tinygen_pair update_pair;
    tinygen_pair hidden_pair;
    tinygen_sigmoid_s16_params gate_positions;
    tinygen_sigmoid_s16_params cell_positions;
    tinygen_dsp_lstm_gate gates[4];
} tinygen_dsp_lstm_params;

/** A sum or a product, scaled and saturated. */
TINYGEN_INLINE int32_t tinygen_dsp_lstm_scaled(int32_t x, const tinygen_pair *pair)
{
    return tinygen_ssat16(tinygen_dsp_scale(x, pair->multiplier, pair->shift));
}

/** A gate's output, Q0.15, of its sums over the input and over the hidden state. */
TINYGEN_INLINE int32_t tinygen_dsp_lstm_gate_output(const tinygen_dsp_lstm_params *p,
                                                    int32_t number, int32_t own, int32_t past)
{
    const tinygen_dsp_lstm_gate *gate = &p->gates[number];
    const int32_t sum = tinygen_ssat16(tinygen_dsp_lstm_scaled(own, &gate->input_pair) +
                                       tinygen_dsp_lstm_scaled(past, &gate->recurrent_pair));
    const int32_t position = tinygen_sigmoid_position(&p->gate_positions, sum);
    const uint16_t *table = p->gate_positions.table;
    return gate->is_tanh != 0 ? tinygen_tanh_at(table, position)
                              : tinygen_logistic_at(table, position);
}

/** The hidden state of a unit, whose cell is updated, of the sums of its four gates. */
TINYGEN_INLINE int8_t tinygen_dsp_lstm_unit(const tinygen_dsp_lstm_params *p, const int32_t *own,
                                            const int32_t *past, int16_t *cell)
{
    const int32_t taken = tinygen_dsp_lstm_gate_output(p, 0, own[0], past[0]);
    const int32_t forgotten = tinygen_dsp_lstm_gate_output(p, 1, own[1], past[1]);
    const int32_t candidate = tinygen_dsp_lstm_gate_output(p, 2, own[2], past[2]);
    const int32_t given = tinygen_dsp_lstm_gate_output(p, 3, own[3], past[3]);
    const int32_t sum = tinygen_ssat16(tinygen_dsp_lstm_scaled(forgotten * *cell, &p->forget_pair) +
                                       tinygen_dsp_lstm_scaled(taken * candidate, &p->update_pair));
    const int32_t kept = p->cell_clip > 0 ? tinygen_clamp(sum, -p->cell_clip, p->cell_clip) : sum;
    *cell = (int16_t)kept;
    const int32_t position = tinygen_sigmoid_position(&p->cell_positions, kept);
    const int32_t squashed = tinygen_tanh_at(p->cell_positions.table, position);
    const int32_t scaled =
        tinygen_dsp_scale(squashed * given, p->hidden_pair.multiplier, p->hidden_pair.shift);
    return (int8_t)tinygen_clamp(tinygen_wrapping_add(scaled, p->hidden_zero_point), INT8_MIN,
                                 INT8_MAX);
}

/**
 * Run the sequence.
 *
 * @param p      the layer
 * @param input  p->steps rows of p->depth values
 * @param hidden the state, p->units values
 * @param cell   the state, p->units values
 * @param work   16 * p->most_blocks words, then 4 bytes more than a row of the hidden state in
 * whole groups, then a row of the input in whole groups if it does not fill them
 * @param output p->steps rows of p->units values
 */
TINYGEN_KERNEL void tinygen_dsp_lstm_s8(const tinygen_dsp_lstm_params *p, const int8_t *input,
                                        int8_t *hidden, int16_t *cell, int32_t *work,
                                        int8_t *output)
{
    int32_t *own = work;
    int32_t *past = own + 8 * p->most_blocks;
    int8_t *hidden_row = (int8_t *)(past + 8 * p->most_blocks);
    int8_t *input_row = hidden_row + 4 * p->recurrent_groups + 4;
    tinygen_dsp_fully_connected_pad(hidden, p->units, hidden_row);
    for (int32_t t = 0; t < p->steps; t++) {
        const int8_t *row = input;
        if (p->depth % 4 != 0) {
            tinygen_dsp_fully_connected_pad(input, p->depth, input_row);
            row = input_row;
        }
        const int32_t products = tinygen_gemv_products(row, p->groups);
        const int32_t recurrent_products = tinygen_gemv_products(hidden_row, p->recurrent_groups);
        for (int32_t first = 0; first < p->blocks; first += p->most_blocks) {
            const int32_t left = p->blocks - first;
            const int32_t blocks = left < p->most_blocks ? left : p->most_blocks;
            p->multiply(row, p->stream + first * (8 + 8 * p->groups), own, p->groups, blocks,
                        products);
            p->multiply(hidden_row, p->recurrent_stream + first * (8 + 8 * p->recurrent_groups),
                        past, p->recurrent_groups, blocks, recurrent_products);
            const int32_t end = 2 * (first + blocks) < p->units ? 2 * (first + blocks) : p->units;
            for (int32_t u = 2 * first; u < end; u++) {
                const int32_t at = 4 * (u - 2 * first);
                output[u] = tinygen_dsp_lstm_unit(p, own + at, past + at, cell + u);
            }
        }
        tinygen_dsp_fully_connected_pad(output, p->units, hidden_row);
        input += p->depth;
        output += p->units;
    }
    memcpy(hidden, hidden_row, (size_t)p->units);
}

#endif
