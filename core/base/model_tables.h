/* SPDX-License-Identifier: Apache-2.0 */
/* Model files by table: what may stand where, and the rows that it is read into. */
#ifndef BASE_MODEL_TABLES_H
#define BASE_MODEL_TABLES_H

#include "base/xml.h"

#define MODEL_ELEMENTS_MAX 64
#define MODEL_VARIABLES_MAX 500
#define MODEL_VALUES_MAX 200
#define MODEL_TEXTS_MAX 8
#define MODEL_DIGITS_MAX 15 /* more are no exact number */
/* Of a factor, in absolute value: what it makes of a number, and one by it, are numbers too. */
#define MODEL_FACTOR_MIN 1e-9
#define MODEL_FACTOR_MAX 1e9

/* What makes an element of a variable; what it does not say, its variable or model says. */
struct m_layer {
	int64_t function;
	int type, order, bytes;		       /* index of its choice; type -1: not said */
	double scale, offset, max;	       /* max < 0: none */
	double modulus;			       /* < 0: the register's width tells */
	const char *scale_register, *sentinel; /* NULL: none */
	const char *bits;		       /* "3", "0-7"; NULL: all */
};

struct m_model_row {
	const char *name, *manufacturer;
	bool proven;
	int64_t max_registers, turnaround_ms, pause_ms, late_max_ms;
	int scale_read;	 /* 0: at connect, 1: in every sweep */
	int64_t sunspec; /* 0: none */
	struct m_layer layer;
};
struct m_text_row { /* of <recognise> and <identity> */
	const char *pattern, *label;
	int64_t function, address, count; /* address -1: the driver asks; count 0: not said */
	int type, order;		  /* type 0: characters, else enum tesla_raw */
};
struct m_value_row {
	int64_t number;
	const char *text;
};
struct m_forbidden_row {
	int64_t function, first, last;
};
struct m_scale_row {
	const char *name;
	int64_t address, function, min, max;
};
struct m_variable_row {
	const char *name, *unit, *description;
	int kind;
	double factor, rating;	     /* rating 0: not known */
	const char *rating_register; /* NULL: none */
	const char *command;	     /* NULL: registers */
	int64_t digits;
	struct m_layer layer;
};
struct m_element_row {
	const char *label;
	int64_t address; /* -1: not said */
	struct m_layer layer;
};

/* "gauge", "counter", "status", everywhere. */
const char *kind_name(enum tesla_variable_kind kind);

/* Each element's attributes are read (xml_read) into the row of its name. */
extern const struct xml_element m_model, m_description, m_recognise, m_identity, m_forbidden,
	m_scale, m_variable, m_element, m_value;

#endif
