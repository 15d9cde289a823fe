/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Strips of interleaved rows for depthwise convolutions.
 *
 * A strip holds the word of column x and channel c of a group at (x * group + c) * 4: the channel's
 * four rows there. A band of output rows has one strip for each row of blocks and group of four
 * filter rows.
 */
#ifndef TINYGEN_KERNELS_MVE_DEPTHWISE_STRIPS_H
#define TINYGEN_KERNELS_MVE_DEPTHWISE_STRIPS_H

#include "../portable/window.h"
#include "memory.h"

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
typedef void tinygen_mve_pack_function(const tinygen_mve_pack_run *run, int32_t offset);

/** Most strips of a band. */
#define TINYGEN_MVE_DEPTHWISE_STRIPS 8

/** A depthwise convolution layer. */
typedef struct {
    tinygen_axis rows;
    tinygen_axis columns;
    int32_t batches;
    int32_t input_channels;
    int32_t depth_multiplier;
    int32_t input_ring_rows;  /**< rows of input memory; the image's height if it is whole */
    int32_t input_ring_phase; /**< slot of row 0 in it */
    int32_t input_zero_point;
    int32_t group;         /**< input channels in a strip */
    int32_t pair;          /**< blocks of two rows by two columns */
    int32_t band_rows;     /**< output rows of a band, even if they are paired */
    int32_t row_groups;    /**< of four filter rows */
    int32_t strip_columns; /**< with padding */
    int32_t pixels;        /**< outputs of a block in a row */
    int32_t channel_words; /**< constants of an output channel */
    const int32_t
        *constants; /**< of each output channel: weights, bias, last constant, multiplier */
} tinygen_mve_depthwise_conv2d_s8_params;

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
static inline int tinygen_mve_depthwise_contiguous(const tinygen_mve_depthwise_conv2d_s8_params *p)
{
    return p->group == p->input_channels && p->group < 16;
}

/** Fill the columns of all strips of a band that are padding, unless filling a strip does that. */
static inline void tinygen_mve_depthwise_pad(const tinygen_mve_depthwise_conv2d_s8_params *p,
                                             int8_t *strip)
{
    const int32_t column_bytes = 4 * p->group;
    const int32_t before = column_bytes * p->columns.pad;
    const int32_t behind = before + column_bytes * p->columns.input;
    const int32_t strip_bytes = column_bytes * p->strip_columns;
    const int32_t strips = p->band_rows / (p->pair ? 2 : 1) * p->row_groups;
    if (tinygen_mve_depthwise_contiguous(p)) {
        return;
    }
    for (int32_t i = 0; i < strips; i++) {
        tinygen_mve_fill(strip, p->input_zero_point, before);
        tinygen_mve_fill(strip + behind, p->input_zero_point, strip_bytes - behind);
        strip += strip_bytes;
    }
}

/** Strips that are filled at once, the same way for every group of channels. */
typedef struct {
    tinygen_mve_pack_run run;
    int32_t padding; /**< bit i: row i of the one strip is padding */
} tinygen_mve_depthwise_filling;

/**
 * How many of the next strips, at most count, can be filled at once: those whose rows are all
 * inside the image and follow each other in the ring.
 */
static inline int32_t tinygen_mve_depthwise_inside(const tinygen_mve_depthwise_conv2d_s8_params *p,
                                                   int32_t first, int32_t needed, int32_t count)
{
    const int32_t step = (p->pair ? 2 : 1) * p->rows.stride;
    const int32_t reach = (needed - 1) * p->rows.dilation;
    const int32_t room = p->rows.input - 1 - reach - first;
    if (first < 0 || room < step || tinygen_mve_depthwise_contiguous(p) || p->row_groups > 1) {
        return 1;
    }
    const int32_t inside = room / step + 1 < count ? room / step + 1 : count;
    const int32_t slot = tinygen_ring_slot(first + p->input_ring_phase, p->input_ring_rows);
    return slot + (inside - 1) * step + reach < p->input_ring_rows ? inside : 1;
}

/** Describe strips of which `needed` input rows from first on are read, `dilation` apart. */
static inline void tinygen_mve_depthwise_describe(const tinygen_mve_depthwise_conv2d_s8_params *p,
                                                  const int8_t *input, int8_t *strip, int32_t first,
                                                  int32_t needed, int32_t count,
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
        filling->run.rows[i] =
            input + tinygen_ring_slot(row + p->input_ring_phase, p->input_ring_rows) * row_bytes;
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
                                              tinygen_mve_pack_function *pack,
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

#endif
