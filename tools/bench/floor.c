/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor: the least that a program costs that reads meters over libmodbus each second, one
 * connection a meter, one after the other; with --publish it also sends what it read on a PUB
 * socket, a meter at a time.  It does nothing else: a failed read ends it.
 */
#include <argp.h>
#include <errno.h>
#include <modbus.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "fields.h"
#include "number.h"

#define METERS_MAX 1000 /* libmodbus waits with select(): descriptors below 1,024 */

struct options {
	long meters, port, first, count;
	const char *publish;
};
struct floor {
	struct options o;
	modbus_t **meters;
	void *socket;
	msgpack_sbuffer body;
	struct stamp at;
};

static const struct argp_option table[] = {
	{ "meters", 'm', "N", 0, "how many; the i-th from 0 is 127.1.(i / 250).(1 + i % 250)", 0 },
	{ "port", 'p', "PORT", 0, "of all of them", 0 },
	{ "first", 'f', "REGISTER", 0, "first register (3999)", 0 },
	{ "count", 'c', "N", 0, "registers in a read (52)", 0 },
	{ "publish", 'P', "ENDPOINT", 0, "send the ten variables there", 0 },
	{ 0 }
};

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'm':
		o->meters = number(state, arg, METERS_MAX);
		return 0;
	case 'p':
		o->port = number(state, arg, UINT16_MAX);
		return 0;
	case 'f':
		o->first = number(state, arg, UINT16_MAX);
		return 0;
	case 'c':
		o->count = number(state, arg, MODBUS_MAX_READ_REGISTERS);
		return 0;
	case 'P':
		o->publish = arg;
		return 0;
	case ARGP_KEY_END:
		if (o->meters == 0 || o->port == 0)
			argp_error(state, "--meters and --port are needed");
		if (o->publish != NULL && (o->first != FIELDS_FIRST || o->count != FIELDS_COUNT))
			argp_error(state, "--publish goes with the registers that it knows");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

__attribute__((noreturn)) static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "floor: %s: %s\n", what, why);
	exit(1);
}

static modbus_t *meter_connect(long i, long port)
{
	char host[32];
	modbus_t *m;

	(void)snprintf(host, sizeof host, "127.1.%ld.%ld", i / 250, 1 + i % 250);
	m = modbus_new_tcp(host, (int)port);
	if (m == NULL || modbus_set_slave(m, 1) != 0 || modbus_connect(m) != 0)
		die(host, modbus_strerror(errno));
	return m;
}

static void publisher_open(struct floor *f)
{
	void *ctx = zmq_ctx_new();
	int hwm = 20000;

	f->socket = ctx ? zmq_socket(ctx, ZMQ_PUB) : NULL;
	if (f->socket == NULL || zmq_setsockopt(f->socket, ZMQ_SNDHWM, &hwm, sizeof hwm) != 0 ||
	    zmq_bind(f->socket, f->o.publish) != 0)
		die(f->o.publish, zmq_strerror(errno));
	msgpack_sbuffer_init(&f->body);
}

static int64_t us(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void publish(struct floor *f, long i, const uint16_t *registers)
{
	char topic[64];

	for (size_t k = 0; k < n_fields; k++) {
		int len = snprintf(topic, sizeof topic, "reading/1/%ld/%s/", i + 1, fields[k].name);

		field_pack(&f->body, &fields[k], registers, &f->at);
		if (zmq_send(f->socket, topic, (size_t)len, ZMQ_SNDMORE) < 0 ||
		    zmq_send(f->socket, f->body.data, f->body.size, 0) < 0)
			die(f->o.publish, zmq_strerror(errno));
	}
}

static void round_of_reads(struct floor *f)
{
	uint16_t registers[MODBUS_MAX_READ_REGISTERS];

	f->at.n++;
	for (long i = 0; i < f->o.meters; i++) {
		int64_t before = us(CLOCK_MONOTONIC), took;

		if (modbus_read_registers(f->meters[i], (int)f->o.first, (int)f->o.count,
					  registers) != f->o.count)
			die("read", modbus_strerror(errno));
		took = us(CLOCK_MONOTONIC) - before;
		f->at.t_ms = (us(CLOCK_REALTIME) - took / 2) / 1000;
		f->at.dt_ms = (double)took / 2000;
		if (f->socket != NULL)
			publish(f, i, registers);
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .options = table,
					  .parser = parse_one,
					  .doc = "Reads meters each second, until it is killed." };
	struct floor f = { .o = { .first = FIELDS_FIRST, .count = FIELDS_COUNT } };
	struct timespec next;

	(void)argp_parse(&argp, argc, argv, 0, NULL, &f.o);
	f.meters = calloc((size_t)f.o.meters, sizeof(modbus_t *));
	if (f.meters == NULL)
		die("meters", strerror(errno));
	for (long i = 0; i < f.o.meters; i++)
		f.meters[i] = meter_connect(i, f.o.port);
	if (f.o.publish != NULL)
		publisher_open(&f);
	f.at.epoch_ms = us(CLOCK_REALTIME) / 1000;
	(void)puts("ready");
	(void)fflush(stdout);
	(void)clock_gettime(CLOCK_REALTIME, &next);
	for (next.tv_nsec = 0;;) {
		next.tv_sec++;
		(void)clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &next, NULL);
		round_of_reads(&f);
	}
}
