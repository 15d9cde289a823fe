/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief How long instructions take. docs/profile.md explains and judges the models.
 */
#ifndef TINYGEN_TIMING_H
#define TINYGEN_TIMING_H

#include "thumb.h"

#include <stdbool.h>
#include <stdint.h>

/** Cycles of an instruction of a class: cycles + per_transfer * count. */
typedef struct {
    unsigned cycles;
    unsigned per_transfer;
} timing_cost;

/** What an instruction occupies; only M55 has more than one unit. */
typedef enum { UNIT_SCALAR, UNIT_VECTOR_ARITHMETIC, UNIT_VECTOR_MEMORY, UNITS } timing_unit;

/** A core's timing model. */
typedef struct {
    /** Cycles a taken branch adds. */
    unsigned refill;
    /** A single load takes one cycle less right after a single load or store. */
    bool pipelines_loads;
    /** Two words move in a cycle. */
    bool is_64_bit;
    timing_cost costs[THUMB_CLASSES];
} timing_model;

/** Instructions that occupy a unit one after the other. */
typedef struct {
    timing_unit unit;
    uint32_t cycles;
} timing_slot;

/** When each part of the core is free, in cycles; all zero at the start. */
typedef struct {
    uint64_t now;
    uint64_t vector_free[UNITS];
} timing_pipeline;

/**
 * Reads a model: numbers separated by colons, in the order of the fields, the costs in that of
 * thumb_class. tinygen/hardware/timing.py writes them, from the file of a core.
 *
 * @return Whether it is one.
 */
bool timing_read(timing_model *model, const char *text);

/** What one instruction occupies, and for how long, whatever is around it. */
timing_slot timing_slot_of(const timing_model *model, thumb_instruction instruction);

/** Whether the class is a single load or store, which a load can follow without a bubble. */
bool timing_is_single_transfer(thumb_class class);

/** Issues the instructions of a slot. */
void timing_issue(timing_pipeline *pipeline, timing_slot slot);

/** The cycle by which everything issued is finished. */
uint64_t timing_finished(const timing_pipeline *pipeline);

/** Refills the pipeline after a taken branch. */
void timing_refill(timing_pipeline *pipeline, const timing_model *model);

#endif
