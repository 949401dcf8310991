/* SPDX-License-Identifier: Apache-2.0 */
/* A driver that asks nobody: its registers follow a sine, each a little ahead of the next. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <tesla/plugin.h>

struct conf {
	int64_t period_ms, height;
};

struct wave {
	const struct conf *conf; /* the host's; lives as long as we do */
	const struct tesla_host *host;
	struct tesla_line *line;
};

static int wave_open(const void *conf, struct tesla_line *line, const struct tesla_host *host,
		     void **self, struct tesla_error *err)
{
	struct wave *w = calloc(1, sizeof *w);

	if (w == NULL)
		return tesla_fail(err, -ENOMEM, "%s: no memory", line->name);
	*w = (struct wave){ conf, host, line };
	*self = w;
	return 0;
}

static int wave_read(void *self, unsigned address, const struct tesla_block *block,
		     int64_t timeout_ms, struct tesla_reply *reply, struct tesla_error *err)
{
	const struct wave *w = self;
	double turn = (double)w->host->now_us(w->host) / 1000 / (double)w->conf->period_ms;

	(void)timeout_ms; /* nobody to wait for */
	reply->sent_us = w->host->now_us(w->host);
	for (unsigned i = 0; i < block->count; i++) {
		double v = sin(6.283185307179586 * (turn + (address + block->address + i) / 12.0));
		uint16_t raw = (uint16_t)lround((1 + v) / 2 * (double)w->conf->height);
		uint8_t wire[2] = { (uint8_t)(raw >> 8), (uint8_t)raw };

		if (reply->data->append(reply->data, wire, sizeof wire) != 0)
			return tesla_fail(err, -ENOMEM, "%s: no memory for a reply", w->line->name);
	}
	reply->received_us = w->line->last_byte_us = w->host->now_us(w->host);
	reply->status = TESLA_REPLY_OK;
	return 0;
}

static const struct tesla_param params[] = {
	TESLA_P_MS("period", struct conf, period_ms, .dflt = "60", .min = 1000, .max = 86400000,
		   .unit = "s", .help = "How long one wave takes."),
	TESLA_P_INT("height", struct conf, height, .dflt = "10000", .min = 1, .max = 32767,
		    .help = "The highest value."),
	TESLA_P_END
};

static const struct tesla_driver driver = {
	.size = sizeof driver,
	.takes = TESLA_TAKES_REGISTERS,
	.lines = TESLA_ON(TESLA_LINE_SERIAL) | TESLA_ON(TESLA_LINE_TCP) |
		 TESLA_ON(TESLA_LINE_RAW_TCP),
	.max_registers = 100,
	.open = wave_open,
	.read = wave_read,
	.close = free,
};

TESLA_DRIVER_PLUGIN("exampleDriver", "1.0", &driver, .help = "Registers that follow a sine.",
		    .params = params, .conf_size = sizeof(struct conf));
