/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief The host's byte stream with a speed: each byte follows one that says at which it was sent.
 *
 * What was sent at another speed than the receiver's comes in as something else.
 */
#define uart_read host_read
#define uart_write host_write
#define uart_has_baud host_has_baud
#define uart_set_baud host_set_baud
#include "uart_host.c"
#undef uart_read
#undef uart_write
#undef uart_has_baud
#undef uart_set_baud

#define FIRST_BAUD 115200u
#define MAX_BAUD 1000000u
/** 115200 is 1, and every other usual speed another byte. */
#define CODE(baud) ((uint8_t)((baud) / 76800u))

static uint8_t own = CODE(FIRST_BAUD);

uint8_t uart_read(void)
{
    const uint8_t code = host_read();
    const uint8_t byte = host_read();

    return code == own ? byte : (uint8_t)(byte ^ 0x5Au);
}

void uart_write(const uint8_t *data, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        const uint8_t pair[2] = {own, data[i]};

        host_write(pair, sizeof pair);
    }
}

int uart_has_baud(uint32_t baud)
{
    return baud <= MAX_BAUD;
}

void uart_set_baud(uint32_t baud)
{
    own = CODE(baud != 0u ? baud : FIRST_BAUD);
}
