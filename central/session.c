/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, and the cookies that have their ids. */
#include "central/session.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "central/keyed.h"

#define HASH_BYTES 32u
#define ID_BYTES 32u
#define MAX 1000u
#define MAX_PER_USER 16u
#define IDLE_MS (INT64_C(8) * 3600000)
#define ABSOLUTE_MS (INT64_C(7) * 86400000)

struct kept {
	struct session session;
	uint8_t hash[HASH_BYTES]; /* of the id; the first half is its key */
};

struct sessions {
	struct sessions_conf conf;
	struct keyed *table; /* struct kept, by the time that they were seen */
	uint64_t pushed_out; /* by the bound of a user */
};

struct sessions *sessions_new(const struct sessions_conf *conf)
{
	struct sessions *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->conf = (struct sessions_conf){
		.max = conf->max != 0 ? conf->max : MAX,
		.max_per_user = conf->max_per_user != 0 ? conf->max_per_user : MAX_PER_USER,
		.idle_ms = conf->idle_ms != 0 ? conf->idle_ms : IDLE_MS,
		.absolute_ms = conf->absolute_ms != 0 ? conf->absolute_ms : ABSOLUTE_MS,
	};
	s->table = keyed_new(s->conf.max, sizeof(struct kept));
	if (s->table == NULL) {
		free(s);
		return NULL;
	}
	return s;
}

void sessions_free(struct sessions *s)
{
	if (s == NULL)
		return;
	keyed_free(s->table);
	free(s);
}

size_t sessions_count(const struct sessions *s)
{
	return keyed_count(s->table);
}

uint64_t sessions_pushed_out(const struct sessions *s)
{
	return s->pushed_out + keyed_pushed_out(s->table);
}

/* ---- ids ---- */

static void random_text(char text[SESSION_TEXT])
{
	uint8_t bytes[ID_BYTES];

	_Static_assert(sodium_base64_ENCODED_LEN(
			       ID_BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == SESSION_TEXT,
		       "with its NUL");
	randombytes_buf(bytes, sizeof bytes);
	(void)sodium_bin2base64(text, SESSION_TEXT, bytes, sizeof bytes,
				sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(bytes, sizeof bytes);
}

/* False: not as an id is. */
static bool hash_id(const char *id, uint8_t hash[HASH_BYTES], struct peer *key)
{
	uint8_t bytes[ID_BYTES];
	size_t len = 0;
	bool good = strnlen(id, SESSION_TEXT) == SESSION_TEXT - 1 &&
		    sodium_base642bin(bytes, sizeof bytes, id, SESSION_TEXT - 1, NULL, &len, NULL,
				      sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
		    len == sizeof bytes;

	if (good) {
		(void)crypto_generichash(hash, HASH_BYTES, bytes, sizeof bytes, NULL, 0);
		memcpy(key->bytes, hash, sizeof key->bytes);
	}
	sodium_memzero(bytes, sizeof bytes);
	return good;
}

/* ---- begin and end ---- */

static bool is_over(const struct sessions *s, const struct session *of, int64_t now_ms)
{
	return now_ms - of->seen_ms >= s->conf.idle_ms ||
	       now_ms - of->begun_ms >= s->conf.absolute_ms;
}

/* What has ended makes room first; then the one of this user that is idle longest. */
static void make_room(struct sessions *s, uint32_t user_row, int64_t now_ms)
{
	struct kept *k = keyed_next(s->table, NULL), *oldest = NULL;
	size_t n = 0;

	while (k != NULL) {
		struct kept *next = keyed_next(s->table, k);

		if (is_over(s, &k->session, now_ms)) {
			const struct peer key = keyed_key(k);

			keyed_drop(s->table, &key);
		} else if (k->session.user_row == user_row) {
			oldest = oldest != NULL ? oldest : k;
			n++;
		}
		k = next;
	}
	if (n >= s->conf.max_per_user) {
		const struct peer key = keyed_key(oldest);

		keyed_drop(s->table, &key);
		s->pushed_out++;
	}
}

int session_begin(struct sessions *s, const struct registry_user *user, int64_t now_ms,
		  char id[SESSION_TEXT], struct tesla_error *err)
{
	uint8_t hash[HASH_BYTES];
	struct peer key;
	struct kept *k;

	make_room(s, user->row, now_ms);
	random_text(id);
	(void)hash_id(id, hash, &key);
	k = keyed_put(s->table, &key);
	if (k == NULL) {
		sodium_memzero(id, SESSION_TEXT);
		return tesla_fail(err, -ENOMEM, "no memory for a session");
	}
	memcpy(k->hash, hash, sizeof hash);
	(void)snprintf(k->session.user, sizeof k->session.user, "%s", user->name);
	k->session.user_row = user->row;
	k->session.credential = user->credential;
	k->session.begun_ms = k->session.seen_ms = now_ms;
	random_text(k->session.csrf);
	return 0;
}

static struct kept *look_up(const struct sessions *s, const char *id, struct peer *key)
{
	uint8_t hash[HASH_BYTES];
	struct kept *k = hash_id(id, hash, key) ? keyed_peek(s->table, key) : NULL;

	return k != NULL && sodium_memcmp(k->hash, hash, sizeof hash) == 0 ? k : NULL;
}

const struct session *session_peek(const struct sessions *s, const char *id, int64_t now_ms)
{
	struct peer key;
	const struct kept *k = look_up(s, id, &key);

	return k != NULL && !is_over(s, &k->session, now_ms) ? &k->session : NULL;
}

const struct session *session_find(struct sessions *s, const char *id, int64_t now_ms)
{
	struct peer key;
	struct kept *k = look_up(s, id, &key);

	if (k == NULL)
		return NULL;
	if (is_over(s, &k->session, now_ms)) {
		keyed_drop(s->table, &key);
		return NULL;
	}
	k = keyed_get(s->table, &key);
	k->session.seen_ms = now_ms;
	return &k->session;
}

bool session_is_of(const struct session *session, const struct registry_user *user)
{
	return user != NULL && !user->disabled && user->row == session->user_row &&
	       user->credential == session->credential;
}

bool session_csrf_is(const struct session *session, const char *text)
{
	return text != NULL && strnlen(text, SESSION_TEXT) == SESSION_TEXT - 1 &&
	       sodium_memcmp(session->csrf, text, SESSION_TEXT) == 0;
}

void session_end(struct sessions *s, const char *id)
{
	uint8_t hash[HASH_BYTES];
	struct peer key;

	if (hash_id(id, hash, &key))
		keyed_drop(s->table, &key);
}

void session_end_user(struct sessions *s, uint32_t user_row)
{
	struct kept *k = keyed_next(s->table, NULL);

	while (k != NULL) {
		struct kept *next = keyed_next(s->table, k);
		const struct peer key = keyed_key(k);

		if (k->session.user_row == user_row)
			keyed_drop(s->table, &key);
		k = next;
	}
}

/* ---- cookies ---- */

const char *session_cookie_name(bool tls)
{
	return tls ? "__Host-tesla" : "tesla";
}

void session_cookie(const char *id, bool tls, char text[SESSION_COOKIE])
{
	(void)snprintf(text, SESSION_COOKIE, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s",
		       session_cookie_name(tls), id, tls ? "; Secure" : "");
}

void session_cookie_end(bool tls, char text[SESSION_COOKIE])
{
	(void)snprintf(text, SESSION_COOKIE, "%s=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict%s",
		       session_cookie_name(tls), tls ? "; Secure" : "");
}

unsigned session_cookie_find(const char *header, bool tls, char id[SESSION_TEXT])
{
	const char *name = session_cookie_name(tls), *found = NULL;
	size_t name_len = strlen(name), found_len = 0;
	unsigned n = 0;

	while (*header != '\0') {
		size_t len = strcspn(header, ";");

		if (len > name_len && header[name_len] == '=' &&
		    strncmp(header, name, name_len) == 0) {
			found = header + name_len + 1;
			found_len = len - name_len - 1;
			n++;
		}
		header += len;
		header += strspn(header, "; \t");
	}
	while (found_len > 0 && (found[found_len - 1] == ' ' || found[found_len - 1] == '\t'))
		found_len--;
	if (n == 1 && found_len == SESSION_TEXT - 1) {
		memcpy(id, found, found_len);
		id[found_len] = '\0';
	}
	return n;
}
