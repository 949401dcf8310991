/* SPDX-License-Identifier: Apache-2.0 */
/* The control commands that concern meters. */
#include "daemon/meter_commands.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/asked.h"
#include "daemon/daemon.h"
#include "daemon/pack.h"
#include "daemon/status.h"

#define LOOK_COMMAND_LEN 31

/* ---- questions to a meter ---- */

static struct ask *ask_find(struct asks *asks, size_t owner, int64_t i)
{
	for (size_t k = 0; k < asks->n; k++)
		if (asks->list[k].owner == owner && (i < 0 || asks->list[k].i == i))
			return &asks->list[k];
	return NULL;
}

static void pack_identity(const struct hub_analyzer *a, msgpack_packer *pk)
{
	(void)msgpack_pack_map(pk, 5);
	mp_key_bool(pk, "ok", true);
	mp_key_int(pk, "analyzer", a->conf->id);
	mp_key_str(pk, "identity", a->identity);
	mp_key_str(pk, "verified", hub_verified_name(a->verified));
	mp_key_str(pk, "note", a->note);
}

static void pack_readings(const struct hub_analyzer *a, msgpack_packer *pk)
{
	(void)msgpack_pack_map(pk, 2);
	mp_key_bool(pk, "ok", true);
	key_array(pk, "readings", a->conf->n_variables);
	for (size_t i = 0; i < a->conf->n_variables; i++)
		reading_pack(pk, a, i);
}

static void pack_look(const msgpack_object *said, msgpack_packer *pk)
{
	static const char *const keys[] = { "status", "code", "took_us", "why", "data" };

	(void)msgpack_pack_map(pk, 1 + N_ELEMENTS(keys));
	mp_key_bool(pk, "ok", true);
	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		const msgpack_object *o = mp_get(said, keys[i]);

		mp_str(pk, keys[i]);
		(void)(o != NULL ? msgpack_pack_object(pk, *o) : msgpack_pack_nil(pk));
	}
}

static void ask_answer(struct daemon *d, const struct ask *ask, const char *error,
		       const msgpack_object *said)
{
	struct hub_analyzer *a = hub_analyzer(d->check.hub, ask->analyzer);
	struct buf reply;
	msgpack_packer pk;

	if (a != NULL && ask->what == ASKED_READ)
		hub_was_asked(a);
	buf_init(&reply, CONTROL_REPLY_MAX);
	mp_writer(&pk, &reply);
	if (error != NULL)
		control_error(&reply, "analyzer %" PRId64 ": %s", ask->analyzer, error);
	else if (a == NULL)
		control_error(&reply, "analyzer %" PRId64 " is gone", ask->analyzer);
	else if (ask->what == ASKED_LOOK)
		pack_look(said, &pk);
	else if (ask->what == ASKED_READ)
		pack_readings(a, &pk);
	else
		pack_identity(a, &pk);
	if (!d->stopping)
		control_reply(d->control, &ask->peer, &reply);
	buf_release(&reply);
}

void meter_stop(struct daemon *d)
{
	while (d->asks.n > 0) {
		struct ask one = d->asks.list[--d->asks.n];

		ask_answer(d, &one, "teslad is ending", NULL);
	}
}

void meter_answered(void *arg, size_t owner, int64_t i, const char *error,
		    const msgpack_object *said)
{
	struct daemon *d = arg;
	struct ask *ask;

	while ((ask = ask_find(&d->asks, owner, i)) != NULL) {
		struct ask one = *ask;

		*ask = d->asks.list[--d->asks.n];
		ask_answer(d, &one, error, said);
	}
}

static size_t looks_of(const struct asks *asks)
{
	size_t n = 0;

	for (size_t i = 0; i < asks->n; i++)
		n += asks->list[i].what == ASKED_LOOK;
	return n;
}

/* False: the answer comes once the meter has answered. */
static bool ask_meter(struct daemon *d, const struct control_peer *peer, struct hub_analyzer *a,
		      struct setup_ask *told, struct buf *reply)
{
	struct ask ask = { .i = ++d->asks.last,
			   .owner = a->owner,
			   .analyzer = a->conf->id,
			   .what = strcmp(told->what, "read") == 0   ? ASKED_READ
				   : strcmp(told->what, "look") == 0 ? ASKED_LOOK
								     : ASKED_WHO,
			   .peer = *peer };

	told->i = ask.i;
	told->analyzer = ask.analyzer;

	if (ask.what == ASKED_LOOK && looks_of(&d->asks) == LOOKS_MAX) {
		control_error(reply, "%u looks are under way already: try again", LOOKS_MAX);
		return true;
	}
	if (d->asks.n == ASKS_MAX) {
		control_error(reply, "%u questions to meters are under way already: try again",
			      ASKS_MAX);
		return true;
	}
	if (fleet_ask(&d->fleet, a, told) != 0) {
		control_error(reply, "analyzer %" PRId64 " cannot be asked: %s", a->conf->id,
			      a->reason ? a->reason : "its host is not running");
		return true;
	}
	d->asks.list[d->asks.n++] = ask;
	return false;
}

bool meter_read_now(struct daemon *d, const struct control_peer *peer,
		    const msgpack_object *request, struct buf *reply)
{
	struct hub_analyzer *a = asked_one(d->check.hub, request, reply);

	return a == NULL || ask_meter(d, peer, a, &(struct setup_ask){ .what = "read" }, reply);
}

bool meter_identify(struct daemon *d, const struct control_peer *peer,
		    const msgpack_object *request, struct buf *reply)
{
	struct hub_analyzer *a = asked_one(d->check.hub, request, reply);
	struct setup_ask ask = { .what = mp_bool(request, "accept", false) ? "accept"
									   : "identify" };

	return a == NULL || ask_meter(d, peer, a, &ask, reply);
}

/* ---- looks ---- */

/* What may stand in a look, and what it is when nothing does. */
struct look_key {
	const char *name;
	size_t offset;
	int64_t min, max;
};
#define LOOK_KEY(NAME, MEMBER, MIN, MAX) \
	{ \
		NAME, offsetof(struct setup_ask, MEMBER), MIN, MAX \
	}

static const struct look_key look_keys[] = {
	LOOK_KEY("address", address, 0, 255),	      LOOK_KEY("function", function, 1, 127),
	LOOK_KEY("register", first, 0, 65535),	      LOOK_KEY("count", count, 0, 125),
	LOOK_KEY("timeout_ms", timeout_ms, 1, 10000),
};

static bool look_key_take(const msgpack_object *request, const struct look_key *key,
			  struct setup_ask *ask, struct buf *reply)
{
	const msgpack_object *o = mp_get(request, key->name);
	int64_t v;

	if (o == NULL || o->type == MSGPACK_OBJECT_NIL)
		return true;
	if (!mp_to_int(o, &v) || v < key->min || v > key->max) {
		control_error(reply, "%s: expected a whole number from %" PRId64 " to %" PRId64,
			      key->name, key->min, key->max);
		return false;
	}
	memcpy((char *)ask + key->offset, &v, sizeof v);
	return true;
}

static const char *look_fault(const msgpack_object *request, const struct setup_ask *ask)
{
	const msgpack_object *command = mp_get(request, "command");

	if (ask->command == NULL && command != NULL && command->type != MSGPACK_OBJECT_NIL)
		return "command: expected a text of 1 to 31 characters";
	if (ask->command == NULL)
		return ask->function == 0 && (ask->first != 0 || ask->count != 0)
			       ? "register and count: expected function too"
			       : NULL;
	if (ask->function != 0 || ask->first != 0)
		return "function and command: expected one of them, or none";
	if (*ask->command == '\0' || strlen(ask->command) > LOOK_COMMAND_LEN)
		return "command: expected 1 to 31 characters";
	return NULL;
}

bool meter_look(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		struct buf *reply)
{
	struct hub_analyzer *a = asked_one(d->check.hub, request, reply);
	_cleanup_free_ char *command = mp_strdup(request, "command");
	struct setup_ask ask = { .what = "look", .command = command };
	const char *fault;

	if (a == NULL)
		return true;
	ask.address = a->conf->address;
	for (size_t i = 0; i < N_ELEMENTS(look_keys); i++)
		if (!look_key_take(request, &look_keys[i], &ask, reply))
			return true;
	fault = look_fault(request, &ask);
	if (fault != NULL) {
		control_error(reply, "%s", fault);
		return true;
	}
	return ask_meter(d, peer, a, &ask, reply);
}

/* ---- whether they are polled ---- */

struct turn { /* a change of `run` */
	enum hub_run to;
	bool from[HUB_N_RUNS];
};

static void turn_one(struct daemon *d, struct hub_analyzer *a, const struct turn *t)
{
	if (!t->from[a->run])
		return;
	hub_set_run(d->check.hub, a, t->to);
}

static void pack_in_state(const struct hub *h, const struct hub_analyzer *only, enum hub_run run,
			  msgpack_packer *pk)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_analyzers; i++)
		n += h->analyzers[i].run == run && (only == NULL || only == &h->analyzers[i]);
	(void)msgpack_pack_map(pk, 2);
	mp_key_bool(pk, "ok", true);
	key_array(pk, "analyzers", n);
	for (size_t i = 0; i < h->n_analyzers; i++)
		if (h->analyzers[i].run == run && (only == NULL || only == &h->analyzers[i]))
			(void)msgpack_pack_int64(pk, h->analyzers[i].conf->id);
}

/* One analyzer, or all when none is named. */
static bool turn(struct daemon *d, const msgpack_object *request, const struct turn *t,
		 struct buf *reply)
{
	struct hub *h = d->check.hub;
	struct hub_analyzer *only;
	msgpack_packer pk;

	if (!asked_analyzer(h, request, &only, reply))
		return true;
	for (size_t i = 0; i < h->n_analyzers; i++)
		if (only == NULL || only == &h->analyzers[i])
			turn_one(d, &h->analyzers[i], t);
	fleet_tell(&d->fleet);
	mp_writer(&pk, reply);
	pack_in_state(h, only, t->to, &pk);
	return true;
}

bool meter_start(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		 struct buf *reply)
{
	static const struct turn t = { HUB_STARTED, { false, true, true } };

	(void)peer;
	return turn(d, request, &t, reply);
}

bool meter_pause(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		 struct buf *reply)
{
	static const struct turn t = { HUB_PAUSED, { true, false, true } };

	(void)peer;
	return turn(d, request, &t, reply);
}

bool meter_resume(struct daemon *d, const struct control_peer *peer, const msgpack_object *request,
		  struct buf *reply)
{
	static const struct turn t = { HUB_STARTED, { false, true, false } };

	(void)peer;
	return turn(d, request, &t, reply);
}

/* ---- what they are asked ---- */

bool meter_set_variables(struct daemon *d, const struct control_peer *peer,
			 const msgpack_object *request, struct buf *reply)
{
	const msgpack_object *names = mp_get(request, "variables");
	struct hub_analyzer *a = asked_one(d->check.hub, request, reply);
	int r;

	if (a == NULL)
		return true;
	if (names == NULL || names->type != MSGPACK_OBJECT_ARRAY) {
		control_error(reply, "expected `variables`, an array of names");
		return true;
	}
	r = reload_variables(d->reload, peer, a->conf->id, names);
	if (r == 0)
		return false;
	control_error(reply, "analyzer %" PRId64 ": %s", a->conf->id,
		      r == -EBUSY    ? "a reload is under way: try again"
		      : r == -EINVAL ? "`variables` has something that is no text"
				     : strerror(-r));
	return true;
}
