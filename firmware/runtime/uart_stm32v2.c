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
#define ISR_TXE (1u << 7)

/* Clock periods a bit; an LPUART counts them in 256ths. */
#if TINYGEN_UART_LPUART
#define DIVIDED_CLOCK ((uint64_t)TINYGEN_UART_CLOCK_HZ * 256u)
#else
#define DIVIDED_CLOCK ((uint64_t)TINYGEN_UART_CLOCK_HZ)
#endif

void uart_init(void)
{
    USART_CR1 = 0;
    USART_BRR = (uint32_t)((DIVIDED_CLOCK + TINYGEN_UART_BAUD / 2u) / TINYGEN_UART_BAUD);
    /* An overrun would stop the receiver; without it, the lost byte's frame shows the loss. */
    USART_CR3 = CR3_OVRDIS;
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
