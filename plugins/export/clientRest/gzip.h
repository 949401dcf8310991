/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTREST_GZIP_H
#define CLIENTREST_GZIP_H

#include <stddef.h>

/* `bytes` as gzip, for free(); NULL: no memory. */
void *gzip_pack(const void *bytes, size_t len, size_t *ret_len);

#endif
