/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Arm PrimeCell UART PL011, as in the RP2040 and RP2350.
 *
 * Registers: PL011 TRM (DDI 0183), chapter 3; RP2040 Datasheet, section 4.2.8.
 */
#include "uart.h"

#define REGISTER(offset) (*(volatile uint32_t *)(TINYGEN_UART_BASE + (offset)))
#define UARTDR REGISTER(0x00u)
#define UARTFR REGISTER(0x18u)
#define UARTIBRD REGISTER(0x24u)
#define UARTFBRD REGISTER(0x28u)
#define UARTLCR_H REGISTER(0x2Cu)
#define UARTCR REGISTER(0x30u)

#define FR_BUSY (1u << 3)
#define FR_RXFE (1u << 4)
#define FR_TXFF (1u << 5)
#define LCR_H_FEN (1u << 4)
#define LCR_H_WLEN_8 (3u << 5)
#define CR_UARTEN (1u << 0)
#define CR_TXE (1u << 8)
#define CR_RXE (1u << 9)

/** Sixteenfold oversampling; the divider counts 16 periods in 64ths, that is, quarters of one. */
#define QUARTERS_HZ (4u * TINYGEN_UART_CLOCK_HZ)
#define LEAST_DIVIDER 64u

static void start(uint32_t baud)
{
    const uint32_t divider = uart_divider(QUARTERS_HZ, baud);

    UARTCR = 0;
    UARTIBRD = divider >> 6;
    UARTFBRD = divider & 63u;
    /* Takes the dividers over. */
    UARTLCR_H = LCR_H_WLEN_8 | LCR_H_FEN;
    UARTCR = CR_UARTEN | CR_TXE | CR_RXE;
}

void uart_init(void)
{
    start(TINYGEN_UART_BAUD);
}

int uart_has_baud(uint32_t baud)
{
    return uart_divides(QUARTERS_HZ, baud, LEAST_DIVIDER);
}

void uart_set_baud(uint32_t baud)
{
    while ((UARTFR & FR_BUSY) != 0u) {
    }
    start(baud != 0u ? baud : TINYGEN_UART_BAUD);
}

uint8_t uart_read(void)
{
    while ((UARTFR & FR_RXFE) != 0u) {
    }
    return (uint8_t)UARTDR;
}

void uart_write(const uint8_t *data, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        while ((UARTFR & FR_TXFF) != 0u) {
        }
        UARTDR = data[i];
    }
}
