/* SPDX-License-Identifier: Apache-2.0 */
/* lector.ini: a table of its settings. */
#include "daemon/ini.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/keys.h"
#include "base/log.h"
#include "base/param.h"
#include "base/paths.h"
#include "base/settings.h"

#define DEFAULT_STREAM "tcp://127.0.0.1:5556"
#define SIZE_MIN_BYTES (INT64_C(1) << 20)
#define SIZE_MAX_BYTES (INT64_C(64) << 30)
#define AGE_MIN_MS 60000

struct reading {
	struct ini *ini;
	const char *file;
	int line;
	int tcp_line; /* where it stands; 0: nowhere */
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

static bool set_confine(struct reading *r, const char *key, const char *value)
{
	return set_bool(r, key, value, &r->ini->confine);
}

/* Bytes, also with K, M or G. */
static bool set_size(struct reading *r, const char *key, const char *value, int64_t *member)
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
	*member = n * unit;
	return true;
}

static bool set_log_size(struct reading *r, const char *key, const char *value)
{
	return set_size(r, key, value, &r->ini->log_size);
}

static bool set_log_files(struct reading *r, const char *key, const char *value)
{
	const struct tesla_param row = { .name = key, .type = TESLA_T_INT, .min = 1, .max = 100 };
	struct tesla_error err;

	return param_set(&row, value, &r->ini->log_files, &err) == 0 ||
	       complain(r, key, value, "1 to 100");
}

static bool set_log_dir(struct reading *r, const char *key, const char *value)
{
	(void)key;
	return *value == '\0' || take(r, &r->ini->log_dir, path_beside(r->file, value));
}

static bool set_path(struct reading *r, char **member, const char *key, const char *value,
		     const char *expected)
{
	if (*value == '\0')
		return complain(r, key, value, expected);
	return take(r, member, path_beside(r->file, value));
}

static bool set_run_dir(struct reading *r, const char *key, const char *value)
{
	return set_path(r, &r->ini->run_dir, key, value, "a folder");
}

static bool set_state_dir(struct reading *r, const char *key, const char *value)
{
	return set_path(r, &r->ini->state_dir, key, value, "a folder");
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

/* ---- [Stream], [Control] ---- */

#define IPC "ipc:///"

static bool is_ipc(const char *value)
{
	return strncmp(value, IPC, strlen(IPC)) == 0 && value[strlen(IPC)] != '\0';
}

/* tcp://ADDRESS:PORT; an address is libzmq's: a number, an interface, or *. */
static bool is_tcp(const char *value)
{
	const char *port = strrchr(value, ':');
	size_t len;

	if (strncmp(value, "tcp://", 6) != 0 || port <= value + 6)
		return false;
	port++;
	len = strspn(port, "0123456789");
	return len >= 1 && len <= 5 && port[len] == '\0' && strtol(port, NULL, 10) >= 1 &&
	       strtol(port, NULL, 10) <= 65535;
}

/* Only this machine reaches it. */
static bool endpoint_is_local(const char *value)
{
	static const char *const ours[] = { IPC, "tcp://127.", "tcp://localhost:", "tcp://[::1]:" };

	for (size_t i = 0; i < N_ELEMENTS(ours); i++)
		if (strncmp(value, ours[i], strlen(ours[i])) == 0 && value[strlen(ours[i])] != '\0')
			return true;
	return false;
}

/* Where it may be is known once `key` and `clients` are: ini_check. */
static bool set_stream(struct reading *r, const char *key, const char *value)
{
	if (*value != '\0' && !endpoint_is_local(value) && !is_tcp(value))
		return complain(r, key, value,
				"ipc:///a/path, or tcp:// with an address and a port; empty: no "
				"stream");
	r->ini->stream_line = r->line;
	return take(r, &r->ini->stream, strdup(value));
}

static bool set_stream_key(struct reading *r, const char *key, const char *value)
{
	return set_path(r, &r->ini->stream_key, key, value, "a file");
}

static bool set_stream_clients(struct reading *r, const char *key, const char *value)
{
	return set_path(r, &r->ini->stream_clients, key, value, "a file");
}

static bool set_control(struct reading *r, const char *key, const char *value)
{
	if (!is_ipc(value))
		return complain(r, key, value,
				"ipc:///a/path; on a network, tcp with key and clients");
	return take(r, &r->ini->control, strdup(value));
}

static bool set_readonly(struct reading *r, const char *key, const char *value)
{
	if (*value != '\0' && !is_ipc(value))
		return complain(r, key, value, "ipc:///a/path; empty: no such socket");
	return take(r, &r->ini->control_readonly, strdup(value));
}

static bool set_group(struct reading *r, const char *key, const char *value)
{
	if (*value == '\0')
		return complain(r, key, value, "the name or the number of a group");
	return take(r, &r->ini->control_group, strdup(value));
}

static bool set_tcp(struct reading *r, const char *key, const char *value)
{
	if (!is_tcp(value))
		return complain(r, key, value,
				"tcp:// with an address of this machine, or *, and a port");
	r->tcp_line = r->line;
	return take(r, &r->ini->control_tcp, strdup(value));
}

static bool set_control_key(struct reading *r, const char *key, const char *value)
{
	return set_path(r, &r->ini->control_key, key, value, "a file");
}

static bool set_control_clients(struct reading *r, const char *key, const char *value)
{
	return set_path(r, &r->ini->control_clients, key, value, "a file");
}

/* ---- [Journal] ---- */

static bool set_max_size(struct reading *r, const char *key, const char *value)
{
	int64_t bytes;

	if (!set_size(r, key, value, &bytes))
		return false;
	r->ini->journal.limits.bytes = (uint64_t)bytes;
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
	{ "General", "confine", set_confine },
	{ "General", "log_dir", set_log_dir },
	{ "General", "log_size", set_log_size },
	{ "General", "log_files", set_log_files },
	{ "General", "run_dir", set_run_dir },
	{ "General", "state_dir", set_state_dir },
	{ "General", "plugin_path", set_plugin_path },
	{ "Stream", "endpoint", set_stream },
	{ "Stream", "key", set_stream_key },
	{ "Stream", "clients", set_stream_clients },
	{ "Control", "endpoint", set_control },
	{ "Control", "readonly", set_readonly },
	{ "Control", "group", set_group },
	{ "Control", "tcp", set_tcp },
	{ "Control", "key", set_control_key },
	{ "Control", "clients", set_control_clients },
	{ "Journal", "max_size", set_max_size },
	{ "Journal", "max_age", set_max_age },
	{ "Journal", "policy", set_policy },
	{ "Journal", "rejects", set_rejects },
	{ "Journal", "sync_interval", set_sync_interval },
	{ "Metrics", "listen", set_listen },
	{ "Metrics", "remote", set_remote },
};

/* ---- lines ---- */

static bool on_key(size_t i, const char **section, const char **name)
{
	if (i >= N_ELEMENTS(keys))
		return false;
	*section = keys[i].section;
	*name = keys[i].name;
	return true;
}

static void on_value(void *arg, size_t i, int line, const char *name, const char *value)
{
	struct reading *r = arg;

	r->line = line;
	(void)keys[i].set(r, name, value);
}

static const struct ini plain_defaults = {
	/* that need no memory */
	.log_level = LOG_LEVEL_INFO,
	.auto_start = true,
	.confine = true,
	.log_size = INT64_C(10) << 20,
	.log_files = 5,
	.journal = { .limits = { .bytes = UINT64_C(512) << 20, .rejects = 1000 },
		     .sync_interval_ms = 5000 },
};

/* "ipc://" and a path made of a text and an ending. */
static void default_endpoint(struct reading *r, char **member, const char *begin, const char *end)
{
	if (*member == NULL && (begin == NULL || asprintf(member, "%s%s", begin, end) < 0))
		*member = NULL;
	r->failed |= *member == NULL;
}

static void defaults(struct reading *r)
{
	struct ini *ini = r->ini;
	_cleanup_free_ char *run = NULL;

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
	if (ini->run_dir == NULL || asprintf(&run, "ipc://%s", ini->run_dir) < 0)
		run = NULL;
	default_endpoint(r, &ini->control, run, "/control");
	default_endpoint(r, &ini->control_readonly, ini->control, "-ro");
	r->failed |= ini->plugin_path == NULL;
}

/* ---- what only all of them together can say ---- */

static void check_files(struct reading *r, int line, const char *section, const char *key,
			const char *clients, char **public_key)
{
	struct keys_pair pair;
	struct keys_file list;
	struct tesla_error err;

	if (keys_read(key, true, &pair, &err) != 0)
		diags_error(r->d, r->file, line, 0, "[%s] key: %s", section, err.text);
	else if (public_key != NULL)
		(void)take(r, public_key, strdup(pair.public_key));
	keys_forget(&pair);
	if (keys_file_init(&list, clients, &err) != 0)
		diags_error(r->d, r->file, line, 0, "[%s] clients: %s", section, err.text);
	else
		keys_file_release(&list);
}

static void check_stream(struct reading *r)
{
	const struct ini *ini = r->ini;
	bool key = ini->stream_key != NULL, clients = ini->stream_clients != NULL;

	if (key != clients)
		diags_error(r->d, r->file, r->ini->stream_line, 0,
			    "[Stream] has %s and no %s: expected both or none",
			    key ? "key" : "clients", key ? "clients" : "key");
	else if (key)
		check_files(r, r->ini->stream_line, "Stream", ini->stream_key, ini->stream_clients,
			    &r->ini->stream_public);
	else if (ini->stream[0] != '\0' && !endpoint_is_local(ini->stream))
		diags_error(r->d, r->file, r->ini->stream_line, 0,
			    "[Stream] endpoint is \"%.80s\": expected ipc:///a/path, or tcp:// "
			    "with 127.x.y.z, localhost or [::1]: without encryption only this "
			    "machine may connect; with key and clients any address will do",
			    ini->stream);
}

static void check_control(struct reading *r)
{
	const struct ini *ini = r->ini;
	bool tcp = ini->control_tcp != NULL;

	if (strcmp(ini->control, ini->control_readonly) == 0)
		diags_error(
			r->d, r->file, 0, 0,
			"[Control] readonly is \"%.80s\", as endpoint is: expected another path",
			ini->control_readonly);
	if (tcp && (ini->control_key == NULL || ini->control_clients == NULL))
		diags_error(r->d, r->file, r->tcp_line, 0,
			    "[Control] tcp is \"%.80s\" and %s is missing: on a network, expected "
			    "key, the server's own keys, and clients, the list of who may connect",
			    ini->control_tcp, ini->control_key ? "clients" : "key");
	else if (tcp)
		check_files(r, r->tcp_line, "Control", ini->control_key, ini->control_clients,
			    NULL);
	else if (ini->control_key != NULL || ini->control_clients != NULL)
		diags_warning(r->d, r->file, 0, 0,
			      "[Control] key and clients are ignored: expected tcp, too");
}

struct ini *ini_load(const char *file, bool must_exist, struct diags *diags)
{
	struct reading r = { .ini = calloc(1, sizeof *r.ini), .file = file, .d = diags };
	const struct settings settings = {
		.file = file,
		.must_exist = must_exist,
		.key = on_key,
		.set = on_value,
		.arg = &r,
	};
	size_t before = diags->n_errors;

	if (r.ini == NULL)
		r.failed = true;
	else
		*r.ini = plain_defaults;
	if (!r.failed)
		r.failed = settings_read(&settings, diags) != 0 || r.failed;
	if (!r.failed)
		defaults(&r);
	if (!r.failed) {
		metrics_check(&r);
		check_stream(&r);
		check_control(&r);
	}
	if (r.failed)
		diags_error(diags, file, 0, 0, "cannot be read: no memory is left");
	if (diags->n_errors > before) {
		ini_free(r.ini);
		return NULL;
	}
	return r.ini;
}

static void swap(char **a, char **b)
{
	char *kept = *a;

	*a = *b;
	*b = kept;
}

void ini_keep_fixed(struct ini *next, struct ini *was)
{
	const struct ini_metrics metrics = next->metrics;

	swap(&next->run_dir, &was->run_dir);
	swap(&next->state_dir, &was->state_dir);
	swap(&next->log_dir, &was->log_dir);
	swap(&next->control, &was->control);
	swap(&next->control_readonly, &was->control_readonly);
	swap(&next->control_group, &was->control_group);
	swap(&next->control_tcp, &was->control_tcp);
	swap(&next->control_key, &was->control_key);
	swap(&next->control_clients, &was->control_clients);
	next->metrics = was->metrics;
	was->metrics = metrics;
	next->journal = was->journal;
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
	free(ini->stream_key);
	free(ini->stream_clients);
	free(ini->stream_public);
	free(ini->control);
	free(ini->metrics.listen);
	free(ini->control_readonly);
	free(ini->control_group);
	free(ini->control_tcp);
	free(ini->control_key);
	free(ini->control_clients);
	free(ini);
}
