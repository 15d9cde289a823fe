/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Every switch of a generated program, and its default.
 *
 * The application defines switches on the compiler's command line, alike for all sources of the
 * program, assembly included:
 *
 * - `TINYGEN_NO_ASSEMBLY`: compute in C alone, without assembly listings and inline assembly.
 *   Needs no support of the core or the compiler beyond C99; slower. Defined by default where the
 *   assembly cannot be: on processors that are no Cortex-M, such as the one that generated the
 *   program, and for compilers that do not read GNU assembly.
 * - `TINYGEN_TRACE`: call tinygen_trace(), which the application then defines, with the output of
 *   every layer. Not defined by default.
 * - `<MODEL>_ARENA_ATTRIBUTES`: attributes of the array for tensors, a section say. Empty by
 * default, or the memory of the board that the model was compiled for. An arena that is spread over
 * several memories has such a switch for each, named after the array.
 * - `<MODEL>_ARENA_EXTERNAL`: the application provides that array. Not defined by default.
 * - `<MODEL>_WEIGHTS_ATTRIBUTES`: attributes of the arrays of constants. Empty by default.
 *
 * `<MODEL>` is the model's name in capitals. The other switches stand below: one that a generated
 * source sets before it includes kernels, and those that follow from the core and the compiler.
 */
#ifndef TINYGEN_KERNELS_CONFIG_H
#define TINYGEN_KERNELS_CONFIG_H

#if defined(__GNUC__) && defined(__ARM_ARCH_PROFILE)
#define TINYGEN_READS_ASSEMBLY (__ARM_ARCH_PROFILE == 'M')
#else
#define TINYGEN_READS_ASSEMBLY 0
#endif
#if !TINYGEN_READS_ASSEMBLY && !defined(TINYGEN_NO_ASSEMBLY)
#define TINYGEN_NO_ASSEMBLY
#endif

/**
 * Linkage of a kernel. The generated model defines it before the first include: forced inline to
 * have each call specialized to its layer, or not inline to have one instance shared by all layers.
 */
#ifndef TINYGEN_KERNEL
#define TINYGEN_KERNEL static inline
#endif

/** Linkage of a kernel's parts: with the kernel's parameters in view they shrink to a few
 * instructions. */
#define TINYGEN_INLINE static inline __attribute__((always_inline))

/** Linkage of a part of which all layers share one instance in every build. */
#define TINYGEN_SHARED static __attribute__((noinline, unused))

/** Whether the core has the small instruction set of Armv6-M and Armv8-M Baseline: no long
 * multiplication, and eight registers in most instructions. */
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#define TINYGEN_BASELINE 1
#else
#define TINYGEN_BASELINE 0
#endif

/** Whether the core multiplies and adds halves of words, and the compiler has intrinsics for it. */
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_FEATURE_SIMD32)
#define TINYGEN_SIMD 1
#else
#define TINYGEN_SIMD 0
#endif

/** Whether kernels for Helium hold inline assembly, in the syntax of GCC and Clang. */
#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(TINYGEN_NO_ASSEMBLY)
#define TINYGEN_MVE_INLINE_ASSEMBLY 1
#else
#define TINYGEN_MVE_INLINE_ASSEMBLY 0
#endif

#endif
