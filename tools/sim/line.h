/* SPDX-License-Identifier: Apache-2.0 */
/* A line of meters: who is asked, what is answered, what is counted; the bytes travel below it. */
#ifndef SIM_LINE_H
#define SIM_LINE_H

#include "sim/counts.h"
#include "sim/fleet.h"

enum line_kind { LINE_TCP, LINE_RTU_TCP, LINE_PTY };

struct sim;
struct pace;

struct line {
	struct sim *sim;
	enum line_kind kind;
	char *where;	     /* "127.0.0.1:502", "/tmp/line0" */
	int64_t baud;	     /* 0: not paced */
	struct fleet *fleet; /* own or the common one */
	struct fleet own;
	struct counts all;
	struct counts *by_address[ADDRESSES];	 /* NULL until it is asked */
	int64_t last_us[ADDRESSES], last_any_us; /* monotonic, of the last request; 0: none */
	struct tcp_listener *tcp;		 /* one of these */
	struct pty *pty;
	struct play *play; /* NULL: there are meters */
};

const char *line_kind_name(enum line_kind kind); /* "tcp", "rtu-over-tcp", "pty" */
static inline bool line_is_serial(const struct line *l)
{
	return l->kind != LINE_TCP;
}

/*
 * The answer to a request whose first byte came at first_us (monotonic).  false: there is none;
 * *fx says whether the connection is to be closed.
 */
bool line_answer(struct line *l, const struct request *rq, int64_t first_us, struct effect *fx,
		 struct pdu *reply);

/* ---- of paced lines; unit: whom it concerned ---- */
void line_count_early(struct line *l, uint8_t unit);
void line_count_busy(struct line *l, uint8_t unit, int64_t us);
void line_count_transaction(struct line *l, uint8_t unit, int64_t us);

void line_json(const struct line *l, yajl_gen g);
void line_reset(struct line *l);
/* The ends are closed already. */
void line_free(struct line *l);

#endif
