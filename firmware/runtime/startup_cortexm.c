/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Start-up of a Cortex-M: vector table, memory initialization, FPU and MVE, faults.
 *
 * Interrupts stay off: the table ends after the system exceptions (Armv7-M Architecture Reference
 * Manual, B1.5.2). L1 caches are switched on where there are any, unless TINYGEN_NO_CACHES is
 * defined.
 *
 * Below the stack is a guard: MSPLIM where there is one, else a region of the MPU that allows no
 * access, else whatever a read of absent memory does.
 */
#include "board.h"
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
extern const uint8_t tinygen_text_start[];
extern const uint8_t tinygen_text_end[];
extern const uint32_t tinygen_vectors[];

int main(void);
void reset_handler(void);
void fault_handler(void);
void fault_report(const uint32_t *frame);

#define SCB_CPACR (*(volatile uint32_t *)0xE000ED88u)
#define SCB_CFSR (*(volatile uint32_t *)0xE000ED28u)
#define SCB_HFSR (*(volatile uint32_t *)0xE000ED2Cu)
#define SCB_MMFAR (*(volatile uint32_t *)0xE000ED34u)
#define SCB_BFAR (*(volatile uint32_t *)0xE000ED38u)
#define SCB_VTOR (*(volatile uint32_t *)0xE000ED08u)
#define SCB_CCR (*(volatile uint32_t *)0xE000ED14u)
#define SCB_CLIDR (*(volatile uint32_t *)0xE000ED78u)
#define SCB_CCSIDR (*(volatile uint32_t *)0xE000ED80u)
#define SCB_CSSELR (*(volatile uint32_t *)0xE000ED84u)
#define SCB_ICIALLU (*(volatile uint32_t *)0xE000EF50u)
#define SCB_DCISW (*(volatile uint32_t *)0xE000EF60u)
#define MPU_TYPE (*(volatile uint32_t *)0xE000ED90u)
#define MPU_CTRL (*(volatile uint32_t *)0xE000ED94u)
#define MPU_RNR (*(volatile uint32_t *)0xE000ED98u)
#define MPU_RBAR (*(volatile uint32_t *)0xE000ED9Cu)
#define MPU_RASR (*(volatile uint32_t *)0xE000EDA0u)

#define MPU_TYPE_DREGION (0xFFu << 8)
#define MPU_CTRL_ENABLE (1u << 0)
/** Outside the regions, memory is as without MPU. */
#define MPU_CTRL_PRIVDEFENA (1u << 2)
#define MPU_RASR_ENABLE (1u << 0)
/** A region of 2^n bytes. Access permission 0: none. */
#define MPU_RASR_SIZE(n) (((n)-1u) << 1)
#define MPU_RASR_XN (1u << 28)

/** Armv8-M's MSPLIM; Baseline has it in the Secure state only, elsewhere it ignores the write. */
#if __ARM_ARCH >= 8
#define HAS_STACK_LIMIT 1
#else
#define HAS_STACK_LIMIT 0
#endif

/** Fault status registers are in cores with the whole Thumb-2 instruction set only. */
#if __ARM_ARCH_ISA_THUMB >= 2
#define HAS_FAULT_STATUS 1
#else
#define HAS_FAULT_STATUS 0
#endif

/** CLIDR: level 1 has a cache for instructions, or one for data. */
#define CLIDR_L1_CODE (1u << 0)
#define CLIDR_L1_DATA (1u << 1)
#define CCR_DATA_CACHE (1u << 16)
#define CCR_CODE_CACHE (1u << 17)

/** Full access to coprocessors 10 and 11: floating point and MVE. */
#define CPACR_FPU (0xFu << 20)

/** MSTKERR, MLSPERR, STKERR, LSPERR: registers could not be put on the stack. */
#define CFSR_STACKING_FAILED 0x3030u

/** Stack of fault_report(); a frame and the call of the driver are the most it holds. */
static uint64_t fault_stack[128] __attribute__((used));

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

/** Makes the processor fault when the stack grows past its end. */
static void guard_stack(void)
{
#if HAS_STACK_LIMIT
    __asm volatile("msr msplim, %0" ::"r"(tinygen_stack_limit));
#else
    if ((MPU_TYPE & MPU_TYPE_DREGION) != 0u) {
        MPU_RNR = 0;
        MPU_RBAR = (uint32_t)(uintptr_t)tinygen_stack_limit - (1u << TINYGEN_STACK_GUARD_LOG2);
        MPU_RASR = MPU_RASR_XN | MPU_RASR_SIZE(TINYGEN_STACK_GUARD_LOG2) | MPU_RASR_ENABLE;
        MPU_CTRL = MPU_CTRL_PRIVDEFENA | MPU_CTRL_ENABLE;
        __asm volatile("dsb\n\tisb" ::: "memory");
    }
#endif
}

#if HAS_FAULT_STATUS && !defined(TINYGEN_NO_CACHES)
static void barrier(void)
{
    __asm volatile("dsb\n\tisb" ::: "memory");
}

/** Forgets every line of the level 1 data cache, without writing any back. */
static void invalidate_data_cache(void)
{
    SCB_CSSELR = 0;
    barrier();
    const uint32_t size = SCB_CCSIDR;
    const uint32_t last_set = (size >> 13) & 0x7FFFu;
    const uint32_t last_way = (size >> 3) & 0x3FFu;
    const uint32_t set_shift = (size & 7u) + 4u;
    uint32_t way_shift = 32;

    for (uint32_t ways = last_way; ways != 0u; ways >>= 1) {
        way_shift--;
    }
    for (uint32_t set = 0; set <= last_set; set++) {
        for (uint32_t way = 0; way <= last_way; way++) {
            SCB_DCISW = set << set_shift | (last_way == 0u ? 0u : way << way_shift);
        }
    }
}

/** Switches the level 1 caches on. After a reset they hold anything (PM0253 4.8). */
static void enable_caches(void)
{
    const uint32_t levels = SCB_CLIDR;

    barrier();
    if ((levels & CLIDR_L1_CODE) != 0u && (SCB_CCR & CCR_CODE_CACHE) == 0u) {
        SCB_ICIALLU = 0;
        barrier();
        SCB_CCR |= CCR_CODE_CACHE;
        barrier();
    }
    /* One that a boot loader left on may hold what memory does not have yet. */
    if ((levels & CLIDR_L1_DATA) != 0u && (SCB_CCR & CCR_DATA_CACHE) == 0u) {
        invalidate_data_cache();
        barrier();
        SCB_CCR |= CCR_DATA_CACHE;
        barrier();
    }
}
#endif

void reset_handler(void)
{
    /* A boot loader's may still be in use. Reserved, and ignored, on a Cortex-M0. */
    SCB_VTOR = (uint32_t)(uintptr_t)tinygen_vectors;
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    SCB_CPACR |= CPACR_FPU;
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
#if HAS_FAULT_STATUS && !defined(TINYGEN_NO_CACHES)
    enable_caches();
#endif
    guard_stack();
    copy_words(tinygen_data_start, tinygen_data_end, tinygen_data_load);
    clear_words(tinygen_bss_start, tinygen_bss_end);
    board_setup();
    main();
}

/** Hands the stacked registers to fault_report() on its own stack: the other one is evidence. */
__attribute__((naked)) void fault_handler(void)
{
    __asm volatile(".syntax unified\n\t"
                   "mrs r0, msp\n\t"
#if HAS_STACK_LIMIT
                   "movs r1, #0\n\t"
                   "msr msplim, r1\n\t"
#endif
                   "ldr r1, =fault_stack + %c0\n\t"
                   "mov sp, r1\n\t"
                   "ldr r1, =fault_report\n\t"
                   "bx r1\n\t"
                   ".ltorg" ::"i"(sizeof fault_stack));
}

/** Whether @p word is an address in the code right after a call (BL, or BLX of a register). */
static int is_return_address(uint32_t word)
{
    const uint32_t start = (uint32_t)(uintptr_t)tinygen_text_start;
    const uint32_t end = (uint32_t)(uintptr_t)tinygen_text_end;
    const uint16_t *after;

    if ((word & 1u) == 0u || word < start + 5u || word > end) {
        return 0;
    }
    after = (const uint16_t *)(uintptr_t)(word - 1u);
    return (after[-1] & 0xFF87u) == 0x4780u ||
           ((after[-2] & 0xF800u) == 0xF000u && (after[-1] & 0xD000u) == 0xD000u);
}

/** Fills @p trace with the innermost return addresses on the stack from @p from on. */
static void trace_stack(uint32_t *trace, const uint32_t *from)
{
    uint32_t found = 0;

    for (; from < tinygen_stack_top && found < FAULT_TRACE; from++) {
        if (is_return_address(*from)) {
            trace[found++] = *from;
        }
    }
}

/** Tells the host where the processor stopped. @param frame The exception's stack frame. */
void fault_report(const uint32_t *frame)
{
    uint32_t report[FAULT_WORDS];
    const uintptr_t address = (uintptr_t)frame;

    memset(report, 0, sizeof report);
    report[FAULT_SP] = (uint32_t)address;
#if HAS_FAULT_STATUS
    report[FAULT_CFSR] = SCB_CFSR;
    report[FAULT_HFSR] = SCB_HFSR;
    report[FAULT_BFAR] = SCB_BFAR;
    report[FAULT_MMFAR] = SCB_MMFAR;
#endif
    if (address >= (uintptr_t)tinygen_stack_limit &&
        address + 8u * sizeof *frame <= (uintptr_t)tinygen_stack_top) {
        /* r0 to r3, r12, lr, pc, xpsr: not there if stacking them was what failed. */
        if ((report[FAULT_CFSR] & CFSR_STACKING_FAILED) == 0u) {
            report[FAULT_LR] = frame[5];
            report[FAULT_PC] = frame[6];
            report[FAULT_XPSR] = frame[7];
        }
        trace_stack(report + FAULT_REGISTERS, frame + 8);
    } else {
        trace_stack(report + FAULT_REGISTERS, tinygen_stack_limit);
    }
    harness_fault(report);
}
