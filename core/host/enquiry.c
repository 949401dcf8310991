/* SPDX-License-Identifier: Apache-2.0 */
/* What a meter is asked when it is connected. */
#include "host/enquiry.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/model_say.h"
#include "host/analyzer.h"

#define MARKER 0x53756e53u /* "SunS" */
#define LINKS_MAX 100u	   /* of a chain: no meter has so many models */
#define COMMON 1u	   /* the model that says who it is */
#define END_OF_CHAIN 0xffffu

static const uint16_t markers[] = { 40000, 50000, 0 };

/* Where things are in model 1, from its number on. */
static const struct {
	uint16_t at, count;
} common_who[] = { { 2, 16 }, { 18, 16 }, { 42, 8 } }, /* maker, model, version */
	common_serial = { 50, 16 };

/* ---- the meter's texts ---- */

static char *text_read(const struct model_text *t, const char *label, const struct tesla_buf *data)
{
	return data->len == 2u * t->count ? model_text_say(t, label, data->bytes) : NULL;
}

static void forget(struct analyzer *a)
{
	free(a->heard);
	a->heard = NULL;
	for (size_t i = 0; i < model_n_texts(a->kind->model); i++) {
		free(a->said[i]);
		a->said[i] = NULL;
	}
}

/* ---- SunSpec ---- */

/* Do all its registers have an address, counted from there? */
static bool fits(const struct model *m, uint32_t base)
{
	uint32_t last = 0;

	for (size_t i = 0; i < m->pub.n_variables; i++)
		for (size_t k = 0; k < m->pub.variables[i]->n_elements; k++) {
			const struct tesla_register *r = m->pub.variables[i]->elements[k];

			if ((uint32_t)r->address + r->count > last)
				last = (uint32_t)r->address + r->count;
		}
	for (size_t i = 0; i < m->pub.n_scales; i++)
		if (m->pub.scales[i]->address + 1u > last)
			last = m->pub.scales[i]->address + 1u;
	return base + last <= 65536;
}

static uint32_t word(const struct tesla_reply *r, size_t i)
{
	return (uint32_t)r->data->bytes[2 * i] << 8 | r->data->bytes[2 * i + 1];
}

static void marker_take(struct enquiry *q, bool is_there)
{
	if (is_there) {
		q->at = markers[q->i] + 2u;
		q->i = 0;
		q->step = ENQUIRY_CHAIN;
	} else if (++q->i == N_ELEMENTS(markers)) {
		q->step = ENQUIRY_TEXTS;
		q->i = 0;
	}
}

static void chain_over(struct enquiry *q)
{
	q->step = q->common > 0 ? ENQUIRY_COMMON : ENQUIRY_TEXTS;
	q->i = 0;
}

static void link_take(struct enquiry *q, struct analyzer *a, uint32_t id, uint32_t len)
{
	const struct model *m = a->kind->model;

	if (id == COMMON && q->common == 0) {
		q->common = (uint16_t)q->at;
		q->common_count = (uint16_t)(len + 2 < 66 ? len + 2 : 66);
	}
	if (id == m->sunspec && fits(m, q->at)) {
		a->base = (int32_t)q->at;
		chain_over(q);
		return;
	}
	q->at += len + 2;
	if (id == END_OF_CHAIN || q->at > 65534 || ++q->i == LINKS_MAX)
		chain_over(q);
}

static void common_take(struct analyzer *a, const struct tesla_buf *data)
{
	char *whole = NULL, *grown;

	for (size_t i = 0; i < N_ELEMENTS(common_who); i++) {
		size_t at = 2u * common_who[i].at, len = 2u * common_who[i].count;
		_cleanup_free_ char *part =
			at + len <= data->len ? registers_text(data->bytes + at, len) : NULL;

		if (part == NULL)
			continue;
		if (asprintf(&grown, "%s%s%s", whole ? whole : "", whole ? " " : "", part) < 0)
			break;
		free(whole);
		whole = grown;
	}
	a->heard = whole;
	if (2u * (common_serial.at + common_serial.count) <= data->len)
		a->said[a->kind->model->n_texts] = registers_text(
			data->bytes + 2u * common_serial.at, 2u * common_serial.count);
}

/* ---- one question after the other ---- */

static bool has_sunspec(const struct analyzer *a)
{
	return a->kind->model->sunspec != 0;
}

bool enquiry_possible(const struct analyzer *a, const struct tesla_driver *driver)
{
	const struct model *m = a->kind->model;

	return driver->identify != NULL || m->identity.count > 0 || m->n_texts > 0 ||
	       m->sunspec != 0;
}

/* Past what this meter has not. */
static void settle(struct enquiry *q, struct analyzer *a, const struct tesla_driver *driver)
{
	const struct model *m = a->kind->model;

	if (!q->begun) {
		forget(a);
		a->base = -1;
		q->begun = true;
		q->step = has_sunspec(a) ? ENQUIRY_MARKER : ENQUIRY_TEXTS;
	}
	if (q->step == ENQUIRY_TEXTS && q->i >= m->n_texts)
		q->step = has_sunspec(a) ? ENQUIRY_OVER : ENQUIRY_WHO;
	if (q->step == ENQUIRY_WHO && m->identity.count == 0 && driver->identify == NULL)
		q->step = ENQUIRY_OVER;
}

static struct tesla_block registers(uint16_t function, uint32_t address, uint16_t count)
{
	return (struct tesla_block){ .function = function,
				     .address = (uint16_t)address,
				     .count = count };
}

static uint16_t sunspec_function(const struct model *m)
{
	return m->pub.variables[0]->elements[0]->function;
}

bool enquiry_next(struct enquiry *q, struct analyzer *a, const struct tesla_driver *driver,
		  struct tesla_block *what, bool *who)
{
	const struct model *m = a->kind->model;
	const struct model_text *t = &m->identity;

	settle(q, a, driver);
	*who = q->step == ENQUIRY_WHO && t->count == 0;
	switch (q->step) {
	case ENQUIRY_MARKER:
		*what = registers(sunspec_function(m), markers[q->i], 2);
		break;
	case ENQUIRY_CHAIN:
		*what = registers(sunspec_function(m), q->at, 2);
		break;
	case ENQUIRY_COMMON:
		*what = registers(sunspec_function(m), q->common, q->common_count);
		break;
	case ENQUIRY_TEXTS:
		t = &m->texts[q->i];
		*what = registers(t->function, t->address, t->count);
		break;
	case ENQUIRY_WHO:
		*what = registers(t->function, t->address, t->count);
		break;
	case ENQUIRY_OVER:
		return false;
	}
	return true;
}

static void who_take(struct enquiry *q, struct analyzer *a, const struct tesla_reply *reply)
{
	const struct model_text *t = &a->kind->model->identity;
	bool says = reply->status == TESLA_REPLY_OK && reply->data->len > 0;

	if (t->count == 0 && !says && !q->again) {
		q->again = true; /* the driver may know another way */
		return;
	}
	q->step = ENQUIRY_OVER;
	if (reply->status != TESLA_REPLY_OK)
		return;
	a->heard = t->count > 0 ? text_read(t, t->label, reply->data)
				: strndup((const char *)reply->data->bytes, reply->data->len);
}

void enquiry_take(struct enquiry *q, struct analyzer *a, const struct tesla_reply *reply)
{
	const struct model *m = a->kind->model;
	bool ok = reply->status == TESLA_REPLY_OK;

	if (!ok && reply->status != TESLA_REPLY_EXCEPTION) {
		q->step = ENQUIRY_OVER;
		return;
	}
	switch (q->step) {
	case ENQUIRY_MARKER:
		marker_take(q, ok && reply->data->len == 4 &&
				       (word(reply, 0) << 16 | word(reply, 1)) == MARKER);
		break;
	case ENQUIRY_CHAIN:
		if (ok && reply->data->len == 4)
			link_take(q, a, word(reply, 0), word(reply, 1));
		else
			chain_over(q);
		break;
	case ENQUIRY_COMMON:
		if (ok)
			common_take(a, reply->data);
		q->step = ENQUIRY_TEXTS;
		break;
	case ENQUIRY_TEXTS:
		if (ok)
			a->said[q->i] = text_read(&m->texts[q->i], NULL, reply->data);
		q->i++;
		break;
	case ENQUIRY_WHO:
		who_take(q, a, reply);
		break;
	case ENQUIRY_OVER:
		break;
	}
}
