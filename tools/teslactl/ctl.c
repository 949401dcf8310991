/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the daemon. */
#include "teslactl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "teslactl/commands.h"
#include "teslactl/peer.h"
#include "teslactl/table.h"

#define TIMEOUT_MS 5000

/* ---- complaints ---- */

static void error_json(const char *text, int code)
{
	yajl_gen g = json_new();

	if (g == NULL)
		return;
	(void)yajl_gen_map_open(g);
	(void)json_text(g, "ok");
	(void)yajl_gen_bool(g, 0);
	(void)json_text(g, "error");
	if (json_text(g, text) != 0)
		(void)json_text(g, "the reason is no UTF-8");
	(void)json_text(g, "exit");
	(void)yajl_gen_integer(g, code);
	(void)yajl_gen_map_close(g);
	json_finish(g, stdout);
}

/* Foreign text, line by line: nothing of it may move the cursor. */
static void lines_print(const char *text, FILE *out)
{
	_cleanup_free_ char *copy = strdup(text);
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line == '\0' && rest == NULL)
			return;
		text_clean(line);
		(void)fprintf(out, "%s\n", line);
	}
}

/* What the text means for the command, if there is more to say than the text; its lines follow. */
static int say(const struct ctl *ctl, int code, const char *meaning, const char *text)
{
	if (ctl->json)
		error_json(text, code);
	(void)fflush(stdout);
	(void)fprintf(stderr, "teslactl: %s%s", meaning ? meaning : "", meaning ? "\n" : "");
	lines_print(text, stderr);
	return code;
}

int ctl_say(const struct ctl *ctl, int code, const char *text)
{
	return say(ctl, code, NULL, text);
}

void ctl_tell(const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	(void)fflush(stdout);
	(void)fputs("teslactl: ", stderr);
	lines_print(text ? text : "no memory", stderr);
}

int ctl_complain(const struct ctl *ctl, const struct tesla_error *err)
{
	return ctl_say(ctl, CTL_NO, err->text);
}

/* ---- requests ---- */

static int timeout_of(const struct ctl *ctl)
{
	if (ctl->timeout_ms > 0)
		return ctl->timeout_ms;
	return ctl->command != NULL && ctl->command->timeout_ms > 0 ? ctl->command->timeout_ms
								    : TIMEOUT_MS;
}

static char *refusal_text(const struct tesla_client *c, const char *command,
			  const struct tesla_error *err)
{
	static const char unknown[] = "unknown command";
	const char *text = tesla_refusal(c);
	char *said = NULL;

	if (text == NULL)
		text = err->text;
	if (strncmp(text, unknown, sizeof unknown - 1) != 0)
		return strdup(text);
	if (asprintf(&said,
		     "teslad does not know the command \"%s\": it is older than this teslactl "
		     "(" PACKAGE_VERSION "), or was built without it",
		     command) < 0)
		return NULL;
	return said;
}

int ctl_try(const struct ctl *ctl, const char *command, const struct buf *args, struct answer *ret,
	    char **text)
{
	struct tesla_error err;
	struct tesla_client *c = peer_connect(ctl, &err);
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t len;
	int r = c != NULL ? 0 : err.code;

	if (r == 0) {
		r = tesla_request(c, command, args ? args->pub.bytes : NULL,
				  args ? args->pub.len : 0, timeout_of(ctl), &bytes, &len, &err);
		if (r == -EREMOTEIO)
			*text = refusal_text(c, command, &err);
		tesla_disconnect(c);
	}
	if (r == 0)
		r = mp_unpack(&ret->doc, bytes, len, &err);
	if (r == 0) {
		ret->bytes = bytes;
		bytes = NULL;
		return CTL_GOOD;
	}
	if (r != -EREMOTEIO)
		*text = strdup(err.text);
	return r == -EREMOTEIO || r == -ENOKEY || r == -EINVAL ? CTL_NO : CTL_NO_DAEMON;
}

int ctl_request(const struct ctl *ctl, const char *command, const struct buf *args,
		struct answer *ret)
{
	_cleanup_free_ char *text = NULL;
	int code = ctl_try(ctl, command, args, ret, &text);
	const char *meaning = code == CTL_NO && ctl->command ? ctl->command->refused : NULL;

	return code == CTL_GOOD ? code : say(ctl, code, meaning, text ? text : "no memory");
}

int ctl_refused(const struct ctl *ctl, const struct tesla_client *c, const char *command,
		const struct tesla_error *err)
{
	_cleanup_free_ char *text =
		err->code == -EREMOTEIO ? refusal_text(c, command, err) : strdup(err->text);

	return ctl_say(ctl, err->code == -EREMOTEIO ? CTL_NO : CTL_NO_DAEMON,
		       text ? text : "no memory");
}

int ctl_ask(const struct ctl *ctl, const char *command, struct answer *ret)
{
	return ctl_request(ctl, command, NULL, ret);
}

void answer_release(struct answer *a)
{
	mp_doc_release(&a->doc);
	free(a->bytes);
	a->bytes = NULL;
}
