/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief How long instructions take: an in-order scoreboard, filled from the table of a core.
 *
 * A cycle is that in which an instruction issues. docs/profile.md explains and judges the models,
 * and tinygen/hardware/timing.py says what the columns of the table mean.
 */
#ifndef TINYGEN_TIMING_H
#define TINYGEN_TIMING_H

#include "operands.h"
#include "thumb.h"

#include <stdbool.h>
#include <stdint.h>

#define TIMING_UNITS 8
#define TIMING_REGISTERS 64

/** What an instruction needs a register for; a result can be there sooner for some uses. */
typedef enum {
    USE_DATA,
    USE_SHIFTED,    /**< Passes a shifter first. */
    USE_ADDRESS,    /**< A core register, of a load's or store's address. */
    USE_INDEX,      /**< A vector of offsets or addresses. */
    USE_MULTIPLY,   /**< A factor, a dividend or a divisor. */
    USE_ACCUMULATE, /**< Products are added to it. */
    USE_ADDEND,     /**< An extended register is added to it. */
    USE_STORE,      /**< Is stored. */
    USE_VECTOR,     /**< Any operand of MVE's data processing but the two before. */
    USE_CONDITION,  /**< Decides a branch, or says where it goes. */
    USES
} timing_use;

/** Bits of a slot: how an instruction may share a cycle. */
enum {
    SLOT_OLDER = 1,   /**< As the first of two. */
    SLOT_YOUNGER = 2, /**< As the second. */
    SLOT_GUEST = 4,   /**< Not with another guest. */
    SLOT_BITS = 7
};

/** A class of instructions on a core. */
typedef struct {
    unsigned cycles;       /**< Until the next one can issue, beside those of transfers. */
    unsigned per_transfer; /**< Cycles of a word or element, or of two where the core moves two. */
    unsigned tail;         /**< Of these, an instruction that overlaps begins so many earlier. */
    bool overlaps;
    unsigned slot;  /**< See SLOT_OLDER. */
    unsigned units; /**< A bit for each of those it needs. */
    bool any_unit;  /**< One of them is enough. */
    unsigned busy;  /**< Cycles that it keeps its units, beside those of transfers. */
    unsigned busy_per_transfer;
    unsigned early;         /**< Stages by which it executes earlier if its operands are there. */
    unsigned late;          /**< Stages by which it executes later if they are not. */
    unsigned latency[USES]; /**< From its last cycle to the use's. */
} timing_class;

/** A core. */
typedef struct {
    unsigned width; /**< Instructions a cycle: 1 or 2. */
    bool narrow;    /**< Only two 16-bit instructions share a cycle. */
    bool is_64_bit; /**< Two words move in a cycle. */
    unsigned banks; /**< Of words, that two loads in a cycle must not share; 0: they never do. */
    bool overlap_in_memory; /**< Only accesses of the same memory overlap. */
    bool overlap_plain;     /**< Only one that updates no base register overlaps. */
    bool early_older;       /**< Only the first of two executes early. */
    unsigned refill; /**< Cycles a taken branch adds that nothing predicted, or that was right. */
    unsigned after_flags;      /**< More, if it shared its cycle with what set its flags. */
    unsigned mispredict;       /**< Cycles a wrong prediction adds; 0: nothing is predicted. */
    unsigned late_flags;       /**< More, if flags were set in the three cycles before. */
    unsigned unaligned_target; /**< Cycles a jump to a 32-bit instruction across words adds. */
    unsigned unaligned_run;    /**< Cycles of a run of them, see timing_align(). */
    /** Of all classes, and of a base register that a load or store updates. */
    timing_class classes[THUMB_CLASSES + 1];
} timing_model;

/** An instruction of a program, prepared. */
typedef struct {
    const timing_class *costs;
    thumb_operands operands;
    uint64_t address; /**< What it accessed last. */
    thumb_class class;
    unsigned cycles;
    unsigned busy;
    bool is_wide;      /**< 32 bits. */
    bool crosses_word; /**< 32 bits from an address that is no multiple of 4. */
} timing_instruction;

/** What a branch did so far. */
typedef struct {
    unsigned taken; /**< 0 to 3: from surely not to surely. */
    uint64_t target;
} timing_branch;

/** The state of a core; all zero at the start. */
typedef struct {
    uint64_t now;                    /**< When the last instruction issued. */
    uint64_t next;                   /**< When the next can that does not share a cycle. */
    unsigned tail;                   /**< Cycles before `next` in which one that overlaps can. */
    const timing_instruction *older; /**< Shares its cycle with the next, if they fit. */
    const timing_instruction *last;
    uint64_t flags_set;
    bool flags_shared; /**< The last two instructions shared a cycle, and the first set flags. */
    uint64_t unit_free[TIMING_UNITS];
    /** When a register's writer was in the stage that its latencies are counted from. */
    int64_t written[TIMING_REGISTERS];
    const timing_class *writer[TIMING_REGISTERS];
} timing_pipeline;

/**
 * Reads a model: numbers separated by colons, in the order of the fields.
 * tinygen/hardware/timing.py writes them, from the file of a core.
 *
 * @return Whether it is one.
 */
bool timing_read(timing_model *model, const char *text);

/**
 * Prepares an instruction.
 *
 * @param first       First halfword.
 * @param second      Second halfword; ignored if the first is all.
 * @param address     Of the instruction.
 * @param is_in_it    Whether an IT makes it conditional.
 */
timing_instruction timing_prepare(const timing_model *model, uint16_t first, uint16_t second,
                                  uint64_t address, bool is_in_it);

/**
 * Adds what the alignment of straight-line code costs.
 *
 * A run of three or more 32-bit instructions across words, four or more of stores, after an
 * instruction of several cycles takes `unaligned_run` more (docs/profile.md).
 */
void timing_align(const timing_model *model, timing_instruction *instructions, unsigned count);

/** Issues an instruction; it has to live until the next has issued. */
void timing_issue(timing_pipeline *pipeline, const timing_model *model,
                  const timing_instruction *instruction);

/**
 * Goes on after the last instruction of a block, which may be a branch.
 *
 * @param last     That instruction.
 * @param branch   What it did so far; updated.
 * @param target   The instruction that follows, at @p address.
 * @param taken    Whether that is elsewhere than behind the last.
 */
void timing_go_on(timing_pipeline *pipeline, const timing_model *model,
                  const timing_instruction *last, timing_branch *branch,
                  const timing_instruction *target, uint64_t address, bool taken);

/** The cycle by which everything issued makes way for the next instruction. */
uint64_t timing_finished(const timing_pipeline *pipeline);

#endif
