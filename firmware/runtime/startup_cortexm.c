/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Start-up of a Cortex-M: vector table, memory initialization, FPU and MVE, faults.
 *
 * Interrupts stay off: the table ends after the system exceptions (Armv7-M Architecture Reference
 * Manual, B1.5.2). Caches stay as they are at reset, disabled.
 */
#include "harness.h"

#include <stdint.h>
#include <string.h>

/* Made by templates/linker.ld.j2. */
extern uint32_t tinygen_stack_limit[];
extern uint32_t tinygen_stack_top[];
extern uint32_t tinygen_data_start[];
extern uint32_t tinygen_data_end[];
extern const uint32_t tinygen_data_load[];
extern uint32_t tinygen_bss_start[];
extern uint32_t tinygen_bss_end[];

int main(void);
void reset_handler(void);
void fault_handler(void);
void fault_report(const uint32_t *frame);

#define SCB_CPACR (*(volatile uint32_t *)0xE000ED88u)
#define SCB_CFSR (*(volatile uint32_t *)0xE000ED28u)
#define SCB_HFSR (*(volatile uint32_t *)0xE000ED2Cu)
#define SCB_BFAR (*(volatile uint32_t *)0xE000ED38u)

/** Full access to coprocessors 10 and 11: floating point and MVE. */
#define CPACR_FPU (0xFu << 20)

typedef void (*vector)(void);

/** Initial stack pointer and the system exceptions; every one of them but reset is a fault. */
static const struct {
    uint32_t *stack_top;
    vector exceptions[15];
} vectors __attribute__((section(".vectors"), used)) = {
    tinygen_stack_top,
    {reset_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
     fault_handler, fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
     fault_handler, fault_handler, fault_handler},
};

static void copy_words(uint32_t *to, const uint32_t *end, const uint32_t *from)
{
    while (to < end) {
        *to++ = *from++;
    }
}

static void clear_words(uint32_t *to, const uint32_t *end)
{
    while (to < end) {
        *to++ = 0;
    }
}

void reset_handler(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    SCB_CPACR |= CPACR_FPU;
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
#if defined(__ARM_ARCH_8M_MAIN__) || defined(__ARM_ARCH_8_1M_MAIN__)
    __asm volatile("msr msplim, %0" ::"r"(tinygen_stack_limit));
#endif
    copy_words(tinygen_data_start, tinygen_data_end, tinygen_data_load);
    clear_words(tinygen_bss_start, tinygen_bss_end);
    main();
}

/**
 * Hands the stacked registers to fault_report() on a fresh stack: after an overflow the old one is
 * no memory any more.
 */
__attribute__((naked)) void fault_handler(void)
{
    __asm volatile("mrs r0, msp\n\t"
                   "ldr r1, =tinygen_stack_top\n\t"
                   "mov sp, r1\n\t"
                   "ldr r1, =fault_report\n\t"
                   "bx r1\n\t"
                   ".ltorg");
}

/** Tells the host where the processor stopped. @param frame The exception's stack frame. */
void fault_report(const uint32_t *frame)
{
    uint32_t registers[FAULT_REGISTERS];
    const uintptr_t address = (uintptr_t)frame;

    memset(registers, 0, sizeof registers);
    registers[FAULT_SP] = (uint32_t)address;
    /* r0 to r3, r12, lr, pc, xpsr: not there if stacking them was what failed. */
    if (address >= (uintptr_t)tinygen_stack_limit &&
        address + 8u * sizeof *frame <= (uintptr_t)tinygen_stack_top) {
        registers[FAULT_LR] = frame[5];
        registers[FAULT_PC] = frame[6];
        registers[FAULT_XPSR] = frame[7];
    }
#if __ARM_ARCH >= 7 && !defined(__ARM_ARCH_8M_BASE__)
    registers[FAULT_CFSR] = SCB_CFSR;
    registers[FAULT_HFSR] = SCB_HFSR;
    registers[FAULT_ADDRESS] = SCB_BFAR;
#endif
    harness_fault(registers);
}
