/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Clock, pins and serial line of a board: register accesses that its board file lists.
 */
#ifndef TINYGEN_BOARD_H
#define TINYGEN_BOARD_H

#include <stdint.h>

enum board_step_kind { BOARD_WRITE, BOARD_CHANGE, BOARD_WAIT };

/** One access of a 32-bit register. */
typedef struct {
    enum board_step_kind kind;
    uint32_t address;
    uint32_t mask;  /**< Bits that are meant. */
    uint32_t value; /**< Of these bits. */
} board_step;

/** Made from the board file; see templates/board_setup.c.j2. */
extern const board_step board_steps[];
extern const uint32_t board_step_count;

/** Carries the accesses out in order. */
void board_setup(void);

#endif
