/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fitted requantization for cores without SIMD: one product, proven when the model was generated.
 *
 * Two words a channel, M and C; the output is (C + ((sum * M) >> split)) >> shift, limited to int8.
 * With a split of 32 (cores with SMULL) the shift is the layer's. With a smaller one (Armv6-M) M
 * has its own, in its top five bits, and so few others that the product of sum >> split, and that
 * of the bits below, are words.
 *
 * Where the range of outputs is cut, 255 minus the largest was added to the output.
 */
#ifndef TINYGEN_KERNELS_THUMB_REQUANTIZE_H
#define TINYGEN_KERNELS_THUMB_REQUANTIZE_H

#include "../portable/common.h"

/** What the words of a layer mean; the order is the assembly's. */
typedef struct {
    int32_t cut; /**< 255 - (largest output - smallest output) */
    int32_t low; /**< smallest output */
    int32_t split;
    int32_t shift;
} tinygen_thumb_scaling;

/** An output from its sum. */
static inline int8_t tinygen_thumb_output(const tinygen_thumb_scaling *s, int32_t sum,
                                          const int32_t *words)
{
    int32_t multiplier = words[0];
    int32_t shift = s->shift;
    if (s->split < 32) {
        shift = (int32_t)((uint32_t)words[0] >> 27);
        multiplier = words[0] & 0x7ffffff;
    }
    const int32_t scaled = (int32_t)(((int64_t)sum * multiplier) >> s->split);
    const int32_t value = tinygen_wrapping_add(words[1], scaled) >> shift;
    if (s->cut == 0) {
        return (int8_t)tinygen_clamp(value, -128, 127);
    }
    const int32_t above = tinygen_clamp(value, 0, 255) - s->cut;
    return (int8_t)((above > 0 ? above : 0) + s->low);
}

#endif
