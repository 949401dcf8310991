/* SPDX-License-Identifier: Apache-2.0 */
/* What a scan found: a table, JSON, and the configuration. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "teslactl/number.h"
#include "teslactl/scan.h"
#include "teslactl/table.h"

#define ANSWER_S 0.04 /* a guess of what a meter takes besides its characters */
#define FRAMES 13     /* characters around the registers */
#define REPLY 60      /* characters of a command and its reply */

/* ---- how often they can be read ---- */

static double variable_s(const struct scan *s, const struct tesla_variable *v)
{
	double baud = s->line.baud > 0 ? (double)s->line.baud : 9600, c = 11 / baud;
	size_t registers = 0;

	for (size_t i = 0; i < v->n_elements; i++)
		registers += v->elements[i]->count;
	return ANSWER_S +
	       c * (v->elements[0]->command != NULL ? REPLY : FRAMES + 2.0 * (double)registers);
}

/* A round time in which all can be read, one after the other. */
static size_t interval_s(const struct scan *s)
{
	static const size_t rounds[] = { 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600 };
	double all = 0;
	size_t i = 0;

	for (size_t k = 0; k < s->n_found; k++) {
		const struct found *f = &s->found[k];
		const struct tesla_model *m = f->n_models > 0 ? &f->models[0].model->pub : NULL;

		for (size_t v = 0; m != NULL && v < m->n_variables; v++)
			all += variable_s(s, m->variables[v]);
	}
	while (i + 1 < N_ELEMENTS(rounds) && (double)rounds[i] < all)
		i++;
	return rounds[i];
}

/* ---- words ---- */

static const char *said_of(const struct found *f)
{
	return f->said17[0] != '\0' ? f->said17 : f->said43;
}

static void why_of(const struct found_model *m, char *text, size_t size)
{
	FILE *out = fmemopen(text, size, "w");

	if (out == NULL) {
		*text = '\0';
		return;
	}
	(void)fprintf(out, "%s%s", m->by ? "by its " : "a guess", m->by ? m->by : "");
	if (m->tried > 0)
		(void)fprintf(out, "; %u of %u volts and hertz make sense", m->good, m->tried);
	if (m->readable > 0)
		(void)fprintf(out, "; %u of %zu variables can be read", m->readable,
			      m->model->pub.n_variables);
	(void)fclose(out);
	text[size - 1] = '\0';
}

static const char *kind_of(const struct found *f)
{
	return f->analyzer != 0 ? "in use" : f->commands ? "commands" : "Modbus";
}

/* ---- the configuration ---- */

static struct config_out *config_of(const struct scan *s)
{
	struct config_out *o = config_out_new("scan", s->ctl->words[0]);
	char why[FOUND_TEXT], comment[3 * FOUND_TEXT];
	size_t id = s->line.last_id, interval = interval_s(s);

	if (o == NULL)
		return NULL;
	config_out_device(o, &s->line.device);
	for (size_t i = 0; i < s->n_found; i++) {
		const struct found *f = &s->found[i];

		if (f->n_models == 0)
			continue;
		id++;
		why_of(&f->models[0], why, sizeof why);
		(void)snprintf(comment, sizeof comment, "%s%s%s%s", said_of(f),
			       *said_of(f) ? ": " : "",
			       f->models[0].by ? "" : "check the model: ", why);
		config_out_meter(
			o, &(struct config_meter){ .id = id,
						   .device = s->line.device.id,
						   .address = f->address,
						   .driver = f->commands ? "cvmk" : "modBusComm",
						   .data = f->commands ? "cvmData" : "mapData",
						   .model = &f->models[0].model->pub,
						   .interval_s = interval,
						   .comment = comment });
	}
	return o;
}

static size_t n_known(const struct scan *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_found; i++)
		n += s->found[i].n_models > 0;
	return n;
}

/* ---- for people ---- */

static void row_add(struct table *t, const struct found *f, size_t i)
{
	char why[FOUND_TEXT], chain[FOUND_CHAIN * 7] = "";
	int n = 0;

	for (size_t k = 0; k < f->n_chain; k++)
		n += snprintf(chain + n, sizeof chain - (size_t)n, "%s%u", k ? " " : "",
			      f->chain[k]);
	table_addf(t, i == 0 ? "%u" : "", f->address);
	table_add(t, i == 0 ? kind_of(f) : "");
	table_add(t, i > 0 ? "" : said_of(f));
	table_add(t, i > 0 ? "" : chain);
	if (f->analyzer != 0) {
		table_add(t, f->known);
		table_addf(t, "analyzer %lld", (long long)f->analyzer);
	} else if (f->n_models == 0) {
		table_add(t, NULL);
		table_add(t, f->garbled ? "answers, but is not to be understood: other settings, "
					  "or two of this address?"
					: "no model fits");
	} else {
		why_of(&f->models[i], why, sizeof why);
		table_add(t, f->models[i].model->pub.name);
		table_add(t, why);
	}
}

static void table_show(const struct scan *s, FILE *out)
{
	static const struct table_column columns[] = {
		{ "ADDRESS", true },  { "ANSWERS TO", false }, { "SAYS", false },
		{ "SUNSPEC", false }, { "MODEL", false },      { "BECAUSE", false },
	};
	struct table t;

	table_init(&t, columns, N_ELEMENTS(columns));
	for (size_t i = 0; i < s->n_found; i++)
		for (size_t k = 0; k == 0 || (k < s->found[i].n_models && k < SCAN_SHOWN); k++)
			row_add(&t, &s->found[i], k);
	table_print(&t, out);
	table_release(&t);
}

/* Into a file goes nothing but the configuration. */
static int people_show(const struct scan *s)
{
	bool screen = isatty(STDOUT_FILENO);
	struct config_out *o;
	int r;

	table_show(s, screen ? stdout : stderr);
	if (n_known(s) == 0)
		return CTL_GOOD;
	if (screen)
		(void)printf("\n");
	o = config_of(s);
	r = o != NULL ? config_out_print(o, stdout) : -ENOMEM;
	config_out_free(o);
	return r == 0 ? CTL_GOOD : ctl_say(s->ctl, CTL_NO, "the configuration cannot be written");
}

/* ---- for programs ---- */

static void model_pack(msgpack_packer *pk, const struct found_model *m)
{
	(void)msgpack_pack_map(pk, 7);
	mp_key_str(pk, "model", m->model->pub.name);
	mp_key_str(pk, "by", m->by);
	mp_key_int(pk, "good", m->good);
	mp_key_int(pk, "tried", m->tried);
	mp_key_int(pk, "readable", m->readable);
	mp_key_int(pk, "variables", (int64_t)m->model->pub.n_variables);
	mp_str(pk, "score");
	(void)msgpack_pack_double(pk, m->score);
}

static void found_pack(msgpack_packer *pk, const struct found *f)
{
	(void)msgpack_pack_map(pk, 8);
	mp_key_int(pk, "address", f->address);
	mp_key_str(pk, "answers_to", kind_of(f));
	mp_key_bool(pk, "garbled", f->garbled);
	mp_key_int(pk, "analyzer", f->analyzer);
	mp_key_str(pk, "function_17", *f->said17 ? f->said17 : NULL);
	mp_key_str(pk, "function_43", *f->said43 ? f->said43 : NULL);
	mp_str(pk, "sunspec");
	(void)msgpack_pack_array(pk, f->n_chain);
	for (size_t i = 0; i < f->n_chain; i++)
		(void)msgpack_pack_uint16(pk, f->chain[i]);
	mp_str(pk, "models");
	(void)msgpack_pack_array(pk, f->n_models);
	for (size_t i = 0; i < f->n_models; i++)
		model_pack(pk, &f->models[i]);
}

static char *config_text(const struct scan *s)
{
	struct config_out *o = config_of(s);
	char *text = NULL;
	size_t size;
	FILE *out = o != NULL ? open_memstream(&text, &size) : NULL;

	if (out != NULL) {
		(void)config_out_print(o, out);
		(void)fclose(out);
	}
	config_out_free(o);
	return text;
}

static const char *parity_of(const struct scan *s)
{
	for (size_t i = 0; i < s->line.device.n_params; i++)
		if (strcmp(s->line.params[i].name, "parity") == 0)
			return s->line.params[i].value;
	return NULL;
}

static int json_show(const struct scan *s, const char *unfinished)
{
	_cleanup_(buf_release) struct buf bytes;
	_cleanup_free_ char *config = n_known(s) > 0 ? config_text(s) : NULL;
	struct tesla_error err = { 0 };
	msgpack_packer pk;

	buf_init(&bytes, 1u << 20);
	mp_writer(&pk, &bytes);
	(void)msgpack_pack_map(&pk, 7);
	mp_key_bool(&pk, "ok", unfinished == NULL);
	mp_key_str(&pk, "error", unfinished);
	mp_key_str(&pk, "device", s->ctl->words[0]);
	mp_key_int(&pk, "baud", s->line.baud);
	mp_key_str(&pk, "parity", parity_of(s));
	mp_str(&pk, "meters");
	(void)msgpack_pack_array(&pk, s->n_found);
	for (size_t i = 0; i < s->n_found; i++)
		found_pack(&pk, &s->found[i]);
	mp_key_str(&pk, "config", config);
	return json_print_packed(stdout, &bytes, &err) == 0 ? CTL_GOOD : ctl_complain(s->ctl, &err);
}

int scan_show(const struct scan *s, const char *unfinished)
{
	if (s->n_found == 0 && unfinished == NULL)
		return ctl_say(s->ctl, CTL_NOTHING, "nobody answers");
	return s->ctl->json ? json_show(s, unfinished) : people_show(s);
}
