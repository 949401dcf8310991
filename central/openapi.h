/* SPDX-License-Identifier: Apache-2.0 */
/* The description of the API: central/openapi.json, which the build turns into openapi_json.c. */
#ifndef CENTRAL_OPENAPI_H
#define CENTRAL_OPENAPI_H

#include <stddef.h>

extern const unsigned char openapi_json[];
extern const size_t openapi_len;

#endif
