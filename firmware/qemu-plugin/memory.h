/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief How long a core waits for its memories: wait states, prefetch, caches.
 *
 * docs/profile.md explains and judges the model. A region that is not told of takes no time.
 */
#ifndef TINYGEN_MEMORY_H
#define TINYGEN_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#define MEMORY_MOST_REGIONS 8
#define MEMORY_MOST_CACHES 4

/** A set-associative cache that replaces what was used least recently. */
typedef struct {
    unsigned line_bytes;
    unsigned lines;
    unsigned ways; /**< Lines that an address may be in: a set. */
    /** Numbers of the memory lines held, plus 1, set by set; what was used last comes first. */
    uint32_t *held;
} memory_cache;

/** A memory that the core may have to wait for. */
typedef struct {
    uint64_t start;
    uint64_t end; /**< The address after its last. */
    bool is_ram;
    /** Cycles that a read of a line of code takes beyond the one that all accesses take. */
    unsigned stall;
    unsigned data_stall; /**< The same for data. */
    /** Bytes of a line where no cache is asked. */
    unsigned read_bytes;
    /** The next line of code is read while the instructions of this one are executed. */
    bool prefetches;
    memory_cache *code_cache; /**< NULL without one. */
    memory_cache *data_cache; /**< The same as @ref code_cache if it is unified. */
} memory_region;

/** All memories, and which line instructions come from. */
typedef struct {
    unsigned region_count;
    memory_region regions[MEMORY_MOST_REGIONS];
    memory_cache caches[MEMORY_MOST_CACHES];
    const memory_region *current; /**< Region of the line. */
    uint64_t line;                /**< Its number. */
    uint64_t executed;            /**< Instructions of it since it became the current one. */
} memory_map;

/** Cycles waited, by what for. */
typedef struct {
    uint64_t code;
    uint64_t data; /**< Constants: reads of a region that is no RAM. */
    uint64_t ram;
} memory_stalls;

/**
 * Reads memories: numbers separated by colons. The number of caches, of each line_bytes, lines and
 * ways; then of each region start, end, is_ram, stall, data_stall, read_bytes, prefetches, and the
 * numbers of its code and data caches, counted from 1, or 0. tinygen/hardware/memories.py writes
 * them.
 *
 * @return Whether they are some.
 */
bool memory_read(memory_map *map, const char *text);

/** The region that has the address; NULL if none has. */
const memory_region *memory_region_at(const memory_map *map, uint64_t address);

/** Number of the line of code that the address is in. */
uint64_t memory_code_line(const memory_region *region, uint64_t address);

/**
 * Executes instructions of one line.
 *
 * @param region  Where the line is; NULL: nothing is waited for.
 * @param line    Its number, see memory_code_line().
 * @param count   How many instructions, at least one.
 */
void memory_fetch(memory_map *map, memory_stalls *stalls, const memory_region *region,
                  uint64_t line, unsigned count);

/** Loads from the address. */
void memory_load(memory_map *map, memory_stalls *stalls, uint64_t address);

/** Stores to the address: takes no time, but brings the line into the data cache of RAM. */
void memory_store(memory_map *map, uint64_t address);

#endif
