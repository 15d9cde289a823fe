/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Copies constants from slow memory to fast, before they are read many times.
 */
#ifndef TINYGEN_KERNELS_PORTABLE_STAGE_H
#define TINYGEN_KERNELS_PORTABLE_STAGE_H

#include <stdint.h>
#include <string.h>

#include "../config.h"

/** A pointer that the compiler takes for aligned to words, so that it copies them by several. */
#if defined(__GNUC__)
#define TINYGEN_WORDS(pointer) __builtin_assume_aligned(pointer, 4)
#else
#define TINYGEN_WORDS(pointer) (pointer)
#endif

/** Copy constants; both places are aligned to 4 bytes and do not overlap. */
TINYGEN_SHARED void tinygen_stage(uint8_t *to, const void *constants, uint32_t nbytes)
{
    const uint8_t *from = constants;
    const uint8_t *end = from + nbytes / 32u * 32u;
    while (from != end) {
        memcpy(TINYGEN_WORDS(to), TINYGEN_WORDS(from), 32u);
        from += 32;
        to += 32;
    }
    memcpy(to, from, nbytes % 32u);
}

#endif
