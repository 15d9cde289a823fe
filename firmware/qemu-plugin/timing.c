/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Reads a timing model, and issues instructions by it.
 */
#include "timing.h"

#include <stdlib.h>
#include <string.h>

#define BASE_UPDATE THUMB_CLASSES
#define FIRST_VECTOR_REGISTER 32
#define MOST 1000
/** Cycles before a branch in which flags are late for its prediction. */
#define FLAG_DISTANCE 3u

/** The number at @p text, which is moved behind it and the colon, or to NULL if there is none. */
static unsigned number(const char **text)
{
    char *end;
    long value;

    if (*text == NULL) {
        return 0;
    }
    value = strtol(*text, &end, 10);
    if (end == *text || (*end != ':' && *end != '\0') || value < 0 || value > MOST) {
        *text = NULL;
        return 0;
    }
    *text = *end == ':' ? end + 1 : end;
    return (unsigned)value;
}

static void read_class(timing_class *class, const char **text)
{
    class->cycles = number(text);
    class->per_transfer = number(text);
    class->tail = number(text);
    class->overlaps = number(text) != 0u;
    class->slot = number(text);
    class->units = number(text);
    class->any_unit = number(text) != 0u;
    class->busy = number(text);
    class->busy_per_transfer = number(text);
    class->early = number(text);
    class->late = number(text);
    for (int use = 0; use < USES; use++) {
        class->latency[use] = number(text);
    }
}

bool timing_read(timing_model *model, const char *text)
{
    const char last = *text == '\0' ? ':' : text[strlen(text) - 1u];

    memset(model, 0, sizeof *model);
    model->width = number(&text);
    model->narrow = number(&text) != 0u;
    model->is_64_bit = number(&text) != 0u;
    model->banks = number(&text);
    model->overlap_in_memory = number(&text) != 0u;
    model->overlap_plain = number(&text) != 0u;
    model->early_older = number(&text) != 0u;
    model->refill = number(&text);
    model->after_flags = number(&text);
    model->mispredict = number(&text);
    model->late_flags = number(&text);
    model->unaligned_target = number(&text);
    model->unaligned_run = number(&text);
    for (int i = 0; i <= THUMB_CLASSES; i++) {
        read_class(&model->classes[i], &text);
        if (model->classes[i].slot > SLOT_BITS || model->classes[i].units >> TIMING_UNITS != 0u) {
            return false;
        }
    }
    return text != NULL && *text == '\0' && last != ':';
}

timing_instruction timing_prepare(const timing_model *model, uint16_t first, uint16_t second,
                                  uint64_t address, bool is_in_it)
{
    const unsigned bytes = thumb_bytes(first);
    const thumb_instruction decoded = thumb_decode(first, second, bytes);
    const timing_class *costs = &model->classes[decoded.class];
    const unsigned transfers = model->is_64_bit ? (decoded.count + 1u) / 2u : decoded.count;

    thumb_operands operands = thumb_operands_of(first, second, bytes);

    if (is_in_it) {
        operands.reads |= REGISTER_FLAGS;
        if (operands.flags_outside_it) {
            operands.writes &= ~REGISTER_FLAGS;
        }
    }
    return (timing_instruction){
        .costs = costs,
        .operands = operands,
        .class = decoded.class,
        .cycles = costs->cycles + costs->per_transfer * transfers,
        .busy = costs->busy + costs->busy_per_transfer * transfers,
        .is_wide = bytes == 4u,
        .crosses_word = bytes == 4u && (address & 2u) != 0u,
    };
}

static bool is_store(thumb_class class)
{
    return class == THUMB_STORE || class == THUMB_STORE_OFFSET;
}

void timing_align(const timing_model *model, timing_instruction *instructions, unsigned count)
{
    bool follows_long = false;
    unsigned run = 0;

    for (unsigned i = 0; i < count; i++) {
        timing_instruction *instruction = &instructions[i];

        run = instruction->crosses_word ? run + 1u : 0u;
        if (follows_long && run == (is_store(instruction->class) ? 4u : 3u)) {
            instruction->cycles += model->unaligned_run;
            follows_long = false;
        } else if (run <= 1u) {
            follows_long = i != 0u && instructions[i - 1u].cycles > 1u;
        }
    }
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static int64_t later_stage(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static unsigned lowest(register_set set)
{
#if defined(__GNUC__)
    return (unsigned)__builtin_ctzll(set);
#else
    unsigned i = 0;

    while ((set >> i & 1u) == 0u) {
        i++;
    }
    return i;
#endif
}

/** When all registers of a set can be used. */
static int64_t ready(const timing_pipeline *pipeline, register_set set, timing_use use)
{
    int64_t when = 0;

    for (; set != 0u; set &= set - 1u) {
        const unsigned i = lowest(set);

        if (pipeline->writer[i] != NULL) {
            when = later_stage(when, pipeline->written[i] + pipeline->writer[i]->latency[use]);
        }
    }
    return when;
}

static bool is_vector(thumb_class class)
{
    return class >= THUMB_VECTOR_INTEGER;
}

/** What registers are read for that are neither shifted nor addresses nor late. */
static timing_use use_of(thumb_class class)
{
    switch (class) {
    case THUMB_MULTIPLY:
    case THUMB_MULTIPLY_FLAGS:
    case THUMB_MULTIPLY_ADD:
    case THUMB_MULTIPLY_LONG:
    case THUMB_MULTIPLY_ADD_LONG:
    case THUMB_DIVIDE:
    case THUMB_FP_MULTIPLY:
    case THUMB_FP_MULTIPLY_ADD:
    case THUMB_FP_FUSED:
        return USE_MULTIPLY;
    case THUMB_EXTEND_ADD:
        return USE_ADDEND;
    case THUMB_BRANCH:
        return USE_CONDITION;
    case THUMB_VECTOR_LOAD_INTERLEAVED: /* What the others of its group loaded. */
        return USE_ACCUMULATE;
    default:
        return is_vector(class) ? USE_VECTOR : USE_DATA;
    }
}

/** What registers are for that are needed late. */
static timing_use late_use_of(thumb_class class)
{
    switch (class) {
    case THUMB_STORE:
    case THUMB_STORE_OFFSET:
    case THUMB_STORE_PAIR:
    case THUMB_STORE_MANY:
    case THUMB_FP_STORE:
    case THUMB_FP_STORE_MANY:
    case THUMB_VECTOR_STORE:
    case THUMB_VECTOR_STORE_INTERLEAVED:
    case THUMB_VECTOR_SCATTER:
        return USE_STORE;
    default:
        return USE_ACCUMULATE;
    }
}

/** What registers are for that pass a shifter, which some do in the stage of the sum. */
static timing_use shifted_use_of(thumb_class class)
{
    return class == THUMB_SHIFT || class == THUMB_EXTEND || class == THUMB_SIMD ? USE_DATA
                                                                                : USE_SHIFTED;
}

/** When the operands of an instruction can be used. */
static int64_t operands_ready(const timing_pipeline *pipeline,
                              const timing_instruction *instruction)
{
    const thumb_operands *o = &instruction->operands;
    const register_set vectors = ~UINT64_C(0) << FIRST_VECTOR_REGISTER;
    const register_set plain = o->reads & ~(o->addresses | o->shifted | o->late);
    int64_t when = ready(pipeline, plain, use_of(instruction->class));

    when = later_stage(when, ready(pipeline, o->shifted, shifted_use_of(instruction->class)));
    when = later_stage(when, ready(pipeline, o->addresses & ~vectors, USE_ADDRESS));
    when = later_stage(when, ready(pipeline, o->addresses & vectors, USE_INDEX));
    return later_stage(when, ready(pipeline, o->late, late_use_of(instruction->class)));
}

/** When the units that an instruction needs are free. */
static uint64_t units_ready(const timing_pipeline *pipeline, const timing_class *costs)
{
    uint64_t all = 0;
    uint64_t any = UINT64_MAX;

    for (unsigned units = costs->units; units != 0u; units &= units - 1u) {
        const uint64_t when = pipeline->unit_free[lowest(units)];

        all = later(all, when);
        any = when < any ? when : any;
    }
    return costs->any_unit ? any : all;
}

static void occupy_units(timing_pipeline *pipeline, const timing_instruction *instruction,
                         uint64_t start)
{
    const timing_class *costs = instruction->costs;

    for (unsigned units = costs->units; units != 0u; units &= units - 1u) {
        uint64_t *when = &pipeline->unit_free[lowest(units)];

        if (!costs->any_unit || *when <= start) {
            *when = later(*when, start + instruction->busy);
            if (costs->any_unit) {
                return;
            }
        }
    }
}

static bool is_load(thumb_class class)
{
    return class == THUMB_LOAD || class == THUMB_LOAD_NARROW;
}

/** Whether two instructions in a row can share a cycle, apart from operands and units. */
static bool fit_together(const timing_model *model, const timing_instruction *older,
                         const timing_instruction *younger)
{
    const unsigned first = older->costs->slot;
    const unsigned second = younger->costs->slot;

    if ((first & SLOT_OLDER) == 0u || (second & SLOT_YOUNGER) == 0u ||
        (first & second & SLOT_GUEST) != 0u) {
        return false;
    }
    if (model->narrow && (older->is_wide || younger->is_wide)) {
        return false;
    }
    return !is_load(older->class) || !is_load(younger->class) ||
           (model->banks != 0u && (older->address ^ younger->address) / 4u % model->banks != 0u);
}

/** Whether an instruction begins in the tail of the one before. */
static bool overlaps(const timing_model *model, const timing_instruction *before,
                     const timing_instruction *instruction)
{
    const unsigned memory = 28; /* Code, RAM and devices differ in bits 31 to 28. */

    if (!instruction->costs->overlaps || before == NULL) {
        return false;
    }
    if (model->overlap_plain && instruction->operands.base != 0u) {
        return false;
    }
    return !model->overlap_in_memory || before->address >> memory == instruction->address >> memory;
}

static void write_results(timing_pipeline *pipeline, const timing_model *model,
                          const timing_instruction *instruction, int64_t done)
{
    const thumb_operands *o = &instruction->operands;

    for (register_set set = o->writes; set != 0u; set &= set - 1u) {
        const unsigned i = lowest(set);
        const bool is_base = (o->base >> i & 1u) != 0u;

        pipeline->written[i] = is_base ? (int64_t)pipeline->now : done;
        pipeline->writer[i] = is_base ? &model->classes[BASE_UPDATE] : instruction->costs;
    }
    if ((o->writes & REGISTER_FLAGS) != 0u) {
        pipeline->flags_set = pipeline->now;
    }
}

void timing_issue(timing_pipeline *pipeline, const timing_model *model,
                  const timing_instruction *instruction)
{
    const timing_class *costs = instruction->costs;
    const timing_instruction *older = pipeline->older;
    const int64_t operands = operands_ready(pipeline, instruction);
    const int64_t needed = later_stage(0, operands - (int64_t)costs->late);
    const uint64_t start = later((uint64_t)needed, units_ready(pipeline, costs));
    const bool shares =
        older != NULL && fit_together(model, older, instruction) && start <= pipeline->now;
    int64_t done;

    if (instruction->cycles == 0u) {
        return;
    }
    if (!shares) {
        const unsigned tail = overlaps(model, pipeline->last, instruction) ? pipeline->tail : 0u;

        pipeline->now = later(pipeline->next - tail, start);
    }
    done = (int64_t)pipeline->now;
    if (operands < done && !(shares && model->early_older)) {
        done = later_stage(operands, done - (int64_t)costs->early);
    } else {
        done = later_stage(operands, done);
    }
    done += (int64_t)instruction->cycles - (int64_t)costs->tail - 1;
    pipeline->next = later(shares ? pipeline->next : 0u, pipeline->now + instruction->cycles);
    pipeline->tail = costs->tail;
    pipeline->flags_shared = shares && (older->operands.writes & REGISTER_FLAGS) != 0u;
    pipeline->older = model->width == 2u && !shares ? instruction : NULL;
    pipeline->last = instruction;
    occupy_units(pipeline, instruction, pipeline->now);
    write_results(pipeline, model, instruction, done);
}

/** Whether a branch goes where it was expected to; learns from it. */
static bool predict(timing_branch *branch, bool taken, uint64_t address)
{
    const bool right = taken == (branch->taken >= 2u) && (!taken || branch->target == address);

    if (taken) {
        branch->target = address;
        branch->taken += branch->taken < 3u ? 1u : 0u;
    } else {
        branch->taken -= branch->taken > 0u ? 1u : 0u;
    }
    return right;
}

void timing_go_on(timing_pipeline *pipeline, const timing_model *model,
                  const timing_instruction *last, timing_branch *branch,
                  const timing_instruction *target, uint64_t address, bool taken)
{
    const bool branches = (last->operands.writes & REGISTER_PC) != 0u;
    unsigned cycles = 0;

    if (last->class == THUMB_LOOP) {
        return;
    }
    if (model->mispredict != 0u && branches && !predict(branch, taken, address)) {
        const bool late = pipeline->now - pipeline->flags_set < FLAG_DISTANCE;

        cycles = model->mispredict + (late ? model->late_flags : 0u);
    } else if (taken) {
        cycles = model->refill + (pipeline->flags_shared ? model->after_flags : 0u);
    } else {
        return;
    }
    if (taken && target->crosses_word) {
        cycles += model->unaligned_target;
    }
    pipeline->next += cycles;
    pipeline->tail = 0;
    pipeline->older = NULL;
}

uint64_t timing_finished(const timing_pipeline *pipeline)
{
    return pipeline->next;
}
