/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * DEPTHWISE_CONV_2D, int8, any filter, depth multiplier 1, for cores without SIMD.
 *
 * Channel by channel, with the offsets of a pixel's taps from a table (depthwise_taps.h) and all
 * else from a stream: for each channel its weights, filled to a multiple of four, then three words:
 * the bias, with the input's zero point (and what fitting added) folded in, and two of
 * requantize.h.
 */
#ifndef TINYGEN_KERNELS_THUMB_DEPTHWISE_S8_H
#define TINYGEN_KERNELS_THUMB_DEPTHWISE_S8_H

#include "../portable/depthwise_taps.h"
#include "requantize.h"

/** A layer; the order of the fields up to scaling's low is the assembly's. */
typedef struct {
    const int8_t *stream;
    int32_t channels;
    tinygen_thumb_scaling scaling;
    int32_t taps;
    tinygen_depthwise_taps image; /**< with tinygen_thumb_depthwise_pixel() or its assembly */
} tinygen_thumb_depthwise_params;

/** Compute all channels of a pixel; see tinygen_depthwise_pixel_function. */
static inline void tinygen_thumb_depthwise_pixel(const int8_t *origin, const int32_t *taps,
                                                 int8_t *output, const void *layer)
{
    const tinygen_thumb_depthwise_params *p = layer;
    const int8_t *stream = p->stream;
    for (int32_t channel = 0; channel < p->channels; channel++) {
        int32_t words[3];
        int32_t sum = 0;
        for (int32_t k = 0; k < p->taps; k++) {
            sum += origin[taps[k] + channel] * stream[k];
        }
        stream += (p->taps + 3) / 4 * 4;
        memcpy(words, stream, sizeof words);
        output[channel] =
            tinygen_thumb_output(&p->scaling, tinygen_wrapping_add(sum, words[0]), words + 1);
        stream += sizeof words;
    }
}

/** Compute output rows [first_row, end_row) of one image; see tinygen_depthwise_taps_rows(). */
static inline void tinygen_thumb_depthwise_rows(const tinygen_thumb_depthwise_params *p,
                                                const int8_t *input, int8_t *output,
                                                int32_t *scratch, int32_t first_row,
                                                int32_t end_row)
{
    tinygen_depthwise_taps_rows(&p->image, p, input, output, scratch, first_row, end_row);
}

/** Compute the whole output: NHWC in, NHWC out. */
static inline void tinygen_thumb_depthwise(const tinygen_thumb_depthwise_params *p,
                                           const int8_t *input, int8_t *output, int32_t *scratch)
{
    tinygen_depthwise_taps_images(&p->image, p, input, output, scratch);
}

#endif
