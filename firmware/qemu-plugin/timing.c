/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Timing models: M0, M0+, M3 and M4 from their Technical Reference Manuals, M55 estimated.
 *
 * All assume zero wait states. Where a manual gives a range that depends on operand values, one
 * value of it is taken and named here.
 */
#include "timing.h"

#include <string.h>

/* DDI 0432C, table 3-1. */
#define COSTS_M0(system)                                                                           \
    {                                                                                              \
        [THUMB_LOAD] = {1, 0}, [THUMB_STORE] = {1, 0}, [THUMB_LOAD_MANY] = {0, 1},                 \
        [THUMB_LOAD_MANY_PC] = {1, 1}, [THUMB_STORE_MANY] = {0, 1}, [THUMB_CALL] = {1, 0},         \
        [THUMB_SYSTEM] = {(system)-1, 0},                                                          \
    }

static const timing_model models[] = {
    {
        /* DDI 0432C, table 3-1, with the single-cycle multiplier. */
        .name = "cortex-m0",
        .refill = 2,
        .costs = COSTS_M0(4),
    },
    {
        /* DDI 0484C, table 3-1, with the single-cycle multiplier. */
        .name = "cortex-m0plus",
        .refill = 1,
        .costs = COSTS_M0(3),
    },
    {
        /* DDI 0337I, table 3-1. Long multiplications end early for small operands (3 to 5 cycles, 4
         * to 7 with accumulation): the most is taken, because requantization multiplies by 31-bit
         * numbers. Division (2 to 12): 7. Refill (1 to 3): 2. */
        .name = "cortex-m3",
        .refill = 2,
        .pipelines_loads = true,
        .costs =
            {
                [THUMB_MULTIPLY_ADD] = {1, 0},
                [THUMB_MULTIPLY_LONG] = {4, 0},
                [THUMB_MULTIPLY_ADD_LONG] = {6, 0},
                [THUMB_DIVIDE] = {6, 0},
                [THUMB_LOAD] = {1, 0},
                [THUMB_LOAD_MANY] = {0, 1},
                [THUMB_LOAD_MANY_PC] = {0, 1},
                [THUMB_STORE_MANY] = {0, 1},
                [THUMB_TABLE_BRANCH] = {1, 0},
            },
    },
    {
        /* DDI 0439D, tables 3-1 and 7-1. Division (2 to 12): 7. Refill (1 to 3): 2. */
        .name = "cortex-m4",
        .refill = 2,
        .pipelines_loads = true,
        .costs =
            {
                [THUMB_DIVIDE] = {6, 0},
                [THUMB_LOAD] = {1, 0},
                [THUMB_LOAD_MANY] = {0, 1},
                [THUMB_LOAD_MANY_PC] = {0, 1},
                [THUMB_STORE_MANY] = {0, 1},
                [THUMB_TABLE_BRANCH] = {1, 0},
                [THUMB_FP_MULTIPLY_ADD] = {2, 0},
                [THUMB_FP_DIVIDE] = {13, 0},
                [THUMB_FP_MOVE_PAIR] = {1, 0},
                [THUMB_FP_LOAD] = {0, 1},
                [THUMB_FP_STORE] = {0, 1},
            },
    },
    {
        /* No manual gives the timings: an estimate, see docs/profile.md. A vector passes its unit
         * in two cycles; gathers and scatters take a cycle an element. */
        .name = "cortex-m55",
        .refill = 2,
        .is_64_bit = true,
        .costs =
            {
                [THUMB_DIVIDE] = {6, 0},
                [THUMB_LOAD_MANY] = {-1, 1},
                [THUMB_LOAD_MANY_PC] = {-1, 1},
                [THUMB_STORE_MANY] = {-1, 1},
                [THUMB_TABLE_BRANCH] = {1, 0},
                [THUMB_LOOP] = {-1, 0},
                [THUMB_FP_DIVIDE] = {13, 0},
                [THUMB_FP_LOAD] = {-1, 1},
                [THUMB_FP_STORE] = {-1, 1},
                [THUMB_VECTOR] = {1, 0},
                [THUMB_VECTOR_LOAD] = {1, 0},
                [THUMB_VECTOR_STORE] = {1, 0},
                [THUMB_VECTOR_GATHER] = {-1, 1},
                [THUMB_VECTOR_SCATTER] = {-1, 1},
            },
    },
};

const timing_model *timing_find(const char *name)
{
    for (unsigned i = 0; i < sizeof models / sizeof *models; i++) {
        if (strcmp(models[i].name, name) == 0) {
            return &models[i];
        }
    }
    return NULL;
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
    const int cycles = 1 + cost.extra + cost.per_transfer * (int)transfers;

    return (timing_slot){unit, (uint32_t)cycles};
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
