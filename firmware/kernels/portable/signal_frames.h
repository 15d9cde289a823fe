/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * TFLM's signal operators that cut and join streams of samples, and keep some of them.
 */
#ifndef TINYGEN_KERNELS_SIGNAL_FRAMES_H
#define TINYGEN_KERNELS_SIGNAL_FRAMES_H

#include <string.h>

#include "common.h"

/** A framer; kept holds capacity samples a stream, of which the same number is there for each. */
typedef struct {
    int32_t streams;
    int32_t frames;
    int32_t frame_size;
    int32_t frame_step;
    int32_t capacity;
} tinygen_framer_params;

/** Frames of the samples so far; those that are not complete yet are 0, and valid is then 0. */
TINYGEN_KERNEL void tinygen_framer_s16(const tinygen_framer_params *p, const int16_t *input,
                                       int16_t *kept, int32_t *count, int16_t *output,
                                       uint8_t *valid)
{
    const size_t step_bytes = sizeof(int16_t) * (size_t)p->frame_step;
    const size_t size_bytes = sizeof(int16_t) * (size_t)p->frame_size;
    int32_t available = *count;
    *valid = 1;
    for (int32_t frame = 0; frame < p->frames; frame++) {
        const int32_t complete = available + p->frame_step >= p->frame_size;
        for (int32_t s = 0; s < p->streams; s++) {
            const int32_t number = s * p->frames + frame;
            int16_t *samples = kept + s * p->capacity;
            int16_t *target = output + number * p->frame_size;
            memcpy(samples + available, input + number * p->frame_step, step_bytes);
            if (complete != 0) {
                memcpy(target, samples, size_bytes);
                memmove(samples, samples + p->frame_step,
                        sizeof(int16_t) * (size_t)(p->capacity - p->frame_step));
            } else {
                memset(target, 0, size_bytes);
            }
        }
        if (complete == 0) {
            available += p->frame_step;
            *valid = 0;
        }
    }
    *count = available;
}

/** A delay line of each stream. */
typedef struct {
    int32_t streams;
    int32_t frame;
    int32_t delay;
} tinygen_delay_params;

/** The samples of `delay` samples ago. */
TINYGEN_KERNEL void tinygen_delay_s16(const tinygen_delay_params *p, const int16_t *input,
                                      int16_t *kept, int16_t *output)
{
    const int32_t old = p->delay < p->frame ? p->delay : p->frame;
    for (int32_t s = 0; s < p->streams; s++) {
        memcpy(output, kept, sizeof(int16_t) * (size_t)old);
        memcpy(output + old, input, sizeof(int16_t) * (size_t)(p->frame - old));
        memmove(kept, kept + old, sizeof(int16_t) * (size_t)(p->delay - old));
        memcpy(kept + p->delay - old, input + p->frame - old, sizeof(int16_t) * (size_t)old);
        input += p->frame;
        output += p->frame;
        kept += p->delay;
    }
}

/** A stack of the latest frames of some channels; sizes in samples. */
typedef struct {
    int32_t channels;
    int32_t left_context; /**< frames */
    int32_t stacked;
    int32_t step;
} tinygen_stacker_params;

/** The latest frames; 0 while there are too few, and valid is then 0. A count < 0 means none yet.
 */
TINYGEN_KERNEL void tinygen_stacker_s16(const tinygen_stacker_params *p, const int16_t *input,
                                        int16_t *kept, int32_t *count, int16_t *output,
                                        uint8_t *valid)
{
    const int32_t copies = *count < 0 ? p->left_context + 1 : 1;
    int32_t available = *count < 0 ? 0 : *count;
    for (int32_t i = 0; i < copies; i++) {
        memcpy(kept + available, input, sizeof(int16_t) * (size_t)p->channels);
        available += p->channels;
    }
    *valid = available >= p->stacked ? 1 : 0;
    if (*valid != 0) {
        memcpy(output, kept, sizeof(int16_t) * (size_t)p->stacked);
        memmove(kept, kept + p->step, sizeof(int16_t) * (size_t)(p->stacked - p->step));
        available -= p->step;
    } else {
        memset(output, 0, sizeof(int16_t) * (size_t)p->stacked);
    }
    *count = available;
}

/** Frames that overlap; kept holds frame_size sums a stream. */
typedef struct {
    int32_t streams;
    int32_t frames;
    int32_t frame_size;
    int32_t frame_step;
} tinygen_overlap_add_params;

/** A sum of samples, saturated. */
static inline int16_t tinygen_overlap_sum_s16(int16_t a, int16_t b)
{
    return (int16_t)tinygen_clamp(a + b, INT16_MIN, INT16_MAX);
}

/** A sum of samples. */
static inline float tinygen_overlap_sum_f32(float a, float b)
{
    return a + b;
}

/** Define the joining of frames of a type. */
#define TINYGEN_DEFINE_OVERLAP_ADD(suffix, type)                                                   \
    /** Add every frame to the sums, and give out those that nothing is added to any more. */      \
    TINYGEN_KERNEL void tinygen_overlap_add_##suffix(const tinygen_overlap_add_params *p,          \
                                                     const type *input, type *kept, type *output)  \
    {                                                                                              \
        const int32_t rest = p->frame_size - p->frame_step;                                        \
        for (int32_t s = 0; s < p->streams; s++) {                                                 \
            for (int32_t frame = 0; frame < p->frames; frame++) {                                  \
                for (int32_t i = 0; i < p->frame_size; i++) {                                      \
                    kept[i] = tinygen_overlap_sum_##suffix(kept[i], input[i]);                     \
                }                                                                                  \
                memcpy(output, kept, sizeof(type) * (size_t)p->frame_step);                        \
                memmove(kept, kept + p->frame_step, sizeof(type) * (size_t)rest);                  \
                memset(kept + rest, 0, sizeof(type) * (size_t)p->frame_step);                      \
                input += p->frame_size;                                                            \
                output += p->frame_step;                                                           \
            }                                                                                      \
            kept += p->frame_size;                                                                 \
        }                                                                                          \
    }

TINYGEN_DEFINE_OVERLAP_ADD(s16, int16_t)
TINYGEN_DEFINE_OVERLAP_ADD(f32, float)

#endif
