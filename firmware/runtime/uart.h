/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief The byte stream between the board and the machine that tests it.
 *
 * One driver per peripheral generation implements these three functions, polled and without
 * interrupts. Base address, clock, baud rate and pins come from the board file as TINYGEN_UART_*
 * macros.
 */
#ifndef TINYGEN_UART_H
#define TINYGEN_UART_H

#include <stdint.h>

/** Sets the line up; must be called before the other two. */
void uart_init(void);

/** Waits for one byte and returns it. */
uint8_t uart_read(void);

/** Sends @p length bytes, returning when the last one is handed to the transmitter. */
void uart_write(const uint8_t *data, uint32_t length);

#endif
