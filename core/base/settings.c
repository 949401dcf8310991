/* SPDX-License-Identifier: Apache-2.0 */
/* inih reads lines, a table says what they mean. */
#include "base/settings.h"

#include <errno.h>
#include <ini.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/nearest.h"

struct reading {
	const struct settings *s;
	const char *rest; /* what is not read yet */
	int line;
	struct diags *d;
	bool failed; /* no memory */
};

static void unknown(struct reading *r, const char *section, const char *name)
{
	const char *known_section, *known_name, *before = "";
	struct nearest sections, names;
	char text[200];
	bool known = false;

	nearest_init(&names, name);
	nearest_init(&sections, section);
	if (r->s->other_section != NULL)
		nearest_add(&sections, r->s->other_section);
	for (size_t i = 0; r->s->key(i, &known_section, &known_name); i++) {
		if (strcmp(known_section, before) != 0)
			nearest_add(&sections, known_section);
		before = known_section;
		if (strcasecmp(known_section, section) != 0)
			continue;
		known = true;
		nearest_add(&names, known_name);
	}
	nearest_text(known ? &names : &sections, text, sizeof text);
	if (known)
		diags_warning(r->d, r->s->file, r->line, 0,
			      "%.60s is not known in [%s] and ignored: expected one of %s", name,
			      section, text);
	else
		diags_warning(r->d, r->s->file, r->line, 0,
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
	const char *known_section, *known_name;

	if (plain == NULL) {
		r->failed = true;
		return 1;
	}
	for (size_t i = 0; r->s->key(i, &known_section, &known_name); i++) {
		if (strcasecmp(section, known_section) == 0 && strcasecmp(name, known_name) == 0) {
			r->s->set(r->s->arg, i, r->line, name, plain);
			return 1; /* a bad value is reported; 0 would mean a bad line */
		}
	}
	if (r->s->other == NULL || !r->s->other(r->s->arg, r->line, section, name, plain))
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
		diags_error(r->d, r->s->file, r->line, 0,
			    "the line has %zu bytes: expected at most %d", len, num - 2);
	(void)snprintf(str, (size_t)num, "%.*s\n", len > (size_t)num - 2 ? num - 2 : (int)len,
		       r->rest + skip);
	r->rest += skip + len;
	r->rest += *r->rest == '\n';
	return str;
}

static void read_text(struct reading *r, const char *text, size_t len)
{
	int line;

	if (strlen(text) != len) {
		diags_error(r->d, r->s->file, 0, 0, "is no text: it has a byte 0");
		return;
	}
	r->rest = text;
	line = ini_parse_stream(next_line, r, on_value, r);
	if (line > 0)
		diags_error(r->d, r->s->file, line, 0,
			    "this is no setting: expected [section], key = value, or a comment "
			    "after # or ;");
	else if (line < 0)
		r->failed = true;
}

int settings_read(const struct settings *s, struct diags *diags)
{
	_cleanup_free_ char *text = NULL;
	struct reading r = { .s = s, .d = diags };
	struct tesla_error err;
	size_t len;
	int rc = file_read(s->file, SETTINGS_FILE_MAX, &text, &len, &err);

	if (rc != 0 && (s->must_exist || rc != -ENOENT))
		diags_error(diags, s->file, 0, 0, "%s", err.text);
	if (rc == 0)
		read_text(&r, text, len);
	return r.failed ? -ENOMEM : 0;
}
