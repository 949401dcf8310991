/* SPDX-License-Identifier: Apache-2.0 */
/* The least that makes a reading's message: no quality, no scale register, no check. */
#include "fields.h"

#include <string.h>

const struct field fields[] = {
	{ "CEA", "Wh", 3999, 1, 2 },  { "CER", "varh", 4003, 1, 2 }, { "PAT", "W", 4005, 1, 1 },
	{ "PRT", "var", 4007, 1, 1 }, { "FPT", "", 4008, 1, 1 },     { "FRE", "Hz", 4012, 1, 1 },
	{ "IPF", "A", 4019, 4, 1 },   { "TPF", "V", 4032, 3, 1 },    { "PAF", "W", 4035, 3, 1 },
	{ "THDV", "%", 4048, 3, 1 },
};
const size_t n_fields = sizeof fields / sizeof *fields;

static void put_str(msgpack_packer *pk, const char *text)
{
	size_t len = strlen(text);

	(void)msgpack_pack_str(pk, len);
	(void)msgpack_pack_str_body(pk, text, len);
}

static double value(const struct field *f, const uint16_t *r)
{
	return 0.1 * (f->width == 2 ? (double)((uint32_t)r[0] << 16 | r[1]) : (double)r[0]);
}

void field_pack(msgpack_sbuffer *body, const struct field *f, const uint16_t *registers,
		const struct stamp *at)
{
	const uint16_t *r = registers + (f->address - FIELDS_FIRST);
	msgpack_packer pk;

	msgpack_sbuffer_clear(body);
	msgpack_packer_init(&pk, body, msgpack_sbuffer_write);
	(void)msgpack_pack_map(&pk, 7);
	put_str(&pk, "t");
	(void)msgpack_pack_int64(&pk, at->t_ms);
	put_str(&pk, "dt");
	(void)msgpack_pack_double(&pk, at->dt_ms);
	put_str(&pk, "e");
	(void)msgpack_pack_int64(&pk, at->epoch_ms);
	put_str(&pk, "n");
	(void)msgpack_pack_uint64(&pk, at->n);
	put_str(&pk, "k");
	(void)msgpack_pack_uint64(&pk, at->n);
	put_str(&pk, "u");
	put_str(&pk, f->unit);
	put_str(&pk, "v");
	(void)msgpack_pack_array(&pk, f->n);
	for (unsigned i = 0; i < f->n; i++)
		(void)msgpack_pack_double(&pk, value(f, r + (size_t)i * f->width));
}
