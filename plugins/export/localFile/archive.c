/* SPDX-License-Identifier: Apache-2.0 */
/* Which day files are old.  A day is the name of its file, counted from 1970. */
#include "archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pack.h"
#include "position.h"

#define DAY_S INT64_C(86400)
#define OPEN_DAYS 2 /* today's and yesterday's file stay as they are */
#define PAUSE_DAYS 7

/* ---- days ---- */

/* The day of a file name; -1: it is none of ours. */
static int64_t name_day(const char *name, const char *ext, bool *packed)
{
	struct tm tm = { 0 }, back;
	char again[12];
	time_t t;

	if (strspn(name, "0123456789") != 8 || name[8] != '.' ||
	    strncmp(name + 9, ext, strlen(ext)) != 0)
		return -1;
	*packed = strcmp(name + 9 + strlen(ext), ".gz") == 0;
	if (!*packed && name[9 + strlen(ext)] != '\0')
		return -1;
	if (sscanf(name, "%4d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	t = timegm(&tm);
	if (gmtime_r(&t, &back) == NULL || strftime(again, sizeof again, "%Y%m%d", &back) != 8 ||
	    strncmp(again, name, 8) != 0) /* 20260231 */
		return -1;
	return t / DAY_S;
}

static void day_text(int64_t day, char text[12])
{
	time_t t = day * DAY_S;
	struct tm tm;

	text[0] = '\0';
	if (gmtime_r(&t, &tm) != NULL)
		(void)strftime(text, 12, "%Y%m%d", &tm);
}

static int64_t today(void)
{
	time_t now = time(NULL);
	struct tm tm;

	if (localtime_r(&now, &tm) == NULL)
		return -1;
	tm.tm_isdst = 0;
	return timegm(&tm) / DAY_S;
}

/*
 * What is removed cannot be brought back: when the wall clock leaps, whoever set it gets a week to
 * see it.
 */
static bool may_remove(struct archive *a)
{
	int64_t now_us = a->host->now_us(a->host), was = a->clock_s;

	a->clock_s = (int64_t)time(NULL) - now_us / 1000000;
	if (llabs(a->clock_s - was) >= DAY_S && a->keep_days > 0) {
		a->host->log(a->host, 4,
			     "%s: the clock leapt by %" PRId64
			     " days: no day file is removed for %d days",
			     a->target, (a->clock_s - was) / DAY_S, PAUSE_DAYS);
		a->no_removal_us = now_us + PAUSE_DAYS * DAY_S * 1000000;
	}
	return a->keep_days > 0 && now_us >= a->no_removal_us;
}

/* ---- the folder in hand ---- */

struct folder_days {
	char path[24]; /* below the target */
	DIR *dir;
	int64_t newest, oldest; /* of all; newest: not in the future */
	int64_t plain;		/* the oldest behind a->day that is not compressed */
	int lock;		/* on the position file; -1: not taken */
	int64_t in_hand;	/* the day that it names; -1: none */
};

static DIR *dir_open(int at_fd, const char *name)
{
	int fd = openat(at_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL && fd >= 0)
		(void)close(fd);
	return dir;
}

static void days_close(struct folder_days *f)
{
	if (f->lock >= 0)
		(void)close(f->lock);
	if (f->dir != NULL)
		(void)closedir(f->dir);
}

static bool days_open(const struct archive *a, int target_fd, struct folder_days *f)
{
	int64_t now = today();
	struct dirent *d;
	bool packed;

	*f = (struct folder_days){ .newest = -1, .oldest = -1, .plain = -1, .lock = -1 };
	(void)snprintf(f->path, sizeof f->path, "%" PRId64, a->analyzer);
	f->dir = dir_open(target_fd, f->path);
	while (f->dir != NULL && (d = readdir(f->dir)) != NULL) {
		int64_t day = name_day(d->d_name, a->ext, &packed);

		if (day < 0)
			continue;
		if (day <= now && day > f->newest)
			f->newest = day;
		if (f->oldest < 0 || day < f->oldest)
			f->oldest = day;
		if (!packed && day > a->day && (f->plain < 0 || day < f->plain))
			f->plain = day;
	}
	return f->dir != NULL;
}

/* Nobody writes to the folder until days_close(); which day was written to last is known. */
static int days_lock(const struct archive *a, struct folder_days *f)
{
	char name[24];
	struct position at;
	bool found, packed;
	int r;

	(void)snprintf(name, sizeof name, ".position.%s", a->ext);
	r = position_open(dirfd(f->dir), name, &f->lock, &at, &found);
	f->in_hand = r == 0 && found ? name_day(at.day_file, a->ext, &packed) : -1;
	return r;
}

static void folder_failed(struct archive *a, const struct folder_days *f, const char *name,
			  const char *what, int r)
{
	const char *why = r == -EBADMSG ? "its .gz is damaged"
			  : r == -EBUSY ? "another process writes here"
					: strerror(-r);

	(void)tesla_fail(&a->error, r, "%s/%s/%s is not %s: %s", a->target, f->path, name, what,
			 why);
}

/* ---- removing ---- */

static void removed(struct archive *a, int64_t day)
{
	if (a->n_removed == 0 || day < a->first_removed)
		a->first_removed = day;
	if (a->n_removed == 0 || day > a->last_removed)
		a->last_removed = day;
	a->n_removed++;
}

static void removal_say(struct archive *a)
{
	char first[12], last[12];

	day_text(a->first_removed, first);
	day_text(a->last_removed, last);
	if (a->n_removed > 0)
		a->host->log(a->host, 6,
			     "%s: %zu day files from %s to %s were removed (keep=%" PRId64 ")",
			     a->target, a->n_removed, first, last, a->keep_days);
	a->n_removed = 0;
}

/* false: it was time to stop. */
static bool old_remove(struct archive *a, struct folder_days *f, int64_t until_us)
{
	struct dirent *d;
	bool packed;

	rewinddir(f->dir);
	while ((d = readdir(f->dir)) != NULL) {
		int64_t day = name_day(d->d_name, a->ext, &packed);

		if (day < 0 || day == f->in_hand || f->newest - day <= a->keep_days)
			continue;
		if (unlinkat(dirfd(f->dir), d->d_name, 0) == 0)
			removed(a, day);
		else
			folder_failed(a, f, d->d_name, "removed", -errno);
		if (a->host->now_us(a->host) >= until_us)
			return false;
	}
	return true;
}

/* What was being compressed when we were killed, unless it is begun anew. */
static void hidden_remove(const struct archive *a, struct folder_days *f)
{
	struct dirent *d;
	bool packed;

	rewinddir(f->dir);
	while ((d = readdir(f->dir)) != NULL)
		if (d->d_name[0] == '.' && name_day(d->d_name + 1, a->ext, &packed) >= 0 && packed)
			(void)unlinkat(dirfd(f->dir), d->d_name, 0);
}

/* true: there is more to remove. */
static bool folder_clear(struct archive *a, int target_fd, int64_t until_us)
{
	struct folder_days f;
	bool more = false;

	if (!days_open(a, target_fd, &f))
		return false;
	hidden_remove(a, &f);
	if (a->removing && f.newest - f.oldest > a->keep_days) {
		int r = days_lock(a, &f);

		if (r == 0)
			more = !old_remove(a, &f, until_us);
		else
			folder_failed(a, &f, "", "cleared", r);
	}
	days_close(&f);
	return more;
}

/* ---- compressing ---- */

void archive_release(struct archive *a)
{
	pack_free(a->pack);
	a->pack = NULL;
}

/* Goes on with the day in hand, or takes up the next.  false: the folder has no other. */
static bool day_pack(struct archive *a, struct folder_days *f, int64_t until_us)
{
	char day[12], name[POSITION_NAME_MAX];
	int r = days_lock(a, f);

	if (a->pack == NULL)
		a->day = f->plain;
	day_text(a->day, day);
	(void)snprintf(name, sizeof name, "%s.%s", day, a->ext);
	if (r != 0) {
		archive_release(a);
		folder_failed(a, f, name, "compressed", r);
		return false;
	}
	if (a->pack == NULL && a->day == f->in_hand)
		return true;
	if (a->pack == NULL)
		a->pack = pack_new(dirfd(f->dir), name);
	r = a->pack != NULL ? pack_work(a->pack, a->host, until_us) : -errno;
	if (r < 0 && r != -EAGAIN)
		folder_failed(a, f, name, "compressed", r);
	if (r <= 0)
		archive_release(a);
	return true;
}

static bool folder_pack(struct archive *a, int target_fd, int64_t until_us)
{
	struct folder_days f;
	bool more = false;

	if (!days_open(a, target_fd, &f)) {
		archive_release(a); /* the folder went while one of its days was in work */
		return false;
	}
	if (a->pack != NULL || (f.plain >= 0 && f.newest - f.plain >= OPEN_DAYS))
		more = day_pack(a, &f, until_us);
	days_close(&f);
	return more;
}

/* ---- folder after folder ---- */

/* The one with the next higher number; false: there is none. */
static bool folder_next(struct archive *a, int target_fd)
{
	DIR *dir = dir_open(target_fd, ".");
	int64_t next = INT64_MAX;
	struct dirent *d;

	while (dir != NULL && (d = readdir(dir)) != NULL) {
		size_t len = strspn(d->d_name, "0123456789");
		int64_t id = len > 0 && len < 19 && d->d_name[len] == '\0'
				     ? strtoll(d->d_name, NULL, 10)
				     : 0;

		if (id > a->analyzer && id < next)
			next = id;
	}
	if (dir != NULL)
		(void)closedir(dir);
	a->analyzer = next == INT64_MAX ? 0 : next;
	a->day = -1;
	return next != INT64_MAX;
}

/* false: the round is over. */
static bool step(struct archive *a, int target_fd, int64_t until_us)
{
	if (!a->in_folder && !folder_next(a, target_fd)) {
		a->packing = !a->packing && a->gzip;
		if (!a->packing)
			return false;
		removal_say(a);
		return true;
	}
	if (a->packing)
		a->in_folder = folder_pack(a, target_fd, until_us);
	else
		a->in_folder = folder_clear(a, target_fd, until_us);
	return true;
}

void archive_init(struct archive *a)
{
	a->clock_s = (int64_t)time(NULL) - a->host->now_us(a->host) / 1000000;
	a->day = -1;
}

int archive_work(struct archive *a, int target_fd, int64_t until_us)
{
	bool more;

	a->removing = may_remove(a);
	if (!a->packing && a->analyzer == 0)
		a->error = (struct tesla_error){ 0 };
	do
		more = step(a, target_fd, until_us);
	while (more && a->host->now_us(a->host) < until_us);
	if (!more)
		removal_say(a);
	return more;
}
