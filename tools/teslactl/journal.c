/* SPDX-License-Identifier: Apache-2.0 */
/* teslactl journal (docs/control.md, "The journal"). */
#include "teslactl/journal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "teslactl/list.h"

#define ROWS_AT_ONCE 500

struct ask { /* one request; what is NULL or 0 is left out */
	const char *op, *id, *to;
	int64_t from;
	bool rejects, rows;
};

static int journal_ask(const struct ctl *ctl, const struct ask *a, struct answer *ret)
{
	size_t n = 1u + (a->id != NULL) + (a->to != NULL) + a->rejects + 2 * a->rows;
	msgpack_packer pk;
	struct buf args;
	int r;

	buf_init(&args, 4096);
	mp_writer(&pk, &args);
	(void)msgpack_pack_map(&pk, n);
	mp_key_str(&pk, "op", a->op);
	if (a->id != NULL)
		mp_key_str(&pk, "id", a->id);
	if (a->to != NULL)
		mp_key_str(&pk, "to", a->to);
	if (a->rejects)
		mp_key_bool(&pk, "rejects", true);
	if (a->rows) {
		mp_key_int(&pk, "from", a->from);
		mp_key_int(&pk, "n", ROWS_AT_ONCE);
	}
	r = ctl_request(ctl, "journal", &args, ret);
	buf_release(&args);
	return r;
}

static int answer_json(const struct ctl *ctl, struct answer *answer)
{
	struct tesla_error err;
	int r = json_print(stdout, &answer->doc.u.data, &err);

	return r == 0 ? CTL_GOOD : ctl_complain(ctl, &err);
}

/* ---- list ---- */

static const struct table_column exporter_columns[] = {
	{ "EXPORTER", false }, { "STATE", false },  { "BACKLOG", true },
	{ "OLDEST", true },    { "RATE", true },    { "DELIVERED", true },
	{ "REJECTED", true },  { "IN LIST", true }, { "LAST ERROR", false },
};
static const struct field exporter_fields[] = {
	{ "id", TEXT },	       { "state", TEXT },    { "backlog", COUNT },
	{ "oldest_ms", AGE },  { "rate", RATE },     { "delivered", COUNT },
	{ "rejected", COUNT }, { "rejects", COUNT }, { "reason", TEXT },
};
static const struct list exporters = { "exporters", exporter_columns, exporter_fields,
				       N_ELEMENTS(exporter_fields) };

void journal_summary(const msgpack_object *journal)
{
	_cleanup_free_ char *state = word(journal, "state"), *reason = word(journal, "reason");
	int64_t waiting = mp_int(journal, "waiting", 0), lost = mp_int(journal, "lost", 0);
	char bytes[32], max[32];

	bytes_format(mp_real(journal, "bytes", 0), bytes, sizeof bytes);
	(void)printf("journal %s: %lld records, %s", state,
		     (long long)mp_int(journal, "records", 0), bytes);
	if (mp_get(journal, "max_bytes") != NULL) {
		bytes_format(mp_real(journal, "max_bytes", 0), max, sizeof max);
		(void)printf(" of %s", max);
	}
	if (waiting > 0)
		(void)printf(", %lld not yet on disk", (long long)waiting);
	if (lost > 0)
		(void)printf(", %lld lost for want of room", (long long)lost);
	(void)printf("%s%s\n", strcmp(reason, "-") ? ": " : "", strcmp(reason, "-") ? reason : "");
}

static void dropped_print(const msgpack_object *answer)
{
	const msgpack_object *dropped = mp_get(answer, "dropped");

	for (uint32_t i = 0;
	     dropped != NULL && dropped->type == MSGPACK_OBJECT_MAP && i < dropped->via.map.size;
	     i++) {
		const msgpack_object_kv *kv = &dropped->via.map.ptr[i];
		_cleanup_free_ char *name = text_of(&kv->key), *n = text_of(&kv->val);

		if (name == NULL || n == NULL || strcmp(n, "0") == 0)
			continue;
		text_clean(name);
		(void)printf("dropped, %s: %s\n", name, n);
	}
}

static int list_show(const struct ctl *ctl, struct answer *answer)
{
	const msgpack_object *o = &answer->doc.u.data;
	_cleanup_free_ char *path = word(o, "path");

	if (ctl->json)
		return answer_json(ctl, answer);
	journal_summary(o);
	(void)printf("path %s\n", path);
	dropped_print(o);
	texts_print(o, "set_aside", "set aside, damaged: ");
	list_print(o, &exporters);
	return CTL_GOOD;
}

static int run_list(const struct ctl *ctl, const char *id)
{
	struct answer answer;
	int r;

	(void)id;
	r = journal_ask(ctl, &(struct ask){ .op = "list" }, &answer);
	if (r != CTL_GOOD)
		return r;
	r = list_show(ctl, &answer);
	answer_release(&answer);
	return r;
}

/* ---- rejects, export: many answers, one after the other ---- */

static int row_json(const struct ctl *ctl, const msgpack_object *row)
{
	struct tesla_error err;

	return json_print(stdout, row, &err) == 0 ? CTL_GOOD : ctl_complain(ctl, &err);
}

static void time_of(const msgpack_object *map, const char *key, char *text, size_t size)
{
	time_t s = (time_t)(mp_int(map, key, 0) / 1000);
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL || strftime(text, size, "%F %T%z", &tm) == 0)
		*text = '\0';
}

static int reject_show(const struct ctl *ctl, const msgpack_object *row)
{
	_cleanup_free_ char *exporter = word(row, "exporter"), *analyzer = word(row, "analyzer"),
			    *reason = word(row, "reason");
	char end[40], when[40];

	(void)ctl;
	time_of(row, "end_ms", end, sizeof end);
	time_of(row, "rejected_ms", when, sizeof when);
	(void)printf("%s  analyzer %s, window to %s, rejected %s: %s\n", exporter, analyzer, end,
		     when, reason);
	return CTL_GOOD;
}

/* Prints every row under `key`, however many there are. */
static int rows_run(const struct ctl *ctl, struct ask ask, const char *key,
		    int (*print)(const struct ctl *, const msgpack_object *))
{
	bool more = true;
	int r = CTL_GOOD;

	for (ask.rows = true; more && r == CTL_GOOD;) {
		struct answer answer;
		const msgpack_object *rows;
		int64_t next;
		size_t n;

		r = journal_ask(ctl, &ask, &answer);
		if (r != CTL_GOOD)
			return r;
		rows = mp_array(&answer.doc.u.data, key, &n);
		for (size_t i = 0; i < n && r == CTL_GOOD; i++)
			r = print(ctl, &rows[i]);
		more = mp_to_int(mp_get(&answer.doc.u.data, "next"), &next) && next > ask.from;
		ask.from = more ? next : ask.from;
		answer_release(&answer);
	}
	return r;
}

static int run_rejects(const struct ctl *ctl, const char *id)
{
	return rows_run(ctl, (struct ask){ .op = "rejects", .id = id }, "rejects",
			ctl->json ? row_json : reject_show);
}

static int run_export(const struct ctl *ctl, const char *id)
{
	return rows_run(ctl, (struct ask){ .op = "export", .id = id }, "records", row_json);
}

static int run_export_rejects(const struct ctl *ctl, const char *id)
{
	return rows_run(ctl, (struct ask){ .op = "export", .id = id, .rejects = true }, "records",
			row_json);
}

/* ---- drain, purge ---- */

static int change(const struct ctl *ctl, const struct ask *ask, const char *what)
{
	struct answer answer;
	int r = journal_ask(ctl, ask, &answer);

	if (r != CTL_GOOD)
		return r;
	if (ctl->json)
		r = answer_json(ctl, &answer);
	else
		(void)printf("%s: %lld records %s\n", ask->id,
			     (long long)mp_int(&answer.doc.u.data, "records", 0), what);
	answer_release(&answer);
	return r;
}

static int run_drain(const struct ctl *ctl, const char *id)
{
	const struct ask ask = { .op = "drain", .id = id, .to = ctl->to };

	return change(ctl, &ask, ctl->to ? "handed on" : "are tried now");
}

static bool confirmed(const struct ctl *ctl, const char *id)
{
	char line[16];

	if (ctl->yes)
		return true;
	(void)fprintf(stderr,
		      "What waits for %s is lost for it, for good.  Type yes to go on: ", id);
	if (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "yes\n") == 0)
		return true;
	if (feof(stdin))
		(void)fputs("\n", stderr);
	(void)ctl_say(ctl, CTL_NO, "nothing was purged");
	return false;
}

static int run_purge(const struct ctl *ctl, const char *id)
{
	const struct ask ask = { .op = "purge", .id = id };

	return confirmed(ctl, id) ? change(ctl, &ask, "forgotten") : CTL_NO;
}

static int run_purge_rejects(const struct ctl *ctl, const char *id)
{
	const struct ask ask = { .op = "purge", .id = id, .rejects = true };

	return confirmed(ctl, id) ? change(ctl, &ask, "forgotten, and the reject list") : CTL_NO;
}

/* ---- all of them ---- */

static const struct verb {
	const char *name, *what; /* what: a second word, or NULL */
	bool needs_id;
	int (*run)(const struct ctl *, const char *id);
} verbs[] = {
	{ "export", "rejects", false, run_export_rejects },
	{ "purge", "rejects", true, run_purge_rejects },
	{ "list", NULL, false, run_list },
	{ "rejects", NULL, false, run_rejects },
	{ "export", NULL, false, run_export },
	{ "drain", NULL, true, run_drain },
	{ "purge", NULL, true, run_purge },
};

/* Is what came with the words for this one? */
static const char *misfit(const struct ctl *ctl, const struct verb *v, size_t used)
{
	if (ctl->n_words > used + (v->run != run_list))
		return "too many words";
	if (v->needs_id && ctl->n_words <= used)
		return "which exporter? `teslactl journal` lists them";
	if (ctl->to != NULL && v->run != run_drain)
		return "--to is for drain";
	if (ctl->yes && v->run != run_purge && v->run != run_purge_rejects)
		return "--yes is for purge";
	return NULL;
}

static int usage(const struct ctl *ctl, const char *why)
{
	_cleanup_free_ char *text = NULL;

	if (asprintf(&text, "journal: %s\nexpected: journal " JOURNAL_ARGS, why) < 0)
		return CTL_USAGE;
	return ctl_say(ctl, CTL_USAGE, text);
}

int journal_run(const struct ctl *ctl)
{
	const char *name = ctl->n_words > 0 ? ctl->words[0] : "list", *wrong;

	for (size_t i = 0; i < N_ELEMENTS(verbs); i++) {
		const struct verb *v = &verbs[i];
		size_t used = v->what != NULL ? 2 : 1;

		if (strcmp(v->name, name) != 0 ||
		    (v->what != NULL && (ctl->n_words < 2 || strcmp(v->what, ctl->words[1]) != 0)))
			continue;
		wrong = misfit(ctl, v, used);
		if (wrong != NULL)
			return usage(ctl, wrong);
		return v->run(ctl, ctl->n_words > used ? ctl->words[used] : NULL);
	}
	return usage(ctl, "there is no such word");
}
