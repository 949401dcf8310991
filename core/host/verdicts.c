/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts come from a plugin: nothing in them is believed, except that it wrote them. */
#include "host/verdicts.h"

#include <assert.h>
#include <string.h>

#include "base/utf8.h"

#define RETRY_MAX_MS (24 * 60 * 60 * 1000LL)

/* ---- sentences ---- */

void error_clean(struct tesla_error *err)
{
	err->text[sizeof err->text - 1] = '\0';
	err->text[utf8_clean(err->text, strlen(err->text), UTF8_LINE)] = '\0';
}

/* ---- verdicts ---- */

static void verdict_clean(struct tesla_verdict *v)
{
	if (v->delivery < TESLA_RETRY || v->delivery > TESLA_REFUSED)
		v->delivery = TESLA_RETRY;
	if (v->delivery != TESLA_RETRY || v->retry_ms < 0)
		v->retry_ms = 0;
	if (v->retry_ms > RETRY_MAX_MS)
		v->retry_ms = RETRY_MAX_MS;
	error_clean(&v->why);
}

void verdicts_take(struct answers *a, size_t n_items)
{
	assert(n_items <= a->n);
	for (size_t i = 0; i < n_items; i++) {
		assert(a->place[i] < a->n);
		a->list[a->place[i]] = a->verdicts[i];
	}
	for (size_t i = 0; i < a->n; i++)
		verdict_clean(&a->list[i]);
}

size_t verdicts_done(const struct answers *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += a->list[i].delivery == TESLA_DONE;
	return n;
}

const char *verdicts_reason(const struct answers *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].delivery != TESLA_DONE && *a->list[i].why.text)
			return a->list[i].why.text;
	return NULL;
}

void verdicts_tell(struct report *report, const struct answers *a, const char *error)
{
	struct frame f;
	msgpack_packer *pk = report_begin(report, &f, "verdicts", 4);

	mp_key_int(pk, "i", (int64_t)a->turn);
	mp_key_str(pk, "error", error);
	mp_str(pk, "list");
	(void)msgpack_pack_array(pk, a->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct tesla_verdict *v = &a->list[i];

		(void)msgpack_pack_array(pk, 3);
		(void)msgpack_pack_int(pk, (int)v->delivery);
		mp_str(pk, *v->why.text ? v->why.text : NULL);
		(void)msgpack_pack_int64(pk, v->retry_ms);
	}
	report_end(report, &f);
}
