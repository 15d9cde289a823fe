/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * DEPTHWISE_CONV_2D with Helium: four rows interleaved in a strip, a patch of them in one gather.
 *
 * A strip holds the word of column x and channel c of a group at (x * group + c) * 4: the channel's
 * four rows there. A band of output rows has one strip for each row of blocks and group of four
 * filter rows.
 */
#ifndef TINYGEN_KERNELS_MVE_DEPTHWISE_S8_H
#define TINYGEN_KERNELS_MVE_DEPTHWISE_S8_H

#include "../portable/requantize.h"
#include "../portable/window.h"
#include "memory.h"

/** What is the same in all calls of one function; depthwise_s8.inc describes the parameters. */
typedef struct {
    int32_t pair;
    int32_t pixels;
    int32_t blocks; /**< of a row, but the one behind */
    int32_t last;
    int32_t row_output;
    int32_t row_strip;
    int32_t column_bytes;
    int32_t step;
    int32_t output_bytes;
    int32_t row_groups;
    int32_t row_group_bytes;
    int32_t columns;
    int32_t column_group_bytes;
    int32_t multiplier;
    int32_t form; /**< 0 fitted, 1 exact */
    int32_t shift;
    int32_t addend; /**< of a form that is not used here */
    int32_t zero_point;
    int32_t clamp_min;
    int32_t clamp_max;
} tinygen_mve_depthwise_shape;

/** What a call computes; the assembly knows the order of the fields. */
typedef struct {
    int32_t gather[4];  /**< bytes to the words of a patch */
    int32_t scatter[4]; /**< bytes to the outputs of a block */
    int32_t channels;   /**< output channels */
    int32_t rows;       /**< of blocks */
} tinygen_mve_depthwise_run;

/** Computes some channels of a band from its strips. */
typedef void (*tinygen_mve_depthwise)(const int8_t *strip, const int32_t *constants,
                                      int8_t *output, const tinygen_mve_depthwise_run *run);

/** Rows to interleave; the assembly knows the order of the fields. */
typedef struct {
    const int8_t *rows[4];
    int8_t *to;
    int32_t whole;   /**< vectors of each row, which write 64 bytes each */
    int32_t partial; /**< vectors after those of which only `lanes` bytes are read */
    int32_t lanes;
    int32_t strips;   /**< how often all this is done */
    int32_t row_skip; /**< bytes from the end of what was read of a row to the next strip's */
    int32_t to_skip;  /**< bytes from the end of what was written to the next strip */
} tinygen_mve_pack_run;

/** Interleaves rows, from an offset on; depthwise_pack.inc describes it. */
typedef void (*tinygen_mve_pack)(const tinygen_mve_pack_run *run, int32_t offset);

/** Most strips of a band. */
#define TINYGEN_MVE_DEPTHWISE_STRIPS 8

/** A depthwise convolution layer. */
typedef struct {
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t input_channels;
    int32_t depth_multiplier;
    int32_t input_ring_rows; /**< rows of input memory; the image's height if it is whole */
    int32_t input_zero_point;
    int32_t group;         /**< input channels in a strip */
    int32_t pair;          /**< blocks of two rows by two columns */
    int32_t band_rows;     /**< output rows of a band, even if they are paired */
    int32_t row_groups;    /**< of four filter rows */
    int32_t strip_columns; /**< with padding */
    int32_t pixels;        /**< outputs of a block in a row */
    int32_t scratch_bytes;
    int32_t channel_words; /**< constants of an output channel */
    const int32_t *constants; /**< of each output channel: weights, bias, last constant, multiplier */
} tinygen_mve_depthwise_conv2d_s8_params;

/** The sum of a filter's products with the patches that begin at a place. */
static inline int32_t tinygen_mve_depthwise_sum(const tinygen_mve_depthwise_shape *shape,
                                                const int32_t *gather, const int8_t *strip,
                                                const int8_t *weights)
{
    int32_t sum = 0;
    for (int32_t group = 0; group < shape->row_groups; group++) {
        for (int32_t column = 0; column < shape->columns; column++) {
            const int8_t *word = strip + group * shape->row_group_bytes +
                                 column / 4 * shape->column_group_bytes + gather[column % 4];
            for (int32_t row = 0; row < 4; row++) {
                sum = tinygen_wrapping_add(sum, word[row] * *weights);
                weights++;
            }
        }
    }
    return sum;
}

/** From the sum of products to the output; constants are bias, last constant, multiplier. */
static inline int8_t tinygen_mve_depthwise_output(const tinygen_mve_depthwise_shape *shape,
                                                  int32_t sum, const int32_t *constants)
{
    const int32_t biased = tinygen_wrapping_add(sum, constants[0]);
    int32_t value;
    if (shape->form == 1) {
        value = tinygen_wrapping_add(tinygen_scale(biased, constants[2], constants[1]),
                                     shape->zero_point);
    } else {
        const int64_t half = (int64_t)1 << (shape->shift > 8 ? shape->shift - 9 : shape->shift - 1);
        const int64_t scaled =
            ((2 * (int64_t)biased * constants[2]) >> 32) + constants[1] + half;
        value = tinygen_clamp((int32_t)(scaled >> shape->shift), -128, 127);
    }
    return (int8_t)tinygen_clamp(value, shape->clamp_min, shape->clamp_max);
}

/** One block; the weights are those of a channel, its other constants follow. */
static inline void tinygen_mve_depthwise_block(const tinygen_mve_depthwise_shape *shape,
                                               const int8_t *strip, const int32_t *constants,
                                               int8_t *output, const tinygen_mve_depthwise_run *run)
{
    const int32_t words = shape->row_groups * shape->columns;
    const int32_t outputs = shape->pair ? 4 : shape->pixels;
    for (int32_t i = 0; i < outputs; i++) {
        int8_t weights[4 * 128];
        const int8_t *patch =
            shape->pair ? strip : strip + i * shape->step * shape->column_bytes;
        int32_t sum;
        memcpy(weights, constants, (size_t)(4 * words));
        if (shape->pair) {
            /* Outputs of the second row read their rows one later, those of the second column. */
            patch += i % 2 * shape->column_bytes;
            sum = 0;
            for (int32_t column = 0; column < 3; column++) {
                for (int32_t row = 0; row < 3; row++) {
                    const int32_t value = patch[column * shape->column_bytes + row + i / 2];
                    sum = tinygen_wrapping_add(sum, value * weights[4 * column + row]);
                }
            }
        } else {
            sum = tinygen_mve_depthwise_sum(shape, run->gather, patch, weights);
        }
        output[run->scatter[i]] = tinygen_mve_depthwise_output(shape, sum, constants + words);
    }
}

/** What the assembly function of that shape computes. */
static inline void tinygen_mve_depthwise_c(const tinygen_mve_depthwise_shape *shape,
                                           const int8_t *strip, const int32_t *constants,
                                           int8_t *output, const tinygen_mve_depthwise_run *run)
{
    const int32_t columns = shape->pixels * shape->step;
    for (int32_t channel = 0; channel < run->channels; channel++) {
        const int8_t *patch = strip + channel / shape->multiplier * 4;
        int8_t *out = output + channel;
        for (int32_t row = 0; row < run->rows; row++) {
            for (int32_t block = 0; block < shape->blocks; block++) {
                tinygen_mve_depthwise_block(shape, patch, constants, out, run);
                if (block + 1 < shape->blocks) {
                    patch += columns * shape->column_bytes;
                    out += shape->pixels * shape->output_bytes;
                }
            }
            if (shape->last > 0) {
                patch += shape->last * shape->step * shape->column_bytes;
                out += shape->last * shape->output_bytes;
                tinygen_mve_depthwise_block(shape, patch, constants, out, run);
            }
            if (!shape->pair) {
                patch += (shape->pixels - 1) * shape->step * shape->column_bytes;
            }
            patch += shape->row_strip;
            out += shape->row_output;
        }
        constants += shape->row_groups * shape->columns + 3;
    }
}

/** What the assembly function with that step computes. */
static inline void tinygen_mve_pack_rows(int32_t step, const tinygen_mve_pack_run *run,
                                         int32_t offset)
{
    const int32_t vectors = run->whole + run->partial;
    int8_t *to = run->to;
    for (int32_t strip = 0; strip < run->strips; strip++) {
        const int32_t start = offset + strip * (vectors * step + run->row_skip);
        for (int32_t i = 0; i < vectors; i++) {
            for (int32_t lane = 0; lane < 16; lane++) {
                const int read = i < run->whole || lane < run->lanes;
                for (int32_t row = 0; row < 4; row++) {
                    *to++ = read ? run->rows[row][start + i * step + lane] : 0;
                }
            }
        }
        to += run->to_skip;
    }
}

/** Set every fourth byte: a row of a strip that is padding. */
static inline void tinygen_mve_fill_row(int8_t *to, int32_t value, int32_t words)
{
#if TINYGEN_MVE_INLINE_ASSEMBLY
    int32_t first = 0;
    __asm volatile("vidup.u8 q1, %[first], #4\n\t"
                   "vdup.8 q0, %[value]\n\t"
                   "wlstp.8 lr, %[words], 2f\n"
                   "1: vstrb.8 q0, [%[to], q1]\n\t"
                   "add %[to], %[to], #64\n\t"
                   "letp lr, 1b\n"
                   "2:"
                   : [to] "+r"(to), [first] "+Te"(first)
                   : [words] "r"(words), [value] "r"(value)
                   : "q0", "q1", "lr", "memory");
#else
    for (int32_t i = 0; i < words; i++) {
        to[4 * i] = (int8_t)value;
    }
#endif
}

/** Whether a vector holds several columns, because a pixel has fewer than 16 channels. */
static inline int
tinygen_mve_depthwise_contiguous(const tinygen_mve_depthwise_conv2d_s8_params *p)
{
    return p->group == p->input_channels && p->group < 16;
}

/** Strips that are filled at once, the same way for every group of channels. */
typedef struct {
    tinygen_mve_pack_run run;
    int32_t padding; /**< bit i: row i of the one strip is padding */
} tinygen_mve_depthwise_filling;

/**
 * How many of the next strips, at most count, can be filled at once: those whose rows are all inside
 * the image and follow each other in the ring.
 */
static inline int32_t
tinygen_mve_depthwise_inside(const tinygen_mve_depthwise_conv2d_s8_params *p, int32_t first,
                             int32_t needed, int32_t count)
{
    const int32_t step = (p->pair ? 2 : 1) * p->rows.stride;
    const int32_t reach = (needed - 1) * p->rows.dilation;
    const int32_t room = p->rows.input - 1 - reach - first;
    if (first < 0 || room < step || tinygen_mve_depthwise_contiguous(p) || p->row_groups > 1) {
        return 1;
    }
    const int32_t inside = room / step + 1 < count ? room / step + 1 : count;
    const int32_t slot = tinygen_ring_slot(first, p->input_ring_rows);
    return slot + (inside - 1) * step + reach < p->input_ring_rows ? inside : 1;
}

/** Describe strips of which `needed` input rows from first on are read, `dilation` apart. */
static inline void tinygen_mve_depthwise_describe(const tinygen_mve_depthwise_conv2d_s8_params *p,
                                                  const int8_t *input, int8_t *strip,
                                                  int32_t first, int32_t needed, int32_t count,
                                                  tinygen_mve_depthwise_filling *filling)
{
    const int32_t width = p->columns.input;
    const int32_t row_bytes = width * p->input_channels;
    filling->padding = 0;
    for (int32_t i = 0; i < 4; i++) {
        int32_t row = first + (i < needed ? i * p->rows.dilation : 0);
        if (row < 0 || row >= p->rows.input) {
            filling->padding |= i < needed ? 1 << i : 0;
            row = 0;
        }
        filling->run.rows[i] = input + tinygen_ring_slot(row, p->input_ring_rows) * row_bytes;
    }
    filling->run.to = strip + 4 * p->group * p->columns.pad;
    filling->run.strips = count;
    filling->run.row_skip = ((p->pair ? 2 : 1) * p->rows.stride - 1) * row_bytes;
    if (tinygen_mve_depthwise_contiguous(p)) {
        /* Columns follow each other as channels do. */
        filling->run.whole = row_bytes / 16;
        filling->run.partial = row_bytes % 16 != 0 ? 1 : 0;
        filling->run.lanes = row_bytes % 16;
        filling->run.to_skip = 0;
    } else {
        filling->run.whole = width;
        filling->run.partial = 0;
        filling->run.lanes = 0;
        filling->run.to_skip = 4 * p->group * (p->strip_columns - width);
    }
}

/** Describe all strips of a band; gives how many fillings they are. */
static inline int32_t
tinygen_mve_depthwise_describe_band(const tinygen_mve_depthwise_conv2d_s8_params *p,
                                    const int8_t *input, int8_t *strip, int32_t y, int32_t strips,
                                    tinygen_mve_depthwise_filling *fillings)
{
    const int32_t strip_bytes = 4 * p->group * p->strip_columns;
    const int32_t step = (p->pair ? 2 : 1) * p->rows.stride;
    const int32_t origin = y * p->rows.stride - p->rows.pad;
    int32_t described = 0;
    for (int32_t i = 0; i < strips;) {
        int32_t count = 1;
        for (int32_t group = 0; group < p->row_groups; group++) {
            const int32_t first = origin + i * step + 4 * group * p->rows.dilation;
            const int32_t left = p->pair ? 4 : p->rows.size - 4 * group;
            const int32_t needed = left < 4 ? left : 4;
            count = tinygen_mve_depthwise_inside(p, first, needed, strips - i);
            tinygen_mve_depthwise_describe(p, input, strip, first, needed, count,
                                           &fillings[described]);
            described++;
            strip += count * strip_bytes;
        }
        i += count;
    }
    return described;
}

/** Fill strips with the input rows of some channels. */
static inline void tinygen_mve_depthwise_fill(const tinygen_mve_depthwise_conv2d_s8_params *p,
                                              tinygen_mve_pack pack,
                                              tinygen_mve_depthwise_filling *filling,
                                              int32_t channel, int32_t channels)
{
    const int32_t width = p->columns.input;
    if (tinygen_mve_depthwise_contiguous(p)) {
        /* The last vector may write into the padding of this strip and of the next one. */
        const int32_t before = 4 * p->group * p->columns.pad;
        const int32_t row = 4 * p->group * width;
        int8_t *to = filling->run.to;
        tinygen_mve_fill(to - before, p->input_zero_point, before);
        pack(&filling->run, channel);
        tinygen_mve_fill(to + row, p->input_zero_point,
                         4 * p->group * p->strip_columns - before - row);
    } else {
        if (channels < p->group) {
            filling->run.whole = 0;
            filling->run.partial = width;
            filling->run.lanes = channels;
        }
        pack(&filling->run, channel);
    }
    if (filling->padding != 0) {
        for (int32_t i = 0; i < 4; i++) {
            if ((filling->padding >> i & 1) != 0) {
                tinygen_mve_fill_row(filling->run.to + i, p->input_zero_point, width * p->group);
            }
        }
    }
}

/** The places of a patch's words and of a block's outputs. */
static inline tinygen_mve_depthwise_run
tinygen_mve_depthwise_places(const tinygen_mve_depthwise_conv2d_s8_params *p)
{
    const int32_t output_channels = p->input_channels * p->depth_multiplier;
    tinygen_mve_depthwise_run run;
    for (int32_t i = 0; i < 4; i++) {
        run.gather[i] = i * p->columns.dilation * p->group * 4;
        if (p->pair) {
            run.scatter[i] = (i % 2 + i / 2 * p->columns.output) * output_channels;
        } else {
            run.scatter[i] = (i < p->pixels ? i : p->pixels - 1) * output_channels;
        }
    }
    return run;
}

/**
 * Compute output rows [first_row, end_row) of one image, at least two if they are paired.
 *
 * @param p       the layer
 * @param pack    interleaves rows
 * @param compute computes bands
 * @param input   ring of p->input_ring_rows rows of columns.input * input_channels values
 * @param output  where first_row goes
 * @param scratch p->scratch_bytes bytes, aligned to 4
 */
TINYGEN_MVE_SHARED void tinygen_mve_depthwise_conv2d_s8_rows(
    const tinygen_mve_depthwise_conv2d_s8_params *p, tinygen_mve_pack pack,
    tinygen_mve_depthwise compute, const int8_t *input, int8_t *output, int8_t *scratch,
    int32_t first_row, int32_t end_row)
{
    const int32_t output_channels = p->input_channels * p->depth_multiplier;
    const int32_t rows_a_strip = p->pair ? 2 : 1;
    tinygen_mve_depthwise_run run = tinygen_mve_depthwise_places(p);
    tinygen_mve_depthwise_filling filling[TINYGEN_MVE_DEPTHWISE_STRIPS];
    tinygen_mve_fill(scratch, p->input_zero_point, p->scratch_bytes);
    for (int32_t y = first_row; y < end_row;) {
        int32_t rows = p->band_rows;
        if (rows > end_row - y) {
            rows = (end_row - y + rows_a_strip - 1) / rows_a_strip * rows_a_strip;
            y = end_row - rows;
        }
        int8_t *out = output + (y - first_row) * p->columns.output * output_channels;
        run.rows = rows / rows_a_strip;
        const int32_t fillings =
            tinygen_mve_depthwise_describe_band(p, input, scratch, y, run.rows, filling);
        for (int32_t channel = 0; channel < p->input_channels; channel += p->group) {
            const int32_t left = p->input_channels - channel;
            const int32_t channels = left < p->group ? left : p->group;
            for (int32_t i = 0; i < fillings; i++) {
                tinygen_mve_depthwise_fill(p, pack, &filling[i], channel, channels);
            }
            run.channels = channels * p->depth_multiplier;
            compute(scratch, p->constants + channel * p->depth_multiplier * p->channel_words,
                    out + channel * p->depth_multiplier, &run);
        }
        y += rows;
    }
}

/** Compute the whole output: NHWC in, NHWC out. */
TINYGEN_KERNEL void
tinygen_mve_depthwise_conv2d_s8(const tinygen_mve_depthwise_conv2d_s8_params *p,
                                tinygen_mve_pack pack, tinygen_mve_depthwise compute,
                                const int8_t *input, int8_t *output, int8_t *scratch)
{
    const int32_t output_channels = p->input_channels * p->depth_multiplier;
    const int32_t input_values = p->rows.input * p->columns.input * p->input_channels;
    const int32_t output_values = p->rows.output * p->columns.output * output_channels;
    for (int32_t n = 0; n < p->batches; n++) {
        tinygen_mve_depthwise_conv2d_s8_rows(p, pack, compute, input + n * input_values,
                                             output + n * output_values, scratch, 0,
                                             p->rows.output);
    }
}

#endif
