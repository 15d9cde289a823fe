/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What pqm4 measures of a scheme, as three steps: generation of keys, encapsulation or signature,
 * decapsulation or verification (-DSIGNS).
 */
#include "pqm4.h"

#include "api.h"
#include "randombytes.h"

#include <stddef.h>
#include <string.h>

#define MESSAGE_BYTES 59
#define STEP __attribute__((noinline)) static

static int8_t seed[PQM4_INPUT_0_BYTES];
static int8_t right[PQM4_OUTPUT_0_BYTES];
static uint32_t state;
static unsigned char public_key[CRYPTO_PUBLICKEYBYTES], secret_key[CRYPTO_SECRETKEYBYTES];

int8_t *pqm4_input_0(void)
{
    return seed;
}

const int8_t *pqm4_output_0(void)
{
    return right;
}

void pqm4_reset(void)
{
}

/** George Marsaglia's xorshift32. */
int randombytes(uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes[i] = (uint8_t)state;
    }
    return 0;
}

#ifdef SIGNS
static unsigned char message[MESSAGE_BYTES + CRYPTO_BYTES];
static size_t length;
static int status;

STEP void pqm4_step_00(void)
{
    crypto_sign_keypair(public_key, secret_key);
}

STEP void pqm4_step_01(void)
{
    randombytes(message, MESSAGE_BYTES);
    crypto_sign(message, &length, message, MESSAGE_BYTES, secret_key);
}

STEP void pqm4_step_02(void)
{
    status = crypto_sign_open(message, &length, message, length, public_key);
}

static int8_t is_right(void)
{
    return status == 0;
}
#else
static unsigned char sent[CRYPTO_BYTES], received[CRYPTO_BYTES], text[CRYPTO_CIPHERTEXTBYTES];

STEP void pqm4_step_00(void)
{
    crypto_kem_keypair(public_key, secret_key);
}

STEP void pqm4_step_01(void)
{
    crypto_kem_enc(text, sent, public_key);
}

STEP void pqm4_step_02(void)
{
    crypto_kem_dec(received, text, secret_key);
}

static int8_t is_right(void)
{
    return memcmp(sent, received, sizeof sent) == 0;
}
#endif

int pqm4_invoke(void)
{
    memcpy(&state, seed, sizeof state);
    pqm4_step_00();
    pqm4_step_01();
    pqm4_step_02();
    right[0] = is_right();
    return 0;
}
