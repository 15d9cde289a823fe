/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Operators in a chain, computed a few rows at a time in the order of a schedule made beforehand.
 */
#ifndef TINYGEN_KERNELS_STREAM_H
#define TINYGEN_KERNELS_STREAM_H

#include <stdint.h>

/** The next rows of one operator of the chain. */
typedef struct {
    uint8_t part; /**< position of the operator; TINYGEN_STREAM_INPUT for a row of the input */
    uint8_t rows;
} tinygen_stream_event;

/** The part of an event at which the chain waits for the next row of its input. */
#define TINYGEN_STREAM_INPUT 255u

/** Computes rows [first_row, end_row) of an operator. */
typedef void tinygen_stream_band(int32_t first_row, int32_t end_row);

/**
 * Run events up to the next that waits for input, or to the last.
 *
 * Not inlined, so that operators are called from here whatever the schedule: profilers see each of
 * their calls return.
 *
 * @param events the schedule
 * @param event  where to begin
 * @param end    number of events
 * @param bands  the operators of the chain
 * @param next   the next row of each operator
 * @return the event that waits, or end
 */
TINYGEN_SHARED int32_t tinygen_stream_run(const tinygen_stream_event *events, int32_t event,
                                          int32_t end, tinygen_stream_band *const *bands,
                                          int32_t *next)
{
    while (event < end && events[event].part != TINYGEN_STREAM_INPUT) {
        const int32_t part = events[event].part;
        const int32_t first_row = next[part];
        const int32_t end_row = first_row + events[event].rows;
        bands[part](first_row, end_row);
        next[part] = end_row;
        event++;
    }
    return event;
}

#endif
