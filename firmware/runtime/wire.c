/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include "uart.h"

uint32_t wire_crc32(uint32_t crc, const void *data, uint32_t length)
{
    /* A table of 16 entries: 64 bytes of flash instead of 1024, still four bits a step. */
    static const uint32_t table[16] = {0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu,
                                       0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
                                       0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
                                       0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};
    const uint8_t *bytes = data;

    crc = ~crc;
    for (uint32_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        crc = (crc >> 4) ^ table[crc & 15u];
        crc = (crc >> 4) ^ table[crc & 15u];
    }
    return ~crc;
}

void wire_put_u32(uint8_t *at, uint32_t value)
{
    for (uint32_t i = 0; i < 4u; i++) {
        at[i] = (uint8_t)(value >> (8u * i));
    }
}

uint32_t wire_get_u32(const uint8_t *at)
{
    return wire_get_u16(at) | (wire_get_u16(at + 2) << 16);
}

uint32_t wire_get_u16(const uint8_t *at)
{
    return (uint32_t)at[0] | ((uint32_t)at[1] << 8);
}

/**
 * Undoes COBS in place: afterwards bytes[1] .. bytes[length - 1] are the frame.
 *
 * @return 1 if the code bytes lead exactly to the end, else 0.
 */
static int cobs_decode(uint8_t *bytes, uint32_t length)
{
    uint32_t position = 0;
    uint32_t step = bytes[0];

    while (position + step < length) {
        position += step;
        step = bytes[position];
        bytes[position] = 0;
    }
    return position + step == length;
}

/** Replaces the zeros of bytes[1] .. bytes[length - 1] by the distance to the next one, in place.
 */
static void cobs_encode(uint8_t *bytes, uint32_t length)
{
    uint32_t code_at = 0;

    for (uint32_t i = 1; i < length; i++) {
        if (bytes[i] == 0u) {
            bytes[code_at] = (uint8_t)(i - code_at);
            code_at = i;
        }
    }
    bytes[code_at] = (uint8_t)(length - code_at);
}

/** Bytes received since the last intact frame. */
static uint32_t lost;

/** Reads up to the next delimiter. @return bytes before it, 0 if they were too many or none. */
static uint32_t read_until_delimiter(uint8_t *bytes)
{
    uint32_t length = 0;

    for (;;) {
        const uint8_t byte = uart_read();

        if (++lost == WIRE_LOST) {
            /* The other side may have gone back to the first speed. */
            uart_set_baud(0);
            lost = 0;
        }
        if (byte == 0u) {
            return length <= WIRE_MAX_ENCODED ? length : 0u;
        }
        if (length < WIRE_MAX_ENCODED) {
            bytes[length] = byte;
        }
        if (length <= WIRE_MAX_ENCODED) {
            length++;
        }
    }
}

void wire_receive(wire_frame *frame)
{
    static uint8_t bytes[WIRE_MAX_ENCODED];

    for (;;) {
        const uint32_t length = read_until_delimiter(bytes);
        const uint8_t *const content = bytes + 1;

        if (length >= 1u + WIRE_HEADER + WIRE_TRAILER && cobs_decode(bytes, length)) {
            const uint32_t checked = length - 1u - WIRE_TRAILER;

            if (wire_crc32(0, content, checked) == wire_get_u32(content + checked)) {
                lost = 0;
                frame->type = content[0];
                frame->session = wire_get_u32(content + 1);
                frame->sequence = wire_get_u32(content + 5);
                frame->payload = content + WIRE_HEADER;
                frame->length = checked - WIRE_HEADER;
                return;
            }
        }
    }
}

uint8_t *wire_payload(wire_buffer *buffer)
{
    return buffer->bytes + 2u + WIRE_HEADER;
}

void wire_send(wire_buffer *buffer, uint8_t type, uint32_t session, uint32_t sequence,
               uint32_t length)
{
    uint8_t *const encoded = buffer->bytes + 1;
    uint8_t *const content = encoded + 1;
    const uint32_t checked = WIRE_HEADER + length;

    content[0] = type;
    wire_put_u32(content + 1, session);
    wire_put_u32(content + 5, sequence);
    wire_put_u32(content + checked, wire_crc32(0, content, checked));
    cobs_encode(encoded, 1u + checked + WIRE_TRAILER);
    /* The delimiter in front ends whatever noise the line carried since the last frame. */
    buffer->bytes[0] = 0;
    encoded[1u + checked + WIRE_TRAILER] = 0;
    buffer->length = 1u + 1u + checked + WIRE_TRAILER + 1u;
    wire_resend(buffer);
}

void wire_resend(const wire_buffer *buffer)
{
    uart_write(buffer->bytes, buffer->length);
}
