/* SPDX-License-Identifier: Apache-2.0 */
/* What a register of a meter may mean. */
#include "teslactl/probe.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/model.h"
#include "teslactl/look.h"
#include "teslactl/number.h"
#include "teslactl/peer.h"
#include "teslactl/table.h"

#define PLACES_MAX 6
#define ROWS_MAX 512
#define ROWS_SHOWN 16
#define TOGETHER 4 /* registers that the longest type has */
#define CLOSE 0.2  /* farther from what is expected than this share of it: not likely at all */

/* Where a number out of a manual may be on the wire. */
struct place {
	uint16_t function;
	uint32_t address;
	const char *counted; /* how the manual counts, if this is it */
	uint8_t bytes[2 * TOGETHER];
	size_t n; /* registers that were read */
};

struct reading {
	const struct place *place;
	const char *type, *order;
	double value; /* with the scale */
	int scale;    /* power of ten; 0: the number as it is */
	double score;
	const char *looks_like;
};

struct probe {
	const struct ctl *ctl;
	struct looker looker;
	struct place places[PLACES_MAX];
	size_t n_places;
	struct reading rows[ROWS_MAX];
	size_t n_rows;
	double expected; /* NAN: nothing */
	char refused[244];
};

/* ---- where it may be ---- */

static void place_add(struct probe *p, uint16_t function, long address, const char *counted)
{
	if (address >= 0 && address <= UINT16_MAX && p->n_places < PLACES_MAX)
		p->places[p->n_places++] = (struct place){ .function = function,
							   .address = (uint32_t)address,
							   .counted = counted };
}

/* 40001 and 400001 are the first holding register, 30001 and 300001 the first input register. */
static void places_of(struct probe *p, long n)
{
	static const struct {
		long first, last;
		uint16_t function;
		const char *counted;
	} numbered[] = {
		{ 30001, 39999, 4, "30001 is the first" },
		{ 40001, 49999, 3, "40001 is the first" },
		{ 300001, 365536, 4, "300001 is the first" },
		{ 400001, 465536, 3, "400001 is the first" },
	};

	for (size_t i = 0; i < N_ELEMENTS(numbered); i++)
		if (n >= numbered[i].first && n <= numbered[i].last)
			place_add(p, numbered[i].function, n - numbered[i].first,
				  numbered[i].counted);
	for (uint16_t function = 3; function <= 4; function++) {
		place_add(p, function, n, "from 0");
		place_add(p, function, n - 1, "from 1");
	}
}

static int place_read(struct probe *p, struct place *at, struct tesla_error *err)
{
	struct looked looked;
	int r;

	for (uint16_t n = TOGETHER; n > 0; n /= 2) {
		if (at->address + n > 65536)
			continue;
		r = look(&p->looker, LOOK_OWN,
			 &(struct look_what){ at->function, (uint16_t)at->address, n }, &looked,
			 err);
		if (r != 0)
			return r;
		if (looked.status == LOOK_OK && looked.len == 2u * n) {
			memcpy(at->bytes, looked.bytes, looked.len);
			at->n = n;
			return 0;
		}
		(void)snprintf(p->refused, sizeof p->refused, "%s", looked.why);
		if (looked.status != LOOK_EXCEPTION)
			return 0;
	}
	return 0;
}

/* ---- what it may mean ---- */

static void row_add(struct probe *p, const struct reading *r)
{
	if (p->n_rows < ROWS_MAX)
		p->rows[p->n_rows++] = *r;
}

static double score_of(const struct probe *p, struct reading *r, bool plain)
{
	double off;

	r->looks_like = "";
	if (isnan(p->expected))
		return plausible_any(r->value, &r->looks_like) * (plain ? 1 : 0.9);
	off = fabs(r->value - p->expected) / (p->expected == 0 ? 1 : fabs(p->expected));
	return off > CLOSE ? 0 : (1 - off / CLOSE) * (plain ? 1 : 0.99);
}

/* The number itself, and as a multiple of a power of ten; only what is likely in some way. */
static void scales_try(struct probe *p, struct reading r, bool whole)
{
	double number = r.value;

	for (r.scale = 0; r.scale >= (whole ? -3 : 0); r.scale--) {
		r.value = number / pow(10, -r.scale);
		r.score = score_of(p, &r, r.scale == 0);
		if (r.score > 0)
			row_add(p, &r);
	}
	for (r.scale = 3; r.scale > 0 && !isnan(p->expected); r.scale--) {
		r.value = number * pow(10, r.scale);
		r.score = score_of(p, &r, false);
		if (r.score > 0)
			row_add(p, &r);
	}
}

static void meanings(struct probe *p, const struct place *at)
{
	static const struct {
		enum tesla_raw type;
		const char *name;
		bool whole;
	} types[] = {
		{ TESLA_FLOAT32, "float32", false }, { TESLA_FLOAT64, "float64", false },
		{ TESLA_UINT16, "uint16", true },    { TESLA_INT16, "int16", true },
		{ TESLA_UINT32, "uint32", true },    { TESLA_INT32, "int32", true },
		{ TESLA_UINT64, "uint64", true },    { TESLA_INT64, "int64", true },
		{ TESLA_BCD16, "bcd16", true },	     { TESLA_BCD32, "bcd32", true },
	};
	static const char *const orders[] = { "big", "little", "big, bytes swapped",
					      "little, bytes swapped" };

	for (size_t t = 0; t < N_ELEMENTS(types); t++) {
		uint16_t n = model_registers(types[t].type);

		for (unsigned order = 0; n <= at->n && order < N_ELEMENTS(orders); order++) {
			struct tesla_register r = { .type = types[t].type,
						    .count = n,
						    .order = order & 1 ? TESLA_LITTLE : TESLA_BIG,
						    .bytes_swapped = order > 1,
						    .scale = 1 };
			struct reading row = { .place = at,
					       .type = types[t].name,
					       .order = n == 1 && order == 0 ? "" : orders[order],
					       .value = number_of(&r, at->bytes, 0) };

			if ((n == 1 && (order & 1)) || isnan(row.value))
				continue;
			if (types[t].type == TESLA_INT16 || types[t].type == TESLA_INT32 ||
			    types[t].type == TESLA_INT64)
				if (row.value >= 0)
					continue; /* as the unsigned one */
			scales_try(p, row, types[t].whole);
		}
	}
}

static int by_score(const void *a, const void *b)
{
	const struct reading *x = a, *y = b;

	return (x->score < y->score) - (x->score > y->score);
}

/* ---- shown ---- */

static void table_show(const struct probe *p)
{
	static const struct table_column columns[] = {
		{ "FUNCTION", true }, { "ADDRESS", true }, { "COUNTED", false },
		{ "TYPE", false },    { "ORDER", false },  { "SCALE", true },
		{ "VALUE", true },    { "LIKELY", true },  { "AS", false },
	};
	struct table t;

	table_init(&t, columns, N_ELEMENTS(columns));
	for (size_t i = 0; i < p->n_rows && i < ROWS_SHOWN; i++) {
		const struct reading *r = &p->rows[i];

		table_addf(&t, "%u", r->place->function);
		table_addf(&t, "%u", (unsigned)r->place->address);
		table_add(&t, r->place->counted);
		table_add(&t, r->type);
		table_add(&t, r->order);
		table_addf(&t, "%g", pow(10, r->scale));
		table_addf(&t, "%.7g", r->value);
		table_addf(&t, "%.0f%%", 100 * r->score);
		table_add(&t, r->looks_like);
	}
	table_print(&t, stdout);
	table_release(&t);
}

static void raw_show(const struct probe *p)
{
	for (size_t i = 0; i < p->n_places; i++) {
		const struct place *at = &p->places[i];

		if (at->n == 0)
			continue;
		(void)printf("function %u, address %u (%s):", at->function, (unsigned)at->address,
			     at->counted);
		for (size_t k = 0; k < at->n; k++)
			(void)printf(" 0x%02X%02X", at->bytes[2 * k], at->bytes[2 * k + 1]);
		(void)printf("\n");
	}
}

static void row_pack(msgpack_packer *pk, const struct reading *r)
{
	(void)msgpack_pack_map(pk, 8);
	mp_key_int(pk, "function", r->place->function);
	mp_key_int(pk, "address", r->place->address);
	mp_key_str(pk, "counted", r->place->counted);
	mp_key_str(pk, "type", r->type);
	mp_key_str(pk, "order", r->order);
	mp_str(pk, "scale");
	(void)msgpack_pack_double(pk, pow(10, r->scale));
	mp_str(pk, "value");
	(void)msgpack_pack_double(pk, r->value);
	mp_str(pk, "likely");
	(void)msgpack_pack_double(pk, r->score);
}

static int json_show(const struct probe *p)
{
	_cleanup_(buf_release) struct buf bytes;
	size_t n = p->n_rows < ROWS_SHOWN ? p->n_rows : ROWS_SHOWN;
	struct tesla_error err = { 0 };
	msgpack_packer pk;

	buf_init(&bytes, 1u << 16);
	mp_writer(&pk, &bytes);
	(void)msgpack_pack_map(&pk, 2);
	mp_key_bool(&pk, "ok", true);
	mp_str(&pk, "meanings");
	(void)msgpack_pack_array(&pk, n);
	for (size_t i = 0; i < n; i++)
		row_pack(&pk, &p->rows[i]);
	return json_print_packed(stdout, &bytes, &err) == 0 ? CTL_GOOD : ctl_complain(p->ctl, &err);
}

static int show(struct probe *p)
{
	size_t answered = 0;

	for (size_t i = 0; i < p->n_places; i++)
		answered += p->places[i].n > 0;
	if (answered == 0)
		return ctl_say(p->ctl, CTL_NO, p->refused);
	qsort(p->rows, p->n_rows, sizeof p->rows[0], by_score);
	if (p->ctl->json)
		return json_show(p);
	raw_show(p);
	(void)printf("\n");
	if (p->n_rows > 0)
		table_show(p);
	else if (isnan(p->expected))
		(void)printf("nothing looks like a voltage or a frequency: "
			     "what should it be? (--expect VALUE)\n");
	else
		(void)printf("nothing is near %g\n", p->expected);
	return CTL_GOOD;
}

/* ---- the command ---- */

static bool number_parse(const char *text, double lo, double hi, double *ret)
{
	char *end;

	errno = 0;
	*ret = strtod(text, &end);
	return end != text && *end == '\0' && errno == 0 && *ret >= lo && *ret <= hi;
}

static int places_ask(struct probe *p)
{
	struct tesla_error err;
	int r = 0;

	p->looker.client = peer_connect(p->ctl, &err);
	if (p->looker.client == NULL)
		return ctl_complain(p->ctl, &err);
	for (size_t i = 0; i < p->n_places && r == 0; i++)
		r = place_read(p, &p->places[i], &err);
	if (r != 0)
		r = ctl_refused(p->ctl, p->looker.client, "look", &err);
	tesla_disconnect(p->looker.client);
	return r;
}

int probe_run(const struct ctl *ctl)
{
	struct probe p = { .ctl = ctl, .expected = NAN };
	const char *text = ctl->words[1];
	double n;
	int r;

	if (!number_parse(text, 0, 465536, &n) || n != floor(n))
		return ctl_say(ctl, CTL_USAGE,
			       "the register is no whole number from 0 to 465536 (or 0x0000)");
	if (ctl->expect != NULL && !number_parse(ctl->expect, -1e15, 1e15, &p.expected))
		return ctl_say(ctl, CTL_USAGE, "--expect is no number");
	p.looker.via = ctl->filter.analyzer;
	p.looker.signals = -1;
	p.looker.timeout_ms = ctl->timeout_ms;
	places_of(&p, (long)n);
	r = places_ask(&p);
	if (r != CTL_GOOD)
		return r;
	for (size_t i = 0; i < p.n_places; i++)
		if (p.places[i].n > 0)
			meanings(&p, &p.places[i]);
	return show(&p);
}
