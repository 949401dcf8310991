/* SPDX-License-Identifier: Apache-2.0 */
/* Names near to a wrong one, by the number of letters to change (Levenshtein). */
#include "base/nearest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define LETTERS 40 /* longer names are compared by their beginnings */

static size_t change_cost(char a, char b)
{
	if (a == b)
		return 0;
	return tolower((unsigned char)a) == tolower((unsigned char)b) ? 1 : 2;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Wrong case counts one, any other change two. */
static size_t distance(const char *a, const char *b)
{
	size_t row[LETTERS + 1], n = strnlen(b, LETTERS);

	for (size_t j = 0; j <= n; j++)
		row[j] = 2 * j;
	for (size_t i = 0; i < LETTERS && a[i] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] += 2;
		for (size_t j = 0; j < n; j++) {
			size_t v = smallest(row[j] + 2, row[j + 1] + 2,
					    diagonal + change_cost(a[i], b[j]));

			diagonal = row[j + 1];
			row[j + 1] = v;
		}
	}
	return row[n];
}

void nearest_add(struct nearest *near, const char *name)
{
	size_t d = distance(near->wanted, name), i = near->n;

	if (i == NEAREST_MAX && d >= near->best[i - 1].distance)
		return;
	if (i == NEAREST_MAX)
		i--;
	else
		near->n++;
	for (; i > 0 && near->best[i - 1].distance > d; i--)
		near->best[i] = near->best[i - 1];
	near->best[i].name = name;
	near->best[i].distance = d;
}

void nearest_text(const struct nearest *near, char *text, size_t size)
{
	size_t len = 0;

	(void)snprintf(text, size, "none");
	for (size_t i = 0; i < near->n && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s", i ? ", " : "",
					near->best[i].name);
}
