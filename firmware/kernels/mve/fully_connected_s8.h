/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * FULLY_CONNECTED with Helium: groups of eight outputs in fully_connected_s8.inc, the rest here.
 */
#ifndef TINYGEN_KERNELS_MVE_FULLY_CONNECTED_S8_H
#define TINYGEN_KERNELS_MVE_FULLY_CONNECTED_S8_H

#include "../portable/requantize.h"
#include "memory.h"

/** Outputs of a group. */
#define TINYGEN_MVE_FULLY_CONNECTED_GROUP 8

/** What a call computes; the assembly knows the order of the fields. */
typedef struct {
    int32_t groups;
    int32_t steps; /**< of 16 inputs */
    int32_t tail;  /**< inputs after those, 0 to 15 */
    /**
     * Of each group: biases of its even, then of its odd outputs; if per channel, likewise
     * multipliers, then shifts.
     */
    const int32_t *constants;
    int32_t multiplier; /**< of all outputs, unless per channel */
    int32_t shift;      /**< not positive */
    int32_t zero_point;
    int32_t clamp_min;
    int32_t clamp_max;
} tinygen_mve_fully_connected_run;

/** A fully connected layer. */
typedef struct {
    tinygen_mve_fully_connected_run run;
    int32_t batches;
    int32_t inputs;
    int32_t outputs;
    int32_t per_channel;
    const int8_t
        *weights; /**< of each group: steps of eight vectors, eight tails; then single rows */
    const int32_t *rest; /**< of the outputs after the groups: biases, multipliers, shifts */
} tinygen_mve_fully_connected_s8_params;

/** Computes the groups of one batch. */
typedef void tinygen_mve_fully_connected_function(const int8_t *x, const int8_t *weights,
                                                  int8_t *output,
                                                  const tinygen_mve_fully_connected_run *run);

/** From the sum of an output's products, with its bias, to the output. */
static inline int8_t tinygen_mve_fully_connected_output(const tinygen_mve_fully_connected_run *run,
                                                        int32_t sum, int32_t multiplier,
                                                        int32_t shift)
{
    const int32_t scaled = tinygen_scale(sum, multiplier, shift);
    const int32_t value = tinygen_wrapping_add(scaled, run->zero_point);
    return (int8_t)tinygen_clamp(value, run->clamp_min, run->clamp_max);
}

/** What the assembly function computes. */
static inline void tinygen_mve_fully_connected_groups(int32_t per_channel, const int8_t *x,
                                                      const int8_t *weights, int8_t *output,
                                                      const tinygen_mve_fully_connected_run *run)
{
    const int32_t inputs = 16 * run->steps + run->tail;
    const int32_t group_constants = per_channel ? 24 : 8;
    for (int32_t o = 0; o < 8 * run->groups; o++) {
        const int8_t *group = weights + o / 8 * 8 * inputs;
        const int32_t *constants = run->constants + o / 8 * group_constants;
        const int32_t row = o % 8;
        const int32_t lane = row % 2 * 4 + row / 2;
        int32_t sum = constants[lane];
        for (int32_t i = 0; i < inputs; i++) {
            const int32_t step = i / 16;
            const int32_t vector = step < run->steps ? 16 : run->tail;
            const int32_t weight = group[step * 128 + row * vector + i % 16];
            sum = tinygen_wrapping_add(sum, x[i] * weight);
        }
        output[o] = tinygen_mve_fully_connected_output(
            run, sum, per_channel ? constants[8 + lane] : run->multiplier,
            per_channel ? constants[16 + lane] : run->shift);
    }
}

/** The products of one row. */
static inline int32_t tinygen_mve_dot(const int8_t *x, const int8_t *weights, int32_t count,
                                      int32_t sum)
{
#if TINYGEN_MVE_INLINE_ASSEMBLY
    /* VMLADAVA accumulates in an even register: constraint Te. */
    __asm("wlstp.8 lr, %[count], 2f\n"
          "1: vldrb.u8 q0, [%[x]], #16\n\t"
          "vldrb.u8 q1, [%[weights]], #16\n\t"
          "vmladava.s8 %[sum], q0, q1\n\t"
          "letp lr, 1b\n"
          "2:"
          : [sum] "+Te"(sum), [x] "+l"(x), [weights] "+l"(weights)
          : [count] "r"(count)
          : "q0", "q1", "lr", "memory");
#else
    for (int32_t i = 0; i < count; i++) {
        sum = tinygen_wrapping_add(sum, x[i] * weights[i]);
    }
#endif
    return sum;
}

/** Compute batches rows of outputs from batches rows of inputs. */
TINYGEN_KERNEL void tinygen_mve_fully_connected_s8(const tinygen_mve_fully_connected_s8_params *p,
                                                   tinygen_mve_fully_connected_function *groups,
                                                   const int8_t *input, int8_t *output)
{
    const int32_t first = p->run.groups * TINYGEN_MVE_FULLY_CONNECTED_GROUP;
    const int32_t count = p->outputs - first;
    for (int32_t b = 0; b < p->batches; b++) {
        const int8_t *weights = p->weights + first * p->inputs;
        if (first > 0) {
            groups(input, p->weights, output, &p->run);
        }
        for (int32_t i = 0; i < count; i++) {
            const int32_t sum = tinygen_mve_dot(input, weights, p->inputs, p->rest[i]);
            output[first + i] = tinygen_mve_fully_connected_output(
                &p->run, sum, p->per_channel ? p->rest[count + i] : p->run.multiplier,
                p->per_channel ? p->rest[2 * count + i] : p->run.shift);
            weights += p->inputs;
        }
        input += p->inputs;
        output += p->outputs;
    }
}

#endif
