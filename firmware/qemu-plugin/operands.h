/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Which registers an instruction reads and writes, and which of them early or late.
 *
 * Encodings: Armv7-M Architecture Reference Manual (DDI 0403), chapter A7, and Armv8-M Architecture
 * Reference Manual (DDI 0553), chapter C2.
 */
#ifndef TINYGEN_OPERANDS_H
#define TINYGEN_OPERANDS_H

#include <stdbool.h>
#include <stdint.h>

/** A bit for each register: 0 to 15 are r0 to pc, 32 to 63 are S0 to S31, of which D and Q consist.
 */
typedef uint64_t register_set;

#define REGISTER_SP (UINT64_C(1) << 13)
#define REGISTER_LR (UINT64_C(1) << 14)
#define REGISTER_PC (UINT64_C(1) << 15)
#define REGISTER_FLAGS (UINT64_C(1) << 16)      /**< N, Z, C, V. */
#define REGISTER_SATURATION (UINT64_C(1) << 17) /**< Q: only ever set, so never waited for. */
#define REGISTER_GE (UINT64_C(1) << 18)
#define REGISTER_PREDICATE (UINT64_C(1) << 19) /**< VPR. */
#define REGISTER_FP_STATUS                                                                         \
    (UINT64_C(1) << 20) /**< FPSCR: flags, carry of VADC, cumulative bits.                         \
                         */
#define REGISTER_FP(number) (UINT64_C(1) << (32u + (number)))

/**
 * What an instruction does with registers, as far as its encoding tells. IT and VPT blocks are the
 * caller's: a conditional instruction reads REGISTER_FLAGS too, a predicated vector instruction
 * REGISTER_PREDICATE and what it writes.
 */
typedef struct {
    /** Everything read. PC is not: its value is always there. */
    register_set reads;
    /** Part of `reads` that makes an address: base and index. */
    register_set addresses;
    /** Part of `reads` that is needed late: accumulators of multiply-adds, data of stores. */
    register_set late;
    /** Part of `reads` that goes through a shift, an extension or a bit field first. */
    register_set shifted;
    /** Everything written; PC by what branches. */
    register_set writes;
    /** Part of `writes` that is an address register moved on. */
    register_set base;
    /** Within an IT block the flags in `writes` are not written. */
    bool flags_outside_it;
    /** Whether the instruction was recognized; all sets are empty if not. */
    bool known;
} thumb_operands;

/**
 * Registers of one instruction.
 *
 * @param first   First halfword.
 * @param second  Second halfword; ignored if @p bytes is 2.
 * @param bytes   2 or 4.
 */
thumb_operands thumb_operands_of(uint16_t first, uint16_t second, unsigned bytes);

#endif
