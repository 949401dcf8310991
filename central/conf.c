/* SPDX-License-Identifier: Apache-2.0 */
/* central.ini: tables of its settings. */
#include "central/conf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/param.h"
#include "base/settings.h"

#define DEFAULT_LISTEN "127.0.0.1:8480"

static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };
static const int log_level_values[] = { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
					LOG_LEVEL_DEBUG };

static const struct tesla_param server[] = {
	TESLA_P_STR("listen", struct conf, listen, .dflt = DEFAULT_LISTEN),
	TESLA_P_STR("cert", struct conf, cert, .dflt = ""),
	TESLA_P_STR("key", struct conf, key, .dflt = ""),
	TESLA_P_BOOL("plain", struct conf, plain, .dflt = "false"),
	TESLA_P_STR("models", struct conf, models, .dflt = ""),
	TESLA_P_CHOICE("log_level", struct conf, log_level, .dflt = "info", .choices = log_levels),
	TESLA_P_END
};

static const struct tesla_param control[] = {
	TESLA_P_STR("key", struct conf, control_key, .dflt = ""), TESLA_P_END
};

static const struct tesla_param store[] = {
	TESLA_P_STR("backups", struct conf, backups, .dflt = ""), TESLA_P_END
};

static const struct tesla_param limits[] = {
	TESLA_P_INT("connections", struct conf, connections, .dflt = "1000", .min = 8,
		    .max = 100000),
	TESLA_P_INT("connections_per_address", struct conf, connections_per_address, .dflt = "200",
		    .min = 4, .max = 100000),
	TESLA_P_INT("requests_per_second", struct conf, requests_per_second, .dflt = "100000",
		    .min = 1, .max = 10000000),
	TESLA_P_INT("body", struct conf, body_mib, .dflt = "4", .min = 1, .max = 1024,
		    .unit = "MiB"),
	TESLA_P_INT("bodies", struct conf, bodies_mib, .dflt = "16", .min = 1, .max = 65536,
		    .unit = "MiB"),
	TESLA_P_MS("request_time", struct conf, request_time_ms, .dflt = "30", .min = 1000,
		   .max = 3600000, .unit = "s"),
	TESLA_P_INT("appends_waiting", struct conf, group_jobs, .dflt = "1000", .min = 8,
		    .max = 100000),
	TESLA_P_INT("reads_waiting", struct conf, read_jobs, .dflt = "200", .min = 8,
		    .max = 100000),
	TESLA_P_INT("streams", struct conf, streams, .dflt = "300", .min = 0, .max = 100000),
	TESLA_P_INT("streams_per_user", struct conf, streams_per_user, .dflt = "50", .min = 0,
		    .max = 100000),
	TESLA_P_INT("nodes_followed", struct conf, nodes_followed, .dflt = "500", .min = 0,
		    .max = 10000),
	TESLA_P_END
};

static const struct section {
	const char *name;
	const struct tesla_param *params;
} sections[] = {
	{ "Server", server }, { "Control", control }, { "Store", store }, { "Limits", limits }
};

/* ---- [Retention], [Retention MODEL] ---- */

#define RETENTION "Retention"
#define SECTION_MAX 48u /* inih cuts longer names */
#define DAY_MS 86400000.0
#define NOT_SAID INT64_MIN

static const struct period {
	const char *name;
	size_t at;
	bool may_be_none;
} periods[] = {
	{ "raw", offsetof(struct store_policy, raw_ms), false },
	{ "minutes", offsetof(struct store_policy, level_ms[STORE_MINUTE]), true },
	{ "quarters", offsetof(struct store_policy, level_ms[STORE_QUARTER]), true },
	{ "hours", offsetof(struct store_policy, level_ms[STORE_HOUR]), true },
	{ "days", offsetof(struct store_policy, level_ms[STORE_DAY]), true },
};

static int64_t *period_of(struct store_policy *p, const struct period *row)
{
	return (int64_t *)(void *)((char *)p + row->at);
}

static void policy_fill(struct store_policy *p, int64_t ms)
{
	*p = (struct store_policy){ 0 };
	for (size_t i = 0; i < N_ELEMENTS(periods); i++)
		*period_of(p, &periods[i]) = ms;
}

static bool period_parse(const struct period *row, const char *text, int64_t *ret)
{
	if (strcasecmp(text, "forever") == 0) {
		*ret = STORE_FOR_EVER;
		return true;
	}
	if (row->may_be_none && strcasecmp(text, "none") == 0) {
		*ret = 0;
		return true;
	}
	return duration_parse_ms(text, DAY_MS, ret) == 0 && *ret > 0;
}

struct reading {
	struct conf *conf;
	const char *file;
	struct diags *d;
	int listen_line, cert_line;
};

/* Row i of all tables, one behind the other. */
static const struct tesla_param *row(size_t i, const char **section)
{
	for (size_t s = 0; s < N_ELEMENTS(sections); s++)
		for (const struct tesla_param *p = sections[s].params; p->type != TESLA_T_END; p++)
			if (i-- == 0) {
				*section = sections[s].name;
				return p;
			}
	return NULL;
}

static bool on_key(size_t i, const char **section, const char **name)
{
	const struct tesla_param *p = row(i, section);

	if (p != NULL)
		*name = p->name;
	return p != NULL;
}

static void on_value(void *arg, size_t i, int line, const char *name, const char *value)
{
	struct reading *r = arg;
	const char *section = "", *kept = arena_strdup(&r->conf->memory, value);
	const struct tesla_param *p = row(i, &section);
	struct tesla_error err;

	(void)name;
	if (kept != NULL && param_set(p, kept, r->conf, &err) != 0)
		diags_error(r->d, r->file, line, 0, "[%s] %s", section, err.text);
	if (strcmp(p->name, "models") == 0)
		r->conf->models_at = arena_printf(&r->conf->memory, "%s:%d", r->file, line);
	if (strcmp(p->name, "listen") == 0)
		r->listen_line = line;
	if (p == &server[1] || p == &server[2])
		r->cert_line = line;
}

static struct store_policy *policy_of_section(struct conf *c, const char *model)
{
	struct conf_retention *m = c->models_retention;

	if (*model == '\0')
		return &c->retention;
	while (m != NULL && strcmp(m->model, model) != 0)
		m = m->next;
	if (m != NULL)
		return &m->policy;
	m = arena_alloc(&c->memory, 1, sizeof *m);
	if (m == NULL)
		return NULL;
	*m = (struct conf_retention){ c->models_retention, arena_strdup(&c->memory, model), { 0 } };
	if (m->model == NULL)
		return NULL;
	policy_fill(&m->policy, NOT_SAID);
	c->models_retention = m;
	return &m->policy;
}

static bool on_other(void *arg, int line, const char *section, const char *name, const char *value)
{
	struct reading *r = arg;
	size_t len = strlen(RETENTION), i = 0;
	struct store_policy *p;

	if (strncasecmp(section, RETENTION, len) != 0 || (section[len] != ' ' && section[len] != 0))
		return false;
	if (strlen(section) > SECTION_MAX) {
		diags_error(r->d, r->file, line, 0, "[%s: expected at most %u bytes", section,
			    SECTION_MAX);
		return true;
	}
	while (i < N_ELEMENTS(periods) && strcasecmp(name, periods[i].name) != 0)
		i++;
	p = policy_of_section(r->conf, section + len + strspn(section + len, " "));
	if (i == N_ELEMENTS(periods))
		diags_warning(r->d, r->file, line, 0,
			      "%.60s is not known in [%s] and ignored: expected one of raw, "
			      "minutes, quarters, hours, days",
			      name, section);
	else if (p != NULL && !period_parse(&periods[i], value, period_of(p, &periods[i])))
		diags_error(r->d, r->file, line, 0,
			    "[%s] %s is \"%.80s\": expected a time such as 90 d%s, or forever",
			    section, periods[i].name, value,
			    periods[i].may_be_none ? ", none" : "");
	return true;
}

static void retention_end(struct conf *c)
{
	for (struct conf_retention *m = c->models_retention; m != NULL; m = m->next)
		for (size_t i = 0; i < N_ELEMENTS(periods); i++) {
			int64_t *ms = period_of(&m->policy, &periods[i]);

			if (*ms == NOT_SAID)
				*ms = *period_of(&c->retention, &periods[i]);
		}
}

const struct store_policy *conf_retention(const struct conf *c, const char *model)
{
	for (const struct conf_retention *m = c->models_retention; m != NULL; m = m->next)
		if (strcmp(m->model, model) == 0)
			return &m->policy;
	return &c->retention;
}

/* What only all of them together can say. */
static void check(struct reading *r)
{
	struct conf *c = r->conf;
	bool tls = c->cert[0] != '\0';

	c->log_level = log_level_values[c->log_level];
	if (tls != (c->key[0] != '\0'))
		diags_error(r->d, r->file, r->cert_line, 0,
			    "[Server] has %s and no %s: expected both or none",
			    tls ? "cert" : "key", tls ? "key" : "cert");
	if (address_parse(c->listen, &c->where) != 0)
		diags_error(r->d, r->file, r->listen_line, 0,
			    "[Server] listen is \"%.80s\": expected an address and a port, such as "
			    "127.0.0.1:8480, [::1]:8480 or 0.0.0.0:8480",
			    c->listen);
	else if (!c->where.loopback && !tls && !c->plain)
		diags_error(r->d, r->file, r->listen_line, 0,
			    "[Server] listen is \"%.80s\", which other machines get to: expected "
			    "cert and key, for TLS, or plain = true, where something in front of "
			    "it does that",
			    c->listen);
	if (c->bodies_mib < c->body_mib)
		diags_error(r->d, r->file, 0, 0,
			    "[Limits] bodies is less than body: one would never get in");
}

struct conf *conf_load(const char *file, bool must_exist, struct diags *diags)
{
	struct reading r = { .conf = calloc(1, sizeof *r.conf), .file = file, .d = diags };
	const struct settings settings = {
		.file = file,
		.must_exist = must_exist,
		.key = on_key,
		.set = on_value,
		.other_section = RETENTION,
		.other = on_other,
		.arg = &r,
	};
	size_t before = diags->n_errors;
	struct tesla_error err;
	bool failed = r.conf == NULL;

	for (size_t s = 0; s < N_ELEMENTS(sections) && !failed; s++)
		failed = param_defaults(sections[s].params, r.conf, &err) != 0;
	if (!failed) {
		policy_fill(&r.conf->retention, STORE_FOR_EVER);
		r.conf->models_at = "";
	}
	if (!failed)
		failed = settings_read(&settings, diags) != 0 || r.conf->memory.failed;
	if (failed)
		diags_error(diags, file, 0, 0, "cannot be read: no memory is left");
	else
		check(&r);
	if (!failed)
		retention_end(r.conf);
	if (diags->n_errors == before)
		return r.conf;
	conf_free(r.conf);
	return NULL;
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	arena_release(&c->memory);
	free(c);
}
