/* SPDX-License-Identifier: Apache-2.0 */
/* TLS: a certificate and its key, which may be read again while connections go on. */
#ifndef CENTRAL_HTTP_TLS_H
#define CENTRAL_HTTP_TLS_H

#include <stddef.h>
#include <tesla/plugin.h>

struct MHD_Connection;
struct MHD_OptionItem;
struct http_tls;
struct http_tls_pair; /* a certificate and its key, as they were read */

/* PEM files: the certificate with those that lead to its authority; its key, no password. */
int http_tls_new(const char *cert, const char *key, struct http_tls **ret, struct tesla_error *err);
/* Reads both again; on failure it goes on with what it has. */
int http_tls_reload(struct http_tls *t, struct tesla_error *err);
void http_tls_free(struct http_tls *t);
/* A connection uses what there is when it begins, until it ends. */
struct http_tls_pair *http_tls_use(struct http_tls *t, struct MHD_Connection *c);
void http_tls_leave(struct http_tls_pair *p); /* NULL is fine */
/* Appends what libmicrohttpd is to be told to a list of n with room for it. */
void http_tls_options(struct MHD_OptionItem *list, size_t n);

#endif
