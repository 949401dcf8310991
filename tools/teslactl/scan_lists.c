/* SPDX-License-Identifier: Apache-2.0 */
/* The lists that options of a scan are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "teslactl/scan.h"

/* "5" or "5-9", not beyond lo and hi. */
static bool range_parse(const char *text, long lo, long hi, long *first, long *last)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*first = *last = strtol(text, &end, 10);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		*last = strtol(end + 1, &end, 10);
	return *end == '\0' && *first >= lo && *first <= *last && *last <= hi;
}

static bool address_take(struct scan *s, const char *text)
{
	long first, last;

	if (!range_parse(text, 0, SCAN_ADDRESSES - 1, &first, &last))
		return false;
	for (long a = first; a <= last; a++)
		s->wanted[a] = true;
	return true;
}

static bool baud_take(struct scan *s, const char *text)
{
	long baud, last;

	if (s->n_bauds == SCAN_BAUDS || !range_parse(text, 300, 4000000, &baud, &last) ||
	    baud != last)
		return false;
	s->bauds[s->n_bauds++] = baud;
	return true;
}

static bool parity_take(struct scan *s, const char *text)
{
	static const char *const names[][2] = { { "none", "N" }, { "even", "E" }, { "odd", "O" } };

	for (size_t i = 0; i < N_ELEMENTS(names) && s->n_parities < N_ELEMENTS(s->parities); i++) {
		if (strcmp(text, names[i][0]) != 0 && strcmp(text, names[i][1]) != 0)
			continue;
		s->parities[s->n_parities++] = names[i][1];
		return true;
	}
	return false;
}

static const struct list {
	const char *option, *expected, *dflt;
	bool (*take)(struct scan *s, const char *text);
} lists[] = {
	{ "addresses", "addresses from 0 to 255, such as 1-20,31", "1-247", address_take },
	{ "baud", "at most 8 speeds, such as 9600,19200", "9600,19200", baud_take },
	{ "parity", "none, even, odd, or some of them", "none,even", parity_take },
};

static bool list_take(struct scan *s, const struct list *l, const char *text,
		      struct tesla_error *err)
{
	_cleanup_free_ char *copy = strdup(text ? text : l->dflt);
	char *rest = copy, *word;

	while (copy != NULL && (word = strsep(&rest, ",")) != NULL) {
		if (l->take(s, word))
			continue;
		(void)tesla_fail(err, -EINVAL, "--%s is \"%s\": expected %s", l->option, text,
				 l->expected);
		return false;
	}
	return copy != NULL;
}

bool scan_lists(struct scan *s, struct tesla_error *err)
{
	const struct ctl *ctl = s->ctl;

	return list_take(s, &lists[0], ctl->addresses, err) &&
	       list_take(s, &lists[1], ctl->baud, err) && list_take(s, &lists[2], ctl->parity, err);
}
