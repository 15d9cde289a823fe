/* SPDX-License-Identifier: Apache-2.0 */
/** What the test main knows of a model: here three steps of a scheme of pqm4. */
#include <stdint.h>

#define PQM4_MODEL_SHA256 "00"
#define PQM4_KERNELS "none"
#define PQM4_LAYERS 3
#define PQM4_INPUT_0_BYTES 4
#define PQM4_OUTPUT_0_BYTES 4

/** The seed of the random numbers. */
int8_t *pqm4_input_0(void);
/** Its first byte is 1 if both sides had the same key, or the signature was right. */
const int8_t *pqm4_output_0(void);
int pqm4_invoke(void);
void pqm4_reset(void);
