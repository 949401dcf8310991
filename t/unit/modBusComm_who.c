/* SPDX-License-Identifier: Apache-2.0 */
/* Who a meter is: functions 17 and 43. */
#include "modBusComm_rig.h"

static const struct turn {
	unsigned asked; /* by which function */
	enum tesla_status status;
	struct chunk reply; /* RTU; on TCP with a header before it, and no sum */
} turns[] = {
	{ 17, TESLA_REPLY_OK, RTU_FRAME(0, 5, 17, 5, 1, 0xff, 'P', 'M', '7') },
	{ 17, TESLA_REPLY_EXCEPTION, RTU_FRAME(0, 5, 0x91, 1) },
	{ 43, TESLA_REPLY_OK, RTU_FRAME(0, PM7_OBJECTS) },
	{ 43, TESLA_REPLY_OK, RTU_FRAME(0, PM7_OBJECTS) },
	{ 43, TESLA_REPLY_EXCEPTION, RTU_FRAME(0, 5, 0xab, 1) },
	{ 17, TESLA_REPLY_OK, RTU_FRAME(0, 5, 17, 3, 1, 0xff, ' ') },
	{ 43, TESLA_REPLY_OK, RTU_FRAME(0, 5, 43, 14, 1, 1, 0, 0, 0) },
	{ 17, TESLA_REPLY_TIMEOUT, { .len = 0 } },
	{ 17, TESLA_REPLY_EXCEPTION, RTU_FRAME(0, 5, 0x91, 6) },
	{ 43, TESLA_REPLY_TIMEOUT, { .len = 0 } },
	{ 17, TESLA_REPLY_EXCEPTION, RTU_FRAME(0, 5, 0x91, 1) },
	{ 43, TESLA_REPLY_OK, RTU_FRAME(0, PM7_OBJECTS) },
};

static struct chunk on_tcp(const struct chunk *reply)
{
	struct chunk c = { .len = 0 };

	if (reply->len == 0)
		return c;
	c.len = 6 + reply->len;
	memcpy(c.bytes, (const uint8_t[]){ 0xff, 0xff, 0, 0, 0, (uint8_t)reply->len }, 6);
	memcpy(c.bytes + 6, reply->bytes, reply->len);
	return c;
}

Test(modBusComm, the_other_way_after_a_refusal, .timeout = 20)
{
	static const enum tesla_line_kind kinds[] = { RTU, TESLA_LINE_SERIAL, TCP };

	for (size_t k = 0; k < N_ELEMENTS(kinds); k++) {
		size_t at = kinds[k] == TCP ? 7 : 1;
		struct rig r;

		rig_open(&r, kinds[k], 0);
		for (size_t i = 0; i < N_ELEMENTS(turns); i++) {
			const struct turn *t = &turns[i];
			struct chunk chunks[CHUNKS] = { t->reply };
			struct peer peer;

			if (kinds[k] == TCP)
				chunks[0] = on_tcp(&t->reply);
			cr_expect_eq(rig_ask(&r, &peer, chunks, NULL), 0);
			cr_expect_eq(peer.request[at], t->asked, "%zu: asked by %u", i,
				     peer.request[at]);
			cr_expect_eq(r.reply.status, t->status, "%zu: %s", i, r.err.text);
			(void)tesla_plugin.driver->identify(r.self, 300, 1, &r.reply, &r.err);
		}
		rig_close(&r);
	}
}

/* Each unit by itself; a block that asks by one of them changes nothing. */
Test(modBusComm, units_know_different_ways, .timeout = 20)
{
	const struct chunk no_17[CHUNKS] = { RTU_FRAME(0, 5, 0x91, 1) };
	const struct chunk objects[CHUNKS] = { RTU_FRAME(0, PM7_OBJECTS) };
	const struct chunk other[CHUNKS] = { RTU_FRAME(0, 6, 17, 3, 1, 0xff, 'x') };
	struct peer peer;
	struct rig r;

	rig_open(&r, RTU, 0);
	cr_expect_eq(rig_ask(&r, &peer, no_17, &by_17), 0);
	cr_expect_eq(rig_ask(&r, &peer, no_17, NULL), 0);
	cr_expect_eq(peer.request[1], 17);
	rig_clear(&r);
	peer_start(&peer, r.peer_fd, other);
	cr_expect_eq(tesla_plugin.driver->identify(r.self, 6, TIMEOUT_MS, &r.reply, &r.err), 0);
	(void)pthread_join(peer.thread, NULL);
	cr_expect_eq(peer.request[1], 17);
	cr_expect_eq(r.reply.status, TESLA_REPLY_OK, "%s", r.err.text);
	cr_expect_eq(rig_ask(&r, &peer, objects, NULL), 0);
	cr_expect_eq(peer.request[1], 43);
	cr_expect_eq(r.reply.status, TESLA_REPLY_OK, "%s", r.err.text);
	rig_close(&r);
}

Test(modBusComm, the_other_way_in_halves)
{
	struct rig r;

	rig_open(&r, TCP, 0);
	for (size_t i = 0; i < N_ELEMENTS(turns); i++) {
		struct chunk reply = on_tcp(&turns[i].reply);
		uint8_t request[REQUEST_MAX];
		ssize_t n;

		rig_clear(&r);
		cr_assert_eq(tesla_plugin.driver->request(r.self, 5, NULL, &r.reply, &r.err), 0,
			     "%s", r.err.text);
		n = recv(r.peer_fd, request, sizeof request, 0);
		cr_expect_eq(request[7], turns[i].asked, "%zu: asked by %u", i, request[7]);
		cr_expect_eq(n, request[7] == 43 ? 11 : 8);
		if (reply.len == 0)
			continue;
		halves_send(&r, request, &reply);
		check_receive(&r, NULL, turns[i].status);
	}
	rig_close(&r);
}
