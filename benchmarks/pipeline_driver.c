/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Issues a block of instructions by the profiling plugin's timing model, again and again.
 *
 * Arguments: the timing model, and how often. Input, a line an instruction: its halfwords and the
 * address it accesses, hexadecimal, and whether an IT makes it conditional. Output: the cycle at
 * which each issues, a line a pass.
 */
#include "timing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 4096

static timing_model model;
/** All registers were written long before. */
static timing_pipeline pipeline = {.now = 16, .next = 16};
static timing_instruction block[MOST];

int main(int count, char **arguments)
{
    unsigned length = 0;
    unsigned first, second, conditional;
    uint64_t access;
    uint64_t place = 0x1000;

    if (count != 3 || !timing_read(&model, arguments[1])) {
        return EXIT_FAILURE;
    }
    while (length < MOST &&
           scanf("%x %x %" SCNx64 " %u", &first, &second, &access, &conditional) == 4) {
        block[length] =
            timing_prepare(&model, (uint16_t)first, (uint16_t)second, place, conditional != 0u);
        block[length].address = access;
        place += thumb_bytes((uint16_t)first);
        length++;
    }
    timing_align(&model, block, length);
    for (int pass = atoi(arguments[2]); pass > 0; pass--) {
        for (unsigned i = 0; i < length; i++) {
            timing_issue(&pipeline, &model, &block[i]);
            printf("%" PRIu64 "%c", pipeline.now, i + 1u < length ? ' ' : '\n');
        }
    }
    return EXIT_SUCCESS;
}
