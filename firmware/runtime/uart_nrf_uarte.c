/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief UARTE of the nRF52 and nRF53 series, whose bytes move by EasyDMA.
 *
 * Registers: nRF52840 Product Specification v1.11, section 6.34 "UARTE". The line must be set to
 * idle (high) in GPIO before, section 6.34.6.
 */
#include "uart.h"

#define REGISTER(offset) (*(volatile uint32_t *)(TINYGEN_UART_BASE + (offset)))
#define TASKS_STARTRX REGISTER(0x000u)
#define TASKS_STARTTX REGISTER(0x008u)
#define EVENTS_ENDRX REGISTER(0x110u)
#define EVENTS_ENDTX REGISTER(0x120u)
#define ENABLE REGISTER(0x500u)
#define PSEL_TXD REGISTER(0x50Cu)
#define PSEL_RXD REGISTER(0x514u)
#define BAUDRATE REGISTER(0x524u)
#define RXD_PTR REGISTER(0x534u)
#define RXD_MAXCNT REGISTER(0x538u)
#define TXD_PTR REGISTER(0x544u)
#define TXD_MAXCNT REGISTER(0x548u)

#define ENABLE_UARTE 8u
/** MAXCNT has 8 bits on the nRF52832. */
#define MAX_TRANSFER 128u

/** Where EasyDMA puts the next byte. */
static volatile uint8_t received;

/** Value of BAUDRATE: the manual has a table, not a rule. @return 0 for other speeds. */
static uint32_t baudrate_value(uint32_t baud)
{
    switch (baud) {
    case 115200u:
        return 0x01D60000u;
    case 230400u:
        return 0x03B00000u;
    case 460800u:
        return 0x07400000u;
    case 921600u:
        return 0x0F000000u;
    case 1000000u:
        return 0x10000000u;
    default:
        return 0;
    }
}

void uart_init(void)
{
    PSEL_TXD = TINYGEN_UART_TX_PIN;
    PSEL_RXD = TINYGEN_UART_RX_PIN;
    BAUDRATE = baudrate_value(TINYGEN_UART_BAUD);
    ENABLE = ENABLE_UARTE;
    EVENTS_ENDRX = 0;
    RXD_PTR = (uint32_t)(uintptr_t)&received;
    RXD_MAXCNT = 1;
    TASKS_STARTRX = 1;
}

int uart_has_baud(uint32_t baud)
{
    return baudrate_value(baud) != 0u;
}

void uart_set_baud(uint32_t baud)
{
    /* uart_write() returns when the last bit has left. */
    BAUDRATE = baudrate_value(baud != 0u ? baud : TINYGEN_UART_BAUD);
}

uint8_t uart_read(void)
{
    uint8_t byte;

    while (EVENTS_ENDRX == 0u) {
    }
    EVENTS_ENDRX = 0;
    byte = received;
    /* What arrives before this waits in the receiver's FIFO. */
    TASKS_STARTRX = 1;
    return byte;
}

void uart_write(const uint8_t *data, uint32_t length)
{
    while (length > 0u) {
        const uint32_t count = length < MAX_TRANSFER ? length : MAX_TRANSFER;

        EVENTS_ENDTX = 0;
        /* Read by EasyDMA, which reaches RAM only: all frames are built there. */
        TXD_PTR = (uint32_t)(uintptr_t)data;
        TXD_MAXCNT = count;
        __asm volatile("dsb" ::: "memory");
        TASKS_STARTTX = 1;
        while (EVENTS_ENDTX == 0u) {
        }
        data += count;
        length -= count;
    }
}
