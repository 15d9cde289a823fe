/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * MUL, int8, with broadcasting, for cores with 16-bit SIMD.
 */
#ifndef TINYGEN_KERNELS_DSP_MUL_S8_H
#define TINYGEN_KERNELS_DSP_MUL_S8_H

#include "../portable/broadcast.h"
#include "simd.h"

/** Binary digits by which products are scaled up for fitted requantization. */
#define TINYGEN_DSP_MUL_SCALING 7

/**
 * A multiplication layer. A product P of the operands without their zero points gives
 *
 *  - fitted: u = (constant + (((P * 2^7 + nudge) * multiplier) >> 32)) >> shift;
 *  - two roundings: with v = round(P * (1 + multiplier / 2^32)), less 1 if negative,
 *    u = (v * factor + constant) >> shift;
 *
 * and with u limited to [0, 255], the output is max(u - cut, 0) + low.
 */
typedef struct {
    tinygen_broadcast broadcast;
    int32_t lhs_zero_point;
    int32_t rhs_zero_point;
    int32_t two_roundings; /**< 0 for fitted requantization */
    int32_t multiplier;
    int32_t nudge;  /**< fitted only */
    int32_t factor; /**< two roundings only */
    int32_t constant;
    int32_t shift;
    int32_t cut; /**< 255 - (largest output - smallest output) */
    int32_t low; /**< smallest output */
} tinygen_dsp_mul_s8_params;

/** u of a product (times 2^7 if fitted), not yet limited. */
static inline int32_t tinygen_dsp_mul_scale(const tinygen_dsp_mul_s8_params *p, int32_t product)
{
    if (p->two_roundings != 0) {
        const int64_t doubled =
            (int64_t)product * ((int64_t)1 << 32) + (int64_t)product * p->multiplier;
        const int32_t rounded = (int32_t)((doubled + ((int64_t)1 << 31)) >> 32);
        return ((rounded + (rounded >> 31)) * p->factor + p->constant) >> p->shift;
    }
    return tinygen_smmla(product + p->nudge, p->multiplier, p->constant) >> p->shift;
}

/** u of two outputs from the operands in halves, zero points taken off. */
static inline uint32_t tinygen_dsp_mul_two(const tinygen_dsp_mul_s8_params *p, uint32_t lhs,
                                           uint32_t rhs)
{
    const int32_t first = tinygen_dsp_mul_scale(p, tinygen_smulbb(lhs, rhs));
    const int32_t second = tinygen_dsp_mul_scale(p, tinygen_smultt(lhs, rhs));
    return tinygen_usat16_8(tinygen_pack_bottoms((uint32_t)first, (uint32_t)second));
}

/** Four outputs. */
static inline uint32_t tinygen_dsp_mul_four(const tinygen_dsp_mul_s8_params *p, uint32_t lhs,
                                            uint32_t rhs)
{
    const uint32_t high = 0xff00ff00u;
    const uint32_t lhs_zero = tinygen_halves(p->lhs_zero_point, p->lhs_zero_point);
    const uint32_t rhs_zero = tinygen_halves(p->rhs_zero_point, p->rhs_zero_point);
    const uint32_t rhs_even = tinygen_ssub16(tinygen_sxtb16(rhs), rhs_zero);
    const uint32_t rhs_odd = tinygen_ssub16(tinygen_sxtb16_ror8(rhs), rhs_zero);
    uint32_t lhs_even;
    uint32_t lhs_odd;
    if (p->two_roundings != 0) {
        lhs_even = tinygen_ssub16(tinygen_sxtb16(lhs), lhs_zero);
        lhs_odd = tinygen_ssub16(tinygen_sxtb16_ror8(lhs), lhs_zero);
    } else {
        /* Halving what was scaled up by 2^8 leaves 2^7, and room for the difference. */
        const uint32_t zero_tops = tinygen_even_tops(lhs_zero & 0x00ff00ffu, high);
        lhs_even = tinygen_shsub16(tinygen_even_tops(lhs, high), zero_tops);
        lhs_odd = tinygen_shsub16(lhs & high, zero_tops);
    }
    return tinygen_join_outputs(tinygen_dsp_mul_two(p, lhs_even, rhs_even),
                                tinygen_dsp_mul_two(p, lhs_odd, rhs_odd), tinygen_bytes(p->cut),
                                tinygen_bytes(p->low));
}

/**
 * Multiply two tensors. The output may start where an operand that is not repeated starts, or
 * before.
 */
TINYGEN_KERNEL void tinygen_dsp_mul_s8(const tinygen_dsp_mul_s8_params *p, const int8_t *lhs,
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
        for (; i + 4 <= b->row_length; i += 4) {
            const uint32_t products = tinygen_dsp_mul_four(p, tinygen_load4_step(left, b->lhs_step),
                                                           tinygen_load4_step(right, b->rhs_step));
            tinygen_store4(output, products);
            left += 4 * b->lhs_step;
            right += 4 * b->rhs_step;
            output += 4;
        }
        for (; i < b->row_length; i++) {
            const uint32_t product =
                tinygen_dsp_mul_four(p, (uint32_t)*left & 0xffu, (uint32_t)*right & 0xffu);
            *output++ = (int8_t)tinygen_byte(product, 0);
            left += b->lhs_step;
            right += b->rhs_step;
        }
        tinygen_broadcast_next(b, &row);
    }
}

#endif
