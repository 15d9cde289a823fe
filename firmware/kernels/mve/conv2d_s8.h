/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * CONV_2D with Helium: windows are made contiguous in scratch memory, a band of output rows at a
 * time, and multiplied by gemm_s8.inc.
 */
#ifndef TINYGEN_KERNELS_MVE_CONV2D_S8_H
#define TINYGEN_KERNELS_MVE_CONV2D_S8_H

#include "../portable/window.h"
#include "gemm_s8.h"
#include "memory.h"

/** Where the windows are read. */
enum {
    /** In the input: no padding, and whole words from a pixel to the next. */
    TINYGEN_MVE_IN_PLACE = 0,
    /** In a strip of padded rows: a window's rows are multiples of 16 bytes. */
    TINYGEN_MVE_STRIP = 1,
    /** In patches, one a pixel, gathered from a strip of padded rows. */
    TINYGEN_MVE_PATCHES = 2
};

/** A convolution layer. */
typedef struct {
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t input_channels;
    int32_t output_channels;
    int32_t input_ring_rows;  /**< rows of input memory; the image's height if it is whole */
    int32_t input_ring_phase; /**< slot of row 0 in it */
    int32_t input_zero_point;
    int32_t form;
    int32_t band_rows;     /**< output rows of a band, if windows are made in scratch memory */
    int32_t strip_bytes;   /**< of a padded row */
    int32_t strip_rows;    /**< padded rows in a strip */
    int32_t patch_bytes;   /**< from a patch to the next, a multiple of 4 */
    int32_t pixels;        /**< that the assembly computes at a time */
    const int8_t *weights; /**< packed for the assembly */
    const int32_t *constants;
} tinygen_mve_conv2d_s8_params;

/** Where a function that gathers windows finds them. */
typedef struct {
    int32_t rows;
    int32_t pitch;
    int32_t parts; /**< of a window's row, which are contiguous */
    int32_t part_distance;
    int32_t part_bytes;
    int32_t step;
    int32_t patch_bytes;
} tinygen_mve_gather_shape;

/** Copies a row of windows out of a strip. */
typedef void tinygen_mve_gather_function(const int8_t *from, int8_t *to, int32_t pixels);

/** Multiply rows of windows by all filters: channels in pairs, then one that is left over. */
static inline void tinygen_mve_conv2d_tiles(const tinygen_mve_conv2d_s8_params *p,
                                            tinygen_helium_gemm_function *pairs,
                                            tinygen_helium_gemm_function *single, const int8_t *x,
                                            int8_t *output, int32_t rows, int32_t pixels,
                                            int32_t pixel_bytes, int32_t row_bytes)
{
    const int32_t tail = pixels % p->pixels;
    const int32_t back = tail > 0 ? p->pixels - tail : 0;
    const int32_t groups = p->output_channels / 2;
    tinygen_gemm_run run;
    run.rows = rows;
    run.blocks = pixels / p->pixels;
    run.tail_output = back * p->output_channels;
    run.tail_x = back * pixel_bytes;
    run.row_x = row_bytes - pixels * pixel_bytes;
    run.groups = groups;
    run.constants = p->constants;
    if (groups > 0) {
        pairs(x, p->weights, output, &run);
    }
    if (p->output_channels % 2 != 0) {
        const int32_t values = p->rows.size * p->columns.size * p->input_channels;
        run.groups = 1;
        run.constants = p->constants + 6 * groups;
        single(x, p->weights + 2 * groups * values, output + 2 * groups, &run);
    }
}

/** Fill rows of a strip with input rows from first on, columns padded on both sides. */
static inline void tinygen_mve_conv2d_strip(const tinygen_mve_conv2d_s8_params *p,
                                            const int8_t *input, int8_t *strip, int32_t first,
                                            int32_t count)
{
    const int32_t row_bytes = p->columns.input * p->input_channels;
    const int32_t before = p->columns.pad * p->input_channels;
    const int32_t room = p->strip_bytes - before;
    const int32_t copied = room < row_bytes ? room : row_bytes;
    for (int32_t i = 0; i < count; i++) {
        const int32_t row = first + i;
        if (row < 0 || row >= p->rows.input) {
            tinygen_mve_fill(strip, p->input_zero_point, p->strip_bytes);
        } else {
            const int32_t slot = tinygen_ring_slot(row + p->input_ring_phase, p->input_ring_rows);
            if (before > 0) {
                tinygen_mve_fill(strip, p->input_zero_point, before);
            }
            tinygen_mve_copy(strip + before, input + slot * row_bytes, copied);
            if (room > copied) {
                tinygen_mve_fill(strip + before + copied, p->input_zero_point, room - copied);
            }
        }
        strip += p->strip_bytes;
    }
}

/** Copy windows out of the rows of a strip; conv2d_gather.inc describes the parameters. */
static inline void tinygen_mve_gather_c(const tinygen_mve_gather_shape *shape, const int8_t *from,
                                        int8_t *to, int32_t pixels)
{
    for (int32_t x = 0; x < pixels; x++) {
        int8_t *patch = to + x * shape->patch_bytes;
        for (int32_t row = 0; row < shape->rows; row++) {
            for (int32_t part = 0; part < shape->parts; part++) {
                const int8_t *source =
                    from + x * shape->step + row * shape->pitch + part * shape->part_distance;
                tinygen_mve_copy(patch, source, shape->part_bytes);
                patch += shape->part_bytes;
            }
        }
    }
}

/** Gather the windows of one output row from the first of the strip's rows that they cover. */
static inline void tinygen_mve_conv2d_patches(const tinygen_mve_conv2d_s8_params *p,
                                              tinygen_mve_gather_function *gather,
                                              const int8_t *strip, int8_t *patches)
{
    if (p->columns.dilation == 1) {
        gather(strip, patches, p->columns.output);
    } else {
        tinygen_mve_gather_shape shape;
        shape.rows = p->rows.size;
        shape.pitch = p->rows.dilation * p->strip_bytes;
        shape.parts = p->columns.size;
        shape.part_distance = p->columns.dilation * p->input_channels;
        shape.part_bytes = p->input_channels;
        shape.step = p->columns.stride * p->input_channels;
        shape.patch_bytes = p->patch_bytes;
        tinygen_mve_gather_c(&shape, strip, patches, p->columns.output);
    }
}

/** Compute output rows whose windows are read where they are: as many at once as do not wrap. */
TINYGEN_INLINE void tinygen_mve_conv2d_in_place(const tinygen_mve_conv2d_s8_params *p,
                                                tinygen_helium_gemm_function *pairs,
                                                tinygen_helium_gemm_function *single,
                                                const int8_t *input, int8_t *output,
                                                int32_t first_row, int32_t end_row)
{
    const int32_t pixel_bytes = p->columns.stride * p->input_channels;
    const int32_t row_bytes = p->columns.input * p->input_channels;
    const int32_t step = p->rows.stride * row_bytes;
    /* Whether rows follow each other as pixels do. */
    const int merged = step == p->columns.output * pixel_bytes;
    for (int32_t y = first_row; y < end_row;) {
        const int32_t slot =
            tinygen_ring_slot(y * p->rows.stride + p->input_ring_phase, p->input_ring_rows);
        const int32_t room = (p->input_ring_rows - slot + p->rows.stride - 1) / p->rows.stride;
        const int32_t rows = end_row - y < room ? end_row - y : room;
        tinygen_mve_conv2d_tiles(
            p, pairs, single, input + slot * row_bytes, output, merged ? 1 : rows,
            merged ? rows * p->columns.output : p->columns.output, pixel_bytes, step);
        output += rows * p->columns.output * p->output_channels;
        y += rows;
    }
}

/**
 * Compute output rows [first_row, end_row) of one image; they have at least p->pixels pixels.
 *
 * @param p       the layer
 * @param pairs   computes two channels at a time
 * @param single  computes the last one of an odd number
 * @param gather  copies windows, if they are patches without dilation along a row
 * @param input   ring of p->input_ring_rows rows; windows higher than 1 that are read in place do
 * not wrap
 * @param output  where first_row goes
 * @param scratch strip and patches, aligned to 4 bytes
 */
TINYGEN_KERNEL void tinygen_mve_conv2d_s8_rows(const tinygen_mve_conv2d_s8_params *p,
                                               tinygen_helium_gemm_function *pairs,
                                               tinygen_helium_gemm_function *single,
                                               tinygen_mve_gather_function *gather,
                                               const int8_t *input, int8_t *output, int8_t *scratch,
                                               int32_t first_row, int32_t end_row)
{
    const int32_t pixel_bytes = p->columns.stride * p->input_channels;
    const int32_t row_values = p->columns.output * p->output_channels;
    if (p->form == TINYGEN_MVE_IN_PLACE) {
        tinygen_mve_conv2d_in_place(p, pairs, single, input, output, first_row, end_row);
        return;
    }
    for (int32_t y = first_row; y < end_row;) {
        int32_t rows = p->band_rows;
        if (rows > end_row - y) {
            /* The last band has the same height, and computes some rows again. */
            y = end_row - rows < first_row ? first_row : end_row - rows;
            rows = end_row - y;
        }
        const int32_t origin = y * p->rows.stride - p->rows.pad;
        int8_t *out = output + (y - first_row) * row_values;
        const int32_t covered =
            (rows - 1) * p->rows.stride + (p->rows.size - 1) * p->rows.dilation + 1;
        tinygen_mve_conv2d_strip(p, input, scratch, origin, covered);
        if (p->form == TINYGEN_MVE_STRIP) {
            tinygen_mve_conv2d_tiles(p, pairs, single, scratch, out, rows, p->columns.output,
                                     pixel_bytes, p->rows.stride * p->strip_bytes);
        } else {
            int8_t *patches = scratch + p->strip_rows * p->strip_bytes;
            for (int32_t i = 0; i < rows; i++) {
                tinygen_mve_conv2d_patches(p, gather, scratch + i * p->rows.stride * p->strip_bytes,
                                           patches + i * p->columns.output * p->patch_bytes);
            }
            tinygen_mve_conv2d_tiles(p, pairs, single, patches, out, 1, rows * p->columns.output,
                                     p->patch_bytes, 0);
        }
        y += rows;
    }
}

/** Compute the whole output: NHWC in, NHWC out. */
TINYGEN_KERNEL void tinygen_mve_conv2d_s8(const tinygen_mve_conv2d_s8_params *p,
                                          tinygen_helium_gemm_function *pairs,
                                          tinygen_helium_gemm_function *single,
                                          tinygen_mve_gather_function *gather, const int8_t *input,
                                          int8_t *output, int8_t *scratch)
{
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->input_channels,
                        output, p->rows.output * p->columns.output * p->output_channels) {
        tinygen_mve_conv2d_s8_rows(p, pairs, single, gather, input, output, scratch, 0,
                                   p->rows.output);
    }
}

#endif
