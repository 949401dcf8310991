/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of any bytes: the scan before unpacking, and frames that come in pieces. */
#include "base/frame.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void one_message(const uint8_t *bytes, size_t len)
{
	struct tesla_error err = { 0 };
	struct mp_doc doc;

	if (mp_unpack(&doc, bytes, len, &err) == 0)
		mp_doc_release(&doc);
	else
		assert(err.text[0] != '\0');
}

/* True: the stream is broken. */
static bool drain(struct frame_reader *r)
{
	struct tesla_error err = { 0 };
	struct mp_doc doc;
	int rc;

	while ((rc = frame_reader_next(r, &doc, &err)) == 1)
		mp_doc_release(&doc);
	assert(rc == 0 || err.text[0] != '\0');
	return rc < 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct frame_reader r;
	bool broken = false;

	one_message(bytes, len);
	frame_reader_init(&r);
	for (size_t piece = 1; len > 0 && !broken; piece = piece * 3 + 1) {
		size_t room, n = piece < len ? piece : len;
		uint8_t *at = frame_reader_room(&r, &room);

		assert(at != NULL && room >= 65536);
		n = n < room ? n : room;
		memcpy(at, bytes, n);
		frame_reader_add(&r, n);
		bytes += n;
		len -= n;
		broken = drain(&r);
	}
	frame_reader_release(&r);
	return 0;
}
