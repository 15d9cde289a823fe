/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * CONV_2D, int8, any stride, dilation and padding, one group, for cores with 16-bit SIMD.
 *
 * Windows are written to scratch memory as int16 columns, a few pairs at a time, and multiplied
 * with all weights (gemm.h). A window is one segment of consecutive bytes a filter row, or a
 * filter tap if columns are dilated. A column holds the groups of four bytes of all segments, then
 * the bytes that are left of each, in the same order.
 */
#ifndef TINYGEN_KERNELS_DSP_CONV2D_S8_H
#define TINYGEN_KERNELS_DSP_CONV2D_S8_H

#include "../portable/window.h"
#include "gemm.h"

/** The multiplication that a convolution comes down to. */
typedef struct {
    tinygen_gemm_columns_function *fill;
    tinygen_gemm_function *multiply;
    const int32_t *stream;
    tinygen_gemm_shape shape;
    tinygen_gemm_windows windows; /**< those that lie within the image */
    int32_t output_channels;
    int32_t block_pairs; /**< pairs of columns that scratch memory holds */
} tinygen_gemm_layer;

/** A convolution layer. */
typedef struct {
    tinygen_gemm_layer gemm;
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t input_channels;
    int32_t input_ring_rows;  /**< rows of input memory; the image's height if it is whole */
    int32_t input_ring_phase; /**< slot of row 0 in it */
    int32_t segment_taps;     /**< filter taps of a segment */
    int32_t inner_begin; /**< first output column whose windows need no padding at the sides, */
    int32_t inner_end;   /**< and one past the last */
    int32_t fills_rows;  /**< whether segments are filter rows, */
    int32_t fills_edges; /**< and those of edges can be filled like others, then mended; */
    int32_t fills_parts; /**< whether `fill` can do some segments of a window only */
    int32_t fills_words; /**< whether a segment is one word, and a row no less */
    int32_t padding;     /**< the input's zero point */
} tinygen_dsp_conv2d_params;

/** A convolution layer with a 1x1 filter, stride 1, no padding. */
typedef struct {
    tinygen_gemm_layer gemm;
    int32_t pixels;           /**< of all images */
    int32_t width;            /**< pixels of a row */
    int32_t input_ring_rows;  /**< rows of input memory; the image's height if it is whole */
    int32_t input_ring_phase; /**< slot of row 0 in it */
} tinygen_dsp_pointwise_params;

/** Multiply pairs of columns with all channels. */
static inline void tinygen_dsp_multiply(const tinygen_gemm_layer *g, const tinygen_gemm_rest *rest,
                                        const int16_t *columns, int8_t *output, int32_t pairs,
                                        int32_t pitch)
{
    if (g->shape.outputs != 0) {
        g->multiply(columns, g->stream, output, &g->shape, pairs, pitch);
    }
    if (rest != NULL) {
        rest->compute(rest, g->shape.steps, columns, output, pairs, pitch);
    }
}

/** Multiply a block of columns; the last one stands twice if their number is odd. */
TINYGEN_SHARED void tinygen_dsp_multiply_block(const tinygen_gemm_layer *g,
                                               const tinygen_gemm_rest *rest,
                                               const int16_t *columns, int8_t *output,
                                               int32_t count)
{
    int32_t pairs = count / 2;
    int32_t pitch = g->output_channels;
    if (pairs != 0) {
        tinygen_dsp_multiply(g, rest, columns, output, pairs, pitch);
    }
    if (count % 2 != 0) {
        tinygen_dsp_multiply(g, rest, columns + g->windows.pair * pairs, output + 2 * pairs * pitch,
                             1, 0);
    }
}

/** Where column i of a block starts. */
static inline int16_t *tinygen_dsp_column(const tinygen_gemm_layer *g, int16_t *columns, int32_t i)
{
    return columns + g->windows.pair * (i / 2) + 2 * (i % 2);
}

/** Compute consecutive pixels of a 1x1 convolution with stride 1. */
TINYGEN_SHARED void tinygen_dsp_pointwise_pixels(const tinygen_gemm_layer *g,
                                                 const tinygen_gemm_rest *rest, const int8_t *input,
                                                 int8_t *output, int16_t *columns, int32_t pixels)
{
    const int32_t most = 2 * g->block_pairs;
    while (pixels > 0) {
        const int32_t count = pixels < most ? pixels : most;
        if (count > 1) {
            g->fill(&g->windows, input, columns, count / 2);
        }
        input += count * g->windows.step;
        if (count % 2 != 0) {
            const int8_t *last = input - g->windows.step;
            tinygen_gemm_column(&g->windows, last, tinygen_dsp_column(g, columns, count - 1));
            tinygen_gemm_column(&g->windows, last, tinygen_dsp_column(g, columns, count));
        }
        tinygen_dsp_multiply_block(g, rest, columns, output, count);
        output += count * g->output_channels;
        pixels -= count;
    }
}

/**
 * Compute output rows [first_row, end_row) of one image with a 1x1 filter, stride 1, no padding.
 *
 * @param p       the layer
 * @param rest    its channels outside the stream, or NULL
 * @param input   ring of p->input_ring_rows rows
 * @param output  where first_row goes
 * @param columns scratch memory: p->gemm.block_pairs pairs of columns, aligned to 4 bytes
 */
static inline void tinygen_dsp_pointwise_rows(const tinygen_dsp_pointwise_params *p,
                                              const tinygen_gemm_rest *rest, const int8_t *input,
                                              int8_t *output, int16_t *columns, int32_t first_row,
                                              int32_t end_row)
{
    const tinygen_gemm_layer *g = &p->gemm;
    while (first_row < end_row) {
        const int32_t slot = tinygen_ring_slot(first_row + p->input_ring_phase, p->input_ring_rows);
        const int32_t room = p->input_ring_rows - slot;
        const int32_t rows = end_row - first_row < room ? end_row - first_row : room;
        tinygen_dsp_pointwise_pixels(g, rest, input + slot * p->width * g->windows.step, output,
                                     columns, rows * p->width);
        output += rows * p->width * g->output_channels;
        first_row += rows;
    }
}

/** Compute the whole output of a 1x1 convolution: NHWC in, NHWC out. */
static inline void tinygen_dsp_pointwise(const tinygen_dsp_pointwise_params *p,
                                         const tinygen_gemm_rest *rest, const int8_t *input,
                                         int8_t *output, int16_t *columns)
{
    tinygen_dsp_pointwise_pixels(&p->gemm, rest, input, output, columns, p->pixels);
}

/** Bytes of a segment. */
static inline int32_t tinygen_dsp_segment_bytes(const tinygen_dsp_conv2d_params *p)
{
    return 4 * p->gemm.windows.groups + p->gemm.windows.left;
}

/**
 * The bytes of a segment whose first tap is at column in_x of a row (NULL: a row of padding).
 *
 * @param edge two segments of scratch memory, the first filled with padding; a segment that is
 *             partly padding is put together in the second
 */
static inline const int8_t *tinygen_dsp_segment(const tinygen_dsp_conv2d_params *p,
                                                const int8_t *row, int32_t in_x, int8_t *edge)
{
    const int32_t taps = p->segment_taps;
    const int32_t depth = p->input_channels;
    const int32_t room = p->columns.input - in_x;
    if (row != NULL && in_x >= 0 && room >= taps) {
        return row + in_x * depth;
    }
    const int32_t first = in_x < 0 ? -in_x : 0;
    const int32_t end = room < taps ? room : taps;
    if (row == NULL || first >= end) {
        return edge;
    }
    int8_t *mixed = edge + tinygen_dsp_segment_bytes(p);
    int8_t *to = mixed;
    const int8_t *from = row + (in_x + first) * depth;
    for (int32_t i = first * depth; i > 0; i--) {
        *to++ = (int8_t)p->padding;
    }
    for (int32_t i = (end - first) * depth; i > 0; i--) {
        *to++ = *from++;
    }
    for (int32_t i = (taps - end) * depth; i > 0; i--) {
        *to++ = (int8_t)p->padding;
    }
    return mixed;
}

/** Write padding to groups of four; gives where the next ones go. */
static inline int16_t *tinygen_dsp_pad(const tinygen_dsp_conv2d_params *p, int16_t *column,
                                       int32_t groups)
{
    const uint32_t word = tinygen_halves(p->padding, p->padding);
    for (int32_t i = 0; i < groups; i++) {
        tinygen_gemm_store(column, word);
        tinygen_gemm_store(column + 4, word);
        column += 8;
    }
    return column;
}

/** Write a segment of taps of whole groups: see tinygen_dsp_segment(). */
static inline int16_t *tinygen_dsp_whole_taps(const tinygen_dsp_conv2d_params *p, int16_t *column,
                                              const int8_t *row, int32_t in_x)
{
    const int32_t taps = p->segment_taps;
    const int32_t room = p->columns.input - in_x;
    const int32_t tap = p->input_channels / 4;
    int32_t first = in_x < 0 ? -in_x : 0;
    int32_t end = room < taps ? room : taps;
    if (row == NULL || first >= end) {
        return tinygen_dsp_pad(p, column, taps * tap);
    }
    column = tinygen_dsp_pad(p, column, first * tap);
    column =
        tinygen_gemm_widen(column, row + (in_x + first) * p->input_channels, (end - first) * tap);
    return tinygen_dsp_pad(p, column, (taps - end) * tap);
}

/** Write the window of output pixel (y, x) as a column; it may lie outside the image in part. */
TINYGEN_SHARED void tinygen_dsp_edge_window(const tinygen_dsp_conv2d_params *p, const int8_t *input,
                                            int8_t *edge, int16_t *column, int32_t y, int32_t x)
{
    const int32_t groups = p->gemm.windows.groups;
    const int32_t first_x = x * p->columns.stride - p->columns.pad;
    const int32_t end_x = first_x + p->columns.size * p->columns.dilation;
    int32_t in_y = y * p->rows.stride - p->rows.pad;
    int16_t *rest = column + 8 * groups * p->gemm.windows.segments;
    int32_t k = 0;
    for (int32_t ky = 0; ky < p->rows.size; ky++) {
        const int8_t *row = NULL;
        if (in_y >= 0 && in_y < p->rows.input) {
            row = input + tinygen_ring_slot(in_y + p->input_ring_phase, p->input_ring_rows) *
                              p->columns.input * p->input_channels;
        }
        for (int32_t in_x = first_x; in_x < end_x; in_x += p->segment_taps * p->columns.dilation) {
            if (p->input_channels % 4 == 0) {
                column = tinygen_dsp_whole_taps(p, column, row, in_x);
                continue;
            }
            const int8_t *from = tinygen_dsp_segment(p, row, in_x, edge);
            column = tinygen_gemm_widen(column, from, groups);
            for (int32_t i = 0; i < p->gemm.windows.left; i++) {
                tinygen_gemm_widen1(rest, k, from[4 * groups + i]);
                k++;
            }
        }
        in_y += p->rows.dilation;
    }
}

/** Where a band of output pixels has got to, and how the windows of the row can be filled. */
typedef struct {
    int32_t y;
    int32_t x;
    int32_t begin;                /**< first column that `fill` can do, */
    int32_t end;                  /**< and one past the last */
    const int8_t *row;            /**< first byte of the first segment, were its column 0 */
    const int8_t *wrapped_row;    /**< the same of the first segment behind the ring's end */
    int32_t partial;              /**< whether `windows` lacks some segments */
    int32_t skipped;              /**< groups before the first segment, which are padding */
    int32_t wrapped;              /**< segments behind the ring's end */
    tinygen_gemm_windows windows; /**< with the segments before it */
} tinygen_dsp_position;

/** Go to the start of row at->y. */
TINYGEN_SHARED void tinygen_dsp_start_row(const tinygen_dsp_conv2d_params *p, const int8_t *input,
                                          tinygen_dsp_position *at)
{
    const int32_t origin = at->y * p->rows.stride - p->rows.pad;
    const int32_t first = tinygen_first_tap(&p->rows, origin);
    const int32_t last = tinygen_end_tap(&p->rows, origin);
    const int32_t end = last > first ? last : first;
    const int32_t pitch = p->columns.input * p->input_channels;
    const int32_t step = p->rows.dilation;
    const int32_t slot =
        tinygen_ring_slot(origin + first * step + p->input_ring_phase, p->input_ring_rows);
    const int32_t room = (p->input_ring_rows - slot + step - 1) / step;
    const int32_t run = end - first < room ? end - first : room;
    at->x = 0;
    at->begin = p->inner_begin;
    at->end = p->inner_end;
    at->partial = run != p->rows.size;
    at->skipped = first * p->gemm.windows.groups;
    at->wrapped = end - first - run;
    at->windows = p->gemm.windows;
    at->windows.segments = run;
    if (run > 0) {
        at->row = input + slot * pitch;
        at->wrapped_row = at->row + (run * step - p->input_ring_rows) * pitch;
    }
    if (p->fills_rows == 0 || run == 0 || (p->fills_parts == 0 && at->partial != 0)) {
        at->end = 0;
        return;
    }
    if (p->fills_edges != 0 && slot > 0 && at->wrapped == 0 &&
        slot + (run - 1) * step + 1 < p->input_ring_rows) {
        /* What is read beside the row lies in its neighbours. */
        at->begin = 0;
        at->end = p->columns.output;
    }
}

/** Segments of one word each: from the rows' word at `offset`, shifted to both sides and filled. */
typedef struct {
    int32_t offset;
    int32_t left;
    int32_t right;
    uint32_t padding;
} tinygen_dsp_words;

/** Write segments of one word; gives where the next ones go. */
static inline int16_t *tinygen_dsp_fill_words(const tinygen_dsp_words *w, int32_t pitch,
                                              const int8_t *row, int16_t *column, int32_t segments)
{
    const int8_t *from = row + w->offset;
    for (int32_t i = 0; i < segments; i++) {
        tinygen_gemm_widen4(column, (tinygen_load4(from) << w->left) >> w->right | w->padding);
        from += pitch;
        column += 8;
    }
    return column;
}

/** The same as tinygen_dsp_edge_window() where segments are words. */
TINYGEN_SHARED void tinygen_dsp_word_window(const tinygen_dsp_conv2d_params *p,
                                            const tinygen_dsp_position *at, int16_t *column)
{
    const int32_t segments = p->gemm.windows.segments;
    const int32_t from = (at->x * p->columns.stride - p->columns.pad) * p->input_channels;
    const int32_t last = p->columns.input * p->input_channels - 4;
    const uint32_t padding = tinygen_bytes(p->padding);
    tinygen_dsp_words w = {from, 0, 0, 0u};
    if (at->windows.segments == 0 || from <= -4 || from >= last + 4) {
        (void)tinygen_dsp_pad(p, column, segments);
        return;
    }
    if (from < 0) {
        w.offset = 0;
        w.left = -8 * from;
        w.padding = padding >> (32 - w.left);
    } else if (from > last) {
        w.offset = last;
        w.right = 8 * (from - last);
        w.padding = padding << (32 - w.right);
    }
    column = tinygen_dsp_pad(p, column, at->skipped);
    column = tinygen_dsp_fill_words(&w, at->windows.pitch, at->row, column, at->windows.segments);
    column = tinygen_dsp_fill_words(&w, at->windows.pitch, at->wrapped_row, column, at->wrapped);
    (void)tinygen_dsp_pad(p, column, segments - at->skipped - at->windows.segments - at->wrapped);
}

/** Write padding to the bytes from `first` to `end` of all segments of a column. */
static inline void tinygen_dsp_pad_segments(const tinygen_dsp_conv2d_params *p, int16_t *column,
                                            int32_t first, int32_t end)
{
    const int32_t segments = p->gemm.windows.segments;
    const int32_t bytes = 4 * p->gemm.windows.groups;
    int16_t *rest = column + 2 * bytes * segments;
    int32_t left = -bytes;
    for (int32_t s = 0; s < segments; s++) {
        if (p->input_channels % 4 == 0) {
            (void)tinygen_dsp_pad(p, column + 2 * first, (end - first) / 4);
        } else {
            for (int32_t i = first; i < end; i++) {
                if (i < bytes) {
                    tinygen_gemm_widen1(column, i, p->padding);
                } else {
                    tinygen_gemm_widen1(rest, left + i, p->padding);
                }
            }
        }
        column += 2 * bytes;
        left += p->gemm.windows.left;
    }
}

/** Write padding where windows of output column x reach beyond the sides of the image. */
TINYGEN_SHARED void tinygen_dsp_mend(const tinygen_dsp_conv2d_params *p, int16_t *column, int32_t x)
{
    const int32_t origin = x * p->columns.stride - p->columns.pad;
    const int32_t depth = p->input_channels;
    const int32_t taps = p->columns.size;
    const int32_t first = tinygen_first_tap(&p->columns, origin);
    const int32_t end = tinygen_end_tap(&p->columns, origin);
    tinygen_dsp_pad_segments(p, column, 0, (first < taps ? first : taps) * depth);
    tinygen_dsp_pad_segments(p, column, end * depth, taps * depth);
}

/** Fill the segments that are padding or stand behind the ring's end, `from` its start. */
TINYGEN_SHARED void tinygen_dsp_fill_others(const tinygen_dsp_conv2d_params *p, const int8_t *from,
                                            int16_t *columns, const tinygen_dsp_position *at,
                                            int32_t pairs)
{
    const int32_t groups = p->gemm.windows.groups;
    const int32_t wrapped = at->skipped + at->windows.segments * groups;
    const int32_t end = wrapped + at->wrapped * groups;
    if (at->wrapped != 0) {
        tinygen_gemm_windows windows = at->windows;
        windows.segments = at->wrapped;
        p->gemm.fill(&windows, from, columns + 8 * wrapped, pairs);
    }
    for (int32_t i = 0; i < 2 * pairs; i++) {
        int16_t *column = tinygen_dsp_column(&p->gemm, columns, i);
        (void)tinygen_dsp_pad(p, column, at->skipped);
        (void)tinygen_dsp_pad(p, column + 8 * end, p->gemm.windows.segments * groups - end);
    }
}

/** Fill pairs of columns from the present position on. */
static inline void tinygen_dsp_fill_pairs(const tinygen_dsp_conv2d_params *p, int16_t *columns,
                                          const tinygen_dsp_position *at, int32_t pairs)
{
    const int32_t from = (at->x * p->columns.stride - p->columns.pad) * p->input_channels;
    p->gemm.fill(&at->windows, at->row + from, columns + 8 * at->skipped, pairs);
    if (at->partial != 0) {
        tinygen_dsp_fill_others(p, at->wrapped_row + from, columns, at, pairs);
    }
    for (int32_t x = at->x; x < p->inner_begin && x < at->x + 2 * pairs; x++) {
        tinygen_dsp_mend(p, tinygen_dsp_column(&p->gemm, columns, x - at->x), x);
    }
    for (int32_t x = at->x + 2 * pairs - 1; x >= p->inner_end && x >= at->x; x--) {
        tinygen_dsp_mend(p, tinygen_dsp_column(&p->gemm, columns, x - at->x), x);
    }
}

/** Write the window at the present position as a column; it may lie outside the image in part. */
static inline void tinygen_dsp_fill_one(const tinygen_dsp_conv2d_params *p, const int8_t *input,
                                        int8_t *edge, int16_t *column,
                                        const tinygen_dsp_position *at)
{
    if (p->fills_words != 0) {
        tinygen_dsp_word_window(p, at, column);
    } else {
        tinygen_dsp_edge_window(p, input, edge, column, at->y, at->x);
    }
}

/** Write the windows of the next pixels as columns; twice the last one if their number is odd. */
static inline void tinygen_dsp_fill_block(const tinygen_dsp_conv2d_params *p, const int8_t *input,
                                          int8_t *edge, int16_t *columns, int32_t count,
                                          tinygen_dsp_position *at)
{
    int32_t i = 0;
    while (i < count) {
        int32_t pixels = 0;
        if (i % 2 == 0 && at->x >= at->begin) {
            const int32_t room = at->end - at->x;
            pixels = (count - i < room ? count - i : room) / 2 * 2;
        }
        if (pixels > 0) {
            tinygen_dsp_fill_pairs(p, tinygen_dsp_column(&p->gemm, columns, i), at, pixels / 2);
        } else {
            tinygen_dsp_fill_one(p, input, edge, tinygen_dsp_column(&p->gemm, columns, i), at);
            if (i + 1 == count && i % 2 == 0) {
                tinygen_dsp_fill_one(p, input, edge, tinygen_dsp_column(&p->gemm, columns, count),
                                     at);
            }
            pixels = 1;
        }
        i += pixels;
        at->x += pixels;
        if (at->x == p->columns.output) {
            at->y++;
            tinygen_dsp_start_row(p, input, at);
        }
    }
}

/**
 * Compute output rows [first_row, end_row) of one image.
 *
 * @param p       the layer
 * @param rest    its channels outside the stream, or NULL
 * @param input   ring of p->input_ring_rows rows of columns.input * input_channels values
 * @param output  where first_row goes; rows of columns.output * output_channels values
 * @param columns scratch memory: p->gemm.block_pairs pairs of columns, then two segments if a tap
 * is no whole groups of four; aligned to 4
 */
TINYGEN_SHARED void tinygen_dsp_conv2d_rows(const tinygen_dsp_conv2d_params *p,
                                            const tinygen_gemm_rest *rest, const int8_t *input,
                                            int8_t *output, int16_t *columns, int32_t first_row,
                                            int32_t end_row)
{
    int8_t *edge = (int8_t *)(columns + p->gemm.windows.pair * p->gemm.block_pairs);
    const int32_t most = 2 * p->gemm.block_pairs;
    tinygen_dsp_position at;
    int32_t pixels = (end_row - first_row) * p->columns.output;
    at.y = first_row;
    tinygen_dsp_start_row(p, input, &at);
    if (p->input_channels % 4 != 0) {
        memset(edge, p->padding, (size_t)tinygen_dsp_segment_bytes(p));
    }
    while (pixels > 0) {
        const int32_t count = pixels < most ? pixels : most;
        tinygen_dsp_fill_block(p, input, edge, columns, count, &at);
        tinygen_dsp_multiply_block(&p->gemm, rest, columns, output, count);
        output += count * p->gemm.output_channels;
        pixels -= count;
    }
}

/** Compute the whole output: NHWC in, NHWC out. */
static inline void tinygen_dsp_conv2d(const tinygen_dsp_conv2d_params *p,
                                      const tinygen_gemm_rest *rest, const int8_t *input,
                                      int8_t *output, int16_t *columns)
{
    TINYGEN_EACH_IMAGE (p->batches, input, p->rows.input * p->columns.input * p->input_channels,
                        output, p->rows.output * p->columns.output * p->gemm.output_channels) {
        tinygen_dsp_conv2d_rows(p, rest, input, output, columns, 0, p->rows.output);
    }
}

#endif
