/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: who has one, how they end, and the cookies. */
#include "central/session.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"

#define HOUR INT64_C(3600000)

static struct registry_user user(uint32_t row, const char *name)
{
	return (struct registry_user){
		.row = row, .name = name, .role = REGISTRY_VIEWER, .credential = 7
	};
}

static void begin(struct sessions *s, const struct registry_user *u, int64_t now_ms,
		  char id[SESSION_TEXT])
{
	struct tesla_error err = { 0 };

	cr_assert_eq(session_begin(s, u, now_ms, id, &err), 0, "%s", err.text);
	cr_assert_eq(strlen(id), SESSION_TEXT - 1);
}

Test(session, begins_and_ends)
{
	struct sessions *s = sessions_new(&(struct sessions_conf){ 0 });
	struct registry_user ana = user(1, "ana"), bea = user(2, "bea");
	char id[SESSION_TEXT], other[SESSION_TEXT], csrf[SESSION_TEXT];
	const struct session *found;

	begin(s, &ana, 0, id);
	begin(s, &bea, 0, other);
	cr_assert_str_neq(id, other);
	found = session_find(s, id, 1);
	cr_assert_not_null(found);
	cr_assert_str_eq(found->user, "ana");
	cr_assert(session_is_of(found, &ana));
	cr_assert(!session_is_of(found, &bea));
	cr_assert(!session_is_of(found, NULL));
	(void)snprintf(csrf, sizeof csrf, "%s", found->csrf);
	cr_assert(session_csrf_is(found, csrf));
	cr_assert_str_neq(csrf, id);
	csrf[3] ^= 1;
	cr_assert(!session_csrf_is(found, csrf));
	cr_assert(!session_csrf_is(found, NULL));
	cr_assert(!session_csrf_is(found, ""));
	session_end(s, id);
	cr_assert_null(session_find(s, id, 1));
	cr_assert_not_null(session_find(s, other, 1));
	cr_assert_eq(sessions_count(s), 1);
	sessions_free(s);
}

Test(session, goes_idle_though_it_is_looked_at)
{
	struct sessions *s = sessions_new(&(struct sessions_conf){ .idle_ms = 8 * HOUR });
	struct registry_user ana = user(1, "ana");
	char id[SESSION_TEXT];

	begin(s, &ana, 0, id);
	cr_assert_not_null(session_find(s, id, 2 * HOUR));
	for (int64_t now = 2 * HOUR; now < 10 * HOUR; now += HOUR / 6)
		cr_assert_not_null(session_peek(s, id, now));
	cr_assert_null(session_peek(s, id, 10 * HOUR));
	cr_assert_null(session_find(s, id, 10 * HOUR));
	cr_assert_null(session_peek(s, "", 0));
	sessions_free(s);
}

Test(session, a_changed_user_has_none)
{
	struct sessions *s = sessions_new(&(struct sessions_conf){ 0 });
	struct registry_user ana = user(1, "ana");
	char id[SESSION_TEXT];
	const struct session *found;

	begin(s, &ana, 0, id);
	found = session_find(s, id, 1);
	ana.disabled = true;
	cr_assert(!session_is_of(found, &ana));
	ana.disabled = false;
	ana.credential++;
	cr_assert(!session_is_of(found, &ana));
	ana.credential--;
	ana.row = 3; /* removed and made again */
	cr_assert(!session_is_of(found, &ana));
	ana.row = 1;
	ana.role = REGISTRY_ADMINISTRATOR; /* what he may do is looked up */
	cr_assert(session_is_of(found, &ana));
	sessions_free(s);
}

Test(session, expires)
{
	struct sessions *s =
		sessions_new(&(struct sessions_conf){ .idle_ms = HOUR, .absolute_ms = 10 * HOUR });
	struct registry_user ana = user(1, "ana");
	char id[SESSION_TEXT], used[SESSION_TEXT];

	begin(s, &ana, 0, id);
	cr_assert_not_null(session_find(s, id, HOUR - 1));
	cr_assert_null(session_find(s, id, 2 * HOUR - 1));
	cr_assert_null(session_find(s, id, 0), "it came back");
	begin(s, &ana, 0, used);
	for (int64_t now = 0; now < 10 * HOUR; now += HOUR / 2)
		cr_assert_not_null(session_find(s, used, now));
	cr_assert_null(session_find(s, used, 10 * HOUR));
	cr_assert_eq(sessions_count(s), 0);
	sessions_free(s);
}

Test(session, are_bounded)
{
	struct sessions *s = sessions_new(&(struct sessions_conf){ .max = 10, .max_per_user = 3 });
	struct registry_user users[5] = { user(1, "a"), user(2, "b"), user(3, "c"), user(4, "d"),
					  user(5, "e") };
	char ids[4][SESSION_TEXT], id[SESSION_TEXT], of_b[SESSION_TEXT];

	begin(s, &users[1], 0, of_b);
	for (int i = 0; i < 3; i++)
		begin(s, &users[0], i, ids[i]);
	cr_assert_not_null(session_find(s, ids[0], 5));
	begin(s, &users[0], 6, ids[3]);
	cr_assert_null(session_find(s, ids[1], 6), "the one that is idle longest");
	cr_assert_not_null(session_find(s, ids[0], 6));
	cr_assert_not_null(session_find(s, of_b, 6), "somebody else's");
	cr_assert_eq(sessions_count(s), 4);
	for (int i = 0; i < 9; i++)
		begin(s, &users[2 + i % 3], 10 + i, id);
	cr_assert_eq(sessions_count(s), 10);
	cr_assert_null(session_find(s, ids[2], 20));
	cr_assert_eq(sessions_pushed_out(s), 4);
	session_end_user(s, 3);
	cr_assert_eq(sessions_count(s), 7);
	sessions_free(s);
}

/* What has ended does not push out what has not. */
Test(session, that_ended_make_room)
{
	struct sessions *s = sessions_new(&(struct sessions_conf){ .max = 4, .idle_ms = HOUR });
	struct registry_user ana = user(1, "ana");
	char id[SESSION_TEXT];

	for (int i = 0; i < 4; i++)
		begin(s, &ana, 0, id);
	begin(s, &ana, HOUR, id);
	cr_assert_eq(sessions_count(s), 1);
	cr_assert_eq(sessions_pushed_out(s), 0);
	sessions_free(s);
}

Test(session, no_id_is_none)
{
	static const char *const ids[] = { "",
					   "a",
					   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
					   "\xff\xff" };
	struct sessions *s = sessions_new(&(struct sessions_conf){ 0 });
	struct registry_user ana = user(1, "ana");
	char id[SESSION_TEXT];

	begin(s, &ana, 0, id);
	for (size_t i = 0; i < N_ELEMENTS(ids); i++) {
		cr_assert_null(session_find(s, ids[i], 1), "%s", ids[i]);
		session_end(s, ids[i]);
	}
	cr_assert_eq(sessions_count(s), 1);
	sessions_free(s);
}

/* ---- cookies ---- */

#define ID "0123456789012345678901234567890123456789012"

static const struct cookie_case {
	const char *header;
	bool tls, found;
	unsigned n;
} cookies[] = {
	{ "tesla=" ID, false, true, 1 },
	{ "__Host-tesla=" ID, true, true, 1 },
	{ "a=b; tesla=" ID "; c=d", false, true, 1 },
	{ "a=b;tesla=" ID ";c=d", false, true, 1 },
	{ "tesla=" ID " ", false, true, 1 },
	/* what another page on the same machine can set is not what is looked for */
	{ "tesla=" ID, true, false, 0 },
	{ "__Host-tesla=" ID, false, false, 0 },
	{ "tesla=" ID "; tesla=" ID, false, false, 2 },
	{ "xtesla=" ID, false, false, 0 },
	{ "tesla=" ID "x", false, false, 1 },
	{ "tesla=0123", false, false, 1 },
	{ "tesla", false, false, 0 },
	{ "tesla=", false, false, 1 },
	{ "=", false, false, 0 },
	{ ";;; ; ", false, false, 0 },
	{ "", false, false, 0 },
};

Test(session, cookies_are_found)
{
	char id[SESSION_TEXT];

	for (size_t i = 0; i < N_ELEMENTS(cookies); i++) {
		const struct cookie_case *c = &cookies[i];

		id[0] = '\0';
		cr_assert_eq(session_cookie_find(c->header, c->tls, id), c->n, "%s", c->header);
		cr_assert_eq(id[0] != '\0', c->found, "%s", c->header);
		if (c->found)
			cr_assert_str_eq(id, ID);
	}
}

Test(session, cookies_are_made)
{
	char text[SESSION_COOKIE], id[SESSION_TEXT];

	session_cookie(ID, true, text);
	cr_assert_str_eq(text, "__Host-tesla=" ID "; Path=/; HttpOnly; SameSite=Strict; Secure");
	cr_assert(session_cookie_find(text, true, id));
	session_cookie(ID, false, text);
	cr_assert_str_eq(text, "tesla=" ID "; Path=/; HttpOnly; SameSite=Strict");
	session_cookie_end(true, text);
	cr_assert_str_eq(text,
			 "__Host-tesla=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure");
}
