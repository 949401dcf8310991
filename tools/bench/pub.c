/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU per published message, flooded: of a tesla-host with zmqPublish (--host,
 * --plugin), or of a bare loop of zmq_send (--topic, --body: the sizes of the two frames).  Never
 * more messages are under way than the socket holds, so none is lost.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "exporter.h"
#include "number.h"
#include "subscriber.h"

#define HWM 20000	   /* zmqPublish's own */
#define UNDER_WAY_MAX 5000 /* libzmq hears from the reader once per HWM / 2 messages */
#define FRAME_BYTES_MAX 4096
#define START_TRIES 30
#define STALL_MS 5000

struct options {
	const char *host, *plugin, *endpoint;
	long topic, body, sweeps, messages, subscribers;
};

struct sender {
	struct options o;
	clockid_t cpu; /* of the process that sends */
	const struct tally *got;
	struct exporter exporter;
	void *socket;
};

static const struct argp_option table[] = {
	{ "endpoint", 'e', "ENDPOINT", 0, "where the messages go", 0 },
	{ "host", 'h', "PROGRAM", 0, "tesla-host", 0 },
	{ "plugin", 'p', "PATH", 0, "zmqPublish.so", 0 },
	{ "topic", 't', "BYTES", 0, "without a host: first frame", 0 },
	{ "body", 'b', "BYTES", 0, "without a host: second frame", 0 },
	{ "subscribers", 'u', "N", 0, "to all of it (1)", 0 },
	{ "sweeps", 's', "N", 0, "in a batch, of ten messages each (100)", 0 },
	{ "messages", 'n', "N", 0, "to be sent (500000)", 0 },
	{ 0 }
};

__attribute__((noreturn)) static void die(const char *what, const char *why)
{
	(void)fprintf(stderr, "pub: %s: %s\n", what, why);
	exit(1);
}

static error_t parse_one(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'e':
		o->endpoint = arg;
		return 0;
	case 'h':
		o->host = arg;
		return 0;
	case 'p':
		o->plugin = arg;
		return 0;
	case 't':
		o->topic = number(state, arg, FRAME_BYTES_MAX);
		return 0;
	case 'b':
		o->body = number(state, arg, FRAME_BYTES_MAX);
		return 0;
	case 'u':
		o->subscribers = number(state, arg, SUBSCRIBERS_MAX);
		return 0;
	case 's':
		o->sweeps = number(state, arg, 1000);
		return 0;
	case 'n':
		o->messages = number(state, arg, 1000000000);
		return 0;
	case ARGP_KEY_END:
		if (o->endpoint == NULL ||
		    (o->host ? o->plugin == NULL : o->topic < 8 || o->body == 0))
			argp_error(state, "--endpoint is needed, and --host and --plugin or "
					  "--topic and --body");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void sender_open(struct sender *s)
{
	void *ctx;
	int hwm = HWM, r;

	if (s->o.host != NULL) {
		s->exporter.sweeps = (unsigned)s->o.sweeps;
		r = exporter_start(&s->exporter, s->o.host, s->o.plugin, s->o.endpoint);
		if (r != 0 || clock_getcpuclockid(s->exporter.pid, &s->cpu) != 0)
			die(s->o.host, strerror(r != 0 ? -r : errno));
		return;
	}
	s->cpu = CLOCK_PROCESS_CPUTIME_ID;
	ctx = zmq_ctx_new();
	s->socket = ctx ? zmq_socket(ctx, ZMQ_PUB) : NULL;
	if (s->socket == NULL || zmq_setsockopt(s->socket, ZMQ_SNDHWM, &hwm, sizeof hwm) != 0 ||
	    zmq_bind(s->socket, s->o.endpoint) != 0)
		die(s->o.endpoint, zmq_strerror(errno));
}

static void burst_bare(struct sender *s)
{
	static const char bytes[FRAME_BYTES_MAX] = "reading/";

	for (long i = 0; i < s->o.sweeps * EXPORTER_VARIABLES; i++)
		if (zmq_send(s->socket, bytes, (size_t)s->o.topic, ZMQ_SNDMORE) < 0 ||
		    zmq_send(s->socket, bytes, (size_t)s->o.body, 0) < 0)
			die("send", zmq_strerror(errno));
}

static void burst(struct sender *s)
{
	int r;

	if (s->o.host == NULL) {
		burst_bare(s);
		return;
	}
	r = exporter_burst(&s->exporter);
	if (r != 0)
		die("the host is gone", strerror(-r));
}

static void pause_ms(long ms)
{
	(void)nanosleep(&(struct timespec){ 0, ms * 1000000 }, NULL);
}

/* What all subscribers have, once nothing more comes. */
static uint64_t settled(const struct sender *s)
{
	uint64_t before;

	do {
		before = s->got->messages;
		pause_ms(100);
	} while (s->got->messages != before);
	return before;
}

/* Until a burst reaches every subscriber whole. */
static void warm_up(struct sender *s)
{
	const uint64_t whole = (uint64_t)(s->o.sweeps * EXPORTER_VARIABLES * s->o.subscribers);
	uint64_t before;
	int tries = 0;

	do {
		if (tries++ == START_TRIES)
			die(s->o.endpoint, "not everybody gets everything");
		before = settled(s);
		burst(s);
		pause_ms(100);
	} while (settled(s) - before != whole);
}

static int64_t cpu_ns(const struct sender *s)
{
	struct timespec t;

	if (clock_gettime(s->cpu, &t) != 0)
		die("CPU clock", strerror(errno));
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Per subscriber; the average when one is ahead of another. */
static uint64_t got_since(const struct sender *s, uint64_t first)
{
	return (s->got->messages - first) / (uint64_t)s->o.subscribers;
}

/* Returns how many messages each subscriber got. */
static uint64_t flood(struct sender *s)
{
	const uint64_t per_burst = (uint64_t)(s->o.sweeps * EXPORTER_VARIABLES);
	const uint64_t n = (uint64_t)s->o.messages;
	const uint64_t first = s->got->messages;
	uint64_t sent = 0, got = 0, last = 0;

	for (int idle_ms = 0; sent < n || got < sent; got = got_since(s, first)) {
		if (sent < n && sent - got + per_burst <= UNDER_WAY_MAX) {
			burst(s);
			sent += per_burst;
			continue;
		}
		pause_ms(1);
		idle_ms = got == last ? idle_ms + 1 : 0;
		last = got;
		if (idle_ms > STALL_MS)
			die(s->o.endpoint, "messages were lost");
	}
	return got;
}

static void measure(struct sender *s)
{
	const uint64_t topics = s->got->topics, bodies = s->got->bodies;
	int64_t before = cpu_ns(s);
	double got = (double)flood(s), used = (double)(cpu_ns(s) - before);
	double all = got * (double)s->o.subscribers;

	(void)printf("cpu_us %.4f\ntopic_bytes %.0f\nbody_bytes %.0f\n", used / 1000 / got,
		     (double)(s->got->topics - topics) / all,
		     (double)(s->got->bodies - bodies) / all);
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .options = table,
					  .parser = parse_one,
					  .doc = "CPU per published message." };
	struct sender s = { .o = { .sweeps = 100, .messages = 500000, .subscribers = 1 } };

	(void)argp_parse(&argp, argc, argv, 0, NULL, &s.o);
	s.got = subscribers_start(s.o.endpoint, (int)s.o.subscribers);
	if (s.got == NULL)
		die("subscriber", strerror(errno));
	sender_open(&s);
	warm_up(&s);
	measure(&s);
	return 0;
}
