/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * DEPTHWISE_CONV_2D, int8, any filter, stride, dilation and padding, depth multiplier 1, at least
 * four channels, for cores with 16-bit SIMD.
 *
 * All channels of a pixel are computed at once, from a table of where its taps are
 * (depthwise_taps.h).
 */
#ifndef TINYGEN_KERNELS_DSP_DEPTHWISE_ANY_H
#define TINYGEN_KERNELS_DSP_DEPTHWISE_ANY_H

#include "../portable/depthwise_taps.h"
#include "simd.h"

/**
 * A layer; the order of the fields up to low is the assembly's.
 *
 * For each group of four channels (the last ones, if their number is no multiple of four, overlap
 * the group before) weights hold four bytes of the first tap, if the number of taps is odd, and
 * then for each pair of taps eight: of the first two channels for one tap, then for the other, and
 * the same of the last two channels.
 */
typedef struct {
    const int32_t *constants; /**< 3 a channel, see tinygen_depthwise_any_output() */
    const int8_t *weights;
    int16_t channels;
    int16_t taps;
    int32_t base; /**< what the two roundings add before the shift */
    int16_t cut;  /**< 255 - (largest output - smallest output) */
    int16_t low;  /**< smallest output */
    int16_t two_roundings;
    int16_t shift;
    tinygen_depthwise_taps image; /**< with tinygen_depthwise_any_channels() or its assembly */
} tinygen_depthwise_any_params;

/**
 * An output from its sum of products. Three constants:
 *  - the bias, with the input's zero point (and what fitting added) folded in;
 *  - the multiplier M;
 *  - fitted: 16 * C + F, where F binary digits scale up the sum, and the output is
 *    (C + ((accumulator * M) >> 32)) >> shift;
 *    two roundings: a factor P, and the output is (v * P + base) >> shift, where v is
 *    round(accumulator * (1 + M / 2^32)), less 1 if negative.
 *
 * Where the range of outputs is cut, 255 minus the largest was added to the output.
 */
static inline int8_t tinygen_depthwise_any_output(const tinygen_depthwise_any_params *p,
                                                  int32_t sum, const int32_t *constants)
{
    int32_t value;
    if (p->two_roundings != 0) {
        const int32_t biased = tinygen_wrapping_add(sum, constants[0]);
        value = tinygen_smmlar(biased, constants[1], biased);
        value = ((value + (value >> 31)) * constants[2] + p->base) >> p->shift;
    } else {
        const int32_t scaled = (int32_t)((uint32_t)sum << (constants[2] & 15));
        const int32_t biased = tinygen_wrapping_add(scaled, constants[0]);
        value = tinygen_smmla(biased, constants[1], constants[2] >> 4) >> p->shift;
    }
    if (p->cut == 0) {
        return (int8_t)tinygen_clamp(value, -128, 127);
    }
    const int32_t above = tinygen_clamp(value, 0, 255) - p->cut;
    return (int8_t)((above > 0 ? above : 0) + p->low);
}

/** Add the products of two taps for four channels. */
static inline void tinygen_depthwise_any_pair(int32_t *sums, uint32_t first, uint32_t second,
                                              const int8_t *weights)
{
    const uint32_t low = tinygen_pack_bottoms(first, second);
    const uint32_t high = tinygen_pack_tops(first, second);
    const uint32_t w_low = tinygen_load4(weights);
    const uint32_t w_high = tinygen_load4(weights + 4);
    sums[0] = tinygen_smlad(tinygen_sxtb16(low), tinygen_sxtb16(w_low), sums[0]);
    sums[1] = tinygen_smlad(tinygen_sxtb16_ror8(low), tinygen_sxtb16_ror8(w_low), sums[1]);
    sums[2] = tinygen_smlad(tinygen_sxtb16(high), tinygen_sxtb16(w_high), sums[2]);
    sums[3] = tinygen_smlad(tinygen_sxtb16_ror8(high), tinygen_sxtb16_ror8(w_high), sums[3]);
}

/**
 * Compute all channels of a pixel.
 *
 * @param origin what the taps are counted from
 * @param taps   where each is, in bytes from there
 * @param output of the pixel
 * @param layer  the layer
 */
static inline void tinygen_depthwise_any_channels(const int8_t *origin, const int32_t *taps,
                                                  int8_t *output, const void *layer)
{
    const tinygen_depthwise_any_params *p = layer;
    const int8_t *weights = p->weights;
    const int32_t last = p->channels - 4;
    for (int32_t channel = 0; channel < p->channels; channel += 4) {
        const int32_t from = channel < last ? channel : last;
        int32_t sums[4] = {0, 0, 0, 0};
        int32_t k = 0;
        if (p->taps % 2 != 0) {
            for (int32_t c = 0; c < 4; c++) {
                sums[c] = origin[taps[0] + from + c] * weights[c];
            }
            weights += 4;
            k = 1;
        }
        for (; k < p->taps; k += 2) {
            tinygen_depthwise_any_pair(sums, tinygen_load4(origin + (taps[k] + from)),
                                       tinygen_load4(origin + (taps[k + 1] + from)), weights);
            weights += 8;
        }
        for (int32_t c = 0; c < 4; c++) {
            output[from + c] =
                tinygen_depthwise_any_output(p, sums[c], p->constants + 3 * (from + c));
        }
    }
}

/** Compute output rows [first_row, end_row) of one image; see tinygen_depthwise_taps_rows(). */
static inline void tinygen_depthwise_any_rows(const tinygen_depthwise_any_params *p,
                                              const int8_t *input, int8_t *output, int32_t *scratch,
                                              int32_t first_row, int32_t end_row)
{
    tinygen_depthwise_taps_rows(&p->image, p, tinygen_opaque(input), output, scratch, first_row,
                                end_row);
}

/** Compute the whole output: NHWC in, NHWC out. */
static inline void tinygen_depthwise_any(const tinygen_depthwise_any_params *p, const int8_t *input,
                                         int8_t *output, int32_t *scratch)
{
    tinygen_depthwise_taps_images(&p->image, p, tinygen_opaque(input), output, scratch);
}

#endif
