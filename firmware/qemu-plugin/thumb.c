/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Classes of Thumb instructions of the core itself. The section numbers are those of DDI
 * 0403E.
 */
#include "thumb.h"

#include "thumb_fields.h"

static unsigned ones(unsigned value)
{
    unsigned count = 0;

    for (; value != 0u; value &= value - 1u) {
        count++;
    }
    return count;
}

/** Load or store of the registers whose bits are set. */
static thumb_instruction multiple(unsigned is_load, unsigned list, unsigned has_pc)
{
    const thumb_class loads = has_pc ? THUMB_LOAD_MANY_PC : THUMB_LOAD_MANY;

    return many(is_load ? loads : THUMB_STORE_MANY, ones(list));
}

/** Shift, add, subtract, move and compare (A5.2.1). */
static thumb_class shift_add(unsigned h)
{
    switch (bits(h, 13, 11)) {
    case 0: /* LSL by 0 is MOVS */
        return bits(h, 10, 6) == 0u ? THUMB_MOVE : THUMB_SHIFT;
    case 1:
    case 2:
        return THUMB_SHIFT;
    case 3:
        return bits(h, 10, 10) ? THUMB_ADD_IMMEDIATE : THUMB_ADD;
    case 4:
        return THUMB_MOVE;
    case 5: /* CMP */
        return THUMB_DATA;
    default:
        return THUMB_ADD_IMMEDIATE;
    }
}

/** Data processing of two low registers (A5.2.2). */
static thumb_class data_16(unsigned h)
{
    switch (bits(h, 9, 6)) {
    case 2:
    case 3:
    case 4:
    case 7:
        return THUMB_SHIFT;
    case 13:
        return THUMB_MULTIPLY_FLAGS;
    default:
        return THUMB_DATA;
    }
}

/** Special data instructions and branch and exchange (A5.2.3). */
static thumb_class special_data(unsigned h)
{
    static const thumb_class CLASSES[] = {THUMB_ADD, THUMB_DATA, THUMB_MOVE, THUMB_BRANCH};
    const unsigned operation = bits(h, 9, 8);
    const unsigned destination = bits(h, 7, 7) << 3 | bits(h, 2, 0);

    return destination == 15u && operation != 1u ? THUMB_BRANCH : CLASSES[operation];
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
    switch (bits(h, 11, 8)) {
    case 0x0: /* ADD and SUB of SP */
        return of(THUMB_ADD);
    case 0x2:
        return of(THUMB_EXTEND);
    case 0xA:
        return of(bits(h, 7, 6) == 2u ? THUMB_DATA : THUMB_REVERSE);
    case 0xF:
        return of(bits(h, 3, 0) == 0u ? THUMB_NOP : THUMB_IT);
    default:
        return of(THUMB_DATA);
    }
}

/** Loads and stores of an address of two registers (A5.2.4), by their bits 11 to 9. */
static const thumb_class REGISTER_OFFSET[] = {
    THUMB_STORE_OFFSET, THUMB_STORE_OFFSET, THUMB_STORE_OFFSET, THUMB_LOAD_NARROW,
    THUMB_LOAD,         THUMB_LOAD_NARROW,  THUMB_LOAD_NARROW,  THUMB_LOAD_NARROW,
};

static thumb_instruction decode_16(unsigned h)
{
    const thumb_class load =
        bits(h, 15, 12) == 7u || bits(h, 15, 12) == 8u ? THUMB_LOAD_NARROW : THUMB_LOAD;

    switch (bits(h, 15, 12)) {
    case 0x4:
        if (bits(h, 11, 11)) {
            return of(THUMB_LOAD); /* LDR literal */
        }
        return of(bits(h, 10, 10) ? special_data(h) : data_16(h));
    case 0x5:
        return of(REGISTER_OFFSET[bits(h, 11, 9)]);
    case 0x6:
    case 0x7:
    case 0x8:
    case 0x9:
        return of(bits(h, 11, 11) ? load : THUMB_STORE);
    case 0xA: /* ADR, ADD of SP */
        return of(THUMB_ADD);
    case 0xB:
        return miscellaneous(h);
    case 0xC:
        return multiple(bits(h, 11, 11), bits(h, 7, 0), 0);
    case 0xD:
        return of(THUMB_BRANCH);
    case 0xE: /* the other half of this space holds 32-bit instructions */
        return of(THUMB_BRANCH);
    default:
        return of(shift_add(h));
    }
}

/** Data processing, modified immediate (A5.3.1). */
static thumb_class modified_immediate(unsigned h, unsigned g)
{
    const unsigned operation = bits(h, 8, 5);
    const unsigned is_shifted = bits(h, 10, 10) | bits(g, 14, 14);

    if (is_shifted) {
        const unsigned is_move = bits(h, 8, 6) == 1u && bits(h, 3, 0) == 15u;

        return bits(h, 4, 4) && !is_move ? THUMB_DATA_CONSTANT_FLAGS : THUMB_DATA_CONSTANT;
    }
    if (bits(h, 8, 6) == 1u && bits(h, 3, 0) == 15u) {
        return THUMB_MOVE; /* MOV, MVN */
    }
    if ((operation == 8u || operation == 13u) && bits(g, 11, 8) != 15u) {
        return THUMB_ADD_IMMEDIATE;
    }
    return THUMB_DATA;
}

/** Data processing, plain binary immediate (A5.3.3), by bits 8 to 6. */
static thumb_class plain_immediate(unsigned h)
{
    static const thumb_class CLASSES[] = {
        THUMB_ADD_IMMEDIATE, THUMB_MOVE, THUMB_ADD_IMMEDIATE, THUMB_MOVE,
        THUMB_SATURATE,      THUMB_DATA, THUMB_SATURATE,      THUMB_BIT_FIELD_EXTRACT,
    };

    if (bits(h, 8, 5) == 10u) {
        return THUMB_BIT_FIELD_EXTRACT;
    }
    return bits(h, 8, 5) == 11u ? THUMB_BIT_FIELD_INSERT : CLASSES[bits(h, 8, 6)];
}

/** Data processing, shifted register (A5.3.11), and what MVE put among it. */
static thumb_class shifted_register(unsigned h, unsigned g)
{
    const unsigned operation = bits(h, 8, 5);
    const unsigned is_shifted = bits(g, 14, 12) | bits(g, 7, 4);
    const unsigned is_move = operation == 2u && bits(h, 3, 0) == 15u;

    if (operation == 6u) {
        return THUMB_PACK;
    }
    if (bits(h, 8, 4) == 5u && bits(g, 15, 15)) {
        return THUMB_SELECT;
    }
    if (bits(h, 8, 4) == 5u && (bits(g, 3, 0) == 13u || bits(g, 3, 0) == 15u)) {
        return THUMB_LONG_SHIFT;
    }
    if (is_shifted) {
        return is_move ? THUMB_SHIFT : THUMB_DATA_SHIFTED;
    }
    if (is_move) {
        return THUMB_MOVE;
    }
    return (operation == 8u || operation == 13u) && bits(g, 11, 8) != 15u ? THUMB_ADD : THUMB_DATA;
}

/** Data processing, register (A5.3.12 to A5.3.15). */
static thumb_class data_register(unsigned h, unsigned g)
{
    static const thumb_class MISCELLANEOUS[] = {THUMB_SIMD_SATURATE, THUMB_REVERSE, THUMB_SIMD,
                                                THUMB_COUNT};

    if (bits(h, 7, 7) == 0u) {
        if (bits(g, 7, 4) == 0u) {
            return THUMB_SHIFT;
        }
        if (bits(h, 3, 0) != 15u) {
            return THUMB_EXTEND_ADD;
        }
        return bits(h, 6, 5) == 1u ? THUMB_SIMD : THUMB_EXTEND; /* SXTB16, UXTB16 */
    }
    if (bits(g, 7, 7) == 0u) {
        return bits(g, 5, 4) == 1u ? THUMB_SIMD_SATURATE : THUMB_SIMD;
    }
    return bits(h, 6, 6) ? THUMB_DATA : MISCELLANEOUS[bits(h, 5, 4)]; /* CRC32 */
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
        return many(is_load ? THUMB_LOAD_PAIR : THUMB_STORE_PAIR, 2); /* LDRD, STRD */
    }
    if (bits(h, 8, 4) == 0x0Du && bits(g, 15, 5) == 0x780u) {
        return of(THUMB_TABLE_BRANCH);
    }
    if (bits(h, 8, 4) == 0x04u && bits(g, 15, 12) == 15u) {
        return of(THUMB_DATA); /* TT (Armv8-M) */
    }
    return of(is_load ? THUMB_LOAD : THUMB_STORE);
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
        return of(THUMB_NOP);
    }
}

/** Single loads and stores (A5.3.7 to A5.3.10). */
static thumb_class load_store_single(unsigned h, unsigned g)
{
    const unsigned is_word = bits(h, 6, 5) == 2u;
    const unsigned is_offset = bits(h, 7, 7) == 0u && bits(g, 11, 11) == 0u && bits(h, 3, 0) != 15u;

    if (bits(h, 4, 4) == 0u) {
        return is_offset ? THUMB_STORE_OFFSET : THUMB_STORE;
    }
    if (is_word) {
        return THUMB_LOAD;
    }
    return bits(g, 15, 12) == 15u ? THUMB_DATA : THUMB_LOAD_NARROW; /* PLD, PLI */
}

/** Multiplications and divisions (A5.3.16, A5.3.17). */
static thumb_class multiply(unsigned h, unsigned g)
{
    static const thumb_class LONG[] = {
        THUMB_MULTIPLY_LONG,     THUMB_DIVIDE,
        THUMB_MULTIPLY_LONG,     THUMB_DIVIDE,
        THUMB_MULTIPLY_ADD_LONG, THUMB_MULTIPLY_ADD_LONG,
        THUMB_MULTIPLY_ADD_LONG, THUMB_MULTIPLY_ADD_LONG,
    };

    if (bits(h, 7, 7)) {
        return LONG[bits(h, 6, 4)];
    }
    if (bits(h, 6, 4) == 7u) {
        return THUMB_SIMD_SATURATE; /* USAD8, USADA8 */
    }
    return bits(g, 15, 12) == 15u ? THUMB_MULTIPLY : THUMB_MULTIPLY_ADD;
}

static thumb_instruction decode_32(unsigned h, unsigned g)
{
    switch (bits(h, 12, 11)) {
    case 1:
        if (bits(h, 10, 9) == 0u) {
            return load_store_many(h, g);
        }
        return bits(h, 10, 9) == 1u ? of(shifted_register(h, g)) : thumb_coprocessor(h, g);
    case 2:
        if (bits(g, 15, 15)) {
            return branch_control(h, g);
        }
        return of(bits(h, 9, 9) ? plain_immediate(h) : modified_immediate(h, g));
    default:
        if (bits(h, 10, 9) == 0u) {
            return of(load_store_single(h, g));
        }
        if (bits(h, 10, 9) == 1u) {
            return of(bits(h, 8, 8) ? multiply(h, g) : data_register(h, g));
        }
        return thumb_coprocessor(h, g);
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
