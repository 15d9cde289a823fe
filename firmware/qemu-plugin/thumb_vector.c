/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Classes of floating-point and vector instructions. Sections are those of DDI 0403E, and of
 * DDI 0553 where it says so.
 */
#include "thumb_fields.h"

#include <stddef.h>

/** Instructions whose bits under the mask have this value; the first row that fits counts. */
typedef struct {
    uint32_t mask;
    uint32_t value;
    thumb_class class;
} encoding;

/** MVE's data processing (DDI 0553, C2.4); what fits no row is THUMB_VECTOR_INTEGER. */
static const encoding ENCODINGS[] = {
    {0xEFF10F71u, 0xEEE00F00u,
     THUMB_VECTOR_ACROSS}, /* VMAXAV, VMAXNMAV, VMAXNMV, VMAXV, VMINAV, VMINNMAV, VMINNMV, VMINV */
    {0xEFC10FF1u, 0xEE800F01u, THUMB_VECTOR_ACROSS},  /* VABAV */
    {0xFFF11FF1u, 0xFE310F01u, THUMB_VECTOR_BITWISE}, /* VPSEL */
    {0xFFF31A71u, 0xFFB00040u, THUMB_VECTOR_BITWISE}, /* VCLS, VCLZ, VMVN, VREV16, VREV32, VREV64 */
    {0xEFC11FF1u, 0xEF000150u, THUMB_VECTOR_BITWISE}, /* VAND, VBIC, VEOR, VORN, VORR */
    {0xEFB1EF50u, 0xEE310F40u, THUMB_VECTOR_COMPARE}, /* VCMP, VPT */
    {0xEFC1EF70u, 0xEE410F00u, THUMB_VECTOR_COMPARE}, /* VPT */
    {0xFF81EF50u, 0xFE010F40u, THUMB_VECTOR_COMPARE}, /* VCMP, VPT */
    {0xEFFF0FF1u, 0xEE3F0E81u, THUMB_VECTOR_FP_ADD},  /* VMAXNMA, VMINNMA */
    {0xFFF31F71u, 0xFFB10740u, THUMB_VECTOR_FP_ADD},  /* VABS, VNEG */
    {0xFEE11FF1u, 0xFC800840u, THUMB_VECTOR_FP_ADD},  /* VCADD */
    {0xFFC11FF1u, 0xFF000F50u, THUMB_VECTOR_FP_ADD},  /* VMAXNM, VMINNM */
    {0xEFF10FF0u, 0xEE300F40u, THUMB_VECTOR_FP_ADD},  /* VADD, VSUB */
    {0xEFC11FF1u, 0xEF000D40u, THUMB_VECTOR_FP_ADD},  /* VABD, VADD, VSUB */
    {0xEFFF2FE3u, 0xEE3F0E01u, THUMB_VECTOR_FP_CONVERT}, /* VCVT */
    {0xFFF21871u, 0xFFB20040u,
     THUMB_VECTOR_FP_CONVERT}, /* VCVT, VCVTM, VCVTN, VCVTP, VRINTA, VRINTM, VRINTN, VRINTP, VRINTX,
                                  VRINTZ */
    {0xEFE01CF1u, 0xEFA00C50u, THUMB_VECTOR_FP_CONVERT},  /* VCVT */
    {0xFFC11FF1u, 0xEF000C50u, THUMB_VECTOR_FP_FUSED},    /* VFMA, VFMS */
    {0xFE611FF1u, 0xFC200840u, THUMB_VECTOR_FP_FUSED},    /* VCMLA */
    {0xEFF10FF0u, 0xEE310E40u, THUMB_VECTOR_FP_FUSED},    /* VFMA, VFMAS */
    {0xFFE11FF1u, 0xFF000D50u, THUMB_VECTOR_FP_MULTIPLY}, /* VMUL */
    {0xEFF11FF0u, 0xEE310E60u, THUMB_VECTOR_FP_MULTIPLY}, /* VMUL */
    {0xEFF10FF0u, 0xEE300E00u, THUMB_VECTOR_FP_MULTIPLY}, /* VCMUL */
    {0xEFF810D0u, 0xEF800050u, THUMB_VECTOR_IMMEDIATE},   /* VBIC, VMOV, VMVN, VORR */
    {0xEFFB0FF1u, 0xEE310E01u, THUMB_VECTOR_INTEGER},     /* VSHLL */
    {0xEFF31FF0u, 0xEE311E60u, THUMB_VECTOR_INTEGER},     /* VSHL */
    {0xEFF10FF1u, 0xEE300F01u, THUMB_VECTOR_MULTIPLY},    /* VQDMULL */
    {0xEFF10FF0u, 0xEE300F60u, THUMB_VECTOR_MULTIPLY},    /* VQDMULL */
    {0xEFC10FF1u, 0xEE010E00u, THUMB_VECTOR_MULTIPLY},    /* VMULL */
    {0xEFC11DE1u, 0xEF000940u, THUMB_VECTOR_MULTIPLY},    /* VMUL, VQDMULH, VQRDMULH */
    {0xFFC10FD0u, 0xEE000E40u,
     THUMB_VECTOR_MULTIPLY_ADD},                     /* VQDMLAH, VQDMLASH, VQRDMLAH, VQRDMLASH */
    {0xFFFB0FF1u, 0xFE310E81u, THUMB_VECTOR_NARROW}, /* VMOVN */
    {0xFFE80FF1u, 0xEE880FC1u, THUMB_VECTOR_NARROW}, /* VSHRN */
    {0xFFFB0FF1u, 0xEE310E81u, THUMB_VECTOR_NARROW_SATURATE}, /* VQMOVUN */
    {0xEFFB0FF1u, 0xEE330E01u, THUMB_VECTOR_NARROW_SATURATE}, /* VQMOVN */
    {0xEFE80FF1u, 0xEE880F41u, THUMB_VECTOR_NARROW_SATURATE}, /* VQRSHRN, VQSHRN */
    {0xFFE80FF0u, 0xFE880FC0u, THUMB_VECTOR_NARROW_SATURATE}, /* VQRSHRUN, VQSHRUN, VRSHRN */
    {0xEF831FD1u, 0xEE810F00u, THUMB_VECTOR_REDUCE},          /* VADDLV, VADDV */
    {0xEF810FF1u, 0xEE800F20u, THUMB_VECTOR_REDUCE},          /* VRMLALDAVHA */
    {0xEF800FD0u, 0xEE800E00u, THUMB_VECTOR_REDUCE},          /* VMLALDAV, VMLSLDAV, VRMLSLDAVH */
    {0xEFF31FF0u, 0xEE331E60u, THUMB_VECTOR_ROUND},           /* VRSHL */
    {0xEFF11FF0u, 0xEE311EE0u, THUMB_VECTOR_ROUND},           /* VQRSHL, VQSHL */
    {0xEFF10FF1u, 0xEE300F00u, THUMB_VECTOR_ROUND},           /* VADC, VADCI, VSBC, VSBCI */
    {0xEFC11FF1u, 0xEF000540u, THUMB_VECTOR_ROUND},           /* VRSHL */
    {0xEFC81FF1u, 0xEF880250u, THUMB_VECTOR_ROUND},           /* VRSHR */
    {0xFFE01FF0u, 0xEEA00FC0u, THUMB_VECTOR_ROUND},           /* VSHLC */
    {0xEFC01FF1u, 0xEF800750u, THUMB_VECTOR_ROUND},           /* VQSHL */
    {0xEFC11EF1u, 0xEF000450u, THUMB_VECTOR_ROUND},           /* VQRSHL, VQSHL */
    {0xEFF1EF70u, 0xEE310F00u, THUMB_VECTOR_COMPARE},         /* VCMP */
    {0xFFC1EF70u, 0xFE010F00u, THUMB_VECTOR_COMPARE},         /* VCMP */
    {0xFFC11FF0u, 0xEE011E60u, THUMB_VECTOR_MULTIPLY},        /* VMUL */
    {0xEFC11FF1u, 0xEE010E01u, THUMB_VECTOR_MULTIPLY},        /* VMULH */
    {0xEFC11FF1u, 0xEE011E01u, THUMB_VECTOR_MULTIPLY},        /* VRMULH */
    {0xFFC11FF0u, 0xEE010E60u, THUMB_VECTOR_MULTIPLY},        /* VQDMULH */
    {0xFFC11FF0u, 0xFE010E60u, THUMB_VECTOR_MULTIPLY},        /* VQRDMULH */
    {0xFFC11FF1u, 0xEE000E00u, THUMB_VECTOR_MULTIPLY_ADD},    /* VQDMLADH */
    {0xFFC11FF1u, 0xEE001E00u, THUMB_VECTOR_MULTIPLY_ADD},    /* VQDMLADHX */
    {0xFFC11FF1u, 0xEE000E01u, THUMB_VECTOR_MULTIPLY_ADD},    /* VQRDMLADH */
    {0xFFC11FF1u, 0xEE001E01u, THUMB_VECTOR_MULTIPLY_ADD},    /* VQRDMLADHX */
    {0xFFC11FF1u, 0xFE000E00u, THUMB_VECTOR_MULTIPLY_ADD},    /* VQDMLSDH */
    {0xFFC11FF1u, 0xFE001E00u, THUMB_VECTOR_MULTIPLY_ADD},    /* VQDMLSDHX */
    {0xFFC11FF1u, 0xFE000E01u, THUMB_VECTOR_MULTIPLY_ADD},    /* VQRDMLSDH */
    {0xFFC11FF1u, 0xFE001E01u, THUMB_VECTOR_MULTIPLY_ADD},    /* VQRDMLSDHX */
    {0xEFC11FF0u, 0xEE010E40u, THUMB_VECTOR_MULTIPLY_ADD},    /* VMLA */
    {0xEFC11FF0u, 0xEE011E40u, THUMB_VECTOR_MULTIPLY_ADD},    /* VMLAS */
    {0xFF811FF1u, 0xEE801F00u, THUMB_VECTOR_REDUCE},          /* VRMLALDAVHX */
    {0xEF811FF1u, 0xEE800F00u, THUMB_VECTOR_REDUCE},          /* VRMLALDAVH */
    {0xFFC01FF1u, 0xFF800650u, THUMB_VECTOR_ROUND},           /* VQSHLU */
};

/** Class of an MVE data-processing instruction; of two halfwords, the first above. */
static thumb_class thumb_vector_class(uint32_t code)
{
    for (size_t i = 0; i < sizeof ENCODINGS / sizeof *ENCODINGS; i++) {
        if ((code & ENCODINGS[i].mask) == ENCODINGS[i].value) {
            return ENCODINGS[i].class;
        }
    }
    return THUMB_VECTOR_INTEGER;
}

/** Transfers of one register between core and extension registers (A6.6). */
static thumb_class register_transfer(unsigned h, unsigned g)
{
    const unsigned is_lane = bits(g, 11, 8) == 11u;

    if (is_lane && bits(h, 7, 7) && !bits(h, 4, 4)) {
        return THUMB_VECTOR_INTEGER; /* VDUP */
    }
    if (bits(h, 4, 4)) {
        return is_lane ? THUMB_VECTOR_TO_CORE : THUMB_FP_TO_CORE;
    }
    return is_lane ? THUMB_VECTOR_FROM_CORE : THUMB_FP_FROM_CORE;
}

/** Floating-point operations of one register and moves (A6.4). */
static thumb_class fp_other(unsigned h, unsigned g)
{
    const unsigned operation = bits(h, 3, 0);

    if (bits(g, 6, 6) == 0u || (operation == 0u && bits(g, 7, 7) == 0u)) {
        return THUMB_FP_MOVE;
    }
    if (operation == 1u && bits(g, 7, 7)) {
        return THUMB_FP_SQUARE_ROOT;
    }
    return operation == 4u || operation == 5u ? THUMB_FP_COMPARE : THUMB_FP;
}

/** Floating-point data processing and register transfers (A6.4, A6.6). */
static thumb_class floating_point(unsigned h, unsigned g)
{
    static const thumb_class CLASSES[] = {
        THUMB_FP_MULTIPLY_ADD, THUMB_FP_MULTIPLY_ADD, THUMB_FP_MULTIPLY, THUMB_FP,
        THUMB_FP_DIVIDE,       THUMB_FP_FUSED,        THUMB_FP_FUSED,
    };
    const unsigned operation = bits(h, 7, 7) << 2 | bits(h, 5, 4);

    if (bits(g, 4, 4) == 1u) {
        return register_transfer(h, g);
    }
    if (bits(h, 12, 12) == 1u) {
        return THUMB_FP; /* VSEL, VMAXNM, VRINT */
    }
    return operation == 7u ? fp_other(h, g) : CLASSES[operation];
}

/** Floating-point loads and stores, 64-bit transfers (A6.5, A6.7). */
static thumb_instruction floating_point_memory(unsigned h, unsigned g)
{
    const unsigned is_load = bits(h, 4, 4);

    if (bits(h, 11, 5) == 0x62u) {
        return of(is_load ? THUMB_FP_PAIR_TO_CORE : THUMB_FP_PAIR_FROM_CORE);
    }
    if (bits(h, 8, 8) == 1u && bits(h, 5, 5) == 0u) {
        return many(is_load ? THUMB_FP_LOAD : THUMB_FP_STORE, bits(g, 8, 8) ? 2u : 1u);
    }
    return many(is_load ? THUMB_FP_LOAD_MANY : THUMB_FP_STORE_MANY, bits(g, 7, 0));
}

/** MVE loads and stores (DDI 0553, C2.4). */
static thumb_instruction vector_memory(unsigned h, unsigned g)
{
    const unsigned is_load = bits(h, 4, 4);
    const unsigned is_indexed = bits(h, 8, 8);  /* P */
    const unsigned adds = bits(h, 7, 7);        /* A */
    const unsigned writes_back = bits(h, 5, 5); /* W */
    const unsigned size = bits(g, 8, 7);
    const thumb_class scattered = is_load ? THUMB_VECTOR_GATHER : THUMB_VECTOR_SCATTER;
    const thumb_class contiguous = is_load ? THUMB_VECTOR_LOAD : THUMB_VECTOR_STORE;
    const thumb_class interleaved =
        is_load ? THUMB_VECTOR_LOAD_INTERLEAVED : THUMB_VECTOR_STORE_INTERLEAVED;

    if (bits(g, 12, 12) == 0u) {
        if (!is_indexed && !writes_back) {
            /* Offsets in a vector register, or two core registers to or from lanes. */
            if (!adds) {
                return of(is_load ? THUMB_VECTOR_FROM_CORE : THUMB_VECTOR_TO_CORE);
            }
            return many(scattered, size == 3u ? 4u : 16u >> size);
        }
        if (size == 3u) {
            return of(is_load ? THUMB_LOAD : THUMB_STORE); /* of a system register */
        }
        return of(contiguous);
    }
    if (bits(h, 12, 12) == 1u && is_indexed) {
        return many(scattered, 4u); /* addresses in a vector register */
    }
    return of(bits(h, 12, 12) == 1u ? interleaved : contiguous);
}

thumb_instruction thumb_coprocessor(unsigned h, unsigned g)
{
    const unsigned number = bits(g, 11, 8);
    const unsigned is_vector = number >= 14u;

    if (bits(h, 9, 8) == 3u) {
        return of(thumb_vector_class(h << 16 | g));
    }
    if (bits(h, 9, 9) == 0u) {
        if (bits(h, 12, 12) == 1u && number == 8u) {
            return of(thumb_vector_class(h << 16 | g)); /* VCADD, VCMLA */
        }
        if (is_vector) {
            return vector_memory(h, g);
        }
        return number >= 9u && number <= 11u ? floating_point_memory(h, g) : of(THUMB_DATA);
    }
    if (is_vector) {
        /* VPST and VPNOT are comparisons of nothing. */
        const unsigned is_control = bits(h, 15, 7) == 0x1FCu && bits(h, 5, 0) == 0x31u &&
                                    bits(g, 12, 12) == 0u && bits(g, 7, 0) == 0x4Du;

        return of(is_control ? THUMB_VECTOR_CONTROL : thumb_vector_class(h << 16 | g));
    }
    return of(number >= 9u && number <= 11u ? floating_point(h, g) : THUMB_DATA);
}
