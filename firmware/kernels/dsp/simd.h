/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * The 16-bit and 8-bit SIMD instructions that the kernels in this folder use, by Arm's names: the
 * compiler's intrinsics where the core has them, plain C elsewhere.
 *
 * A word holds two int16 (halves) or four int8 (bytes), the first at the bottom.
 */
#ifndef TINYGEN_KERNELS_DSP_SIMD_H
#define TINYGEN_KERNELS_DSP_SIMD_H

#include <string.h>

#include "../portable/common.h"

#if TINYGEN_SIMD
#include <arm_acle.h>
#endif

/**
 * A pointer of which the compiler no longer knows where it comes from.
 *
 * GCC 12 may express a pointer into one part of a static arena by one into another part, as an
 * access relative to NULL, and then drop the whole function because of that access.
 */
static inline const int8_t *tinygen_opaque(const int8_t *pointer)
{
#if defined(__GNUC__)
    __asm("" : "+r"(pointer));
#endif
    return pointer;
}

/** Four bytes from any address. */
static inline uint32_t tinygen_load4(const int8_t *from)
{
    uint32_t word;
    memcpy(&word, from, 4);
    return word;
}

/** Four bytes to any address. */
static inline void tinygen_store4(int8_t *to, uint32_t word)
{
    memcpy(to, &word, 4);
}

/** Two int16 from any address. */
static inline uint32_t tinygen_load2(const int16_t *from)
{
    uint32_t word;
    memcpy(&word, from, 4);
    return word;
}

/** Two int16 to any address. */
static inline void tinygen_store2(int16_t *to, uint32_t word)
{
    memcpy(to, &word, 4);
}

/** SSAT: limited to int8. */
static inline int32_t tinygen_saturate8(int32_t value)
{
#if TINYGEN_SIMD
    int32_t result; /* GCC's intrinsic does not compile without warnings. */
    __asm("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    return result;
#else
    return tinygen_clamp(value, -128, 127);
#endif
}

/** SSAT: limited to int16. */
static inline int32_t tinygen_saturate16(int32_t value)
{
#if TINYGEN_SIMD
    int32_t result; /* GCC's intrinsic does not compile without warnings. */
    __asm("ssat %0, #16, %1" : "=r"(result) : "r"(value));
    return result;
#else
    return tinygen_clamp(value, -32768, 32767);
#endif
}

/** The same byte four times. */
static inline uint32_t tinygen_bytes(int32_t value)
{
    return ((uint32_t)value & 0xffu) * 0x01010101u;
}

/** Four bytes in a row (a step of 1), or one byte four times (a step of 0). */
static inline uint32_t tinygen_load4_step(const int8_t *from, int32_t step)
{
    return step != 0 ? tinygen_load4(from) : tinygen_bytes(*from);
}

/** The bottom half as int16. */
static inline int32_t tinygen_bottom(uint32_t word)
{
    return (int16_t)(word & 0xffffu);
}

/** The top half as int16. */
static inline int32_t tinygen_top(uint32_t word)
{
    return (int16_t)(word >> 16);
}

/** Byte k as int8. */
static inline int32_t tinygen_byte(uint32_t word, int k)
{
    return (int8_t)((word >> (8 * k)) & 0xffu);
}

/** Two halves from their low 16 bits. */
static inline uint32_t tinygen_halves(int32_t bottom, int32_t top)
{
    return ((uint32_t)bottom & 0xffffu) | ((uint32_t)top << 16);
}

/** SMLAWB: sum + (a * bottom half of b) / 2^16, downwards. */
static inline int32_t tinygen_smlawb(int32_t a, uint32_t b, int32_t sum)
{
#if TINYGEN_SIMD
    return __smlawb(a, (int32_t)b, sum);
#else
    return tinygen_wrapping_add(sum, (int32_t)(((int64_t)a * tinygen_bottom(b)) >> 16));
#endif
}

/** SMLAWT: sum + (a * top half of b) / 2^16, downwards. */
static inline int32_t tinygen_smlawt(int32_t a, uint32_t b, int32_t sum)
{
#if TINYGEN_SIMD
    return __smlawt(a, (int32_t)b, sum);
#else
    return tinygen_wrapping_add(sum, (int32_t)(((int64_t)a * tinygen_top(b)) >> 16));
#endif
}

/** SMMLA: sum + (a * b) / 2^32, downwards; wraps. */
static inline int32_t tinygen_smmla(int32_t a, int32_t b, int32_t sum)
{
    return tinygen_wrapping_add(sum, (int32_t)(((int64_t)a * b) >> 32));
}

/** SMMLAR: sum + (a * b) / 2^32, rounded to the nearest, halves upwards; wraps. */
static inline int32_t tinygen_smmlar(int32_t a, int32_t b, int32_t sum)
{
#if TINYGEN_SIMD
    int32_t result; /* There is no intrinsic. */
    __asm("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
#else
    const int64_t rounded = ((int64_t)a * b + ((int64_t)1 << 31)) >> 32;
    return tinygen_wrapping_add(sum, (int32_t)rounded);
#endif
}

/** SMULBB: product of the bottom halves. */
static inline int32_t tinygen_smulbb(uint32_t a, uint32_t b)
{
    return tinygen_bottom(a) * tinygen_bottom(b);
}

/** SMULTT: product of the top halves. */
static inline int32_t tinygen_smultt(uint32_t a, uint32_t b)
{
    return tinygen_top(a) * tinygen_top(b);
}

/** SMLABB: sum + product of the bottom halves. */
static inline int32_t tinygen_smlabb(uint32_t a, uint32_t b, int32_t sum)
{
    return tinygen_wrapping_add(sum, tinygen_smulbb(a, b));
}

/** SMLATT: sum + product of the top halves. */
static inline int32_t tinygen_smlatt(uint32_t a, uint32_t b, int32_t sum)
{
    return tinygen_wrapping_add(sum, tinygen_smultt(a, b));
}

/** SMLAD: sum + product of the bottom halves + product of the top halves. */
static inline int32_t tinygen_smlad(uint32_t a, uint32_t b, int32_t sum)
{
#if TINYGEN_SIMD
    return __smlad((int16x2_t)a, (int16x2_t)b, sum);
#else
    return tinygen_smlatt(a, b, tinygen_smlabb(a, b, sum));
#endif
}

/** SXTB16: bytes 0 and 2, sign-extended to halves. */
static inline uint32_t tinygen_sxtb16(uint32_t word)
{
#if TINYGEN_SIMD
    return (uint32_t)__sxtb16((int8x4_t)word);
#else
    return tinygen_halves(tinygen_byte(word, 0), tinygen_byte(word, 2));
#endif
}

/** SXTB16 of the word rotated right by 8: bytes 1 and 3. */
static inline uint32_t tinygen_sxtb16_ror8(uint32_t word)
{
#if TINYGEN_SIMD
    uint32_t result; /* The intrinsic has no rotation. */
    __asm("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(word));
    return result;
#else
    return tinygen_sxtb16(word >> 8);
#endif
}

/** SADD16: sums of halves, modulo 2^16. */
static inline uint32_t tinygen_sadd16(uint32_t a, uint32_t b)
{
#if TINYGEN_SIMD
    return (uint32_t)__sadd16((int16x2_t)a, (int16x2_t)b);
#else
    return tinygen_halves((int32_t)((a & 0xffffu) + (b & 0xffffu)),
                          (int32_t)((a >> 16) + (b >> 16)));
#endif
}

/** SSUB16: differences of halves, modulo 2^16. */
static inline uint32_t tinygen_ssub16(uint32_t a, uint32_t b)
{
#if TINYGEN_SIMD
    return (uint32_t)__ssub16((int16x2_t)a, (int16x2_t)b);
#else
    return tinygen_halves(tinygen_bottom(a) - tinygen_bottom(b), tinygen_top(a) - tinygen_top(b));
#endif
}

/** SHSUB16: halved differences of halves, downwards; never overflows. */
static inline uint32_t tinygen_shsub16(uint32_t a, uint32_t b)
{
#if TINYGEN_SIMD
    return (uint32_t)__shsub16((int16x2_t)a, (int16x2_t)b);
#else
    return tinygen_halves((tinygen_bottom(a) - tinygen_bottom(b)) >> 1,
                          (tinygen_top(a) - tinygen_top(b)) >> 1);
#endif
}

/** SXTAB16: sum of halves and of bytes 0 and 2, sign-extended. */
static inline uint32_t tinygen_sxtab16(uint32_t sum, uint32_t word)
{
#if TINYGEN_SIMD
    return (uint32_t)__sxtab16((int16x2_t)sum, (int8x4_t)word);
#else
    return tinygen_sadd16(sum, tinygen_sxtb16(word));
#endif
}

/** SXTAB16 of the word rotated right by 8: sum of halves and of bytes 1 and 3. */
static inline uint32_t tinygen_sxtab16_ror8(uint32_t sum, uint32_t word)
{
#if TINYGEN_SIMD
    uint32_t result; /* The intrinsic has no rotation. */
    __asm("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(sum), "r"(word));
    return result;
#else
    return tinygen_sadd16(sum, tinygen_sxtb16_ror8(word));
#endif
}

/** SSAT: limited to int16. */
static inline int32_t tinygen_ssat16(int32_t value)
{
#if TINYGEN_SIMD
    int32_t result; /* GCC does not find it, and its intrinsic does not compile without warnings. */
    __asm("ssat %0, #16, %1" : "=r"(result) : "r"(value));
    return result;
#else
    return tinygen_clamp(value, INT16_MIN, INT16_MAX);
#endif
}

/** USAT16: both halves, taken as int16, limited to [0, 255]. */
static inline uint32_t tinygen_usat16_8(uint32_t word)
{
#if TINYGEN_SIMD
    uint32_t result; /* GCC's intrinsic does not compile without warnings. */
    __asm("usat16 %0, #8, %1" : "=r"(result) : "r"(word));
    return result;
#else
    return tinygen_halves(tinygen_clamp(tinygen_bottom(word), 0, 255),
                          tinygen_clamp(tinygen_top(word), 0, 255));
#endif
}

/** PKHBT: the bottom half of a, and above it the bottom half of b. */
static inline uint32_t tinygen_pack_bottoms(uint32_t a, uint32_t b)
{
    return (a & 0xffffu) | (b << 16);
}

/** PKHTB: the top half of a, and above it the top half of b. */
static inline uint32_t tinygen_pack_tops(uint32_t a, uint32_t b)
{
#if TINYGEN_SIMD
    uint32_t result; /* GCC makes two instructions of the expression below. */
    __asm("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(b), "r"(a));
    return result;
#else
    return (a >> 16) | (b & 0xffff0000u);
#endif
}

/** Bytes 0 and 2 in the tops of halves, that is, times 2^8; `high` is 0xff00ff00. */
static inline uint32_t tinygen_even_tops(uint32_t word, uint32_t high)
{
#if TINYGEN_SIMD
    uint32_t result; /* GCC makes two instructions of the expression below. */
    __asm("and %0, %1, %2, lsl #8" : "=r"(result) : "r"(high), "r"(word));
    return result;
#else
    return (word << 8) & high;
#endif
}

/** UQSUB8: differences of unsigned bytes, not below 0. */
static inline uint32_t tinygen_uqsub8(uint32_t a, uint32_t b)
{
#if TINYGEN_SIMD
    return (uint32_t)__uqsub8((uint8x4_t)a, (uint8x4_t)b);
#else
    uint32_t result = 0;
    for (int k = 0; k < 32; k += 8) {
        const uint32_t x = (a >> k) & 0xffu;
        const uint32_t y = (b >> k) & 0xffu;
        result |= (x > y ? x - y : 0u) << k;
    }
    return result;
#endif
}

/** UADD8: sums of bytes, modulo 2^8. */
static inline uint32_t tinygen_uadd8(uint32_t a, uint32_t b)
{
#if TINYGEN_SIMD
    return (uint32_t)__uadd8((uint8x4_t)a, (uint8x4_t)b);
#else
    return (((a & 0x7f7f7f7fu) + (b & 0x7f7f7f7fu)) ^ ((a ^ b) & 0x80808080u));
#endif
}

/** The larger of each pair of signed bytes: SSUB8 and SEL. */
static inline uint32_t tinygen_max_s8(uint32_t a, uint32_t b)
{
#if TINYGEN_SIMD
    uint32_t result; /* As intrinsics, GCC 12 may part the two, or drop the first. */
    __asm("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b) : "cc");
    return result;
#else
    uint32_t result = 0;
    for (int k = 0; k < 4; k++) {
        const int32_t larger =
            tinygen_byte(a, k) > tinygen_byte(b, k) ? tinygen_byte(a, k) : tinygen_byte(b, k);
        result |= ((uint32_t)larger & 0xffu) << (8 * k);
    }
    return result;
#endif
}

/** The smaller of each pair of signed bytes: SSUB8 and SEL. */
static inline uint32_t tinygen_min_s8(uint32_t a, uint32_t b)
{
    return ~tinygen_max_s8(~a, ~b);
}

/**
 * Four outputs from two words of halves: u0 and u2, u1 and u3, each from 0 (lowest) to 255.
 *
 * @param cut 255 - (largest output - smallest output), in every byte
 * @param low the smallest output, in every byte
 */
static inline uint32_t tinygen_join_outputs(uint32_t even, uint32_t odd, uint32_t cut, uint32_t low)
{
    const uint32_t joined = even | (odd << 8);
    return tinygen_uadd8(cut != 0u ? tinygen_uqsub8(joined, cut) : joined, low);
}

#endif
