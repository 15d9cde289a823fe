/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * ADD of two int8 tensors of one shape with Helium, its three requantizations in one.
 *
 * out = (lhs * lhs_multiplier + rhs * rhs_multiplier + addend) >> (24 - left), saturated and
 * clamped: the constants were checked for all 65,536 pairs of operands when they were made.
 */
#ifndef TINYGEN_KERNELS_MVE_ADD_S8_H
#define TINYGEN_KERNELS_MVE_ADD_S8_H

#include "memory.h"

/** An ADD layer. */
typedef struct {
    int32_t count;
    int32_t lhs_multiplier;
    int32_t rhs_multiplier;
    int32_t addend;
    int32_t left; /**< shift that brings the output to the top byte, saturating */
    int32_t clamp_min;
    int32_t clamp_max;
} tinygen_mve_add_s8_params;

#if TINYGEN_MVE_INLINE_ASSEMBLY

/* A vector has four elements. Clamps other than int8's own are two more instructions. */
#define TINYGEN_MVE_ADD_CLAMP(vector)                                                              \
    "vmax.s32 " vector ", " vector ", q4\n\tvmin.s32 " vector ", " vector ", q5\n\t"
#define TINYGEN_MVE_ADD_LOOPS(clamp)                                                               \
    "vdup.32 q3, %[lhs_multiplier]\n\t"                                                            \
    "wls lr, %[pairs], 2f\n"                                                                       \
    "1: vldrb.s32 q0, [%[lhs]], #4\n\t"                                                            \
    "vldrb.s32 q1, [%[lhs]], #4\n\t"                                                               \
    "vmlas.s32 q0, q3, %[addend]\n\t"                                                              \
    "vldrb.s32 q2, [%[rhs]], #4\n\t"                                                               \
    "vmlas.s32 q1, q3, %[addend]\n\t"                                                              \
    "vmla.s32 q0, q2, %[rhs_multiplier]\n\t"                                                       \
    "vldrb.s32 q2, [%[rhs]], #4\n\t"                                                               \
    "vqshl.s32 q0, %[left]\n\t"                                                                    \
    "vmla.s32 q1, q2, %[rhs_multiplier]\n\t"                                                       \
    "vshr.s32 q0, q0, #24\n\t" clamp("q0") "vqshl.s32 q1, %[left]\n\t"                             \
                                           "vstrb.32 q0, [%[output]], #4\n\t"                      \
                                           "vshr.s32 q1, q1, #24\n\t" clamp(                       \
                                               "q1") "vstrb.32 q1, [%[output]], #4\n\t"            \
                                                     "le lr, 1b\n"                                 \
                                                     "2: wlstp.32 lr, %[rest], 4f\n"               \
                                                     "3: vldrb.s32 q0, [%[lhs]], #4\n\t"           \
                                                     "vldrb.s32 q2, [%[rhs]], #4\n\t"              \
                                                     "vmlas.s32 q0, q3, %[addend]\n\t"             \
                                                     "vmla.s32 q0, q2, %[rhs_multiplier]\n\t"      \
                                                     "vqshl.s32 q0, %[left]\n\t"                   \
                                                     "vshr.s32 q0, q0, #24\n\t" clamp(             \
                                                         "q0") "vstrb.32 q0, [%[output]], #4\n\t"  \
                                                               "letp lr, 3b\n"                     \
                                                               "4:"
#define TINYGEN_MVE_ADD_OPERANDS                                                                   \
    : [lhs] "+l"(lhs), [rhs] "+l"(rhs), [output] "+l"(output)                                      \
    : [lhs_multiplier] "r"(p->lhs_multiplier), [rhs_multiplier] "r"(p->rhs_multiplier),            \
      [addend] "r"(p->addend), [left] "r"(p->left), [pairs] "r"(p->count / 8),                     \
      [rest] "r"(p->count % 8)
#define TINYGEN_MVE_ADD_UNCLAMPED(vector) ""

/** Add count elements; the output may be one of the operands. */
TINYGEN_KERNEL void tinygen_mve_add_s8(const tinygen_mve_add_s8_params *p, const int8_t *lhs,
                                       const int8_t *rhs, int8_t *output)
{
    if (p->clamp_min == -128 && p->clamp_max == 127) {
        __asm volatile(TINYGEN_MVE_ADD_LOOPS(TINYGEN_MVE_ADD_UNCLAMPED) TINYGEN_MVE_ADD_OPERANDS
                       : "q0", "q1", "q2", "q3", "lr", "memory");
    } else {
        __asm volatile("vdup.32 q4, %[clamp_min]\n\t"
                       "vdup.32 q5, %[clamp_max]\n\t" TINYGEN_MVE_ADD_LOOPS(TINYGEN_MVE_ADD_CLAMP)
                           TINYGEN_MVE_ADD_OPERANDS,
                       [clamp_min] "r"(p->clamp_min), [clamp_max] "r"(p->clamp_max)
                       : "q0", "q1", "q2", "q3", "q4", "q5", "lr", "memory");
    }
}

#else

/** Add count elements; the output may be one of the operands. */
TINYGEN_KERNEL void tinygen_mve_add_s8(const tinygen_mve_add_s8_params *p, const int8_t *lhs,
                                       const int8_t *rhs, int8_t *output)
{
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t sum = lhs[i] * p->lhs_multiplier + rhs[i] * p->rhs_multiplier + p->addend;
        const int32_t value = tinygen_clamp(sum >> (24 - p->left), -128, 127);
        output[i] = (int8_t)tinygen_clamp(value, p->clamp_min, p->clamp_max);
    }
}

#endif

#endif
