/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief UART of the nRF51 series.
 *
 * Registers: nRF51 Series Reference Manual v3.0, chapter 29 "Universal Asynchronous
 * Receiver/Transmitter (UART)".
 */
#include "uart.h"

#define REGISTER(offset) (*(volatile uint32_t *)(TINYGEN_UART_BASE + (offset)))
#define TASKS_STARTRX REGISTER(0x000u)
#define TASKS_STARTTX REGISTER(0x008u)
#define EVENTS_RXDRDY REGISTER(0x108u)
#define EVENTS_TXDRDY REGISTER(0x11Cu)
#define ENABLE REGISTER(0x500u)
#define PSELTXD REGISTER(0x50Cu)
#define PSELRXD REGISTER(0x514u)
#define RXD REGISTER(0x518u)
#define TXD REGISTER(0x51Cu)
#define BAUDRATE REGISTER(0x524u)

#define ENABLE_ENABLED 4u

/* The divider is relative to the 16 MHz peripheral clock with 32 fractional bits; the manual's
 * table lists only values whose low 12 bits are zero. */
#define BAUD_DIVIDER                                                                               \
    ((uint32_t)((((uint64_t)TINYGEN_UART_BAUD << 32) / 16000000u + 0x800u) & 0xFFFFF000u))

void uart_init(void)
{
    PSELTXD = TINYGEN_UART_TX_PIN;
    PSELRXD = TINYGEN_UART_RX_PIN;
    BAUDRATE = BAUD_DIVIDER;
    ENABLE = ENABLE_ENABLED;
    EVENTS_RXDRDY = 0;
    EVENTS_TXDRDY = 0;
    TASKS_STARTRX = 1;
    TASKS_STARTTX = 1;
}

int uart_has_baud(uint32_t baud)
{
    /* Polling at 16 MHz keeps up with little more. */
    return baud == TINYGEN_UART_BAUD;
}

void uart_set_baud(uint32_t baud)
{
    (void)baud;
}

uint8_t uart_read(void)
{
    while (EVENTS_RXDRDY == 0u) {
    }
    /* Cleared before the read: reading RXD moves the next byte of the FIFO up, which raises the
     * event again. */
    EVENTS_RXDRDY = 0;
    return (uint8_t)RXD;
}

void uart_write(const uint8_t *data, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        TXD = data[i];
        while (EVENTS_TXDRDY == 0u) {
        }
        EVENTS_TXDRDY = 0;
    }
}
