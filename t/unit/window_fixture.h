/* SPDX-License-Identifier: Apache-2.0 */
/* A meter with a gauge of two elements, a counter and a status, and its window. */
#ifndef T_WINDOW_FIXTURE_H
#define T_WINDOW_FIXTURE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

#include "daemon/window_parts.h"

#define GOOD TESLA_GOOD
#define SUSPECT TESLA_SUSPECT
#define UNAVAILABLE TESLA_UNAVAILABLE
#define ERROR TESLA_ERROR

#define S INT64_C(1000000)
#define T0_S INT64_C(1790000100) /* 2026-09-21 14:15:00 UTC */
#define T0 (T0_S * S)

enum { GAUGE, COUNTER, STATUS, N_VARIABLES };

struct fixture {
	struct tesla_scale scale, rating_scale;
	struct tesla_register volts, energy, bits;
	const struct tesla_register *volts_list[2], *energy_list[1], *bits_list[1];
	struct tesla_variable variables[N_VARIABLES];
	struct conf_variable conf_variables[N_VARIABLES];
	struct model model;
	struct conf_line on;
	char endpoint[16];
	struct conf_analyzer a;
	int16_t exponents[2];
	struct window_scale known;
	struct window *w;
};

static inline void fixture_init(struct fixture *x, int64_t record_s)
{
	*x = (struct fixture){
		.volts = { .count = 1, .type = TESLA_UINT16, .scale = 0.1 },
		.energy = { .count = 2, .type = TESLA_UINT32, .scale = 1 },
		.bits = { .count = 1, .type = TESLA_UINT16, .scale = 1 },
		.model.pub.name = "PM710",
	};
	x->energy.scale_register = &x->scale;
	x->scale.max = x->rating_scale.max = 2;
	x->rating_scale.index = 1;
	x->volts_list[0] = x->volts_list[1] = &x->volts;
	x->energy_list[0] = &x->energy;
	x->bits_list[0] = &x->bits;
	x->variables[GAUGE] = (struct tesla_variable){ .name = "TPF",
						       .unit = "V",
						       .description = "",
						       .kind = TESLA_GAUGE,
						       .predecessor_factor = 10,
						       .n_elements = 2,
						       .elements = x->volts_list };
	x->variables[COUNTER] = (struct tesla_variable){ .name = "CEA",
							 .unit = "Wh",
							 .description = "",
							 .kind = TESLA_COUNTER,
							 .predecessor_factor = 1,
							 .n_elements = 1,
							 .elements = x->energy_list };
	x->variables[STATUS] = (struct tesla_variable){ .name = "ERR",
							.unit = "",
							.description = "",
							.kind = TESLA_STATUS,
							.predecessor_factor = 1,
							.n_elements = 1,
							.elements = x->bits_list };
	for (size_t i = 0; i < N_VARIABLES; i++)
		x->conf_variables[i] = (struct conf_variable){ &x->variables[i], 1000 };
	memcpy(x->endpoint, "/dev/one", 9);
	x->on.name = x->endpoint;
	x->a = (struct conf_analyzer){ .id = 7,
				       .address = 7,
				       .on = &x->on,
				       .model = &x->model,
				       .interval_ms = 1000,
				       .record_ms = record_s * 1000,
				       .variables = x->conf_variables,
				       .n_variables = N_VARIABLES };
	x->known = (struct window_scale){ x->exponents, 2 };
	x->w = malloc(window_size(&x->a));
	cr_assert_not_null(x->w);
	window_init(x->w, &x->a);
	cr_assert(setenv("TZ", "UTC", 1) == 0);
	tzset();
	window_open(x->w, &x->a, T0);
}

static inline void fixture_release(struct fixture *x)
{
	free(x->w);
}

static inline void add(struct fixture *x, size_t variable, int64_t t_us, double value,
		       enum tesla_quality quality)
{
	const struct tesla_element e[2] = { { value, quality }, { -value, quality } };

	window_add(x->w, &x->a, variable, e, t_us, &x->known);
}

/* Are these bytes a state of which nothing gets lost? */
static inline bool window_fits(const struct window *w, size_t size, const struct conf_analyzer *a)
{
	struct window *to = malloc(window_size(a));
	size_t lost;
	bool ok = window_resume(to, a, w, size, &lost) && lost == 0;

	free(to);
	return ok;
}

struct closed {
	struct tesla_record_element gauge[2], counter, status;
};

/* The record must go through its bytes. */
static inline struct closed close_window(struct fixture *x)
{
	struct arena memory = { 0 };
	struct tesla_error err = { 0 };
	struct record made, back;
	struct closed ret;
	struct buf b;

	cr_assert_eq(window_close(x->w, &x->a, "meter 1", &memory, &made), 0);
	buf_init(&b, RECORD_BYTES_MAX);
	cr_assert_eq(record_encode(&made, &b), 0);
	cr_assert_eq(record_parse(b.pub.bytes, b.pub.len, &memory, &back, &err), 0, "%s", err.text);
	cr_assert(back.n_variables == N_VARIABLES && back.analyzer == 7);
	ret.gauge[0] = back.variables[GAUGE]->elements[0];
	ret.gauge[1] = back.variables[GAUGE]->elements[1];
	ret.counter = back.variables[COUNTER]->elements[0];
	ret.status = back.variables[STATUS]->elements[0];
	buf_release(&b);
	arena_release(&memory);
	return ret;
}

#endif
