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
    THUMB_DATA,                /**< Logic, comparison, carry; hints and preloads without a class. */
    THUMB_ADD,                 /**< ADD and SUB of registers, or to the stack pointer. */
    THUMB_ADD_IMMEDIATE,       /**< ADD and SUB of 8 or 12 bits, or of a pattern of bytes. */
    THUMB_MOVE,                /**< MOV, MVN, MOVW, MOVT. */
    THUMB_SHIFT,               /**< LSL, LSR, ASR, ROR, RRX. */
    THUMB_EXTEND,              /**< SXTB, SXTH, UXTB, UXTH. */
    THUMB_DATA_CONSTANT,       /**< An immediate that is 8 bits shifted. */
    THUMB_DATA_CONSTANT_FLAGS, /**< The same, flags set too. */
    THUMB_DATA_SHIFTED,        /**< The second operand is a shifted register. */
    THUMB_BIT_FIELD_INSERT,    /**< BFI, BFC. */
    THUMB_BIT_FIELD_EXTRACT,   /**< SBFX, UBFX. */
    THUMB_PACK,                /**< PKHBT, PKHTB. */
    THUMB_EXTEND_ADD,          /**< SXTAB, UXTAH and their kin. */
    THUMB_REVERSE,             /**< REV, REV16, REVSH, RBIT. */
    THUMB_COUNT,               /**< CLZ. */
    THUMB_SIMD,                /**< Parallel sums that wrap or halve, SEL, SXTB16. */
    THUMB_SIMD_SATURATE,       /**< Saturating sums, parallel or not; USAD8. */
    THUMB_SATURATE,            /**< SSAT, USAT. */
    THUMB_SELECT,              /**< CSEL, CSINC, CSINV, CSNEG. */
    THUMB_LONG_SHIFT,          /**< Shifts of 64 bits, saturating shifts of a register (MVE). */
    THUMB_IT,                  /**< IT. */
    THUMB_NOP,                 /**< NOP and other hints. */
    THUMB_MULTIPLY,            /**< One product, 32-bit result, nothing added. */
    THUMB_MULTIPLY_FLAGS,      /**< MULS of 16 bits. */
    THUMB_MULTIPLY_ADD,        /**< Products added to a 32-bit register. */
    THUMB_MULTIPLY_LONG,       /**< 64-bit product. */
    THUMB_MULTIPLY_ADD_LONG,   /**< Products added to a 64-bit register pair. */
    THUMB_DIVIDE,              /**< SDIV, UDIV. */
    THUMB_LOAD,                /**< One word, exclusive loads included. */
    THUMB_LOAD_NARROW,         /**< A byte or a halfword. */
    THUMB_LOAD_PAIR,           /**< LDRD: `count` words. */
    THUMB_LOAD_MANY,           /**< LDM, POP: `count` words, none of them PC. */
    THUMB_LOAD_MANY_PC,        /**< LDM, POP: `count` words, the last of them PC. */
    THUMB_STORE,               /**< One word or less. */
    THUMB_STORE_OFFSET,        /**< The same, to a sum of two registers. */
    THUMB_STORE_PAIR,          /**< STRD: `count` words. */
    THUMB_STORE_MANY,          /**< STM, PUSH: `count` words. */
    THUMB_BRANCH,              /**< B, CBZ, BX, BLX and moves to PC. */
    THUMB_CALL,                /**< BL. */
    THUMB_TABLE_BRANCH,        /**< TBB, TBH. */
    THUMB_LOOP,                /**< LE, LETP: the end of a low-overhead loop. */
    THUMB_SYSTEM,              /**< MRS, MSR, barriers. */
    THUMB_FP,                  /**< Sum, conversion, and what takes no longer. */
    THUMB_FP_MULTIPLY,         /**< VMUL, VNMUL. */
    THUMB_FP_MULTIPLY_ADD,     /**< VMLA and its kin: two roundings. */
    THUMB_FP_FUSED,            /**< VFMA and its kin: one rounding. */
    THUMB_FP_DIVIDE,           /**< VDIV. */
    THUMB_FP_SQUARE_ROOT,      /**< VSQRT. */
    THUMB_FP_COMPARE,          /**< VCMP. */
    THUMB_FP_MOVE,             /**< VMOV of a register or an immediate. */
    THUMB_FP_TO_CORE,          /**< One register; VMRS. */
    THUMB_FP_FROM_CORE,        /**< One register; VMSR. */
    THUMB_FP_PAIR_TO_CORE,     /**< Two core registers from a double or two singles. */
    THUMB_FP_PAIR_FROM_CORE,   /**< Two core registers to them. */
    THUMB_FP_LOAD,             /**< VLDR: `count` words. */
    THUMB_FP_LOAD_MANY,        /**< VLDM, VPOP: `count` words. */
    THUMB_FP_STORE,            /**< VSTR: `count` words. */
    THUMB_FP_STORE_MANY,       /**< VSTM, VPUSH: `count` words. */
    THUMB_VECTOR_INTEGER,      /**< MVE: sums, shifts, minima that need no rounding. */
    THUMB_VECTOR_BITWISE,      /**< Logic, reversals, VPSEL, VCLZ. */
    THUMB_VECTOR_IMMEDIATE,    /**< VMOV, VMVN, VORR, VBIC of a constant. */
    THUMB_VECTOR_ROUND,        /**< Rounding and saturating shifts; sums with carry. */
    THUMB_VECTOR_NARROW,       /**< VMOVN, VSHRN. */
    THUMB_VECTOR_NARROW_SATURATE,   /**< VQMOVN, VQSHRN, VRSHRN and their kin. */
    THUMB_VECTOR_ACROSS,            /**< Extremes of a whole vector; VABAV. */
    THUMB_VECTOR_MULTIPLY,          /**< Products of lanes. */
    THUMB_VECTOR_MULTIPLY_ADD,      /**< Products of lanes added to lanes. */
    THUMB_VECTOR_REDUCE,            /**< Products or lanes summed into core registers. */
    THUMB_VECTOR_FP_ADD,            /**< Sums, signs and extremes of floating-point lanes. */
    THUMB_VECTOR_FP_MULTIPLY,       /**< Their products. */
    THUMB_VECTOR_FP_FUSED,          /**< Their products added to lanes. */
    THUMB_VECTOR_FP_CONVERT,        /**< VCVT, VRINT. */
    THUMB_VECTOR_COMPARE,           /**< VCMP, VPT. */
    THUMB_VECTOR_CONTROL,           /**< VPST, VPNOT, VCTP: no lanes are computed. */
    THUMB_VECTOR_TO_CORE,           /**< One or two lanes to core registers. */
    THUMB_VECTOR_FROM_CORE,         /**< One or two lanes from core registers. */
    THUMB_VECTOR_LOAD,              /**< Whole vector from consecutive addresses. */
    THUMB_VECTOR_LOAD_INTERLEAVED,  /**< VLD2x, VLD4x. */
    THUMB_VECTOR_STORE,             /**< Whole vector to consecutive addresses. */
    THUMB_VECTOR_STORE_INTERLEAVED, /**< VST2x, VST4x. */
    THUMB_VECTOR_GATHER,  /**< `count` elements of a word or less from computed addresses. */
    THUMB_VECTOR_SCATTER, /**< `count` elements of a word or less to computed addresses. */
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
