/* SPDX-License-Identifier: Apache-2.0 */
/* Model files by table.  docs/models-format.md and etc/models/model.rng say the same. */
#include "base/model_tables.h"

#define ROW(TYPE, S, F, NAME, ...) \
	(&(const struct tesla_param)TESLA_P_##TYPE(NAME, struct m_##S##_row, F, __VA_ARGS__))
#define TEXT .flags = TESLA_REQUIRED /* not empty */
#define ANY .flags = 0
#define ADDRESS .min = 0, .max = 65535
#define FUNCTION .min = 3, .max = 4
#define RAW_MAX 1.8446744073709552e19
#define DURATION .min = 0, .max = 60000, .unit = "s"
#define END \
	{ \
		.name = NULL \
	}

static const char *const types[] = { /* order of enum tesla_raw, from 1 */
				     "int16",	"uint16",  "int32", "uint32", "int64", "uint64",
				     "float32", "float64", "bcd16", "bcd32",  "bcd64", NULL
};
static const char *const text_types[] = { /* 0: characters; then as above */
					  "string", "int16", "uint16", "int32",
					  "uint32", "int64", "uint64", NULL
};
static const char *const orders[] = { "big", "little", NULL }; /* enum tesla_word_order */
static const char *const kinds[] = { "gauge", "counter", "status",
				     NULL }; /* enum ..._kind, from 1 */
static const char *const scale_reads[] = { "connect", "sweep", NULL };

const char *kind_name(enum tesla_variable_kind kind)
{
	return kinds[kind - TESLA_GAUGE];
}

#define READING(S) \
	{ "function", NULL, false, ROW(INT, S, layer.function, "function", FUNCTION) }, \
	{ \
		"order", NULL, false, ROW(CHOICE, S, layer.order, "order", .choices = orders) \
	}
#define LAYER(S) \
	READING(S), \
		{ "bytes", NULL, false, ROW(CHOICE, S, layer.bytes, "bytes", .choices = orders) }, \
		{ "bits", NULL, false, ROW(STR, S, layer.bits, "bits", TEXT) }, \
		{ "type", NULL, false, ROW(CHOICE, S, layer.type, "type", .choices = types) }, \
		{ "scale", NULL, false, ROW(REAL, S, layer.scale, "scale", ANY) }, \
		{ "offset", NULL, false, ROW(REAL, S, layer.offset, "offset", ANY) }, \
		{ "scale-register", NULL, false, \
		  ROW(STR, S, layer.scale_register, "scale-register", TEXT) }, \
		{ "max", NULL, false, ROW(REAL, S, layer.max, "max", .min = 0, .max = RAW_MAX) }, \
		{ "modulus", NULL, false, \
		  ROW(REAL, S, layer.modulus, "modulus", .min = 2, .max = RAW_MAX) }, \
	{ \
		"sentinel", NULL, false, ROW(STR, S, layer.sentinel, "sentinel", TEXT) \
	}

static const struct xml_attr model_attrs[] = {
	{ "name", NULL, true, ROW(STR, model, name, "name", TEXT) },
	{ "manufacturer", NULL, true, ROW(STR, model, manufacturer, "manufacturer", TEXT) },
	{ "proven", NULL, false, ROW(BOOL, model, proven, "proven", ANY) },
	{ "max-registers", NULL, false,
	  ROW(INT, model, max_registers, "max-registers", .min = 1, .max = 125) },
	{ "turnaround", NULL, false, ROW(MS, model, turnaround_ms, "turnaround", DURATION) },
	{ "pause", NULL, false, ROW(MS, model, pause_ms, "pause", DURATION) },
	{ "late-max", NULL, false, ROW(MS, model, late_max_ms, "late-max", DURATION) },
	{ "scale-read", NULL, false,
	  ROW(CHOICE, model, scale_read, "scale-read", .choices = scale_reads) },
	{ "sunspec", NULL, false, ROW(INT, model, sunspec, "sunspec", .min = 1, .max = 65534) },
	READING(model),
	END
};

#define TEXT_PLACE(REQUIRED) \
	{ "address", NULL, REQUIRED, ROW(INT, text, address, "address", ADDRESS) }, \
		{ "function", NULL, false, ROW(INT, text, function, "function", FUNCTION) }, \
		{ "type", NULL, false, ROW(CHOICE, text, type, "type", .choices = text_types) }, \
		{ "order", NULL, false, ROW(CHOICE, text, order, "order", .choices = orders) }, \
	{ \
		"count", NULL, false, ROW(INT, text, count, "count", .min = 1, .max = 60) \
	}

static const struct xml_attr recognise_attrs[] = {
	{ "identity", NULL, true, ROW(STR, text, pattern, "identity", TEXT) },
	{ "label", NULL, false, ROW(STR, text, label, "label", TEXT) },
	TEXT_PLACE(false),
	END
};

static const struct xml_attr identity_attrs[] = {
	{ "label", NULL, true, ROW(STR, text, label, "label", TEXT) }, TEXT_PLACE(true), END
};

static const struct xml_attr forbidden_attrs[] = {
	{ "function", NULL, false, ROW(INT, forbidden, function, "function", FUNCTION) },
	{ "first", NULL, true, ROW(INT, forbidden, first, "first", ADDRESS) },
	{ "last", NULL, true, ROW(INT, forbidden, last, "last", ADDRESS) },
	END
};

static const struct xml_attr scale_attrs[] = {
	{ "name", NULL, true, ROW(STR, scale, name, "name", TEXT) },
	{ "address", NULL, true, ROW(INT, scale, address, "address", ADDRESS) },
	{ "function", NULL, false, ROW(INT, scale, function, "function", FUNCTION) },
	{ "min", NULL, false, ROW(INT, scale, min, "min", .min = -30, .max = 30) },
	{ "max", NULL, false, ROW(INT, scale, max, "max", .min = -30, .max = 30) },
	END
};

static const struct xml_attr variable_attrs[] = {
	{ "name", NULL, true, ROW(STR, variable, name, "name", TEXT) },
	{ "unit", NULL, false, ROW(STR, variable, unit, "unit", ANY) },
	{ "kind", NULL, false, ROW(CHOICE, variable, kind, "kind", .choices = kinds) },
	{ "description", NULL, false, ROW(STR, variable, description, "description", ANY) },
	{ "factor", NULL, false, ROW(REAL, variable, factor, "factor", ANY) },
	{ "rating", NULL, false,
	  ROW(REAL, variable, rating, "rating", .min = 0.001, .max = 1e15,
	      .unit = "of the unit an hour") },
	{ "rating-register", NULL, false,
	  ROW(STR, variable, rating_register, "rating-register", TEXT) },
	{ "command", NULL, false, ROW(STR, variable, command, "command", TEXT) },
	{ "digits", NULL, false,
	  ROW(INT, variable, digits, "digits", .min = 1, .max = MODEL_DIGITS_MAX) },
	LAYER(variable),
	END
};

static const struct xml_attr value_attrs[] = {
	{ "number", NULL, true,
	  ROW(INT, value, number, "number", .min = -65536, .max = 4294967295.0) },
	{ "text", NULL, true, ROW(STR, value, text, "text", TEXT) },
	END
};

static const struct xml_attr element_attrs[] = {
	{ "label", NULL, false, ROW(STR, element, label, "label", ANY) },
	{ "address", NULL, false, ROW(INT, element, address, "address", ADDRESS) },
	LAYER(element),
	END
};

#define CHILDREN(...) \
	(const struct xml_element *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}

const struct xml_element m_description = { .name = "description", .text = true, .max = 1 };
const struct xml_element m_recognise = { .name = "recognise", .attrs = recognise_attrs, .max = 1 };
const struct xml_element m_identity = { .name = "identity",
					.attrs = identity_attrs,
					.max = MODEL_TEXTS_MAX };
const struct xml_element m_forbidden = { .name = "forbidden", .attrs = forbidden_attrs };
const struct xml_element m_scale = { .name = "scale", .attrs = scale_attrs };
const struct xml_element m_element = {
	.name = "element", .attrs = element_attrs, .min = 1, .max = MODEL_ELEMENTS_MAX
};
const struct xml_element m_value = { .name = "value",
				     .attrs = value_attrs,
				     .max = MODEL_VALUES_MAX };
const struct xml_element m_variable = { .name = "variable",
					.attrs = variable_attrs,
					.children = CHILDREN(&m_value, &m_element),
					.min = 1,
					.max = MODEL_VARIABLES_MAX };
const struct xml_element m_model = { .name = "model",
				     .attrs = model_attrs,
				     .min = 1,
				     .max = 1,
				     .children = CHILDREN(&m_description, &m_recognise, &m_identity,
							  &m_forbidden, &m_scale, &m_variable) };
