/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The sliding window of convolutions and pools along one axis.
 */
#ifndef TINYGEN_KERNELS_WINDOW_H
#define TINYGEN_KERNELS_WINDOW_H

#include "common.h"

/**
 * A window along one axis: output position y reads inputs y * stride - pad + k * dilation for
 * k in [0, size); those outside [0, input) are padding.
 */
typedef struct {
    int32_t input;
    int32_t output;
    int32_t size;
    int32_t stride;
    int32_t dilation;
    int32_t pad;
} tinygen_axis;

/** First tap k of the window at an origin (may be negative) that lies inside the input. */
static inline int32_t tinygen_first_tap(const tinygen_axis *axis, int32_t origin)
{
    return origin >= 0 ? 0 : (axis->dilation - 1 - origin) / axis->dilation;
}

/** One past the last tap k of the window at an origin that lies inside the input. */
static inline int32_t tinygen_end_tap(const tinygen_axis *axis, int32_t origin)
{
    const int32_t room = axis->input - origin;
    const int32_t taps = room <= 0 ? 0 : (room + axis->dilation - 1) / axis->dilation;
    return taps < axis->size ? taps : axis->size;
}

/** Whether the whole window at an origin lies inside the input. */
static inline int32_t tinygen_window_inside(const tinygen_axis *axis, int32_t origin)
{
    return origin >= 0 && origin + (axis->size - 1) * axis->dilation < axis->input;
}

#endif
