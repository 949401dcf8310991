/* SPDX-License-Identifier: Apache-2.0 */
/* localFile: day files that are finished, compressed and removed. */
#include <sys/wait.h>

#include "localFile_fixture.h"

static char *unpacked(const struct rig *r, const char *name)
{
	char path[300], *text = malloc(TEXT_MAX);
	int n;

	(void)snprintf(path, sizeof path, "%s/%s", r->target, name);
	gzFile in = gzopen(path, "rb");

	n = in != NULL && gzdirect(in) == 0 ? gzread(in, text, TEXT_MAX - 1) : 0;
	if (in != NULL)
		(void)gzclose_r(in);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void check_packed(const struct rig *r, const char *name, const char *expected)
{
	_cleanup_free_ char *text = unpacked(r, name);

	cr_expect_str_eq(text, expected, "%s: got\n%s", name, text);
}

static struct tesla_item noon(int day, uint64_t n)
{
	return record(1, utc(2026, 11, day, 11, 0), n, blanks, 1);
}

static void gzip_open(struct rig *r, const char *keep)
{
	rig_init(r, "txt");
	rig_set(r, "gzip", "yes");
	rig_set(r, "keep", keep);
	rig_open(r);
}

Test(localFile_archive, finished_days)
{
	struct tesla_item items[6];
	struct rig r;

	gzip_open(&r, "0");
	for (int i = 0; i < 6; i++)
		items[i] = noon(17 + i, (uint64_t)i + 1);
	for (int i = 0; i < 6; i++)
		deliver_all(&r, items, 6); /* one file each time, and none of the last two days */
	for (int i = 0; i < 6; i++) {
		char plain[24], packed[28];

		(void)snprintf(plain, sizeof plain, "1/202611%d.txt", 17 + i);
		(void)snprintf(packed, sizeof packed, "%s.gz", plain);
		check_text(&r, plain, i < 4 ? NULL : HEAD LINE("12:00:00"));
		check_packed(&r, packed, i < 4 ? HEAD LINE("12:00:00") : "");
	}
	items[0].t_ms +=
		QUARTER_MS; /* late, for a day that is packed; by a clock that was set back */
	items[0].n = 99;
	rig_close(&r);
	rig_open(&r);
	deliver_all(&r, items, 1);
	check_packed(&r, "1/20261117.txt.gz", HEAD LINE("12:00:00") HEAD LINE("12:15:00"));
	check_text(&r, "1/20261117.txt", NULL);
	deliver_all(&r, items, 1);
	check_text(&r, "1/20261117.txt", NULL);
	rig_close(&r);
	rig_set(&r, "keep", "3");
	rig_open(&r);
	text_put(&r, "1/20261101.txt", "old");
	text_put(&r, "1/20260231.txt", "no day");
	text_put(&r, "1/20261101.txt.bak", "not ours");
	deliver_all(&r, items + 5, 1);
	check_packed(&r, "1/20261118.txt.gz", "");
	check_packed(&r, "1/20261119.txt.gz", HEAD LINE("12:00:00"));
	check_text(&r, "1/20261101.txt", NULL);
	check_text(&r, "1/20260231.txt", "no day");
	check_text(&r, "1/20261101.txt.bak", "not ours");
	rig_close(&r);
	rig_release(&r);
}

/* Killed at every call while it compresses: the day is there once, packed or not. */
Test(localFile_archive, a_kill_while_compressing, .timeout = 60)
{
	bool did = true;

	for (int at = 1; did; at++) {
		for (enum fault f = FAIL_EIO; f < N_FAULTS && did; f++) {
			struct tesla_item items[] = { noon(17, 1), noon(22, 2), noon(22, 2) };
			struct tesla_verdict v[2];
			int status = 0;
			struct rig r;
			pid_t child;

			items[2].t_ms += QUARTER_MS;
			items[2].n = 3;
			gzip_open(&r, "0");
			child = fork();
			if (child == 0) {
				forked = true;
				shim = (struct shim){ .fault = f, .at = at };
				(void)deliver(&r, items, 2, v);
				_exit(shim.calls >= at ? 0 : 8);
			}
			cr_assert_eq(waitpid(child, &status, 0), child);
			did = WEXITSTATUS(status) != 8;
			now_us += 3600 * INT64_C(1000000);
			deliver_all(&r, items, 3);
			deliver_all(&r, items, 3);
			check_packed(&r, "1/20261117.txt.gz", HEAD LINE("12:00:00"));
			check_text(&r, "1/20261117.txt", NULL);
			check_text(&r, "1/20261122.txt", HEAD LINE("12:00:00") LINE("12:15:00"));
			rig_close(&r);
			rig_release(&r);
		}
	}
}
