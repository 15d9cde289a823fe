/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * @brief Cycle counters of Cortex-M (Armv7-M Architecture Reference Manual, B3.3 and C1.8).
 */
#include "cycle_counter.h"

#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define DEMCR (*(volatile uint32_t *)0xE000EDFCu)
#define DWT_CTRL (*(volatile uint32_t *)0xE0001000u)
#define DWT_CYCCNT (*(volatile uint32_t *)0xE0001004u)
#define DWT_LAR (*(volatile uint32_t *)0xE0001FB0u)

#define SYST_CSR_ENABLE 1u
#define SYST_CSR_PROCESSOR_CLOCK 4u
#define SYST_MASK 0xFFFFFFu
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL_CYCCNTENA 1u
#define DWT_LAR_KEY 0xC5ACCE55u

static uint32_t kind;
/** What SysTick did before: the board may need it. */
static uint32_t systick_reload;
static uint32_t systick_control;

/** Whether the DWT unit counts: it may lack the counter, and emulators lack it. */
static int start_dwt(void)
{
#if __ARM_ARCH_ISA_THUMB >= 2
    uint32_t before;

    DEMCR |= DEMCR_TRCENA;
    DWT_LAR = DWT_LAR_KEY; /* M7 locks its registers; others ignore this. */
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    before = DWT_CYCCNT;
    __asm volatile("nop\n\tnop\n\tnop\n\tnop");
    return DWT_CYCCNT != before;
#else
    return 0; /* Armv6-M keeps its DWT unit for the debugger, Armv8-M Baseline's does not count. */
#endif
}

uint32_t cycle_counter_start(void)
{
    if (start_dwt()) {
        kind = CYCLE_COUNTER_DWT;
    } else {
        systick_reload = SYST_RVR;
        systick_control = SYST_CSR;
        SYST_RVR = SYST_MASK;
        SYST_CVR = 0;
        SYST_CSR = SYST_CSR_ENABLE | SYST_CSR_PROCESSOR_CLOCK;
        kind = CYCLE_COUNTER_SYSTICK;
    }
    return kind;
}

void cycle_counter_stop(void)
{
    if (kind == CYCLE_COUNTER_SYSTICK) {
        SYST_RVR = systick_reload;
        SYST_CVR = 0;
        SYST_CSR = systick_control & (SYST_CSR_ENABLE | SYST_CSR_PROCESSOR_CLOCK);
    }
}

uint32_t cycle_counter_read(void)
{
    /* SysTick counts down. */
    return kind == CYCLE_COUNTER_DWT ? DWT_CYCCNT : SYST_MASK - SYST_CVR;
}

uint32_t cycle_counter_between(uint32_t from, uint32_t to)
{
    return kind == CYCLE_COUNTER_DWT ? to - from : (to - from) & SYST_MASK;
}

#else

uint32_t cycle_counter_start(void)
{
    return CYCLE_COUNTER_NONE;
}

void cycle_counter_stop(void)
{
}

uint32_t cycle_counter_read(void)
{
    return 0;
}

uint32_t cycle_counter_between(uint32_t from, uint32_t to)
{
    (void)from;
    (void)to;
    return 0;
}

#endif
