/* SPDX-License-Identifier: Apache-2.0 */
/* localFile: what its files say, byte for byte, and which records it takes. */
#include "localFile_fixture.h"

/* ---- exact bytes ---- */

Test(localFile, exact_bytes)
{
	static const struct {
		const char *format, *file, *text;
	} cases[] = {
		{ "txt", "7/20261122.txt",
		  "HORA\tTPF0\tTPF1\tTPF2\tPAT0\tCEA0\tCEA1\tCEA2\tERR0\t\n"
		  "10:15:00\t   230.10\t         \t   229.95\t    -1.23\t 98765.43\t         \t"
		  "         \t     5.00\t\n"
		  "HORA\tFRE0\tFRE1\t\n"
		  "10:30:00\t         \t         \t\n"
		  "10:45:00\t         \t         \t\n"
		  "HORA\tA,\"b0\t\n"
		  "11:00:00\t     5.00\t\n" },
		{ "csv", "7/20261122.csv",
		  "time,start,TPF0.mean,TPF0.min,TPF0.max,TPF0.count,TPF0.covered_s,TPF0.quality,"
		  "TPF1.mean,TPF1.min,TPF1.max,TPF1.count,TPF1.covered_s,TPF1.quality,"
		  "TPF2.mean,TPF2.min,TPF2.max,TPF2.count,TPF2.covered_s,TPF2.quality,"
		  "PAT0.mean,PAT0.min,PAT0.max,PAT0.count,PAT0.covered_s,PAT0.quality,"
		  "CEA0.value,CEA0.increase,CEA0.count,CEA0.covered_s,CEA0.quality,"
		  "CEA1.value,CEA1.increase,CEA1.count,CEA1.covered_s,CEA1.quality,"
		  "CEA2.value,CEA2.increase,CEA2.count,CEA2.covered_s,CEA2.quality,"
		  "ERR0.value,ERR0.count,ERR0.covered_s,ERR0.quality\r\n"
		  "2026-11-22T10:15:00+01:00,2026-11-22T10:00:00+01:00,"
		  "230.1,229.5,231.25,15,900,good,,,,0,0,error,229.95,229,230,14,840.5,good,"
		  "-1234.5,-2000,1000000,15,900,good,98765432,1500,15,900,good,"
		  "1000,,15,900,suspect,,,15,900,error,5,15,900,good\r\n"
		  "time,start,FRE0.mean,FRE0.min,FRE0.max,FRE0.count,FRE0.covered_s,FRE0.quality,"
		  "FRE1.mean,FRE1.min,FRE1.max,FRE1.count,FRE1.covered_s,FRE1.quality\r\n"
		  "2026-11-22T10:30:00+01:00,2026-11-22T10:15:00+01:00,"
		  ",,,0,0,unavailable,,,,0,0,error\r\n"
		  "2026-11-22T10:45:00+01:00,2026-11-22T10:30:00+01:00,"
		  ",,,0,0,unavailable,,,,0,0,error\r\n"
		  "time,start,\"A,\"\"b0.value\",\"A,\"\"b0.count\",\"A,\"\"b0.covered_s\","
		  "\"A,\"\"b0.quality\"\r\n"
		  "2026-11-22T11:00:00+01:00,2026-11-22T10:45:00+01:00,5,15,900,good\r\n" },
		{ "jsonl", "7/20261122.jsonl",
		  "{\"time\":\"2026-11-22T10:15:00+01:00\",\"start\":\"2026-11-22T10:00:00+01:00\","
		  "\"variables\":{\"TPF\":{\"unit\":\"V\",\"elements\":["
		  "{\"mean\":230.1,\"min\":229.5,\"max\":231.25,\"count\":15,\"covered_s\":900,"
		  "\"quality\":\"good\"},{\"count\":0,\"covered_s\":0,\"quality\":\"error\"},"
		  "{\"mean\":229.95,\"min\":229,\"max\":230,\"count\":14,\"covered_s\":840.5,"
		  "\"quality\":\"good\"}]},\"PAT\":{\"unit\":\"W\",\"elements\":["
		  "{\"mean\":-1234.5,\"min\":-2000,\"max\":1000000,\"count\":15,\"covered_s\":900,"
		  "\"quality\":\"good\"}]},\"CEA\":{\"unit\":\"Wh\",\"elements\":["
		  "{\"value\":98765432,\"increase\":1500,\"count\":15,\"covered_s\":900,"
		  "\"quality\":\"good\"},{\"value\":1000,\"count\":15,\"covered_s\":900,"
		  "\"quality\":\"suspect\"},{\"count\":15,\"covered_s\":900,"
		  "\"quality\":\"error\"}]},\"ERR\":{\"unit\":\"\",\"elements\":["
		  "{\"value\":5,\"count\":15,\"covered_s\":900,\"quality\":\"good\"}]}}}\n"
		  "{\"time\":\"2026-11-22T10:30:00+01:00\",\"start\":\"2026-11-22T10:15:00+01:00\","
		  "\"variables\":{\"FRE\":{\"unit\":\"Hz\",\"elements\":["
		  "{\"count\":0,\"covered_s\":0,\"quality\":\"unavailable\"},"
		  "{\"count\":0,\"covered_s\":0,\"quality\":\"error\"}]}}}\n"
		  "{\"time\":\"2026-11-22T10:45:00+01:00\",\"start\":\"2026-11-22T10:30:00+01:00\","
		  "\"variables\":{\"FRE\":{\"unit\":\"Hz\",\"elements\":["
		  "{\"count\":0,\"covered_s\":0,\"quality\":\"unavailable\"},"
		  "{\"count\":0,\"covered_s\":0,\"quality\":\"error\"}]}}}\n"
		  "{\"time\":\"2026-11-22T11:00:00+01:00\",\"start\":\"2026-11-22T10:45:00+01:00\","
		  "\"variables\":{\"A,\\\"b\":{\"unit\":\"\",\"elements\":["
		  "{\"value\":5,\"count\":15,\"covered_s\":900,\"quality\":\"good\"}]}}}\n" },
	};
	int64_t t = utc(2026, 11, 22, 9, 15);
	struct tesla_item items[] = { record(7, t, 1, all, N_ELEMENTS(all)),
				      record(7, t + QUARTER_MS, 2, blanks, 1),
				      record(7, t + 2 * QUARTER_MS, 3, blanks, 1),
				      record(7, t + 3 * QUARTER_MS, 4, odds, 1) };

	items[0].identity = "PM710 V1\t2";
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		for (size_t at_once = 1; at_once <= 4;
		     at_once *= 4) { /* one by one; all together */
			struct rig r;

			rig_init(&r, cases[i].format);
			for (size_t j = 0; j < 4; j += at_once) {
				rig_open(&r); /* nothing of it is in memory */
				deliver_all(&r, items + j, at_once);
				rig_close(&r);
			}
			check_text(&r, cases[i].file, cases[i].text);
			check_text(&r, "7/analitzador.dat", "PM710 V1 2\tSun Nov 22 10:15:00 2026");
			rig_release(&r);
		}
	}
}

Test(localFile, shortest_numbers)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ -0.5, "-0.5" },
		{ 0.1, "0.1" },
		{ 0.1 + 0.2, "0.30000000000000004" },
		{ 230.0625, "230.0625" },
		{ 1e15, "1e+15" },
		{ 4294967295, "4294967295" },
		{ 1.0 / 3, "0.3333333333333333" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		char text[FORMAT_NUMBER_MAX];

		format_number_text(cases[i].value, text);
		cr_expect_str_eq(text, cases[i].text);
		cr_expect_eq(strtod(text, NULL), cases[i].value, "%s", text);
	}
}

/* ---- days ---- */

Test(localFile, days_of_23_and_25_hours)
{
	static const struct {
		const char *name, *format;
		int month, day, hour; /* UTC: of the day's first window's end */
		size_t windows;
	} cases[] = {
		{ "1/20260329.txt", "txt", 3, 28, 23, 92 },
		{ "1/20261025.txt", "txt", 10, 24, 22, 100 },
		{ "1/20260329.csv", "csv", 3, 28, 23, 92 },
		{ "1/20261025.jsonl", "jsonl", 10, 24, 22, 100 },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct tesla_item items[101];
		bool header = strcmp(cases[i].format, "jsonl") != 0;
		struct rig r;

		rig_init(&r, cases[i].format);
		rig_open(&r);
		for (size_t j = 0; j <= cases[i].windows; j++)
			items[j] = record(1,
					  utc(2026, cases[i].month, cases[i].day, cases[i].hour,
					      0) + (int64_t)j * QUARTER_MS,
					  1 + j, blanks, 1);
		for (int times = 0; times < 2; times++) /* the second time nothing changes */
			deliver_all(&r, items, cases[i].windows + 1);
		cr_expect_eq(lines_of(&r, cases[i].name), cases[i].windows + header, "%s has %zu",
			     cases[i].name, lines_of(&r, cases[i].name));
		rig_close(&r);
		rig_release(&r);
	}
}

/* What stands in the day file already, without a position file; two records come. */
Test(localFile, what_others_left)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{ "", HEAD LINE("10:15:00") LINE("10:30:00") },
		{ HEAD LINE("10:15:00"), HEAD LINE("10:15:00") LINE("10:30:00") },
		{ HEAD LINE("10:15:00") LINE("10:30:00"), HEAD LINE("10:15:00") LINE("10:30:00") },
		{ HEAD "10:15:00\t     ", HEAD LINE("10:15:00") LINE("10:30:00") },
		{ "HORA\tFR", HEAD LINE("10:15:00") LINE("10:30:00") },
		{ HEAD LINE("10:00:00") "10:07:00\tby hand",
		  HEAD LINE("10:00:00") "10:07:00\tby hand\n" LINE("10:15:00") LINE("10:30:00") },
		{ "HORA\tTPF0\t\n10:00:00\t   230.00\t\n",
		  "HORA\tTPF0\t\n10:00:00\t   230.00\t\n" HEAD LINE("10:15:00") LINE("10:30:00") },
	};
	int64_t t = utc(2026, 11, 22, 9, 15);
	const struct tesla_item items[] = { record(3, t, 1, blanks, 1),
					    record(3, t + QUARTER_MS, 2, blanks, 1) };

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct rig r;

		rig_init(&r, "txt");
		folder_put(&r, "3");
		text_put(&r, "3/20261122.txt", cases[i].before);
		if (i % 2 == 1)
			text_put(&r, "3/.position.txt", "rubbish\n");
		rig_open(&r);
		deliver_all(&r, items, 2);
		deliver_all(&r, items, 2);
		check_text(&r, "3/20261122.txt", cases[i].after);
		rig_close(&r);
		rig_release(&r);
	}
}

/* A clock that was set back, a record that was left behind, a journal that counts anew. */
Test(localFile, out_of_order)
{
	static const struct {
		const char *name;
		struct {
			int minutes;
			uint64_t n;
		} given[6];
	} cases[] = {
		{ "clock set back",
		  { { 60, 1 }, { 75, 2 }, { 15, 3 }, { 30, 4 }, { 45, 5 }, { 90, 6 } } },
		{ "left behind",
		  { { 30, 2 }, { 45, 3 }, { 15, 1 }, { 60, 4 }, { 75, 5 }, { 90, 6 } } },
		{ "new journal",
		  { { 15, 7 }, { 30, 8 }, { 45, 1 }, { 60, 2 }, { 75, 3 }, { 90, 4 } } },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct tesla_item items[6];
		struct rig r;

		rig_init(&r, "txt");
		rig_open(&r);
		for (size_t j = 0; j < 6; j++)
			items[j] = record(1,
					  utc(2026, 11, 22, 9, 0) +
						  cases[i].given[j].minutes * INT64_C(60000),
					  cases[i].given[j].n, blanks, 1);
		for (size_t j = 0; j < 6; j++) /* each, and all before it once more */
			deliver_all(&r, items, j + 1);
		deliver_all(&r, items, 6);
		cr_expect_eq(lines_of(&r, "1/20261122.txt"), 7, "%s: %zu", cases[i].name,
			     lines_of(&r, "1/20261122.txt"));
		rig_close(&r);
		rig_release(&r);
	}
}

/* ---- what is refused, what waits ---- */

Test(localFile, verdicts)
{
	const struct tesla_record_variable tab = { "A\tB", "", TESLA_STATUS, 1, 1, states };
	const struct tesla_record_variable *const tabs[] = { &tab };
	int64_t t = utc(2026, 11, 22, 9, 15);
	struct tesla_item items[] = {
		record(1, t, 1, blanks, 1),	 record(0, t, 2, blanks, 1),
		record(2, t, 3, tabs, 1),	 record(2, INT64_MIN / 2, 4, blanks, 1),
		record(2, INT64_MAX, 5, all, 1), record(4, t, 6, blanks, 1),
		{ .kind = TESLA_SWEEP }
	};
	static const struct {
		enum tesla_delivery delivery;
		const char *why;
	} expected[] = { { TESLA_DONE, "" },	    { TESLA_REJECT, "analyzer 0" },
			 { TESLA_REJECT, "name" },  { TESLA_REJECT, "years" },
			 { TESLA_REJECT, "years" }, { TESLA_RETRY, "/4: Not a directory" },
			 { TESLA_REJECT, "kind 1" } };
	struct tesla_verdict v[N_ELEMENTS(items)];
	struct rig r;

	rig_init(&r, "txt");
	rig_open(&r);
	text_put(&r, "4", "");
	(void)deliver(&r, items, N_ELEMENTS(items), v);
	for (size_t i = 0; i < N_ELEMENTS(items); i++) {
		cr_expect_eq(v[i].delivery, expected[i].delivery, "%zu: %s", i, v[i].why.text);
		cr_expect_not_null(strstr(v[i].why.text, expected[i].why), "%zu: %s", i,
				   v[i].why.text);
	}
	rig_release(&r); /* the target is gone: all wait */
	cr_expect_eq(deliver(&r, items, 1, v), 0);
	cr_expect_eq(v[0].delivery, TESLA_RETRY);
	rig_close(&r);
}

Test(localFile, a_deadline_that_has_passed_leaves_all)
{
	const struct tesla_item item = record(1, utc(2026, 11, 22, 9, 15), 1, blanks, 1);
	const struct tesla_item *list[] = { &item };
	struct tesla_batch b = { sizeof b, "roof", 1, 1, list, 1000 };
	struct tesla_verdict v = { 0 };
	struct tesla_error err = { 0 };
	struct rig r;

	rig_init(&r, "txt");
	rig_open(&r);
	now_us = 1000;
	cr_expect_eq(tesla_plugin.exporter->deliver(r.self, &b, &v, &err), 0);
	cr_expect_eq(v.delivery, TESLA_RETRY);
	check_text(&r, "1/20261122.txt", NULL);
	now_us = 999;
	cr_expect_eq(tesla_plugin.exporter->deliver(r.self, &b, &v, &err), 0);
	cr_expect_eq(v.delivery, TESLA_DONE);
	rig_close(&r);
	rig_release(&r);
}

/* Each is looked for in the whole day, which may take long: those that were found count. */
Test(localFile, looking_for_many_ends_in_time)
{
	struct tesla_item items[90];
	const struct tesla_item *list[90];
	struct tesla_batch b = { sizeof b, "roof", 1, 90, list, 1000 };
	struct tesla_verdict v[90];
	struct tesla_error err = { 0 };
	size_t n = 0;
	struct rig r;

	rig_init(&r, "txt");
	rig_open(&r);
	for (size_t i = 0; i < 90; i++) {
		items[i] = record(1, utc(2026, 11, 21, 23, 15) + (int64_t)i * QUARTER_MS, i + 1,
				  blanks, 1);
		list[i] = &items[i];
	}
	deliver_all(&r, items, 89);
	text_put(&r, "1/.position.txt", "");
	for (int turns = 0; n < 90; turns++) {
		size_t done = 0;

		memset(v, 0, sizeof v);
		now_us = 0;
		tick_us = 100;
		cr_expect_eq(tesla_plugin.exporter->deliver(r.self, &b, v, &err), 0);
		while (done < b.n_items && v[done].delivery == TESLA_DONE)
			done++;
		cr_assert(done > 0 && done <= 10 && turns < 90, "%zu", done);
		n += done;
		b.items += done;
		b.n_items -= done;
	}
	cr_expect_eq(lines_of(&r, "1/20261122.txt"), 91);
	rig_close(&r);
	rig_release(&r);
}

/* ---- what a meter and a model say ---- */

/* What stands in the way of analitzador.dat is said once for each analyzer; lines go on. */
Test(localFile, an_identity_that_cannot_be_written)
{
	struct tesla_item items[2];
	struct rig r;

	rig_init(&r, "txt");
	rig_open(&r);
	for (int i = 0; i < 2; i++)
		folder_put(&r, i ? "2" : "1"),
			folder_put(&r, i ? "2/analitzador.dat" : "1/analitzador.dat");
	for (uint64_t n = 1; n <= 4; n++) {
		for (int i = 0; i < 2; i++) {
			items[i] = record(1 + i, utc(2026, 11, 22, 9, 0) + (int64_t)n * QUARTER_MS,
					  2 * n + (uint64_t)i, blanks, 1);
			items[i].identity = "PM710";
		}
		if (n == 4) {
			char path[80];

			(void)snprintf(path, sizeof path, "%s/2/analitzador.dat", r.target);
			cr_assert_eq(rmdir(path), 0);
		}
		deliver_all(&r, items, 2);
		cr_expect_eq(n_logged, 2, "batch %d: %d lines", (int)n, n_logged);
		cr_expect_not_null(strstr(logged, "/2/analitzador.dat: Is a directory"), "%s",
				   logged);
		now_us += 3600 * SECOND_US;
	}
	cr_expect_eq(lines_of(&r, "1/20261122.txt"), 5);
	check_text(&r, "2/analitzador.dat", "PM710\tSun Nov 22 11:00:00 2026");
	rig_close(&r);
	rig_release(&r);
}

Test(localFile, text_that_is_not_utf8)
{
	static const struct {
		const char *format, *unit, *why;
	} cases[] = {
		{ "jsonl",
		  "\xb0"
		  "C",
		  "unit" },
		{ "jsonl", "\xe2\x82", "unit" },
		{ "jsonl",
		  "\xc2\xb0"
		  "C",
		  "" },
		{ "jsonl", "\xf0\x9f\x98\x80", "" },
		{ "jsonl", "\xed\xa0\x80", "unit" },
		{ "jsonl", "\xc0\xaf", "unit" },
		{ "txt",
		  "\xb0"
		  "C",
		  "" },
		{ "csv",
		  "\xb0"
		  "C",
		  "" },
	};
	static const char identity[] = "PM\xff"
				       "710 \xc3\xa9 \xe2\x82";

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const struct tesla_record_variable v = { "T", cases[i].unit, TESLA_STATUS, 1,
							 1,   states };
		const struct tesla_record_variable *const list[] = { &v };
		struct tesla_item items[] = {
			record(1, utc(2026, 11, 22, 9, 15), 1, list, 1),
			record(1, utc(2026, 11, 22, 9, 30), 2, blanks, 1),
		};
		bool refused = cases[i].why[0] != '\0';
		struct tesla_verdict v2[2];
		struct rig r;

		items[1].identity = identity;
		rig_init(&r, cases[i].format);
		rig_open(&r);
		(void)deliver(&r, items, 2, v2);
		cr_expect_eq(v2[0].delivery, refused ? TESLA_REJECT : TESLA_DONE, "%zu: %s", i,
			     v2[0].why.text);
		cr_expect_not_null(strstr(v2[0].why.text, cases[i].why), "%s", v2[0].why.text);
		cr_expect_eq(v2[1].delivery, TESLA_DONE, "%zu: %s", i, v2[1].why.text);
		check_text(&r, "1/analitzador.dat", "PM?710 \xc3\xa9 ??\tSun Nov 22 10:30:00 2026");
		rig_close(&r);
		rig_release(&r);
	}
}
