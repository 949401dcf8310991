/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot [CONTROL]: prints the last values. */
#include <tesla/client.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#define TIMEOUT_MS 5000

static void print_reading(const struct tesla_client_reading *r)
{
	for (size_t i = 0; i < r->n_elements; i++) {
		const struct tesla_element *e = &r->elements[i];

		printf("%" PRId64 " %s %s ", r->analyzer, r->variable,
		       r->labels ? r->labels[i] : "-");
		if (isnan(e->value))
			printf("no value (quality %d)\n", (int)e->quality);
		else
			printf("%g %s (quality %d)\n", e->value, r->unit, (int)e->quality);
	}
}

int main(int argc, char **argv)
{
	struct tesla_error err = { 0 };
	const struct tesla_client_reading *r;
	struct tesla_snapshot *s = NULL;
	struct tesla_client *c = NULL;

	if (tesla_connect(argc > 1 ? argv[1] : NULL, &c, &err) == 0 &&
	    tesla_snapshot(c, TIMEOUT_MS, &s, &err) == 0)
		while (tesla_snapshot_next(s, &r, &err) == 0)
			print_reading(r);
	tesla_snapshot_free(s);
	tesla_disconnect(c);
	if (err.code == -ENODATA)
		return 0;
	fprintf(stderr, "snapshot: %s\n", err.text);
	return 1;
}
