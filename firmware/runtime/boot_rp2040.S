/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Second stage of the RP2040's boot: the boot ROM copies the first 256 bytes of flash to RAM, checks
 * the CRC-32 in their last 4 (RP2040 Datasheet, 2.8.1.3.1) and runs them. They let flash be read as
 * memory, by the serial read command 03h that every flash chip knows, and start the program.
 *
 * Registers of the SSI: RP2040 Datasheet, 4.10.13. tinygen/hardware/boot2.py puts the CRC in.
 */
    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .equ XIP_SSI, 0x18000000
    .equ SSI_CTRLR0, 0x00
    .equ SSI_CTRLR1, 0x04
    .equ SSI_SSIENR, 0x08
    .equ SSI_BAUDR, 0x14
    .equ SSI_SPI_CTRLR0, 0xf4
    /* 32-bit frames, EEPROM read. */
    .equ CTRLR0_XIP, (31 << 16) | (3 << 8)
    /* Command 03h, 8 bits of instruction, 24 of address. */
    .equ SPI_CTRLR0_XIP, (0x03 << 24) | (2 << 8) | (6 << 2)
    .equ SCB_VTOR, 0xe000ed08

    .section .boot2, "ax", %progbits
    .global tinygen_boot2
    .type tinygen_boot2, %function
    .thumb_func
tinygen_boot2:
    ldr r3, =XIP_SSI
    movs r1, #0
    str r1, [r3, #SSI_SSIENR]
    /* A quarter of the system clock. */
    movs r1, #4
    str r1, [r3, #SSI_BAUDR]
    ldr r1, =CTRLR0_XIP
    str r1, [r3, #SSI_CTRLR0]
    ldr r1, =SPI_CTRLR0_XIP
    ldr r0, =XIP_SSI + SSI_SPI_CTRLR0
    str r1, [r0]
    movs r1, #0
    str r1, [r3, #SSI_CTRLR1]
    movs r1, #1
    str r1, [r3, #SSI_SSIENR]
    ldr r0, =tinygen_vectors
    ldr r1, =SCB_VTOR
    str r0, [r1]
    ldr r1, [r0, #0]
    msr msp, r1
    ldr r1, [r0, #4]
    bx r1
    .ltorg
