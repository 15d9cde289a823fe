/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * NAME_invoke() under a storm of timer interrupts at random distances, for the tests.
 *
 * The model's own invoke was renamed to NAME_calm_invoke. Each interrupt dirties the stack below
 * the interrupted code and every register it may, and looks at the frame that the processor pushed:
 * bit 9 of xPSR says whether it had to align the interrupted code's stack to 8 bytes first.
 * Compilers leave that to it in functions that call no others; in assembly, STORM_RANGES (the first
 * address and the one after the last of each function), it must not happen.
 */
#include <stdint.h>

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define SCB_VTOR (*(volatile uint32_t *)0xE000ED08u)
#define VECTORS 16u
#define SYSTICK 15u
#define ENOUGH 20u
#define FRAME_PC 6
#define FRAME_XPSR 7
#define STACK_WAS_ODD (1u << 9)

extern int STORM_CALM(void);
int STORM_INVOKE(void);
void storm_tick(const uint32_t *frame);
void storm_handler(void);

static uint32_t table[VECTORS] __attribute__((aligned(256)));
static uint32_t state = 1u;
/* Volatile, so that code and layout do not depend on the addresses. */
static const volatile uint32_t ranges[][2] = STORM_RANGES;
static volatile uint32_t ticks;
static volatile uint32_t in_kernels;
static volatile uint32_t odd_stacks;

static uint32_t random_word(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static uint32_t in_assembly(uint32_t address)
{
    for (uint32_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (address >= ranges[i][0] && address < ranges[i][1]) {
            return 1u;
        }
    }
    return 0u;
}

void storm_tick(const uint32_t *frame)
{
    volatile uint32_t garbage[96];
    for (uint32_t i = 0; i < 96u; i++) {
        garbage[i] = 0xDEADBEEFu;
    }
    ticks++;
    if (in_assembly(frame[FRAME_PC]) != 0u) {
        in_kernels++;
        odd_stacks += (frame[FRAME_XPSR] & STACK_WAS_ODD) != 0u ? 1u : 0u;
    }
    SYST_RVR = 100u + random_word() % 4000u + garbage[5] % 2u;
    SYST_CVR = 0;
}

/** s0 to s15, which the processor keeps for the interrupted code, are dirtied too. */
__attribute__((naked)) void storm_handler(void)
{
    __asm volatile("mov r0, sp\n\t"
                   "push {r4, lr}\n\t"
                   "bl storm_tick\n\t"
#ifdef __ARM_FP
                   "mov r0, #-1\n\t"
                   "vmov s0, r0\n\tvmov s1, r0\n\tvmov s2, r0\n\tvmov s3, r0\n\t"
                   "vmov s7, r0\n\tvmov s11, r0\n\tvmov s14, r0\n\tvmov s15, r0\n\t"
#endif
                   "pop {r4, pc}\n\t");
}

int STORM_INVOKE(void)
{
    const uint32_t before = SCB_VTOR;
    for (uint32_t i = 0; i < VECTORS; i++) {
        table[i] = ((const uint32_t *)(uintptr_t)before)[i];
    }
    table[SYSTICK] = (uint32_t)(uintptr_t)storm_handler;
    __asm volatile("dsb" ::: "memory");
    SCB_VTOR = (uint32_t)(uintptr_t)table;
    ticks = 0;
    in_kernels = 0;
    odd_stacks = 0;
    SYST_RVR = 1000u;
    SYST_CVR = 0;
    SYST_CSR = 7u;
    const int status = STORM_CALM();
    SYST_CSR = 0;
    SCB_VTOR = before;
    __asm volatile("dsb\n\tisb" ::: "memory");
    if (status != 0) {
        return status;
    }
    return odd_stacks != 0u ? 1001 : in_kernels < ENOUGH ? 1000 : 0;
}
