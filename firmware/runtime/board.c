/* SPDX-License-Identifier: Apache-2.0 */
#include "board.h"

/* An emulator that does not model a clock never says it is ready; the line works all the same. The
 * slowest thing waited for, a crystal, takes some milliseconds. */
#define MAX_POLLS 1000000u

void board_setup(void)
{
    for (uint32_t i = 0; i < board_step_count; i++) {
        const board_step *const step = &board_steps[i];
        volatile uint32_t *const at = (volatile uint32_t *)(uintptr_t)step->address;

        switch (step->kind) {
        case BOARD_WRITE:
            *at = step->value;
            break;
        case BOARD_CHANGE:
            *at = (*at & ~step->mask) | step->value;
            break;
        case BOARD_WAIT:
            for (uint32_t polls = 0; (*at & step->mask) != step->value && polls < MAX_POLLS;
                 polls++) {
            }
            break;
        }
        /* A peripheral may be accessed only some cycles after its clock was switched on; reading
         * the register back takes long enough (STM32F4 errata ES0182, 2.1.13). */
        (void)*at;
    }
}
