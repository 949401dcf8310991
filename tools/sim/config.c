/* SPDX-License-Identifier: Apache-2.0 */
/* A config.xml that reads everything that is simulated. */
#include <errno.h>
#include <string.h>

#include "base/config_out.h"
#include "sim/sim.h"

static const char *reachable(const char *host)
{
	if (strcmp(host, "0.0.0.0") == 0)
		return "127.0.0.1";
	return strcmp(host, "::") == 0 ? "::1" : host;
}

/* "127.0.0.1:502" or "[::1]:502" as host and port. */
static const char *host_of(const char *where, char host[64], const char **port)
{
	const char *colon = strrchr(where, ':');
	int bracket = *where == '[';

	(void)snprintf(host, 64, "%.*s", (int)(colon - where) - 2 * bracket, where + bracket);
	*port = colon + 1;
	return reachable(host);
}

static void line_config(struct config_out *o, const struct line *l, size_t id)
{
	bool is_pty = l->kind == LINE_PTY;
	const char *port = l->where;
	char host[64], baud[24];
	const struct config_param params[] = {
		{ "host", is_pty ? NULL : host_of(l->where, host, &port) },
		{ "port", port },
		{ "baud", l->baud != 0 ? baud : NULL },
		{ "timeout", "1" },
	};

	(void)snprintf(baud, sizeof baud, "%lld", (long long)l->baud);
	config_out_device(
		o, &(struct config_device){ .id = id,
					    .type = is_pty ? "serial" : line_kind_name(l->kind),
					    .params = params,
					    .n_params = 4 });
}

static void meter_config(struct config_out *o, const struct meter *meter, struct config_meter what)
{
	bool commands = meter_takes_commands(meter);

	what.driver = commands ? "cvmk" : "modBusComm";
	what.data = commands ? "cvmData" : "mapData";
	what.model = meter_model(meter);
	config_out_meter(o, &what);
}

/* On a serial line 0 is a broadcast of Modbus, and beyond 247 is nobody; a CVMk has two digits. */
static bool meter_reachable(const struct line *l, size_t address)
{
	const struct meter *m = l->fleet->meter[address];

	if (m == NULL || (meter_takes_commands(m) && !line_is_serial(l)))
		return false;
	return meter_takes_commands(m) ? address < 100 : address > 0 && address < 248;
}

/* A CVMk has a request for each variable: at 9600 Bd some 1.7 s for all of them. */
static size_t commands_interval_s(const struct line *l)
{
	size_t n = 0;

	for (size_t a = 0; a < ADDRESSES; a++)
		n += meter_reachable(l, a) && meter_takes_commands(l->fleet->meter[a]);
	return 3 * n;
}

static void line_meters_config(struct config_out *o, const struct line *l, size_t line_id,
			       size_t *id)
{
	size_t slow_s = commands_interval_s(l);

	for (size_t a = 0; a < ADDRESSES; a++) {
		const struct meter *m = l->fleet->meter[a];

		if (meter_reachable(l, a))
			meter_config(o, m,
				     (struct config_meter){
					     .id = ++*id,
					     .device = line_id,
					     .address = a,
					     .interval_s = meter_takes_commands(m) ? slow_s : 1 });
	}
}

int sim_print_config(const struct sim *s, FILE *out)
{
	struct config_out *o = config_out_new("Simulated", "tesla-sim");
	size_t id = 0;
	int r;

	if (o == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_lines; i++) {
		line_config(o, s->lines[i], i + 1);
		line_meters_config(o, s->lines[i], i + 1, &id);
	}
	r = config_out_print(o, out);
	config_out_free(o);
	return r;
}
