/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief QEMU TCG plugin: instructions, estimated cycles and stack of one inference, step by step.
 *
 * Arguments (`-plugin libprofile.so,output=FILE,invoke=ADDRESS,...`), addresses hexadecimal:
 *
 * - `output`: file to write; rewritten at the end of every inference, describing that one.
 * - `invoke`: first address of the model's invoke function.
 * - `steps`: first addresses of the step functions, separated by colons.
 * - `stack`: first address of the stack and the one after its last, separated by a colon.
 * - `timing`: a timing model, see timing_read(); without it no cycles are counted.
 * - `memories`: those that the core waits for, see memory_read(); without them it waits for none.
 *
 * A step begins when the step function is entered from the invoke function and ends at the address
 * after that call; everything executed in between is the step's, whatever it calls. What the invoke
 * function itself executes is overhead. Steps are reported in the order in which they ran, with the
 * address that was entered, so steps that the compiler merged into one function stay apart.
 */
#include "memory.h"
#include "qemu_plugin_api.h"
#include "thumb.h"
#include "timing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int qemu_plugin_version = TINYGEN_PLUGIN_API;

/** Instructions of a block that are in one line of the memory's. */
typedef struct {
    uint64_t number;
    unsigned instructions;
} code_line;

/** A translated block: straight-line code, left only at its end. */
typedef struct {
    uint64_t start;
    uint64_t end;                /**< Address after its last instruction. */
    const memory_region *memory; /**< That it is in; NULL where nothing is waited for. */
    code_line *lines;
    uint32_t line_count;
    bool is_invoke;
    bool is_step;
    uint32_t count;
    timing_branch branch;              /**< The last instruction, if it is one. */
    timing_instruction instructions[]; /**< `count` with a timing model, else none. */
} block;

/** What was executed in a part of an inference. */
typedef struct {
    uint64_t address; /**< First address of the step function. */
    uint64_t instructions;
    uint64_t cycles;
    uint64_t loads;
    uint64_t stores;
    uint64_t misaligned_cycles;
    memory_stalls stalls;
} counters;

typedef enum { OUTSIDE, IN_INVOKE, IN_STEP } place;

/** The plugin's arguments. */
static struct {
    const char *output;
    uint64_t invoke;
    uint64_t *steps;
    size_t step_count;
    uint64_t stack_low;
    uint64_t stack_high;
    const timing_model *timing;
} options;

/** The inference being counted. */
static struct {
    place place;
    uint64_t invoke_return;
    uint64_t step_return;
    counters overhead;
    counters *steps;
    size_t step_count;
    size_t step_capacity;
    uint64_t stack_lowest;
    uint64_t stack_highest;
    timing_pipeline pipeline;
} run;

static unsigned inferences;
static block *previous;
static timing_model timing;
static memory_map memories;

static void *allocate(void *old, size_t bytes)
{
    void *memory = realloc(old, bytes);

    if (memory == NULL) {
        qemu_plugin_outs("tinygen profile: out of memory\n");
        abort();
    }
    return memory;
}

static void write_counters(FILE *file, const counters *c)
{
    fprintf(file,
            "{\"address\": %" PRIu64 ", \"instructions\": %" PRIu64 ", \"cycles\": %" PRIu64
            ", \"loads\": %" PRIu64 ", \"stores\": %" PRIu64 ", \"misaligned_cycles\": %" PRIu64
            ", \"stalls\": [%" PRIu64 ", %" PRIu64 ", %" PRIu64 "]}",
            c->address, c->instructions, c->cycles, c->loads, c->stores, c->misaligned_cycles,
            c->stalls.code, c->stalls.data, c->stalls.ram);
}

static void write_report(void)
{
    FILE *file = fopen(options.output, "w");

    if (file == NULL) {
        qemu_plugin_outs("tinygen profile: cannot write the output file\n");
        return;
    }
    fprintf(file, "{\"inferences\": %u, \"stack_bytes\": %" PRIu64 ",\n\"overhead\": ", inferences,
            run.stack_highest > run.stack_lowest ? run.stack_highest - run.stack_lowest : 0u);
    write_counters(file, &run.overhead);
    fputs(",\n\"steps\": [", file);
    for (size_t i = 0; i < run.step_count; i++) {
        fputs(i == 0 ? "\n" : ",\n", file);
        write_counters(file, &run.steps[i]);
    }
    fputs("\n]}\n", file);
    fclose(file);
}

static counters *current(void)
{
    return run.place == IN_STEP ? &run.steps[run.step_count - 1u] : &run.overhead;
}

static void begin_inference(uint64_t return_address)
{
    run.place = IN_INVOKE;
    run.invoke_return = return_address;
    run.overhead = (counters){.address = options.invoke};
    run.step_count = 0;
    run.stack_lowest = options.stack_high;
    run.stack_highest = options.stack_low;
    run.pipeline = (timing_pipeline){0};
}

static void end_inference(void)
{
    run.place = OUTSIDE;
    inferences++;
    write_report();
}

static void begin_step(uint64_t address, uint64_t return_address)
{
    if (run.step_count == run.step_capacity) {
        run.step_capacity = 2u * run.step_capacity + 16u;
        run.steps = allocate(run.steps, run.step_capacity * sizeof *run.steps);
    }
    run.steps[run.step_count++] = (counters){.address = address};
    run.place = IN_STEP;
    run.step_return = return_address;
}

/** Follows entries and returns: blocks begin where calls and returns go to. */
static void follow(const block *b)
{
    const uint64_t return_address = previous == NULL ? 0u : previous->end;

    if (run.place == OUTSIDE) {
        if (b->is_invoke) {
            begin_inference(return_address);
        }
    } else if (b->start == run.invoke_return) {
        end_inference();
    } else if (run.place == IN_STEP) {
        if (b->start == run.step_return) {
            run.place = IN_INVOKE;
        }
    } else if (b->is_step) {
        begin_step(b->start, return_address);
    }
}

/** Times the block before: only now is known what it accessed, and where it went. */
static void time_block(const block *b)
{
    const uint64_t before = timing_finished(&run.pipeline);

    for (uint32_t i = 0; i < b->count; i++) {
        timing_issue(&run.pipeline, options.timing, &b->instructions[i]);
    }
    current()->cycles += timing_finished(&run.pipeline) - before;
}

/** Times the way from a block to the next; it is where it leads to that pays. */
static void time_way(block *from, const block *to)
{
    const uint64_t before = timing_finished(&run.pipeline);

    timing_go_on(&run.pipeline, options.timing, &from->instructions[from->count - 1u],
                 &from->branch, &to->instructions[0], to->start, from->end != to->start);
    current()->cycles += timing_finished(&run.pipeline) - before;
}

static void on_block(unsigned int cpu, void *userdata)
{
    block *b = userdata;

    (void)cpu;
    if (run.place != OUTSIDE && options.timing != NULL) {
        time_block(previous);
    }
    follow(b);
    if (run.place != OUTSIDE) {
        counters *c = current();

        c->instructions += b->count;
        for (uint32_t i = 0; i < b->line_count; i++) {
            memory_fetch(&memories, &c->stalls, b->memory, b->lines[i].number,
                         b->lines[i].instructions);
        }
        if (options.timing != NULL) {
            time_way(previous, b);
        }
    }
    previous = b;
}

static void on_access(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address,
                      void *userdata)
{
    timing_instruction *instruction = userdata;

    (void)cpu;
    if (run.place == OUTSIDE) {
        return;
    }
    if (instruction != NULL) {
        instruction->address = address;
    }
    const uint64_t bytes = UINT64_C(1) << qemu_plugin_mem_size_shift(info);
    counters *c = current();

    if (!qemu_plugin_mem_is_store(info)) {
        c->loads++;
        memory_load(&memories, &c->stalls, address);
        if ((address & (bytes - 1u)) != 0u) {
            /* M3 and M4 split it: byte, halfword, byte; or two halves. */
            c->misaligned_cycles += bytes == 4u && (address & 1u) != 0u ? 2u : 1u;
        }
        return;
    }
    c->stores++;
    memory_store(&memories, address);
    if (address >= options.stack_low && address < options.stack_high) {
        if (address < run.stack_lowest) {
            run.stack_lowest = address;
        }
        if (address + bytes > run.stack_highest) {
            run.stack_highest = address + bytes;
        }
    }
}

/** The instruction's bytes, as the two halfwords it may have. */
static void read_halfwords(const struct qemu_plugin_insn *instruction, uint16_t halfwords[2])
{
    uint8_t bytes[4] = {0};
    const size_t length = qemu_plugin_insn_size(instruction);

#if TINYGEN_PLUGIN_API >= 3
    qemu_plugin_insn_data(instruction, bytes, length < sizeof bytes ? length : sizeof bytes);
#else
    memcpy(bytes, qemu_plugin_insn_data(instruction),
           length < sizeof bytes ? length : sizeof bytes);
#endif
    halfwords[0] = (uint16_t)(bytes[0] | bytes[1] << 8);
    halfwords[1] = (uint16_t)(bytes[2] | bytes[3] << 8);
}

/** Counts an instruction of the block in its line of memory. */
static void append_to_line(block *b, uint64_t address)
{
    const uint64_t number = b->memory == NULL ? 0u : memory_code_line(b->memory, address);

    if (b->line_count == 0u || b->lines[b->line_count - 1u].number != number) {
        b->lines[b->line_count++] = (code_line){number, 0};
    }
    b->lines[b->line_count - 1u].instructions++;
}

/** Instructions that an IT makes conditional, from its first halfword; 0 of any other. */
static unsigned conditional_after(uint16_t halfword)
{
    const unsigned mask = halfword & 15u;
    unsigned count = 4;

    if (halfword >> 8 != 0xBFu || mask == 0u) {
        return 0;
    }
    for (unsigned bit = 1; (mask & bit) == 0u; bit <<= 1) {
        count--;
    }
    return count;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    const size_t count = qemu_plugin_tb_n_insns(tb);
    const size_t timed = options.timing == NULL ? 0u : count;
    unsigned conditional = 0;
    /* QEMU says nothing when it throws a translation away, so blocks live as long as it does. */
    block *b = allocate(NULL, sizeof *b + timed * sizeof *b->instructions);

    (void)id;
    memset(b, 0, sizeof *b);
    b->count = (uint32_t)count;
    b->lines = allocate(NULL, count * sizeof *b->lines);
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);
        const uint64_t address = qemu_plugin_insn_vaddr(instruction);
        uint16_t halfwords[2];

        read_halfwords(instruction, halfwords);
        if (i == 0) {
            b->start = address;
            b->memory = memory_region_at(&memories, address);
        }
        append_to_line(b, address);
        b->end = address + thumb_bytes(halfwords[0]);
        if (timed != 0u) {
            b->instructions[i] = timing_prepare(options.timing, halfwords[0], halfwords[1], address,
                                                conditional != 0u);
            conditional = conditional != 0u ? conditional - 1u : conditional_after(halfwords[0]);
        }
        qemu_plugin_register_vcpu_mem_cb(instruction, on_access, QEMU_PLUGIN_CB_NO_REGS,
                                         QEMU_PLUGIN_MEM_RW,
                                         timed == 0u ? NULL : &b->instructions[i]);
    }
    if (timed != 0u) {
        timing_align(options.timing, b->instructions, b->count);
    }
    b->is_invoke = b->start == options.invoke;
    for (size_t i = 0; i < options.step_count; i++) {
        b->is_step = b->is_step || b->start == options.steps[i];
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, b);
}

/** Parses hexadecimal numbers separated by colons. @return How many there are. */
static size_t parse_addresses(const char *text, uint64_t **addresses)
{
    size_t count = 0;

    *addresses = NULL;
    while (*text != '\0') {
        char *end;
        const uint64_t value = strtoull(text, &end, 16);

        if (end == text) {
            break;
        }
        *addresses = allocate(*addresses, (count + 1u) * sizeof **addresses);
        (*addresses)[count++] = value;
        text = *end == ':' ? end + 1 : end;
    }
    return count;
}

static bool parse_argument(const char *argument)
{
    const char *equals = strchr(argument, '=');
    const size_t length = equals == NULL ? 0u : (size_t)(equals - argument);
    const char *value = equals == NULL ? "" : equals + 1;
    uint64_t *addresses = NULL;
    bool valid = true;

    if (strncmp(argument, "output", length) == 0 && length == 6u) {
        options.output = value;
    } else if (strncmp(argument, "timing", length) == 0 && length == 6u) {
        options.timing = &timing;
        valid = timing_read(&timing, value);
    } else if (strncmp(argument, "memories", length) == 0 && length == 8u) {
        valid = memory_read(&memories, value);
    } else if (strncmp(argument, "steps", length) == 0 && length == 5u) {
        options.step_count = parse_addresses(value, &options.steps);
    } else if (strncmp(argument, "invoke", length) == 0 && length == 6u) {
        valid = parse_addresses(value, &addresses) == 1u;
        options.invoke = valid ? addresses[0] : 0u;
    } else if (strncmp(argument, "stack", length) == 0 && length == 5u) {
        valid = parse_addresses(value, &addresses) == 2u;
        options.stack_low = valid ? addresses[0] : 0u;
        options.stack_high = valid ? addresses[1] : 0u;
    } else {
        valid = false;
    }
    free(addresses);
    return valid;
}

int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!parse_argument(argv[i])) {
            fprintf(stderr, "tinygen profile: bad argument %s\n", argv[i]);
            return 1;
        }
    }
    if (options.output == NULL) {
        fputs("tinygen profile: output is missing\n", stderr);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
