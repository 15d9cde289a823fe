/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief The byte stream between the board and the machine that tests it.
 *
 * One driver per peripheral generation implements these functions, polled and without interrupts.
 * Base address, clock, baud rate and pins come from the board file as TINYGEN_UART_* macros.
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

/** @return 1 if the line can run at @p baud bits a second, else 0. */
int uart_has_baud(uint32_t baud);

/**
 * Changes the speed when everything was sent.
 *
 * @param baud  Bits a second, which uart_has_baud(); 0 for the speed of uart_init().
 */
void uart_set_baud(uint32_t baud);

/** Periods of a clock in a bit, rounded. */
static inline uint32_t uart_divider(uint32_t clock_hz, uint32_t baud)
{
    return (clock_hz + baud / 2u) / baud;
}

/** Whether a rounded divider of at least @p least makes @p baud to 2 %, the most the other side
 * takes. */
static inline int uart_divides(uint32_t clock_hz, uint32_t baud, uint32_t least)
{
    uint32_t divider;
    uint32_t made;

    if (baud == 0u || baud > clock_hz) {
        return 0;
    }
    divider = uart_divider(clock_hz, baud);
    made = clock_hz / divider;
    return divider >= least && (made > baud ? made - baud : baud - made) <= baud / 50u;
}

#endif
