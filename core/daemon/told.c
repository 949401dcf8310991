/* SPDX-License-Identifier: Apache-2.0 */
/* What a host of lines was told. */
#include "daemon/told.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void entry_release(struct told_entry *e)
{
	free(e->key);
	free(e->bytes);
	free(e->endpoint);
	free(e->was_endpoint);
	free(e->drivers);
}

void told_release(struct told *t)
{
	for (size_t i = 0; i < t->n; i++)
		entry_release(&t->list[i]);
	free(t->list);
	*t = (struct told){ .n = 0 };
}

struct told_entry *told_find(const struct told *t, const char *key)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->list[i].key, key) == 0)
			return &t->list[i];
	return NULL;
}

static struct told_entry *entry_add(struct told *t, const char *key)
{
	struct told_entry *list = reallocarray(t->list, t->n + 1, sizeof *list);

	if (list == NULL)
		return NULL;
	t->list = list;
	list[t->n] = (struct told_entry){ .key = strdup(key) };
	return list[t->n].key ? &list[t->n++] : NULL;
}

int told_set(struct told *t, const char *key, const struct buf *bytes, struct told_entry **ret)
{
	struct told_entry *e = told_find(t, key);
	uint8_t *copy;

	if (bytes->failed)
		return -ENOMEM;
	if (e != NULL && e->len == bytes->pub.len &&
	    memcmp(e->bytes, bytes->pub.bytes, e->len) == 0) {
		*ret = e;
		return 0;
	}
	copy = malloc(bytes->pub.len + 1);
	if (copy != NULL && e == NULL)
		e = entry_add(t, key);
	if (copy == NULL || e == NULL) {
		free(copy);
		return -ENOMEM;
	}
	if (bytes->pub.len > 0)
		memcpy(copy, bytes->pub.bytes, bytes->pub.len);
	free(e->bytes);
	e->bytes = copy;
	e->len = bytes->pub.len;
	e->number = ++t->number;
	*ret = e;
	return 1;
}

struct told_entry *told_line(const struct told *t, int64_t line)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->list[i].line == line && line != 0)
			return &t->list[i];
	return NULL;
}

bool told_is_settled(const struct told_entry *line)
{
	return !line->leaving && line->confirmed == line->number;
}

void told_outdate(struct told *t)
{
	for (size_t i = 0; i < t->n; i++)
		t->list[i].current = false;
}

bool told_is_done(const struct told_entry *line)
{
	return line->current && told_is_settled(line);
}

bool told_has(const struct told *t, int64_t line, uint64_t number)
{
	const struct told_entry *e = told_line(t, line);

	return e != NULL && number != 0 && e->confirmed >= number;
}

bool told_confirm(struct told_entry *line)
{
	bool frees = line->was_endpoint != NULL;

	line->confirmed = line->number;
	free(line->was_endpoint);
	line->was_endpoint = NULL;
	return frees;
}

bool told_all_settled(const struct told *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->list[i].line != 0 && !told_is_settled(&t->list[i]))
			return false;
	return true;
}

static void entry_drop(struct told *t, struct told_entry *e)
{
	if (e == NULL)
		return;
	entry_release(e);
	*e = t->list[--t->n];
}

void told_drop(struct told *t, int64_t line)
{
	entry_drop(t, told_line(t, line));
}

void told_forget(struct told *t, const char *key)
{
	entry_drop(t, told_find(t, key));
}
