/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * ADD, int8, with broadcasting, by two multiply-accumulates an output, for cores with 16-bit SIMD.
 */
#ifndef TINYGEN_KERNELS_DSP_ADD_S8_H
#define TINYGEN_KERNELS_DSP_ADD_S8_H

#include "../portable/broadcast.h"
#include "simd.h"

/**
 * An addition layer.
 *
 * With u = (base + floor(lhs_factor * lhs / 2^8) + floor(rhs_factor * rhs / 2^8)) / 2^16, downwards
 * and limited to [0, 255], the output is max(u - cut, 0) + low. The compiler has compared all
 * 65,536 outputs with the definition.
 */
typedef struct {
    tinygen_broadcast broadcast;
    int32_t lhs_factor;
    int32_t rhs_factor;
    int32_t base;
    int32_t cut; /**< 255 - (largest output - smallest output) */
    int32_t low; /**< smallest output */
} tinygen_dsp_add_s8_params;

/** u of two outputs, from the operands in the tops of halves. */
static inline uint32_t tinygen_dsp_add_two(const tinygen_dsp_add_s8_params *p, uint32_t lhs,
                                           uint32_t rhs)
{
    int32_t first = tinygen_smlawb(p->lhs_factor, lhs, p->base);
    int32_t second = tinygen_smlawt(p->lhs_factor, lhs, p->base);
    first = tinygen_smlawb(p->rhs_factor, rhs, first);
    second = tinygen_smlawt(p->rhs_factor, rhs, second);
    return tinygen_usat16_8(tinygen_pack_tops((uint32_t)first, (uint32_t)second));
}

/** Four outputs. */
static inline uint32_t tinygen_dsp_add_four(const tinygen_dsp_add_s8_params *p, uint32_t lhs,
                                            uint32_t rhs)
{
    const uint32_t high = 0xff00ff00u;
    const uint32_t even =
        tinygen_dsp_add_two(p, tinygen_even_tops(lhs, high), tinygen_even_tops(rhs, high));
    const uint32_t odd = tinygen_dsp_add_two(p, lhs & high, rhs & high);
    return tinygen_join_outputs(even, odd, tinygen_bytes(p->cut), tinygen_bytes(p->low));
}

/** Four outputs from and to memory. */
static inline void tinygen_dsp_add_store(const tinygen_dsp_add_s8_params *p, const int8_t *lhs,
                                         const int8_t *rhs, int8_t *output)
{
    tinygen_store4(output, tinygen_dsp_add_four(p, tinygen_load4_step(lhs, p->broadcast.lhs_step),
                                                tinygen_load4_step(rhs, p->broadcast.rhs_step)));
}

/** Add two tensors. The output may start where an operand that is not repeated starts, or before.
 */
TINYGEN_KERNEL void tinygen_dsp_add_s8(const tinygen_dsp_add_s8_params *p, const int8_t *lhs,
                                       const int8_t *rhs, int8_t *output)
{
    const tinygen_broadcast *b = &p->broadcast;
    tinygen_broadcast_row row = {{0}, 0, 0};
    lhs = tinygen_opaque(lhs);
    rhs = tinygen_opaque(rhs);
    for (int32_t r = 0; r < b->rows; r++) {
        const int8_t *left = lhs + row.lhs;
        const int8_t *right = rhs + row.rhs;
        int32_t i = 0;
        for (; i + 8 <= b->row_length; i += 8) {
            tinygen_dsp_add_store(p, left, right, output);
            tinygen_dsp_add_store(p, left + 4 * b->lhs_step, right + 4 * b->rhs_step, output + 4);
            left += 8 * b->lhs_step;
            right += 8 * b->rhs_step;
            output += 8;
        }
        for (; i < b->row_length; i++) {
            const uint32_t sum =
                tinygen_dsp_add_four(p, (uint32_t)*left & 0xffu, (uint32_t)*right & 0xffu);
            *output++ = (int8_t)tinygen_byte(sum, 0);
            left += b->lhs_step;
            right += b->rhs_step;
        }
        tinygen_broadcast_next(b, &row);
    }
}

#endif
