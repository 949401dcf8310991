/* SPDX-License-Identifier: Apache-2.0 */
/* Completion, of the shell and of bash: the same tables, the same answers. */
#include "teslactl/complete.h"

#include <glob.h>
#include <histedit.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/param.h"
#include "teslactl/list.h"

#define MOMENT_MS 300 /* whoever waits for a Tab does not wait for more */

/* ---- where in the grammar the cursor is ---- */

static const struct option_row *option_by_name(const char *name, size_t len)
{
	for (const struct option_row *o = option_rows; o->argp.name != NULL; o++)
		if (strlen(o->argp.name) == len && memcmp(o->argp.name, name, len) == 0)
			return o;
	return NULL;
}

static const struct option_row *option_by_letter(int letter)
{
	for (const struct option_row *o = option_rows; o->argp.name != NULL; o++)
		if (o->argp.key == letter)
			return o;
	return NULL;
}

/* What tells how to ask the daemon. */
static void value_note(struct place *p, const struct option_row *o, const char *value)
{
	int64_t ms;

	if (strcmp(o->argp.name, "socket") == 0)
		p->endpoint = value;
	else if (strcmp(o->argp.name, "key") == 0)
		p->key = value;
	else if (strcmp(o->argp.name, "server") == 0)
		p->server = value;
	else if (strcmp(o->argp.name, "timeout") == 0 && duration_parse_ms(value, 1000, &ms) == 0 &&
		 ms > 0 && ms <= INT32_MAX)
		p->timeout_ms = (int)ms;
}

/* The option whose value is the next word; NULL: none waits for one. */
static const struct option_row *option_take(struct place *p, const char *word)
{
	const char *equals = strchr(word, '=');
	const struct option_row *o =
		strncmp(word, "--", 2) == 0
			? option_by_name(word + 2,
					 equals ? (size_t)(equals - word - 2) : strlen(word + 2))
			: option_by_letter((unsigned char)word[1]);
	const char *value = strncmp(word, "--", 2) == 0 ? (equals ? equals + 1 : NULL)
			    : word[2] != '\0'		? word + 2
							: NULL;

	if (o == NULL || o->argp.arg == NULL)
		return NULL;
	if (value != NULL)
		value_note(p, o, value);
	return value == NULL ? o : NULL;
}

/* A command's word that says which analyzer. */
static void analyzer_note(struct place *p, char **words, size_t i)
{
	const struct operand *o = command_operand(p->command, words, i);

	if (o != NULL && o->kind == WORD_ANALYZER)
		p->analyzer = strtoll(words[i], NULL, 10);
}

/* An analyzer that may be left out, or what comes next: as far as what is begun does not tell. */
static void operands_find(struct place *p, char **words, size_t n, const char *begun)
{
	const struct operand *of_number, *of_name;
	bool digits = begun[strspn(begun, "0123456789")] == '\0';

	words[n] = (char *)(uintptr_t) "1";
	of_number = command_operand(p->command, words, n);
	words[n] = (char *)(uintptr_t) "";
	of_name = command_operand(p->command, words, n);
	p->operands[0] = digits ? of_number : of_name;
	p->operands[1] = *begun == '\0' && of_name != of_number ? of_name : NULL;
}

static void option_begun(struct place *p, const char *begun)
{
	const char *equals = strchr(begun, '=');

	p->options = equals == NULL;
	if (equals == NULL || strncmp(begun, "--", 2) != 0)
		return;
	p->value = option_by_name(begun + 2, (size_t)(equals - begun - 2));
	p->begun = equals + 1;
	p->start += (size_t)(equals + 1 - begun);
}

void place_find(struct place *p, char **words, size_t n, const char *begun, bool in_shell)
{
	size_t used = 0; /* words of the command, gathered at the front */

	p->begun = begun;
	for (size_t i = 0; i < n; i++) {
		if (p->value != NULL) {
			value_note(p, p->value, words[i]);
			p->value = NULL;
		} else if (words[i][0] == '-' && words[i][1] != '\0') {
			p->value = option_take(p, words[i]);
		} else if (p->command == NULL && !p->lost) {
			p->command = command_find(words[i], in_shell);
			p->lost = p->command == NULL;
		} else if (!p->lost) {
			words[used++] = words[i];
			analyzer_note(p, words, used - 1);
		}
	}
	if (p->value != NULL || p->lost)
		return;
	if (*begun == '-')
		option_begun(p, begun);
	else if (p->command != NULL)
		operands_find(p, words, used, begun);
}

/* ---- gathering ---- */

struct gather {
	struct candidates *to;
	const char *begun;
	const struct ctl *ctl;
	int64_t analyzer;
};

static void offer(struct gather *g, const char *text)
{
	struct candidates *c = g->to;
	char **list;

	if (strncmp(text, g->begun, strlen(g->begun)) != 0 ||
	    text[strcspn(text, " \t\n\"'\\$`")] != '\0') /* would be another word in a shell */
		return;
	list = realloc(c->list, (c->n + 1) * sizeof *list);
	if (list == NULL)
		return;
	c->list = list;
	c->list[c->n] = strdup(text);
	c->n += c->list[c->n] != NULL;
}

static void offer_words(struct gather *g, const char *words)
{
	for (size_t len; words != NULL && (len = word_next(&words)) > 0; words += len) {
		_cleanup_free_ char *word = strndup(words, len);

		if (word != NULL)
			offer(g, word);
	}
}

static void offer_commands(struct gather *g)
{
	for (const struct command *c = commands; c->name != NULL; c++)
		if (command_misplaced(c, g->ctl->in_shell) == NULL)
			offer(g, c->name);
	/* The predecessor's words only for who begins with a capital. */
	for (const struct command *c = commands; *g->begun != '\0' && c->name != NULL; c++)
		if (g->ctl->in_shell)
			offer_words(g, c->aliases);
}

static void offer_options(struct gather *g, const struct command *command)
{
	for (const struct option_row *o = option_rows; o->argp.name != NULL; o++) {
		_cleanup_free_ char *text = NULL;

		if ((o->argp.flags & OPTION_HIDDEN) ||
		    (o->only != 0 && command != NULL && !(o->only & command->options)))
			continue;
		if (asprintf(&text, "--%s", o->argp.name) >= 0)
			offer(g, text);
	}
}

static bool ask(const struct gather *g, const char *command, const struct buf *args,
		struct answer *answer)
{
	_cleanup_free_ char *text = NULL;

	return ctl_try(g->ctl, command, args, answer, &text) == CTL_GOOD;
}

/* What each of the maps under `list` has under `key`. */
static void offer_all(struct gather *g, const msgpack_object *map, const char *list,
		      const char *key)
{
	size_t n;
	const msgpack_object *maps = mp_array(map, list, &n);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *text = text_of(mp_get(&maps[i], key));

		if (text != NULL && *text != '\0' &&
		    (g->analyzer == 0 || strcmp(key, "variable") != 0 ||
		     mp_int(&maps[i], "analyzer", 0) == g->analyzer))
			offer(g, text);
	}
}

static void offer_from(struct gather *g, const char *command, const char *list, const char *key)
{
	struct answer answer;

	if (!ask(g, command, NULL, &answer))
		return;
	offer_all(g, &answer.doc.u.data, list, key);
	answer_release(&answer);
}

/* What the model offers, not only what is read now. */
static bool offer_definitions(struct gather *g)
{
	struct answer answer;
	msgpack_packer pk;
	struct buf args;
	bool there;
	size_t n = 0;

	buf_init(&args, 64);
	mp_writer(&pk, &args);
	(void)msgpack_pack_map(&pk, g->analyzer != 0);
	if (g->analyzer != 0)
		mp_key_int(&pk, "analyzer", g->analyzer);
	there = ask(g, "definitions", &args, &answer);
	buf_release(&args);
	if (!there)
		return false;
	const msgpack_object *list = mp_array(&answer.doc.u.data, "definitions", &n);

	for (size_t i = 0; i < n; i++)
		offer_all(g, &list[i], "variables", "name");
	answer_release(&answer);
	return n > 0;
}

static void offer_files(struct gather *g)
{
	_cleanup_free_ char *pattern = NULL;
	glob_t found;

	if (asprintf(&pattern, "%s*", g->begun) < 0 || glob(pattern, GLOB_MARK, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		offer(g, found.gl_pathv[i]);
	globfree(&found);
}

static void offer_kind(struct gather *g, enum word_kind kind, bool of_model)
{
	switch (kind) {
	case WORD_ANALYZER:
		offer_from(g, "status", "analyzers", "id");
		break;
	case WORD_VARIABLE:
		if (!of_model || !offer_definitions(g))
			offer_from(g, "snapshot", "readings", "variable");
		break;
	case WORD_EXPORTER:
		offer_from(g, "status", "exporters", "id");
		break;
	case WORD_LINE:
		offer_from(g, "status", "lines", "id");
		break;
	case WORD_COMMAND:
		offer_commands(g);
		break;
	case WORD_FILE:
		offer_files(g);
		break;
	case WORD_CHOICE:
	case WORD_TEXT:
	case WORD_NONE:
		break;
	}
}

static void offer_place(struct gather *g, const struct place *p)
{
	if (p->value != NULL) {
		offer_kind(g, p->value->word, false);
	} else if (p->options) {
		offer_options(g, p->command);
	} else if (p->command == NULL && !p->lost) {
		offer_commands(g);
	}
	for (size_t i = 0; i < N_ELEMENTS(p->operands); i++) {
		const struct operand *o = p->operands[i];

		if (o == NULL)
			continue;
		offer_words(g, o->choices);
		offer_kind(g, o->kind, o->key != NULL);
	}
}

/* ---- a line ---- */

/* Ids by their numbers, before all names. */
static int candidate_compare(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	bool x_id = x[strspn(x, "0123456789")] == '\0', y_id = y[strspn(y, "0123456789")] == '\0';
	long long m = x_id ? strtoll(x, NULL, 10) : 0, n = y_id ? strtoll(y, NULL, 10) : 0;

	if (x_id != y_id)
		return x_id ? -1 : 1;
	return m != n ? (m < n ? -1 : 1) : strcmp(x, y);
}

static void candidates_sort(struct candidates *c)
{
	size_t n = 0;

	if (c->n > 0)
		qsort(c->list, c->n, sizeof *c->list, candidate_compare);
	for (size_t i = 0; i < c->n; i++) {
		if (n > 0 && strcmp(c->list[n - 1], c->list[i]) == 0)
			free(c->list[i]);
		else
			c->list[n++] = c->list[i];
	}
	c->n = n;
}

/* The words of the tokenizer, without the program's, and room for one more. */
static char **words_copy(const char **argv, size_t n)
{
	char **words = calloc(n + 1, sizeof *words);

	for (size_t i = 0; words != NULL && i < n; i++)
		words[i] = (char *)(uintptr_t)argv[i];
	return words;
}

static void words_complete(const struct ctl *ctl, const char **argv, int n, const char *begun,
			   struct candidates *ret)
{
	int skip = !ctl->in_shell && n > 0;
	_cleanup_free_ char **words = words_copy(argv + skip, (size_t)(n - skip));
	struct ctl asking = *ctl;
	struct place place = { .start = ret->start };
	struct gather g = { .to = ret, .ctl = &asking };

	if (words == NULL)
		return;
	place_find(&place, words, (size_t)(n - skip), begun, ctl->in_shell);
	ret->start = place.start;
	g.begun = place.begun;
	g.analyzer = place.analyzer;
	asking.endpoint = place.endpoint ? place.endpoint : ctl->endpoint;
	asking.key = place.key ? place.key : ctl->key;
	asking.server = asking.key == NULL ? NULL : place.server ? place.server : ctl->server;
	asking.timeout_ms = place.timeout_ms > 0  ? place.timeout_ms
			    : ctl->timeout_ms > 0 ? ctl->timeout_ms
						  : MOMENT_MS;
	asking.command = NULL;
	offer_place(&g, &place);
	candidates_sort(ret);
}

void complete_line(const struct ctl *ctl, const char *line, struct candidates *ret)
{
	const LineInfo info = { line, line + strlen(line), line + strlen(line) };
	Tokenizer *t = tok_init(NULL);
	int argc, word, offset;
	const char **argv;

	*ret = (struct candidates){ 0 };
	if (t == NULL)
		return;
	/* An open quotation mark is left to who typed it. */
	if (tok_line(t, &info, &argc, &argv, &word, &offset) == 0 && offset >= 0 &&
	    (size_t)offset <= strlen(line)) {
		ret->start = strlen(line) - (size_t)offset;
		words_complete(ctl, argv, word, word < argc ? argv[word] : "", ret);
	}
	tok_end(t);
}

void candidates_release(struct candidates *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->list[i]);
	free(c->list);
	*c = (struct candidates){ 0 };
}

size_t candidates_common(const struct candidates *c)
{
	size_t common = c->n > 0 ? strlen(c->list[0]) : 0;

	for (size_t i = 1; i < c->n; i++)
		for (size_t k = 0; k < common; k++)
			if (c->list[i][k] != c->list[0][k])
				common = k;
	return common;
}

int complete_print(const struct ctl *ctl, const char *line)
{
	struct candidates c;

	complete_line(ctl, line, &c);
	for (size_t i = 0; i < c.n; i++)
		(void)puts(c.list[i]);
	candidates_release(&c);
	return CTL_GOOD;
}
