/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A durable exporter to files: a folder per analyzer, a file per day, a line per record.  This file
 * is the plugin; how a line comes to the disk once is folder.h, how it looks format.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "archive.h"
#include "folder.h"

#define CHORES_US (10 * 60 * INT64_C(1000000)) /* nothing was left to do: look again after that */
#define DEADLINE_US (20 * INT64_C(1000000))    /* of a batch that has none */
#define SLICE_US (1 * INT64_C(1000000))	       /* of chores at a time: the lines' verdicts wait */
#define SPARE_US (5 * INT64_C(1000000))	       /* the slice, and a slow disk */

struct conf {
	const char *target;
	int format;
	bool gzip;
	int64_t keep;
};

static const char *const format_names[] = { "txt", "csv", "jsonl", NULL };
static const struct format *const formats[] = { &format_txt, &format_csv, &format_jsonl };

/* An analyzer whose analitzador.dat could not be written. */
struct trouble {
	int64_t analyzer, retry_us;
};

struct exporter {
	const struct conf *conf;
	const struct tesla_host *host;
	const struct format *format;
	struct archive archive;
	int64_t chores_us; /* monotonic: day files are looked through again */
	char told[244];	   /* what the log was told of them last */
	struct trouble *troubles;
	size_t n_troubles;
};

/* ---- open, close ---- */

/* A descriptor, or a negative errno. */
static int target_open(const char *target, struct tesla_error *err)
{
	int fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 ? fd : tesla_fail(err, -errno, "%s: %s", target, strerror(errno));
}

/* It is not made here: that would hide a mistyped target. */
static int file_check(const void *conf, struct tesla_error *err)
{
	const struct conf *c = conf;
	struct stat st;
	int r = stat(c->target, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? 0 : ENOTDIR;

	return r == 0 ? 0
		      : tesla_fail(err, -r, "target %.120s: %s: make the folder, or correct target",
				   c->target, strerror(r));
}

static int file_open(const void *conf, const struct tesla_host *host, void **self,
		     struct tesla_error *err)
{
	const struct conf *c = conf;
	struct exporter *x;
	int fd = target_open(c->target, err);

	if (fd < 0)
		return fd;
	(void)close(fd); /* opened for each batch: what was mounted there may change */
	x = calloc(1, sizeof *x);
	if (x == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	tzset();
	x->conf = c;
	x->host = host;
	x->format = formats[c->format];
	x->archive = (struct archive){ .host = host,
				       .target = c->target,
				       .ext = x->format->ext,
				       .keep_days = c->keep,
				       .gzip = c->gzip };
	archive_init(&x->archive);
	*self = x;
	return 0;
}

static void file_close(void *self)
{
	struct exporter *x = self;

	archive_release(&x->archive);
	free(x->troubles);
	free(x);
}

/* ---- analitzador.dat ---- */

static struct trouble *trouble_of(const struct exporter *x, int64_t analyzer)
{
	for (size_t i = 0; i < x->n_troubles; i++)
		if (x->troubles[i].analyzer == analyzer)
			return &x->troubles[i];
	return NULL;
}

/* Said when it begins; without memory for it, it is said again. */
static void trouble_note(struct exporter *x, int64_t analyzer, const struct tesla_error *why)
{
	int64_t retry_us = x->host->now_us(x->host) + CHORES_US;
	struct trouble *t = trouble_of(x, analyzer);

	if (t != NULL) {
		t->retry_us = retry_us;
		return;
	}
	x->host->log(x->host, 4, "%s", why->text);
	t = realloc(x->troubles, (x->n_troubles + 1) * sizeof *t);
	if (t == NULL)
		return;
	x->troubles = t;
	t[x->n_troubles++] = (struct trouble){ analyzer, retry_us };
}

/* It holds up no record: tried now and then until it can be written. */
static void identity_write(struct exporter *x, const struct folder *f, const struct entry *e)
{
	struct trouble *t = trouble_of(x, e->item->analyzer);
	struct tesla_error why = { 0 };

	if (t != NULL && x->host->now_us(x->host) < t->retry_us)
		return;
	if (folder_identity(f, e->item->identity, &e->end, &why) != 0)
		trouble_note(x, e->item->analyzer, &why);
	else if (t != NULL)
		*t = x->troubles[--x->n_troubles];
}

static void identity_of(struct exporter *x, const struct folder *f, const struct entry *e, size_t n)
{
	while (n > 0 && e[n - 1].item->identity == NULL)
		n--;
	if (n > 0)
		identity_write(x, f, &e[n - 1]);
}

/* ---- one analyzer ---- */

static bool is_late(const struct exporter *x, int64_t deadline_us)
{
	return x->host->now_us(x->host) >= deadline_us;
}

/* All that it has must go in order: after a failure the rest waits too. */
static void entries_refuse(struct entry *e, size_t n, const struct tesla_error *why)
{
	for (size_t i = 0; i < n; i++)
		e[i].verdict->why = *why;
}

static int entries_write(struct exporter *x, struct folder *f, struct entry *e, size_t n,
			 int64_t deadline_us, size_t *n_done, struct tesla_error *err)
{
	int r = 0;

	*n_done = 0;
	identity_of(x, f, e, n);
	while (r == 0 && *n_done < n && !is_late(x, deadline_us)) {
		size_t step;

		r = folder_take(f, e + *n_done, n - *n_done, &step, err);
		for (size_t i = 0; i < step; i++)
			e[*n_done + i].verdict->delivery = TESLA_DONE;
		*n_done += step;
	}
	return r;
}

static void analyzer_write(struct exporter *x, int target_fd, struct entry *e, size_t n,
			   int64_t deadline_us)
{
	struct tesla_error why = { 0 };
	struct folder f;
	size_t done = 0;
	int r = folder_open(&f, target_fd, x->conf->target, e[0].item->analyzer, x->format, &why);

	if (r == 0) {
		f.host = x->host;
		f.deadline_us = deadline_us;
		r = entries_write(x, &f, e, n, deadline_us, &done, &why);
		folder_close(&f);
	}
	if (r != 0)
		entries_refuse(e + done, n - done, &why);
}

/* ---- a batch ---- */

/* What can be written, in the order of the batch; the rest gets its verdict. */
static size_t entries_make(const struct exporter *x, const struct tesla_batch *batch,
			   struct tesla_verdict *verdicts, struct entry *e)
{
	size_t n = 0;

	for (size_t i = 0; i < batch->n_items; i++) {
		e[n] = (struct entry){ .item = batch->items[i], .verdict = &verdicts[i] };
		if (format_check(x->format, e[n].item, &verdicts[i].why) != 0)
			verdicts[i].delivery = TESLA_REJECT;
		else if (moment_at(e[n].item->t_ms, &e[n].end))
			n++;
	}
	return n;
}

/* Moves those of the first entry's analyzer to the front; keeps the order of each part. */
static size_t entries_part(struct entry *e, size_t n, struct entry *room)
{
	int64_t analyzer = e[0].item->analyzer;
	size_t n_mine = 0, n_others = 0;

	for (size_t i = 0; i < n; i++) {
		if (e[i].item->analyzer == analyzer)
			e[n_mine++] = e[i];
		else
			room[n_others++] = e[i];
	}
	memcpy(e + n_mine, room, n_others * sizeof *room);
	return n_mine;
}

/* What cannot be done is said once, and stops no record. */
static void chores_do(struct exporter *x, int target_fd, int64_t deadline_us)
{
	struct archive *a = &x->archive;
	int64_t now = x->host->now_us(x->host);

	if ((!a->gzip && a->keep_days == 0) || now < x->chores_us || now + SPARE_US > deadline_us)
		return;
	if (archive_work(a, target_fd, now + SLICE_US) == 1)
		return;
	x->chores_us = now + CHORES_US;
	if (a->error.text[0] != '\0' && strcmp(x->told, a->error.text) != 0)
		x->host->log(x->host, 4, "%s", a->error.text);
	(void)snprintf(x->told, sizeof x->told, "%s", a->error.text);
}

static int file_deliver(void *self, const struct tesla_batch *batch, struct tesla_verdict *verdicts,
			struct tesla_error *err)
{
	struct exporter *x = self;
	int64_t deadline_us =
		batch->deadline_us ? batch->deadline_us : x->host->now_us(x->host) + DEADLINE_US;
	struct entry *e = calloc(2 * batch->n_items + 1, sizeof *e);
	size_t n, at = 0;
	int fd;

	if (e == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for %zu records", batch->n_items);
	n = entries_make(x, batch, verdicts, e);
	fd = target_open(x->conf->target, err);
	if (fd >= 0) {
		while (at < n && !is_late(x, deadline_us)) {
			size_t part = entries_part(e + at, n - at, e + batch->n_items);

			analyzer_write(x, fd, e + at, part, deadline_us);
			at += part;
		}
		chores_do(x, fd, deadline_us);
		(void)close(fd);
	}
	free(e);
	return fd >= 0 ? 0 : fd;
}

static const struct tesla_param params[] = {
	TESLA_P_STR("target", struct conf, target, .flags = TESLA_REQUIRED,
		    .help = "The folder for the analyzers' folders; it must exist."),
	TESLA_P_CHOICE("format", struct conf, format, .dflt = "txt", .choices = format_names,
		       .help = "txt: the predecessor's day files; csv; jsonl: JSON lines."),
	TESLA_P_BOOL("gzip", struct conf, gzip, .dflt = "no",
		     .help = "Compress day files from the day before yesterday on."),
	TESLA_P_INT("keep", struct conf, keep, .dflt = "0", .min = 0, .max = 36500, .unit = "days",
		    .help = "Remove day files older than that; 0: never."),
	TESLA_P_END
};

static const struct tesla_exporter exporter = {
	.size = sizeof exporter,
	.open = file_open,
	.deliver = file_deliver,
	.close = file_close,
};

TESLA_EXPORTER_PLUGIN("localFile", PACKAGE_VERSION, &exporter,
		      .help = "Day files: a folder per analyzer, a line per record.",
		      .params = params, .conf_size = sizeof(struct conf), .check = file_check);
