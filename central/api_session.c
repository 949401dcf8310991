/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /api/v1/session: signing in with a name and a password, who one is, signing out, another password
 * of one's own.  Who is not known gets the same answer, after the same time, as who is.
 */
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/api.h"
#include "central/api_help.h"
#include "central/passwords.h"
#include "central/signin.h"

struct signing {
	struct call *call; /* held */
	struct password_job job;
	struct arena memory; /* wiped with it */
	struct peer peer;
	const char *name;
	char *password, *wanted;  /* the second: another one */
	char hash[PASSWORD_HASH]; /* as it was when it was compared */
	int64_t begun_ms;
	uint32_t refused; /* times that are noted with this one */
	bool known, good;
};

static void signing_free(struct signing *s)
{
	arena_wipe(&s->memory);
	sodium_memzero(s->hash, sizeof s->hash);
	sodium_memzero(s->job.hash, sizeof s->job.hash);
	free(s);
}

/* ---- who one is ---- */

static void who_answer(struct call *c, const struct auth_principal *who, const char *csrf)
{
	static const char *const kinds[] = { [AUTH_ANONYMOUS] = "nobody",
					     [AUTH_USER] = "user",
					     [AUTH_TOKEN] = "token",
					     [AUTH_NODE] = "node",
					     [AUTH_V2] = "node" };
	msgpack_packer pk;
	struct buf out;

	buf_init(&out, CALL_ANSWER_MAX);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 6);
	mp_key_str(&pk, "kind", kinds[who->kind]);
	mp_key_str(&pk, "name", who->name);
	mp_key_str(&pk, "role", who->node != NULL ? NULL : registry_role_name(who->role));
	mp_key_str(&pk, "node", who->node);
	pack_texts(&pk, "nodes", &who->nodes);
	mp_key_str(&pk, "csrf", csrf);
	request_answer_header(c->request, "Cache-Control", "no-store");
	call_answer_ok(c, &out);
}

void api_session_get(struct call *c)
{
	const struct session *session = signin_session(c);
	bool by_header = request_header(c->request, "Authorization") != NULL;

	who_answer(c, &c->who, session != NULL && !by_header ? session->csrf : NULL);
}

/* ---- signing in ---- */

/* A name that nobody has may be a password, typed one field too early. */
static const char *name_to_keep(const struct signing *s)
{
	return s->known ? s->name : "unknown";
}

static int audit_make(struct change *ch, struct registry_db *db, const struct registry_actor *by,
		      struct tesla_error *err)
{
	const struct signing *s = *(struct signing **)ch->arg;
	const struct registry_actor nobody = { "nobody", by->from, by->now_ms };
	const char *name = name_to_keep(s);
	char text[PASSWORD_MAX + 40];

	if (s->good && s->refused > 0)
		(void)snprintf(text, sizeof text, "%s, refused %u times before", name, s->refused);
	else if (s->refused > 1)
		(void)snprintf(text, sizeof text, "%s, %u times", name, s->refused);
	else
		(void)snprintf(text, sizeof text, "%s", name);
	return registry_audit(db, s->good ? by : &nobody,
			      s->good ? "session.begin" : "session.refused", text, err);
}

/* The user may have changed while the password was looked at. */
static const struct registry_user *user_of(const struct signing *s)
{
	const struct registry_user *u = registry_user(s->call->app->registry, s->name);

	return s->good && u != NULL && !u->disabled && strcmp(u->hash, s->hash) == 0 ? u : NULL;
}

static void begin_session(struct call *c, const struct registry_user *u)
{
	bool tls = request_is_secure(c->request);
	char id[SESSION_TEXT], cookie[SESSION_COOKIE];
	struct auth_principal who = auth_of_user(u);
	const struct session *session;
	struct tesla_error err;

	if (session_begin(c->app->sessions, u, app_now_ms(c->app), id, &err) != 0) {
		call_fail(c, &err);
		return;
	}
	session_cookie(id, tls, cookie);
	request_answer_header(c->request, "Set-Cookie", cookie);
	session = session_find(c->app->sessions, id, app_now_ms(c->app));
	who_answer(c, &who, session != NULL ? session->csrf : NULL);
	sodium_memzero(id, sizeof id);
	sodium_memzero(cookie, sizeof cookie);
}

static void audited(struct change *ch, struct call *c)
{
	struct signing *s = *(struct signing **)ch->arg;
	const struct registry_user *u = user_of(s);

	if (u != NULL) {
		attempts_succeeded(c->app->attempts, s->name, &s->peer, app_now_ms(c->app));
		begin_session(c, u);
	} else {
		call_error(c, 401, "name or password is wrong");
	}
	signing_free(s);
}

/* Who was right and is not let in does not wait for that; who was wrong is not told so by it. */
static void not_let_in(struct signing *s)
{
	if (s->good)
		attempts_undo(s->call->app->attempts, s->name, &s->peer, s->begun_ms);
	signing_free(s);
}

/* Where it could not be written down, nobody is let in. */
static void audit_failed(struct change *ch, struct call *c)
{
	(void)c;
	not_let_in(*(struct signing **)ch->arg);
}

/* Whether there is something to note of it. */
static bool count_refused(struct signing *s)
{
	struct attempts *a = s->call->app->attempts;

	if (!s->good)
		return attempts_refused(a, s->name, &s->peer, app_now_ms(s->call->app),
					&s->refused);
	s->refused = attempts_unnoted(a, s->name, &s->peer);
	return true;
}

static void compared(struct password_job *job)
{
	struct signing *s = job->arg;
	const struct registry_user *u;
	struct change *ch;

	app_refresh(s->call->app);
	s->good = s->known && job->same;
	u = user_of(s);
	s->good = u != NULL;
	if (s->good) { /* for the log */
		struct auth_principal who = auth_of_user(u);

		auth_describe(&who, s->call->who_text, sizeof s->call->who_text);
	}
	if (!count_refused(s)) {
		call_error(s->call, 401, "name or password is wrong");
		signing_free(s);
		return;
	}
	ch = change_new(s->call, sizeof(struct signing *));
	if (ch == NULL) {
		not_let_in(s);
		return;
	}
	*(struct signing **)ch->arg = s;
	ch->make = audit_make;
	ch->answer = audited;
	ch->failed = audit_failed;
	change_submit_held(ch);
}

static bool in_time(struct signing *s, const char *account)
{
	int64_t wait_ms;
	char text[24];

	s->begun_ms = app_now_ms(s->call->app);
	wait_ms = attempts_begin(s->call->app->attempts, account, &s->peer, s->begun_ms);
	if (wait_ms == 0)
		return true;
	(void)snprintf(text, sizeof text, "%lld", (long long)(wait_ms + 999) / 1000);
	request_answer_header(s->call->request, "Retry-After", text);
	call_error(s->call, 429, "too many attempts: again in %s s", text);
	return false;
}

static void look_up(struct signing *s)
{
	const struct registry_user *u = registry_user(s->call->app->registry, s->name);

	s->known = u != NULL;
	if (u != NULL)
		(void)snprintf(s->hash, sizeof s->hash, "%s", u->hash);
}

/*
 * Held, and compared; else it was answered and is freed.  Room is asked for first: who finds none
 * has not tried.  Some of it is kept for who signed in from there before.
 */
static void compare(struct signing *s, void (*done)(struct password_job *job))
{
	struct call *c = s->call;
	bool first = attempts_known(c->app->attempts, s->name, &s->peer, app_now_ms(c->app));

	look_up(s);
	s->job = (struct password_job){ .password = s->password,
					.compare = s->known ? s->hash : NULL,
					.first = first,
					.done = done,
					.arg = s };
	if (!passwords_room(c->app->passwords, first)) {
		call_busy(c);
		signing_free(s);
	} else if (!in_time(s, s->name)) {
		signing_free(s);
	} else {
		(void)passwords_submit(c->app->passwords, &s->job); /* there is room */
		request_hold(c->request);
	}
}

static int texts_read(struct signing *s, const char *const *keys, const char **texts,
		      struct tesla_error *err)
{
	struct sent sent;
	int r = sent_read(s->call, &sent, err);

	if (r == 0) {
		r = sent_check(&sent, keys, err);
		for (size_t i = 0; keys[i] != NULL && r == 0; i++)
			r = sent_text(&sent, keys[i], &s->memory, &texts[i], err);
		sent_release(&sent);
	}
	for (size_t i = 0; keys[i] != NULL && r == 0; i++)
		if (texts[i] == NULL || texts[i][0] == '\0' || strlen(texts[i]) > PASSWORD_MAX)
			r = tesla_fail(err, -EINVAL, "%s: expected 1 to %u bytes", keys[i],
				       PASSWORD_MAX);
	return r;
}

static struct signing *signing_new(struct call *c)
{
	struct signing *s = calloc(1, sizeof *s);

	if (s == NULL) {
		call_busy(c);
		return NULL;
	}
	s->call = c;
	s->peer = peer_of(request_address(c->request));
	return s;
}

void api_session_post(struct call *c)
{
	static const char *const keys[] = { "name", "password", NULL };
	const char *texts[2] = { NULL };
	struct signing *s = signing_new(c);
	struct tesla_error err = { 0 };

	if (s == NULL)
		return;
	if (texts_read(s, keys, texts, &err) != 0) {
		call_fail(c, &err);
		signing_free(s);
		return;
	}
	s->name = texts[0];
	s->password = (char *)(uintptr_t)texts[1]; /* in `memory` */
	compare(s, compared);
}

/* ---- signing out ---- */

static int end_make(struct change *ch, struct registry_db *db, const struct registry_actor *by,
		    struct tesla_error *err)
{
	(void)ch;
	return registry_audit(db, by, "session.end", "", err);
}

void api_session_delete(struct call *c)
{
	char id[SESSION_TEXT], cookie[SESSION_COOKIE];
	struct change *ch;

	if (!signin_cookie(c, id)) {
		call_error(c, 409, "there is no session");
		return;
	}
	session_end(c->app->sessions, id);
	sodium_memzero(id, sizeof id);
	session_cookie_end(request_is_secure(c->request), cookie);
	request_answer_header(c->request, "Set-Cookie", cookie);
	ch = change_new(c, 1);
	if (ch == NULL)
		return;
	ch->make = end_make;
	change_submit(ch);
}

/* ---- another password ---- */

static int password_make(struct change *ch, struct registry_db *db, const struct registry_actor *by,
			 struct tesla_error *err)
{
	const struct signing *s = *(struct signing **)ch->arg;
	const struct registry_user_change change = { .hash = s->job.hash, .if_hash = s->hash };

	return registry_user_set(db, by, s->name, &change, err);
}

/*
 * All sessions of the user ended with it; this one goes on as another, unless the password was set
 * once more meanwhile: whose it is then has another password.
 */
static void password_made(struct change *ch, struct call *c)
{
	struct signing *s = *(struct signing **)ch->arg;
	const struct registry_user *u = registry_user(c->app->registry, s->name);

	if (u != NULL && strcmp(u->hash, s->job.hash) == 0) {
		session_end_user(c->app->sessions, u->row);
		begin_session(c, u);
	} else if (u != NULL) {
		call_error(c, 409, "the password of %.80s was changed meanwhile", s->name);
	} else {
		call_error(c, 404, "there is no user %.80s", s->name);
	}
	signing_free(s);
}

static void hashed(struct password_job *job)
{
	struct signing *s = job->arg;
	struct call *c = s->call;
	struct change *ch;

	if (job->result != 0) {
		job->error.code = job->result;
		call_fail(c, &job->error);
		signing_free(s);
		return;
	}
	ch = change_new(c, sizeof(struct signing *));
	if (ch == NULL) {
		signing_free(s);
		return;
	}
	*(struct signing **)ch->arg = s;
	ch->make = password_make;
	ch->answer = password_made;
	ch->failed = audit_failed;
	change_submit_held(ch);
}

static void old_compared(struct password_job *job)
{
	struct signing *s = job->arg;
	struct call *c = s->call;

	if (!job->same || !s->known) {
		call_error(c, 403, "the old password is wrong");
		signing_free(s);
		return;
	}
	attempts_succeeded(c->app->attempts, s->name, &s->peer, app_now_ms(c->app));
	s->job = (struct password_job){
		.password = s->wanted, .hashes = true, .first = true, .done = hashed, .arg = s
	};
	if (!passwords_submit(c->app->passwords, &s->job)) {
		call_busy(c);
		signing_free(s);
	}
}

void api_session_password(struct call *c)
{
	static const char *const keys[] = { "old", "new", NULL };
	const char *texts[2] = { NULL };
	struct signing *s = signing_new(c);
	struct tesla_error err = { 0 };
	int r;

	if (s == NULL)
		return;
	r = texts_read(s, keys, texts, &err);
	if (r == 0)
		r = password_check(texts[1], &err);
	s->password = (char *)(uintptr_t)texts[0];
	s->wanted = (char *)(uintptr_t)texts[1];
	s->name = arena_strdup(&s->memory, c->who.name);
	if (r == 0 && s->name == NULL)
		r = tesla_fail(&err, -ENOMEM, "no memory");
	if (r != 0) {
		call_fail(c, &err);
		signing_free(s);
		return;
	}
	compare(s, old_compared);
}
