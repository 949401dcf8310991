/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a line (child elements of `device`): checked by the core, used by the host. */
#ifndef BASE_LINE_PARAMS_H
#define BASE_LINE_PARAMS_H

#include <tesla/plugin.h>

enum { LINE_PARITY_N, LINE_PARITY_E, LINE_PARITY_O };

struct line_params {
	const char *port; /* serial: the device; network: the TCP port */
	const char *host; /* network */
	int64_t baud, bits, stop;
	int parity;
	int64_t timeout_ms;
	int64_t late_max_ms;	/* a reply may be this late; -1: the model's, else timeout */
	int64_t backoff_max_ms; /* an offline analyzer is probed at least this often */
	int64_t pause_ms;	/* quiet between two transactions, beyond the protocol's own */
};

/* One table per kind of line. */
extern const struct tesla_param line_params_serial[];
extern const struct tesla_param line_params_network[];
const struct tesla_param *line_params_table(enum tesla_line_kind kind);

#endif
