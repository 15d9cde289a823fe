/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Frames of the wire protocol: COBS, CRC-32, little-endian fields. See docs/protocol.md.
 */
#ifndef TINYGEN_WIRE_H
#define TINYGEN_WIRE_H

#include <stdint.h>

/** Bytes before the payload: type (1), session (4), sequence (4). */
#define WIRE_HEADER 9u
/** Bytes of CRC-32 after the payload. */
#define WIRE_TRAILER 4u
/** Most bytes of payload; keeps a frame below the 254 bytes after which COBS adds a second byte. */
#define WIRE_MAX_PAYLOAD 240u
/** Most bytes of an encoded frame between its two delimiters. */
#define WIRE_MAX_ENCODED (1u + WIRE_HEADER + WIRE_MAX_PAYLOAD + WIRE_TRAILER)

/** Bytes without an intact frame after which the line goes back to its first speed. */
#define WIRE_LOST 1024u

/** A received frame; valid until the next wire_receive(). */
typedef struct {
    uint8_t type;
    uint32_t session;
    uint32_t sequence;
    const uint8_t *payload;
    uint32_t length; /**< Bytes of payload. */
} wire_frame;

/** A frame being built, later its encoded form: delimiter, COBS code, frame, delimiter. */
typedef struct {
    uint8_t bytes[1u + WIRE_MAX_ENCODED + 1u];
    uint32_t length; /**< Encoded bytes; 0 if nothing was encoded yet. */
} wire_buffer;

/** CRC-32 (IEEE 802.3, reflected) of @p length bytes, continuing from @p crc; start with 0. */
uint32_t wire_crc32(uint32_t crc, const void *data, uint32_t length);

/** Stores @p value at @p at, least significant byte first. */
void wire_put_u32(uint8_t *at, uint32_t value);

/** Loads a value stored least significant byte first. */
uint32_t wire_get_u32(const uint8_t *at);

/** Loads a 16-bit value stored least significant byte first. */
uint32_t wire_get_u16(const uint8_t *at);

/** Waits for the next undamaged frame; everything else on the line is skipped. */
void wire_receive(wire_frame *frame);

/** Where the payload of the frame in @p buffer goes, before wire_send(). */
uint8_t *wire_payload(wire_buffer *buffer);

/** Completes the frame whose payload was written to wire_payload(), encodes it and sends it. */
void wire_send(wire_buffer *buffer, uint8_t type, uint32_t session, uint32_t sequence,
               uint32_t length);

/** Sends the encoded frame in @p buffer once more. */
void wire_resend(const wire_buffer *buffer);

#endif
