/* SPDX-License-Identifier: Apache-2.0 */
/*
 * localFile: what its files say, byte for byte; and that each record is there once, whatever fails
 * or stops at any of its steps.
 *
 * The test is linked with --wrap: every call by that the plugin changes a file passes through
 * here, is counted, and the n-th one fails, is short, or is the last thing that the process does.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "../../plugins/export/localFile/format.h"
#include "base/cleanup.h"
#include "base/param.h"

#define TEXT_MAX (1u << 17)
#define QUARTER_MS (900 * INT64_C(1000))

/* Criterion's own have no thread to send what they found with in a process that was forked. */
static bool forked;
#define must(cond, ...) \
	do { \
		if (cond) \
			break; \
		if (forked) { \
			(void)fprintf(stderr, __VA_ARGS__); \
			_exit(1); \
		} \
		cr_assert_fail(__VA_ARGS__); \
	} while (0)

/* ---- faults ---- */

enum fault { NONE, FAIL_EIO, FAIL_ENOSPC, SHORT, DIE_BEFORE, DIE_HALF, DIE_AFTER, N_FAULTS };

static struct shim {
	enum fault fault;
	int at, calls;	    /* the at-th call from 1 on; what was counted */
	const char *synced; /* a folder for what is on the disk for sure; NULL: not wanted */
} shim;

ssize_t __real_pwrite(int fd, const void *bytes, size_t n, off_t at);
ssize_t __real_write(int fd, const void *bytes, size_t n);
int __real_ftruncate(int fd, off_t size);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlinkat(int fd, const char *name, int flags);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t at);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);

static enum fault shim_next(void)
{
	enum fault now = ++shim.calls == shim.at ? shim.fault : NONE;

	if (now == DIE_BEFORE)
		_exit(9);
	if (now == FAIL_EIO || now == FAIL_ENOSPC)
		errno = now == FAIL_EIO ? EIO : ENOSPC;
	return now;
}

static void shim_over(enum fault now)
{
	if (now == DIE_AFTER || now == DIE_HALF)
		_exit(9);
}

/* A kill leaves the last line of several torn: whatever is looked for, the others are there. */
static size_t shim_part(enum fault now, size_t n)
{
	if (now == DIE_HALF)
		return n - n / 8;
	return now == SHORT ? n / 2 : n;
}

static bool fails(enum fault now)
{
	return now == FAIL_EIO || now == FAIL_ENOSPC;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	enum fault now = shim_next();
	ssize_t r;

	if (fails(now))
		return -1;
	if (now == SHORT && n <= 1) { /* a disk that is full stays full: the rest fails too */
		errno = ENOSPC;
		return -1;
	}
	if (now == SHORT)
		shim.at++, shim.fault = FAIL_ENOSPC;
	r = __real_pwrite(fd, bytes, shim_part(now, n), at);
	shim_over(now);
	return r;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	enum fault now = shim_next();
	ssize_t r;

	if (fails(now))
		return -1;
	r = __real_write(fd, bytes, shim_part(now, n));
	shim_over(now);
	return r;
}

int __wrap_ftruncate(int fd, off_t size)
{
	enum fault now = shim_next();
	int r = fails(now) ? -1 : __real_ftruncate(fd, size);

	shim_over(now);
	return r;
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	enum fault now = shim_next();
	int r = fails(now) ? -1 : __real_renameat(from_fd, from, to_fd, to);

	shim_over(now);
	return r;
}

int __wrap_unlinkat(int fd, const char *name, int flags)
{
	enum fault now = shim_next();
	int r = fails(now) ? -1 : __real_unlinkat(fd, name, flags);

	shim_over(now);
	return r;
}

static size_t fd_read(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	must(n >= 0 && (size_t)n < size - 1, "%s", strerror(errno));
	text[n] = '\0';
	return (size_t)n;
}

/* No real sync, which would only be slow: the bytes are noted as those that a power cut leaves. */
static void shim_synced(int fd)
{
	char link[64], path[512] = "", copy[600], *text = malloc(TEXT_MAX);
	struct stat st;
	size_t n;
	int in, out;

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	must(readlink(link, path, sizeof path - 1) > 0, "%s", link);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		in = open(path, O_RDONLY);
		n = fd_read(in, text, TEXT_MAX);
		(void)close(in);
		(void)snprintf(copy, sizeof copy, "%s/%s", shim.synced, strrchr(path, '/') + 1);
		out = open(copy, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		must(__real_write(out, text, n) == (ssize_t)n, "%s", copy);
		(void)close(out);
	}
	free(text);
}

static int any_sync(int fd)
{
	enum fault now = shim_next();

	if (fails(now))
		return -1;
	if (now == DIE_HALF)
		_exit(9);
	if (shim.synced != NULL)
		shim_synced(fd);
	shim_over(now);
	return 0;
}

int __wrap_fdatasync(int fd)
{
	return any_sync(fd);
}

int __wrap_fsync(int fd)
{
	return any_sync(fd);
}

/* ---- a host, a configuration, a folder ---- */

static int64_t now_us;
static char logged[300];

__attribute__((format(printf, 3, 4))) static void host_log(const struct tesla_host *h, int level,
							   const char *fmt, ...)
{
	va_list ap;

	(void)h, (void)level;
	va_start(ap, fmt);
	(void)vsnprintf(logged, sizeof logged, fmt, ap);
	va_end(ap);
}

static int64_t host_now(const struct tesla_host *h)
{
	(void)h;
	return now_us;
}

static const struct tesla_host host = { sizeof host, host_log, host_now };

struct rig {
	char target[40];
	void *self;
	_Alignas(16) uint8_t memory[256];
};

static void rig_set(struct rig *r, const char *name, const char *value)
{
	const struct tesla_param *row = param_find(tesla_plugin.params, name);
	struct tesla_error err = { 0 };

	cr_assert_not_null(row, "%s", name);
	cr_assert_eq(param_set(row, value, r->memory, &err), 0, "%s", err.text);
}

static void rig_init(struct rig *r, const char *format)
{
	struct tesla_error err = { 0 };

	*r = (struct rig){ .target = "/tmp/tesla-local-XXXXXX" };
	cr_assert_not_null(mkdtemp(r->target));
	cr_assert_leq(tesla_plugin.conf_size, sizeof r->memory);
	cr_assert_eq(param_defaults(tesla_plugin.params, r->memory, &err), 0, "%s", err.text);
	rig_set(r, "format", format);
	*(const char **)(void *)r->memory = r->target; /* what param_set() would copy and leak */
	cr_assert_eq(setenv("TZ", "Europe/Madrid", 1), 0);
	tzset();
	shim = (struct shim){ 0 };
}

static void rig_open(struct rig *r)
{
	struct tesla_error err = { 0 };

	must(tesla_plugin.exporter->open(r->memory, &host, &r->self, &err) == 0, "%s", err.text);
}

static void rig_close(struct rig *r)
{
	tesla_plugin.exporter->close(r->self);
	r->self = NULL;
}

static int entry_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void rig_release(struct rig *r)
{
	(void)nftw(r->target, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* The text of a file below the target, to be freed; NULL: there is none. */
static char *text_of(const struct rig *r, const char *name)
{
	char path[512], *text;
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", r->target, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return NULL;
	text = malloc(TEXT_MAX);
	(void)fd_read(fd, text, TEXT_MAX);
	(void)close(fd);
	return text;
}

static void check_text(const struct rig *r, const char *name, const char *expected)
{
	_cleanup_free_ char *text = text_of(r, name);

	if (expected == NULL)
		cr_expect_null(text, "%s is there", name);
	else
		cr_expect(text != NULL && strcmp(text, expected) == 0, "%s: got\n%s\nexpected\n%s",
			  name, text ? text : "nothing", expected);
}

static void text_put(const struct rig *r, const char *name, const char *text)
{
	char path[512];

	(void)snprintf(path, sizeof path, "%s/%s", r->target, name);
	_cleanup_fclose_ FILE *out = fopen(path, "w");

	cr_assert(out != NULL && fputs(text, out) >= 0, "%s", path);
}

static void folder_put(const struct rig *r, const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof path, "%s/%s", r->target, name);
	cr_assert_eq(mkdir(path, 0700), 0);
}

static size_t lines_of(const struct rig *r, const char *name)
{
	_cleanup_free_ char *text = text_of(r, name);
	size_t n = 0;

	for (const char *c = text; c != NULL && (c = strchr(c, '\n')) != NULL; c++)
		n++;
	return n;
}

/* ---- records ---- */

static int64_t utc(int year, int month, int day, int hour, int minute)
{
	struct tm tm = { .tm_year = year - 1900,
			 .tm_mon = month - 1,
			 .tm_mday = day,
			 .tm_hour = hour,
			 .tm_min = minute };

	return (int64_t)timegm(&tm) * 1000;
}

#define E(v, lo, hi, inc, ms, n, q) \
	{ \
		.value = v, .min = lo, .max = hi, .increase = inc, .covered_ms = ms, .count = n, \
		.quality = q \
	}

static const struct tesla_record_element voltages[] = {
	E(230.1, 229.5, 231.25, NAN, 900000, 15, TESLA_GOOD),
	E(NAN, NAN, NAN, NAN, 0, 0, TESLA_ERROR),
	E(229.95, 229, 230, NAN, 840500, 14, TESLA_GOOD),
}, powers[] = {
	E(-1234.5, -2000, 1e6, NAN, 900000, 15, TESLA_GOOD),
}, energies[] = {
	E(98765432.0, NAN, NAN, 1500, 900000, 15, TESLA_GOOD),
	E(1000, NAN, NAN, NAN, 900000, 15, TESLA_SUSPECT),
	E(INFINITY, NAN, NAN, NAN, 900000, 15, TESLA_GOOD),
}, states[] = {
	E(5, NAN, NAN, NAN, 900000, 15, TESLA_GOOD),
}, nothing[] = {
	E(NAN, NAN, NAN, NAN, 0, 0, TESLA_UNAVAILABLE),
	E(NAN, NAN, NAN, NAN, 0, 0, TESLA_ERROR),
};

static const struct tesla_record_variable tpf = { "TPF", "V", TESLA_GAUGE, 1, 3, voltages },
					  pat = { "PAT", "W", TESLA_GAUGE, 0.001, 1, powers },
					  cea = { "CEA", "Wh", TESLA_COUNTER, 0.001, 3, energies },
					  err_map = { "ERR", "", TESLA_STATUS, 1, 1, states },
					  blank = { "FRE", "Hz", TESLA_GAUGE, 1, 2, nothing },
					  odd = { "A,\"b", "", TESLA_STATUS, 1, 1, states };
static const struct tesla_record_variable *const all[] = { &tpf, &pat, &cea, &err_map };
static const struct tesla_record_variable *const blanks[] = { &blank };
static const struct tesla_record_variable *const odds[] = { &odd };

static struct tesla_item record(int64_t analyzer, int64_t end_ms, uint64_t n,
				const struct tesla_record_variable *const *variables,
				size_t n_variables)
{
	return (struct tesla_item){ .kind = TESLA_RECORD,
				    .analyzer = analyzer,
				    .start_ms = end_ms - QUARTER_MS,
				    .t_ms = end_ms,
				    .n = n,
				    .model = "PM710",
				    .n_variables = n_variables,
				    .variables = variables };
}

#define BATCH_MAX 128

/* Returns how many were DONE; the verdicts are left for a look. */
static size_t deliver(struct rig *r, const struct tesla_item *items, size_t n,
		      struct tesla_verdict *verdicts)
{
	const struct tesla_item *list[BATCH_MAX];
	struct tesla_batch b = { .size = sizeof b, .node = "roof", .n_items = n, .items = list };
	struct tesla_error err = { 0 };
	size_t done = 0;

	must(n <= BATCH_MAX, "%zu items", n);
	for (size_t i = 0; i < n; i++) {
		list[i] = &items[i];
		verdicts[i] = (struct tesla_verdict){ 0 };
	}
	(void)tesla_plugin.exporter->deliver(r->self, &b, verdicts, &err);
	for (size_t i = 0; i < n; i++)
		done += verdicts[i].delivery == TESLA_DONE;
	return done;
}

static void deliver_all(struct rig *r, const struct tesla_item *items, size_t n)
{
	struct tesla_verdict v[BATCH_MAX];

	cr_expect_eq(deliver(r, items, n, v), n, "%s", v[0].why.text);
}

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

/* ---- each record once, whatever happens ---- */

#define NIGHT 21
#define STEP 5

/*
 * Through midnight and the hour that is there twice; all blank, so that the two passes have the
 * same lines.  Near the end the variables change, and once the identity.
 */
static void night_make(struct tesla_item items[NIGHT])
{
	for (size_t i = 0; i < NIGHT; i++) {
		int64_t end = utc(2026, 10, 24, 21, 30) + (int64_t)i * QUARTER_MS;

		items[i] = i < 18 ? record(1, end, 100 + i, blanks, 1)
				  : record(1, end, 100 + i, odds, 1);
		items[i].identity = i < 9 ? "PM710 A" : "PM710 B";
	}
}

static const char night_24[] = "HORA\tFRE0\tFRE1\t\n"
			       "23:30:00\t         \t         \t\n"
			       "23:45:00\t         \t         \t\n";
static const char night_25[] = "HORA\tFRE0\tFRE1\t\n"
			       "00:00:00\t         \t         \t\n"
			       "00:15:00\t         \t         \t\n"
			       "00:30:00\t         \t         \t\n"
			       "00:45:00\t         \t         \t\n"
			       "01:00:00\t         \t         \t\n"
			       "01:15:00\t         \t         \t\n"
			       "01:30:00\t         \t         \t\n"
			       "01:45:00\t         \t         \t\n"
			       "02:00:00\t         \t         \t\n"
			       "02:15:00\t         \t         \t\n"
			       "02:30:00\t         \t         \t\n"
			       "02:45:00\t         \t         \t\n"
			       "02:00:00\t         \t         \t\n"
			       "02:15:00\t         \t         \t\n"
			       "02:30:00\t         \t         \t\n"
			       "02:45:00\t         \t         \t\n"
			       "HORA\tA,\"b0\t\n"
			       "03:00:00\t     5.00\t\n"
			       "03:15:00\t     5.00\t\n"
			       "03:30:00\t     5.00\t\n";

/* What the core does: the same records again until they are DONE; *acked survives a kill. */
static void night_run(struct rig *r, const struct tesla_item *items, size_t step,
		      volatile size_t *acked)
{
	struct tesla_verdict v[BATCH_MAX];

	rig_open(r);
	for (int tries = 0; *acked < NIGHT; tries++) {
		size_t n = NIGHT - *acked < step ? NIGHT - *acked : step, done;

		done = deliver(r, items + *acked, n, v);
		for (size_t i = 0; i < done; i++)
			must(v[i].delivery == TESLA_DONE, "DONE behind one that is not");
		must(done == n || v[n - 1].why.text[0] != '\0', "RETRY, but no reason");
		must(tries < 50, "%s", v[n - 1].why.text);
		*acked += done;
	}
	rig_close(r);
}

enum cut { LIVE = 0, DAY_LOST = 1, POSITION_LOST = 2, DAY_ZEROS = 4 };

/* What was not synced is gone, or for `zeros` as long as it was, but never written. */
static void file_cut(const struct rig *r, const char *name, bool zeros)
{
	char from[400], to[400], *text = malloc(TEXT_MAX);
	size_t n = 0;
	struct stat st;
	int fd;

	(void)snprintf(from, sizeof from, "%s/synced/%s", r->target, name);
	(void)snprintf(to, sizeof to, "%s/1/%s", r->target, name);
	fd = open(from, O_RDONLY);
	if (fd >= 0) {
		n = fd_read(fd, text, TEXT_MAX);
		(void)close(fd);
	}
	cr_assert_eq(stat(to, &st), 0);
	if (fd < 0 && !zeros) {
		(void)unlink(to);
	} else {
		fd = open(to, O_WRONLY | O_TRUNC);
		cr_assert_eq(__real_write(fd, text, n), (ssize_t)n);
		if (zeros && (size_t)st.st_size > n)
			cr_assert_eq(__real_ftruncate(fd, st.st_size), 0);
		(void)close(fd);
	}
	free(text);
}

static void power_cut(const struct rig *r, int cut)
{
	char path[64];
	struct dirent *d;
	DIR *dir;

	(void)snprintf(path, sizeof path, "%s/1", r->target);
	dir = opendir(path);
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		bool day = d->d_name[0] == '2', position = strncmp(d->d_name, ".pos", 4) == 0;

		if ((day && cut & (DAY_LOST | DAY_ZEROS)) || (position && cut & POSITION_LOST))
			file_cut(r, d->d_name, day && cut & DAY_ZEROS);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

struct accident {
	enum fault fault;
	int at, cut;
	size_t step;	 /* records in a batch after it */
	bool from_start; /* all is redelivered, else what was not acknowledged */
};

/* false: there are not so many calls. */
static bool accident_run(const struct accident *a, const char *format)
{
	struct tesla_item items[NIGHT];
	volatile size_t *acked = mmap(NULL, sizeof *acked, PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char synced[64], name[32];
	struct rig r;
	int status = 0;
	pid_t child;

	rig_init(&r, format);
	night_make(items);
	folder_put(&r, "synced");
	(void)snprintf(synced, sizeof synced, "%s/synced", r.target);
	child = fork();
	if (child == 0) {
		forked = true;
		shim = (struct shim){ .fault = a->fault, .at = a->at, .synced = synced };
		night_run(&r, items, STEP, acked);
		_exit(shim.calls >= a->at ? 0 : 8);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "signal %d", WTERMSIG(status));
	cr_assert_neq(WEXITSTATUS(status), 1, "fault %d at call %d", a->fault, a->at);
	bool did = WEXITSTATUS(status) != 8;

	power_cut(&r, a->cut);
	if (a->from_start)
		*acked = 0;
	night_run(&r, items, a->step, acked);
	if (strcmp(format, "txt") == 0) {
		check_text(&r, "1/20261024.txt", night_24);
		check_text(&r, "1/20261025.txt", night_25);
	} else {
		(void)snprintf(name, sizeof name, "1/20261025.%s", format);
		cr_expect_eq(lines_of(&r, name), strcmp(format, "csv") == 0 ? 21 : 19, "%s", name);
	}
	rig_release(&r);
	(void)munmap((void *)(uintptr_t)acked, sizeof *acked);
	return did;
}

static void check_every_call(enum fault fault, int cut, bool from_start, const char *format)
{
	struct accident a = { fault, 0, cut, from_start ? 7 : STEP, from_start };

	do
		a.at++;
	while (accident_run(&a, format));
	cr_expect_gt(a.at, 20, "only %d calls", a.at);
}

Test(localFile, an_error_at_every_call, .timeout = 120)
{
	static const char *const formats[] = { "txt", "csv", "jsonl" };

	for (enum fault f = FAIL_EIO; f <= SHORT; f++)
		for (size_t i = 0; i < N_ELEMENTS(formats); i++)
			check_every_call(f, LIVE, f == FAIL_EIO, formats[i]);
}

Test(localFile, a_kill_at_every_call, .timeout = 120)
{
	static const char *const formats[] = { "txt", "csv", "jsonl" };

	for (enum fault f = DIE_BEFORE; f <= DIE_AFTER; f++)
		for (size_t i = 0; i < N_ELEMENTS(formats); i++)
			for (int from_start = 0; from_start < (i == 0 ? 2 : 1); from_start++)
				check_every_call(f, LIVE, from_start, formats[i]);
}

Test(localFile, a_power_cut_at_every_call, .timeout = 240)
{
	static const int cuts[] = { DAY_LOST, POSITION_LOST, DAY_LOST | POSITION_LOST, DAY_ZEROS,
				    DAY_ZEROS | POSITION_LOST };

	for (enum fault f = DIE_BEFORE; f <= DIE_AFTER; f++)
		for (size_t i = 0; i < N_ELEMENTS(cuts); i++)
			check_every_call(f, cuts[i], i % 2 == 1, "txt");
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

#define LINE(clock) clock "\t         \t         \t\n"
#define HEAD "HORA\tFRE0\tFRE1\t\n"

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

/* ---- finished days ---- */

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

Test(localFile, finished_days)
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
Test(localFile, a_kill_while_compressing, .timeout = 60)
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
