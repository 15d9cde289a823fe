/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief The test main: answers the requests of docs/protocol.md, one at a time, for ever.
 *
 * Every request is answered by one frame, which is kept: a request that arrives again (because its
 * answer was lost) is answered by the kept frame, never carried out twice.
 */
#include "cycle_counter.h"
#include "harness.h"
#include "uart.h"
#include "wire.h"

#include <string.h>

#define PROTOCOL_VERSION 2u

enum request_type {
    REQUEST_HELLO = 1,
    REQUEST_DESCRIBE = 2,
    REQUEST_WRITE = 3,
    REQUEST_INVOKE = 4,
    REQUEST_RESUME = 5,
    REQUEST_READ = 6,
    REQUEST_RESET = 7,
    REQUEST_SPEED = 8,
    RESPONSE = 0x80
};

enum status {
    STATUS_OK = 0,
    STATUS_BAD_REQUEST = 1,
    STATUS_OUT_OF_RANGE = 2,
    STATUS_INPUT_DAMAGED = 3,
    STATUS_NOT_TRACED = 4,
    STATUS_NO_SESSION = 5,
    STATUS_PAUSED = 6,
    STATUS_FAULT = 7,
    STATUS_NO_RESULT = 8
};

enum description {
    DESCRIBE_MODEL = 0,
    DESCRIBE_BUILD = 1,
    DESCRIBE_KERNELS = 2,
    DESCRIBE_COUNTS = 3,
    DESCRIBE_INPUT = 4,
    DESCRIBE_OUTPUT = 5
};

enum region { REGION_OUTPUT = 0, REGION_DIGESTS = 1, REGION_PIECE = 2, REGION_TIMES = 3 };

/** Places in tinygen_model.times. */
enum time { TIME_COUNTER = 0, TIME_INFERENCE = 1, TIME_LAYERS = 2 };

enum invoke_mode { INVOKE_PLAIN = 0, INVOKE_DIGESTS = 1, INVOKE_LAYER = 2 };

/** The request being answered. */
static wire_frame request;
/** Its answer, kept for a repetition of the request. */
static wire_buffer answer;
static uint32_t session;
static uint32_t last_sequence;
/** Whether the outputs in memory are those of the inputs last written. */
static int has_result;

/** Waits for a request that was not answered yet, answering repetitions of the last one. */
static void next_request(void)
{
    for (;;) {
        wire_receive(&request);
        if (request.session != session || answer.length == 0u) {
            wire_buffer refusal;

            if (request.type == REQUEST_HELLO) {
                session = request.session;
                last_sequence = request.sequence;
                return;
            }
            wire_payload(&refusal)[0] = STATUS_NO_SESSION;
            wire_send(&refusal, (uint8_t)(request.type | RESPONSE), request.session,
                      request.sequence, 1);
        } else if (request.sequence == last_sequence) {
            wire_resend(&answer);
        } else if (request.sequence == last_sequence + 1u) {
            last_sequence = request.sequence;
            return;
        }
        /* Any other number is an old request delivered late: its time is over. */
    }
}

/** Sends status and @p length bytes already at wire_payload(&answer) + 1. */
static void respond(enum status status, uint32_t length)
{
    wire_payload(&answer)[0] = (uint8_t)status;
    wire_send(&answer, (uint8_t)(request.type | RESPONSE), session, last_sequence, 1u + length);
}

/** Responds with @p count 32-bit words. */
static void respond_words(enum status status, const uint32_t *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        wire_put_u32(wire_payload(&answer) + 1u + 4u * i, words[i]);
    }
    respond(status, 4u * count);
}

static void respond_text(const char *text)
{
    uint32_t length = 0;

    while (text[length] != '\0' && length < WIRE_MAX_PAYLOAD - 1u) {
        length++;
    }
    memcpy(wire_payload(&answer) + 1, text, length);
    respond(STATUS_OK, length);
}

/** Responds with @p length bytes at @p offset of a region of @p bytes at @p data. */
static void respond_bytes(const void *data, uint32_t bytes, uint32_t offset, uint32_t length)
{
    if (length > WIRE_MAX_PAYLOAD - 1u || offset > bytes || length > bytes - offset) {
        respond(STATUS_OUT_OF_RANGE, 0);
        return;
    }
    memcpy(wire_payload(&answer) + 1, (const uint8_t *)data + offset, length);
    respond(STATUS_OK, length);
}

#ifdef TINYGEN_TRACE

void tinygen_trace(int32_t layer, const void *data, uint32_t bytes);

/** Layer at whose output the inference pauses; layer_count for none. */
static uint32_t paused_layer;
/** Bytes of that layer seen before the current piece. */
static uint32_t piece_offset;
/** Set when a request other than READ and RESUME ended the pause: it is still unanswered. */
static int abandoned;
/** The counter when the layer being computed began. */
static uint32_t layer_start;

static void trace_start(enum invoke_mode mode, uint32_t layer)
{
    paused_layer = mode == INVOKE_LAYER ? layer : tinygen_model.layer_count;
    piece_offset = 0;
    abandoned = 0;
    memset(tinygen_model.digests, 0, tinygen_model.layer_count * sizeof *tinygen_model.digests);
    memset(tinygen_model.times + TIME_LAYERS, 0,
           tinygen_model.layer_count * sizeof *tinygen_model.times);
}

/** Lets the host read a piece of a layer's output out of live memory, until it says RESUME. */
static void pause_for_reading(const void *data, uint32_t bytes)
{
    const uint32_t piece[2] = {piece_offset, bytes};

    /* Nobody asks how long a paused inference took; the board may need SysTick for its line. */
    cycle_counter_stop();
    respond_words(STATUS_PAUSED, piece, 2);
    for (;;) {
        next_request();
        if (request.type == REQUEST_READ && request.length == 8u &&
            request.payload[0] == REGION_PIECE) {
            respond_bytes(data, bytes, wire_get_u32(request.payload + 3), request.payload[7]);
        } else if (request.type == REQUEST_RESUME) {
            break;
        } else {
            abandoned = 1;
            paused_layer = tinygen_model.layer_count;
            break;
        }
    }
    piece_offset += bytes;
    (void)cycle_counter_start();
}

/**
 * Called by the generated code with each piece of each layer's output, in order.
 *
 * @param layer  Number of the operator, from 0.
 * @param data   The piece.
 * @param bytes  Its size.
 */
void tinygen_trace(int32_t layer, const void *data, uint32_t bytes)
{
    const uint32_t now = cycle_counter_read();

    if (layer < 0 || (uint32_t)layer >= tinygen_model.layer_count) {
        return;
    }
    tinygen_model.times[TIME_LAYERS + layer] += cycle_counter_between(layer_start, now);
    tinygen_model.digests[layer] = wire_crc32(tinygen_model.digests[layer], data, bytes);
    if ((uint32_t)layer == paused_layer) {
        pause_for_reading(data, bytes);
    }
    layer_start = cycle_counter_read();
}

#endif

static void answer_hello(void)
{
    wire_payload(&answer)[1] = PROTOCOL_VERSION;
    has_result = 0;
    respond(STATUS_OK, 1);
}

static void answer_describe(void)
{
    const uint32_t index = request.length == 3u ? wire_get_u16(request.payload + 1) : 0u;
    const uint32_t counts[3] = {tinygen_model.input_count, tinygen_model.output_count,
                                tinygen_model.layer_count};

    if (request.length != 3u) {
        respond(STATUS_BAD_REQUEST, 0);
        return;
    }
    switch (request.payload[0]) {
    case DESCRIBE_MODEL:
        respond_text(tinygen_model.model_sha256);
        break;
    case DESCRIBE_BUILD:
        respond_text(tinygen_model.build_id);
        break;
    case DESCRIBE_KERNELS:
        respond_text(tinygen_model.kernels);
        break;
    case DESCRIBE_COUNTS:
        respond_words(STATUS_OK, counts, 3);
        break;
    case DESCRIBE_INPUT:
        if (index < tinygen_model.input_count) {
            respond_words(STATUS_OK, &tinygen_model.inputs[index].bytes, 1);
        } else {
            respond(STATUS_OUT_OF_RANGE, 0);
        }
        break;
    case DESCRIBE_OUTPUT:
        if (index < tinygen_model.output_count) {
            respond_words(STATUS_OK, &tinygen_model.outputs[index].bytes, 1);
        } else {
            respond(STATUS_OUT_OF_RANGE, 0);
        }
        break;
    default:
        respond(STATUS_BAD_REQUEST, 0);
        break;
    }
}

static void answer_write(void)
{
    uint32_t index;
    uint32_t offset;
    uint32_t length;

    if (request.length < 6u) {
        respond(STATUS_BAD_REQUEST, 0);
        return;
    }
    index = wire_get_u16(request.payload);
    offset = wire_get_u32(request.payload + 2);
    length = request.length - 6u;
    if (index >= tinygen_model.input_count || offset > tinygen_model.inputs[index].bytes ||
        length > tinygen_model.inputs[index].bytes - offset) {
        respond(STATUS_OUT_OF_RANGE, 0);
        return;
    }
    /* Inputs and outputs may share memory. */
    has_result = 0;
    memcpy((uint8_t *)tinygen_model.inputs[index].data() + offset, request.payload + 6, length);
    respond(STATUS_OK, 0);
}

static uint32_t input_crc(void)
{
    uint32_t crc = 0;

    for (uint32_t i = 0; i < tinygen_model.input_count; i++) {
        crc = wire_crc32(crc, tinygen_model.inputs[i].data(), tinygen_model.inputs[i].bytes);
    }
    return crc;
}

static uint32_t output_crc(void)
{
    uint32_t crc = 0;

    for (uint32_t i = 0; i < tinygen_model.output_count; i++) {
        crc = wire_crc32(crc, tinygen_model.outputs[i].data(), tinygen_model.outputs[i].bytes);
    }
    return crc;
}

/** Runs one inference. @return 1 if the request in @ref request is still to be answered. */
static int answer_invoke(void)
{
    uint32_t result[2];
    uint32_t mode;

    if (request.length != 9u || request.payload[0] > INVOKE_LAYER) {
        respond(STATUS_BAD_REQUEST, 0);
        return 0;
    }
    mode = request.payload[0];
    if (mode != INVOKE_PLAIN && tinygen_model.layer_count == 0u) {
        respond(STATUS_NOT_TRACED, 0);
        return 0;
    }
    if (mode == INVOKE_LAYER && wire_get_u32(request.payload + 1) >= tinygen_model.layer_count) {
        respond(STATUS_OUT_OF_RANGE, 0);
        return 0;
    }
    if (wire_get_u32(request.payload + 5) != input_crc()) {
        respond(STATUS_INPUT_DAMAGED, 0);
        return 0;
    }
#ifdef TINYGEN_TRACE
    trace_start((enum invoke_mode)mode, wire_get_u32(request.payload + 1));
#endif
    tinygen_model.times[TIME_COUNTER] = cycle_counter_start();
    /* Not in a local: a small number on the stack can look like a return address. */
    tinygen_model.times[TIME_INFERENCE] = cycle_counter_read();
#ifdef TINYGEN_TRACE
    layer_start = tinygen_model.times[TIME_INFERENCE];
#endif
    result[0] = (uint32_t)tinygen_model.invoke();
    tinygen_model.times[TIME_INFERENCE] =
        cycle_counter_between(tinygen_model.times[TIME_INFERENCE], cycle_counter_read());
    cycle_counter_stop();
    result[1] = output_crc();
    has_result = 1;
#ifdef TINYGEN_TRACE
    if (abandoned) {
        return 1;
    }
#endif
    respond_words(STATUS_OK, result, 2);
    return 0;
}

static void answer_read(void)
{
    uint32_t index;
    uint32_t offset;
    uint32_t length;

    if (request.length != 8u) {
        respond(STATUS_BAD_REQUEST, 0);
        return;
    }
    index = wire_get_u16(request.payload + 1);
    offset = wire_get_u32(request.payload + 3);
    length = request.payload[7];
    if (!has_result) {
        respond(STATUS_NO_RESULT, 0);
    } else if (request.payload[0] == REGION_OUTPUT && index < tinygen_model.output_count) {
        respond_bytes(tinygen_model.outputs[index].data(), tinygen_model.outputs[index].bytes,
                      offset, length);
    } else if (request.payload[0] == REGION_DIGESTS && tinygen_model.layer_count != 0u) {
        respond_bytes(tinygen_model.digests,
                      tinygen_model.layer_count * (uint32_t)sizeof *tinygen_model.digests, offset,
                      length);
    } else if (request.payload[0] == REGION_TIMES) {
        respond_bytes(tinygen_model.times,
                      (TIME_LAYERS + tinygen_model.layer_count) *
                          (uint32_t)sizeof *tinygen_model.times,
                      offset, length);
    } else {
        respond(STATUS_OUT_OF_RANGE, 0);
    }
}

/** Changes the speed of the line, after an answer at the old one that returns what follows it. */
static void answer_speed(void)
{
    uint32_t baud;
    uint32_t length;

    if (request.length < 4u) {
        respond(STATUS_BAD_REQUEST, 0);
        return;
    }
    baud = wire_get_u32(request.payload);
    length = request.length - 4u;
    if (!uart_has_baud(baud)) {
        respond(STATUS_OUT_OF_RANGE, 0);
        return;
    }
    memcpy(wire_payload(&answer) + 1, request.payload + 4, length);
    respond(STATUS_OK, length);
    uart_set_baud(baud);
}

/** Answers @ref request. @return 1 if another request arrived meanwhile and is to be answered. */
static int answer_request(void)
{
    switch (request.type) {
    case REQUEST_HELLO:
        answer_hello();
        return 0;
    case REQUEST_DESCRIBE:
        answer_describe();
        return 0;
    case REQUEST_WRITE:
        answer_write();
        return 0;
    case REQUEST_INVOKE:
        return answer_invoke();
    case REQUEST_READ:
        answer_read();
        return 0;
    case REQUEST_RESET:
        tinygen_model.reset();
        has_result = 0;
        respond(STATUS_OK, 0);
        return 0;
    case REQUEST_SPEED:
        answer_speed();
        return 0;
    default:
        respond(STATUS_BAD_REQUEST, 0);
        return 0;
    }
}

void harness_fault(const uint32_t report[FAULT_WORDS])
{
    for (;;) {
        respond_words(STATUS_FAULT, report, FAULT_WORDS);
        next_request();
    }
}

int main(void)
{
    uart_init();
    for (;;) {
        next_request();
        while (answer_request()) {
        }
    }
}
