/* SPDX-License-Identifier: Apache-2.0 */
/* A file of windows of any bytes: what it holds is taken over or thrown away, and nothing else. */

#include "../unit/hub_fixture.h"
#include "daemon/recorder.h"

#define NOW_US INT64_C(1795780860000000)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void on_made(void *arg, struct hub_analyzer *a, int64_t end_ms, const struct buf *bytes)
{
	(void)arg, (void)a, (void)end_ms, (void)bytes;
}

static void on_ready(void *arg)
{
	(void)arg;
}

static void drain(struct keep *k)
{
	struct recorder_entry e;
	const void *bytes;
	size_t len;

	while ((bytes = keep_peek(k, 0, &len)) != NULL) {
		(void)recorder_entry_parse(bytes, len, &e);
		keep_pop(k, 1);
	}
	if (keep_waiting(k) != 0)
		abort();
}

static void use(struct fixture *x, const char *dir)
{
	const struct recorder_calls calls = { on_made, on_ready, NULL, NULL };
	struct hub *h = fixture_hub_of(x);
	struct keep_slot *slots = recorder_slots(h);
	struct keep *k = keep_open(dir, dir, slots, h->n_analyzers, &x->log);
	struct recorder *r = recorder_new(h, k, &calls, NULL);

	recorder_begin(r, false, NOW_US);

	recorder_tick(r, NOW_US + 61000000);
	recorder_free(r);
	drain(k);
	keep_close(k, false);
	free(slots);
	hub_free(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char dir[] = "/tmp/fuzz-keep.XXXXXX", path[sizeof dir + 16];
	struct fixture x;
	FILE *f;

	if (mkdtemp(dir) == NULL)
		return 0;
	(void)snprintf(path, sizeof path, "%s/windows", dir);
	f = fopen(path, "w");
	if (f != NULL && fwrite(bytes, 1, len, f) == len && fclose(f) == 0) {
		fixture_init(&x);
		x.voltage.kind = TESLA_GAUGE;
		x.frequency.kind = TESLA_COUNTER;
		for (size_t i = 0; i < N_ELEMENTS(x.analyzers); i++)
			x.analyzers[i].record_ms = 60000;
		use(&x, dir);
	}
	(void)unlink(path);
	(void)rmdir(dir);
	return 0;
}
