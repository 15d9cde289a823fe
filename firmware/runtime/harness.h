/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief What the test main knows of the model it runs; made by templates/harness_model.c.j2.
 */
#ifndef TINYGEN_HARNESS_H
#define TINYGEN_HARNESS_H

#include <stdint.h>

/** An input of the model: where its bytes are written before an inference. */
typedef struct {
    void *(*data)(void);
    uint32_t bytes;
} harness_input;

/** An output of the model: where its bytes are read after an inference. */
typedef struct {
    const void *(*data)(void);
    uint32_t bytes;
} harness_output;

/** The model under test. */
typedef struct {
    const char *model_sha256; /**< Hexadecimal digest of the .tflite file. */
    const char *kernels;      /**< Kernel provider. */
    const char *build_id;     /**< Digest of everything this firmware was built from. */
    const harness_input *inputs;
    uint32_t input_count;
    const harness_output *outputs;
    uint32_t output_count;
    uint32_t *digests; /**< One CRC-32 a layer; NULL unless built with TINYGEN_TRACE. */
    uint32_t *times; /**< Kind of counter, cycles of the inference, cycles of each traced layer. */
    uint32_t layer_count; /**< Traced layers; 0 unless built with TINYGEN_TRACE. */
    int (*invoke)(void);  /**< One inference; 0 = done. */
    void (*reset)(void);  /**< Clears the state of a stateful model. */
} tinygen_harness_model;

/** The one model linked into this firmware. */
extern const tinygen_harness_model tinygen_model;

/** Registers reported after a fault, in the order they are sent. */
enum harness_fault_register {
    FAULT_PC,
    FAULT_LR,
    FAULT_XPSR,
    FAULT_SP,
    FAULT_CFSR,
    FAULT_HFSR,
    FAULT_BFAR,
    FAULT_MMFAR,
    FAULT_REGISTERS
};

/** Return addresses reported after the registers, the innermost first. */
#define FAULT_TRACE 8u
#define FAULT_WORDS (FAULT_REGISTERS + FAULT_TRACE)

/** Answers the outstanding request and every later one with the fault; does not return. */
void harness_fault(const uint32_t report[FAULT_WORDS]);

#endif
