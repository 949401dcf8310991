/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP by libcurl: what is set once, and a POST. */
#include "http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy.h"
#include "text.h"

struct http {
	CURL *curl;
	struct curl_slist *headers;
	char error[CURL_ERROR_SIZE];
	char *body;
	size_t len, cap;
	bool too_long; /* the answer: the rest of it was not taken */
};

/* Less than what it was given stops the transfer. */
static size_t body_add(char *bytes, size_t one, size_t len, void *arg)
{
	struct http *h = arg;

	h->too_long = len > HTTP_BODY_MAX - h->len;
	if (h->too_long)
		return 0;
	if (len > h->cap - h->len) {
		size_t cap = 2 * (h->len + len);
		char *body = realloc(h->body, cap);

		if (body == NULL)
			return 0;
		h->body = body;
		h->cap = cap;
	}
	memcpy(h->body + h->len, bytes, len);
	h->len += len;
	return one * len;
}

static int header_add(struct http *h, const char *line)
{
	struct curl_slist *longer = curl_slist_append(h->headers, line);

	if (longer == NULL)
		return -ENOMEM;
	h->headers = longer;
	return 0;
}

static int headers_make(struct http *h, const struct conf *c, const char *const *headers)
{
	char *bearer = NULL;
	int r = header_add(h, "Expect:"); /* the body goes at once: it is short */

	for (; *headers != NULL && r == 0; headers++)
		r = header_add(h, *headers);
	if (c->token == NULL || r != 0)
		return r;
	if (asprintf(&bearer, "Authorization: Bearer %s", c->token) < 0)
		return -ENOMEM;
	r = header_add(h, bearer);
	free(bearer);
	return r;
}

static int text_set(struct http *h, CURLoption option, const char *name, const char *value,
		    struct tesla_error *err)
{
	CURLcode cause = value ? curl_easy_setopt(h->curl, option, value) : CURLE_OK;

	if (cause == CURLE_OK)
		return 0;
	return tesla_fail(err, cause == CURLE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL, "%s: %s", name,
			  curl_easy_strerror(cause));
}

/* libcurl would look into the system's folder as well. */
static int no_others_trusted(struct http *h, struct tesla_error *err)
{
	if (curl_easy_setopt(h->curl, CURLOPT_CAPATH, NULL) != CURLE_OK ||
	    curl_easy_setopt(h->curl, CURLOPT_PROXY_CAPATH, NULL) != CURLE_OK)
		return tesla_fail(err, -ENOTSUP, "ca: libcurl would trust the system's as well");
	return 0;
}

static int texts_set(struct http *h, const struct conf *c, struct tesla_error *err)
{
	const struct {
		CURLoption option;
		const char *name, *value;
	} rows[] = {
		{ CURLOPT_PROTOCOLS_STR, "protocols", "http,https" },
		{ CURLOPT_USERAGENT, "user agent", "tesla/" PACKAGE_VERSION },
		{ CURLOPT_NOPROXY, "no proxy", "" }, /* nor the environment's exceptions */
		{ CURLOPT_CAINFO, "ca", c->ca },
		{ CURLOPT_PROXY_CAINFO, "ca", c->ca },
		{ CURLOPT_SSLCERT, "cert", c->cert },
		{ CURLOPT_SSLKEY, "key", c->key },
		{ CURLOPT_USERNAME, "user", c->user },
		{ CURLOPT_PASSWORD, "password", c->password },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows && r == 0; i++)
		r = text_set(h, rows[i].option, rows[i].name, rows[i].value, err);
	return r == 0 && c->ca != NULL ? no_others_trusted(h, err) : r;
}

static int proxy_set(struct http *h, const struct conf *c, struct tesla_error *err)
{
	struct proxy p;
	int r = proxy_parse(c->proxy, &p, err);

	if (r != 0)
		return r;
	/* "" keeps libcurl from the environment's: the configuration says all */
	r = text_set(h, CURLOPT_PROXY, "proxy", p.url ? p.url : "", err);
	if (r == 0)
		r = text_set(h, CURLOPT_PROXYUSERPWD, "proxy", p.login, err);
	proxy_release(&p);
	return r;
}

static int numbers_set(struct http *h, const struct conf *c, struct tesla_error *err)
{
	const struct {
		CURLoption option;
		long value;
	} rows[] = {
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_QUICK_EXIT, 1 }, /* a name server that is silent holds nobody up */
		{ CURLOPT_POST, 1 },
		{ CURLOPT_FOLLOWLOCATION, 0 },
		{ CURLOPT_SSL_VERIFYPEER, 1 },
		{ CURLOPT_SSL_VERIFYHOST, 2 },
		{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
		{ CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC },
		{ CURLOPT_TCP_KEEPALIVE, 1 },
		{ CURLOPT_TIMEOUT_MS, (long)c->timeout_ms },
		{ CURLOPT_CONNECTTIMEOUT_MS, (long)c->connect_timeout_ms },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CURLcode cause = curl_easy_setopt(h->curl, rows[i].option, rows[i].value);

		if (cause != CURLE_OK)
			return tesla_fail(err, -ENOTSUP, "libcurl, option %d: %s",
					  (int)rows[i].option, curl_easy_strerror(cause));
	}
	return 0;
}

static int places_set(struct http *h, struct tesla_error *err)
{
	CURL *curl = h->curl;

	if (curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, h->error) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_add) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_WRITEDATA, (void *)h) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, h->headers) != CURLE_OK)
		return tesla_fail(err, -ENOMEM, "no memory");
	return 0;
}

int http_new(const struct conf *c, const char *const *headers, struct http **ret,
	     struct tesla_error *err)
{
	struct http *h;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return tesla_fail(err, -EIO, "libcurl cannot be started");
	h = calloc(1, sizeof *h);
	if (h == NULL || (h->curl = curl_easy_init()) == NULL || headers_make(h, c, headers) != 0)
		r = tesla_fail(err, -ENOMEM, "no memory");
	else
		r = places_set(h, err);
	if (r == 0)
		r = numbers_set(h, c, err);
	if (r == 0)
		r = texts_set(h, c, err);
	if (r == 0)
		r = proxy_set(h, c, err);
	if (r == 0)
		*ret = h;
	else
		http_free(h);
	return r;
}

void http_free(struct http *h)
{
	if (h != NULL) {
		curl_easy_cleanup(h->curl);
		curl_slist_free_all(h->headers);
		free(h->body);
		free(h);
	}
	curl_global_cleanup();
}

/* To CONNECT; RESPONSE_CODE is the server's alone. */
static long proxy_refusal(const struct http *h)
{
	long status = 0;

	(void)curl_easy_getinfo(h->curl, CURLINFO_HTTP_CONNECTCODE, &status);
	return status == 401 || status == 403 || status == 407 ? status : 0;
}

static void answer_take(struct http *h, CURLcode cause, struct http_answer *a)
{
	curl_off_t after_s = 0;
	char *location = NULL, *type = NULL;

	text_hide_login(h->error);
	*a = (struct http_answer){ .body = h->len ? h->body : NULL, .len = h->len };
	(void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &a->status);
	if (curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &after_s) == CURLE_OK && after_s > 0)
		a->retry_after_ms = after_s < HTTP_RETRY_AFTER_MAX_MS / 1000
					    ? (int64_t)after_s * 1000
					    : HTTP_RETRY_AFTER_MAX_MS;
	if (curl_easy_getinfo(h->curl, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK)
		a->type = type;
	if (curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &location) == CURLE_OK)
		a->location = location;
	if (h->too_long)
		a->trouble = "the answer is longer than 1 MiB";
	else if (cause != CURLE_OK)
		a->trouble = h->error[0] != '\0' ? h->error : curl_easy_strerror(cause);
	if (cause != CURLE_OK)
		a->proxy_status = proxy_refusal(h);
}

void http_post(struct http *h, const char *url, const void *body, size_t len,
	       struct http_answer *ret)
{
	CURLcode cause;

	h->len = 0;
	h->too_long = false;
	h->error[0] = '\0';
	cause = curl_easy_setopt(h->curl, CURLOPT_URL, url);
	if (cause == CURLE_OK)
		cause = curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	if (cause == CURLE_OK)
		cause = curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body);
	if (cause == CURLE_OK)
		cause = curl_easy_perform(h->curl);
	answer_take(h, cause, ret);
}
