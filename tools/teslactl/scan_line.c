/* SPDX-License-Identifier: Apache-2.0 */
/* The line that is searched. */
#include "teslactl/scan_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "teslactl/peer.h"

#define CONFIG_MS 3000
#define OWN_TIMEOUT "0.3"

/* ---- one that the running daemon has ---- */

static bool same_path(const char *a, const char *b)
{
	_cleanup_free_ char *x = realpath(a, NULL), *y = realpath(b, NULL);

	return strcmp(a, b) == 0 || (x != NULL && y != NULL && strcmp(x, y) == 0);
}

static bool is_number(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* The device that is named, among those of `config`. */
static const msgpack_object *device_find(const msgpack_object *config, const char *name)
{
	size_t n;
	const msgpack_object *list = mp_array(config, "devices", &n);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *its = mp_strdup(&list[i], "name");

		if (is_number(name) ? mp_int(&list[i], "id", 0) == strtoll(name, NULL, 10)
				    : its != NULL && same_path(its, name))
			return &list[i];
	}
	return NULL;
}

static void text_take(char *to, size_t size, const msgpack_object *map, const char *key)
{
	_cleanup_free_ char *text = mp_strdup(map, key);

	(void)snprintf(to, size, "%s", text ? text : "");
}

static void device_take(struct scan_line *l, const msgpack_object *device)
{
	const msgpack_object *params = mp_get(device, "params");
	_cleanup_free_ char *baud = mp_strdup(params, "baud");

	text_take(l->type, sizeof l->type, device, "kind");
	text_take(l->host, sizeof l->host, params, "host");
	text_take(l->port, sizeof l->port, params, "port");
	text_take(l->parity, sizeof l->parity, params, "parity");
	l->device = (struct config_device){ .id = (size_t)mp_int(device, "id", 0),
					    .type = l->type,
					    .port = l->port,
					    .host = *l->host != '\0' ? l->host : NULL,
					    .parity = *l->parity != '\0' ? l->parity : NULL,
					    .baud = baud ? strtoll(baud, NULL, 10) : 0,
					    .timeout = "1" };
}

static void analyzers_take(struct scan_line *l, const msgpack_object *config)
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
		*(commands ? &l->commands : &l->registers) = id;
		if (address < 0 || address >= SCAN_ADDRESSES)
			continue;
		l->known[address] = id;
		text_take(l->models[address], FOUND_TEXT, &list[i], "model");
	}
}

/* True: the running daemon has it; *code is CTL_GOOD, or it was complained of. */
static bool running(const struct ctl *ctl, struct scan_line *l, int *code)
{
	struct ctl quick = *ctl;
	_cleanup_free_ char *why = NULL;
	const msgpack_object *device;
	struct answer config;
	struct tesla_error err;

	*code = CTL_GOOD;
	quick.timeout_ms = CONFIG_MS;
	if (ctl_try(&quick, "config", NULL, &config, &why) != CTL_GOOD) {
		if (!is_number(ctl->words[0]))
			return false;
		*code = ctl_say(ctl, CTL_NO_DAEMON, why ? why : "no memory");
		return true;
	}
	device = device_find(&config.doc.u.data, ctl->words[0]);
	if (device != NULL) {
		device_take(l, device);
		analyzers_take(l, &config.doc.u.data);
	}
	answer_release(&config);
	if (device == NULL && !is_number(ctl->words[0]))
		return false;
	if (device == NULL)
		(void)tesla_fail(&err, -ENODEV, "teslad has no device %s", ctl->words[0]);
	else if (l->registers == 0 && l->commands == 0)
		(void)tesla_fail(&err, -ENODEV,
				 "device %zu has no analyzers that run, so no driver to look with",
				 l->device.id);
	else
		l->client = peer_connect(ctl, &err);
	if (l->client == NULL)
		*code = ctl_complain(ctl, &err);
	return true;
}

/* ---- one that nobody has ---- */

/* "/dev/ttyUSB0", "host:502", "[::1]:502", "host". */
static void place_parse(const struct ctl *ctl, struct scan_line *l)
{
	const char *where = ctl->words[0], *colon = strrchr(where, ':'), *end;
	bool bracket = *where == '[';

	l->device = (struct config_device){ .id = 1, .type = l->type, .timeout = OWN_TIMEOUT };
	l->device.port = l->port;
	if (*where == '/') {
		(void)snprintf(l->type, sizeof l->type, "serial");
		(void)snprintf(l->port, sizeof l->port, "%s", where);
		return;
	}
	(void)snprintf(l->type, sizeof l->type, "%s", ctl->rtu ? "rtu-over-tcp" : "tcp");
	l->device.host = l->host;
	if (bracket)
		end = strchr(where, ']');
	else
		end = colon;
	if (end == NULL)
		end = where + strlen(where);
	(void)snprintf(l->host, sizeof l->host, "%.*s", (int)(end - where - bracket),
		       where + bracket);
	(void)snprintf(l->port, sizeof l->port, "%s",
		       colon != NULL && colon >= end ? colon + 1 : "502");
}

int scan_line_set(struct scan_line *l, const struct catalogue *models, long long baud,
		  const char *parity, struct tesla_error *err)
{
	int r;

	l->device.baud = baud;
	(void)snprintf(l->parity, sizeof l->parity, "%s", parity ? parity : "");
	l->device.parity = parity != NULL ? l->parity : NULL;
	r = l->own != NULL ? scan_daemon_change(l->own, &l->device, models, err)
			   : scan_daemon_start(&l->device, models, &l->own, err);
	if (r != 0)
		return r;
	l->client = scan_daemon_client(l->own);
	l->registers = SCAN_REGISTERS;
	l->commands = strcmp(l->type, "tcp") != 0 ? SCAN_COMMANDS : 0;
	return 0;
}

int scan_line_open(const struct ctl *ctl, struct scan_line *l)
{
	int code;

	*l = (struct scan_line){ .own = NULL };
	if (running(ctl, l, &code))
		return code;
	place_parse(ctl, l);
	return CTL_GOOD;
}

void scan_line_close(struct scan_line *l)
{
	if (l->own == NULL)
		tesla_disconnect(l->client);
	scan_daemon_stop(l->own);
	l->own = NULL;
	l->client = NULL;
}
