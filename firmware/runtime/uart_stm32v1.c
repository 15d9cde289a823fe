/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief First generation of the STM32's USART: series F1, F2, F4, L1.
 *
 * Registers: RM0090 (STM32F405), section 30.6 "USART registers"; RM0041 (STM32F100), 23.6.
 */
#include "uart.h"

#define REGISTER(offset) (*(volatile uint32_t *)(TINYGEN_UART_BASE + (offset)))
#define USART_SR REGISTER(0x00u)
#define USART_DR REGISTER(0x04u)
#define USART_BRR REGISTER(0x08u)
#define USART_CR1 REGISTER(0x0Cu)

#define SR_RXNE (1u << 5)
#define SR_TC (1u << 6)
#define SR_TXE (1u << 7)
#define CR1_RE (1u << 2)
#define CR1_TE (1u << 3)
#define CR1_UE (1u << 13)

/** Sixteenfold oversampling: the divider counts periods of the peripheral clock in a bit. */
#define LEAST_DIVIDER 16u

void uart_init(void)
{
    USART_BRR = uart_divider(TINYGEN_UART_CLOCK_HZ, TINYGEN_UART_BAUD);
    USART_CR1 = CR1_UE | CR1_TE | CR1_RE;
}

int uart_has_baud(uint32_t baud)
{
    return uart_divides(TINYGEN_UART_CLOCK_HZ, baud, LEAST_DIVIDER);
}

void uart_set_baud(uint32_t baud)
{
    while ((USART_SR & SR_TC) == 0u) {
    }
    USART_BRR = uart_divider(TINYGEN_UART_CLOCK_HZ, baud != 0u ? baud : TINYGEN_UART_BAUD);
}

uint8_t uart_read(void)
{
    while ((USART_SR & SR_RXNE) == 0u) {
    }
    /* Reading SR and then DR also clears an overrun, which the lost byte's frame will show. */
    return (uint8_t)USART_DR;
}

void uart_write(const uint8_t *data, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        while ((USART_SR & SR_TXE) == 0u) {
        }
        USART_DR = data[i];
    }
}
