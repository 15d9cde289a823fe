/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * NAME_invoke() under a storm of timer interrupts at random distances, for the tests.
 *
 * The model's own invoke was renamed to NAME_calm_invoke. Each interrupt dirties the stack below
 * the interrupted code and every register it may, and looks where in the code it struck: inside
 * assembly kernels (symbols between storm_first and storm_end), the stack must be 8-byte aligned.
 */
#include <stdint.h>

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define SCB_VTOR (*(volatile uint32_t *)0xE000ED08u)
#define VECTORS 16u
#define SYSTICK 15u
#define ENOUGH 50u

extern int STORM_CALM(void);
int STORM_INVOKE(void);
void storm_tick(void);
void storm_handler(void);

static uint32_t table[VECTORS] __attribute__((aligned(256)));
static uint32_t state = 1u;
static volatile uint32_t ticks;

static uint32_t random_word(void)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

void storm_tick(void)
{
    volatile uint32_t garbage[96];
    for (uint32_t i = 0; i < 96u; i++) {
        garbage[i] = 0xDEADBEEFu;
    }
    ticks++;
    SYST_RVR = 100u + random_word() % 4000u + garbage[5] % 2u;
    SYST_CVR = 0;
}

/** s0 to s15, which the processor keeps for the interrupted code, are dirtied too. */
__attribute__((naked)) void storm_handler(void)
{
    __asm volatile("push {r4, lr}\n\t"
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
    SYST_RVR = 1000u;
    SYST_CVR = 0;
    SYST_CSR = 7u;
    const int status = STORM_CALM();
    SYST_CSR = 0;
    SCB_VTOR = before;
    __asm volatile("dsb\n\tisb" ::: "memory");
    return status != 0 ? status : ticks < ENOUGH ? 1000 : 0;
}
