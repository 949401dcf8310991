/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of the journal as bytes.  Every value begins with a CRC32C over its key and all that
 * follows, and with what it is; a row that moved to another key is as damaged as one that changed.
 */
#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "daemon/journal_internal.h"

#define ROW_HEAD 8u /* checksum, magic */

const char *const journal_tables[N_TABLES] = { "records", "queue", "rejects", "state" };

/* "TJ", the kind, and its version. */
static const char magics[N_ROW_KINDS][4] = {
	[ROW_RECORD] = { 'T', 'J', 'R', '1' }, [ROW_QUEUE] = { 'T', 'J', 'Q', '1' },
	[ROW_REJECT] = { 'T', 'J', 'X', '1' }, [ROW_META] = { 'T', 'J', 'M', '1' },
	[ROW_CURSOR] = { 'T', 'J', 'C', '1' }, [ROW_END] = { 'T', 'J', 'E', '2' },
};

/* ---- keys ---- */

static void key_add(struct key *k, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		k->bytes[k->len++] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t key_number(struct bytes key, size_t at, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | key.at[at + i];
	return v;
}

struct key key_record(uint64_t seq)
{
	struct key k = { .len = 0 };

	key_add(&k, seq, 8);
	return k;
}

struct key key_queue(uint16_t exporter, uint64_t seq)
{
	struct key k = { .len = 0 };

	key_add(&k, exporter, 2);
	key_add(&k, seq, 8);
	return k;
}

struct key key_meta(void)
{
	return (struct key){ { 'm' }, 1 };
}

struct key key_cursor(uint16_t exporter)
{
	struct key k = { { 'c' }, 1 };

	key_add(&k, exporter, 2);
	return k;
}

struct key key_end(int64_t analyzer)
{
	struct key k = { { 'e' }, 1 };

	key_add(&k, (uint64_t)analyzer, 8);
	return k;
}

bool key_parse_record(struct bytes key, uint64_t *seq)
{
	if (key.len != 8)
		return false;
	*seq = key_number(key, 0, 8);
	return true;
}

bool key_parse_queue(struct bytes key, uint16_t *exporter, uint64_t *seq)
{
	if (key.len != 10)
		return false;
	*exporter = (uint16_t)key_number(key, 0, 2);
	*seq = key_number(key, 2, 8);
	return true;
}

enum row_kind key_parse_state(struct bytes key, int64_t *which)
{
	if (key.len == 1 && key.at[0] == 'm')
		return ROW_META;
	if (key.len == 3 && key.at[0] == 'c') {
		*which = (int64_t)key_number(key, 1, 2);
		return ROW_CURSOR;
	}
	if (key.len == 9 && key.at[0] == 'e') {
		*which = (int64_t)key_number(key, 1, 8);
		return ROW_END;
	}
	return N_ROW_KINDS;
}

/* ---- values ---- */

size_t row_size(const struct iovec *parts, size_t n)
{
	size_t len = ROW_HEAD;

	for (size_t i = 0; i < n; i++)
		len += parts[i].iov_len;
	return len;
}

static uint32_t row_crc(struct bytes key, const uint8_t *value, size_t len)
{
	return crc32c(crc32c(0, key.at, key.len), value + 4, len - 4);
}

void row_write(uint8_t *to, enum row_kind kind, struct bytes key, const struct iovec *parts,
	       size_t n)
{
	size_t len = ROW_HEAD;
	uint32_t crc;

	memcpy(to + 4, magics[kind], 4);
	for (size_t i = 0; i < n; len += parts[i++].iov_len)
		if (parts[i].iov_len > 0)
			memcpy(to + len, parts[i].iov_base, parts[i].iov_len);
	crc = row_crc(key, to, len);
	memcpy(to, &crc, 4);
}

bool row_open(enum row_kind kind, struct bytes key, struct bytes value, struct bytes *payload)
{
	uint32_t crc;

	if (value.len < ROW_HEAD || memcmp(value.at + 4, magics[kind], 4) != 0)
		return false;
	memcpy(&crc, value.at, 4);
	if (crc != row_crc(key, value.at, value.len))
		return false;
	*payload = (struct bytes){ value.at + ROW_HEAD, value.len - ROW_HEAD };
	return true;
}

static bool take(struct bytes *from, void *to, size_t len)
{
	if (from->len < len)
		return false;
	memcpy(to, from->at, len);
	*from = (struct bytes){ from->at + len, from->len - len };
	return true;
}

bool row_parse_record(struct bytes p, struct row_record *r)
{
	if (!take(&p, &r->analyzer, 8) || !take(&p, &r->end_ms, 8) ||
	    !take(&p, &r->n_exporters, 2) || r->n_exporters < 1 ||
	    r->n_exporters > JOURNAL_EXPORTERS_MAX ||
	    !take(&p, r->exporters, r->n_exporters * sizeof *r->exporters))
		return false;
	r->record = p;
	return true;
}

bool row_parse_reject(struct bytes p, struct row_reject *r)
{
	const uint8_t *end;

	if (!take(&p, &r->rejected_ms, 8))
		return false;
	end = memchr(p.at, 0, p.len);
	if (end == NULL)
		return false;
	r->reason = (const char *)p.at;
	r->record = (struct bytes){ end + 1, (size_t)(p.at + p.len - (end + 1)) };
	return true;
}

bool row_parse_meta(struct bytes p, struct row_meta *m)
{
	uint32_t version;

	return take(&p, &version, 4) && version == JOURNAL_VERSION && take(&p, &m->reserved, 8) &&
	       take(&p, m->dropped, sizeof m->dropped) && p.len == 0;
}

bool row_parse_cursor(struct bytes p, struct journal_exporter_info *info)
{
	if (!take(&p, &info->delivered, 8) || !take(&p, &info->rejected, 8) || p.len == 0 ||
	    p.len >= sizeof info->id || memchr(p.at, 0, p.len) != NULL)
		return false;
	memcpy(info->id, p.at, p.len);
	info->id[p.len] = '\0';
	return true;
}

bool row_parse_end(struct bytes p, struct recorded *r)
{
	*r = (struct recorded){ .n = (int64_t)(p.len / sizeof *r->spans) };
	return p.len <= sizeof r->spans && take(&p, r->spans, (size_t)r->n * sizeof *r->spans) &&
	       p.len == 0 && recorded_ok(r);
}
