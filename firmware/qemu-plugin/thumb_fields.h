/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief What both halves of the decoder of classes are written with.
 */
#ifndef TINYGEN_THUMB_FIELDS_H
#define TINYGEN_THUMB_FIELDS_H

#include "thumb.h"

static inline thumb_instruction of(thumb_class class)
{
    return (thumb_instruction){class, 0};
}

static inline thumb_instruction many(thumb_class class, unsigned count)
{
    return (thumb_instruction){class, count};
}

/** Bits @p high to @p low of @p value. */
static inline unsigned bits(unsigned value, unsigned high, unsigned low)
{
    return (value >> low) & ((1u << (high - low + 1u)) - 1u);
}

/** Decodes an instruction of the coprocessors: floating point and vectors (MVE). */
thumb_instruction thumb_coprocessor(unsigned first, unsigned second);

#endif
