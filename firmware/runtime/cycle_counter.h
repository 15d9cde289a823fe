/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Counts the processor's clock: with the DWT unit where there is one that counts, else with
 * SysTick.
 */
#ifndef TINYGEN_CYCLE_COUNTER_H
#define TINYGEN_CYCLE_COUNTER_H

#include <stdint.h>

/** What counts. */
enum cycle_counter_kind {
    CYCLE_COUNTER_NONE = 0,
    CYCLE_COUNTER_DWT = 1,    /**< 32 bits. */
    CYCLE_COUNTER_SYSTICK = 2 /**< 24 bits. */
};

/** Starts the counter. @return An enum cycle_counter_kind. */
uint32_t cycle_counter_start(void);

/** Leaves SysTick as it was before cycle_counter_start(). */
void cycle_counter_stop(void);

/** The counter's reading. */
uint32_t cycle_counter_read(void);

/** Cycles between two readings, if the counter went round less than once. */
uint32_t cycle_counter_between(uint32_t from, uint32_t to);

#endif
