/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PROXY_FORM "expected one such as http://proxy.example:3128"

static bool scheme_is_known(CURLU *url)
{
	static const char *const schemes[] = { "http",	  "https",  "socks4",
					       "socks4a", "socks5", "socks5h" };
	char *scheme = NULL;
	bool known = false;

	if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return false;
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes && !known; i++)
		known = strcmp(scheme, schemes[i]) == 0;
	curl_free(scheme);
	return known;
}

/* *ret stays NULL when there is none; false: it has no decoded form. */
static bool part_take(CURLU *url, CURLUPart part, CURLUcode absent, char **ret)
{
	char *decoded = NULL;
	CURLUcode cause = curl_url_get(url, part, &decoded, CURLU_URLDECODE);

	curl_free(decoded);
	if (cause == absent)
		return true;
	return cause == CURLUE_OK && curl_url_get(url, part, ret, 0) == CURLUE_OK;
}

/*
 * As it is encoded: CURLOPT_PROXYUSERPWD decodes it in every libcurl, CURLOPT_PROXYUSERNAME in
 * those before 8.8 only.
 */
static int login_take(CURLU *url, struct proxy *p, struct tesla_error *err)
{
	char *user = NULL, *password = NULL;
	int r = 0;

	if (!part_take(url, CURLUPART_USER, CURLUE_NO_USER, &user) ||
	    !part_take(url, CURLUPART_PASSWORD, CURLUE_NO_PASSWORD, &password))
		r = tesla_fail(
			err, -EINVAL,
			"proxy: a user name or password that is not well encoded: " PROXY_FORM);
	else if ((user != NULL || password != NULL) &&
		 asprintf(&p->login, "%s:%s", user ? user : "", password ? password : "") < 0) {
		p->login = NULL;
		r = tesla_fail(err, -ENOMEM, "no memory");
	}
	curl_free(user);
	curl_free(password);
	return r;
}

static int url_take(CURLU *url, struct proxy *p, struct tesla_error *err)
{
	static const CURLUPart others[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_PATH,
					    CURLUPART_QUERY, CURLUPART_FRAGMENT };

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (curl_url_set(url, others[i], NULL, 0) != CURLUE_OK)
			return tesla_fail(err, -ENOMEM, "no memory");
	if (curl_url_get(url, CURLUPART_URL, &p->url, 0) != CURLUE_OK)
		return tesla_fail(err, -ENOMEM, "no memory");
	return 0;
}

static int parts_take(CURLU *url, struct proxy *p, struct tesla_error *err)
{
	int r;

	if (!scheme_is_known(url))
		return tesla_fail(err, -EINVAL,
				  "proxy: its scheme is none of http, https, socks4, socks4a, "
				  "socks5, socks5h: " PROXY_FORM);
	r = login_take(url, p, err);
	return r != 0 ? r : url_take(url, p, err);
}

int proxy_parse(const char *text, struct proxy *ret, struct tesla_error *err)
{
	CURLU *url;
	CURLUcode cause;
	int r;

	*ret = (struct proxy){ NULL, NULL };
	if (text == NULL || *text == '\0')
		return 0;
	url = curl_url();
	if (url == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	cause = curl_url_set(url, CURLUPART_URL, text,
			     CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME);
	if (cause == CURLUE_OK)
		r = parts_take(url, ret, err);
	else
		r = tesla_fail(err, -EINVAL, "proxy: %s: " PROXY_FORM, curl_url_strerror(cause));
	curl_url_cleanup(url);
	if (r != 0)
		proxy_release(ret);
	return r;
}

void proxy_release(struct proxy *p)
{
	curl_free(p->url);
	free(p->login);
	*p = (struct proxy){ NULL, NULL };
}
