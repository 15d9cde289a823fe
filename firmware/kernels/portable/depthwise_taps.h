/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The windows of a depthwise convolution as tables of where their taps are, for kernels that
 * compute all channels of a pixel at once.
 *
 * Padding is a tap that lies in scratch memory. Next to a pixel whose window is inside the image,
 * the table stays the same, and its origin moves.
 */
#ifndef TINYGEN_KERNELS_DEPTHWISE_TAPS_H
#define TINYGEN_KERNELS_DEPTHWISE_TAPS_H

#include <string.h>

#include "common.h"

/** A window along one axis, as tinygen_axis. */
typedef struct {
    int16_t input;
    int16_t output;
    int16_t size;
    int16_t stride;
    int16_t dilation;
    int16_t pad;
} tinygen_depthwise_axis;

/**
 * Computes all channels of a pixel.
 *
 * @param origin what the taps are counted from
 * @param taps   where each is, in bytes from there
 * @param output of the pixel
 * @param layer  the kernel's own parameters
 */
typedef void tinygen_depthwise_pixel_function(const int8_t *origin, const int32_t *taps,
                                              int8_t *output, const void *layer);

/** The image of a layer, and its windows. */
typedef struct {
    tinygen_depthwise_pixel_function *pixel;
    int16_t channels;
    int16_t batches;
    int16_t input_ring_rows;  /**< rows of input memory; the image's height if it is whole */
    int16_t input_ring_phase; /**< slot of row 0 in it */
    int16_t padding;          /**< the input's zero point */
    tinygen_depthwise_axis rows;
    tinygen_depthwise_axis columns;
} tinygen_depthwise_taps;

/** Write where the taps of the window at an origin are, in bytes from the input. */
static inline void tinygen_depthwise_taps_find(const tinygen_depthwise_taps *p, int32_t *taps,
                                               int32_t padding, int32_t origin_y, int32_t origin_x)
{
    for (int32_t ky = 0; ky < p->rows.size; ky++) {
        const int32_t row = origin_y + ky * p->rows.dilation;
        int32_t at = origin_x;
        for (int32_t kx = 0; kx < p->columns.size; kx++) {
            *taps = padding;
            if (row >= 0 && row < p->rows.input && at >= 0 && at < p->columns.input) {
                const int32_t slot =
                    tinygen_ring_slot(row + p->input_ring_phase, p->input_ring_rows);
                *taps = (slot * p->columns.input + at) * p->channels;
            }
            taps++;
            at += p->columns.dilation;
        }
    }
}

/** Whether the whole window at an origin lies inside the input, along one axis. */
static inline int32_t tinygen_depthwise_taps_inside(const tinygen_depthwise_axis *axis,
                                                    int32_t origin)
{
    return origin >= 0 && origin + (axis->size - 1) * axis->dilation < axis->input;
}

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * @param p       the image
 * @param layer   the kernel's own parameters
 * @param input   ring of input_ring_rows rows of columns.input * channels values
 * @param output  where first_row goes; rows of columns.output * channels values
 * @param scratch in the same object as input: an int32 a tap, then a byte a channel
 */
TINYGEN_SHARED void tinygen_depthwise_taps_rows(const tinygen_depthwise_taps *p, const void *layer,
                                                const int8_t *input, int8_t *output,
                                                int32_t *scratch, int32_t first_row,
                                                int32_t end_row)
{
    int8_t *padding = (int8_t *)(scratch + p->rows.size * p->columns.size);
    memset(padding, p->padding, (size_t)p->channels);
    for (int32_t y = first_row; y < end_row; y++) {
        const int32_t origin_y = y * p->rows.stride - p->rows.pad;
        const int32_t inside = tinygen_depthwise_taps_inside(&p->rows, origin_y);
        const int8_t *origin = NULL;
        int32_t origin_x = -p->columns.pad;
        for (int32_t x = 0; x < p->columns.output; x++) {
            const int32_t movable = inside && tinygen_depthwise_taps_inside(&p->columns, origin_x);
            if (movable && origin != NULL) {
                origin += p->columns.stride * p->channels;
            } else {
                tinygen_depthwise_taps_find(p, scratch, (int32_t)(padding - input), origin_y,
                                            origin_x);
                origin = movable ? input : NULL;
            }
            p->pixel(movable ? origin : input, scratch, output, layer);
            output += p->channels;
            origin_x += p->columns.stride;
        }
    }
}

/** Compute the whole output: NHWC in, NHWC out; arguments as of tinygen_depthwise_taps_rows(). */
static inline void tinygen_depthwise_taps_images(const tinygen_depthwise_taps *p, const void *layer,
                                                 const int8_t *input, int8_t *output,
                                                 int32_t *scratch)
{
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->channels, output,
                        p->rows.output * p->columns.output * p->channels) {
        tinygen_depthwise_taps_rows(p, layer, input, output, scratch, 0, p->rows.output);
    }
}

#endif
