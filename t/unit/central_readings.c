/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of POST /api/v1/readings, and readings in answers: what goes in comes out. */
#include "central/readings.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

#define ROW "\"analyzer\":1,\"variable\":\"TPF\",\"t\":5,\"n\":1,\"k\":2,\"u\":\"V\""

static const struct {
	const char *body;
	int r;
	size_t n, n_states, n_bad;
} bodies[] = {
	{ "{\"e\":1}", 0, 0, 0, 0 },
	{ "{\"e\":1,\"node\":null,\"readings\":null}", 0, 0, 0, 0 },
	{ "{\"e\":1,\"readings\":[{" ROW ",\"v\":[1]}]}", 0, 1, 0, 0 },
	{ "{\"e\":1,\"readings\":[{" ROW ",\"v\":[]},{" ROW ",\"v\":[1,null],\"q\":[0,3]},7]}", 0,
	  1, 0, 2 },
	{ "{\"e\":1,\"readings\":[{\"analyzer\":1,\"variable\":\"\",\"t\":5,\"n\":1,\"k\":2,"
	  "\"v\":[1]}]}",
	  0, 0, 0, 1 },
	{ "{\"e\":1,\"status\":[{\"analyzer\":1,\"t\":2,\"state\":\"online\",\"reason\":null}]}", 0,
	  0, 1, 0 },
	{ "{\"e\":1,\"status\":[{\"analyzer\":0,\"t\":2,\"state\":\"online\"},"
	  "{\"analyzer\":1,\"t\":2}]}",
	  0, 0, 0, 2 },
	{ "{}", -EBADMSG, 0, 0, 0 },
	{ "{\"e\":0}", -EBADMSG, 0, 0, 0 },
	{ "{\"e\":\"1\"}", -EBADMSG, 0, 0, 0 },
	{ "[1]", -EBADMSG, 0, 0, 0 },
	{ "{\"e\":1,\"node\":4}", -EBADMSG, 0, 0, 0 },
	{ "{\"e\":1,\"readings\":{}}", -EBADMSG, 0, 0, 0 },
	{ "{\"e\":1,\"status\":7}", -EBADMSG, 0, 0, 0 },
};

static void unpack(const char *json, struct buf *packed, struct mp_doc *doc)
{
	struct tesla_error err;

	buf_init(packed, 1 << 20);
	cr_assert_eq(json_read(json, strlen(json), packed, &err), 0, "%s", err.text);
	cr_assert_eq(mp_unpack(doc, packed->pub.bytes, packed->pub.len, &err), 0);
}

Test(central_readings, bodies)
{
	for (size_t i = 0; i < N_ELEMENTS(bodies); i++) {
		struct tesla_error err = { 0 };
		struct readings in;
		struct buf packed;
		struct mp_doc doc;

		unpack(bodies[i].body, &packed, &doc);
		cr_expect_eq(readings_read(&doc.u.data, &in, &err), bodies[i].r, "%s: %s",
			     bodies[i].body, err.text);
		cr_expect(in.n == bodies[i].n && in.n_states == bodies[i].n_states &&
				  in.n_bad == bodies[i].n_bad,
			  "%s", bodies[i].body);
		readings_release(&in);
		mp_doc_release(&doc);
		buf_release(&packed);
	}
}

Test(central_readings, too_many)
{
	struct tesla_error err;
	msgpack_packer pk;
	struct readings in;
	struct buf packed;
	struct mp_doc doc;

	buf_init(&packed, 1 << 20);
	mp_writer(&pk, &packed);
	(void)msgpack_pack_map(&pk, 2);
	mp_key_int(&pk, "e", 1);
	mp_str(&pk, "readings");
	(void)msgpack_pack_array(&pk, READINGS_MAX + 1);
	for (size_t i = 0; i <= READINGS_MAX; i++)
		(void)msgpack_pack_nil(&pk);
	cr_assert_eq(mp_unpack(&doc, packed.pub.bytes, packed.pub.len, &err), 0);
	cr_expect_eq(readings_read(&doc.u.data, &in, &err), -EMSGSIZE);
	mp_doc_release(&doc);
	buf_release(&packed);
}

/* As it came, it goes out; what is no number is null. */
Test(central_readings, there_and_back)
{
	static const char row[] =
		"{\"analyzer\":1,\"variable\":\"TPF\",\"t\":5,\"dt\":2.5,\"e\":9,\"n\":1,\"k\":2,"
		"\"u\":\"V\",\"v\":[230.1,null],\"q\":[0,3],\"x\":\"time-out\","
		"\"labels\":[\"L1\",\"L2\"]}";
	const struct reading_form form = { .labels = true };
	char body[sizeof row + 40];
	struct tesla_error err;
	struct buf packed, again, text;
	struct mp_doc doc, out;
	struct readings in;
	msgpack_packer pk;

	(void)snprintf(body, sizeof body, "{\"e\":9,\"readings\":[%s]}", row);
	unpack(body, &packed, &doc);
	cr_assert_eq(readings_read(&doc.u.data, &in, &err), 0);
	cr_assert_eq(in.n, 1);
	buf_init(&again, 1000);
	buf_init(&text, 1000);
	mp_writer(&pk, &again);
	reading_pack(&pk, &in.list[0].pub, &form);
	cr_assert_eq(mp_unpack(&out, again.pub.bytes, again.pub.len, &err), 0);
	cr_assert_eq(json_write(&text, &out.u.data, &err), 0);
	cr_expect(text.pub.len == sizeof row - 1 && memcmp(text.pub.bytes, row, text.pub.len) == 0,
		  "%.*s", (int)text.pub.len, text.pub.bytes);
	mp_doc_release(&out);
	buf_release(&text);
	buf_release(&again);
	readings_release(&in);
	mp_doc_release(&doc);
	buf_release(&packed);
}
