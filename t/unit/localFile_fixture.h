/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of localFile share: a plugin with a folder and a clock of its own, records, and
 * faults.
 *
 * They are linked with --wrap: every call by that the plugin changes a file passes through the
 * fixture, is counted, and the n-th one fails, is short, or is the last thing that the process
 * does.  Calls by that it reads are counted on demand; read() itself, which zlib calls too, is the
 * fixture's own.
 */
#ifndef UNIT_LOCALFILE_FIXTURE_H
#define UNIT_LOCALFILE_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "../../plugins/export/localFile/format.h"
#include "base/cleanup.h"

#define TEXT_MAX (1u << 17)
#define QUARTER_MS (900 * INT64_C(1000))
#define SECOND_US INT64_C(1000000)

/* Criterion's own have no thread to send what they found with in a process that was forked. */
extern bool forked;
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

struct shim {
	enum fault fault;
	int at, calls;	    /* the at-th call from 1 on; what was counted */
	bool input;	    /* what reads, opens or asks for memory is counted too */
	const char *synced; /* a folder for what is on the disk for sure; NULL: not wanted */
};
extern struct shim shim;

ssize_t __real_write(int fd, const void *bytes, size_t n);
int __real_ftruncate(int fd, off_t size);

/* ---- a host, a configuration, a folder ---- */

extern int64_t now_us, tick_us; /* each look at the clock moves it on by a tick */
extern time_t wall;		/* what time() says */
extern char logged[300];	/* the last line */
extern int n_logged;

struct rig {
	char target[40];
	void *self;
	_Alignas(16) uint8_t memory[256];
};

void rig_set(struct rig *r, const char *name, const char *value);
void rig_init(struct rig *r, const char *format);
void rig_open(struct rig *r);
void rig_close(struct rig *r);
void rig_release(struct rig *r);

size_t fd_read(int fd, char *text, size_t size);
/* The text of a file below the target, to be freed; NULL: there is none. */
char *text_of(const struct rig *r, const char *name);
void check_text(const struct rig *r, const char *name, const char *expected);
void text_put(const struct rig *r, const char *name, const char *text);
void folder_put(const struct rig *r, const char *name);
size_t lines_of(const struct rig *r, const char *name);

/* ---- records ---- */

#define LINE(clock) clock "\t         \t         \t\n" /* of `blanks` */
#define HEAD "HORA\tFRE0\tFRE1\t\n"

extern const struct tesla_record_element states[1];
extern const struct tesla_record_variable *const all[4], *const blanks[1], *const odds[1];

int64_t utc(int year, int month, int day, int hour, int minute);
struct tesla_item record(int64_t analyzer, int64_t end_ms, uint64_t n,
			 const struct tesla_record_variable *const *variables, size_t n_variables);

#define BATCH_MAX 128

/* Returns how many were DONE; the verdicts are left for a look. */
size_t deliver(struct rig *r, const struct tesla_item *items, size_t n,
	       struct tesla_verdict *verdicts);
void deliver_all(struct rig *r, const struct tesla_item *items, size_t n);

#endif
