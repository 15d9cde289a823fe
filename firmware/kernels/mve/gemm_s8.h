/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Products of int8 windows and filters: what gemm_s8.inc computes, in portable C.
 */
#ifndef TINYGEN_KERNELS_MVE_GEMM_S8_H
#define TINYGEN_KERNELS_MVE_GEMM_S8_H

#include "../portable/requantize.h"

/** What is the same in all calls of one function; gemm_s8.inc describes the parameters. */
typedef struct {
    int32_t channels;
    int32_t pixels;
    int32_t pixel_bytes;
    int32_t output_bytes;
    int32_t segments;
    int32_t segment_values; /**< 16 a step */
    int32_t segment_bytes;
    int32_t rest_values; /**< after the segments, tail included */
    int32_t form;        /**< 0 fitted, 1 exact, 2 aligned */
    int32_t shift;
    int32_t addend;
    int32_t zero_point;
    int32_t clamp_min;
    int32_t clamp_max;
} tinygen_helium_gemm_shape;

/** What a call computes: rows of pixels, for some groups of channels. */
typedef struct {
    int32_t rows;
    int32_t blocks; /**< whole blocks of pixels in a row, at least 1 */
    int32_t
        tail_output; /**< bytes that the last block of a row goes back; 0 if none is left over */
    int32_t tail_x;  /**< the same for the windows */
    int32_t row_x;   /**< bytes from behind the last window of a row to the next row */
    int32_t groups;  /**< of channels */
    const int32_t *constants; /**< of each group: biases, then each channel's other constants */
} tinygen_gemm_run;

/** Computes a call: windows, packed weights, the output of the first pixel and channel. */
typedef void tinygen_helium_gemm_function(const int8_t *x, const int8_t *weights, int8_t *output,
                                          const tinygen_gemm_run *run);

/** The sum of a window's products with one channel's filter. */
static inline int32_t tinygen_gemm_sum(const tinygen_helium_gemm_shape *shape, const int8_t *x,
                                       const int8_t *weights, int32_t channel)
{
    const int32_t values = shape->segments * shape->segment_values + shape->rest_values;
    int32_t sum = 0;
    for (int32_t i = 0; i < values; i++) {
        const int32_t left = values - i / 16 * 16;
        const int32_t vector = left < 16 ? left : 16;
        const int32_t weight = weights[i / 16 * 16 * shape->channels + channel * vector + i % 16];
        int32_t segment = shape->segment_values > 0 ? i / shape->segment_values : shape->segments;
        if (segment > shape->segments) {
            segment = shape->segments;
        }
        const int32_t value =
            x[segment * shape->segment_bytes + i - segment * shape->segment_values];
        sum = tinygen_wrapping_add(sum, value * weight);
    }
    return sum;
}

/**
 * A channel's output from the sum of its products.
 *
 * @param bias   includes what the zero point of the windows and the fit add
 * @param scale  multiplier; of the aligned form a power of two
 * @param last   addend of the fit, minus the exact form's shift to the right, multiplier if aligned
 */
static inline int8_t tinygen_helium_gemm_output(const tinygen_helium_gemm_shape *shape, int32_t sum,
                                                int32_t bias, int32_t scale, int32_t last)
{
    const int32_t biased = tinygen_wrapping_add(sum, bias);
    int32_t value;
    if (shape->form == 1) {
        value = tinygen_wrapping_add(tinygen_scale(biased, scale, last), shape->zero_point);
    } else {
        /* The narrowing shift rounds, by E - 8 bits where the upper byte is taken. */
        const int64_t half = (int64_t)1 << (shape->shift > 8 ? shape->shift - 9 : shape->shift - 1);
        int64_t scaled;
        if (shape->form == 2) {
            const int64_t high = tinygen_high_mul(biased, last);
            scaled = (high + (high >> 63)) * scale + shape->addend;
        } else {
            scaled = ((2 * (int64_t)biased * scale) >> 32) + last;
        }
        value = tinygen_clamp((int32_t)((scaled + half) >> shape->shift), -128, 127);
    }
    return (int8_t)tinygen_clamp(value, shape->clamp_min, shape->clamp_max);
}

/** One block of pixels and one group of channels. */
static inline void tinygen_gemm_tile(const tinygen_helium_gemm_shape *shape, const int8_t *x,
                                     const int8_t *weights, const int32_t *constants,
                                     int8_t *output)
{
    for (int32_t channel = 0; channel < shape->channels; channel++) {
        const int32_t bias = constants[channel];
        const int32_t *pair = constants + shape->channels + 2 * channel;
        for (int32_t pixel = 0; pixel < shape->pixels; pixel++) {
            const int32_t sum =
                tinygen_gemm_sum(shape, x + pixel * shape->pixel_bytes, weights, channel);
            output[pixel * shape->output_bytes + channel] =
                tinygen_helium_gemm_output(shape, sum, bias, pair[0], pair[1]);
        }
    }
}

/** What the assembly function of that shape computes. */
static inline void tinygen_gemm_c(const tinygen_helium_gemm_shape *shape, const int8_t *x,
                                  const int8_t *weights, int8_t *output,
                                  const tinygen_gemm_run *run)
{
    const int32_t values = shape->segments * shape->segment_values + shape->rest_values;
    for (int32_t group = 0; group < run->groups; group++) {
        const int32_t *constants = run->constants + group * 3 * shape->channels;
        const int8_t *windows = x;
        int8_t *out = output + group * shape->channels;
        for (int32_t row = 0; row < run->rows; row++) {
            const int32_t blocks = run->blocks + (run->tail_output != 0 ? 1 : 0);
            for (int32_t block = 0; block < blocks; block++) {
                if (block == run->blocks) {
                    windows -= run->tail_x;
                    out -= run->tail_output;
                }
                tinygen_gemm_tile(shape, windows, weights, constants, out);
                windows += shape->pixels * shape->pixel_bytes;
                out += shape->pixels * shape->output_bytes;
            }
            windows += run->row_x;
        }
        weights += shape->channels * values;
    }
}

#endif
