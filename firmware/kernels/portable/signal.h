/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The operators of TFLM's audio front end, in fixed point.
 */
#ifndef TINYGEN_KERNELS_SIGNAL_H
#define TINYGEN_KERNELS_SIGNAL_H

#include "common.h"

/** Number of bits that a value needs. */
static inline int32_t tinygen_bit_length(uint64_t value)
{
    int32_t bits = 0;
    for (; value != 0u; value >>= 1) {
        bits++;
    }
    return bits;
}

/** Multiply by a window that repeats every `length` samples, saturated. */
TINYGEN_KERNEL void tinygen_window_s16(int32_t count, int32_t length, int32_t shift,
                                       const int16_t *input, const int16_t *weights,
                                       int16_t *output)
{
    for (int32_t i = 0; i < count; i++) {
        output[i] =
            (int16_t)tinygen_clamp((input[i] * weights[i % length]) >> shift, INT16_MIN, INT16_MAX);
    }
}

/** Shift left until the largest magnitude fills 15 bits; by how much. */
TINYGEN_KERNEL void tinygen_fft_auto_scale(int32_t count, const int16_t *input, int16_t *output,
                                           int32_t *scale_bits)
{
    int16_t largest = 0; /* wraps to -32768, as TFLM's does */
    for (int32_t i = 0; i < count; i++) {
        if (input[i] > largest) {
            largest = input[i];
        } else if (-input[i] > largest) {
            largest = (int16_t)-input[i];
        }
    }
    const int32_t bits = largest > 0 ? 15 - tinygen_bit_length((uint64_t)largest) : 0;
    for (int32_t i = 0; i < count; i++) {
        output[i] = (int16_t)(input[i] * (1 << bits));
    }
    *scale_bits = bits;
}

/** Squared magnitudes of the complex numbers [first, end) of count; the others become 0. */
TINYGEN_KERNEL void tinygen_energy(int32_t count, int32_t first, int32_t end, const int16_t *input,
                                   uint32_t *output)
{
    for (int32_t i = 0; i < count; i++) {
        if (i < first || i >= end) {
            output[i] = 0;
            continue;
        }
        output[i] = (uint32_t)(input[2 * i] * input[2 * i]) +
                    (uint32_t)(input[2 * i + 1] * input[2 * i + 1]);
    }
}

/** Where a filter bank's channels are in the spectrum and in the weights. */
typedef struct {
    int32_t channels;
    const int16_t *weights;
    const int16_t *unweights;
    const int16_t *frequency_starts;
    const int16_t *weight_starts;
    const int16_t *widths;
} tinygen_filter_bank_params;

/** Overlapping triangular filters: what a channel leaves goes to the next; the first is dropped. */
TINYGEN_KERNEL void tinygen_filter_bank(const tinygen_filter_bank_params *p, const uint32_t *input,
                                        uint64_t *output)
{
    uint64_t carried = 0;
    for (int32_t i = 0; i < p->channels + 1; i++) {
        uint64_t sum = carried;
        carried = 0;
        for (int32_t j = 0; j < p->widths[i]; j++) {
            const uint64_t energy = input[p->frequency_starts[i] + j];
            sum += (uint64_t)(int64_t)p->weights[p->weight_starts[i] + j] * energy;
            carried += (uint64_t)(int64_t)p->unweights[p->weight_starts[i] + j] * energy;
        }
        if (i > 0) {
            output[i - 1] = sum;
        }
    }
}

/** Square root, rounded to nearest, at most 2^32 - 1. */
static inline uint32_t tinygen_integer_sqrt(uint64_t value)
{
    if (value == 0u) {
        return 0;
    }
    uint64_t rest = value;
    uint64_t root = 0;
    const uint64_t limit = (value >> 32) == 0u ? 0xFFFFu : 0xFFFFFFFFu;
    for (uint64_t bit = (uint64_t)1 << ((tinygen_bit_length(value) - 1) & ~1); bit != 0u;
         bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint32_t)(rest > root && root != limit ? root + 1u : root);
}

/** Square roots, less the scale of the transform's input. */
TINYGEN_KERNEL void tinygen_filter_bank_square_root(int32_t channels, const uint64_t *input,
                                                    const int32_t *scale_bits, uint32_t *output)
{
    for (int32_t i = 0; i < channels; i++) {
        output[i] = tinygen_integer_sqrt(input[i]) >> *scale_bits;
    }
}

/** Noise is followed by exponential smoothing, other factors for odd channels. */
typedef struct {
    int32_t channels;
    uint32_t smoothing[2];
    uint32_t one_minus_smoothing[2];
    uint32_t min_signal_remaining;
    int32_t smoothing_bits;
    int32_t spectral_subtraction_bits;
    int32_t clamping;
} tinygen_spectral_subtraction_params;

/** Subtract the noise estimate, which is kept, and give it out. */
TINYGEN_KERNEL void tinygen_spectral_subtraction(const tinygen_spectral_subtraction_params *p,
                                                 const uint32_t *input, uint32_t *kept,
                                                 uint32_t *output, uint32_t *estimate)
{
    for (int32_t i = 0; i < p->channels; i++) {
        const uint32_t scaled = input[i] << p->smoothing_bits;
        const uint64_t mixed = (uint64_t)scaled * p->smoothing[i & 1] +
                               (uint64_t)kept[i] * p->one_minus_smoothing[i & 1];
        kept[i] = (uint32_t)(mixed >> p->spectral_subtraction_bits);
        const uint32_t noise = kept[i] > scaled ? scaled : kept[i];
        if (p->clamping != 0) {
            kept[i] = noise;
        }
        const uint32_t floor = (uint32_t)(((uint64_t)input[i] * p->min_signal_remaining) >>
                                          p->spectral_subtraction_bits);
        const uint32_t rest = (scaled - noise) >> p->smoothing_bits;
        output[i] = rest > floor ? rest : floor;
        estimate[i] = kept[i];
    }
}

/** Gain for a noise estimate: a quadratic in each octave. */
static inline int16_t tinygen_pcan_gain(uint32_t x, const int16_t *table)
{
    if (x <= 2u) {
        return table[x];
    }
    const int32_t interval = tinygen_bit_length(x);
    const int16_t *entry = table + 4 * interval - 6;
    const uint32_t shifted = interval < 11 ? x << (11 - interval) : x >> (interval - 11);
    const int32_t fraction = (int32_t)(shifted & 0x3FFu);
    int32_t result = (entry[2] * fraction) >> 5;
    result += (int32_t)((uint32_t)entry[1] << 5);
    result = (int32_t)((uint32_t)result * (uint32_t)fraction);
    result = (result + (1 << 14)) >> 15;
    return (int16_t)(result + entry[0]);
}

/** Automatic gain control of each channel. */
TINYGEN_KERNEL void tinygen_pcan(int32_t channels, int32_t snr_shift, const int16_t *table,
                                 const uint32_t *input, const uint32_t *noise, uint32_t *output)
{
    for (int32_t i = 0; i < channels; i++) {
        const uint32_t gain = (uint32_t)(int32_t)tinygen_pcan_gain(noise[i], table);
        const uint32_t snr = (uint32_t)(((uint64_t)input[i] * gain) >> snr_shift);
        output[i] = snr < (2u << 12) ? (snr * snr) >> (2 + 2 * 12 - 6) : (snr >> 6) - (1u << 6);
    }
}

/** Natural logarithm of an integer above 1, scaled. */
static inline uint32_t tinygen_integer_log(uint32_t x, uint32_t scale, const uint16_t *table)
{
    const uint32_t integer = (uint32_t)tinygen_bit_length(x) - 1u;
    uint32_t fraction = x - ((uint32_t)1 << integer);
    fraction = integer < 16u ? fraction << (16u - integer) : fraction >> (integer - 16u);
    const uint32_t segment = fraction >> 9;
    const int32_t low = table[segment];
    const int32_t slope = table[segment + 1u] - low;
    const int32_t between = (slope * (int32_t)(fraction - (segment << 9))) >> 16;
    const uint32_t log2 = (integer << 16) + fraction + (uint32_t)(low + between);
    const uint32_t natural = (uint32_t)(((uint64_t)45426u * log2 + 32768u) >> 16);
    return (scale * natural + 32768u) >> 16;
}

/** Logarithms, saturated to int16; 0 for what is at most 1. */
TINYGEN_KERNEL void tinygen_filter_bank_log(int32_t channels, uint32_t scale,
                                            uint32_t correction_bits, const uint16_t *table,
                                            const uint32_t *input, int16_t *output)
{
    for (int32_t i = 0; i < channels; i++) {
        const uint32_t scaled = input[i] << correction_bits;
        const uint32_t value = scaled > 1u ? tinygen_integer_log(scaled, scale, table) : 0u;
        output[i] = (int16_t)(value < 32767u ? value : 32767u);
    }
}

#endif
