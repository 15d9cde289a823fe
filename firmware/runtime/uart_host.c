/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief The byte stream of a native build: one TCP connection on the loopback interface.
 *
 * The port is chosen by the operating system and printed on standard output. The process ends when
 * the peer closes the connection.
 */
#define _POSIX_C_SOURCE 200809L

#include "uart.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connection = -1;

static void fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

void uart_init(void)
{
    struct sockaddr_in address;
    socklen_t address_length = sizeof address;
    const int no_delay = 1;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (listener < 0) {
        fail("socket");
    }
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (const struct sockaddr *)&address, sizeof address) != 0) {
        fail("bind");
    }
    if (listen(listener, 1) != 0) {
        fail("listen");
    }
    if (getsockname(listener, (struct sockaddr *)&address, &address_length) != 0) {
        fail("getsockname");
    }
    printf("listening on 127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);

    connection = accept(listener, NULL, NULL);
    if (connection < 0) {
        fail("accept");
    }
    close(listener);
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &no_delay, sizeof no_delay);
}

int uart_has_baud(uint32_t baud)
{
    (void)baud;
    return 0;
}

void uart_set_baud(uint32_t baud)
{
    (void)baud;
}

uint8_t uart_read(void)
{
    static uint8_t buffer[4096];
    static ssize_t filled;
    static ssize_t taken;

    if (taken == filled) {
        filled = recv(connection, buffer, sizeof buffer, 0);
        taken = 0;
        if (filled <= 0) {
            exit(EXIT_SUCCESS);
        }
    }
    return buffer[taken++];
}

void uart_write(const uint8_t *data, uint32_t length)
{
    while (length > 0u) {
        const ssize_t sent = send(connection, data, length, 0);

        if (sent <= 0) {
            exit(EXIT_SUCCESS);
        }
        data += sent;
        length -= (uint32_t)sent;
    }
}
