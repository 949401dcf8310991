/* SPDX-License-Identifier: Apache-2.0 */
/* What a table of parameters cannot check: the URL, and which of them go together. */
#include "conf.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proxy.h"

#define TARGET_FORM "expected one such as https://central.example/ws/v2"

#define SHOWN_SIZE 100

/* No login of the target and no query is repeated: there may be a secret in them. */
static const char *target_shown(const char *target, char shown[SHOWN_SIZE])
{
	size_t len = strcspn(target, "?#");

	if (strchr(target, '@') != NULL)
		return "(hidden: there is an @ in it)";
	(void)snprintf(shown, SHOWN_SIZE, "\"%.*s\"%s", len < 80 ? (int)len : 80, target,
		       target[len] != '\0' ? " and more" : "");
	return shown;
}

static bool part_is(CURLU *url, CURLUPart part, const char *const *texts)
{
	char *text = NULL;
	bool found = false;

	if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
		return false;
	for (; *texts != NULL && !found; texts++)
		found = strcmp(text, *texts) == 0;
	curl_free(text);
	return found;
}

static bool part_exists(CURLU *url, CURLUPart part)
{
	char *text = NULL;

	if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
		return false;
	curl_free(text);
	return true;
}

static int url_check(CURLU *url, const char *target, struct tesla_error *err)
{
	static const char *const schemes[] = { "http", "https", NULL };
	char shown[SHOWN_SIZE];

	if (!part_is(url, CURLUPART_SCHEME, schemes))
		return tesla_fail(err, -EINVAL,
				  "target is %s: neither http:// nor https://: " TARGET_FORM,
				  target_shown(target, shown));
	if (part_exists(url, CURLUPART_USER) || part_exists(url, CURLUPART_PASSWORD))
		return tesla_fail(err, -EINVAL,
				  "target has a user name or a password in it: expected them in "
				  "user=\"\" and password=\"\", where they are kept secret");
	if (part_exists(url, CURLUPART_QUERY) || part_exists(url, CURLUPART_FRAGMENT))
		return tesla_fail(err, -EINVAL,
				  "target is %s: there is a ? or # in it: " TARGET_FORM,
				  target_shown(target, shown));
	return 0;
}

static int target_check(const char *target, struct tesla_error *err)
{
	CURLU *url = curl_url();
	char shown[SHOWN_SIZE];
	CURLUcode cause;
	int r;

	if (url == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	cause = curl_url_set(url, CURLUPART_URL, target, CURLU_NON_SUPPORT_SCHEME);
	if (cause != CURLUE_OK)
		r = tesla_fail(err, -EINVAL, "target is %s: %s: " TARGET_FORM,
			       target_shown(target, shown), curl_url_strerror(cause));
	else
		r = url_check(url, target, err);
	curl_url_cleanup(url);
	return r;
}

static int file_check(const char *name, const char *path, struct tesla_error *err)
{
	if (path == NULL)
		return 0;
	if (*path != '/')
		return tesla_fail(err, -EINVAL, "%s is \"%.150s\": expected an absolute path", name,
				  path);
	if (access(path, R_OK) != 0)
		return tesla_fail(err, -errno, "%s: %.150s: %s", name, path, strerror(errno));
	return 0;
}

/* It becomes a line of the request's head: a line's end in it would begin another. */
static int token_check(const char *token, struct tesla_error *err)
{
	for (; token != NULL && *token != '\0'; token++)
		if (*token <= ' ' || *token > '~')
			return tesla_fail(err, -EINVAL,
					  "token has a character in it that is no printable ASCII, "
					  "or a blank");
	return 0;
}

static int login_check(const struct conf *c, struct tesla_error *err)
{
	if ((c->user == NULL) != (c->password == NULL))
		return tesla_fail(err, -EINVAL, "expected user and password, or neither");
	if (c->user != NULL && c->token != NULL)
		return tesla_fail(err, -EINVAL, "expected a token, or user and password, not both");
	if (c->user != NULL && strchr(c->user, ':') != NULL)
		return tesla_fail(err, -EINVAL,
				  "user has a colon in it, which HTTP does not allow");
	if (c->key != NULL && c->cert == NULL)
		return tesla_fail(err, -EINVAL, "there is a key, but no cert");
	return token_check(c->token, err);
}

static int proxy_check(const char *text, struct tesla_error *err)
{
	struct proxy p;
	int r = proxy_parse(text, &p, err);

	proxy_release(&p);
	return r;
}

int conf_check(const void *conf, struct tesla_error *err)
{
	const struct conf *c = conf;
	int r = target_check(c->target, err);

	if (r == 0)
		r = login_check(c, err);
	if (r == 0)
		r = proxy_check(c->proxy, err);
	if (r == 0)
		r = file_check("ca", c->ca, err);
	if (r == 0)
		r = file_check("cert", c->cert, err);
	if (r == 0)
		r = file_check("key", c->key, err);
	return r;
}
