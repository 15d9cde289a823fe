/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * GELU of float32, exact and by a hyperbolic tangent.
 */
#ifndef TINYGEN_KERNELS_GELU_H
#define TINYGEN_KERNELS_GELU_H

#include "double_math.h"
#include "elementwise.h"
#include "real_functions.h"

/** Complementary error function. */
static inline double tinygen_erfc(double x)
{
    static const double series[15] = {
        5.117912611311723e-07,   7.976283918510854e-07,  -5.2254286418285295e-06,
        -9.144262532293005e-06,  3.537535170200245e-05,  9.156817279105524e-05,
        -0.00018255312875481628, -0.0010110857049526786, -0.00040419280818016737,
        0.00894235710158012,     0.03984259372825805,    0.10348909222066019,
        0.1967427853893721,      0.29446481759382986,    0.3580023023651943,
    };
    const double z = tinygen_magnitude_f64(x);
    const double at = (3.0 - z) / (3.0 + z);
    const double scaled =
        tinygen_exp_f64(-z * z) * (3.0 / (3.0 + z)) * tinygen_polynomial(series, 15, at);
    return x < 0.0 ? 2.0 - scaled : scaled;
}

/** x times the normal distribution function. */
static inline float tinygen_gelu(float x)
{
    return 0.5f * x * (float)tinygen_erfc((double)(x * -0.70710678f));
}

/** The same by a hyperbolic tangent. */
static inline float tinygen_gelu_approximate(float x)
{
    const float inner = 0.79788456f * (x + 0.044715f * x * x * x);
    return 0.5f * x * (1.0f + tinygen_tanh(inner));
}

TINYGEN_DEFINE_UNARY(tinygen_gelu_f32, tinygen_no_params, float, float, tinygen_gelu(a))
TINYGEN_DEFINE_UNARY(tinygen_gelu_approximate_f32, tinygen_no_params, float, float,
                     tinygen_gelu_approximate(a))

#endif
