/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer to Prometheus' remote read, written piece by piece: only its compressed bytes are kept.
 *
 * It is one block of snappy over one message, in which every message inside begins with its
 * length, which is not known before its end.  But a block is a row of elements, those that a
 * compressor makes of one piece refer to that piece alone, and bytes may also stand as they are: so
 * pieces of 64 KiB are compressed one by one, and a length that is not known yet when its piece is
 * compressed stands as it is and is put in later.  It always takes four bytes, more than it
 * needs, as a varint may.
 */
#include "central/prom.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <string.h>

#include "central/bytes.h"

#define PIECE (64u << 10)
#define PACKED_MAX (32 + PIECE + PIECE / 6) /* snappy_max_compressed_length(PIECE) */
#define LENGTH_BYTES 4
#define VARINT_MAX 10
#define PLAIN_MAX (255u << 20) /* LENGTH_BYTES have 28 bits */

/* Field numbers and wire types, as in prom.proto. */
enum tag {
	TAG_RESULT = 1 << 3 | 2,     /* ReadResponse.results */
	TAG_TIMESERIES = 1 << 3 | 2, /* QueryResult.timeseries */
	TAG_LABEL = 1 << 3 | 2,	     /* TimeSeries.labels */
	TAG_SAMPLE = 2 << 3 | 2,     /* TimeSeries.samples */
	TAG_NAME = 1 << 3 | 2,	     /* Label.name */
	TAG_VALUE = 2 << 3 | 2,	     /* Label.value */
	TAG_NUMBER = 1 << 3 | 1,     /* Sample.value */
	TAG_TIME = 2 << 3 | 0	     /* Sample.timestamp */
};

/* A message that is open. */
struct mark {
	bool open, packed;
	size_t at;	/* of its length: in the piece; packed: in `out` */
	uint64_t begin; /* of its bytes, in the plain message */
};
enum {
	RESULT,
	SERIES, /* lies in the result, so behind it */
	N_MARKS
};

struct prom_response {
	size_t samples_max, n_samples;
	uint64_t n_plain; /* bytes so far, with those of the piece */
	struct mark marks[N_MARKS];
	int64_t last_ms; /* of this series */
	bool series_has, finished;
	struct buf head;  /* the fields of the series' labels, until it has a sample */
	struct buf out;	  /* room for the block's length, and its elements */
	size_t out_begin; /* where the answer begins, when it is finished */
	size_t n_piece;
	uint8_t piece[PIECE];
	char packed[PACKED_MAX];
};

static size_t put_varint(uint8_t *at, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		at[n++] = (uint8_t)(v | 0x80);
	at[n++] = (uint8_t)v;
	return n;
}

static void put_length(uint8_t *at, uint64_t v)
{
	for (size_t i = 0; i < LENGTH_BYTES; i++)
		at[i] = (uint8_t)((v >> 7 * i & 0x7f) | (i < LENGTH_BYTES - 1 ? 0x80 : 0));
}

static int too_large(const struct prom_response *p, struct tesla_error *err)
{
	return tesla_fail(
		err, -EOVERFLOW,
		"remote read: the answer takes more than %zu bytes: ask for a shorter time "
		"or for fewer series",
		p->out.max);
}

static int keep(struct prom_response *p, const void *bytes, size_t len, struct tesla_error *err)
{
	int r = buf_append(&p->out, bytes, len);

	if (r == -EMSGSIZE)
		return too_large(p, err);
	return r == 0 ? 0 : tesla_fail(err, r, "remote read: no memory for the answer");
}

/* ---- pieces ---- */

static int pack(struct prom_response *p, const uint8_t *bytes, size_t len, struct tesla_error *err)
{
	size_t n = sizeof p->packed, skip = 0;
	snappy_status status;

	if (len == 0)
		return 0;
	status = snappy_compress((const char *)bytes, len, p->packed, &n);
	assert(status == SNAPPY_OK);
	while ((uint8_t)p->packed[skip++] >= 0x80) /* a block's length is for the whole one alone */
		;
	return keep(p, p->packed + skip, n - skip, err);
}

/* As they are, so that they can be changed later. */
static int pack_length(struct prom_response *p, struct mark *m, struct tesla_error *err)
{
	const uint8_t element = (LENGTH_BYTES - 1) << 2; /* a literal */
	int r = keep(p, &element, 1, err);
	size_t at = p->out.pub.len;

	if (r == 0)
		r = keep(p, p->piece + m->at, LENGTH_BYTES, err);
	if (r == 0) {
		m->at = at;
		m->packed = true;
	}
	return r;
}

static int end_piece(struct prom_response *p, struct tesla_error *err)
{
	size_t from = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < N_MARKS; i++) {
		struct mark *m = &p->marks[i];
		size_t at = m->at;

		if (!m->open || m->packed)
			continue;
		assert(at >= from);
		r = pack(p, p->piece + from, at - from, err);
		if (r == 0)
			r = pack_length(p, m, err);
		from = at + LENGTH_BYTES;
	}
	if (r == 0)
		r = pack(p, p->piece + from, p->n_piece - from, err);
	p->n_piece = 0;
	return r;
}

/* Room for `len` bytes in one piece; NULL with *rc on failure.  Then advance(). */
static uint8_t *room(struct prom_response *p, size_t len, int *rc, struct tesla_error *err)
{
	assert(!p->finished && len <= PIECE);
	*rc = 0;
	if (len > PLAIN_MAX - p->n_plain)
		*rc = too_large(p, err);
	else if (len > PIECE - p->n_piece)
		*rc = end_piece(p, err);
	return *rc == 0 ? p->piece + p->n_piece : NULL;
}

static void advance(struct prom_response *p, size_t len)
{
	p->n_piece += len;
	p->n_plain += len;
}

/* ---- messages inside ---- */

static int open_message(struct prom_response *p, struct mark *m, uint8_t tag,
			struct tesla_error *err)
{
	int rc;
	uint8_t *at = room(p, 1 + LENGTH_BYTES, &rc, err);

	assert(!m->open);
	if (at == NULL)
		return rc;
	at[0] = tag;
	put_length(at + 1, 0);
	*m = (struct mark){ .open = true, .at = p->n_piece + 1 };
	advance(p, 1 + LENGTH_BYTES);
	m->begin = p->n_plain;
	return 0;
}

static void close_message(struct prom_response *p, struct mark *m)
{
	uint8_t *bytes = m->packed ? p->out.pub.bytes : p->piece;

	if (m->open)
		put_length(bytes + m->at, p->n_plain - m->begin);
	m->open = false;
}

static void close_all(struct prom_response *p)
{
	close_message(p, &p->marks[SERIES]);
	close_message(p, &p->marks[RESULT]);
}

static void add_text(struct buf *b, uint8_t tag, const char *text, size_t len)
{
	uint8_t head[1 + VARINT_MAX] = { tag };
	size_t n = 1 + put_varint(head + 1, len);

	(void)buf_append(b, head, n);
	(void)buf_append(b, text, len);
}

static size_t text_bytes(size_t len)
{
	uint8_t at[VARINT_MAX];

	return 1 + put_varint(at, len) + len;
}

static void add_label(struct buf *b, const struct prom_label *l)
{
	uint8_t head[1 + VARINT_MAX] = { TAG_LABEL };
	size_t name = strlen(l->name), value = strlen(l->value),
	       n = 1 + put_varint(head + 1, text_bytes(name) + text_bytes(value));

	(void)buf_append(b, head, n);
	add_text(b, TAG_NAME, l->name, name);
	add_text(b, TAG_VALUE, l->value, value);
}

/* What the series begins with, which waited for a sample. */
static int begin_series(struct prom_response *p, struct tesla_error *err)
{
	int rc = open_message(p, &p->marks[SERIES], TAG_TIMESERIES, err);

	for (size_t from = 0; rc == 0 && from < p->head.pub.len;) {
		size_t left = p->head.pub.len - from, n = left < 4096 ? left : 4096;
		uint8_t *at = room(p, n, &rc, err);

		if (at == NULL)
			break;
		memcpy(at, p->head.pub.bytes + from, n);
		advance(p, n);
		from += n;
	}
	p->series_has = rc == 0;
	return rc;
}

#define SAMPLE_MAX (2 + 9 + 1 + VARINT_MAX)

static int add_sample(struct prom_response *p, int64_t t_ms, double value, struct tesla_error *err)
{
	int rc;
	uint8_t *at = room(p, SAMPLE_MAX, &rc, err);
	size_t n = 2;

	if (at == NULL)
		return rc;
	at[n++] = TAG_NUMBER;
	put_real(at + n, value);
	n += 8;
	at[n++] = TAG_TIME;
	n += put_varint(at + n, (uint64_t)t_ms);
	at[0] = TAG_SAMPLE;
	at[1] = (uint8_t)(n - 2);
	advance(p, n);
	return 0;
}

/* ---- public ---- */

int prom_response_new(const struct prom_limits *limits, struct prom_response **ret,
		      struct tesla_error *err)
{
	static const uint8_t length[VARINT_MAX] = { 0 };
	struct prom_response *p = calloc(1, sizeof *p);
	size_t bytes = limits != NULL ? limits->bytes : 0,
	       samples = limits != NULL ? limits->samples : 0;
	int rc;

	if (p == NULL)
		return tesla_fail(err, -ENOMEM, "remote read: no memory for the answer");
	p->samples_max = samples > 0 ? samples : PROM_SAMPLES_MAX;
	buf_init(&p->head, PIECE * 2);
	buf_init(&p->out, bytes > 0 ? bytes : PROM_ANSWER_MAX);
	rc = keep(p, length, sizeof length, err); /* before the elements; see finish */
	if (rc != 0) {
		prom_response_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

void prom_response_free(struct prom_response *p)
{
	if (p == NULL)
		return;
	buf_release(&p->head);
	buf_release(&p->out);
	free(p);
}

int prom_response_query(struct prom_response *p, struct tesla_error *err)
{
	close_all(p);
	return open_message(p, &p->marks[RESULT], TAG_RESULT, err);
}

int prom_response_series(struct prom_response *p, const struct prom_labels *l,
			 struct tesla_error *err)
{
	assert(p->marks[RESULT].open);
	close_message(p, &p->marks[SERIES]);
	p->series_has = false;
	buf_clear(&p->head);
	for (size_t i = 0; i < l->n; i++)
		add_label(&p->head, &l->at[i]);
	return p->head.failed ? tesla_fail(err, -ENOMEM, "remote read: no memory for labels") : 0;
}

int prom_response_samples(struct prom_response *p, const int64_t *end_ms, const double *values,
			  size_t n, struct tesla_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (isnan(values[i]) || (p->series_has && end_ms[i] <= p->last_ms))
			continue;
		if (p->n_samples == p->samples_max)
			return tesla_fail(
				err, -EOVERFLOW,
				"remote read: the answer has more than %zu samples: ask for "
				"a shorter time or for fewer series",
				p->samples_max);
		if (!p->series_has)
			rc = begin_series(p, err);
		if (rc == 0)
			rc = add_sample(p, end_ms[i], values[i], err);
		p->last_ms = end_ms[i];
		p->n_samples++;
	}
	return rc;
}

size_t prom_response_n_samples(const struct prom_response *p)
{
	return p->n_samples;
}

int prom_response_finish(struct prom_response *p, const void **bytes, size_t *len,
			 struct tesla_error *err)
{
	uint8_t length[VARINT_MAX];
	size_t n = put_varint(length, p->n_plain);
	int rc = 0;

	if (!p->finished) {
		close_all(p);
		rc = end_piece(p, err);
	}
	if (rc != 0)
		return rc;
	p->finished = true;
	p->out_begin = VARINT_MAX - n;
	memcpy(p->out.pub.bytes + p->out_begin, length, n);
	*bytes = p->out.pub.bytes + p->out_begin;
	*len = p->out.pub.len - p->out_begin;
	return 0;
}

int prom_response_take(struct prom_response *p, struct buf *ret, struct tesla_error *err)
{
	const void *bytes;
	size_t len;
	int rc = prom_response_finish(p, &bytes, &len, err);

	if (rc != 0)
		return rc;
	buf_consume(&p->out, p->out_begin);
	*ret = p->out;
	buf_init(&p->out, 0);
	return 0;
}
