/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Reads a map of memories, and counts what a core waits for them.
 */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

/** The next number of a text, whose place is moved behind it and its colon. */
static bool next_number(const char **text, uint64_t *number)
{
    char *end;
    const unsigned long long value = strtoull(*text, &end, 10);

    if (end == *text || (*end != ':' && *end != '\0')) {
        return false;
    }
    *number = value;
    *text = *end == ':' ? end + 1 : end;
    return true;
}

static bool next_numbers(const char **text, uint64_t *numbers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!next_number(text, &numbers[i])) {
            return false;
        }
    }
    return true;
}

static bool read_cache(memory_cache *cache, const char **text)
{
    uint64_t numbers[3];

    if (!next_numbers(text, numbers, 3) || numbers[0] == 0u || numbers[2] == 0u ||
        numbers[1] < numbers[2] || numbers[1] % numbers[2] != 0u) {
        return false;
    }
    cache->line_bytes = (unsigned)numbers[0];
    cache->lines = (unsigned)numbers[1];
    cache->ways = (unsigned)numbers[2];
    cache->held = calloc(cache->lines, sizeof *cache->held);
    return cache->held != NULL;
}

static bool read_region(memory_map *map, uint64_t caches, const char **text)
{
    memory_region *region = &map->regions[map->region_count++];
    uint64_t numbers[9];

    if (!next_numbers(text, numbers, 9) || numbers[5] == 0u || numbers[7] > caches ||
        numbers[8] > caches) {
        return false;
    }
    *region = (memory_region){
        .start = numbers[0],
        .end = numbers[1],
        .is_ram = numbers[2] != 0u,
        .stall = (unsigned)numbers[3],
        .data_stall = (unsigned)numbers[4],
        .read_bytes = (unsigned)numbers[5],
        .prefetches = numbers[6] != 0u,
        .code_cache = numbers[7] == 0u ? NULL : &map->caches[numbers[7] - 1u],
        .data_cache = numbers[8] == 0u ? NULL : &map->caches[numbers[8] - 1u],
    };
    return true;
}

bool memory_read(memory_map *map, const char *text)
{
    uint64_t caches;

    memset(map, 0, sizeof *map);
    if (!next_number(&text, &caches) || caches > MEMORY_MOST_CACHES) {
        return false;
    }
    for (uint64_t i = 0; i < caches; i++) {
        if (!read_cache(&map->caches[i], &text)) {
            return false;
        }
    }
    while (*text != '\0') {
        if (map->region_count == MEMORY_MOST_REGIONS || !read_region(map, caches, &text)) {
            return false;
        }
    }
    return true;
}

const memory_region *memory_region_at(const memory_map *map, uint64_t address)
{
    for (unsigned i = 0; i < map->region_count; i++) {
        const memory_region *region = &map->regions[i];

        if (address >= region->start && address < region->end) {
            return region;
        }
    }
    return NULL;
}

/** Whether the cache holds the line; from now on it does, in place of the one used least recently.
 */
static bool look_up(memory_cache *cache, uint64_t line)
{
    uint32_t *set = cache->held + line % (cache->lines / cache->ways) * cache->ways;
    const uint32_t wanted = (uint32_t)line + 1u;
    unsigned place = 0;

    while (place + 1u < cache->ways && set[place] != wanted) {
        place++;
    }
    const bool hit = set[place] == wanted;

    memmove(set + 1, set, place * sizeof *set);
    set[0] = wanted;
    return hit;
}

uint64_t memory_code_line(const memory_region *region, uint64_t address)
{
    return address / (region->code_cache ? region->code_cache->line_bytes : region->read_bytes);
}

void memory_fetch(memory_map *map, memory_stalls *stalls, const memory_region *region,
                  uint64_t line, unsigned count)
{
    if (region == map->current && line == map->line) {
        map->executed += count;
        return;
    }
    if (region != NULL && (region->code_cache == NULL || !look_up(region->code_cache, line))) {
        const bool prefetched =
            region->prefetches && region == map->current && line == map->line + 1u;
        const uint64_t hidden = prefetched ? map->executed : 0u;

        stalls->code += region->stall > hidden ? region->stall - hidden : 0u;
    }
    map->current = region;
    map->line = line;
    map->executed = count;
}

void memory_load(memory_map *map, memory_stalls *stalls, uint64_t address)
{
    const memory_region *region = memory_region_at(map, address);

    if (region == NULL) {
        return;
    }
    if (region->data_cache == NULL ||
        !look_up(region->data_cache, address / region->data_cache->line_bytes)) {
        *(region->is_ram ? &stalls->ram : &stalls->data) += region->data_stall;
    }
}

void memory_store(memory_map *map, uint64_t address)
{
    const memory_region *region = memory_region_at(map, address);

    if (region != NULL && region->is_ram && region->data_cache != NULL) {
        look_up(region->data_cache, address / region->data_cache->line_bytes);
    }
}
