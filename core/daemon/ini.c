/* SPDX-License-Identifier: Apache-2.0 */
/* lector.ini: inih reads lines, a table says what they mean. */
#include "daemon/ini.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/param.h"
#include "base/paths.h"

#define INI_FILE_MAX (1u << 20)
#define DEFAULT_STREAM "tcp://127.0.0.1:5556"
#define SIZE_MIN_BYTES (INT64_C(1) << 20)
#define SIZE_MAX_BYTES (INT64_C(64) << 30)
#define AGE_MIN_MS 60000

struct reading {
	struct ini *ini;
	const char *file, *rest; /* what is not read yet */
	int line;
	struct diags *d;
	bool failed; /* no memory */
};

/* ---- values ---- */

static bool take(struct reading *r, char **member, char *value)
{
	free(*member);
	*member = value;
	r->failed |= value == NULL;
	return true;
}

static bool complain(struct reading *r, const char *key, const char *value, const char *expected)
{
	diags_error(r->d, r->file, r->line, 0, "%s is \"%.80s\": expected %s", key, value,
		    expected);
	return false;
}

static bool set_level(struct reading *r, const char *key, const char *value)
{
	return log_level_parse(value, &r->ini->log_level) == 0 ||
	       complain(r, key, value, "debug, info, warning or error");
}

static bool set_bool(struct reading *r, const char *key, const char *value, bool *member)
{
	const struct tesla_param row = { .name = key, .type = TESLA_T_BOOL };
	struct tesla_error err;

	return param_set(&row, value, member, &err) == 0 || complain(r, key, value, "yes or no");
}

static bool set_start(struct reading *r, const char *key, const char *value)
{
	return set_bool(r, key, value, &r->ini->auto_start);
}

static bool set_log_dir(struct reading *r, const char *key, const char *value)
{
	(void)key;
	return *value == '\0' || take(r, &r->ini->log_dir, path_beside(r->file, value));
}

static bool set_run_dir(struct reading *r, const char *key, const char *value)
{
	if (*value == '\0')
		return complain(r, key, value, "a folder");
	return take(r, &r->ini->run_dir, path_beside(r->file, value));
}

static bool set_state_dir(struct reading *r, const char *key, const char *value)
{
	if (*value == '\0')
		return complain(r, key, value, "a folder");
	return take(r, &r->ini->state_dir, path_beside(r->file, value));
}

static bool path_append(struct ini *ini, char *folder)
{
	char **list;
	size_t n = 0;

	while (ini->plugin_path != NULL && ini->plugin_path[n] != NULL)
		n++;
	list = folder ? realloc(ini->plugin_path, (n + 2) * sizeof *list) : NULL;
	if (list == NULL) {
		free(folder);
		return false;
	}
	list[n] = folder;
	list[n + 1] = NULL;
	ini->plugin_path = list;
	return true;
}

/* The key may come again: a list of folders outgrows the line of inih. */
static bool set_plugin_path(struct reading *r, const char *key, const char *value)
{
	(void)key;
	for (size_t len; *value != '\0'; value += len + (value[len] == ':')) {
		len = strcspn(value, ":");
		_cleanup_free_ char *folder = strndup(value, len);

		if (len > 0 &&
		    (folder == NULL || !path_append(r->ini, path_beside(r->file, folder))))
			r->failed = true;
	}
	return true;
}

/* The stream is not encrypted, so that only this machine may reach it. */
static bool endpoint_is_local(const char *value)
{
	static const char *const ours[] = { "ipc:///", "tcp://127.",
					    "tcp://localhost:", "tcp://[::1]:" };

	for (size_t i = 0; i < N_ELEMENTS(ours); i++)
		if (strncmp(value, ours[i], strlen(ours[i])) == 0 && value[strlen(ours[i])] != '\0')
			return true;
	return false;
}

static bool set_stream(struct reading *r, const char *key, const char *value)
{
	if (*value != '\0' && !endpoint_is_local(value))
		return complain(r, key, value,
				"ipc:///a/path, or tcp:// with 127.x.y.z, localhost or [::1] and "
				"a port: without encryption only this machine may connect; empty: "
				"no stream");
	return take(r, &r->ini->stream, strdup(value));
}

static bool set_control(struct reading *r, const char *key, const char *value)
{
	if (strncmp(value, "ipc:///", strlen("ipc:///")) != 0 || value[strlen("ipc:///")] == '\0')
		return complain(r, key, value, "ipc:///a/path: nothing else tells who asks");
	return take(r, &r->ini->control, strdup(value));
}

/* ---- [Journal] ---- */

static bool set_max_size(struct reading *r, const char *key, const char *value)
{
	static const char suffixes[] = "KMG";
	const struct tesla_param row = { .name = key, .type = TESLA_T_INT, .max = 1e15 };
	_cleanup_free_ char *digits = strdup(value);
	size_t len = strlen(value);
	const char *suffix =
		len > 0 ? strchr(suffixes, toupper((unsigned char)value[len - 1])) : NULL;
	int64_t n, unit = suffix ? INT64_C(1024) << 10 * (suffix - suffixes) : 1;
	struct tesla_error err;

	if (digits == NULL) {
		r->failed = true;
		return false;
	}
	if (suffix != NULL)
		digits[len - 1] = '\0';
	if (param_set(&row, digits, &n, &err) != 0 || n > SIZE_MAX_BYTES / unit ||
	    n * unit < SIZE_MIN_BYTES)
		return complain(r, key, value, "bytes, also with K, M or G: 1M to 64G");
	r->ini->journal.limits.bytes = (uint64_t)(n * unit);
	return true;
}

static bool set_max_age(struct reading *r, const char *key, const char *value)
{
	int64_t ms;

	if (duration_parse_ms(value, 1000, &ms) != 0 || (ms > 0 && ms < AGE_MIN_MS))
		return complain(r, key, value, "1 min or more, such as 90 d; or 0: no limit");
	r->ini->journal.limits.age_ms = ms;
	return true;
}

static bool set_policy(struct reading *r, const char *key, const char *value)
{
	static const char *const names[] = { /* enum journal_policy */
					     "drop-oldest", "drop-newest", NULL
	};
	const struct tesla_param row = { .name = key, .type = TESLA_T_CHOICE, .choices = names };
	struct tesla_error err;
	int policy;

	if (param_set(&row, value, &policy, &err) != 0)
		return complain(r, key, value, "drop-oldest or drop-newest");
	r->ini->journal.limits.policy = (enum journal_policy)policy;
	return true;
}

static bool set_rejects(struct reading *r, const char *key, const char *value)
{
	const struct tesla_param row = {
		.name = key, .type = TESLA_T_INT, .min = 10, .max = 100000
	};
	struct tesla_error err;
	int64_t n;

	if (param_set(&row, value, &n, &err) != 0)
		return complain(r, key, value, "10 to 100000");
	r->ini->journal.limits.rejects = (uint32_t)n;
	return true;
}

static bool set_sync_interval(struct reading *r, const char *key, const char *value)
{
	const struct tesla_param row = {
		.name = key, .type = TESLA_T_MS, .min = 100, .max = 60000
	};
	struct tesla_error err;

	return param_set(&row, value, &r->ini->journal.sync_interval_ms, &err) == 0 ||
	       complain(r, key, value, "100 ms to 60 s");
}

/* ---- [Metrics] ---- */

static bool set_listen(struct reading *r, const char *key, const char *value)
{
	struct address a;

	r->ini->metrics.line = r->line;
	if (*value != '\0' && address_parse(value, &a) == -EINVAL)
		return complain(r, key, value,
				"an address and a port, such as 127.0.0.1:9466, localhost:9466 or "
				"[::1]:9466; empty: nowhere");
	return take(r, &r->ini->metrics.listen, strdup(value));
}

static bool set_remote(struct reading *r, const char *key, const char *value)
{
	return set_bool(r, key, value, &r->ini->metrics.remote);
}

/* `remote` may stand behind `listen`. */
static void metrics_check(struct reading *r)
{
	const struct ini_metrics *m = &r->ini->metrics;
	struct address a;

	if (m->listen == NULL || *m->listen == '\0' || m->remote)
		return;
	if (address_parse(m->listen, &a) == 0 && !a.loopback)
		diags_error(r->d, r->file, m->line, 0,
			    "listen is \"%.80s\": metrics are told to whoever asks, so expected an "
			    "address of this machine alone (127.x.y.z, localhost or [::1]), or "
			    "remote = yes",
			    m->listen);
}

/* ---- all of them; those of a section stand together ---- */

static const struct key {
	const char *section, *name;
	bool (*set)(struct reading *r, const char *key, const char *value);
} keys[] = {
	{ "General", "log_level", set_level },
	{ "General", "auto_start", set_start },
	{ "General", "log_dir", set_log_dir },
	{ "General", "run_dir", set_run_dir },
	{ "General", "state_dir", set_state_dir },
	{ "General", "plugin_path", set_plugin_path },
	{ "Stream", "endpoint", set_stream },
	{ "Control", "endpoint", set_control },
	{ "Journal", "max_size", set_max_size },
	{ "Journal", "max_age", set_max_age },
	{ "Journal", "policy", set_policy },
	{ "Journal", "rejects", set_rejects },
	{ "Journal", "sync_interval", set_sync_interval },
	{ "Metrics", "listen", set_listen },
	{ "Metrics", "remote", set_remote },
};

/* ---- lines ---- */

static void unknown(struct reading *r, const char *section, const char *name)
{
	struct nearest sections, names;
	char text[200];
	bool known = false;

	nearest_init(&names, name);
	nearest_init(&sections, section);
	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		if (i == 0 || strcmp(keys[i].section, keys[i - 1].section) != 0)
			nearest_add(&sections, keys[i].section);
		if (strcasecmp(keys[i].section, section) != 0)
			continue;
		known = true;
		nearest_add(&names, keys[i].name);
	}
	nearest_text(known ? &names : &sections, text, sizeof text);
	if (known)
		diags_warning(r->d, r->file, r->line, 0,
			      "%.60s is not known in [%s] and ignored: expected one of %s", name,
			      section, text);
	else
		diags_warning(r->d, r->file, r->line, 0,
			      "%.60s is in the section [%.60s], which is not known, and ignored: "
			      "expected one of %s",
			      name, section, text);
}

/* Blanks are gone already; "..." and '...' as people write them elsewhere. */
static char *unquoted(const char *value)
{
	size_t len = strlen(value);
	bool quoted = len >= 2 && (*value == '"' || *value == '\'') && value[len - 1] == *value;

	return strndup(value + quoted, len - 2 * quoted);
}

static int on_value(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *r = arg;
	_cleanup_free_ char *plain = unquoted(value);

	if (plain == NULL) {
		r->failed = true;
		return 1;
	}
	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		if (strcasecmp(section, keys[i].section) == 0 &&
		    strcasecmp(name, keys[i].name) == 0) {
			(void)keys[i].set(r, name, plain);
			return 1; /* a bad value is reported; 0 would mean a bad line */
		}
	}
	unknown(r, section, name);
	return 1;
}

/*
 * Hands inih a line without its indentation, which inih would take for the line before going on,
 * and counts it: Debian's inih tells its handler no line.
 */
static char *next_line(char *str, int num, void *arg)
{
	struct reading *r = arg;
	size_t len, skip;

	if (*r->rest == '\0')
		return NULL;
	r->line++;
	skip = strspn(r->rest, " \t");
	len = strcspn(r->rest + skip, "\n");
	if (len > (size_t)num - 2)
		diags_error(r->d, r->file, r->line, 0,
			    "the line has %zu bytes: expected at most %d", len, num - 2);
	(void)snprintf(str, (size_t)num, "%.*s\n", len > (size_t)num - 2 ? num - 2 : (int)len,
		       r->rest + skip);
	r->rest += skip + len;
	r->rest += *r->rest == '\n';
	return str;
}

static const struct ini plain_defaults = {
	/* that need no memory */
	.log_level = LOG_LEVEL_INFO,
	.auto_start = true,
	.journal = { .limits = { .bytes = UINT64_C(512) << 20, .rejects = 1000 },
		     .sync_interval_ms = 5000 },
};

static void defaults(struct reading *r)
{
	struct ini *ini = r->ini;

	if (ini->run_dir == NULL)
		(void)take(r, &ini->run_dir, path_run_dir());
	if (ini->state_dir == NULL)
		(void)take(r, &ini->state_dir, path_state_dir());
	if (ini->stream == NULL)
		(void)take(r, &ini->stream, strdup(DEFAULT_STREAM));
	if (ini->metrics.listen == NULL)
		(void)take(r, &ini->metrics.listen, strdup(""));
	if (ini->plugin_path == NULL)
		ini->plugin_path = calloc(1, sizeof *ini->plugin_path);
	if (ini->control == NULL &&
	    (ini->run_dir == NULL || asprintf(&ini->control, "ipc://%s/control", ini->run_dir) < 0))
		ini->control = NULL;
	r->failed |= ini->plugin_path == NULL || ini->control == NULL;
}

static void ini_read(struct reading *r, const char *text, size_t len)
{
	int line;

	if (strlen(text) != len) {
		diags_error(r->d, r->file, 0, 0, "is no text: it has a byte 0");
		return;
	}
	r->rest = text;
	line = ini_parse_stream(next_line, r, on_value, r);
	if (line > 0)
		diags_error(r->d, r->file, line, 0,
			    "this is no setting: expected [section], key = value, or a comment "
			    "after # or ;");
	else if (line < 0)
		r->failed = true;
}

struct ini *ini_load(const char *file, bool must_exist, struct diags *diags)
{
	_cleanup_free_ char *text = NULL;
	struct reading r = { .ini = calloc(1, sizeof *r.ini), .file = file, .d = diags };
	size_t len, before = diags->n_errors;
	struct tesla_error err;
	int rc = file_read(file, INI_FILE_MAX, &text, &len, &err);

	if (r.ini == NULL)
		r.failed = true;
	else
		*r.ini = plain_defaults;
	if (rc != 0 && (must_exist || rc != -ENOENT))
		diags_error(diags, file, 0, 0, "%s", err.text);
	if (rc == 0 && !r.failed)
		ini_read(&r, text, len);
	if (!r.failed)
		defaults(&r);
	if (!r.failed)
		metrics_check(&r);
	if (r.failed)
		diags_error(diags, file, 0, 0, "cannot be read: no memory is left");
	if (diags->n_errors > before) {
		ini_free(r.ini);
		return NULL;
	}
	return r.ini;
}

void ini_free(struct ini *ini)
{
	if (ini == NULL)
		return;
	for (char **folder = ini->plugin_path; folder != NULL && *folder != NULL; folder++)
		free(*folder);
	free(ini->plugin_path);
	free(ini->log_dir);
	free(ini->run_dir);
	free(ini->state_dir);
	free(ini->stream);
	free(ini->control);
	free(ini->metrics.listen);
	free(ini);
}
