/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief CMSDK APB UART of Arm's MPS2 and MPS3 FPGA images.
 *
 * Registers: Arm Cortex-M System Design Kit TRM (DDI 0479), section 4.3 "APB UART".
 */
#include "uart.h"

#define UART_DATA (*(volatile uint32_t *)(TINYGEN_UART_BASE + 0x00u))
#define UART_STATE (*(volatile uint32_t *)(TINYGEN_UART_BASE + 0x04u))
#define UART_CTRL (*(volatile uint32_t *)(TINYGEN_UART_BASE + 0x08u))
#define UART_BAUDDIV (*(volatile uint32_t *)(TINYGEN_UART_BASE + 0x10u))

#define STATE_TX_FULL (1u << 0)
#define STATE_RX_FULL (1u << 1)
#define CTRL_TX_ENABLE (1u << 0)
#define CTRL_RX_ENABLE (1u << 1)

void uart_init(void)
{
    UART_BAUDDIV = TINYGEN_UART_CLOCK_HZ / TINYGEN_UART_BAUD;
    UART_CTRL = CTRL_TX_ENABLE | CTRL_RX_ENABLE;
    /* Whatever is left in the receiver from before is no part of the conversation. Also, QEMU
     * notices an enabled receiver only at the next read of it, or a second later. */
    (void)UART_DATA;
}

int uart_has_baud(uint32_t baud)
{
    return baud == TINYGEN_UART_BAUD;
}

void uart_set_baud(uint32_t baud)
{
    /* The peripheral does not tell when the last bit has left. */
    (void)baud;
}

uint8_t uart_read(void)
{
    while ((UART_STATE & STATE_RX_FULL) == 0u) {
        /* QEMU's thread that brings the next byte waits for the lock that each access of a register
         * takes. Much less than the 2170 periods of the 25 MHz clock in a byte at 115200 baud. */
        for (volatile uint32_t pause = 0; pause < 40u; pause++) {
        }
    }
    return (uint8_t)UART_DATA;
}

void uart_write(const uint8_t *data, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        while ((UART_STATE & STATE_TX_FULL) != 0u) {
        }
        UART_DATA = data[i];
    }
}
