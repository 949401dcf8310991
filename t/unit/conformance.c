/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every plugin must keep to, tried on each .so that was built: it is described, its bounds
 * hold, it opens and closes a hundred times, a driver keeps its time-out and takes no junk for an
 * answer, a data plugin is steady and gives no number that is not one.  Exporters have a file of
 * their own.
 */
#include "conformance.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/param.h"

#define TIMEOUT_MS 100

/* xorshift: the same junk on every run. */
static uint32_t junk(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void junk_fill(uint32_t *seed, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(junk(seed) >> 8);
}

/* ---- descriptions and bounds ---- */

static bool row_takes(const struct tesla_param *row, double v)
{
	char text[64];
	struct tesla_error err;

	(void)snprintf(text, sizeof text, row->type == TESLA_T_MS ? "%.17g ms" : "%.17g", v);
	return param_set(row, text, NULL, &err) == 0;
}

static void check_row(const char *plugin, const struct tesla_param *row)
{
	cr_expect(row->help != NULL && row->help[0] != '\0', "%s, %s: no help", plugin, row->name);
	if (row->min == 0 && row->max == 0)
		return;
	cr_expect(row_takes(row, row->min), "%s, %s: its own minimum", plugin, row->name);
	cr_expect(row_takes(row, row->max), "%s, %s: its own maximum", plugin, row->name);
	cr_expect_not(row_takes(row, row->min - 1), "%s, %s: less than its minimum", plugin,
		      row->name);
	cr_expect_not(row_takes(row, row->max + 1), "%s, %s: more than its maximum", plugin,
		      row->name);
}

Test(conformance, descriptions_and_bounds)
{
	static const char *const kinds[] = { [TESLA_DRIVER] = "drivers", "data", "export" };
	struct loader *l;
	struct set s;

	for (int kind = TESLA_DRIVER; kind <= TESLA_EXPORTER; kind++) {
		set_open(&s, kinds[kind]);
		while ((l = set_next(&s)) != NULL) {
			cr_expect_eq(l->plugin.kind, kind, "%s is in %s", l->plugin.name,
				     kinds[kind]);
			cr_expect(l->plugin.help != NULL && l->plugin.help[0] != '\0',
				  "%s: no help", l->plugin.name);
			for (const struct tesla_param *p = l->plugin.params;
			     p && p->type != TESLA_T_END; p++)
				check_row(l->plugin.name, p);
		}
	}
}

/* ---- drivers ---- */

struct rig {
	struct tesla_line line;
	int peer_fd;
	bool commands; /* is what it takes */
	void *self, *conf;
	struct buf data;
};

static void rig_open(struct rig *r, const struct loader *l, enum tesla_line_kind kind)
{
	struct tesla_error err = { 0 };
	struct termios raw;
	int fds[2];

	if (kind == TESLA_LINE_SERIAL) {
		cr_assert_eq(openpty(&fds[1], &fds[0], NULL, NULL, NULL), 0);
		cr_assert_eq(tcgetattr(fds[0], &raw), 0);
		cfmakeraw(&raw);
		cr_assert_eq(tcsetattr(fds[0], TCSANOW, &raw), 0);
	} else {
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	}
	*r = (struct rig){ .line = { .size = sizeof r->line,
				     .kind = kind,
				     .fd = fds[0],
				     .baud = kind == TESLA_LINE_SERIAL ? 115200 : 0,
				     .name = "rig" },
			   .peer_fd = fds[1],
			   .commands = (l->driver.takes & TESLA_TAKES_REGISTERS) == 0,
			   .conf = conf_of(l, NULL, 0) };
	buf_init(&r->data, 4096);
	cr_assert_eq(l->driver.open(r->conf, &r->line, &host, &r->self, &err), 0, "%s", err.text);
}

static void rig_close(struct rig *r, const struct loader *l)
{
	l->driver.close(r->self);
	free(r->conf);
	buf_release(&r->data);
	(void)close(r->line.fd);
	(void)close(r->peer_fd);
}

static struct tesla_block some_block(const struct loader *l)
{
	return l->driver.takes & TESLA_TAKES_REGISTERS
		       ? (struct tesla_block){ .function = 3, .address = 100, .count = 2 }
		       : (struct tesla_block){ .command = "VER" };
}

static enum tesla_status rig_read(struct rig *r, const struct loader *l, bool identify)
{
	struct tesla_reply reply = { .data = &r->data.pub };
	struct tesla_block block = some_block(l);
	struct tesla_error err = { 0 };
	int64_t before = clock_mono_us();

	buf_clear(&r->data);
	cr_expect_eq(identify ? l->driver.identify(r->self, 5, TIMEOUT_MS, &reply, &err)
			      : l->driver.read(r->self, 5, &block, TIMEOUT_MS, &reply, &err),
		     0, "%s", err.text);
	cr_expect_lt(clock_mono_us() - before, 2 * TIMEOUT_MS * 1000, "%s, line kind %d: too late",
		     l->plugin.name, (int)r->line.kind);
	cr_expect(reply.status == TESLA_REPLY_OK || err.text[0] != '\0', "%s: no sentence",
		  l->plugin.name);
	cr_expect(reply.status == TESLA_REPLY_OK || r->data.pub.len == 0, "%s: bytes of no reply",
		  l->plugin.name);
	return reply.status;
}

static bool can_use(const struct loader *l, enum tesla_line_kind kind)
{
	return (l->driver.lines & TESLA_ON(kind)) != 0;
}

Test(conformance, drivers_open_and_close_and_keep_their_time_out, .timeout = 60)
{
	struct loader *l;
	struct set s;

	set_open(&s, "drivers");
	while ((l = set_next(&s)) != NULL) {
		for (enum tesla_line_kind kind = TESLA_LINE_SERIAL; kind <= TESLA_LINE_RAW_TCP;
		     kind++) {
			struct rig r;

			for (int i = 0; i < ROUNDS && can_use(l, kind); i++) {
				rig_open(&r, l, kind);
				if (i == 0)
					cr_expect_eq(rig_read(&r, l, false), TESLA_REPLY_TIMEOUT,
						     "%s", l->plugin.name);
				if (i == 1 && l->driver.identify != NULL)
					cr_expect_eq(rig_read(&r, l, true), TESLA_REPLY_TIMEOUT,
						     "%s", l->plugin.name);
				rig_close(&r, l);
			}
		}
	}
}

/* Answers every request with junk, a part of it with a beginning that is right for its driver. */
static void *babbler_run(void *arg)
{
	struct rig *r = arg;
	uint8_t bytes[300], request[300];
	uint32_t seed = 20240229;

	while (read(r->peer_fd, request, sizeof request) > 0) {
		size_t len = 1 + junk(&seed) % sizeof bytes;

		junk_fill(&seed, bytes, sizeof bytes);
		if (r->line.kind != TESLA_LINE_TCP && junk(&seed) % 2 == 0)
			memcpy(bytes, r->commands ? "$05" : "\5\3\4", 3);
		if (write(r->peer_fd, bytes, len) < 0)
			break;
	}
	return NULL;
}

Test(conformance, drivers_take_no_junk_for_an_answer, .timeout = 60)
{
	struct loader *l;
	struct set s;

	set_open(&s, "drivers");
	while ((l = set_next(&s)) != NULL) {
		for (enum tesla_line_kind kind = TESLA_LINE_TCP; kind <= TESLA_LINE_RAW_TCP;
		     kind++) {
			pthread_t thread;
			struct rig r;

			if (!can_use(l, kind))
				continue;
			rig_open(&r, l, kind);
			cr_assert_eq(pthread_create(&thread, NULL, babbler_run, &r), 0);
			for (int i = 0; i < ROUNDS; i++)
				cr_expect_neq(rig_read(&r, l, false), TESLA_REPLY_OK, "%s: junk %d",
					      l->plugin.name, i);
			(void)shutdown(r.line.fd, SHUT_RDWR);
			(void)pthread_join(thread, NULL);
			rig_close(&r, l);
		}
	}
}

Test(conformance, drivers_know_where_a_reply_ends)
{
	uint32_t seed = 7;
	struct loader *l;
	struct set s;

	set_open(&s, "drivers");
	while ((l = set_next(&s)) != NULL) {
		struct rig r;

		if (l->driver.whole == NULL)
			continue;
		rig_open(&r, l, TESLA_LINE_TCP);
		for (int i = 0; i < 100 * ROUNDS; i++) {
			uint8_t bytes[64] = { 0 };
			size_t len = junk(&seed) % sizeof bytes;

			junk_fill(&seed, bytes, len);
			int n = l->driver.whole(r.self, bytes, len);

			cr_expect(n >= 0 || n == -EBADMSG, "%s: %d", l->plugin.name, n);
			cr_expect_lt(n, 65536, "%s: %d", l->plugin.name, n);
		}
		rig_close(&r, l);
	}
}

/* ---- data plugins: models by chance ---- */

#define VARIABLES 6
#define ELEMENTS 5

struct chance {
	struct tesla_scale scales[2];
	struct tesla_register registers[VARIABLES][ELEMENTS];
	const struct tesla_register *elements[VARIABLES][ELEMENTS];
	struct tesla_variable variables[VARIABLES];
	const struct tesla_variable *wanted[VARIABLES];
	struct tesla_model model;
};

static void chance_register(struct tesla_register *r, struct chance *c, uint32_t *seed)
{
	static const uint8_t counts[] = { 0, 1, 1, 2, 2, 4, 4, 2, 4 };

	*r = (struct tesla_register){ .label = "x",
				      .function = 3,
				      .address = (uint16_t)(junk(seed) % 400),
				      .type = TESLA_INT16 + junk(seed) % TESLA_FLOAT64,
				      .order = junk(seed) % 2,
				      .scale = pow(10, (int)(junk(seed) % 9) - 4),
				      .has_max = junk(seed) % 2,
				      .max = 1e6,
				      .has_sentinel = junk(seed) % 2,
				      .sentinel = 0x8000 };
	r->count = counts[r->type];
	r->scale_register = junk(seed) % 3 == 2 ? NULL : &c->scales[junk(seed) % 2];
}

/* Another one for each variable, and of one width. */
static void chance_command(struct chance *c, size_t v, uint32_t *seed)
{
	static const char *const commands[VARIABLES] = { "RVI", "RVM", "RVm", "ROI", "RAI", "RFI" };
	uint16_t digits = (uint16_t)(1 + junk(seed) % 15);

	for (size_t e = 0; e < ELEMENTS; e++) {
		struct tesla_register *r = &c->registers[v][e];

		*r = (struct tesla_register){ .label = r->label,
					      .type = TESLA_DECIMAL,
					      .command = commands[v],
					      .field = (uint16_t)e,
					      .digits = digits,
					      .scale = r->scale,
					      .has_max = r->has_max,
					      .max = r->max };
	}
}

static void chance_make(struct chance *c, uint32_t takes, uint32_t *seed)
{
	*c = (struct chance){ .scales = { { "A", 3, 500, -4, 4, 0 },
					  { "B", 3, 501, INT16_MIN, INT16_MAX, 1 } } };
	for (size_t v = 0; v < VARIABLES; v++) {
		for (size_t e = 0; e < ELEMENTS; e++) {
			chance_register(&c->registers[v][e], c, seed);
			c->elements[v][e] = &c->registers[v][e];
		}
		if (!(takes & TESLA_TAKES_REGISTERS))
			chance_command(c, v, seed);
		c->variables[v] = (struct tesla_variable){ .name = "V",
							   .unit = "",
							   .n_elements = 1 + junk(seed) % ELEMENTS,
							   .elements = c->elements[v] };
		c->wanted[v] = &c->variables[v];
	}
	c->model = (struct tesla_model){ .size = sizeof c->model,
					 .name = "chance",
					 .manufacturer = "none",
					 .scales_every_sweep = junk(seed) % 2,
					 .n_variables = VARIABLES,
					 .variables = c->wanted };
}

static void check_decode(const struct loader *l, const void *self, const struct tesla_block *blocks,
			 size_t n, size_t n_elements, uint32_t *seed)
{
	struct tesla_reply replies[4 * VARIABLES * ELEMENTS];
	struct tesla_buf bufs[4 * VARIABLES * ELEMENTS];
	struct tesla_element out[VARIABLES * ELEMENTS], again[VARIABLES * ELEMENTS];
	struct tesla_error err;
	uint8_t bytes[1024];
	bool text = n > 0 && blocks[0].command != NULL;

	junk_fill(seed, bytes, sizeof bytes);
	for (size_t i = 0; text && i < sizeof bytes; i++) /* such that some are numbers */
		bytes[i] = (uint8_t) "00123456789999 -+.*A"[bytes[i] % 20];
	for (size_t i = 0; i < n; i++) {
		bool cut = junk(seed) % 8 == 0;

		bufs[i] = (struct tesla_buf){ .bytes = bytes + junk(seed) % 256,
					      .len = cut    ? junk(seed) % 64
						     : text ? blocks[i].count
							    : 2u * blocks[i].count };
		replies[i] = (struct tesla_reply){ .status = junk(seed) % 6, .data = &bufs[i] };
		if (junk(seed) % 2)
			replies[i].status = TESLA_REPLY_OK;
	}
	(void)l->data.decode(self, replies, out, &err);
	(void)l->data.decode(self, replies, again, &err);
	for (size_t i = 0; i < n_elements; i++) {
		cr_expect_leq(out[i].quality, TESLA_STALE, "%s", l->plugin.name);
		cr_expect(out[i].quality != TESLA_GOOD || isfinite(out[i].value),
			  "%s: good, but %g", l->plugin.name, out[i].value);
		cr_expect(out[i].quality == again[i].quality &&
				  (isnan(out[i].value) || out[i].value == again[i].value),
			  "%s: the same replies, another reading", l->plugin.name);
	}
}

static void check_model(const struct loader *l, const struct chance *c, uint32_t *seed)
{
	_cleanup_free_ void *conf = conf_of(l, NULL, 0);
	const struct tesla_block *blocks, *again;
	struct tesla_error err = { 0 };
	size_t n, n_elements = 0;
	void *self = NULL;

	for (size_t v = 0; v < VARIABLES; v++)
		n_elements += c->variables[v].n_elements;
	cr_assert_eq(l->data.open(conf, &c->model, c->wanted, VARIABLES, &self, &err), 0, "%s",
		     err.text);
	n = l->data.blocks(self, &blocks);
	cr_assert_leq(n, 4 * VARIABLES * ELEMENTS);
	cr_expect_eq(l->data.blocks(self, &again), n, "%s", l->plugin.name);
	cr_expect_eq(again, blocks, "%s: blocks move", l->plugin.name);
	for (size_t i = 0; i < n; i++)
		cr_expect(blocks[i].command != NULL ||
				  (blocks[i].count >= 1 && blocks[i].count <= 125),
			  "%s: block of %u", l->plugin.name, blocks[i].count);
	for (int i = 0; i < 20; i++)
		check_decode(l, self, blocks, n, n_elements, seed);
	l->data.close(self);
}

Test(conformance, data_plugins_are_steady, .timeout = 60)
{
	static struct chance c;
	struct loader *l;
	struct set s;

	set_open(&s, "data");
	while ((l = set_next(&s)) != NULL) {
		uint32_t seed = 42;

		for (int i = 0; i < ROUNDS; i++) {
			chance_make(&c, l->data.takes, &seed);
			check_model(l, &c, &seed);
		}
	}
}
