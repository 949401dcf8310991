/* SPDX-License-Identifier: Apache-2.0 */
/* Documents of the registry as bytes: tables of what is in each kind, and one way to read them. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crc.h"
#include "base/mp.h"
#include "central/bytes.h"
#include "central/registry_internal.h"

#define HEAD_BYTES 8u /* CRC32C, version */

/* ---- names ---- */

static const char *const policies[] = {
	[REGISTRY_AUTO] = "auto",
	[REGISTRY_PENDING] = "pending",
	[REGISTRY_REFUSE] = "refuse",
};
static const char *const states[] = {
	[REGISTRY_IS_ACTIVE] = "active",
	[REGISTRY_IS_PENDING] = "pending",
	[REGISTRY_IS_REFUSED] = "refused",
};
static const char *const roles[] = {
	[REGISTRY_NOBODY] = "nobody",
	[REGISTRY_VIEWER] = "viewer",
	[REGISTRY_OPERATOR] = "operator",
	[REGISTRY_ADMINISTRATOR] = "administrator",
};

static bool name_find(const char *const *names, size_t n, const char *text, unsigned *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(names[i], text) == 0) {
			*ret = (unsigned)i;
			return true;
		}
	}
	return false;
}

const char *registry_policy_name(enum registry_policy p)
{
	return policies[p];
}

const char *registry_state_name(enum registry_state s)
{
	return states[s];
}

const char *registry_role_name(enum registry_role r)
{
	return roles[r];
}

bool registry_policy_parse(const char *text, enum registry_policy *ret)
{
	unsigned i;

	if (!name_find(policies, N_ELEMENTS(policies), text, &i))
		return false;
	*ret = (enum registry_policy)i;
	return true;
}

bool registry_role_parse(const char *text, enum registry_role *ret)
{
	unsigned i;

	if (!name_find(roles, N_ELEMENTS(roles), text, &i) || i == REGISTRY_NOBODY)
		return false;
	*ret = (enum registry_role)i;
	return true;
}

/* ---- what is in a document ---- */

enum type { T_TEXT, T_TEXTS, T_U32, T_I64, T_BOOL, T_HASH, T_POLICY, T_STATE, T_ROLE };

struct field {
	const char *name;
	enum type type;
	size_t at;
	size_t max; /* bytes of a text; T_TEXTS: of each */
};
#define F(s, member, type, max) \
	{ \
#member, type, offsetof(struct s, member), max \
	}

static const struct field node_fields[] = {
	F(registry_node, row, T_U32, 0),
	F(registry_node, id, T_TEXT, REGISTRY_ID_MAX),
	F(registry_node, name, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_node, location, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_node, control, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_node, control_key, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_node, stream, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_node, zone, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_node, unknown, T_POLICY, 0),
	F(registry_node, v2_allow, T_TEXTS, REGISTRY_TEXT_MAX),
	F(registry_node, created_ms, T_I64, 0),
};
static const struct field analyzer_fields[] = {
	F(registry_analyzer, row, T_U32, 0),
	F(registry_analyzer, node, T_TEXT, REGISTRY_ID_MAX),
	F(registry_analyzer, addr, T_I64, 0),
	F(registry_analyzer, model, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_analyzer, name, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_analyzer, identity, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_analyzer, state, T_STATE, 0),
	F(registry_analyzer, poll_ms, T_I64, 0),
	F(registry_analyzer, record_ms, T_I64, 0),
	F(registry_analyzer, first_seen_ms, T_I64, 0),
};
static const struct field user_fields[] = {
	F(registry_user, row, T_U32, 0),
	F(registry_user, name, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_user, hash, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_user, role, T_ROLE, 0),
	F(registry_user, nodes, T_TEXTS, REGISTRY_ID_MAX),
	F(registry_user, disabled, T_BOOL, 0),
	F(registry_user, credential, T_I64, 0),
	F(registry_user, created_ms, T_I64, 0),
};
static const struct field token_fields[] = {
	F(registry_token, id, T_TEXT, REGISTRY_ID_MAX),
	F(registry_token, name, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_token, hash, T_HASH, 0),
	F(registry_token, node, T_TEXT, REGISTRY_ID_MAX),
	F(registry_token, role, T_ROLE, 0),
	F(registry_token, nodes, T_TEXTS, REGISTRY_ID_MAX),
	F(registry_token, revoked, T_BOOL, 0),
	F(registry_token, created_ms, T_I64, 0),
};
static const struct field entry_fields[] = {
	F(registry_entry, at_ms, T_I64, 0),
	F(registry_entry, what, T_TEXT, WHAT_MAX),
	F(registry_entry, who, T_TEXT, ENTRY_TEXT_MAX),
	F(registry_entry, from, T_TEXT, REGISTRY_TEXT_MAX),
	F(registry_entry, node, T_TEXT, REGISTRY_ID_MAX),
	F(registry_entry, text, T_TEXT, ENTRY_TEXT_MAX),
};

static const struct form {
	const char *name;
	size_t size; /* of the body */
	const struct field *fields;
	size_t n;
} forms[N_KINDS] = {
#define FORM(name, s, fields) \
	{ \
		name, sizeof(struct s), fields, N_ELEMENTS(fields) \
	}
	[KIND_NODE] = FORM("node", registry_node, node_fields),
	[KIND_ANALYZER] = FORM("analyzer", registry_analyzer, analyzer_fields),
	[KIND_USER] = FORM("user", registry_user, user_fields),
	[KIND_TOKEN] = FORM("token", registry_token, token_fields),
	[KIND_ENTRY] = FORM("entry", registry_entry, entry_fields),
};

static const struct names {
	const char *const *list;
	size_t n;
} names_of[] = {
	[T_POLICY] = { policies, N_ELEMENTS(policies) },
	[T_STATE] = { states, N_ELEMENTS(states) },
	[T_ROLE] = { roles, N_ELEMENTS(roles) },
};
_Static_assert(sizeof(enum registry_policy) == sizeof(unsigned) &&
		       sizeof(enum registry_state) == sizeof(unsigned) &&
		       sizeof(enum registry_role) == sizeof(unsigned),
	       "written by one function");

/* ---- keys ---- */

struct key key_text(const char *text)
{
	struct key k = { .len = strnlen(text, KEY_MAX) };

	memcpy(k.bytes, text, k.len);
	return k;
}

struct key key_analyzer(const char *node, int64_t addr)
{
	uint64_t low = htobe64((uint64_t)addr ^ UINT64_C(1) << 63);
	struct key k = { .len = strnlen(node, REGISTRY_ID_MAX + 1) };

	memcpy(k.bytes, node, k.len);
	k.bytes[k.len++] = 0;
	memcpy(k.bytes + k.len, &low, sizeof low);
	k.len += sizeof low;
	return k;
}

struct key key_seq(uint64_t seq)
{
	uint64_t big = htobe64(seq);
	struct key k = { .len = sizeof big };

	memcpy(k.bytes, &big, sizeof big);
	return k;
}

bool key_seq_parse(MDB_val v, uint64_t *ret)
{
	if (v.mv_size != sizeof *ret)
		return false;
	memcpy(ret, v.mv_data, sizeof *ret);
	*ret = be64toh(*ret);
	return true;
}

void key_say(enum kind kind, MDB_val key, char *text, size_t size)
{
	const char *bytes = key.mv_data;
	size_t len = strnlen(bytes, key.mv_size);
	uint64_t low;

	if (kind == KIND_ENTRY && key_seq_parse(key, &low)) {
		(void)snprintf(text, size, "entry %" PRIu64, low);
	} else if (kind == KIND_ANALYZER && key.mv_size == len + 1 + sizeof low) {
		memcpy(&low, bytes + len + 1, sizeof low);
		(void)snprintf(text, size, "analyzer %" PRId64 " of node %.*s",
			       (int64_t)(be64toh(low) ^ UINT64_C(1) << 63), (int)len, bytes);
	} else {
		(void)snprintf(text, size, "%s %.*s", forms[kind].name, (int)len, bytes);
	}
}

/* ---- writing ---- */

static void pack_texts(msgpack_packer *pk, const struct registry_texts *t)
{
	(void)msgpack_pack_array(pk, t->n);
	for (size_t i = 0; i < t->n; i++)
		mp_str(pk, t->list[i]);
}

static void pack_field(msgpack_packer *pk, const struct field *f, const void *body)
{
	const void *at = (const uint8_t *)body + f->at;
	unsigned v;

	mp_str(pk, f->name);
	switch (f->type) {
	case T_TEXT:
		mp_str(pk, *(const char *const *)at != NULL ? *(const char *const *)at : "");
		break;
	case T_TEXTS:
		pack_texts(pk, at);
		break;
	case T_U32:
		(void)msgpack_pack_uint32(pk, *(const uint32_t *)at);
		break;
	case T_I64:
		(void)msgpack_pack_int64(pk, *(const int64_t *)at);
		break;
	case T_BOOL:
		(void)(*(const bool *)at ? msgpack_pack_true(pk) : msgpack_pack_false(pk));
		break;
	case T_HASH:
		(void)msgpack_pack_bin(pk, REGISTRY_HASH_BYTES);
		(void)msgpack_pack_bin_body(pk, at, REGISTRY_HASH_BYTES);
		break;
	case T_POLICY:
	case T_STATE:
	case T_ROLE:
		memcpy(&v, at, sizeof v);
		assert(v < names_of[f->type].n);
		mp_str(pk, names_of[f->type].list[v]);
		break;
	}
}

static uint32_t crc_of(MDB_val key, const uint8_t *value, size_t len)
{
	uint32_t crc = crc32c(0, key.mv_data, key.mv_size);

	return crc32c(crc, value + 4, len - 4);
}

void doc_seal(MDB_val key, MDB_val value)
{
	put_u32(value.mv_data, crc_of(key, value.mv_data, value.mv_size));
}

int doc_encode(enum kind kind, MDB_val key, const void *body, struct buf *out,
	       struct tesla_error *err)
{
	const struct form *form = &forms[kind];
	uint8_t head[HEAD_BYTES];
	msgpack_packer pk;

	put_u32(head, 0);
	put_u32(head + 4, REGISTRY_VERSION);
	(void)buf_append(out, head, sizeof head);
	mp_writer(&pk, out);
	(void)msgpack_pack_map(&pk, form->n);
	for (size_t i = 0; i < form->n; i++)
		pack_field(&pk, &form->fields[i], body);
	if (out->failed)
		return tesla_fail(err, -ENOMEM, "no memory");
	doc_seal(key, (MDB_val){ out->pub.len, out->pub.bytes });
	return 0;
}

/* ---- reading ---- */

struct reader {
	const struct form *form;
	uint8_t *text;	   /* where the next text goes; NULL: only `need` is counted */
	size_t need;	   /* bytes of texts and of lists of them */
	const char **list; /* where the next list goes */
	size_t n_listed;
};

static const char *take_text(struct reader *rd, const msgpack_object *o)
{
	size_t len = o != NULL ? o->via.str.size : 0;
	char *text = (char *)rd->text;

	if (text == NULL) {
		rd->need += len + 1;
		return NULL;
	}
	if (len > 0)
		memcpy(text, o->via.str.ptr, len);
	text[len] = '\0';
	rd->text += len + 1;
	return text;
}

static bool is_text(const msgpack_object *o, size_t max)
{
	return o->type == MSGPACK_OBJECT_STR && o->via.str.size <= max &&
	       memchr(o->via.str.ptr, 0, o->via.str.size) == NULL;
}

static bool take_texts(struct reader *rd, const struct field *f, const msgpack_object *o,
		       struct registry_texts *ret)
{
	size_t n = o != NULL && o->type == MSGPACK_OBJECT_ARRAY ? o->via.array.size : 0;
	const char **list = rd->list;

	if ((o != NULL && o->type != MSGPACK_OBJECT_ARRAY) || n > REGISTRY_ALLOW_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *text;

		if (!is_text(&o->via.array.ptr[i], f->max))
			return false;
		text = take_text(rd, &o->via.array.ptr[i]);
		if (rd->text != NULL)
			list[i] = text;
	}
	rd->n_listed += n;
	if (rd->text != NULL) {
		rd->list += n;
		*ret = (struct registry_texts){ list, n };
	}
	return true;
}

/* What is missing stays zero: a document of an older program of this version. */
static bool take_number(const struct field *f, const msgpack_object *o, void *at)
{
	char name[32] = "";
	unsigned v;
	int64_t n;

	if (f->type == T_BOOL) {
		*(bool *)at = o->type == MSGPACK_OBJECT_BOOLEAN && o->via.boolean;
		return o->type == MSGPACK_OBJECT_BOOLEAN;
	}
	if (f->type == T_HASH) {
		if (o->type != MSGPACK_OBJECT_BIN || o->via.bin.size != REGISTRY_HASH_BYTES)
			return false;
		memcpy(at, o->via.bin.ptr, REGISTRY_HASH_BYTES);
		return true;
	}
	if (f->type == T_U32 || f->type == T_I64) {
		if (!mp_to_int(o, &n) || (f->type == T_U32 && (n < 0 || n > UINT32_MAX)))
			return false;
		if (f->type == T_I64)
			*(int64_t *)at = n;
		else
			*(uint32_t *)at = (uint32_t)n;
		return true;
	}
	if (!is_text(o, sizeof name - 1))
		return false;
	memcpy(name, o->via.str.ptr, o->via.str.size);
	if (!name_find(names_of[f->type].list, names_of[f->type].n, name, &v))
		return false;
	memcpy(at, &v, sizeof v);
	return true;
}

/* Twice: to count, into a body that is thrown away, and to fill. */
static bool take_fields(struct reader *rd, const msgpack_object *map, uint8_t *body)
{
	for (size_t i = 0; i < rd->form->n; i++) {
		const struct field *f = &rd->form->fields[i];
		const msgpack_object *o = mp_get(map, f->name);
		void *at = body + f->at;

		if (f->type == T_TEXT) {
			if (o != NULL && !is_text(o, f->max))
				return false;
			*(const char **)at = take_text(rd, o);
		} else if (f->type == T_TEXTS) {
			if (!take_texts(rd, f, o, at))
				return false;
		} else if (o != NULL && !take_number(f, o, at)) {
			return false;
		}
	}
	return true;
}

union body {
	struct registry_node node;
	struct registry_analyzer analyzer;
	struct registry_user user;
	struct registry_token token;
	struct registry_entry entry;
};
struct doc_memory { /* then lists, then networks, then texts, then the key */
	struct doc doc;
	union body body;
	const char *lists[];
};

/* What is none is of nobody; where it was set it was refused. */
static void parse_nets(struct registry_node *n, struct peer_net *nets)
{
	n->v2_nets = nets;
	for (size_t i = 0; i < n->v2_allow.n; i++)
		n->n_v2_nets += peer_net_parse(n->v2_allow.list[i], &nets[n->n_v2_nets]);
}

static int build(const struct form *form, const msgpack_object *map, MDB_val key, struct doc **ret,
		 struct tesla_error *err)
{
	struct reader rd = { .form = form };
	union body counted = { 0 };
	struct doc_memory *m;
	struct peer_net *nets;
	uint8_t *texts;
	size_t n_nets;

	if (map->type != MSGPACK_OBJECT_MAP || !take_fields(&rd, map, (uint8_t *)&counted))
		return tesla_fail(err, -EUCLEAN, "it is none");
	n_nets = form == &forms[KIND_NODE] ? rd.n_listed : 0;
	m = calloc(1, sizeof *m + rd.n_listed * sizeof *m->lists + n_nets * sizeof *nets + rd.need +
			      key.mv_size);
	if (m == NULL)
		return tesla_fail(err, -ENOMEM, "no memory");
	nets = (struct peer_net *)(m->lists + rd.n_listed);
	texts = (uint8_t *)(nets + n_nets);
	memcpy(texts + rd.need, key.mv_data, key.mv_size);
	m->doc = (struct doc){ &m->body, key.mv_size, texts + rd.need };
	rd = (struct reader){ .form = form, .text = texts, .list = m->lists };
	(void)take_fields(&rd, map, (uint8_t *)&m->body);
	if (form == &forms[KIND_NODE])
		parse_nets(&m->body.node, nets);
	*ret = &m->doc;
	return 0;
}

/* The document says what it is of: a page that LMDB mixed up is not believed. */
static bool is_under(enum kind kind, const struct doc *d)
{
	const union body *b = d->body;
	struct key k = { .len = 0 };

	switch (kind) {
	case KIND_NODE:
		k = key_text(b->node.id);
		break;
	case KIND_ANALYZER:
		k = key_analyzer(b->analyzer.node, b->analyzer.addr);
		break;
	case KIND_USER:
		k = key_text(b->user.name);
		break;
	case KIND_TOKEN:
		k = key_text(b->token.id);
		break;
	default: /* an entry has its number in its key only */
		return true;
	}
	return k.len == d->key_len && memcmp(k.bytes, d->key, k.len) == 0;
}

static int decode(enum kind kind, MDB_val key, MDB_val value, struct doc **ret,
		  struct tesla_error *err)
{
	const uint8_t *bytes = value.mv_data;
	struct mp_doc map;
	int r;

	if (value.mv_size < HEAD_BYTES || value.mv_size > DOC_BYTES_MAX ||
	    get_u32(bytes) != crc_of(key, bytes, value.mv_size))
		return tesla_fail(err, -EUCLEAN, "the checksum is wrong");
	if (get_u32(bytes + 4) != REGISTRY_VERSION)
		return tesla_fail(err, -EPROTO, "version %" PRIu32 ": this program knows %u",
				  get_u32(bytes + 4), REGISTRY_VERSION);
	r = mp_unpack(&map, bytes + HEAD_BYTES, value.mv_size - HEAD_BYTES, err);
	if (r != 0)
		return tesla_fail(err, r == -ENOMEM ? r : -EUCLEAN, "it cannot be unpacked");
	r = build(&forms[kind], &map.u.data, key, ret, err);
	mp_doc_release(&map);
	if (r != 0 || is_under(kind, *ret))
		return r;
	free(*ret);
	*ret = NULL;
	return tesla_fail(err, -EUCLEAN, "it is of something else");
}

int doc_decode(enum kind kind, MDB_val key, MDB_val value, struct doc **ret,
	       struct tesla_error *err)
{
	struct tesla_error why;
	char name[120];
	int r = decode(kind, key, value, ret, &why);

	if (r == 0)
		return 0;
	key_say(kind, key, name, sizeof name);
	return tesla_fail(err, r, "%s: %s", name, why.text);
}
