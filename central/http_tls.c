/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate, for GnuTLS, which asks for it at each handshake. */
#include "central/http_tls.h"

#include <assert.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_MAX 16u
/*
 * TLS 1.2 and 1.3, and of these only what keeps recorded traffic secret when the key becomes known,
 * and no CBC.
 */
#define PRIORITIES \
	"NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:+AEAD:" \
	"+ECDHE-ECDSA:+ECDHE-RSA:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+SIGN-ALL:" \
	"-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:+COMP-NULL:+CTYPE-X509:%SERVER_PRECEDENCE"

struct http_tls_pair {
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned n;
	gnutls_privkey_t key;
	size_t users; /* connections, and the http_tls that has it */
};

struct http_tls {
	char *cert, *key;
	struct http_tls_pair *pair;
};

static int tls_fail(const char *path, int r, struct tesla_error *err)
{
	return tesla_fail(err, r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EBADMSG, "%s: %s", path,
			  gnutls_strerror(r));
}

void http_tls_leave(struct http_tls_pair *p)
{
	if (p == NULL || --p->users > 0)
		return;
	for (unsigned i = 0; i < p->n; i++)
		gnutls_pcert_deinit(&p->chain[i]);
	if (p->key != NULL)
		gnutls_privkey_deinit(p->key);
	free(p);
}

static int load_file(const char *path, gnutls_datum_t *ret, struct tesla_error *err)
{
	int r = gnutls_load_file(path, ret);

	return r == 0 ? 0 : tls_fail(path, r, err);
}

static int read_chain(const char *path, struct http_tls_pair *p, struct tesla_error *err)
{
	gnutls_datum_t pem = { 0 };
	unsigned n = CHAIN_MAX;
	int r = load_file(path, &pem, err);

	if (r != 0)
		return r;
	r = gnutls_pcert_list_import_x509_raw(p->chain, &n, &pem, GNUTLS_X509_FMT_PEM, 0);
	gnutls_free(pem.data);
	if (r < 0)
		return tls_fail(path, r, err);
	p->n = n;
	return n > 0 ? 0 : tesla_fail(err, -EBADMSG, "%s: no certificate in it", path);
}

static int read_key(const char *path, struct http_tls_pair *p, struct tesla_error *err)
{
	gnutls_datum_t pem = { 0 };
	int r = load_file(path, &pem, err);

	if (r != 0)
		return r;
	r = gnutls_privkey_init(&p->key);
	if (r == 0)
		r = gnutls_privkey_import_x509_raw(p->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_memset(pem.data, 0, pem.size);
	gnutls_free(pem.data);
	return r == 0 ? 0 : tls_fail(path, r, err);
}

/* Else every handshake would fail, and nobody would know why. */
static int check_pair(const struct http_tls *t, struct http_tls_pair *p, struct tesla_error *err)
{
	unsigned char of_cert[64], of_key[64];
	size_t n_cert = sizeof of_cert, n_key = sizeof of_key;
	gnutls_pubkey_t public;
	int r = gnutls_pubkey_init(&public);

	if (r != 0)
		return tls_fail(t->key, r, err);
	r = gnutls_pubkey_import_privkey(public, p->key, 0, 0);
	if (r == 0)
		r = gnutls_pubkey_get_key_id(public, 0, of_key, &n_key);
	gnutls_pubkey_deinit(public);
	if (r == 0)
		r = gnutls_pubkey_get_key_id(p->chain[0].pubkey, 0, of_cert, &n_cert);
	if (r != 0)
		return tls_fail(t->key, r, err);
	if (n_cert != n_key || memcmp(of_cert, of_key, n_key) != 0)
		return tesla_fail(err, -EBADMSG, "%s: it is not the key of the certificate %s",
				  t->key, t->cert);
	return 0;
}

int http_tls_reload(struct http_tls *t, struct tesla_error *err)
{
	struct http_tls_pair *p = calloc(1, sizeof *p);
	int r;

	if (p == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for a certificate");
	p->users = 1;
	r = read_chain(t->cert, p, err);
	if (r == 0)
		r = read_key(t->key, p, err);
	if (r == 0)
		r = check_pair(t, p, err);
	if (r != 0) {
		http_tls_leave(p);
		return r;
	}
	http_tls_leave(t->pair);
	t->pair = p;
	return 0;
}

int http_tls_new(const char *cert, const char *key, struct http_tls **ret, struct tesla_error *err)
{
	struct http_tls *t = calloc(1, sizeof *t);
	int r;

	if (t != NULL) {
		t->cert = strdup(cert);
		t->key = strdup(key);
	}
	if (t == NULL || t->cert == NULL || t->key == NULL)
		r = tesla_fail(err, -ENOMEM, "no memory for a certificate");
	else
		r = http_tls_reload(t, err);
	if (r != 0)
		http_tls_free(t);
	else
		*ret = t;
	return r;
}

void http_tls_free(struct http_tls *t)
{
	if (t == NULL)
		return;
	http_tls_leave(t->pair);
	free(t->cert);
	free(t->key);
	free(t);
}

/* ---- for libmicrohttpd ---- */

/* GnuTLS's callback has no argument of ours: the session has it. */
static int on_handshake(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
			gnutls_pcert_st **certs, unsigned *n, gnutls_ocsp_data_st **ocsp,
			unsigned *n_ocsp, gnutls_privkey_t *key, unsigned *flags)
{
	struct http_tls_pair *p = gnutls_session_get_ptr(session);

	(void)info, (void)ocsp;
	if (p == NULL)
		return -1;
	*certs = p->chain;
	*n = p->n;
	*n_ocsp = 0;
	*key = p->key;
	*flags = 0;
	return 0;
}

struct http_tls_pair *http_tls_use(struct http_tls *t, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);

	if (info == NULL)
		return NULL;
	t->pair->users++;
	gnutls_session_set_ptr(info->tls_session, t->pair);
	return t->pair;
}

void http_tls_options(struct MHD_OptionItem *list, size_t n)
{
	size_t i = 0;

	while (list[i].option != MHD_OPTION_END)
		i++;
	assert(i + 3 <= n);
	list[i++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0,
					     (void *)(uintptr_t)PRIORITIES };
	list[i++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_CERT_CALLBACK2, 0,
					     (void *)(uintptr_t)on_handshake };
	list[i] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
}
