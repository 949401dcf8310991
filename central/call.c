/* SPDX-License-Identifier: Apache-2.0 */
/* Answers and bodies, in the form that the caller speaks. */
#include "central/call.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "central/route.h"

const char *const call_types[N_CALL_FORMS] = {
	[CALL_JSON] = "application/json",
	[CALL_MSGPACK] = "application/msgpack",
	[CALL_CSV] = "text/csv",
};

/* ---- answers ---- */

static int print_json(const struct buf *packed, struct buf *out, struct tesla_error *err)
{
	struct mp_doc doc;
	int r = mp_unpack(&doc, packed->pub.bytes, packed->pub.len, err);

	if (r != 0)
		return r;
	r = json_write(out, &doc.u.data, err);
	mp_doc_release(&doc);
	return r;
}

/* Where an answer cannot be made: a line that needs no memory of ours. */
static void answer_broken(struct call *c, const char *why)
{
	struct buf text;

	log_msg(&c->app->log, LOG_LEVEL_ERROR, "%s %s: no answer: %s", request_method(c->request),
		request_target(c->request), why);
	buf_init(&text, 100);
	(void)buf_append(&text, "{\"error\":\"no answer can be made\"}", 34);
	request_answer(c->request, 500, call_types[CALL_JSON], &text);
}

void call_answer(struct call *c, unsigned status, struct buf *packed)
{
	struct tesla_error err = { 0 };
	struct buf text;

	if (packed->failed) {
		buf_release(packed);
		answer_broken(c, "too long, or no memory");
		return;
	}
	mp_clean(packed->pub.bytes, packed->pub.len);
	if (c->form == CALL_MSGPACK) {
		request_answer(c->request, status, call_types[CALL_MSGPACK], packed);
		return;
	}
	buf_init(&text, 4 * CALL_ANSWER_MAX);
	if (print_json(packed, &text, &err) != 0) {
		buf_release(&text);
		answer_broken(c, err.text);
	} else {
		request_answer(c->request, status, call_types[CALL_JSON], &text);
	}
	buf_release(packed);
}

void call_answer_ok(struct call *c, struct buf *packed)
{
	call_answer(c, 200, packed);
}

static void answer_text(struct call *c, unsigned status, const char *text)
{
	struct buf out;

	buf_init(&out, 4096);
	(void)buf_append(&out, text, strlen(text));
	request_answer(c->request, status, "text/plain; charset=utf-8", &out);
}

/* Also where there is no such path, below where it has its own. */
static bool is_v2(const struct call *c)
{
	const struct request_path *path = request_path(c->request);
	size_t at = path->n > 0 && strcmp(path->segments[0], "central") == 0;

	return c->route != NULL ? c->route->style == ROUTE_V2
				: path->n > at && strcmp(path->segments[at], "ws") == 0;
}

void call_error(struct call *c, unsigned status, const char *fmt, ...)
{
	struct tesla_error sentence;
	msgpack_packer pk;
	struct buf out;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sentence.text, sizeof sentence.text, fmt, ap);
	va_end(ap);
	if (is_v2(c)) {
		char line[sizeof sentence.text + 1];

		(void)snprintf(line, sizeof line, "#%s", sentence.text);
		answer_text(c, status, line);
		return;
	}
	buf_init(&out, 4096);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 1);
	mp_key_str(&pk, "error", sentence.text);
	call_answer(c, status, &out);
}

static const struct {
	int code;
	unsigned status;
} statuses[] = {
	{ EINVAL, 400 }, { EBADMSG, 400 },   { ERANGE, 400 },	 { ENOENT, 404 },
	{ EEXIST, 409 }, { EPERM, 409 },     { EDQUOT, 409 },	 { EMSGSIZE, 413 },
	{ EACCES, 403 }, { ETIMEDOUT, 504 }, { EREMOTEIO, 502 },
};

void call_failed(struct call *c, const char *sentence)
{
	c->app->counts[APP_FAILED]++;
	app_say_failure(c->app, request_target(c->request), sentence);
}

void call_fail(struct call *c, const struct tesla_error *err)
{
	for (size_t i = 0; i < N_ELEMENTS(statuses); i++)
		if (statuses[i].code == -err->code) {
			call_error(c, statuses[i].status, "%s", err->text);
			return;
		}
	call_failed(c, err->text);
	request_answer_header(c->request, "Retry-After", "10");
	call_error(c, 503, "%s", err->text);
}

void call_busy(struct call *c)
{
	c->app->counts[APP_BUSY]++;
	request_answer_header(c->request, "Retry-After", "1");
	call_error(c, 503, "too many requests wait");
}

/* ---- what was sent ---- */

int call_body_form(const struct call *c, enum call_form *ret)
{
	const char *type = request_header(c->request, "Content-Type");
	size_t len = type != NULL ? strcspn(type, "; ") : 0;

	if (type == NULL)
		return -EINVAL;
	if (len == strlen(call_types[CALL_JSON]) &&
	    strncasecmp(type, call_types[CALL_JSON], len) == 0)
		*ret = CALL_JSON;
	else if ((len == 19 && strncasecmp(type, "application/msgpack", len) == 0) ||
		 (len == 21 && strncasecmp(type, "application/x-msgpack", len) == 0))
		*ret = CALL_MSGPACK;
	else
		return -EINVAL;
	return 0;
}

int body_unpack(const struct buf *body, enum call_form form, struct buf *packed, struct mp_doc *doc,
		struct tesla_error *err)
{
	int r = 0;

	if (form == CALL_MSGPACK)
		return mp_unpack(doc, body->pub.bytes, body->pub.len, err);
	r = json_read(body->pub.bytes, body->pub.len, packed, err);
	return r == 0 ? mp_unpack(doc, packed->pub.bytes, packed->pub.len, err) : r;
}

int call_query_int(const struct call *c, const char *name, int64_t dflt, int64_t *ret,
		   struct tesla_error *err)
{
	const char *text = request_query(c->request, name);
	char *end;
	intmax_t v;

	if (text == NULL) {
		*ret = dflt;
		return 0;
	}
	errno = 0;
	v = strtoimax(text, &end, 10);
	if (*text == '\0' || *end != '\0' || errno != 0)
		return tesla_fail(err, -EINVAL, "%s is \"%.40s\": expected a whole number", name,
				  text);
	*ret = (int64_t)v;
	return 0;
}

const char *call_node(const struct call *c)
{
	const struct registry_analyzer *a;
	int64_t row;

	if (c->route->node > 0)
		return c->args[c->route->node - 1];
	if (c->route->node == 0)
		return NULL;
	row = strtoll(c->args[-c->route->node - 1], NULL, 10);
	a = row > 0 && row <= UINT32_MAX ? registry_analyzer_by_row(c->app->registry, (uint32_t)row)
					 : NULL;
	return a != NULL ? a->node : NULL;
}
