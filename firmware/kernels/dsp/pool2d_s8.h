/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * AVERAGE_POOL_2D and MAX_POOL_2D, int8, four channels at a time, for cores with 16-bit SIMD.
 */
#ifndef TINYGEN_KERNELS_DSP_POOL2D_S8_H
#define TINYGEN_KERNELS_DSP_POOL2D_S8_H

#include "../portable/pool2d_s8.h"
#include "simd.h"

/** What a window covers of the image, as bytes of a ring of rows. */
typedef struct {
    const tinygen_pool2d_s8_params *layer;
    const int8_t *input;
    int32_t count; /**< values of a channel */
    int32_t first_x;
    int32_t first_y;
    int32_t end_y;  /**< rows that follow each other without a gap are one, */
    int32_t pixels; /**< of so many pixels */
} tinygen_dsp_pool_window;

/** Slot of row y in the ring. */
static inline int32_t tinygen_dsp_pool_slot(const tinygen_pool2d_s8_params *p, int32_t y)
{
    return tinygen_ring_slot(y + p->input_ring_phase, p->input_ring_rows);
}

/** What the window of output pixel (y, x) covers. */
static inline tinygen_dsp_pool_window tinygen_dsp_pool_covered(const tinygen_pool2d_s8_params *p,
                                                               const int8_t *input, int32_t y,
                                                               int32_t x)
{
    const tinygen_pool2d_area area = tinygen_pool2d_covered(p, y, x);
    const int32_t rows = area.end_y - area.first_y;
    const int32_t columns = area.end_x - area.first_x;
    tinygen_dsp_pool_window w = {p,          input,  rows * columns, area.first_x, area.first_y,
                                 area.end_y, columns};
    if (columns == p->columns.input && rows > 0 &&
        tinygen_dsp_pool_slot(p, area.first_y) + rows <= p->input_ring_rows) {
        w.end_y = w.first_y + 1;
        w.pixels = w.count;
    }
    return w;
}

/** Where row y of the window starts. */
static inline const int8_t *tinygen_dsp_pool_row(const tinygen_dsp_pool_window *w, int32_t y)
{
    const tinygen_pool2d_s8_params *p = w->layer;
    return w->input + (tinygen_dsp_pool_slot(p, y) * p->columns.input + w->first_x) * p->channels;
}

/** ceil(2^31 / count): x * this >> 31 is x / count for x up to 2^31 / count. */
static inline uint32_t tinygen_dsp_pool_reciprocal(int32_t count)
{
    return 0x7fffffffu / (uint32_t)count + 1u;
}

/** Mean of a sum over count values, at most 256, halves away from zero. */
static inline int32_t tinygen_dsp_pool_mean(int32_t sum, int32_t count, uint32_t reciprocal)
{
    const uint32_t magnitude = (uint32_t)(sum < 0 ? -sum : sum) + (uint32_t)count / 2u;
    const int32_t mean = (int32_t)(((uint64_t)(2u * magnitude) * reciprocal) >> 32);
    return sum < 0 ? -mean : mean;
}

/** The averages of four channels, in bytes. */
static inline uint32_t tinygen_dsp_average_four(const tinygen_dsp_pool_window *w, int32_t channel,
                                                uint32_t reciprocal)
{
    const tinygen_pool2d_s8_params *p = w->layer;
    uint32_t even = 0;
    uint32_t odd = 0;
    for (int32_t y = w->first_y; y < w->end_y; y++) {
        const int8_t *at = tinygen_dsp_pool_row(w, y) + channel;
        const int32_t step = p->channels;
        int32_t left = w->pixels;
        for (; left >= 4; left -= 4) {
            const uint32_t first = tinygen_load4(at);
            const uint32_t second = tinygen_load4(at + step);
            at += 2 * step;
            even = tinygen_sxtab16(tinygen_sxtab16(even, first), second);
            odd = tinygen_sxtab16_ror8(tinygen_sxtab16_ror8(odd, first), second);
            const uint32_t third = tinygen_load4(at);
            const uint32_t fourth = tinygen_load4(at + step);
            at += 2 * step;
            even = tinygen_sxtab16(tinygen_sxtab16(even, third), fourth);
            odd = tinygen_sxtab16_ror8(tinygen_sxtab16_ror8(odd, third), fourth);
        }
        for (; left > 0; left--) {
            const uint32_t word = tinygen_load4(at);
            even = tinygen_sxtab16(even, word);
            odd = tinygen_sxtab16_ror8(odd, word);
            at += step;
        }
    }
    const int32_t means[4] = {
        tinygen_dsp_pool_mean(tinygen_bottom(even), w->count, reciprocal),
        tinygen_dsp_pool_mean(tinygen_bottom(odd), w->count, reciprocal),
        tinygen_dsp_pool_mean(tinygen_top(even), w->count, reciprocal),
        tinygen_dsp_pool_mean(tinygen_top(odd), w->count, reciprocal),
    };
    uint32_t word = 0;
    for (int32_t k = 0; k < 4; k++) {
        const int32_t mean = tinygen_clamp(means[k], p->clamp_min, p->clamp_max);
        word |= ((uint32_t)mean & 0xffu) << (8 * k);
    }
    return word;
}

/** The largest values of four channels, in bytes. */
static inline uint32_t tinygen_dsp_max_four(const tinygen_dsp_pool_window *w, int32_t channel)
{
    const tinygen_pool2d_s8_params *p = w->layer;
    uint32_t largest = tinygen_bytes(p->clamp_min);
    for (int32_t y = w->first_y; y < w->end_y; y++) {
        const int8_t *at = tinygen_dsp_pool_row(w, y) + channel;
        for (int32_t i = 0; i < w->pixels; i++) {
            largest = tinygen_max_s8(tinygen_load4(at), largest);
            at += p->channels;
        }
    }
    return p->clamp_max < 127 ? tinygen_min_s8(largest, tinygen_bytes(p->clamp_max)) : largest;
}

/**
 * Average output rows [first_row, end_row) of one image, of at least 4 channels.
 *
 * The last four channels are computed together, some of them twice if the number of channels is no
 * multiple of 4.
 *
 * @param p      the layer; its window has at most 256 values
 * @param input  ring of p->input_ring_rows rows of columns.input * channels values
 * @param output where first_row goes; rows of columns.output * channels values
 */
TINYGEN_KERNEL void tinygen_dsp_average_pool2d_s8_rows(const tinygen_pool2d_s8_params *p,
                                                       const int8_t *input, int8_t *output,
                                                       int32_t first_row, int32_t end_row)
{
    for (int32_t y = first_row; y < end_row; y++) {
        for (int32_t x = 0; x < p->columns.output; x++) {
            const tinygen_dsp_pool_window w = tinygen_dsp_pool_covered(p, input, y, x);
            const uint32_t reciprocal = tinygen_dsp_pool_reciprocal(w.count);
            for (int32_t channel = 0; channel < p->channels; channel += 4) {
                const int32_t last = p->channels - 4;
                const int32_t c = channel < last ? channel : last;
                tinygen_store4(output + c, tinygen_dsp_average_four(&w, c, reciprocal));
            }
            output += p->channels;
        }
    }
}

/** Like tinygen_dsp_average_pool2d_s8_rows(), with the largest value in the place of the mean. */
TINYGEN_KERNEL void tinygen_dsp_max_pool2d_s8_rows(const tinygen_pool2d_s8_params *p,
                                                   const int8_t *input, int8_t *output,
                                                   int32_t first_row, int32_t end_row)
{
    for (int32_t y = first_row; y < end_row; y++) {
        for (int32_t x = 0; x < p->columns.output; x++) {
            const tinygen_dsp_pool_window w = tinygen_dsp_pool_covered(p, input, y, x);
            for (int32_t channel = 0; channel < p->channels; channel += 4) {
                const int32_t last = p->channels - 4;
                const int32_t c = channel < last ? channel : last;
                tinygen_store4(output + c, tinygen_dsp_max_four(&w, c));
            }
            output += p->channels;
        }
    }
}

/** Average the whole input: NHWC in, NHWC out. */
TINYGEN_KERNEL void tinygen_dsp_average_pool2d_s8(const tinygen_pool2d_s8_params *p,
                                                  const int8_t *input, int8_t *output)
{
    input = tinygen_opaque(input);
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->channels, output,
                        p->rows.output * p->columns.output * p->channels) {
        tinygen_dsp_average_pool2d_s8_rows(p, input, output, 0, p->rows.output);
    }
}

/** Take the largest values of the whole input: NHWC in, NHWC out. */
TINYGEN_KERNEL void tinygen_dsp_max_pool2d_s8(const tinygen_pool2d_s8_params *p,
                                              const int8_t *input, int8_t *output)
{
    input = tinygen_opaque(input);
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->channels, output,
                        p->rows.output * p->columns.output * p->channels) {
        tinygen_dsp_max_pool2d_s8_rows(p, input, output, 0, p->rows.output);
    }
}

#endif
