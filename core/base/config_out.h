/* SPDX-License-Identifier: Apache-2.0 */
/* A config.xml that is written by a program: what tesla-sim plays, what a scan found. */
#ifndef BASE_CONFIG_OUT_H
#define BASE_CONFIG_OUT_H

#include <stdio.h>
#include <tesla/plugin.h>

struct config_out;

struct config_param { /* one without a value is left out */
	const char *name, *value;
};
struct config_device {
	size_t id;
	const char *type; /* "serial", "tcp", "rtu-over-tcp" */
	const struct config_param *params;
	size_t n_params;
};
struct config_meter {
	size_t id, device, address;
	const char *driver, *data;
	const struct tesla_model *model;
	size_t interval_s;
	const char *comment; /* stands before it; NULL: none */
};

/* name, location: of the node.  NULL: no memory. */
struct config_out *config_out_new(const char *name, const char *location);
/* Memory that is missing here is told by config_out_print. */
void config_out_device(struct config_out *o, const struct config_device *d);
/* With all variables of its model that are measured. */
void config_out_meter(struct config_out *o, const struct config_meter *m);
/* 0, -ENOMEM, -EIO. */
int config_out_print(const struct config_out *o, FILE *out);
/* NULL is fine. */
void config_out_free(struct config_out *o);

#endif
