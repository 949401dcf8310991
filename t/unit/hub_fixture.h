/* SPDX-License-Identifier: Apache-2.0 */
/* A small installation made by hand: lines 1 and 2, analyzers 7, 3 (line 1) and 9 (line 2). */
#ifndef T_HUB_FIXTURE_H
#define T_HUB_FIXTURE_H

#include "base/cleanup.h"
#include "daemon/hub.h"

struct fixture {
	struct tesla_register reg;
	const struct tesla_register *elements[3];
	struct tesla_variable voltage, frequency;
	struct model model, *models[1];
	struct conf_line lines[2];
	struct conf_variable variables[2];
	struct conf_analyzer analyzers[3];
	struct config config;
	struct log log;
};

static inline void fixture_sink(void *arg, int level, const char *text)
{
	(void)arg, (void)level, (void)text;
}

/* Everything that is text here is a constant, whatever the types say. */
static inline char *fixture_text(const char *text)
{
	union {
		const char *in;
		char *out;
	} u = { .in = text };

	return u.out;
}

static inline void fixture_analyzer(struct fixture *x, size_t i, int64_t id, size_t line)
{
	x->analyzers[i] = (struct conf_analyzer){
		.id = id,
		.address = (unsigned)id,
		.on = &x->lines[line],
		.model = &x->model,
		.driver = fixture_text("drv"),
		.data = fixture_text("dat"),
		.interval_ms = 1000,
		.variables = x->variables,
		.n_variables = 2,
	};
}

static inline void fixture_init(struct fixture *x)
{
	*x = (struct fixture){ .reg = { .label = "L1" },
			       .log = { .level = LOG_LEVEL_DEBUG, .sink = fixture_sink } };
	for (size_t i = 0; i < N_ELEMENTS(x->elements); i++)
		x->elements[i] = &x->reg;
	x->voltage = (struct tesla_variable){
		.name = "TPF", .unit = "V", .n_elements = 3, .elements = x->elements
	};
	x->frequency = (struct tesla_variable){
		.name = "FRE", .unit = "Hz", .n_elements = 1, .elements = x->elements
	};
	x->model.pub.name = "PM710";
	x->models[0] = &x->model;
	x->lines[0] = (struct conf_line){ .id = 1,
					  .kind = TESLA_LINE_SERIAL,
					  .name = fixture_text("/dev/one") };
	x->lines[1] = (struct conf_line){ .id = 2,
					  .kind = TESLA_LINE_TCP,
					  .name = fixture_text("two:502") };
	x->variables[0] = (struct conf_variable){ &x->voltage, 1000 };
	x->variables[1] = (struct conf_variable){ &x->frequency, 1000 };
	fixture_analyzer(x, 0, 7, 0);
	fixture_analyzer(x, 1, 3, 0);
	fixture_analyzer(x, 2, 9, 1);
	x->config = (struct config){ .file = fixture_text("config.xml"),
				     .node_id = fixture_text("1"),
				     .lines = x->lines,
				     .n_lines = 2,
				     .analyzers = x->analyzers,
				     .n_analyzers = 3,
				     .models = x->models,
				     .n_models = 1 };
}

/* Host 0 has line 1, host 1 has line 2. */
static inline struct hub *fixture_hub_of(struct fixture *x)
{
	struct hub *h = hub_new(&x->config, &x->log, 1000);

	if (h == NULL)
		return NULL;
	for (size_t i = 0; i < h->n_lines; i++)
		h->lines[i].owner = i;
	for (size_t i = 0; i < h->n_analyzers; i++)
		h->analyzers[i].owner = h->analyzers[i].line->owner;
	return h;
}

static inline struct hub *fixture_hub(struct fixture *x)
{
	fixture_init(x);
	return fixture_hub_of(x);
}

#endif
