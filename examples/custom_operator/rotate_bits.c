/* SPDX-License-Identifier: Apache-2.0 */
/* The C side of the example: rotate each byte left by the first byte of the options. */
#include <stdint.h>

void rotate_bits(const int8_t *input_0, int8_t *output_0, const uint8_t *options,
                 uint32_t option_bytes);

void rotate_bits(const int8_t *input_0, int8_t *output_0, const uint8_t *options,
                 uint32_t option_bytes)
{
    const uint32_t bits = option_bytes > 0u ? options[0] & 7u : 0u;
    for (int32_t i = 0; i < 16; i++) {
        const uint32_t value = (uint8_t)input_0[i];
        output_0[i] = (int8_t)(uint8_t)(value << bits | value >> (8u - bits));
    }
}
