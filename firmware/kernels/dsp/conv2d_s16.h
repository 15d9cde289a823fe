/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * CONV_2D and FULLY_CONNECTED of int16 with int8 weights: columns of int16, two by two channels.
 *
 * Weights stay bytes, {first channel, second, first, second} a word, for two values of a column:
 * SXTB16 and SXTB16 with a rotation widen either channel's.
 */
#ifndef TINYGEN_KERNELS_DSP_CONV2D_S16_H
#define TINYGEN_KERNELS_DSP_CONV2D_S16_H

#include "../portable/conv2d_f32_s16.h"
#include "simd.h"

/**
 * The layer, of one group. Its weights are words, [pairs of channels][depth / 2].
 *
 * Where biases have 64 bits, an output is (sum * multiplier + bias) >> (32 + shift): multipliers
 * are the reference's of 16 bits times at most 2^16, and biases are multiplied, with half a unit
 * added.
 */
typedef struct {
    tinygen_conv2d_s16_params layer;
    int32_t depth;    /**< values of a column, in whole fours */
    int32_t in_place; /**< 1 if columns are read where they lie in the input */
} tinygen_dsp_conv2d_s16_params;

/** Sums of products of up to two columns (a, b) with two channels (0, 1); modulo 2^32. */
typedef struct {
    int32_t a0;
    int32_t a1;
    int32_t b0;
    int32_t b1;
} tinygen_dsp_sums_s16;

/** Where a column ends: kept from the compiler, which would unroll the loops over it to the last.
 */
static inline const int16_t *tinygen_dsp_end_s16(const int16_t *column, int32_t depth)
{
    return (const int16_t *)(const void *)tinygen_opaque((const int8_t *)(column + depth));
}

/** Sums of two columns. */
TINYGEN_SHARED void tinygen_dsp_dot_s16_2x2(tinygen_dsp_sums_s16 *sums, const int16_t *a,
                                            const int16_t *b, const int8_t *w, int32_t depth)
{
    int32_t a0 = 0;
    int32_t a1 = 0;
    int32_t b0 = 0;
    int32_t b1 = 0;
    const int16_t *const end = tinygen_dsp_end_s16(a, depth);
#define TINYGEN_DSP_DOT_STEP(at)                                                                   \
    do {                                                                                           \
        const uint32_t x = tinygen_load2(a + (at));                                                \
        const uint32_t y = tinygen_load2(b + (at));                                                \
        const uint32_t both = tinygen_load4(w + 2 * (at));                                         \
        const uint32_t first = tinygen_sxtb16(both);                                               \
        const uint32_t second = tinygen_sxtb16_ror8(both);                                         \
        a0 = tinygen_smlad(x, first, a0);                                                          \
        b0 = tinygen_smlad(y, first, b0);                                                          \
        a1 = tinygen_smlad(x, second, a1);                                                         \
        b1 = tinygen_smlad(y, second, b1);                                                         \
    } while (0)
    while (a < end) {
        TINYGEN_DSP_DOT_STEP(0);
        TINYGEN_DSP_DOT_STEP(2);
        a += 4;
        b += 4;
        w += 8;
    }
#undef TINYGEN_DSP_DOT_STEP
    sums->a0 = a0;
    sums->a1 = a1;
    sums->b0 = b0;
    sums->b1 = b1;
}

/** Sums of one column; those of the other are left alone. */
TINYGEN_SHARED void tinygen_dsp_dot_s16_1x2(tinygen_dsp_sums_s16 *sums, const int16_t *a,
                                            const int8_t *w, int32_t depth)
{
    int32_t a0 = 0;
    int32_t a1 = 0;
    const int16_t *const end = tinygen_dsp_end_s16(a, depth);
    while (a < end) {
        const uint32_t x = tinygen_load2(a);
        const uint32_t y = tinygen_load2(a + 2);
        const uint32_t v = tinygen_load4(w);
        const uint32_t u = tinygen_load4(w + 4);
        a0 = tinygen_smlad(x, tinygen_sxtb16(v), a0);
        a1 = tinygen_smlad(x, tinygen_sxtb16_ror8(v), a1);
        a0 = tinygen_smlad(y, tinygen_sxtb16(u), a0);
        a1 = tinygen_smlad(y, tinygen_sxtb16_ror8(u), a1);
        a += 4;
        w += 8;
    }
    sums->a0 = a0;
    sums->a1 = a1;
}

/** Copy values; returns where the next ones go. */
static inline int16_t *tinygen_dsp_copy_s16(int16_t *to, const int16_t *from, int32_t count)
{
    for (; count >= 4; count -= 4) {
        const uint32_t first = tinygen_load2(from);
        const uint32_t second = tinygen_load2(from + 2);
        tinygen_store2(to, first);
        tinygen_store2(to + 2, second);
        from += 4;
        to += 4;
    }
    for (; count > 0; count--) {
        *to++ = *from++;
    }
    return to;
}

/** Write zeros; returns where the next values go. */
static inline int16_t *tinygen_dsp_zeros_s16(int16_t *to, int32_t count)
{
    for (; count > 0; count--) {
        *to++ = 0;
    }
    return to;
}

/** The column of the window at an origin: in the image, or written to `to`. */
static inline const int16_t *tinygen_dsp_column_s16(const tinygen_dsp_conv2d_s16_params *p,
                                                    const int16_t *image, int32_t origin_y,
                                                    int32_t origin_x, int16_t *to)
{
    const tinygen_conv2d_shape *s = &p->layer.shape;
    const int32_t channels = s->input_channels;
    if (p->in_place != 0) {
        return image + (origin_y * s->columns.input + origin_x) * channels;
    }
    const int16_t *const column = to;
    const int32_t first_ky = tinygen_first_tap(&s->rows, origin_y);
    const int32_t end_ky = tinygen_end_tap(&s->rows, origin_y);
    const int32_t first_kx = tinygen_first_tap(&s->columns, origin_x);
    const int32_t end_kx = tinygen_end_tap(&s->columns, origin_x);
    const int32_t together = s->columns.dilation == 1 && first_kx < end_kx;
    const int32_t taps = together ? end_kx - first_kx : 1;
    for (int32_t ky = 0; ky < s->rows.size; ky++) {
        if (ky < first_ky || ky >= end_ky || first_kx >= end_kx) {
            to = tinygen_dsp_zeros_s16(to, s->columns.size * channels);
            continue;
        }
        const int16_t *row =
            image + (origin_y + ky * s->rows.dilation) * s->columns.input * channels;
        to = tinygen_dsp_zeros_s16(to, first_kx * channels);
        for (int32_t kx = first_kx; kx < end_kx; kx += taps) {
            const int16_t *from = row + (origin_x + kx * s->columns.dilation) * channels;
            to = tinygen_dsp_copy_s16(to, from, taps * channels);
        }
        to = tinygen_dsp_zeros_s16(to, (s->columns.size - end_kx) * channels);
    }
    tinygen_dsp_zeros_s16(to, p->depth - (int32_t)(to - column));
    return column;
}

/** Values of a column whose products with weights always fit in a sum of 32 bits, in whole fours.
 */
#define TINYGEN_DSP_SAFE_DEPTH_S16 508

/** How sums are kept, and what follows them. */
enum {
    TINYGEN_DSP_SUMS_32,    /**< of 32 bits, and a bias of 64 */
    TINYGEN_DSP_SUMS_64,    /**< of 64 bits, put together from safe depths */
    TINYGEN_DSP_SUMS_NARROW /**< of 32 bits, which may wrap, and a bias of 32 */
};

/** What follows a sum where the bias has 64 bits: one rounding, folded into the bias. */
TINYGEN_INLINE int16_t tinygen_dsp_conv2d_s16_wide_output(const tinygen_conv2d_s16_params *p,
                                                          int64_t sum, int32_t channel)
{
    const tinygen_requantization *q = &p->requantization;
    const int32_t pair = channel * q->channel_step;
    const int64_t scaled = sum * q->multipliers[pair] + p->bias[channel];
    const int32_t high = (int32_t)(scaled >> 32);
    return (int16_t)tinygen_clamp(high >> q->shifts[pair], q->clamp_min, q->clamp_max);
}

/** What follows a sum. */
TINYGEN_INLINE int16_t tinygen_dsp_conv2d_s16_output(const tinygen_conv2d_s16_params *p,
                                                     int64_t sum, int32_t channel, int32_t kind)
{
    switch (kind) {
    case TINYGEN_DSP_SUMS_NARROW:
        return tinygen_conv2d_s16_narrow_output(p, (int32_t)sum, channel);
    case TINYGEN_DSP_SUMS_32:
        return tinygen_dsp_conv2d_s16_wide_output(p, (int32_t)sum, channel);
    default:
        return tinygen_dsp_conv2d_s16_wide_output(p, sum, channel);
    }
}

/** All outputs of `count` (1 or 2) columns. */
TINYGEN_INLINE void tinygen_dsp_conv2d_s16_columns(const tinygen_dsp_conv2d_s16_params *p,
                                                   const int16_t *a, const int16_t *b,
                                                   int32_t count, int32_t kind, int16_t *output)
{
    const int32_t channels = p->layer.shape.output_channels;
    const int32_t part = kind == TINYGEN_DSP_SUMS_64 ? TINYGEN_DSP_SAFE_DEPTH_S16 : p->depth;
    const int8_t *weights = p->layer.weights;
    for (int32_t channel = 0; channel < channels; channel += 2) {
        int64_t totals[4] = {0, 0, 0, 0};
        for (int32_t first = 0; first < p->depth; first += part) {
            const int32_t depth = p->depth - first < part ? p->depth - first : part;
            tinygen_dsp_sums_s16 sums = {0, 0, 0, 0};
            if (count == 2) {
                tinygen_dsp_dot_s16_2x2(&sums, a + first, b + first, weights, depth);
            } else {
                tinygen_dsp_dot_s16_1x2(&sums, a + first, weights, depth);
            }
            weights += 2 * depth;
            totals[0] += sums.a0;
            totals[1] += sums.a1;
            totals[2] += sums.b0;
            totals[3] += sums.b1;
        }
        for (int32_t i = 0; i < 2 && channel + i < channels; i++) {
            output[channel + i] =
                tinygen_dsp_conv2d_s16_output(&p->layer, totals[i], channel + i, kind);
            if (count == 2) {
                output[channels + channel + i] =
                    tinygen_dsp_conv2d_s16_output(&p->layer, totals[2 + i], channel + i, kind);
            }
        }
    }
}

/** The layer, two columns of a row at a time; work holds two columns unless they are in place. */
TINYGEN_INLINE void tinygen_dsp_conv2d_s16_rows(const tinygen_dsp_conv2d_s16_params *p,
                                                const int16_t *input, int16_t *work,
                                                int16_t *output, int32_t kind)
{
    const tinygen_conv2d_shape *s = &p->layer.shape;
    for (int32_t n = 0; n < s->batches; n++) {
        for (int32_t y = 0; y < s->rows.output; y++) {
            const int32_t origin_y = y * s->rows.stride - s->rows.pad;
            int32_t origin_x = -s->columns.pad;
            int32_t left = s->columns.output;
            for (; left > 0; left -= 2) {
                const int16_t *a = tinygen_dsp_column_s16(p, input, origin_y, origin_x, work);
                origin_x += s->columns.stride;
                if (left == 1) {
                    tinygen_dsp_conv2d_s16_columns(p, a, a, 1, kind, output);
                    output += s->output_channels;
                    break;
                }
                const int16_t *b =
                    tinygen_dsp_column_s16(p, input, origin_y, origin_x, work + p->depth);
                origin_x += s->columns.stride;
                tinygen_dsp_conv2d_s16_columns(p, a, b, 2, kind, output);
                output += 2 * s->output_channels;
            }
        }
        input += s->rows.input * s->columns.input * s->input_channels;
    }
}

/** Define the layer with a kind of sums. */
#define TINYGEN_DEFINE_DSP_CONV2D_S16(name, kind)                                                  \
    TINYGEN_KERNEL void name(const tinygen_dsp_conv2d_s16_params *p, const int16_t *input,         \
                             int16_t *work, int16_t *output)                                       \
    {                                                                                              \
        tinygen_dsp_conv2d_s16_rows(p, input, work, output, kind);                                 \
    }

TINYGEN_DEFINE_DSP_CONV2D_S16(tinygen_dsp_conv2d_s16, TINYGEN_DSP_SUMS_32)
TINYGEN_DEFINE_DSP_CONV2D_S16(tinygen_dsp_conv2d_s16_long, TINYGEN_DSP_SUMS_64)
TINYGEN_DEFINE_DSP_CONV2D_S16(tinygen_dsp_conv2d_s16_narrow, TINYGEN_DSP_SUMS_NARROW)

#endif
