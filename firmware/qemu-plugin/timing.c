/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Reads a timing model, and times instructions by it.
 */
#include "timing.h"

#include <stdlib.h>

/** Numbers before those of the classes. */
#define SCALARS 3
#define NUMBERS (SCALARS + 2 * THUMB_CLASSES)
#define MOST 1000

bool timing_read(timing_model *model, const char *text)
{
    int numbers[NUMBERS];

    for (int i = 0; i < NUMBERS; i++) {
        char *end;
        const long value = strtol(text, &end, 10);

        if (end == text || *end != (i + 1 < NUMBERS ? ':' : '\0') || value < 0 || value > MOST) {
            return false;
        }
        numbers[i] = (int)value;
        text = end + 1;
    }
    model->refill = (unsigned)numbers[0];
    model->pipelines_loads = numbers[1] != 0;
    model->is_64_bit = numbers[2] != 0;
    for (int i = 0; i < THUMB_CLASSES; i++) {
        const int *cost = numbers + SCALARS + 2 * i;

        model->costs[i] = (timing_cost){(unsigned)cost[0], (unsigned)cost[1]};
    }
    return true;
}

static timing_unit unit_of(thumb_class class)
{
    switch (class) {
    case THUMB_VECTOR:
    case THUMB_VECTOR_CONTROL:
        return UNIT_VECTOR_ARITHMETIC;
    case THUMB_VECTOR_LOAD:
    case THUMB_VECTOR_STORE:
    case THUMB_VECTOR_GATHER:
    case THUMB_VECTOR_SCATTER:
        return UNIT_VECTOR_MEMORY;
    default:
        return UNIT_SCALAR;
    }
}

timing_slot timing_slot_of(const timing_model *model, thumb_instruction instruction)
{
    const timing_cost cost = model->costs[instruction.class];
    const timing_unit unit = unit_of(instruction.class);
    /* Elements of a gather move one by one even where two words of an LDM move together. */
    const unsigned transfers =
        model->is_64_bit && unit == UNIT_SCALAR ? (instruction.count + 1u) / 2u : instruction.count;

    return (timing_slot){unit, cost.cycles + cost.per_transfer * transfers};
}

bool timing_is_single_transfer(thumb_class class)
{
    return class == THUMB_LOAD || class == THUMB_STORE;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t timing_finished(const timing_pipeline *pipeline)
{
    return later(pipeline->now, later(pipeline->vector_free[UNIT_VECTOR_ARITHMETIC],
                                      pipeline->vector_free[UNIT_VECTOR_MEMORY]));
}

void timing_issue(timing_pipeline *pipeline, timing_slot slot)
{
    if (slot.unit == UNIT_SCALAR) {
        if (slot.cycles != 0u) {
            pipeline->now = timing_finished(pipeline) + slot.cycles;
        }
    } else {
        /* The next instruction for the other unit may issue one cycle later. */
        const uint64_t start = later(pipeline->now, pipeline->vector_free[slot.unit]);

        pipeline->vector_free[slot.unit] = start + slot.cycles;
        pipeline->now = start + 1u;
    }
}

void timing_refill(timing_pipeline *pipeline, const timing_model *model)
{
    pipeline->now = timing_finished(pipeline) + model->refill;
}
