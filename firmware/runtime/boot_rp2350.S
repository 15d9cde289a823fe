/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the RP2350's boot ROM looks for in the first 4 KB of flash: a block that says "an executable,
 * Secure, for the Arm cores of an RP2350" (RP2350 Datasheet, 5.9.5.1 "Minimum Arm IMAGE_DEF"). The
 * vector table is at the start of flash.
 */
    .section .boot_block, "a", %progbits
    .global tinygen_boot_block
tinygen_boot_block:
    .word 0xffffded3
    .word 0x10210142
    .word 0x000001ff
    .word 0x00000000
    .word 0xab123579
