/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief The tables of operands: an encoding a row, and what it does with which registers.
 */
#ifndef TINYGEN_OPERAND_ROWS_H
#define TINYGEN_OPERAND_ROWS_H

#include <stddef.h>
#include <stdint.h>

/** Where the encoding names registers. Letters are the manual's, digits the lowest bit. */
typedef enum {
    NOTHING,
    /* Of 16-bit instructions. */
    RD0,       /**< Three bits. */
    RN3,       /**< Three bits. */
    RM6,       /**< Three bits. */
    RD8,       /**< Three bits. */
    RDN_HIGH,  /**< Bit 7 and bits 2 to 0; PC is not counted. */
    RM_HIGH,   /**< Four bits from 3. */
    LIST8,     /**< A bit a register, r0 to r7. */
    BASE8,     /**< RD8, unless the list has it. */
    PUSH_LIST, /**< r0 to r7 and LR. */
    POP_LIST,  /**< r0 to r7 and PC. */
    /* Of 32-bit instructions. */
    RN,
    RM,
    RD,
    RT,
    RDA,      /**< An even register, bits 15 to 13. */
    RDA_HIGH, /**< An odd register, bits 22 to 20. */
    RN_EVEN,  /**< Bits 19 to 17. */
    RM_ODD,   /**< Bits 3 to 1. */
    RD_ODD,   /**< Bits 11 to 9. */
    RN_THREE, /**< Bits 18 to 16. */
    RN_IF_W,  /**< RN, if bit 21 is set. */
    RN_IF_W8, /**< RN, if bit 8 is set. */
    RN_THREE_IF_W,
    LIST16,     /**< A bit a register. */
    CLEAR_LIST, /**< A bit a register, bit 15 for the flags. */
    FLAGS_IF_S, /**< N, Z, C and V, if bit 20 is set. */
    SINGLE_D,   /**< A floating-point register of 32 bits, bits 15 to 12 and 22. */
    SINGLE_N,
    SINGLE_M,
    FLOAT_D, /**< A register of 64 bits where bits 11 to 8 are 11, else of 32. */
    FLOAT_N,
    FLOAT_M,
    FLOAT_OTHER_D, /**< Of 32 bits where FLOAT_D has 64, and the other way round. */
    FLOAT_LIST,    /**< From FLOAT_D on, so many words as bits 7 to 0 say. */
    SINGLE_PAIR,   /**< SINGLE_M and the next one. */
    DOUBLE_M,
    LANE,  /**< A quarter of a vector, by bits 7, 19 to 16 and 21. */
    LANES, /**< Two quarters of a vector, by bits 15 to 13 and 4. */
    QD,    /**< A vector, bits 15 to 13. */
    QN,    /**< A vector, bits 19 to 17. */
    QM,    /**< A vector, bits 3 to 1. */
    QN_IF_W,
    QD_TWO,  /**< QD and the next one. */
    QD_FOUR, /**< QD and the next three. */
    /* Of both: registers the encoding does not name. */
    SP,
    LR,
    PC,
    FLAGS,
    SATURATION,
    GE,
    PREDICATE,
    FP_STATUS
} operand_field;

/** What is done with the registers of a field; the bits add up, and are added to the field. */
enum {
    OPERAND_FIELD = 0xFF,
    OPERAND_READ = 0x100,
    OPERAND_WRITE = 0x200,
    OPERAND_ADDRESS = 0x400,
    OPERAND_LATE = 0x800,
    OPERAND_SHIFTED = 0x1000,
    OPERAND_BASE = 0x2000,
    OPERAND_OUTSIDE_IT = 0x4000 /**< Written outside IT blocks only. */
};

#define OPERANDS_MOST 6

/** Encodings with `code & mask == value`, unless a row before this one has them. */
typedef struct {
    uint32_t mask;
    uint32_t value;
    uint16_t operands[OPERANDS_MOST];
} operand_row;

/** 16-bit instructions. */
extern const operand_row operand_rows_16[];
extern const size_t operand_rows_16_count;

/** 32-bit instructions; the first halfword is the upper half. */
extern const operand_row operand_rows_32[];
extern const size_t operand_rows_32_count;

#endif
