/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Finds an instruction's row, and the registers in its fields.
 */
#include "operands.h"

#include "operand_rows.h"

#include <stddef.h>

/** Bits @p high to @p low of @p code. */
static unsigned bits(uint32_t code, unsigned high, unsigned low)
{
    return (code >> low) & ((1u << (high - low + 1u)) - 1u);
}

static register_set core(unsigned number)
{
    return UINT64_C(1) << number;
}

/** @p count words from S @p first on; a core of this profile has 32 of them. */
static register_set words(unsigned first, unsigned count)
{
    const uint64_t all = ((UINT64_C(1) << count) - 1u) << first;

    return all << 32;
}

static register_set vector(unsigned number)
{
    return words(4u * number, 4);
}

/** A floating-point register, four bits of it and the fifth that is apart. */
static register_set floating(uint32_t is_double, unsigned four, unsigned one)
{
    return is_double ? words(2u * (one << 4 | four), 2) : words(four << 1 | one, 1);
}

static register_set field_16(operand_field field, uint32_t code)
{
    switch (field) {
    case RD0:
        return core(bits(code, 2, 0));
    case RN3:
        return core(bits(code, 5, 3));
    case RM6:
        return core(bits(code, 8, 6));
    case RD8:
        return core(bits(code, 10, 8));
    case RDN_HIGH:
        return core(bits(code, 7, 7) << 3 | bits(code, 2, 0));
    case RM_HIGH:
        return core(bits(code, 6, 3));
    case BASE8:
        return core(bits(code, 10, 8)) & ~(register_set)bits(code, 7, 0);
    case PUSH_LIST:
        return bits(code, 7, 0) | (bits(code, 8, 8) ? REGISTER_LR : 0u);
    case POP_LIST:
        return bits(code, 7, 0) | (bits(code, 8, 8) ? REGISTER_PC : 0u);
    default: /* LIST8 */
        return bits(code, 7, 0);
    }
}

/** Core registers of 32-bit instructions. */
static register_set field_core(operand_field field, uint32_t code)
{
    const bool writes_back = bits(code, 21, 21);

    switch (field) {
    case RN:
        return core(bits(code, 19, 16));
    case RM:
        return core(bits(code, 3, 0));
    case RD:
        return core(bits(code, 11, 8));
    case RT:
        return core(bits(code, 15, 12));
    case RDA:
        return core(bits(code, 15, 13) << 1);
    case RDA_HIGH:
        return core(bits(code, 22, 20) << 1 | 1u);
    case RN_EVEN:
        return core(bits(code, 19, 17) << 1);
    case RM_ODD:
        return core(bits(code, 3, 1) << 1 | 1u);
    case RD_ODD:
        return core(bits(code, 11, 9) << 1 | 1u);
    case RN_THREE:
        return core(bits(code, 18, 16));
    case RN_IF_W:
        return writes_back ? core(bits(code, 19, 16)) : 0u;
    case RN_IF_W8:
        return bits(code, 8, 8) ? core(bits(code, 19, 16)) : 0u;
    case RN_THREE_IF_W:
        return writes_back ? core(bits(code, 18, 16)) : 0u;
    case LIST16:
        return bits(code, 15, 0);
    case CLEAR_LIST:
        return bits(code, 14, 0) | (bits(code, 15, 15) ? REGISTER_FLAGS : 0u);
    default: /* FLAGS_IF_S */
        return bits(code, 20, 20) ? REGISTER_FLAGS : 0u;
    }
}

/** Floating-point and vector registers. */
static register_set field_fp(operand_field field, uint32_t code)
{
    const bool is_double = bits(code, 11, 8) == 11u;

    switch (field) {
    case SINGLE_D:
        return floating(false, bits(code, 15, 12), bits(code, 22, 22));
    case SINGLE_N:
        return floating(false, bits(code, 19, 16), bits(code, 7, 7));
    case SINGLE_M:
        return floating(false, bits(code, 3, 0), bits(code, 5, 5));
    case FLOAT_D:
        return floating(is_double, bits(code, 15, 12), bits(code, 22, 22));
    case FLOAT_N:
        return floating(is_double, bits(code, 19, 16), bits(code, 7, 7));
    case FLOAT_M:
        return floating(is_double, bits(code, 3, 0), bits(code, 5, 5));
    case FLOAT_OTHER_D:
        return floating(!is_double, bits(code, 15, 12), bits(code, 22, 22));
    case FLOAT_LIST:
        return words(is_double ? 2u * bits(code, 15, 12)
                               : bits(code, 15, 12) << 1 | bits(code, 22, 22),
                     bits(code, 5, 0));
    case SINGLE_PAIR:
        return words(bits(code, 3, 0) << 1 | bits(code, 5, 5), 2);
    case DOUBLE_M:
        return floating(true, bits(code, 3, 0), bits(code, 5, 5));
    case LANE:
        return words(2u * bits(code, 19, 16) + bits(code, 21, 21), 1);
    case LANES:
        return words(4u * bits(code, 15, 13) + bits(code, 4, 4), 1) |
               words(4u * bits(code, 15, 13) + bits(code, 4, 4) + 2u, 1);
    case QN:
        return vector(bits(code, 19, 17));
    case QM:
        return vector(bits(code, 3, 1));
    case QN_IF_W:
        return bits(code, 21, 21) ? vector(bits(code, 19, 17)) : 0u;
    case QD_TWO:
        return words(4u * bits(code, 15, 13), 8);
    case QD_FOUR:
        return words(4u * bits(code, 15, 13), 16);
    default: /* QD */
        return vector(bits(code, 15, 13));
    }
}

static register_set registers(operand_field field, uint32_t code)
{
    switch (field) {
    case SP:
        return REGISTER_SP;
    case LR:
        return REGISTER_LR;
    case PC:
        return REGISTER_PC;
    case FLAGS:
        return REGISTER_FLAGS;
    case SATURATION:
        return REGISTER_SATURATION;
    case GE:
        return REGISTER_GE;
    case PREDICATE:
        return REGISTER_PREDICATE;
    case FP_STATUS:
        return REGISTER_FP_STATUS;
    default:
        if (field < RN) {
            return field_16(field, code);
        }
        return field < SINGLE_D ? field_core(field, code) : field_fp(field, code);
    }
}

static void add(thumb_operands *to, unsigned operand, uint32_t code)
{
    const operand_field field = (operand_field)(operand & OPERAND_FIELD);
    const register_set set = registers(field, code);
    /* PC as a source is always there; as a destination of data processing it means none. */
    const register_set sources = set & ~REGISTER_PC;

    if (operand & OPERAND_READ) {
        to->reads |= sources;
    }
    if (operand & OPERAND_ADDRESS) {
        to->addresses |= sources;
    }
    if (operand & OPERAND_LATE) {
        to->late |= sources;
    }
    if (operand & OPERAND_SHIFTED) {
        to->shifted |= sources;
    }
    if (operand & OPERAND_WRITE) {
        to->writes |= field == RD ? sources : set;
    }
    if (operand & OPERAND_BASE) {
        to->base |= set;
    }
    if (operand & OPERAND_OUTSIDE_IT) {
        to->flags_outside_it = true;
    }
}

static thumb_operands find(const operand_row *rows, size_t count, uint32_t code)
{
    thumb_operands found = {0};

    for (size_t i = 0; i < count; i++) {
        if ((code & rows[i].mask) == rows[i].value) {
            for (int j = 0; j < OPERANDS_MOST && rows[i].operands[j] != NOTHING; j++) {
                add(&found, rows[i].operands[j], code);
            }
            found.known = true;
            break;
        }
    }
    return found;
}

thumb_operands thumb_operands_of(uint16_t first, uint16_t second, unsigned bytes)
{
    return bytes == 2u
               ? find(operand_rows_16, operand_rows_16_count, first)
               : find(operand_rows_32, operand_rows_32_count, (uint32_t)first << 16 | second);
}
