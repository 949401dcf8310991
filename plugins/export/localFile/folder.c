/* SPDX-License-Identifier: Apache-2.0 */
/* Which records are there already, and one append for those that are not. */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dayfile.h"
#include "pack.h"

#define APPEND_MAX (512u << 10) /* bytes in one append, roughly */
#define IDENTITY_MAX 500

static int folder_fail(const struct folder *f, const char *name, int r, struct tesla_error *err)
{
	if (r == -EBUSY)
		return tesla_fail(err, r, "%s/%s: another process writes here", f->path, name);
	return tesla_fail(err, r, "%s%s%s: %s", f->path, *name ? "/" : "", name, strerror(-r));
}

/* ---- open, close ---- */

static int folder_enter(struct folder *f, int target_fd, const char *name, struct tesla_error *err)
{
	char position[24];
	int r;

	(void)snprintf(position, sizeof position, ".position.%s", f->format->ext);
	if (mkdirat(target_fd, name, 0777) != 0 && errno != EEXIST)
		return folder_fail(f, "", -errno, err);
	f->fd = openat(target_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd < 0)
		return folder_fail(f, "", -errno, err);
	r = position_open(f->fd, position, &f->position_fd, &f->at, &f->known);
	if (r != 0)
		return folder_fail(f, position, r, err);
	if (!f->known && fsync(target_fd) != 0) /* the folder may be new */
		return folder_fail(f, "", -errno, err);
	return 0;
}

int folder_open(struct folder *f, int target_fd, const char *target, int64_t analyzer,
		const struct format *format, struct tesla_error *err)
{
	char name[24];
	int r;

	*f = (struct folder){ .format = format, .fd = -1, .position_fd = -1 };
	(void)snprintf(name, sizeof name, "%" PRId64, analyzer);
	if (asprintf(&f->path, "%s/%s", target, name) < 0)
		return tesla_fail(err, -ENOMEM, "no memory");
	r = folder_enter(f, target_fd, name, err);
	if (r != 0)
		folder_close(f);
	return r;
}

void folder_close(struct folder *f)
{
	if (f->position_fd >= 0)
		(void)close(f->position_fd);
	if (f->fd >= 0)
		(void)close(f->fd);
	free(f->path);
}

/* ---- analitzador.dat ---- */

static bool identity_is(const struct folder *f, const char *text, size_t len)
{
	char bytes[2 * IDENTITY_MAX];
	int fd = openat(f->fd, "analitzador.dat", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, bytes, sizeof bytes) : -1;

	if (fd >= 0)
		(void)close(fd);
	return n > (ssize_t)len && memcmp(bytes, text, len) == 0 &&
	       memchr(bytes + len, '\t', (size_t)n - len) == NULL;
}

static int file_write(int fd, const char *text, size_t len)
{
	ssize_t n = write(fd, text, len);

	if (n < 0)
		return -errno;
	if ((size_t)n != len)
		return -ENOSPC;
	return fsync(fd) == 0 ? 0 : -errno;
}

static int identity_replace(const struct folder *f, const char *text, size_t len)
{
	char name[40];
	int fd, r;

	(void)snprintf(name, sizeof name, ".analitzador.dat.%s", f->format->ext);
	fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	r = file_write(fd, text, len);
	(void)close(fd);
	if (r != 0)
		return r;
	return renameat(f->fd, name, f->fd, "analitzador.dat") == 0 ? 0 : -errno;
}

/* What a meter answers may be anything: of it comes one line of UTF-8. */
static size_t identity_clean(const char *identity, char text[IDENTITY_MAX])
{
	size_t n = 0;

	while (*identity != '\0') {
		size_t len = format_utf8(identity), step = len > 0 ? len : 1;

		if (n + step >= IDENTITY_MAX)
			break;
		if (len == 0)
			text[n] = '?';
		else if (*identity > '\0' && *identity < ' ')
			text[n] = ' ';
		else
			memcpy(text + n, identity, len);
		n += step;
		identity += step;
	}
	return n;
}

int folder_identity(const struct folder *f, const char *identity, const struct moment *when,
		    struct tesla_error *err)
{
	char text[IDENTITY_MAX + 64];
	size_t len = identity_clean(identity, text);
	int r;

	text[len++] = '\t';
	if (identity_is(f, text, len))
		return 0;
	len += (size_t)snprintf(text + len, sizeof text - len, "%s", when->ctime);
	r = identity_replace(f, text, len);
	return r == 0 ? 0 : folder_fail(f, "analitzador.dat", r, err);
}

/* ---- the day's file, and where its next line goes ---- */

struct place {
	struct dayfile file;
	bool ours;  /* the position file describes its end */
	off_t tail; /* not ours: what is behind the last newline begins here */
};

static int place_open(const struct folder *f, const char *name, struct place *p,
		      struct tesla_error *err)
{
	off_t end = 0;
	int r = pack_settle(f->fd, name);

	p->file.fd = -1;
	if (r != 0)
		return folder_fail(f, name, r, err);
	r = dayfile_open(&p->file, f->fd, f->path, name, err);
	if (r != 0)
		return r;
	p->ours = f->known && p->file.fd >= 0 && strcmp(f->at.day_file, name) == 0 &&
		  f->at.offset <= p->file.size && p->file.size - f->at.offset <= f->at.len;
	if (!p->ours)
		return dayfile_tail(&p->file, &p->tail, err);
	r = dayfile_lines_end(&p->file, f->at.offset, &end, err);
	if (r == 0)
		r = dayfile_cut(&p->file, end, err);
	p->tail = end;
	return r;
}

static bool is_new(const struct folder *f, const struct tesla_item *item)
{
	return f->known && item->n > f->at.high_n && item->n > f->at.last_n &&
	       item->t_ms > f->at.last_ms;
}

/* 1: it is there; 0: it is not; negative: that cannot be told. */
static int place_has(const struct folder *f, const struct place *p, const struct tesla_item *item,
		     struct tesla_error *err)
{
	char *line;
	size_t len;
	int r = format_line(f->format, item, &line, &len, err);

	if (r != 0)
		return r;
	if (p->ours && item->t_ms >= f->at.first_ms && item->t_ms <= f->at.last_ms) {
		r = dayfile_has(&p->file, f->at.offset, line, len, err);
	} else {
		r = dayfile_has(&p->file, 0, line, len, err);
		if (r == 0)
			r = dayfile_archive_has(&p->file, line, len, err);
	}
	free(line);
	return r;
}

static bool is_late(const struct folder *f)
{
	return f->deadline_us != 0 && f->host->now_us(f->host) >= f->deadline_us;
}

/* How many of the first are there already.  *late: of the next it is not known. */
static int known_run(const struct folder *f, const struct place *p, const struct entry *e, size_t n,
		     size_t *ret, bool *late, struct tesla_error *err)
{
	int has = 1;
	size_t i;

	*late = false;
	for (i = 0; i < n && !is_new(f, e[i].item); i++) {
		*late = i > 0 && is_late(f);
		if (*late)
			break;
		has = place_has(f, p, e[i].item, err);
		if (has <= 0)
			break;
	}
	*ret = i;
	return has < 0 ? has : 0;
}

/* ---- the lines of one append ---- */

struct lines {
	FILE *out;
	char *text;
	size_t len, n; /* bytes, records */
	off_t header;  /* of the header in effect, in the file; of ours: from the text's start */
	size_t header_len;
	bool has_header; /* ours */
};

static int lines_put(struct lines *l, const char *text, size_t len)
{
	size_t n = fwrite(text, 1, len, l->out);

	return n == len && fflush(l->out) == 0 ? 0 : -ENOMEM;
}

/* The header in effect at the end of the file: where the position says, else it is looked for. */
static int header_find(const struct folder *f, const struct place *p, struct lines *l,
		       struct tesla_error *err)
{
	if (f->format->header_mark == NULL)
		return 0;
	if (p->ours && f->at.header_len > 0 && f->at.header + f->at.header_len <= p->file.size) {
		l->header = (off_t)f->at.header;
		l->header_len = (size_t)f->at.header_len;
		return 0;
	}
	return dayfile_last(&p->file, f->format->header_mark, &l->header, &l->header_len, err);
}

/* Is `text` the header in effect?  Negative: that cannot be told. */
static int header_is(const struct place *p, const struct lines *l, const char *text, size_t len,
		     struct tesla_error *err)
{
	struct dayfile upto = p->file;

	if (l->header_len != len)
		return 0;
	if (l->has_header)
		return memcmp(l->text + l->header, text, len) == 0;
	upto.size = l->header + (off_t)len;
	return dayfile_is(&upto, l->header, text, len, err);
}

static int header_put(const struct folder *f, const struct place *p, struct lines *l,
		      const struct tesla_item *item, struct tesla_error *err)
{
	char *text;
	size_t len;
	int r = format_header(f->format, item, &text, &len, err);

	if (r != 0)
		return r;
	r = header_is(p, l, text, len, err);
	if (r == 0) {
		l->header = (off_t)l->len;
		l->header_len = len;
		l->has_header = true;
		r = lines_put(l, text, len);
	}
	free(text);
	return r < 0 ? r : 0;
}

static int record_put(const struct folder *f, struct lines *l, struct entry *e,
		      struct tesla_error *err)
{
	char *text;
	size_t len;
	int r = format_line(f->format, e->item, &text, &len, err);

	if (r == 0)
		r = lines_put(l, text, len);
	free(text);
	e->text_end = l->len;
	return r;
}

static bool may_join(const struct entry *last, const struct entry *next)
{
	return next->item->t_ms > last->item->t_ms && next->item->n > last->item->n &&
	       next->end.offset_s == last->end.offset_s;
}

/* The first entry; when it is new, the others that go with it. */
static int lines_make(const struct folder *f, const struct place *p, struct lines *l,
		      struct entry *e, size_t n, struct tesla_error *err)
{
	bool alone = !is_new(f, e[0].item);
	int r = header_find(f, p, l, err);

	if (r != 0)
		return r;
	do {
		r = header_put(f, p, l, e[l->n].item, err);
		if (r == 0)
			r = record_put(f, l, &e[l->n], err);
		l->n++;
	} while (r == 0 && !alone && l->n < n && l->len < APPEND_MAX &&
		 may_join(&e[l->n - 1], &e[l->n]));
	if (r == -ENOMEM)
		(void)tesla_fail(err, r, "no memory for %zu lines", l->n);
	return r;
}

/* ---- one append ---- */

/*
 * Where it goes.  Behind a line that others left unfinished comes a newline first; our own, whose
 * position was lost, is the beginning of `text`, and is written anew.
 */
static int start_find(struct place *p, const struct lines *l, bool *newline,
		      struct tesla_error *err)
{
	int r;

	*newline = false;
	if (p->tail == p->file.size)
		return 0;
	r = dayfile_is(&p->file, p->tail, l->text, l->len, err);
	if (r > 0)
		return dayfile_cut(&p->file, p->tail, err);
	*newline = r == 0;
	return r;
}

/*
 * A record of the append that `at` describes that is not there: neither are those behind it.  With
 * any other record, that append is done with.
 */
static void high_move(const struct position *at, const struct tesla_item *item,
		      struct position *next)
{
	bool unfinished = item->t_ms >= at->first_ms && item->t_ms <= at->last_ms &&
			  item->n >= at->first_n && item->n <= at->last_n;

	next->high_ms = at->high_ms;
	next->high_n = at->high_n;
	if (!unfinished && at->last_ms > next->high_ms)
		next->high_ms = at->last_ms;
	if (!unfinished && at->last_n > next->high_n)
		next->high_n = at->last_n;
	if (item->t_ms > next->high_ms && item->n <= next->high_n)
		next->high_n = 0; /* a new journal, which counts anew */
}

static int position_move(struct folder *f, const struct place *p, const struct lines *l,
			 const struct entry *e, off_t text_at, struct tesla_error *err)
{
	const struct tesla_item *first = e[0].item, *last = e[l->n - 1].item;
	struct position next = { .turn = f->at.turn + 1,
				 .offset = p->file.size,
				 .len = text_at - p->file.size + (off_t)l->len,
				 .first_ms = first->t_ms,
				 .last_ms = last->t_ms,
				 .first_n = first->n,
				 .last_n = last->n,
				 .header = l->header + (l->has_header ? text_at : 0),
				 .header_len = (int64_t)l->header_len };
	int r;

	if (f->known)
		high_move(&f->at, first, &next);
	(void)snprintf(next.day_file, sizeof next.day_file, "%s", p->file.name);
	r = position_store(f->position_fd, &next);
	if (r != 0)
		return folder_fail(f, ".position", r, err);
	f->at = next;
	f->known = true;
	return 0;
}

/* How many records are whole in the first `len` bytes, and where the last of them ends. */
static size_t whole_records(const struct entry *e, size_t n, size_t len, size_t *end)
{
	size_t i = 0;

	for (*end = 0; i < n && e[i].text_end <= len; i++)
		*end = e[i].text_end;
	return i;
}

static int append(struct folder *f, struct place *p, struct lines *l, struct entry *e,
		  size_t *n_done, struct tesla_error *err)
{
	bool made = p->file.size == 0 || !p->ours || f->at.offset == 0, newline;
	size_t written = 0, whole = 0, n = 0;
	struct tesla_error later;
	off_t start;
	int r = start_find(p, l, &newline, err);

	if (r == 0)
		r = position_move(f, p, l, e, p->file.size + newline, err);
	if (r == 0 && newline)
		r = dayfile_append(&p->file, "\n", 1, &written, err);
	if (r != 0)
		return r;
	start = p->file.size;
	r = dayfile_append(&p->file, l->text, l->len, &written, err);
	n = whole_records(e, l->n, written, &whole);
	if (r != 0 && n < l->n) /* nobody is to read half a line while the disk is full */
		(void)dayfile_cut(&p->file, start + (off_t)whole, &later);
	if (n > 0 && dayfile_sync(&p->file, made, r ? &later : err) != 0) {
		if (r == 0)
			r = err->code;
		/* The kernel may take pages for written that are not: they are written again. */
		(void)dayfile_cut(&p->file, start, &later);
		return r;
	}
	*n_done += n;
	return r;
}

static int write_new(struct folder *f, struct place *p, struct entry *e, size_t n, size_t *n_done,
		     struct tesla_error *err)
{
	struct lines l = { 0 };
	int r;

	l.out = open_memstream(&l.text, &l.len);
	if (l.out == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	r = lines_make(f, p, &l, e, n, err);
	(void)fclose(l.out);
	if (r == 0)
		r = append(f, p, &l, e, n_done, err);
	free(l.text);
	return r;
}

static int place_take(struct folder *f, struct place *p, struct entry *e, size_t n, size_t *n_done,
		      struct tesla_error *err)
{
	size_t known = 0, written = 0;
	bool late;
	int r = known_run(f, p, e, n, &known, &late, err);
	int synced = 0;

	if (r == 0 && known < n && !late)
		r = write_new(f, p, e + known, n - known, &written, err);
	if (known > 0 && written == 0) { /* written by one that was killed before its sync */
		struct tesla_error other;

		synced = dayfile_sync(&p->file, true, r == 0 ? err : &other);
	}
	if (synced == 0)
		*n_done = known + written;
	return r == 0 ? synced : r;
}

int folder_take(struct folder *f, struct entry *e, size_t n, size_t *n_done,
		struct tesla_error *err)
{
	char name[POSITION_NAME_MAX];
	struct place p = { 0 };
	size_t same = 1;
	int r;

	*n_done = 0;
	while (same < n && strcmp(e[same].end.day, e[0].end.day) == 0)
		same++;
	(void)snprintf(name, sizeof name, "%s.%s", e[0].end.day, f->format->ext);
	r = place_open(f, name, &p, err);
	if (r == 0)
		r = place_take(f, &p, e, same, n_done, err);
	dayfile_close(&p.file);
	return r;
}
