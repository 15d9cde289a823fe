/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Second and third generation of the STM32's USART, and LPUART: series F0, F3, F7, G, H, L4,
 *        L5, U5.
 *
 * Registers: RM0351 (STM32L4x6), section 40.8 "USART registers" and 41.7 "LPUART registers"; RM0433
 * (STM32H743), 48.8, with the FIFO off.
 */
#include "uart.h"

#define REGISTER(offset) (*(volatile uint32_t *)(TINYGEN_UART_BASE + (offset)))
#define USART_CR1 REGISTER(0x00u)
#define USART_CR3 REGISTER(0x08u)
#define USART_BRR REGISTER(0x0Cu)
#define USART_ISR REGISTER(0x1Cu)
#define USART_RDR REGISTER(0x24u)
#define USART_TDR REGISTER(0x28u)

#define CR1_UE (1u << 0)
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR3_OVRDIS (1u << 12)
#define ISR_RXNE (1u << 5)
#define ISR_TC (1u << 6)
#define ISR_TXE (1u << 7)

/** Sixteenfold oversampling: the divider counts periods of the clock in a bit. An LPUART samples
 * otherwise, and counts them in 256ths. */
#if TINYGEN_UART_LPUART
#define LEAST_DIVIDER 3u
#else
#define LEAST_DIVIDER 16u
#endif

static uint32_t brr(uint32_t baud)
{
#if TINYGEN_UART_LPUART
    const uint32_t whole = TINYGEN_UART_CLOCK_HZ / baud;

    /* In two parts: the clock times 256 has more than 32 bits. */
    return whole * 256u + uart_divider(TINYGEN_UART_CLOCK_HZ % baud * 256u, baud);
#else
    return uart_divider(TINYGEN_UART_CLOCK_HZ, baud);
#endif
}

void uart_init(void)
{
    USART_CR1 = 0;
    USART_BRR = brr(TINYGEN_UART_BAUD);
    /* An overrun would stop the receiver; without it, the lost byte's frame shows the loss. */
    USART_CR3 = CR3_OVRDIS;
    USART_CR1 = CR1_UE | CR1_TE | CR1_RE;
}

int uart_has_baud(uint32_t baud)
{
    return uart_divides(TINYGEN_UART_CLOCK_HZ, baud, LEAST_DIVIDER);
}

void uart_set_baud(uint32_t baud)
{
    while ((USART_ISR & ISR_TC) == 0u) {
    }
    /* BRR takes no writes while the peripheral is enabled. */
    USART_CR1 = 0;
    USART_BRR = brr(baud != 0u ? baud : TINYGEN_UART_BAUD);
    USART_CR1 = CR1_UE | CR1_TE | CR1_RE;
}

uint8_t uart_read(void)
{
    while ((USART_ISR & ISR_RXNE) == 0u) {
    }
    return (uint8_t)USART_RDR;
}

void uart_write(const uint8_t *data, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        while ((USART_ISR & ISR_TXE) == 0u) {
        }
        USART_TDR = data[i];
    }
}
