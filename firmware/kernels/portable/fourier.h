/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Fourier transforms of real numbers and back, as kissfft computes them: fixed point of 16 and of
 * 32 bits, each stage scaled down, and float32.
 */
#ifndef TINYGEN_KERNELS_FOURIER_H
#define TINYGEN_KERNELS_FOURIER_H

#include "common.h"

/** Most stages of a Fourier transform. */
#define TINYGEN_FFT_STAGES 8

/** Butterflies of a radix over blocks of radix * span numbers; twiddles are stride apart. */
typedef struct {
    int32_t radix;
    int32_t span;
    int32_t stride;
} tinygen_fft_stage;

/** Define the arithmetic of a type of fixed point with so many fraction bits. */
#define TINYGEN_DEFINE_FIXED_POINT(suffix, type, wide, unsigned_wide, bits, most)                  \
    /** Round a product's sum. */                                                                  \
    static inline type tinygen_fft_round_##suffix(wide x)                                          \
    {                                                                                              \
        return (type)((wide)((unsigned_wide)x + ((unsigned_wide)1 << (bits - 1))) >> bits);        \
    }                                                                                              \
                                                                                                   \
    /** Divide by 2 or 4, as a multiplication. */                                                  \
    static inline type tinygen_fft_divide_##suffix(type a, int32_t divisor)                        \
    {                                                                                              \
        return tinygen_fft_round_##suffix((wide)a * (most / divisor));                             \
    }                                                                                              \
                                                                                                   \
    /** a * b + sign * c * d, rounded; the sum wraps. */                                           \
    static inline type tinygen_fft_products_##suffix(type a, type b, type c, type d, int32_t sign) \
    {                                                                                              \
        const unsigned_wide first = (unsigned_wide)((wide)a * b);                                  \
        const unsigned_wide second = (unsigned_wide)((wide)c * d);                                 \
        return tinygen_fft_round_##suffix((wide)(sign > 0 ? first + second : first - second));     \
    }                                                                                              \
                                                                                                   \
    /** Sum that wraps. */                                                                         \
    static inline type tinygen_fft_sum_##suffix(type a, type b)                                    \
    {                                                                                              \
        return (type)((unsigned_wide)a + (unsigned_wide)b);                                        \
    }                                                                                              \
                                                                                                   \
    /** Difference that wraps. */                                                                  \
    static inline type tinygen_fft_difference_##suffix(type a, type b)                             \
    {                                                                                              \
        return (type)((unsigned_wide)a - (unsigned_wide)b);                                        \
    }                                                                                              \
                                                                                                   \
    /** Half of a + sign * b, rounded down. */                                                     \
    static inline type tinygen_fft_half_##suffix(type a, type b, int32_t sign)                     \
    {                                                                                              \
        return (type)((sign > 0 ? (wide)a + b : (wide)a - b) >> 1);                                \
    }                                                                                              \
                                                                                                   \
    /** What an inverse transform gives out: each stage has been scaled down already. */           \
    static inline type tinygen_fft_scaled_back_##suffix(type a, int32_t length)                    \
    {                                                                                              \
        (void)length;                                                                              \
        return a;                                                                                  \
    }

/** Floating point is not divided. */
static inline float tinygen_fft_divide_f32(float a, int32_t divisor)
{
    (void)divisor;
    return a;
}

/** a * b + sign * c * d. */
static inline float tinygen_fft_products_f32(float a, float b, float c, float d, int32_t sign)
{
    const float first = a * b;
    const float second = c * d;
    return sign > 0 ? first + second : first - second;
}

/** Sum. */
static inline float tinygen_fft_sum_f32(float a, float b)
{
    return a + b;
}

/** Difference. */
static inline float tinygen_fft_difference_f32(float a, float b)
{
    return a - b;
}

/** Half of a + sign * b. */
static inline float tinygen_fft_half_f32(float a, float b, int32_t sign)
{
    return (sign > 0 ? a + b : a - b) * 0.5f;
}

/** What an inverse transform gives out. */
static inline float tinygen_fft_scaled_back_f32(float a, int32_t length)
{
    return a / (float)length;
}

/**
 * Define the transforms of a type. The parameters say how many real numbers are given (the rest up
 * to 2 * points are 0), with which input each place begins, and have points twiddles (pairs of
 * cosine and sine), and points / 2 for the step between complex and real.
 */
#define TINYGEN_DEFINE_FOURIER(suffix, type)                                                       \
    /** A complex number. */                                                                       \
    typedef struct {                                                                               \
        type real;                                                                                 \
        type imaginary;                                                                            \
    } tinygen_complex_##suffix;                                                                    \
                                                                                                   \
    /** A transform of 2 * points real numbers by one of `points` complex ones, or back. */        \
    typedef struct {                                                                               \
        int32_t input_length;                                                                      \
        int32_t points;                                                                            \
        int32_t inverse;                                                                           \
        int32_t stage_count;                                                                       \
        tinygen_fft_stage stages[TINYGEN_FFT_STAGES];                                              \
        const uint16_t *order;                                                                     \
        const type *twiddles;                                                                      \
        const type *split_twiddles;                                                                \
    } tinygen_fft_##suffix##_params;                                                               \
                                                                                                   \
    /** Divide by 2 or 4. */                                                                       \
    static inline tinygen_complex_##suffix tinygen_complex_divide_##suffix(                        \
        tinygen_complex_##suffix a, int32_t divisor)                                               \
    {                                                                                              \
        const tinygen_complex_##suffix result = {                                                  \
            tinygen_fft_divide_##suffix(a.real, divisor),                                          \
            tinygen_fft_divide_##suffix(a.imaginary, divisor)};                                    \
        return result;                                                                             \
    }                                                                                              \
                                                                                                   \
    /** Product with a twiddle: a pair of cosine and sine. */                                      \
    static inline tinygen_complex_##suffix tinygen_complex_multiply_##suffix(                      \
        tinygen_complex_##suffix a, const type *w)                                                 \
    {                                                                                              \
        const tinygen_complex_##suffix result = {                                                  \
            tinygen_fft_products_##suffix(a.real, w[0], a.imaginary, w[1], -1),                    \
            tinygen_fft_products_##suffix(a.real, w[1], a.imaginary, w[0], 1)};                    \
        return result;                                                                             \
    }                                                                                              \
                                                                                                   \
    /** Sum; each part of fixed point wraps. */                                                    \
    static inline tinygen_complex_##suffix tinygen_complex_add_##suffix(                           \
        tinygen_complex_##suffix a, tinygen_complex_##suffix b)                                    \
    {                                                                                              \
        const tinygen_complex_##suffix result = {                                                  \
            tinygen_fft_sum_##suffix(a.real, b.real),                                              \
            tinygen_fft_sum_##suffix(a.imaginary, b.imaginary)};                                   \
        return result;                                                                             \
    }                                                                                              \
                                                                                                   \
    /** Difference; each part of fixed point wraps. */                                             \
    static inline tinygen_complex_##suffix tinygen_complex_subtract_##suffix(                      \
        tinygen_complex_##suffix a, tinygen_complex_##suffix b)                                    \
    {                                                                                              \
        const tinygen_complex_##suffix result = {                                                  \
            tinygen_fft_difference_##suffix(a.real, b.real),                                       \
            tinygen_fft_difference_##suffix(a.imaginary, b.imaginary)};                            \
        return result;                                                                             \
    }                                                                                              \
                                                                                                   \
    /** One butterfly of radix 2. */                                                               \
    static inline void tinygen_fft_butterfly2_##suffix(tinygen_complex_##suffix *x, int32_t span,  \
                                                       const type *w)                              \
    {                                                                                              \
        const tinygen_complex_##suffix first = tinygen_complex_divide_##suffix(x[0], 2);           \
        const tinygen_complex_##suffix turned =                                                    \
            tinygen_complex_multiply_##suffix(tinygen_complex_divide_##suffix(x[span], 2), w);     \
        x[span] = tinygen_complex_subtract_##suffix(first, turned);                                \
        x[0] = tinygen_complex_add_##suffix(first, turned);                                        \
    }                                                                                              \
                                                                                                   \
    /** One butterfly of radix 4; the twiddles of number k. */                                     \
    static inline void tinygen_fft_butterfly4_##suffix(tinygen_complex_##suffix *x, int32_t span,  \
                                                       const type *twiddles, int32_t k,            \
                                                       int32_t inverse)                            \
    {                                                                                              \
        const tinygen_complex_##suffix a = tinygen_complex_divide_##suffix(x[0], 4);               \
        const tinygen_complex_##suffix b = tinygen_complex_multiply_##suffix(                      \
            tinygen_complex_divide_##suffix(x[span], 4), twiddles + 2 * k);                        \
        const tinygen_complex_##suffix c = tinygen_complex_multiply_##suffix(                      \
            tinygen_complex_divide_##suffix(x[2 * span], 4), twiddles + 4 * k);                    \
        const tinygen_complex_##suffix d = tinygen_complex_multiply_##suffix(                      \
            tinygen_complex_divide_##suffix(x[3 * span], 4), twiddles + 6 * k);                    \
        const tinygen_complex_##suffix even = tinygen_complex_add_##suffix(a, c);                  \
        const tinygen_complex_##suffix odd = tinygen_complex_subtract_##suffix(a, c);              \
        const tinygen_complex_##suffix sum = tinygen_complex_add_##suffix(b, d);                   \
        const tinygen_complex_##suffix difference = tinygen_complex_subtract_##suffix(b, d);       \
        tinygen_complex_##suffix *ahead = inverse != 0 ? x + 3 * span : x + span;                  \
        tinygen_complex_##suffix *behind = inverse != 0 ? x + span : x + 3 * span;                 \
        x[0] = tinygen_complex_add_##suffix(even, sum);                                            \
        x[2 * span] = tinygen_complex_subtract_##suffix(even, sum);                                \
        ahead->real = tinygen_fft_sum_##suffix(odd.real, difference.imaginary);                    \
        ahead->imaginary = tinygen_fft_difference_##suffix(odd.imaginary, difference.real);        \
        behind->real = tinygen_fft_difference_##suffix(odd.real, difference.imaginary);            \
        behind->imaginary = tinygen_fft_sum_##suffix(odd.imaginary, difference.real);              \
    }                                                                                              \
                                                                                                   \
    /** The transform of complex numbers that are in order already. */                             \
    static inline void tinygen_fft_stages_##suffix(const tinygen_fft_##suffix##_params *p,         \
                                                   tinygen_complex_##suffix *work)                 \
    {                                                                                              \
        for (int32_t s = 0; s < p->stage_count; s++) {                                             \
            const tinygen_fft_stage *stage = &p->stages[s];                                        \
            for (int32_t block = 0; block < p->points; block += stage->radix * stage->span) {      \
                for (int32_t k = 0; k < stage->span; k++) {                                        \
                    tinygen_complex_##suffix *x = work + block + k;                                \
                    if (stage->radix == 2) {                                                       \
                        tinygen_fft_butterfly2_##suffix(x, stage->span,                            \
                                                        p->twiddles + 2 * k * stage->stride);      \
                    } else {                                                                       \
                        tinygen_fft_butterfly4_##suffix(x, stage->span, p->twiddles,               \
                                                        k * stage->stride, p->inverse);            \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    /** Fourier transform of real numbers: points + 1 complex ones. */                             \
    TINYGEN_KERNEL void tinygen_rfft_##suffix(const tinygen_fft_##suffix##_params *p,              \
                                              const type *input, tinygen_complex_##suffix *work,   \
                                              type *output)                                        \
    {                                                                                              \
        for (int32_t i = 0; i < p->points; i++) {                                                  \
            const int32_t source = 2 * p->order[i];                                                \
            work[i].real = source < p->input_length ? input[source] : 0;                           \
            work[i].imaginary = source + 1 < p->input_length ? input[source + 1] : 0;              \
        }                                                                                          \
        tinygen_fft_stages_##suffix(p, work);                                                      \
        const tinygen_complex_##suffix constant = tinygen_complex_divide_##suffix(work[0], 2);     \
        output[0] = tinygen_fft_sum_##suffix(constant.real, constant.imaginary);                   \
        output[1] = 0;                                                                             \
        output[2 * p->points] =                                                                    \
            tinygen_fft_difference_##suffix(constant.real, constant.imaginary);                    \
        output[2 * p->points + 1] = 0;                                                             \
        for (int32_t k = 1; k <= p->points / 2; k++) {                                             \
            const int32_t mirror = p->points - k;                                                  \
            const tinygen_complex_##suffix low = tinygen_complex_divide_##suffix(work[k], 2);      \
            const tinygen_complex_##suffix conjugate = {                                           \
                work[mirror].real, tinygen_fft_difference_##suffix(0, work[mirror].imaginary)};    \
            const tinygen_complex_##suffix high = tinygen_complex_divide_##suffix(conjugate, 2);   \
            const tinygen_complex_##suffix sum = tinygen_complex_add_##suffix(low, high);          \
            const tinygen_complex_##suffix turned = tinygen_complex_multiply_##suffix(             \
                tinygen_complex_subtract_##suffix(low, high), p->split_twiddles + 2 * (k - 1));    \
            output[2 * k] = tinygen_fft_half_##suffix(sum.real, turned.real, 1);                   \
            output[2 * k + 1] = tinygen_fft_half_##suffix(sum.imaginary, turned.imaginary, 1);     \
            output[2 * mirror] = tinygen_fft_half_##suffix(sum.real, turned.real, -1);             \
            output[2 * mirror + 1] =                                                               \
                tinygen_fft_half_##suffix(turned.imaginary, sum.imaginary, -1);                    \
        }                                                                                          \
    }                                                                                              \
                                                                                                   \
    /** Back from points + 1 complex numbers to real ones. */                                      \
    TINYGEN_KERNEL void tinygen_irfft_##suffix(const tinygen_fft_##suffix##_params *p,             \
                                               const type *input, tinygen_complex_##suffix *work,  \
                                               type *output)                                       \
    {                                                                                              \
        tinygen_complex_##suffix *joined = work + p->points;                                       \
        const tinygen_complex_##suffix ends = {                                                    \
            tinygen_fft_sum_##suffix(input[0], input[2 * p->points]),                              \
            tinygen_fft_difference_##suffix(input[0], input[2 * p->points])};                      \
        joined[0] = tinygen_complex_divide_##suffix(ends, 2);                                      \
        for (int32_t k = 1; k <= p->points / 2; k++) {                                             \
            const int32_t mirror = p->points - k;                                                  \
            const tinygen_complex_##suffix own = {input[2 * k], input[2 * k + 1]};                 \
            const tinygen_complex_##suffix conjugate = {                                           \
                input[2 * mirror], tinygen_fft_difference_##suffix(0, input[2 * mirror + 1])};     \
            const tinygen_complex_##suffix low = tinygen_complex_divide_##suffix(own, 2);          \
            const tinygen_complex_##suffix high = tinygen_complex_divide_##suffix(conjugate, 2);   \
            const tinygen_complex_##suffix sum = tinygen_complex_add_##suffix(low, high);          \
            const tinygen_complex_##suffix turned = tinygen_complex_multiply_##suffix(             \
                tinygen_complex_subtract_##suffix(low, high), p->split_twiddles + 2 * (k - 1));    \
            const tinygen_complex_##suffix difference =                                            \
                tinygen_complex_subtract_##suffix(sum, turned);                                    \
            joined[k] = tinygen_complex_add_##suffix(sum, turned);                                 \
            joined[mirror].real = difference.real;                                                 \
            joined[mirror].imaginary = tinygen_fft_difference_##suffix(0, difference.imaginary);   \
        }                                                                                          \
        for (int32_t i = 0; i < p->points; i++) {                                                  \
            work[i] = joined[p->order[i]];                                                         \
        }                                                                                          \
        tinygen_fft_stages_##suffix(p, work);                                                      \
        for (int32_t i = 0; i < p->points; i++) {                                                  \
            output[2 * i] = tinygen_fft_scaled_back_##suffix(work[i].real, 2 * p->points);         \
            output[2 * i + 1] =                                                                    \
                tinygen_fft_scaled_back_##suffix(work[i].imaginary, 2 * p->points);                \
        }                                                                                          \
    }

TINYGEN_DEFINE_FIXED_POINT(s16, int16_t, int32_t, uint32_t, 15, 32767)
TINYGEN_DEFINE_FIXED_POINT(s32, int32_t, int64_t, uint64_t, 31, 2147483647)

TINYGEN_DEFINE_FOURIER(s16, int16_t)
TINYGEN_DEFINE_FOURIER(s32, int32_t)
TINYGEN_DEFINE_FOURIER(f32, float)

#endif
