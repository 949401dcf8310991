/* SPDX-License-Identifier: Apache-2.0 */
/*
 * follow [-c CONTROL] [-s STREAM] [PREFIX...]: prints the last values and then all that comes, a
 * line an event with tabs between.  It waits in a poll() of its own, as a program with other
 * descriptors would.
 */
#include <tesla/client.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void print_reading(const struct tesla_event *e)
{
	const struct tesla_client_reading *r = e->reading;

	printf("reading\t%s\t%" PRId64 "\t%" PRIu64 "\t%s\t%" PRId64 "\t", e->topic, e->epoch_ms,
	       e->k, e->from_snapshot ? "snapshot" : "stream", r->t_ms);
	for (size_t i = 0; i < r->n_elements; i++)
		printf(isnan(r->elements[i].value) ? "%snil" : "%s%.17g", i ? "," : "",
		       r->elements[i].value);
	putchar('\t');
	for (size_t i = 0; i < r->n_elements; i++)
		printf("%s%d", i ? "," : "", (int)r->elements[i].quality);
	putchar('\t');
	for (size_t i = 0; r->labels != NULL && i < r->n_elements; i++)
		printf("%s%s", i ? "," : "", r->labels[i]);
	putchar('\n');
}

static void print_event(const struct tesla_event *e)
{
	switch (e->kind) {
	case TESLA_EVENT_READING:
		print_reading(e);
		break;
	case TESLA_EVENT_MESSAGE: /* its payload is MessagePack: docs/stream.md */
		printf("message\t%s\t%" PRId64 "\t%" PRIu64 "\n", e->topic, e->epoch_ms, e->k);
		break;
	case TESLA_EVENT_GAP:
		printf("gap\t%s\t%" PRId64 "\t%" PRIu64 "\t%" PRIu64 "\n", e->topic, e->epoch_ms,
		       e->k, e->missed);
		break;
	case TESLA_EVENT_RESTART:
		printf("restart\t%" PRId64 "\t%" PRId64 "\n", e->old_epoch_ms, e->epoch_ms);
		break;
	case TESLA_EVENT_RESET:
		printf("reset\t%s\t%" PRId64 "\t%" PRIu64 "\n", e->topic, e->epoch_ms, e->k);
		break;
	case TESLA_EVENT_UP:
		printf("up\t%" PRId64 "\n", e->epoch_ms);
		break;
	case TESLA_EVENT_DOWN:
		printf("down\t%s\n", e->reason);
		break;
	}
}

/* All that is there now.  What makes no sense is left out, and said. */
static int take_all(struct tesla_follow *f)
{
	const struct tesla_event *e;
	struct tesla_error err;
	int r;

	while ((r = tesla_follow_next(f, 0, &e, &err)) != -EAGAIN) {
		if (r == 0)
			print_event(e);
		else
			fprintf(stderr, "follow: %s\n", err.text);
		if (r != 0 && r != -EBADMSG && r != -ENOBUFS && r != -EINTR)
			return r;
	}
	return fflush(stdout);
}

static int loop(struct tesla_follow *f)
{
	struct pollfd p[2] = { { .fd = tesla_follow_fd(f), .events = POLLIN },
			       { .events = POLLIN } };
	sigset_t ends;
	int r;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	p[1].fd = signalfd(-1, &ends, SFD_CLOEXEC);
	do
		r = take_all(f);
	while (r == 0 && poll(p, 2, -1) > 0 && p[1].revents == 0);
	close(p[1].fd);
	return r;
}

int main(int argc, char **argv)
{
	struct tesla_follow_conf conf = { .size = sizeof conf };
	struct tesla_follow *f;
	struct tesla_error err;
	int c;

	while ((c = getopt(argc, argv, "c:s:")) != -1) {
		if (c == 'c')
			conf.control.endpoint = optarg;
		else if (c == 's')
			conf.stream.endpoint = optarg;
		else
			return 2;
	}
	conf.prefixes = (const char *const *)argv + optind;
	if (tesla_follow(&conf, &f, &err) != 0) {
		fprintf(stderr, "follow: %s\n", err.text);
		return 1;
	}
	c = loop(f);
	tesla_unfollow(f);
	return c != 0;
}
