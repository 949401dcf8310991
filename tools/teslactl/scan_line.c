/* SPDX-License-Identifier: Apache-2.0 */
/* The line that is searched. */
#include "teslactl/scan_line.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/param.h"
#include "teslactl/peer.h"

#define ASK_MS 3000
#define TIMEOUT_LEAST_MS 1000 /* of a line of our own: a connection takes that long, too */

/* ---- what is named ---- */

static bool is_number(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* "/dev/ttyUSB0", "host:502", "[::1]:502", "host". */
static void place_parse(const struct ctl *ctl, struct scan_line *l)
{
	const char *where = ctl->words[0], *colon = strrchr(where, ':'), *end;
	bool bracket = *where == '[';

	if (*where == '/') {
		(void)snprintf(l->type, sizeof l->type, "serial");
		(void)snprintf(l->port, sizeof l->port, "%s", where);
		return;
	}
	(void)snprintf(l->type, sizeof l->type, "%s", ctl->rtu ? "rtu-over-tcp" : "tcp");
	end = bracket ? strchr(where, ']') : colon;
	if (end == NULL)
		end = where + strlen(where);
	(void)snprintf(l->host, sizeof l->host, "%.*s", (int)(end - where - bracket),
		       where + bracket);
	(void)snprintf(l->port, sizeof l->port, "%s",
		       colon != NULL && colon >= end ? colon + 1 : "502");
}

/* ---- one that the running daemon has ---- */

static bool same_path(const char *a, const char *b)
{
	_cleanup_free_ char *x = realpath(a, NULL), *y = realpath(b, NULL);

	return strcmp(a, b) == 0 || (x != NULL && y != NULL && strcmp(x, y) == 0);
}

static struct addrinfo *resolved(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;

	return getaddrinfo(host, port, &hints, &list) == 0 ? list : NULL;
}

/* By name, or by any address that both have. */
static bool same_host(const struct scan_line *l, const char *host, const char *port)
{
	struct addrinfo *ours, *theirs;
	bool same = strcasecmp(l->host, host) == 0 && strcmp(l->port, port) == 0;

	if (same)
		return true;
	ours = resolved(l->host, l->port);
	theirs = resolved(host, port);
	for (struct addrinfo *a = ours; a != NULL; a = a->ai_next)
		for (struct addrinfo *b = theirs; b != NULL; b = b->ai_next)
			same |= a->ai_addrlen == b->ai_addrlen &&
				memcmp(a->ai_addr, b->ai_addr, a->ai_addrlen) == 0;
	if (ours != NULL)
		freeaddrinfo(ours);
	if (theirs != NULL)
		freeaddrinfo(theirs);
	return same;
}

static bool is_meant(const struct scan_line *l, const char *name, const msgpack_object *device)
{
	const msgpack_object *params = mp_get(device, "params");
	_cleanup_free_ char *host = mp_strdup(params, "host"), *port = mp_strdup(params, "port");

	if (is_number(name))
		return mp_int(device, "id", 0) == strtoll(name, NULL, 10);
	if (port == NULL || (host != NULL) != (*l->host != '\0'))
		return false;
	return host != NULL ? same_host(l, host, port) : same_path(port, l->port);
}

static const msgpack_object *device_find(const struct scan_line *l, const msgpack_object *config,
					 const char *name)
{
	size_t n;
	const msgpack_object *list = mp_array(config, "devices", &n);

	for (size_t i = 0; i < n; i++)
		if (is_meant(l, name, &list[i]))
			return &list[i];
	return NULL;
}

static void text_take(char *to, size_t size, const msgpack_object *o)
{
	_cleanup_free_ char *text = o != NULL ? mp_to_strdup(o) : NULL;

	(void)snprintf(to, size, "%s", text ? text : "");
}

static void param_add(struct scan_line *l, const char *name, const char *value)
{
	size_t i = l->device.n_params;

	if (i == SCAN_PARAMS)
		return;
	(void)snprintf(l->texts[i][0], SCAN_TEXT, "%s", name);
	(void)snprintf(l->texts[i][1], SCAN_TEXT, "%s", value);
	l->params[i] = (struct config_param){ l->texts[i][0], l->texts[i][1] };
	l->device.params = l->params;
	l->device.n_params++;
}

/* With all its parameters, as it is configured. */
static void device_take(struct scan_line *l, const msgpack_object *device)
{
	const msgpack_object *params = mp_get(device, "params");
	char name[SCAN_TEXT], value[SCAN_TEXT];
	int64_t ms;

	text_take(l->type, sizeof l->type, mp_get(device, "kind"));
	l->device =
		(struct config_device){ .id = (size_t)mp_int(device, "id", 0), .type = l->type };
	for (uint32_t i = 0; params != NULL && i < params->via.map.size; i++) {
		text_take(name, sizeof name, &params->via.map.ptr[i].key);
		text_take(value, sizeof value, &params->via.map.ptr[i].val);
		param_add(l, name, value);
		if (strcmp(name, "baud") == 0)
			l->baud = strtoll(value, NULL, 10);
		if (strcmp(name, "timeout") == 0 && duration_parse_ms(value, 1000, &ms) == 0)
			l->is_slow = ms > TIMEOUT_LEAST_MS;
	}
}

static const msgpack_object *analyzer_in(const msgpack_object *status, int64_t id)
{
	size_t n;
	const msgpack_object *list = mp_array(status, "analyzers", &n);

	for (size_t i = 0; i < n; i++)
		if (mp_int(&list[i], "id", 0) == id)
			return &list[i];
	return NULL;
}

/* One whose plugins failed, or whose host is down, cannot be looked through. */
static bool can_look(const msgpack_object *analyzer)
{
	return analyzer != NULL && !mp_is(analyzer, "state", "failed") &&
	       !mp_is(analyzer, "state", "down");
}

static void analyzers_take(struct scan_line *l, const msgpack_object *config,
			   const msgpack_object *status)
{
	size_t n;
	const msgpack_object *list = mp_array(config, "analyzers", &n);

	for (size_t i = 0; i < n; i++) {
		int64_t id = mp_int(&list[i], "id", 0), address = mp_int(&list[i], "address", -1);
		bool commands =
			mp_is(&list[i], "driver", "cvmk") || mp_is(&list[i], "driver", "cvmComm");

		if (id > 0 && (size_t)id > l->last_id)
			l->last_id = (size_t)id;
		if (mp_int(&list[i], "device", 0) != (int64_t)l->device.id)
			continue;
		if (can_look(analyzer_in(status, id)))
			*(commands ? &l->commands : &l->registers) = id;
		if (address < 0 || address >= SCAN_ADDRESSES)
			continue;
		l->known[address] = id;
		text_take(l->models[address], FOUND_TEXT, mp_get(&list[i], "model"));
	}
}

static int ask(struct tesla_client *c, const char *command, struct answer *ret,
	       struct tesla_error *err)
{
	uint8_t *bytes = NULL;
	size_t len;
	int r = tesla_request(c, command, NULL, 0, ASK_MS, &bytes, &len, err);

	if (r == 0)
		r = mp_unpack(&ret->doc, bytes, len, err);
	if (r == 0)
		ret->bytes = bytes;
	else
		free(bytes);
	return r;
}

/* 1: the daemon has it; 0: it has not; negative: it cannot be asked, or not about that. */
static int device_ask(const struct ctl *ctl, struct scan_line *l, struct tesla_error *err)
{
	const msgpack_object *device;
	struct answer config, status;
	int r = ask(l->client, "config", &config, err);

	if (r != 0)
		return r;
	r = ask(l->client, "status", &status, err);
	device = r == 0 ? device_find(l, &config.doc.u.data, ctl->words[0]) : NULL;
	if (device != NULL) {
		device_take(l, device);
		analyzers_take(l, &config.doc.u.data, &status.doc.u.data);
	}
	answer_release(&config);
	if (r != 0)
		return r;
	answer_release(&status);
	if (device != NULL && l->registers == 0 && l->commands == 0)
		return tesla_fail(err, -ENODEV,
				  "device %zu has no analyzer that runs, so no driver to look with",
				  l->device.id);
	return device != NULL;
}

/*
 * CTL_GOOD: l->client is set when the running daemon has the line.  Where somebody is named to be
 * asked, or there is somebody who does not answer, nothing else is tried.
 */
static int running(const struct ctl *ctl, struct scan_line *l)
{
	bool must = is_number(ctl->words[0]) || ctl->endpoint != NULL || ctl->server != NULL;
	struct tesla_error err;
	int r;

	l->client = peer_connect(ctl, &err);
	if (l->client == NULL)
		return !must && (err.code == -ENOENT || err.code == -ECONNREFUSED)
			       ? CTL_GOOD
			       : ctl_say(ctl, CTL_NO_DAEMON, err.text);
	r = device_ask(ctl, l, &err);
	if (r < 0)
		return ctl_refused(ctl, l->client, "config", &err);
	if (r == 0 && must) {
		(void)tesla_fail(&err, -ENODEV, "teslad has no device %s", ctl->words[0]);
		return ctl_complain(ctl, &err);
	}
	if (r == 0) {
		tesla_disconnect(l->client);
		l->client = NULL;
	}
	return CTL_GOOD;
}

/* ---- one that nobody has ---- */

static void own_device(struct scan_line *l, const struct scan_settings *set)
{
	int64_t ms = set->timeout_ms > TIMEOUT_LEAST_MS ? set->timeout_ms : TIMEOUT_LEAST_MS;
	char text[24];

	l->device = (struct config_device){ .id = 1, .type = l->type };
	l->baud = set->baud;
	if (*l->host != '\0')
		param_add(l, "host", l->host);
	param_add(l, "port", l->port);
	(void)snprintf(text, sizeof text, "%lld", set->baud);
	if (set->baud != 0)
		param_add(l, "baud", text);
	if (set->parity != NULL)
		param_add(l, "parity", set->parity);
	(void)snprintf(text, sizeof text, "%lld ms", (long long)ms);
	param_add(l, "timeout", text);
}

int scan_line_set(struct scan_line *l, const struct catalogue *models,
		  const struct scan_settings *set, struct tesla_error *err)
{
	int r;

	own_device(l, set);
	r = l->own != NULL ? scan_daemon_change(l->own, &l->device, models, err)
			   : scan_daemon_start(&l->device, models, &l->own, err);
	if (r != 0)
		return r;
	l->client = scan_daemon_client(l->own);
	l->registers = catalogue_any(models, false) != NULL ? SCAN_REGISTERS : 0;
	l->commands = strcmp(l->type, "tcp") != 0 && catalogue_any(models, true) != NULL
			      ? SCAN_COMMANDS
			      : 0;
	return l->registers != 0 || l->commands != 0
		       ? 0
		       : tesla_fail(err, -ENOENT, "no installed model can be on such a line");
}

int scan_line_open(const struct ctl *ctl, struct scan_line *l)
{
	*l = (struct scan_line){ .own = NULL };
	if (!is_number(ctl->words[0]))
		place_parse(ctl, l);
	return running(ctl, l);
}

void scan_line_close(struct scan_line *l)
{
	if (l->own == NULL)
		tesla_disconnect(l->client);
	scan_daemon_stop(l->own);
	l->own = NULL;
	l->client = NULL;
}
