/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief What a Thumb instruction is, as far as its time goes.
 *
 * Encodings: Armv7-M Architecture Reference Manual (DDI 0403), chapter A5, and Armv8-M Architecture
 * Reference Manual (DDI 0553), chapter C2, for what M33 and M55 add.
 */
#ifndef TINYGEN_THUMB_H
#define TINYGEN_THUMB_H

#include <stdint.h>

/** Classes of instructions that some core times differently. */
typedef enum {
    THUMB_DATA,              /**< Data processing, DSP without multiply, hints, preloads. */
    THUMB_MULTIPLY,          /**< One product, 32-bit result, nothing added. */
    THUMB_MULTIPLY_ADD,      /**< Products added to a 32-bit register. */
    THUMB_MULTIPLY_LONG,     /**< 64-bit product. */
    THUMB_MULTIPLY_ADD_LONG, /**< Products added to a 64-bit register pair. */
    THUMB_DIVIDE,
    THUMB_LOAD,         /**< One word or less, exclusive loads included. */
    THUMB_STORE,        /**< One word or less. */
    THUMB_LOAD_MANY,    /**< LDM, POP, LDRD: `count` words, none of them PC. */
    THUMB_LOAD_MANY_PC, /**< LDM, POP: `count` words, the last of them PC. */
    THUMB_STORE_MANY,   /**< STM, PUSH, STRD: `count` words. */
    THUMB_BRANCH,       /**< B, CBZ, BX, BLX and moves to PC. */
    THUMB_CALL,         /**< BL. */
    THUMB_TABLE_BRANCH,
    THUMB_LOOP,   /**< LE, LETP: the end of a low-overhead loop. */
    THUMB_SYSTEM, /**< MRS, MSR, barriers. */
    THUMB_FP,     /**< Floating point that takes a cycle on M4. */
    THUMB_FP_MULTIPLY_ADD,
    THUMB_FP_DIVIDE,      /**< Division and square root. */
    THUMB_FP_MOVE_PAIR,   /**< Two core registers to or from FP registers. */
    THUMB_FP_LOAD,        /**< VLDR, VLDM, VPOP: `count` words. */
    THUMB_FP_STORE,       /**< VSTR, VSTM, VPUSH: `count` words. */
    THUMB_VECTOR,         /**< MVE arithmetic on a whole vector. */
    THUMB_VECTOR_CONTROL, /**< VPST, VPNOT, VCTP: no lanes are computed. */
    THUMB_VECTOR_LOAD,    /**< Whole vector from consecutive addresses. */
    THUMB_VECTOR_STORE,   /**< Whole vector to consecutive addresses. */
    THUMB_VECTOR_GATHER,  /**< `count` elements from computed addresses. */
    THUMB_VECTOR_SCATTER, /**< `count` elements to computed addresses. */
    THUMB_CLASSES
} thumb_class;

/** An instruction, decoded. */
typedef struct {
    thumb_class class;
    /** Words or elements transferred by the classes that say so, else 0. */
    unsigned count;
} thumb_instruction;

/**
 * Bytes of an instruction: 2 or 4.
 *
 * To be trusted more than QEMU 7.2's size: where a page ends, QEMU looks at the next instruction
 * too, and counts what it read there as part of the last one.
 *
 * @param first  First halfword.
 */
unsigned thumb_bytes(uint16_t first);

/**
 * Decodes one instruction.
 *
 * @param first   First halfword.
 * @param second  Second halfword; ignored if @p bytes is 2.
 * @param bytes   2 or 4.
 * @return        Undefined and coprocessor instructions count as data processing.
 */
thumb_instruction thumb_decode(uint16_t first, uint16_t second, unsigned bytes);

#endif
