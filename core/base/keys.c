/* SPDX-License-Identifier: Apache-2.0 */
/* Key pairs and lists of clients: lines of words. */
#include "base/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"

#define FILE_MAX (256u << 10)
#define WORDS_MAX 3 /* of a line; a fourth is one too many */
#define Z85_ALPHABET \
	"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
#define NAME_ALPHABET "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_@"

struct word {
	const char *at;
	size_t len;
};
struct line {
	struct word words[WORDS_MAX + 1];
	size_t n; /* WORDS_MAX + 1: more than that */
	unsigned number;
};

/* ---- lines of words ---- */

static bool consists_of(const struct word *w, const char *alphabet)
{
	for (size_t i = 0; i < w->len; i++)
		if (w->at[i] == '\0' || strchr(alphabet, w->at[i]) == NULL)
			return false;
	return w->len > 0;
}

static bool is_key(const struct word *w)
{
	return w->len == KEYS_LEN && consists_of(w, Z85_ALPHABET);
}

static bool word_is(const struct word *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->at, text, w->len) == 0;
}

/* A key may begin with '#': a comment is what begins so and is no key. */
static bool is_comment(const struct word *w)
{
	return *w->at == '#' && !is_key(w);
}

static void line_split(struct line *l, const char *at, const char *end)
{
	l->n = 0;
	while (l->n <= WORDS_MAX) {
		struct word *w = &l->words[l->n];

		while (at < end && strchr(" \t\r", *at) != NULL)
			at++;
		w->at = at;
		while (at < end && strchr(" \t\r", *at) == NULL)
			at++;
		w->len = (size_t)(at - w->at);
		if (w->len == 0 || is_comment(w))
			return;
		l->n++;
	}
}

/* Calls `take` with every line that says something, until it fails. */
static int each_line(const char *text, size_t len,
		     int (*take)(void *arg, const struct line *l, struct tesla_error *err),
		     void *arg, struct tesla_error *err)
{
	const char *end = text + len;
	struct line l = { .number = 0 };
	int r = 0;

	if (memchr(text, '\0', len) != NULL)
		return tesla_fail(err, -EBADMSG, "is no text: it has a byte 0");
	while (r == 0 && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *to = newline ? newline : end;

		l.number++;
		line_split(&l, text, to);
		if (l.n > 0)
			r = take(arg, &l, err);
		text = newline ? newline + 1 : end;
	}
	return r;
}

static void copy(char *to, const struct word *w)
{
	memcpy(to, w->at, w->len);
	to[w->len] = '\0';
}

/* ---- a key pair ---- */

/* Nothing of the line is in the message: it may hold the secret. */
static int take_pair(void *arg, const struct line *l, struct tesla_error *err)
{
	struct keys_pair *pair = arg;
	bool secret = word_is(&l->words[0], "secret");
	char *to = secret ? pair->secret_key : pair->public_key;

	if (l->n != 2 || (!secret && !word_is(&l->words[0], "public")) || !is_key(&l->words[1]))
		return tesla_fail(err, -EBADMSG,
				  "line %u: expected `public` or `secret` and a key of %u "
				  "characters (Z85)",
				  l->number, KEYS_LEN);
	if (*to != '\0')
		return tesla_fail(err, -EBADMSG, "line %u: a second %s key", l->number,
				  secret ? "secret" : "public");
	copy(to, &l->words[1]);
	return 0;
}

int keys_parse(const char *text, size_t len, struct keys_pair *ret, struct tesla_error *err)
{
	struct keys_pair pair = { .public_key = "" };
	int r = each_line(text, len, take_pair, &pair, err);

	if (r == 0 && pair.public_key[0] == '\0')
		r = tesla_fail(err, -EBADMSG, "has no line `public` with a key");
	if (r == 0)
		*ret = pair;
	keys_forget(&pair);
	return r;
}

void keys_forget(struct keys_pair *pair)
{
	explicit_bzero(pair, sizeof *pair);
}

/* Who may read the secret is whoever is the daemon. */
static int secret_check(const char *path, struct tesla_error *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
	if ((st.st_mode & (S_IRWXO | S_IWGRP)) == 0)
		return 0;
	return tesla_fail(
		err, -EPERM,
		"%s: others may read or change it (mode %04o), and it holds a secret key: "
		"expected 0600 or 0640",
		path, (unsigned)(st.st_mode & 07777));
}

/* The cause, with the name of the file before it. */
static int in_file(const char *path, int r, struct tesla_error *err)
{
	const struct tesla_error cause = *err;

	return tesla_fail(err, r, "%.160s: %s", path, cause.text);
}

int keys_read(const char *path, bool secret, struct keys_pair *ret, struct tesla_error *err)
{
	char *text;
	size_t len;
	int r = file_read(path, FILE_MAX, &text, &len, err);

	if (r != 0)
		return in_file(path, r, err);
	r = keys_parse(text, len, ret, err);
	explicit_bzero(text, len);
	free(text);
	if (r != 0)
		return in_file(path, r, err);
	if (secret && ret->secret_key[0] == '\0')
		r = tesla_fail(err, -EBADMSG, "%s: has no line `secret`: expected the .key file",
			       path);
	if (secret && r == 0)
		r = secret_check(path, err);
	if (r != 0)
		keys_forget(ret);
	return r;
}

/* ---- a list of clients ---- */

static int client_check(const struct keys_clients *c, const struct line *l, struct tesla_error *err)
{
	if (!is_key(&l->words[0]))
		return tesla_fail(err, -EBADMSG,
				  "line %u: expected a public key of %u characters (Z85), a name "
				  "and perhaps read-only",
				  l->number, KEYS_LEN);
	if (l->n < 2 || l->words[1].len > KEYS_NAME_MAX ||
	    !consists_of(&l->words[1], NAME_ALPHABET))
		return tesla_fail(
			err, -EBADMSG,
			"line %u: expected a name of at most %u letters, digits and . - _ @ "
			"after the key",
			l->number, KEYS_NAME_MAX);
	if (l->n > 3 || (l->n == 3 && !word_is(&l->words[2], "read-only")))
		return tesla_fail(err, -EBADMSG,
				  "line %u: expected nothing or read-only after the name",
				  l->number);
	for (size_t i = 0; i < c->n; i++)
		if (word_is(&l->words[0], c->list[i].key))
			return tesla_fail(err, -EBADMSG, "line %u: the key of %s again", l->number,
					  c->list[i].name);
	if (c->n == KEYS_CLIENTS_MAX)
		return tesla_fail(err, -EBADMSG, "line %u: expected at most %u clients", l->number,
				  KEYS_CLIENTS_MAX);
	return 0;
}

static int take_client(void *arg, const struct line *l, struct tesla_error *err)
{
	struct keys_clients *c = arg;
	struct keys_client *list;
	int r = client_check(c, l, err);

	if (r != 0)
		return r;
	list = realloc(c->list, (c->n + 1) * sizeof *list);
	if (list == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for its clients");
	c->list = list;
	list[c->n] = (struct keys_client){ .readonly = l->n == 3 };
	copy(list[c->n].key, &l->words[0]);
	copy(list[c->n].name, &l->words[1]);
	c->n++;
	return 0;
}

int keys_clients_parse(const char *text, size_t len, struct keys_clients *ret,
		       struct tesla_error *err)
{
	struct keys_clients c = { .n = 0 };
	int r = each_line(text, len, take_client, &c, err);

	if (r == 0)
		*ret = c;
	else
		keys_clients_release(&c);
	return r;
}

void keys_clients_release(struct keys_clients *c)
{
	free(c->list);
	*c = (struct keys_clients){ .n = 0 };
}

/* ---- that list in a file ---- */

static int64_t ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

/* All zero: there is no such file. */
static struct keys_stamp stamp_of(const char *path)
{
	struct keys_stamp none = { .size = 0 };
	struct stat st;

	if (stat(path, &st) != 0)
		return none;
	return (struct keys_stamp){ .dev = st.st_dev,
				    .ino = st.st_ino,
				    .size = st.st_size,
				    .mtime_ns = ns(&st.st_mtim),
				    .ctime_ns = ns(&st.st_ctim) };
}

static bool stamp_same(const struct keys_stamp *a, const struct keys_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static int list_read(struct keys_file *f, struct tesla_error *err)
{
	struct keys_clients clients;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = file_read(f->path, FILE_MAX, &text, &len, err);

	if (r == 0)
		r = keys_clients_parse(text, len, &clients, err);
	if (r != 0)
		return in_file(f->path, r, err);
	keys_clients_release(&f->clients);
	f->clients = clients;
	return 1;
}

int keys_file_refresh(struct keys_file *f, struct tesla_error *err)
{
	/* Taken before the file is read: what changes meanwhile is read once more. */
	const struct keys_stamp now = stamp_of(f->path);

	if (stamp_same(&now, &f->stamp))
		return 0;
	f->stamp = now;
	return list_read(f, err);
}

int keys_file_init(struct keys_file *f, const char *path, struct tesla_error *err)
{
	int r;

	*f = (struct keys_file){ .path = strdup(path), .stamp = stamp_of(path) };
	r = f->path ? list_read(f, err) : tesla_fail(err, -ENOMEM, "no memory for %s", path);
	if (r < 0)
		keys_file_release(f);
	return r < 0 ? r : 0;
}

void keys_file_release(struct keys_file *f)
{
	keys_clients_release(&f->clients);
	free(f->path);
	f->path = NULL;
}

const struct keys_client *keys_file_find(const struct keys_file *f, const char *key)
{
	for (size_t i = 0; i < f->clients.n; i++)
		if (strcmp(f->clients.list[i].key, key) == 0)
			return &f->clients.list[i];
	return NULL;
}
