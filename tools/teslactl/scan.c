/* SPDX-License-Identifier: Apache-2.0 */
/* Who is on a line. */
#include "teslactl/scan.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "teslactl/signals.h"
#include "teslactl/table.h"

#define LOOK_MS 300	 /* how long a meter has to answer */
#define COMMANDS_LAST 99 /* the highest address of a CVMk */
#define SERIAL_LAST 247
#define ECHOES 8

static const unsigned unlikely_addresses[] = { 247, 203, 149 };

static struct looker looker_of(const struct scan *s, int64_t via)
{
	return (struct looker){ .client = s->line.client,
				.via = via,
				.timeout_ms = s->ctl->timeout_ms > 0 ? s->ctl->timeout_ms
					      : s->line.is_slow	     ? 0
								     : LOOK_MS,
				.signals = s->signals };
}

/* ---- one address ---- */

/*
 * What is garbled, and who hangs up, is asked once more.  Who hangs up again is nobody: some
 * gateways do so for an address that they do not know.
 */
static int ask(struct looker *l, unsigned address, const struct look_what *what, struct looked *ret,
	       struct tesla_error *err)
{
	int r = look(l, address, what, ret, err);

	if (r == 0 && (ret->status == LOOK_GARBLED || ret->status == LOOK_BROKEN))
		r = look(l, address, what, ret, err);
	return r;
}

/* 1: somebody is there; 0: nobody; negative: the line cannot be asked, though *f may say who is. */
static int registers_ask(struct scan *s, struct found *f, struct tesla_error *err)
{
	struct looker l = looker_of(s, s->line.registers);
	struct looked looked;
	int r = ask(&l, f->address, &(struct look_what){ 3, 0, 1 }, &looked, err);

	if (r != 0 || looked.status == LOOK_TIMEOUT || looked.status == LOOK_BROKEN)
		return r;
	f->garbled = looked.status == LOOK_GARBLED;
	f->clear = !f->garbled;
	r = f->clear ? scan_meter(&l, &s->models, f, err) : 0;
	return r != 0 ? r : 1;
}

static int commands_ask(struct scan *s, struct found *f, struct tesla_error *err)
{
	struct looker l = looker_of(s, s->line.commands);
	struct looked looked;
	int r = ask(&l, f->address, &(struct look_what){ 0 }, &looked, err);

	if (r != 0 || (looked.status != LOOK_OK && looked.status != LOOK_EXCEPTION))
		return r;
	f->commands = f->clear = true;
	f->garbled = false;
	memcpy(f->said17, looked.bytes, looked.len < FOUND_TEXT ? looked.len : FOUND_TEXT - 1);
	text_clean(f->said17);
	r = scan_meter(&l, &s->models, f, err);
	return r != 0 ? r : 1;
}

static int found_add(struct scan *s, const struct found *f, struct tesla_error *err)
{
	struct found *list = realloc(s->found, (s->n_found + 1) * sizeof *list);

	if (list == NULL)
		return tesla_fail(err, -ENOMEM, "no memory for what was found");
	s->found = list;
	list[s->n_found++] = *f;
	if (f->analyzer != 0)
		return 1;
	ctl_tell("address %u answers%s%s", f->address,
		 f->garbled	   ? ", but is not to be understood"
		 : f->n_models > 0 ? ": "
				   : "",
		 f->n_models > 0 ? f->models[0].model->pub.name : "");
	return 1;
}

static int address_ask(struct scan *s, unsigned address, struct tesla_error *err)
{
	const struct scan_line *line = &s->line;
	struct found f = { .analyzer = line->known[address], .address = address };
	struct tesla_error no_memory;
	int r = f.analyzer != 0;

	memcpy(f.known, line->models[address], FOUND_TEXT);
	if (r == 0 && line->registers != 0)
		r = registers_ask(s, &f, err);
	if (r >= 0 && !f.clear && f.analyzer == 0 && line->commands != 0 &&
	    address <= COMMANDS_LAST)
		r = commands_ask(s, &f, err);
	if ((r >= 0 && f.garbled) || f.clear || f.analyzer != 0)
		(void)found_add(s, &f, r < 0 ? &no_memory : err);
	return r;
}

/* ---- all addresses ---- */

static bool same(const struct found *a, const struct found *b)
{
	return a->clear && b->clear && a->n_models == b->n_models &&
	       strcmp(a->said17, b->said17) == 0 && strcmp(a->said43, b->said43) == 0 &&
	       (a->n_models == 0 || a->models[0].model == b->models[0].model);
}

static bool answers(struct scan *s, unsigned address, struct tesla_error *err)
{
	struct looker l = looker_of(s, s->line.registers);
	struct looked looked;

	return ask(&l, address, &(struct look_what){ 3, 0, 1 }, &looked, err) == 0 &&
	       (looked.status == LOOK_OK || looked.status == LOOK_EXCEPTION);
}

/*
 * Many a meter with a network port of its own answers whatever address it is called by: the first
 * ones are all alike, and there is somebody at addresses where nobody would put a meter.
 */
static bool echoes(struct scan *s, struct tesla_error *err)
{
	if (strcmp(s->line.type, "tcp") != 0 || s->n_found != ECHOES)
		return false;
	for (size_t i = 1; i < ECHOES; i++)
		if (!same(&s->found[i - 1], &s->found[i]))
			return false;
	for (size_t i = 0; i < N_ELEMENTS(unlikely_addresses); i++)
		if (!answers(s, unlikely_addresses[i], err))
			return false;
	ctl_tell("the first %d that answer are alike, and so does somebody at %u, %u and %u: this "
		 "is one meter, which does not look at the address; the others are not asked",
		 ECHOES, unlikely_addresses[0], unlikely_addresses[1], unlikely_addresses[2]);
	s->n_found = 1;
	return true;
}

static int addresses_ask(struct scan *s, struct tesla_error *err)
{
	int r = 0;

	for (unsigned a = 0; a < SCAN_ADDRESSES && r >= 0; a++) {
		if (!s->wanted[a])
			continue;
		r = address_ask(s, a, err);
		if (r > 0 && echoes(s, err))
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
	const struct scan_settings set = { baud, parity, s->ctl->timeout_ms };
	int r = scan_line_set(&s->line, &s->models, &set, err);

	if (r != 0)
		return r;
	if (parity != NULL)
		ctl_tell("looking at %s, %lld Bd, parity %s", s->ctl->words[0], baud, parity);
	else
		ctl_tell("looking at %s", s->ctl->words[0]);
	return addresses_ask(s, err);
}

/* Nobody knows the analyzers of a daemon of our own. */
static const char *cause(const struct scan *s, const struct tesla_error *err)
{
	int n = 0;

	if (s->line.own != NULL)
		(void)sscanf(err->text, "analyzer %*d: %n", &n);
	return err->text + n;
}

/* What is not to be understood is perhaps with other settings. */
static bool some_clear(const struct scan *s)
{
	for (size_t i = 0; i < s->n_found; i++)
		if (s->found[i].clear)
			return true;
	return false;
}

/* Until somebody answers who can be understood: all on a line have the same settings. */
static int settings_try(struct scan *s, struct tesla_error *err)
{
	size_t n = s->n_parities * s->n_bauds;
	char before[sizeof err->text] = "";
	int r = 0;

	if (!is_serial(s))
		return own_ask(s, 0, NULL, err);
	for (size_t i = 0; i < n && r == 0 && !some_clear(s); i++) {
		s->n_found = 0;
		r = own_ask(s, s->bauds[i % s->n_bauds], s->parities[i / s->n_bauds], err);
		/* A speed or parity that the port has not. */
		if (r == -EREMOTEIO && s->n_found == 0 && i + 1 < n &&
		    strstr(err->text, "no such") == NULL && strcmp(err->text, before) != 0) {
			ctl_tell("not with these: %s", cause(s, err));
			(void)snprintf(before, sizeof before, "%s", err->text);
			r = 0;
		}
	}
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
		ctl_tell("looking at %s, which is in use: its polls go first%s", s->ctl->words[0],
			 s->line.registers == 0	 ? "; only for meters that take commands"
			 : s->line.commands == 0 ? "; only for Modbus meters"
						 : "");
		r = addresses_ask(s, &err);
	}
	if (r != 0 && s->n_found == 0)
		return ctl_say(s->ctl, CTL_NO, cause(s, &err));
	if (r != 0)
		ctl_tell("not to the end: %s", cause(s, &err));
	code = scan_show(s, r != 0 ? cause(s, &err) : NULL);
	return r != 0 ? CTL_NO : code;
}

int scan_run(const struct ctl *ctl)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction pipes;
	struct scan s = { .ctl = ctl };
	struct tesla_error err;
	sigset_t mask;
	int code;

	if (!scan_lists(&s, &err))
		return ctl_say(ctl, CTL_USAGE, err.text);
	if (catalogue_load(&s.models, &err) != 0)
		return ctl_complain(ctl, &err);
	s.signals = signals_open(&mask);	   /* before libzmq's threads */
	(void)sigaction(SIGPIPE, &ignore, &pipes); /* nobody may read, but all is to be ended */
	code = scan_all(&s);
	scan_line_close(&s.line);
	(void)sigaction(SIGPIPE, &pipes, NULL);
	(void)signals_end(s.signals); /* one that came too late must not cost what was found */
	signals_close(s.signals, &mask);
	catalogue_release(&s.models);
	free(s.found);
	return code;
}
