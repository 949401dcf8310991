/* SPDX-License-Identifier: Apache-2.0 */
/* See localFile_fixture.h. */
#include "localFile_fixture.h"

#include <ftw.h>
#include <sys/syscall.h>

#include "base/param.h"

bool forked;
struct shim shim;
int64_t now_us, tick_us;
time_t wall;
char logged[300];
int n_logged;

/* ---- faults ---- */

ssize_t __real_pwrite(int fd, const void *bytes, size_t n, off_t at);
ssize_t __real_pread(int fd, void *bytes, size_t n, off_t at);
ssize_t __real_getline(char **line, size_t *size, FILE *in);
void *__real_malloc(size_t n);
int __real_openat(int fd, const char *name, int flags, ...);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_unlinkat(int fd, const char *name, int flags);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t n, off_t at);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __wrap_ftruncate(int fd, off_t size);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
ssize_t __wrap_pread(int fd, void *bytes, size_t n, off_t at);
ssize_t __wrap_getline(char **line, size_t *size, FILE *in);
void *__wrap_malloc(size_t n);
int __wrap_openat(int fd, const char *name, int flags, ...);
time_t __wrap_time(time_t *t);

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

static enum fault shim_input(void)
{
	return shim.input ? shim_next() : NONE;
}

ssize_t __wrap_pread(int fd, void *bytes, size_t n, off_t at)
{
	return fails(shim_input()) ? -1 : __real_pread(fd, bytes, n, at);
}

/* Not wrapped, but in the place of libc's: zlib calls it too.  Criterion's own are of sockets. */
ssize_t read(int fd, void *bytes, size_t n)
{
	struct stat st;

	if (shim.input && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && fails(shim_next()))
		return -1;
	return syscall(SYS_read, fd, bytes, n);
}

ssize_t __wrap_getline(char **line, size_t *size, FILE *in)
{
	return fails(shim_input()) ? -1 : __real_getline(line, size, in);
}

void *__wrap_malloc(size_t n)
{
	if (fails(shim_input())) {
		errno = ENOMEM;
		return NULL;
	}
	return __real_malloc(n);
}

int __wrap_openat(int fd, const char *name, int flags, ...)
{
	return fails(shim_input()) ? -1 : __real_openat(fd, name, flags, 0666);
}

time_t __wrap_time(time_t *t)
{
	if (t != NULL)
		*t = wall;
	return wall;
}

size_t fd_read(int fd, char *text, size_t size)
{
	ssize_t n = __real_pread(fd, text, size - 1, 0);

	must(n >= 0 && (size_t)n < size - 1, "%s", strerror(errno));
	text[n] = '\0';
	return (size_t)n;
}

/* No real sync, which would only be slow: the bytes are noted as those that a power cut leaves. */
static void shim_synced(int fd)
{
	char link[64], path[512] = "", copy[600], *text = __real_malloc(TEXT_MAX);
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

__attribute__((format(printf, 3, 4))) static void host_log(const struct tesla_host *h, int level,
							   const char *fmt, ...)
{
	va_list ap;

	(void)h, (void)level;
	n_logged++;
	va_start(ap, fmt);
	(void)vsnprintf(logged, sizeof logged, fmt, ap);
	va_end(ap);
}

static int64_t host_now(const struct tesla_host *h)
{
	(void)h;
	now_us += tick_us;
	return now_us;
}

static const struct tesla_host host = { .size = sizeof host, .log = host_log, .now_us = host_now };

void rig_set(struct rig *r, const char *name, const char *value)
{
	const struct tesla_param *row = param_find(tesla_plugin.params, name);
	struct tesla_error err = { 0 };

	cr_assert_not_null(row, "%s", name);
	cr_assert_eq(param_set(row, value, r->memory, &err), 0, "%s", err.text);
}

void rig_init(struct rig *r, const char *format)
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
	now_us = 0;
	tick_us = 0;
	wall = (time_t)(utc(2026, 11, 22, 20, 0) / 1000);
	n_logged = 0;
}

void rig_open(struct rig *r)
{
	struct tesla_error err = { 0 };

	must(tesla_plugin.exporter->open(r->memory, &host, &r->self, &err) == 0, "%s", err.text);
}

void rig_close(struct rig *r)
{
	tesla_plugin.exporter->close(r->self);
	r->self = NULL;
}

static int entry_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

void rig_release(struct rig *r)
{
	(void)nftw(r->target, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* The text of a file below the target, to be freed; NULL: there is none. */
char *text_of(const struct rig *r, const char *name)
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

void check_text(const struct rig *r, const char *name, const char *expected)
{
	_cleanup_free_ char *text = text_of(r, name);

	if (expected == NULL)
		cr_expect_null(text, "%s is there", name);
	else
		cr_expect(text != NULL && strcmp(text, expected) == 0, "%s: got\n%s\nexpected\n%s",
			  name, text ? text : "nothing", expected);
}

void text_put(const struct rig *r, const char *name, const char *text)
{
	char path[512];

	(void)snprintf(path, sizeof path, "%s/%s", r->target, name);
	_cleanup_fclose_ FILE *out = fopen(path, "w");

	cr_assert(out != NULL && fputs(text, out) >= 0, "%s", path);
}

void folder_put(const struct rig *r, const char *name)
{
	char path[512];

	(void)snprintf(path, sizeof path, "%s/%s", r->target, name);
	cr_assert_eq(mkdir(path, 0700), 0);
}

size_t lines_of(const struct rig *r, const char *name)
{
	_cleanup_free_ char *text = text_of(r, name);
	size_t n = 0;

	for (const char *c = text; c != NULL && (c = strchr(c, '\n')) != NULL; c++)
		n++;
	return n;
}

/* ---- records ---- */

int64_t utc(int year, int month, int day, int hour, int minute)
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

const struct tesla_record_element states[] = {
	E(5, NAN, NAN, NAN, 900000, 15, TESLA_GOOD),
};
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
const struct tesla_record_variable *const all[] = { &tpf, &pat, &cea, &err_map };
const struct tesla_record_variable *const blanks[] = { &blank };
const struct tesla_record_variable *const odds[] = { &odd };

struct tesla_item record(int64_t analyzer, int64_t end_ms, uint64_t n,
			 const struct tesla_record_variable *const *variables, size_t n_variables)
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

/* Returns how many were DONE; the verdicts are left for a look. */
size_t deliver(struct rig *r, const struct tesla_item *items, size_t n,
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

void deliver_all(struct rig *r, const struct tesla_item *items, size_t n)
{
	struct tesla_verdict v[BATCH_MAX];

	cr_expect_eq(deliver(r, items, n, v), n, "%s", v[0].why.text);
}
