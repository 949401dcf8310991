/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every exporter must keep to: it opens and closes a hundred times with each of its ways of
 * working, takes any batch, and a durable one gives verdicts that make sense and is back in time,
 * also when the far end says nothing.
 */
#include "conformance.h"

#include <arpa/inet.h>
#include <errno.h>
#include <float.h>
#include <ftw.h>
#include <inttypes.h>
#include <math.h>
#include <sys/socket.h>

#define PAIRS 5
#define ELEMENTS 64
#define VARIABLES 500
#define GOOD 10 /* the one among them that is in order */
#define TEXT (100 * 1024)
#define DEADLINE_US 1000000
#define LATE_US 500000 /* the machine's, not the plugin's */

/* ---- ways of working ---- */

/* %F: a folder that is there and empty; %P: a port here that never answers; %I: our pid. */
static const struct way {
	const char *plugin;
	struct loader_pair pairs[PAIRS];
} ways[] = {
	{ "zmqPublish", { { "endpoint", "ipc://@tesla-conformance-%I" } } },
	{ "localFile", { { "target", "%F" } } },
	{ "localFile", { { "target", "%F" }, { "format", "csv" }, { "gzip", "yes" } } },
	{ "localFile", { { "target", "%F" }, { "format", "jsonl" }, { "keep", "1" } } },
	{ "clientRest", { { "target", "http://127.0.0.1:%P/ws/v2" }, { "timeout", "0.3" } } },
	{ "clientRest",
	  { { "target", "http://127.0.0.1:%P/api/v1" }, { "api", "v1" }, { "timeout", "0.3" } } },
	{ "clientRest",
	  { { "target", "http://127.0.0.1:%P/api/v1" },
	    { "api", "v1" },
	    { "timeout", "0.3" },
	    { "format", "json" },
	    { "gzip", "no" } } },
	{ "clientLive", { { "target", "http://127.0.0.1:%P/api/v1" }, { "timeout", "0.3" } } },
	{ "exampleExporter", { { "target", "%F/lines" } } },
	{ "exampleDurable", { { "target", "%F/lines" } } },
};

struct place {
	char folder[40];
	int listener, port;
};

static void place_make(struct place *p)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof addr;

	*p = (struct place){ .folder = "/tmp/tesla-conform-data-XXXXXX" };
	cr_assert_not_null(mkdtemp(p->folder));
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(p->listener, (const struct sockaddr *)&addr, sizeof addr), 0);
	cr_assert_eq(listen(p->listener, 4096), 0); /* the system connects, nobody answers */
	cr_assert_eq(getsockname(p->listener, (struct sockaddr *)&addr, &len), 0);
	p->port = ntohs(addr.sin_port);
}

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void place_remove(struct place *p)
{
	(void)close(p->listener);
	cr_assert_eq(nftw(p->folder, entry_remove, 8, FTW_DEPTH | FTW_PHYS), 0, "%s", p->folder);
}

static char *value_of(const char *text, const struct place *p)
{
	const char *at = strchr(text, '%');
	char number[16], *value;

	if (at == NULL)
		return strdup(text);
	(void)snprintf(number, sizeof number, "%d", at[1] == 'P' ? p->port : (int)getpid());
	cr_assert_gt(asprintf(&value, "%.*s%s%s", (int)(at - text), text,
			      at[1] == 'F' ? p->folder : number, at + 2),
		     0);
	return value;
}

/* One that is open, in one of its ways; the texts of conf point into values. */
struct instance {
	const struct loader *l;
	char *values[PAIRS];
	void *conf, *self;
};

static void instance_open(struct instance *x, const struct loader *l, const struct way *way,
			  const struct place *place)
{
	struct loader_pair pairs[PAIRS];
	struct tesla_error err = { 0 };
	size_t n = 0;

	*x = (struct instance){ .l = l };
	for (; n < PAIRS && way->pairs[n].name != NULL; n++) {
		x->values[n] = value_of(way->pairs[n].value, place);
		pairs[n] = (struct loader_pair){ way->pairs[n].name, x->values[n] };
	}
	x->conf = conf_of(l, pairs, n);
	cr_assert_eq(l->exporter.open(x->conf, &host, &x->self, &err), 0, "%s: %s", l->plugin.name,
		     err.text);
}

static void instance_close(struct instance *x)
{
	x->l->exporter.close(x->self);
	free(x->conf);
	for (size_t i = 0; i < PAIRS; i++)
		free(x->values[i]);
}

static bool durable(const struct loader *l)
{
	return (l->exporter.caps & TESLA_LIVE) == 0;
}

/* ---- records as bad as they may be: what record_decode lets pass, and beyond ---- */

struct worst {
	struct tesla_record_element elements[ELEMENTS], good;
	struct tesla_record_variable variables[VARIABLES];
	const struct tesla_record_variable *list[VARIABLES];
	struct tesla_item items[16];
	const struct tesla_item *all[16];
	size_t n;
	char text[TEXT + 1], bytes[TEXT + 1];
};

static void worst_elements(struct worst *w)
{
	static const double numbers[] = { 0,	     -0.0,    1.5,	NAN,	 INFINITY,
					  -INFINITY, DBL_MAX, -DBL_MAX, DBL_MIN, 1e-320,
					  0x1p53,    -1e15,   99999.995 };

	for (size_t i = 0; i < ELEMENTS; i++) {
		double v = numbers[i % N_ELEMENTS(numbers)];

		w->elements[i] = (struct tesla_record_element){
			.value = v,
			.min = v,
			.max = numbers[(i + 1) % N_ELEMENTS(numbers)],
			.increase = numbers[(i + 2) % N_ELEMENTS(numbers)],
			.covered_ms = i % 2 ? INT64_MAX : 0,
			.count = i % 3 ? UINT32_MAX : 0,
			.quality = (enum tesla_quality)(i % (TESLA_STALE + 1)),
		};
	}
}

static void worst_variables(struct worst *w)
{
	static const char *const names[] = { "TPF", "", "a\nb\t\"c\",<d>&%s%n", "../../x",
					     "\xff\xfe" };
	static const double factors[] = { 1, 0, -100, DBL_MAX };

	for (size_t i = 0; i < VARIABLES; i++) {
		const char *name = names[i % N_ELEMENTS(names)];

		w->variables[i] = (struct tesla_record_variable){
			.name = i == 7	 ? w->text
				: i == 8 ? w->bytes
					 : name,
			.unit = i == 9 ? w->text : names[(i + 1) % N_ELEMENTS(names)],
			.kind = (enum tesla_variable_kind)(TESLA_GAUGE + i % 3),
			.predecessor_factor = factors[i % N_ELEMENTS(factors)],
			.n_elements = i == 0 ? ELEMENTS : 1 + i % 4,
			.elements = w->elements + i % 32 * (i != 0),
		};
		w->list[i] = &w->variables[i];
	}
	w->good = (struct tesla_record_element){ 50, 49.9, 50.1, NAN, 900000, 900, TESLA_GOOD };
	w->variables[GOOD] =
		(struct tesla_record_variable){ "FRE", "Hz", TESLA_GAUGE, 1, 1, &w->good };
}

static void worst_add(struct worst *w, int64_t analyzer, int64_t end_ms, size_t first, size_t n)
{
	w->items[w->n] = (struct tesla_item){ .kind = TESLA_RECORD,
					      .analyzer = analyzer,
					      .t_ms = end_ms,
					      .start_ms = end_ms - 900000,
					      .n = w->n + 1,
					      .model = "PM710",
					      .n_variables = n,
					      .variables = w->list + first };
	w->all[w->n] = &w->items[w->n];
	w->n++;
}

static struct worst *worst_make(void)
{
	struct worst *w = calloc(1, sizeof *w);

	cr_assert_not_null(w);
	memset(w->text, 'x', TEXT);
	memset(w->bytes, 0xf0, TEXT);
	worst_elements(w);
	worst_variables(w);
	worst_add(w, 5, 1700000100000, GOOD, 1);
	worst_add(w, 1, 1700000100000, 0, 0);
	worst_add(w, 1, 1700001000000, 0, 1);
	worst_add(w, 1, 1700001000000, 0, 1); /* the same key again */
	worst_add(w, 1, 1700001900000, 1, 4);
	worst_add(w, 1, 900000, 0, 1); /* back to 1970 */
	worst_add(w, 2, 0, 3, 1);
	worst_add(w, 2, INT64_C(253402300799999), 4, 2);
	worst_add(w, INT64_MAX, 1700000100000, 7, 3);
	worst_add(w, 3, 1700000100000, 0, VARIABLES);
	worst_add(w, 5, 1700001000000, GOOD, 1);
	w->items[1].identity = "ION 7";
	w->items[2].model = w->items[2].identity = "";
	w->items[3].model = w->text;
	w->items[4].identity = w->bytes;
	return w;
}

/* Sound, or refused with a sentence; and in time. */
static void check_delivery(const struct instance *x, const struct worst *w)
{
	_cleanup_free_ struct tesla_verdict *verdicts = calloc(w->n, sizeof *verdicts);
	const char *name = x->l->plugin.name;
	int64_t before = clock_mono_us();
	const struct tesla_batch batch = { .size = sizeof batch,
					   .node = "node",
					   .epoch_ms = 1,
					   .n_items = w->n,
					   .items = w->all,
					   .deadline_us = before + DEADLINE_US };
	struct tesla_error err = { 0 };
	int r = x->l->exporter.deliver(x->self, &batch, verdicts, &err);

	cr_expect(r == 0 || (r < 0 && *err.text != '\0'), "%s: %d without a sentence", name, r);
	cr_assert_lt(clock_mono_us() - before, DEADLINE_US + LATE_US, "%s: %" PRId64 " ms", name,
		     (clock_mono_us() - before) / 1000);
	for (size_t i = 0; i < w->n && durable(x->l); i++) {
		const struct tesla_verdict *v = &verdicts[i];

		cr_expect_leq((unsigned)v->delivery, TESLA_REFUSED, "%s, record %zu", name, i);
		cr_expect(v->retry_ms >= 0 && v->retry_ms <= 86400000, "%s, record %zu", name, i);
		cr_expect(v->delivery == TESLA_DONE || v->delivery == TESLA_RETRY ||
				  *v->why.text != '\0',
			  "%s, record %zu: no reason", name, i);
	}
}

/* ---- the tests ---- */

static const struct tesla_element elements[] = {
	{ 1.5, TESLA_GOOD }, { NAN, TESLA_GOOD }, { INFINITY, TESLA_SUSPECT },
	{ 3, TESLA_ERROR },  { 0, TESLA_STALE },
};
static const struct tesla_reading reading = { .variable = "TPF",
					      .unit = "V",
					      .k = 1,
					      .n_elements = N_ELEMENTS(elements),
					      .elements = elements },
				  none = { .variable = "NIL" };
static const struct tesla_item items[] = {
	{ .kind = TESLA_SWEEP,
	  .analyzer = 1,
	  .n_readings = 2,
	  .readings = (const struct tesla_reading *const[]){ &reading, &none } },
	{ .kind = TESLA_SWEEP,
	  .analyzer = INT64_MAX,
	  .t_ms = INT64_MIN,
	  .n = UINT64_MAX,
	  .error = "time-out" },
	{ .kind = TESLA_RECORD, .analyzer = 1, .model = "PM710" },
	{ .kind = TESLA_STATUS_CHANGE, .analyzer = 1, .state = "offline", .reason = "" },
	{ .kind = TESLA_STATUS_CHANGE, .analyzer = 1 },
	{ .kind = TESLA_HEARTBEAT },
	{ .kind = 77 },
};

/* A live one that waits for an answer, where nobody answers, says so after a heartbeat. */
static int told_of(const struct loader *l, const struct tesla_batch *b)
{
	return b->n_items > 0 && strcmp(l->plugin.name, "clientLive") == 0 ? -EIO : 0;
}

/* Everything to a live one; a durable one gets nothing but records. */
static void check_batches(const struct instance *x)
{
	const struct tesla_item *list[N_ELEMENTS(items)];
	struct tesla_verdict verdicts[N_ELEMENTS(items)] = { 0 };
	const struct tesla_batch batches[] = { { sizeof *batches, "node", 1, N_ELEMENTS(items),
						 list, 0 },
					       { sizeof *batches, "node", 1, 0, list, 0 } };
	struct tesla_error err = { 0 };

	for (size_t i = 0; i < N_ELEMENTS(items); i++)
		list[i] = &items[i];
	for (size_t b = durable(x->l); b < N_ELEMENTS(batches); b++)
		cr_expect_eq(x->l->exporter.deliver(x->self, &batches[b], verdicts, &err),
			     told_of(x->l, &batches[b]), "%s: %s", x->l->plugin.name, err.text);
}

static void check_way(const struct loader *l, const struct way *way, const struct worst *w)
{
	struct instance x;
	struct place place;

	place_make(&place);
	for (int i = 0; i < ROUNDS; i++) {
		instance_open(&x, l, way, &place);
		check_batches(&x);
		instance_close(&x);
	}
	for (int i = 0; i < 2; i++) { /* the second time they are there already */
		instance_open(&x, l, way, &place);
		check_delivery(&x, w);
		check_delivery(&x, w);
		instance_close(&x);
	}
	place_remove(&place);
}

Test(conformance, exporters_take_any_batch, .timeout = 120)
{
	struct worst *w = worst_make();
	struct loader *l;
	struct set s;

	set_open(&s, "export");
	while ((l = set_next(&s)) != NULL) {
		size_t n = 0;

		for (size_t i = 0; i < N_ELEMENTS(ways); i++) {
			if (strcmp(ways[i].plugin, l->plugin.name) == 0) {
				check_way(l, &ways[i], w);
				n++;
			}
		}
		cr_expect_gt(n, 0, "%s has no row in `ways`", l->plugin.name);
	}
	free(w);
}
