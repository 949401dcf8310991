/* SPDX-License-Identifier: Apache-2.0 */
/* What the answers that tell of analyzers, of the configuration and of what was done look like. */
#include "teslactl/shows.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/utf8.h"
#include "teslactl/commands.h"
#include "teslactl/list.h"

/* ---- definitions ---- */

static const struct table_column definition_columns[] = {
	{ "VARIABLE", false }, { "READ", false },	{ "EVERY", true },     { "UNIT", false },
	{ "KIND", false },     { "RESOLUTION", false }, { "ELEMENTS", false }, { "IS", false },
};
static const struct field definition_fields[] = {
	{ "name", TEXT },   { "wanted", FLAG },	     { "interval_ms", DURATION },
	{ "unit", TEXT },   { "kind", TEXT },	     { "resolution", TEXT },
	{ "labels", TEXT }, { "description", TEXT },
};
static const struct list definition_list = { "variables", definition_columns, definition_fields,
					     N_ELEMENTS(definition_fields) };

int definitions_show(const struct ctl *ctl, const msgpack_object *answer)
{
	size_t n;
	const msgpack_object *list = mp_array(answer, "definitions", &n);

	(void)ctl;
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *id = word(&list[i], "analyzer");
		_cleanup_free_ char *model = word(&list[i], "model");
		_cleanup_free_ char *maker = word(&list[i], "manufacturer");

		(void)printf("%sanalyzer %s: %s, %s%s\n", i ? "\n" : "", id, model, maker,
			     mp_bool(&list[i], "proven", false) ? "" : ", not proven on the meter");
		list_print(&list[i], &definition_list);
	}
	return CTL_GOOD;
}

/* ---- device-status ---- */

static const struct table_column device_columns[] = {
	{ "ANALYZER", true },  { "RUN", false }, { "COMM", false },	{ "STATE", false },
	{ "VERIFIED", false }, { "LAST", true }, { "IDENTITY", false }, { "ERROR", false },
};
static const struct field device_fields[] = {
	{ "analyzer", TEXT }, { "run", TEXT }, { "comm", FLAG },     { "state", TEXT },
	{ "verified", TEXT }, { "t_ms", AGE }, { "identity", TEXT }, { "error", TEXT },
};
static const struct list device_list = { "devices", device_columns, device_fields,
					 N_ELEMENTS(device_fields) };

int devices_show(const struct ctl *ctl, const msgpack_object *answer)
{
	(void)ctl;
	list_print(answer, &device_list);
	return CTL_GOOD;
}

/* ---- texts: config, metrics ---- */

/* As it is, but for what a terminal would obey. */
static int text_print(const struct ctl *ctl, const msgpack_object *answer)
{
	_cleanup_free_ char *text = mp_strdup(answer, "text");
	size_t len = text ? strlen(text) : 0;

	if (text == NULL)
		return ctl_say(ctl, CTL_NO, "the daemon does not have the text");
	(void)utf8_clean(text, len, UTF8_TEXT);
	(void)printf("%s%s", text, len > 0 && text[len - 1] == '\n' ? "" : "\n");
	return CTL_GOOD;
}

/* Into a file goes nothing but the configuration. */
int config_show(const struct ctl *ctl, const msgpack_object *answer)
{
	_cleanup_free_ char *file = word(answer, "file"), *generation = word(answer, "generation");

	if (isatty(STDOUT_FILENO))
		(void)printf("%s, as it is in force, configuration %s:\n", file, generation);
	return text_print(ctl, answer);
}

int metrics_show(const struct ctl *ctl, const msgpack_object *answer)
{
	return text_print(ctl, answer);
}

/* ---- what was done ---- */

int level_show(const struct ctl *ctl, const msgpack_object *answer)
{
	_cleanup_free_ char *level = word(answer, "level");

	(void)ctl;
	(void)printf("log level %s\n", level);
	return CTL_GOOD;
}

int identify_show(const struct ctl *ctl, const msgpack_object *answer)
{
	_cleanup_free_ char *identity = word(answer, "identity");
	_cleanup_free_ char *verified = word(answer, "verified"), *note = word(answer, "note");

	(void)printf("analyzer %lld: %s, verified: %s%s%s\n", (long long)ctl->filter.analyzer,
		     identity, verified, strcmp(note, "-") ? "; " : "",
		     strcmp(note, "-") ? note : "");
	return CTL_GOOD;
}

/* A few texts or numbers, "none" when there are none. */
static void items_print(const char *before, const msgpack_object *map, const char *key)
{
	size_t n;
	const msgpack_object *items = mp_array(map, key, &n);

	(void)printf("%s", before);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *text = text_of(&items[i]);

		if (text != NULL)
			text_clean(text);
		(void)printf("%s%s", i ? ", " : "", text ? text : "");
	}
	(void)puts(n == 0 ? "none" : "");
}

int run_show(const struct ctl *ctl, const msgpack_object *answer)
{
	static const struct {
		const char *command, *done;
	} verbs[] = {
		{ "start", "started: " },
		{ "pause", "paused: " },
		{ "resume", "resumed: " },
	};

	for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
		if (strcmp(verbs[i].command, ctl->command->name) == 0)
			items_print(verbs[i].done, answer, "analyzers");
	return CTL_GOOD;
}

int variables_show(const struct ctl *ctl, const msgpack_object *answer)
{
	_cleanup_free_ char *generation = word(answer, "generation");

	(void)printf("analyzer %lld reads", (long long)ctl->filter.analyzer);
	for (size_t i = 0; i < ctl->filter.n_variables; i++)
		(void)printf(" %s", ctl->filter.variables[i]);
	(void)printf("; configuration %s\n", generation);
	return CTL_GOOD;
}

int reload_show(const struct ctl *ctl, const msgpack_object *answer)
{
	static const char *const kinds[] = { "added", "removed", "changed" };
	_cleanup_free_ char *generation = word(answer, "generation");
	const msgpack_object *changes = mp_get(answer, "changes");
	size_t n, any = 0;

	(void)ctl;
	(void)printf("configuration %s is in force\n", generation);
	for (size_t i = 0; i < N_ELEMENTS(kinds); i++) {
		char before[24];

		(void)mp_array(changes, kinds[i], &n);
		any += n;
		(void)snprintf(before, sizeof before, "%s: ", kinds[i]);
		if (n > 0)
			items_print(before, changes, kinds[i]);
	}
	if (any == 0)
		(void)puts("nothing changed");
	texts_print(answer, "warnings", "warning: ");
	return CTL_GOOD;
}

int shutdown_show(const struct ctl *ctl, const msgpack_object *answer)
{
	(void)ctl;
	(void)answer;
	(void)puts("teslad is ending");
	return CTL_GOOD;
}
