/* SPDX-License-Identifier: Apache-2.0 */
/* A journal's file as whoever checks it reads it: nothing in it is believed. */
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "daemon/journal_pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As a row of any kind, whatever its checksum is. */
static bool on_row(void *arg, struct bytes key, struct bytes value)
{
	size_t *n = arg;
	struct journal_exporter_info info;
	struct row_record record;
	struct row_reject reject;
	struct row_meta meta;
	struct bytes payload = value;
	uint64_t seq;
	uint16_t no;
	struct recorded recorded;
	int64_t which;

	for (unsigned kind = 0; kind < N_ROW_KINDS; kind++)
		*n += row_open((enum row_kind)kind, key, value, &payload);
	payload = value;
	*n += row_parse_record(payload, &record);
	if (row_parse_reject(payload, &reject))
		*n += strlen(reject.reason) + reject.record.len;
	*n += row_parse_meta(payload, &meta);
	*n += row_parse_cursor(payload, &info);
	*n += row_parse_end(payload, &recorded);
	*n += key_parse_state(key, &which);
	*n += key_parse_record(key, &seq);
	return key_parse_queue(key, &no, &seq) || *n > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("journal", MFD_CLOEXEC);
	struct tesla_error err;
	struct pages p;
	size_t n = 0;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	if (pages_open(&p, fd, &err) == 0) {
		do {
			for (unsigned i = 0; i < N_TABLES; i++)
				pages_walk(&p, (enum table)i, on_row, &n);
			pages_walk_free(&p);
			pages_orphans(&p, on_row, &n);
		} while (pages_back(&p));
	}
	pages_close(&p);
	return 0;
}
