/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Thumb instruction classes. The section numbers are those of DDI 0403E.
 */
#include "thumb.h"

static thumb_instruction of(thumb_class class)
{
    return (thumb_instruction){class, 0};
}

static thumb_instruction many(thumb_class class, unsigned count)
{
    return (thumb_instruction){class, count};
}

/** Bits @p high to @p low of @p value. */
static unsigned bits(unsigned value, unsigned high, unsigned low)
{
    return (value >> low) & ((1u << (high - low + 1u)) - 1u);
}

static unsigned ones(unsigned value)
{
    unsigned count = 0;

    for (; value != 0u; value &= value - 1u) {
        count++;
    }
    return count;
}

static thumb_class load_or_store(unsigned is_load)
{
    return is_load ? THUMB_LOAD : THUMB_STORE;
}

/** Load or store of the registers whose bits are set. */
static thumb_instruction multiple(unsigned is_load, unsigned list, unsigned has_pc)
{
    const thumb_class loads = has_pc ? THUMB_LOAD_MANY_PC : THUMB_LOAD_MANY;

    return many(is_load ? loads : THUMB_STORE_MANY, ones(list));
}

/** Special data instructions and branch and exchange (A5.2.3). */
static thumb_instruction special_data(unsigned h)
{
    const unsigned operation = bits(h, 9, 8);
    const unsigned destination = bits(h, 7, 7) << 3 | bits(h, 2, 0);

    if (operation == 3u) {
        return of(THUMB_BRANCH);
    }
    return of(destination == 15u && operation != 1u ? THUMB_BRANCH : THUMB_DATA);
}

/** Miscellaneous 16-bit instructions (A5.2.5). */
static thumb_instruction miscellaneous(unsigned h)
{
    if (bits(h, 10, 9) == 2u) {
        return multiple(bits(h, 11, 11), bits(h, 8, 0), bits(h, 8, 8));
    }
    if (bits(h, 10, 10) == 0u && bits(h, 8, 8) == 1u) {
        return of(THUMB_BRANCH); /* CBZ, CBNZ */
    }
    return of(THUMB_DATA);
}

static thumb_instruction decode_16(unsigned h)
{
    switch (bits(h, 15, 12)) {
    case 0x4:
        if (bits(h, 11, 11)) {
            return of(THUMB_LOAD); /* LDR literal */
        }
        if (bits(h, 11, 10) == 1u) {
            return special_data(h);
        }
        return of(bits(h, 9, 6) == 13u ? THUMB_MULTIPLY : THUMB_DATA);
    case 0x5: /* register offset: the three stores come first */
        return of(load_or_store(bits(h, 11, 9) >= 3u));
    case 0x6:
    case 0x7:
    case 0x8:
    case 0x9:
        return of(load_or_store(bits(h, 11, 11)));
    case 0xB:
        return miscellaneous(h);
    case 0xC:
        return multiple(bits(h, 11, 11), bits(h, 7, 0), 0);
    case 0xD:
        return of(THUMB_BRANCH);
    case 0xE: /* the other half of this space holds 32-bit instructions */
        return of(THUMB_BRANCH);
    default:
        return of(THUMB_DATA);
    }
}

/** Load and store multiple, dual and exclusive, table branch (A5.3.5, A5.3.6). */
static thumb_instruction load_store_many(unsigned h, unsigned g)
{
    const unsigned is_load = bits(h, 4, 4);

    if (bits(h, 6, 6) == 0u) {
        /* CLRM (Armv8.1-M) is LDM from PC. */
        return h == 0xE89Fu ? of(THUMB_DATA) : multiple(is_load, g, bits(g, 15, 15));
    }
    if (h == 0xE97Fu && g == 0xE97Fu) {
        return of(THUMB_DATA); /* SG */
    }
    if (bits(h, 8, 8) == 1u || bits(h, 5, 5) == 1u) {
        return many(is_load ? THUMB_LOAD_MANY : THUMB_STORE_MANY, 2); /* LDRD, STRD */
    }
    if (bits(h, 8, 4) == 0x0Du && bits(g, 15, 5) == 0x780u) {
        return of(THUMB_TABLE_BRANCH);
    }
    if (bits(h, 8, 4) == 0x04u && bits(g, 15, 12) == 15u) {
        return of(THUMB_DATA); /* TT (Armv8-M) */
    }
    return of(load_or_store(is_load));
}

/** Branches and miscellaneous control (A5.3.4); low-overhead loops where BLX to Arm state was. */
static thumb_instruction branch_control(unsigned h, unsigned g)
{
    if (bits(g, 14, 14) == 1u) {
        if (bits(g, 12, 12) == 1u) {
            return of(THUMB_CALL);
        }
        if (g == 0xE801u && bits(h, 11, 6) == 0u) {
            return of(THUMB_VECTOR_CONTROL); /* VCTP */
        }
        /* LE without and with LR, LETP; the rest set loops up: DLS, WLS, LCTP. */
        return of((h == 0xF00Fu || h == 0xF02Fu || h == 0xF01Fu) && bits(g, 13, 13) == 0u
                      ? THUMB_LOOP
                      : THUMB_DATA);
    }
    if (bits(g, 12, 12) == 1u || bits(h, 9, 7) != 7u) {
        return of(THUMB_BRANCH);
    }
    switch (bits(h, 6, 4)) {
    case 0: /* MSR */
    case 1:
    case 3: /* barriers, CLREX */
    case 6: /* MRS */
    case 7:
        return of(THUMB_SYSTEM);
    default: /* hints */
        return of(THUMB_DATA);
    }
}

/** Single loads and stores (A5.3.7 to A5.3.10). */
static thumb_instruction load_store_single(unsigned h, unsigned g)
{
    const unsigned is_load = bits(h, 4, 4);
    const unsigned is_word = bits(h, 6, 5) == 2u;

    if (is_load && bits(g, 15, 12) == 15u && !is_word) {
        return of(THUMB_DATA); /* PLD, PLI */
    }
    return of(load_or_store(is_load));
}

/** Multiplications and divisions (A5.3.16, A5.3.17). */
static thumb_instruction multiply(unsigned h, unsigned g)
{
    const unsigned operation = bits(h, 6, 4);
    const unsigned adds = bits(g, 15, 12) != 15u;

    if (bits(h, 7, 7) == 0u) {
        return of(adds ? THUMB_MULTIPLY_ADD : THUMB_MULTIPLY);
    }
    switch (operation) {
    case 0:
    case 2:
        return of(THUMB_MULTIPLY_LONG);
    case 1:
    case 3:
        return of(THUMB_DIVIDE);
    default:
        return of(THUMB_MULTIPLY_ADD_LONG);
    }
}

/** Floating-point data processing and register transfers (A6.4, A6.6). */
static thumb_instruction floating_point(unsigned h, unsigned g)
{
    const unsigned operation = bits(h, 7, 7) << 2 | bits(h, 5, 4);

    if (bits(g, 4, 4) == 1u) {
        const unsigned is_duplicate = bits(g, 11, 8) == 11u && bits(h, 7, 7) && !bits(h, 4, 4);

        return of(is_duplicate && bits(h, 15, 12) == 14u ? THUMB_VECTOR : THUMB_FP); /* VDUP */
    }
    if (bits(h, 12, 12) == 1u) {
        return of(THUMB_FP); /* VSEL, VMAXNM, VRINT */
    }
    switch (operation) {
    case 0: /* VMLA, VMLS */
    case 1: /* VNMLA, VNMLS */
    case 5: /* VFNMA, VFNMS */
    case 6: /* VFMA, VFMS */
        return of(THUMB_FP_MULTIPLY_ADD);
    case 4:
        return of(THUMB_FP_DIVIDE);
    case 7:
        return of(bits(h, 3, 0) == 1u && bits(g, 7, 6) == 3u ? THUMB_FP_DIVIDE
                                                             : THUMB_FP); /* VSQRT */
    default:
        return of(THUMB_FP);
    }
}

/** Floating-point loads and stores, 64-bit transfers (A6.5, A6.7). */
static thumb_instruction floating_point_memory(unsigned h, unsigned g)
{
    const thumb_class class = bits(h, 4, 4) ? THUMB_FP_LOAD : THUMB_FP_STORE;

    if (bits(h, 11, 5) == 0x62u) {
        return of(THUMB_FP_MOVE_PAIR);
    }
    if (bits(h, 8, 8) == 1u && bits(h, 5, 5) == 0u) {
        return many(class, bits(g, 8, 8) ? 2u : 1u); /* VLDR, VSTR */
    }
    return many(class, bits(g, 7, 0));
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

    if (bits(g, 12, 12) == 0u) {
        if (!is_indexed && !writes_back) {
            /* Offsets in a vector register, or two core registers to or from lanes. */
            return adds ? many(scattered, 16u >> size) : of(THUMB_FP_MOVE_PAIR);
        }
        return of(size == 3u ? load_or_store(is_load)
                             : contiguous); /* 3: VLDR of a system register */
    }
    if (bits(h, 12, 12) == 1u && is_indexed) {
        return many(scattered, bits(g, 8, 8) ? 2u : 4u); /* addresses in a vector register */
    }
    return of(contiguous); /* VLDR, VSTR, VLD2, VLD4, VST2, VST4 */
}

/** Coprocessor space: floating point and MVE. */
static thumb_instruction coprocessor(unsigned h, unsigned g)
{
    const unsigned number = bits(g, 11, 8);
    const unsigned is_vector = number >= 14u;

    if (bits(h, 9, 8) == 3u) {
        return of(THUMB_VECTOR);
    }
    if (bits(h, 9, 9) == 0u) {
        if (is_vector) {
            return vector_memory(h, g);
        }
        return number >= 9u && number <= 11u ? floating_point_memory(h, g) : of(THUMB_DATA);
    }
    if (is_vector) {
        /* VPST and VPNOT are comparisons of nothing. */
        const unsigned is_control = bits(h, 15, 7) == 0x1FCu && bits(h, 5, 0) == 0x31u &&
                                    bits(g, 12, 12) == 0u && bits(g, 7, 0) == 0x4Du;

        return of(is_control ? THUMB_VECTOR_CONTROL : THUMB_VECTOR);
    }
    return number >= 9u && number <= 11u ? floating_point(h, g) : of(THUMB_DATA);
}

static thumb_instruction decode_32(unsigned h, unsigned g)
{
    switch (bits(h, 12, 11)) {
    case 1:
        if (bits(h, 10, 9) == 0u) {
            return load_store_many(h, g);
        }
        return bits(h, 10, 9) == 1u ? of(THUMB_DATA) : coprocessor(h, g);
    case 2:
        return bits(g, 15, 15) ? branch_control(h, g) : of(THUMB_DATA);
    default:
        if (bits(h, 10, 9) == 0u) {
            return load_store_single(h, g);
        }
        if (bits(h, 10, 9) == 1u) {
            return bits(h, 8, 8) ? multiply(h, g) : of(THUMB_DATA);
        }
        return coprocessor(h, g);
    }
}

unsigned thumb_bytes(uint16_t first)
{
    return first >> 11 >= 0x1du ? 4u : 2u;
}

thumb_instruction thumb_decode(uint16_t first, uint16_t second, unsigned bytes)
{
    return bytes == 2u ? decode_16(first) : decode_32(first, second);
}
