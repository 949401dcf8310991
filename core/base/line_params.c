/* SPDX-License-Identifier: Apache-2.0 */
/* The parameters of a line. */
#include "base/line_params.h"

static const char *const parities[] = { "N", "E", "O", NULL };

#define P struct line_params
#define COMMON \
	TESLA_P_MS("timeout", P, timeout_ms, .dflt = "1", .min = 10, .max = 60000, .unit = "s", \
		   .help = "How long to wait for a reply."), \
		TESLA_P_MS("late_max", P, late_max_ms, .min = 0, .max = 60000, .unit = "s", \
			   .help = "How much later than the timeout a reply may still come: the " \
				   "model's, else one timeout, by default."), \
		TESLA_P_MS( \
			"backoff_max", P, backoff_max_ms, .dflt = "60", .min = 1000, \
			.max = 3600000, .unit = "s", \
			.help = "An analyzer that does not answer is tried at least this often."), \
		TESLA_P_MS("pause", P, pause_ms, .dflt = "0", .min = 0, .max = 10000, .unit = "s", \
			   .help = "Quiet between two transactions, beyond the protocol's own.")

const struct tesla_param line_params_serial[] = {
	TESLA_P_STR("port", P, port, .flags = TESLA_REQUIRED,
		    .help = "The serial port, such as /dev/ttyS0."),
	TESLA_P_INT("baud", P, baud, .dflt = "19200", .min = 300, .max = 4000000, .unit = "Bd",
		    .help = "Speed of the line."),
	TESLA_P_INT("bits", P, bits, .dflt = "8", .min = 7, .max = 8,
		    .help = "Data bits of a character."),
	TESLA_P_CHOICE("parity", P, parity, .dflt = "N", .choices = parities,
		       .help = "None, even or odd."),
	TESLA_P_INT("stop", P, stop, .dflt = "1", .min = 1, .max = 2, .help = "Stop bits."),
	COMMON,
	TESLA_P_END
};

const struct tesla_param line_params_network[] = {
	TESLA_P_STR("host", P, host, .flags = TESLA_REQUIRED,
		    .help = "Name or address of the meter or converter."),
	TESLA_P_STR("port", P, port, .dflt = "502", .help = "TCP port."),
	TESLA_P_INT(
		"baud", P, baud, .dflt = "0", .min = 0, .max = 4000000, .unit = "Bd",
		.help = "Speed of the serial line behind a converter, for the plan; 0: unknown."),
	COMMON, TESLA_P_END
};

const struct tesla_param *line_params_table(enum tesla_line_kind kind)
{
	return kind == TESLA_LINE_SERIAL ? line_params_serial : line_params_network;
}
