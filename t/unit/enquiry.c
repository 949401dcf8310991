/* SPDX-License-Identifier: Apache-2.0 */
/* What a meter is asked when it is connected: SunSpec's chain, texts, who it is. */
#include "host/enquiry.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "host/analyzer.h"

static const struct tesla_register reg = {
	.label = "", .function = 3, .address = 9, .count = 2, .type = TESLA_UINT32, .scale = 1
};
static const struct tesla_register *const elements[] = { &reg };
static const struct tesla_variable variable = { .name = "P",
						.n_elements = 1,
						.elements = elements };
static const struct tesla_variable *const variables[] = { &variable };
static const struct model_text texts[] = {
	{ "serial", 4, 20, 2, TESLA_UINT32, TESLA_LITTLE },
	{ "version", 3, 30, 2, 0, TESLA_BIG },
};

static int identify(void *self, unsigned address, int64_t timeout_ms, struct tesla_reply *reply,
		    struct tesla_error *err)
{
	(void)self, (void)address, (void)timeout_ms, (void)reply, (void)err;
	return 0;
}
static const struct tesla_driver driver = { .size = sizeof driver, .identify = identify },
				 mute = { .size = sizeof mute };

/* ---- a meter: what it has at which address; all else it refuses ---- */
struct area {
	unsigned function, address;
	const char *bytes;
	size_t len;
};
#define AREA(F, A, TEXT) \
	{ \
		F, A, TEXT, sizeof TEXT - 1 \
	}

struct bench {
	struct model model;
	struct kind kind;
	struct analyzer a;
	const struct area *areas;
	const char *name;	 /* what the driver is told; NULL: it is refused */
	enum tesla_status fails; /* what the first question gets; 0: it is answered */
	char asked[400];
};

static void bench_init(struct bench *b, uint16_t sunspec, size_t n_texts)
{
	*b = (struct bench){ .model = { .sunspec = sunspec, .n_texts = n_texts, .texts = texts } };
	b->model.pub.n_variables = 1;
	b->model.pub.variables = variables;
	b->kind.model = &b->model;
	b->a.kind = &b->kind;
	b->a.said = calloc(4, sizeof(char *));
}

static void bench_release(struct bench *b)
{
	for (size_t i = 0; i < 4; i++)
		free(b->a.said[i]);
	free(b->a.said);
	free(b->a.heard);
}

static void answer(const struct bench *b, const struct tesla_block *what, struct tesla_reply *reply)
{
	for (const struct area *at = b->areas; at != NULL && at->bytes != NULL; at++)
		if (at->function == what->function && what->address >= at->address &&
		    2u * (what->address - at->address + what->count) <= at->len) {
			reply->status = TESLA_REPLY_OK;
			reply->data->bytes =
				(uint8_t *)(uintptr_t)(at->bytes +
						       2u * (what->address - at->address));
			reply->data->len = 2u * what->count;
		}
}

static const char *run(struct bench *b, const struct tesla_driver *d)
{
	struct enquiry q = { 0 };
	struct tesla_block what;
	bool who;

	b->asked[0] = '\0';
	while (enquiry_next(&q, &b->a, d, &what, &who)) {
		struct tesla_buf data = { 0 };
		struct tesla_reply reply = { .status = TESLA_REPLY_EXCEPTION, .data = &data };
		size_t at = strlen(b->asked);

		(void)snprintf(b->asked + at, sizeof b->asked - at, who ? "who " : "%u:%u+%u ",
			       what.function, what.address, what.count);
		if (who && b->name != NULL) {
			reply.status = TESLA_REPLY_OK;
			data = (struct tesla_buf){ .bytes = (uint8_t *)(uintptr_t)b->name,
						   .len = strlen(b->name) };
		} else if (!who) {
			answer(b, &what, &reply);
		}
		if (b->fails != 0)
			reply.status = b->fails;
		b->fails = 0;
		enquiry_take(&q, &b->a, &reply);
	}
	return b->asked;
}

Test(enquiry, the_driver_knows_how)
{
	struct bench b;

	bench_init(&b, 0, 0);
	b.name = "PM710";
	cr_expect_str_eq(run(&b, &driver), "who ");
	cr_expect_str_eq(b.a.heard, "PM710");
	b.name = NULL;
	cr_expect_str_eq(run(&b, &driver), "who who ", "once more, and no more");
	cr_expect_null(b.a.heard);
	b.fails = TESLA_REPLY_TIMEOUT;
	cr_expect_str_eq(run(&b, &driver), "who ", "what is silent is not asked again");
	b.name = "";
	cr_expect_str_eq(run(&b, &driver), "who who ");
	cr_expect_str_eq(b.a.heard, "");
	b.name = "PM710"; /* it knows the other way */
	b.fails = TESLA_REPLY_EXCEPTION;
	cr_expect_str_eq(run(&b, &driver), "who who ");
	cr_expect_str_eq(b.a.heard, "PM710");
	cr_expect_str_eq(run(&b, &mute), "");
	cr_expect(!enquiry_possible(&b.a, &mute));
	cr_expect(enquiry_possible(&b.a, &driver));
	bench_release(&b);
}

Test(enquiry, texts_and_who_from_registers)
{
	static const struct area areas[] = { AREA(4, 20, "\x00\x07\x00\x01"),
					     AREA(3, 30, "v1\x01 "),
					     AREA(4, 0, "\x00\x03"),
					     { 0 } };
	struct bench b;

	bench_init(&b, 0, 2);
	b.model.identity = (struct model_text){ "DAS-8000 Ver.", 4, 0, 1, TESLA_UINT16, TESLA_BIG };
	b.areas = areas;
	cr_expect_str_eq(run(&b, &mute), "4:20+2 3:30+2 4:0+1 ");
	cr_expect_str_eq(b.a.said[0], "65543");
	cr_expect_str_eq(b.a.said[1], "v1");
	cr_expect_str_eq(b.a.heard, "DAS-8000 Ver. 3");
	b.areas = NULL;
	cr_expect_str_eq(run(&b, &mute), "4:20+2 3:30+2 4:0+1 ");
	cr_expect(b.a.said[0] == NULL && b.a.said[1] == NULL && b.a.heard == NULL);
	b.areas = areas; /* what is silent now is not asked more now */
	b.fails = TESLA_REPLY_TIMEOUT;
	cr_expect_str_eq(run(&b, &mute), "4:20+2 ");
	bench_release(&b);
}

/* Marker, model 1 of 66 registers, model 203 of 105, the end. */
static void sunspec_fill(char *at)
{
	memset(at, 0, 400);
	memcpy(at, "SunS\0\x01\0\x42", 8);
	memcpy(at + 8, "Maker", 5);
	memcpy(at + 40, "Meter 9", 7);
	memcpy(at + 88, "1.2", 3);
	memcpy(at + 104, "S/N 7", 5);
	memcpy(at + 140, "\0\xcb\0\x69", 4);
	memcpy(at + 354, "\xff\xff", 2);
}

Test(enquiry, sunspec)
{
	char image[400];
	const struct area areas[] = { { 3, 50000, image, sizeof image }, { 0 } };
	struct bench b;

	sunspec_fill(image);
	bench_init(&b, 203, 0);
	b.areas = areas;
	cr_expect_str_eq(run(&b, &driver), "3:40000+2 3:50000+2 3:50002+2 3:50070+2 3:50002+66 ");
	cr_expect_eq(b.a.base, 50070);
	cr_expect_str_eq(b.a.heard, "Maker Meter 9 1.2");
	cr_expect_str_eq(b.a.said[0], "S/N 7");
	b.model.sunspec = 204; /* it has another model */
	cr_expect_str_eq(run(&b, &driver),
			 "3:40000+2 3:50000+2 3:50002+2 3:50070+2 3:50177+2 3:50002+66 ");
	cr_expect_eq(b.a.base, -1);
	b.areas = NULL; /* no marker anywhere */
	cr_expect_str_eq(run(&b, &driver), "3:40000+2 3:50000+2 3:0+2 ");
	cr_expect_eq(b.a.base, -1);
	cr_expect_null(b.a.heard);
	bench_release(&b);
}

/* A chain that never ends, or leads beyond the addresses, is given up. */
Test(enquiry, a_chain_without_end)
{
	char image[400];
	const struct area areas[] = { { 3, 40000, image, sizeof image }, { 0 } };
	struct bench b;

	memset(image, 0, sizeof image);
	memcpy(image, "SunS\0\x07\xff\xf0", 8);
	bench_init(&b, 203, 0);
	b.areas = areas;
	cr_expect_str_eq(run(&b, &driver), "3:40000+2 3:40002+2 ");
	cr_expect_eq(b.a.base, -1);
	memcpy(image + 4, "\0\x01\0\0", 4);
	(void)run(&b, &driver);
	cr_expect_eq(b.a.base, -1);
	bench_release(&b);
}
