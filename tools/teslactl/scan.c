/* SPDX-License-Identifier: Apache-2.0 */
/* Who is on a line. */
#include "teslactl/scan.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "teslactl/signals.h"
#include "teslactl/table.h"

#define LOOK_MS 300	 /* how long a meter has to answer */
#define COMMANDS_LAST 99 /* the highest address of a CVMk */
#define SERIAL_LAST 247
#define ECHOES 8 /* neighbours that are all the same: one meter that does not look at the address */

static bool interrupted(struct scan *s)
{
	struct pollfd p = { .fd = s->signals, .events = POLLIN };

	if (!s->ended && poll(&p, 1, 0) > 0)
		s->ended = signals_end(s->signals);
	return s->ended;
}

static struct looker looker_of(const struct scan *s, int64_t via)
{
	return (struct looker){ .client = s->line.client,
				.via = via,
				.timeout_ms =
					s->ctl->timeout_ms > 0 ? s->ctl->timeout_ms : LOOK_MS };
}

static struct found *found_add(struct scan *s, unsigned address)
{
	struct found *list = realloc(s->found, (s->n_found + 1) * sizeof *list), *f;

	if (list == NULL)
		return NULL;
	s->found = list;
	f = &list[s->n_found++];
	*f = (struct found){ .address = address };
	return f;
}

/* ---- one address ---- */

/* A line that breaks ends the scan; what is garbled is asked once more. */
static int ask(struct looker *l, unsigned address, const struct look_what *what, struct looked *ret,
	       struct tesla_error *err)
{
	int r = look(l, address, what, ret, err);

	if (r == 0 && ret->status == LOOK_GARBLED)
		r = look(l, address, what, ret, err);
	return r == 0 && ret->status == LOOK_BROKEN ? tesla_fail(err, -EIO, "%s", ret->why) : r;
}

static int registers_ask(struct scan *s, unsigned address, struct found *f, struct tesla_error *err)
{
	struct looker l = looker_of(s, s->line.registers);
	struct looked looked;
	int r = ask(&l, address, &(struct look_what){ 3, 0, 1 }, &looked, err);

	if (r != 0 || looked.status == LOOK_TIMEOUT)
		return r;
	f->address = address;
	f->garbled = looked.status == LOOK_GARBLED;
	r = f->garbled ? 0 : scan_meter(&l, &s->models, f, err);
	s->looks += l.n;
	return r != 0 ? r : 1;
}

static int commands_ask(struct scan *s, unsigned address, struct found *f, struct tesla_error *err)
{
	struct looker l = looker_of(s, s->line.commands);
	struct looked looked;
	int r = ask(&l, address, &(struct look_what){ 0 }, &looked, err);

	if (r != 0 || (looked.status != LOOK_OK && looked.status != LOOK_EXCEPTION))
		return r;
	f->address = address;
	f->commands = true;
	memcpy(f->said17, looked.bytes, looked.len < FOUND_TEXT ? looked.len : FOUND_TEXT - 1);
	text_clean(f->said17);
	r = scan_meter(&l, &s->models, f, err);
	return r != 0 ? r : 1;
}

/* 1: there is somebody; 0: nobody; negative: the line cannot be asked. */
static int address_ask(struct scan *s, unsigned address, struct tesla_error *err)
{
	struct scan_line *line = &s->line;
	struct found f = { .analyzer = line->known[address], .address = address };
	struct found *place;
	int r = f.analyzer != 0;

	if (r == 0 && line->registers != 0)
		r = registers_ask(s, address, &f, err);
	if (r == 0 && line->commands != 0 && address <= COMMANDS_LAST)
		r = commands_ask(s, address, &f, err);
	if (r <= 0)
		return r;
	memcpy(f.known, line->models[address], FOUND_TEXT);
	place = found_add(s, address);
	if (place == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for what was found");
	*place = f;
	if (f.analyzer == 0)
		ctl_tell("address %u answers%s%s", address,
			 f.garbled	  ? ", but is not to be understood"
			 : f.n_models > 0 ? ": "
					  : "",
			 f.n_models > 0 ? f.models[0].model->pub.name : "");
	return 1;
}

/* ---- all addresses ---- */

static bool same(const struct found *a, const struct found *b)
{
	return a->n_models == b->n_models && strcmp(a->said17, b->said17) == 0 &&
	       strcmp(a->said43, b->said43) == 0 &&
	       (a->n_models == 0 || a->models[0].model == b->models[0].model) && a->analyzer == 0 &&
	       b->analyzer == 0;
}

/* Many a meter with a network port of its own answers whatever address it is called by. */
static bool echoes(struct scan *s)
{
	size_t n = 1;

	if (strcmp(s->line.type, "tcp") != 0)
		return false;
	while (n < s->n_found &&
	       s->found[s->n_found - n].address == s->found[s->n_found - 1 - n].address + 1 &&
	       same(&s->found[s->n_found - n], &s->found[s->n_found - 1 - n]))
		n++;
	if (n < ECHOES)
		return false;
	s->n_found -= ECHOES - 1;
	ctl_tell("%d addresses in a row answer alike: that is one meter, which does not look at "
		 "the address",
		 ECHOES);
	return true;
}

static int addresses_ask(struct scan *s, struct tesla_error *err)
{
	int r = 0;

	for (unsigned a = 0; a < SCAN_ADDRESSES && r >= 0 && !interrupted(s); a++) {
		if (s->wanted[a])
			r = address_ask(s, a, err);
		if (r > 0 && echoes(s))
			return 0;
	}
	return r < 0 ? r : 0;
}

static bool is_serial(const struct scan *s)
{
	return strcmp(s->line.type, "serial") == 0;
}

static int own_ask(struct scan *s, long long baud, const char *parity, struct tesla_error *err)
{
	int r = scan_line_set(&s->line, &s->models, baud, parity, err);

	if (r != 0)
		return r;
	if (parity != NULL)
		ctl_tell("looking at %s, %lld Bd, parity %s", s->ctl->words[0], baud, parity);
	else
		ctl_tell("looking at %s", s->ctl->words[0]);
	return addresses_ask(s, err);
}

/* Until somebody answers: all on a line have the same settings. */
static int settings_try(struct scan *s, struct tesla_error *err)
{
	int r = 0;

	if (!is_serial(s))
		return own_ask(s, 0, NULL, err);
	for (size_t p = 0; p < s->n_parities; p++)
		for (size_t b = 0; b < s->n_bauds && r == 0 && s->n_found == 0 && !interrupted(s);
		     b++)
			r = own_ask(s, s->bauds[b], s->parities[p], err);
	return r;
}

/* ---- the whole ---- */

static bool can_be_done(const struct scan *s, struct tesla_error *err)
{
	const struct ctl *ctl = s->ctl;
	bool beyond = s->wanted[0] && ctl->addresses != NULL;

	for (size_t a = SERIAL_LAST + 1; a < SCAN_ADDRESSES; a++)
		beyond |= s->wanted[a];
	if (s->line.client != NULL && (ctl->baud != NULL || ctl->parity != NULL))
		(void)tesla_fail(err, -EBUSY,
				 "%s is in use: its speed and parity stay as they are "
				 "(leave --baud and --parity out, or stop teslad)",
				 ctl->words[0]);
	else if (!is_serial(s) && (ctl->baud != NULL || ctl->parity != NULL))
		(void)tesla_fail(err, -EINVAL, "--baud and --parity are for serial ports");
	else if (beyond && strcmp(s->line.type, "tcp") != 0)
		(void)tesla_fail(err, -EINVAL, "--addresses: on a serial line they are 1 to %d",
				 SERIAL_LAST);
	else
		return true;
	return false;
}

/* Nobody knows the analyzers of a daemon of our own. */
static const char *cause(const struct scan *s, const struct tesla_error *err)
{
	int n = 0;

	if (s->line.own != NULL)
		(void)sscanf(err->text, "analyzer %*d: %n", &n);
	return err->text + n;
}

static int scan_all(struct scan *s)
{
	struct tesla_error err = { 0 };
	int r, code = scan_line_open(s->ctl, &s->line);

	if (code != CTL_GOOD)
		return code;
	if (!can_be_done(s, &err))
		return ctl_say(s->ctl, CTL_USAGE, err.text);
	if (s->line.client == NULL) {
		r = settings_try(s, &err);
	} else {
		ctl_tell("looking at %s, which is in use: its polls go first", s->ctl->words[0]);
		r = addresses_ask(s, &err);
	}
	if (r != 0 && s->n_found == 0)
		return ctl_say(s->ctl, CTL_NO, cause(s, &err));
	if (r != 0)
		ctl_tell("not to the end: %s", cause(s, &err));
	else if (s->ended)
		ctl_tell("not to the end: interrupted");
	code = scan_show(s);
	return r != 0 || s->ended ? CTL_NO : code;
}

int scan_run(const struct ctl *ctl)
{
	struct scan s = { .ctl = ctl };
	struct tesla_error err;
	sigset_t mask;
	int code;

	if (!scan_lists(&s, &err))
		return ctl_say(ctl, CTL_USAGE, err.text);
	if (catalogue_load(&s.models, &err) != 0)
		return ctl_complain(ctl, &err);
	s.signals = signals_open(&mask); /* before libzmq's threads */
	code = scan_all(&s);
	scan_line_close(&s.line);
	signals_close(s.signals, &mask);
	catalogue_release(&s.models);
	free(s.found);
	return code;
}
