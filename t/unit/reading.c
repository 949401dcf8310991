/* SPDX-License-Identifier: Apache-2.0 */
/* Readings out of foreign maps: a number counts only with a quality that has one. */
#include "base/reading.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mp.h"

/* An element of v and q; a NAN of `raw` is nil. */
static const struct {
	const char *what;
	double raw;
	int q;
	double value;
	enum tesla_quality quality;
} elements[] = {
	{ "good", 1.5, 0, 1.5, TESLA_GOOD },
	{ "suspect", 1.5, 2, 1.5, TESLA_SUSPECT },
	{ "the last value of what is away", 1.5, 4, 1.5, TESLA_STALE },
	{ "there was none", NAN, 4, NAN, TESLA_STALE },
	{ "unavailable", NAN, 1, NAN, TESLA_UNAVAILABLE },
	{ "a number that is none", 1.5, 1, NAN, TESLA_UNAVAILABLE },
	{ "a number with an error", 1.5, 3, NAN, TESLA_ERROR },
	{ "good without a number", NAN, 0, NAN, TESLA_ERROR },
	{ "suspect without a number", NAN, 2, NAN, TESLA_ERROR },
	{ "infinite", INFINITY, 0, NAN, TESLA_ERROR },
};

static void pack(msgpack_packer *pk, double raw, int q)
{
	(void)msgpack_pack_map(pk, 5);
	mp_key_int(pk, "t", 1);
	mp_key_int(pk, "n", 2);
	mp_key_int(pk, "k", 3);
	mp_str(pk, "v");
	(void)msgpack_pack_array(pk, 1);
	(void)(isnan(raw) ? msgpack_pack_nil(pk) : msgpack_pack_double(pk, raw));
	mp_str(pk, "q");
	(void)msgpack_pack_array(pk, 1);
	(void)msgpack_pack_int(pk, q);
}

static bool same(double a, double b)
{
	return isnan(a) ? isnan(b) : fabs(a - b) < 1e-12;
}

Test(reading, elements)
{
	for (size_t i = 0; i < N_ELEMENTS(elements); i++) {
		_cleanup_(buf_release) struct buf bytes;
		struct tesla_error err = { 0 };
		struct reading r;
		struct mp_doc doc;
		msgpack_packer pk;

		buf_init(&bytes, 256);
		mp_writer(&pk, &bytes);
		pack(&pk, elements[i].raw, elements[i].q);
		cr_assert_eq(mp_unpack(&doc, bytes.pub.bytes, bytes.pub.len, &err), 0);
		cr_assert_eq(reading_parse(&r, &doc.u.data, &err), 0, "%s: %s", elements[i].what,
			     err.text);
		cr_expect(same(r.pub.elements[0].value, elements[i].value), "%s: %g",
			  elements[i].what, r.pub.elements[0].value);
		cr_expect_eq(r.pub.elements[0].quality, elements[i].quality, "%s",
			     elements[i].what);
		reading_release(&r);
		mp_doc_release(&doc);
	}
}

/* A good map, with one of its values replaced. */
static const struct {
	const char *key, *bytes;
	size_t len;
	int code;
} members[] = {
	{ "none", "\xc0", 1, 0 },
	{ "t", "\xa1x", 2, -EBADMSG },
	{ "n", "\xff", 1, -EBADMSG },
	{ "k", "\xc0", 1, -EBADMSG },
	{ "v", "\x90", 1, -EBADMSG },
	{ "v", "\x01", 1, -EBADMSG },
	{ "q", "\x92\x00\x00", 3, -EBADMSG },
	{ "q", "\x91\x05", 2, -EBADMSG },
	{ "q", "\x91\xff", 2, -EBADMSG },
	{ "u", "\x01", 1, -EBADMSG },
	{ "u", "\xa1\x00", 2, -EBADMSG },
	{ "x", "\x90", 1, -EBADMSG },
	{ "dt", "\xff", 1, -EBADMSG },
	{ "labels", "\x91\xa2L1", 4, 0 },
	{ "labels", "\x90", 1, -EBADMSG },
	{ "labels", "\x91\x01", 2, -EBADMSG },
};
static const struct {
	const char *key, *bytes;
} good[] = { { "t", "\x01" },	  { "n", "\x02" },     { "k", "\x03" },
	     { "v", "\x91\x01" }, { "q", "\x91\x00" }, { "labels", "\x91\xa2L1" },
	     { "dt", "\x01" },	  { "u", "\xa1V" },    { "x", "\xa1X" } };

Test(reading, members)
{
	for (size_t i = 0; i < N_ELEMENTS(members); i++) {
		_cleanup_(buf_release) struct buf bytes;
		struct tesla_error err = { 0 };
		struct reading r;
		struct mp_doc doc;
		msgpack_packer pk;

		buf_init(&bytes, 256);
		mp_writer(&pk, &bytes);
		(void)msgpack_pack_map(&pk, N_ELEMENTS(good));
		for (size_t g = 0; g < N_ELEMENTS(good); g++) {
			bool other = strcmp(members[i].key, good[g].key) == 0;

			mp_str(&pk, good[g].key);
			(void)buf_append(&bytes, other ? members[i].bytes : good[g].bytes,
					 other			 ? members[i].len
					 : good[g].key[0] == 'q' ? 2
								 : strlen(good[g].bytes));
		}
		cr_assert_eq(mp_unpack(&doc, bytes.pub.bytes, bytes.pub.len, &err), 0,
			     "row %zu: %s", i, err.text);
		cr_expect_eq(reading_parse(&r, &doc.u.data, &err), members[i].code, "row %zu: %s",
			     i, members[i].key);
		if (members[i].code == 0)
			cr_expect(r.pub.labels != NULL && strcmp(r.pub.labels[0], "L1") == 0);
		reading_release(&r);
		mp_doc_release(&doc);
	}
}
