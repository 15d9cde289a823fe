/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * AVERAGE_POOL_2D and MAX_POOL_2D with Helium, channels in vectors.
 */
#ifndef TINYGEN_KERNELS_MVE_POOL2D_S8_H
#define TINYGEN_KERNELS_MVE_POOL2D_S8_H

#include "../portable/pool2d_s8.h"
#include "memory.h"

#if TINYGEN_MVE_INLINE_ASSEMBLY

#include <arm_mve.h>

/** What a window covers, as runs of pixels `step` bytes apart. */
typedef struct {
    const int8_t *first;
    int32_t runs;
    int32_t run_bytes; /**< from a run to the next */
    int32_t pixels;    /**< of a run */
    int32_t step;
    int32_t turn; /**< runs before memory goes on at its beginning, */
    int32_t back; /**< so many bytes before */
} tinygen_mve_pool_window;

/** The window's pixels; rows that follow each other in the ring are one run if they are whole. */
static inline tinygen_mve_pool_window tinygen_mve_pool_runs(const tinygen_pool2d_s8_params *p,
                                                            const int8_t *input,
                                                            const tinygen_pool2d_area *area)
{
    const int32_t row_bytes = p->columns.input * p->channels;
    const int32_t columns = area->end_x - area->first_x;
    const int32_t rows = area->end_y - area->first_y;
    const int32_t slot = tinygen_ring_slot(area->first_y + p->input_ring_phase, p->input_ring_rows);
    tinygen_mve_pool_window window;
    window.first = input + slot * row_bytes + area->first_x * p->channels;
    window.run_bytes = row_bytes;
    window.step = p->channels;
    window.runs = rows;
    window.pixels = columns;
    window.turn = p->input_ring_rows - slot;
    window.back = p->input_ring_rows * row_bytes;
    if (columns == p->columns.input && rows <= window.turn) {
        window.runs = 1;
        window.pixels = rows * columns;
    }
    return window;
}

/** What sums of `count` bytes, 1 to 256, are multiplied by and shifted instead of divided. */
typedef struct {
    int32_t count;
    uint16_t reciprocal;
    int32_t shift;
} tinygen_mve_pool_divisor;

/** Prepare divisions by a count. */
static inline tinygen_mve_pool_divisor tinygen_mve_pool_divide_by(int32_t count)
{
    /* 2^shift < count <= 2^(shift + 1); count 1 is not divided. */
    const int32_t shift = count > 2 ? 31 - __builtin_clz((uint32_t)(count - 1)) : 0;
    const uint32_t scale = (uint32_t)1 << (16 + shift);
    const tinygen_mve_pool_divisor divisor = {
        count, (uint16_t)((scale + (uint32_t)count - 1u) / (uint32_t)count), shift};
    return divisor;
}

/** Divide sums, halves away from zero. */
static inline int16x8_t tinygen_mve_pool_mean(int16x8_t sum,
                                              const tinygen_mve_pool_divisor *divisor)
{
    /* -32768 becomes 32768: from here on they are not signed. The products were checked for every
       count and sum. */
    uint16x8_t magnitude = vreinterpretq_u16_s16(vabsq_s16(sum));
    if (divisor->count > 1) {
        magnitude = vaddq_n_u16(magnitude, (uint16_t)(divisor->count / 2));
        magnitude = vmulhq_u16(magnitude, vdupq_n_u16(divisor->reciprocal));
        magnitude = vshlq_r_u16(magnitude, -divisor->shift);
    }
    const int16x8_t mean = vreinterpretq_s16_u16(magnitude);
    return vnegq_m_s16(mean, mean, vcmpltq_n_s16(sum, 0));
}

/** Average one window: sums of up to 256 values stay in 16 bits. */
static inline void tinygen_mve_average_window(const tinygen_pool2d_s8_params *p,
                                              const tinygen_mve_pool_window *window, int8_t *output)
{
    const tinygen_mve_pool_divisor divisor =
        tinygen_mve_pool_divide_by(window->runs * window->pixels);
    const int16x8_t low = vdupq_n_s16((int16_t)p->clamp_min);
    const int16x8_t high = vdupq_n_s16((int16_t)p->clamp_max);
    for (int32_t channel = 0; channel < p->channels; channel += 16) {
        const int32_t left = p->channels - channel;
        const mve_pred16_t first = vctp16q((uint32_t)left);
        const mve_pred16_t second = vctp16q(left > 8 ? (uint32_t)(left - 8) : 0u);
        int16x8_t sum = vdupq_n_s16(0);
        int16x8_t next = vdupq_n_s16(0);
        const int8_t *run = window->first + channel;
        for (int32_t i = 0; i < window->runs; i++) {
            const int8_t *in = run;
            if (left >= 16) {
                for (int32_t x = 0; x < window->pixels; x++) {
                    sum = vaddq_s16(sum, vldrbq_s16(in));
                    next = vaddq_s16(next, vldrbq_s16(in + 8));
                    in += window->step;
                }
            } else {
                for (int32_t x = 0; x < window->pixels; x++) {
                    sum = vaddq_s16(sum, vldrbq_z_s16(in, first));
                    next = vaddq_s16(next, vldrbq_z_s16(in + 8, second));
                    in += window->step;
                }
            }
            run += window->run_bytes;
            if (i + 1 == window->turn) {
                run -= window->back;
            }
        }
        sum = tinygen_mve_pool_mean(sum, &divisor);
        next = tinygen_mve_pool_mean(next, &divisor);
        vstrbq_p_s16(output + channel, vminq_s16(vmaxq_s16(sum, low), high), first);
        vstrbq_p_s16(output + channel + 8, vminq_s16(vmaxq_s16(next, low), high), second);
    }
}

/** The largest values of one window. */
static inline void tinygen_mve_max_window(const tinygen_pool2d_s8_params *p,
                                          const tinygen_mve_pool_window *window, int8_t *output)
{
    const int8x16_t low = vdupq_n_s8((int8_t)p->clamp_min);
    const int8x16_t high = vdupq_n_s8((int8_t)p->clamp_max);
    for (int32_t channel = 0; channel < p->channels; channel += 16) {
        const int32_t left = p->channels - channel;
        const mve_pred16_t inside = vctp8q((uint32_t)left);
        int8x16_t largest = vdupq_n_s8(INT8_MIN);
        const int8_t *run = window->first + channel;
        for (int32_t i = 0; i < window->runs; i++) {
            const int8_t *in = run;
            if (left >= 16) {
                for (int32_t x = 0; x < window->pixels; x++) {
                    largest = vmaxq_s8(largest, vldrbq_s8(in));
                    in += window->step;
                }
            } else {
                for (int32_t x = 0; x < window->pixels; x++) {
                    largest = vmaxq_s8(largest, vldrbq_z_s8(in, inside));
                    in += window->step;
                }
            }
            run += window->run_bytes;
            if (i + 1 == window->turn) {
                run -= window->back;
            }
        }
        vstrbq_p_s8(output + channel, vminq_s8(vmaxq_s8(largest, low), high), inside);
    }
}

/**
 * Pool output rows [first_row, end_row) of one image.
 *
 * @param p       the layer; windows of an average have at most 256 values
 * @param average 1: averages, 0: largest values
 * @param input   ring of p->input_ring_rows rows of columns.input * channels values
 * @param output  where first_row goes; rows of columns.output * channels values
 */
static inline void tinygen_mve_pool2d_s8_rows(const tinygen_pool2d_s8_params *p, int32_t average,
                                              const int8_t *input, int8_t *output,
                                              int32_t first_row, int32_t end_row)
{
    for (int32_t y = first_row; y < end_row; y++) {
        for (int32_t x = 0; x < p->columns.output; x++) {
            const tinygen_pool2d_area area = tinygen_pool2d_covered(p, y, x);
            const tinygen_mve_pool_window window = tinygen_mve_pool_runs(p, input, &area);
            if (average) {
                tinygen_mve_average_window(p, &window, output);
            } else {
                tinygen_mve_max_window(p, &window, output);
            }
            output += p->channels;
        }
    }
}

/** Pool the whole input: NHWC in, NHWC out. */
static inline void tinygen_mve_pool2d_s8(const tinygen_pool2d_s8_params *p, int32_t average,
                                         const int8_t *input, int8_t *output)
{
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->channels, output,
                        p->rows.output * p->columns.output * p->channels) {
        tinygen_mve_pool2d_s8_rows(p, average, input, output, 0, p->rows.output);
    }
}

/** Average output rows [first_row, end_row) of one image; see tinygen_mve_pool2d_s8_rows(). */
TINYGEN_KERNEL void tinygen_mve_average_pool2d_s8_rows(const tinygen_pool2d_s8_params *p,
                                                       const int8_t *input, int8_t *output,
                                                       int32_t first_row, int32_t end_row)
{
    tinygen_mve_pool2d_s8_rows(p, 1, input, output, first_row, end_row);
}

/** Take the largest values of such rows. */
TINYGEN_KERNEL void tinygen_mve_max_pool2d_s8_rows(const tinygen_pool2d_s8_params *p,
                                                   const int8_t *input, int8_t *output,
                                                   int32_t first_row, int32_t end_row)
{
    tinygen_mve_pool2d_s8_rows(p, 0, input, output, first_row, end_row);
}

/** Average the whole input. */
TINYGEN_KERNEL void tinygen_mve_average_pool2d_s8(const tinygen_pool2d_s8_params *p,
                                                  const int8_t *input, int8_t *output)
{
    tinygen_mve_pool2d_s8(p, 1, input, output);
}

/** Take the largest values of the whole input. */
TINYGEN_KERNEL void tinygen_mve_max_pool2d_s8(const tinygen_pool2d_s8_params *p,
                                              const int8_t *input, int8_t *output)
{
    tinygen_mve_pool2d_s8(p, 0, input, output);
}

#else

/** Average output rows [first_row, end_row) of one image. */
TINYGEN_KERNEL void tinygen_mve_average_pool2d_s8_rows(const tinygen_pool2d_s8_params *p,
                                                       const int8_t *input, int8_t *output,
                                                       int32_t first_row, int32_t end_row)
{
    tinygen_average_pool2d_s8_rows(p, input, output, first_row, end_row);
}

/** Take the largest values of such rows. */
TINYGEN_KERNEL void tinygen_mve_max_pool2d_s8_rows(const tinygen_pool2d_s8_params *p,
                                                   const int8_t *input, int8_t *output,
                                                   int32_t first_row, int32_t end_row)
{
    tinygen_max_pool2d_s8_rows(p, input, output, first_row, end_row);
}

/** Average the whole input. */
TINYGEN_KERNEL void tinygen_mve_average_pool2d_s8(const tinygen_pool2d_s8_params *p,
                                                  const int8_t *input, int8_t *output)
{
    tinygen_average_pool2d_s8(p, input, output);
}

/** Take the largest values of the whole input. */
TINYGEN_KERNEL void tinygen_mve_max_pool2d_s8(const tinygen_pool2d_s8_params *p,
                                              const int8_t *input, int8_t *output)
{
    tinygen_max_pool2d_s8(p, input, output);
}

#endif

#endif
