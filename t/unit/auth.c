/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what, the header Authorization, addresses, passwords. */
#include "central/auth.h"

#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "central/password.h"
#include "central/registry_secret.h"

/* ---- decisions ---- */

static const char *const four[] = { "4" };
#define LIMITED \
	{ \
		four, 1 \
	}

enum who {
	NOBODY,
	VIEWER,
	OPERATOR,
	ADMIN,
	VIEWER_OF_4,
	OPERATOR_OF_4,
	DISABLED,
	T_VIEWER,
	T_OPERATOR,
	T_VIEWER_OF_4,
	T_NODE_4,
	T_REVOKED,
	V2_OF_4,
	N_WHO
};

static struct auth_principal principal(enum who who)
{
	static const struct registry_user users[] = {
		[VIEWER] = { .name = "v", .role = REGISTRY_VIEWER },
		[OPERATOR] = { .name = "o", .role = REGISTRY_OPERATOR },
		[ADMIN] = { .name = "a", .role = REGISTRY_ADMINISTRATOR },
		[VIEWER_OF_4] = { .name = "v4", .role = REGISTRY_VIEWER, .nodes = LIMITED },
		[OPERATOR_OF_4] = { .name = "o4", .role = REGISTRY_OPERATOR, .nodes = LIMITED },
		[DISABLED] = { .name = "d", .role = REGISTRY_ADMINISTRATOR, .disabled = true },
	};
	static const struct registry_token tokens[] = {
		[T_VIEWER] = { .id = "tv", .node = "", .role = REGISTRY_VIEWER },
		[T_OPERATOR] = { .id = "to", .node = "", .role = REGISTRY_OPERATOR },
		[T_VIEWER_OF_4] = { .id = "tv4",
				    .node = "",
				    .role = REGISTRY_VIEWER,
				    .nodes = LIMITED },
		[T_NODE_4] = { .id = "t4", .node = "4" },
		[T_REVOKED] = { .id = "tr",
				.node = "",
				.role = REGISTRY_OPERATOR,
				.revoked = true },
	};

	if (who == NOBODY)
		return (struct auth_principal){ 0 };
	if (who == V2_OF_4)
		return (struct auth_principal){ .kind = AUTH_V2, .name = "4", .node = "4" };
	return who <= DISABLED ? auth_of_user(&users[who]) : auth_of_token(&tokens[who]);
}

/* A row: an action, on which node, and who may.  Everybody else may not. */
static const struct may {
	enum auth_action action;
	const char *node;
	unsigned who;
} mays[] = {
#define B(x) (1u << (x))
#define ALL_USERS (B(VIEWER) | B(OPERATOR) | B(ADMIN))
#define OF_4 (B(VIEWER_OF_4) | B(OPERATOR_OF_4))
	{ AUTH_LIST, NULL,
	  ALL_USERS | OF_4 | B(T_VIEWER) | B(T_OPERATOR) | B(T_VIEWER_OF_4) | B(T_NODE_4) |
		  B(V2_OF_4) },
	{ AUTH_READ, "4",
	  ALL_USERS | OF_4 | B(T_VIEWER) | B(T_OPERATOR) | B(T_VIEWER_OF_4) | B(T_NODE_4) |
		  B(V2_OF_4) },
	{ AUTH_READ, "5", ALL_USERS | B(T_VIEWER) | B(T_OPERATOR) },
	{ AUTH_READ, NULL, ALL_USERS | B(T_VIEWER) | B(T_OPERATOR) },
	{ AUTH_WRITE, "4", B(T_NODE_4) | B(V2_OF_4) },
	{ AUTH_WRITE, "5", 0 },
	{ AUTH_WRITE, NULL, 0 },
	{ AUTH_OPERATE, "4", B(OPERATOR) | B(ADMIN) | B(OPERATOR_OF_4) | B(T_OPERATOR) },
	{ AUTH_OPERATE, "5", B(OPERATOR) | B(ADMIN) | B(T_OPERATOR) },
	{ AUTH_OPERATE, NULL, B(OPERATOR) | B(ADMIN) | B(T_OPERATOR) },
	{ AUTH_ADMINISTER, "4", B(ADMIN) },
	{ AUTH_ADMINISTER, NULL, B(ADMIN) },
	{ AUTH_ACCOUNT, NULL, ALL_USERS | OF_4 },
};

Test(auth, who_may_do_what)
{
	for (size_t i = 0; i < N_ELEMENTS(mays); i++) {
		for (enum who w = NOBODY; w < N_WHO; w++) {
			struct auth_principal p = principal(w);

			cr_assert_eq(auth_may(&p, mays[i].action, mays[i].node),
				     (mays[i].who & B(w)) != 0, "row %zu, who %d", i, (int)w);
		}
	}
}

Test(auth, is_described)
{
	static const struct {
		enum who who;
		const char *text;
	} cases[] = { { NOBODY, "nobody" },
		      { ADMIN, "user a" },
		      { DISABLED, "nobody" },
		      { T_NODE_4, "token t4" },
		      { V2_OF_4, "v2 caller of node 4" } };
	char text[64];

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct auth_principal p = principal(cases[i].who);

		auth_describe(&p, text, sizeof text);
		cr_assert_str_eq(text, cases[i].text);
	}
}

/* ---- the header ---- */

static const struct header_case {
	const char *value;
	enum auth_scheme scheme; /* none: refused */
	const char *user, *secret;
} headers[] = {
	{ "Bearer abc", AUTH_BEARER, "", "abc" },
	{ "bearer  abc", AUTH_BEARER, "", "abc" },
	{ "Basic NDphYmM=", AUTH_BASIC, "4", "abc" },
	{ "BASIC NDphYmM=", AUTH_BASIC, "4", "abc" },
	{ "Basic YTpiOnNlY3JldA==", AUTH_BASIC, "a:b", "secret" },
	{ "", AUTH_NO_SCHEME, NULL, NULL },
	{ "Bearer", AUTH_NO_SCHEME, NULL, NULL },
	{ "Bearer ", AUTH_NO_SCHEME, NULL, NULL },
	{ "Bearerabc", AUTH_NO_SCHEME, NULL, NULL },
	{ " Bearer abc", AUTH_NO_SCHEME, NULL, NULL },
	{ "Bearer abc ", AUTH_NO_SCHEME, NULL, NULL },
	{ "Bearer a b", AUTH_NO_SCHEME, NULL, NULL },
	{ "Bearer a\tb", AUTH_NO_SCHEME, NULL, NULL },
	{ "Bearer \xc3\xa9", AUTH_NO_SCHEME, NULL, NULL },
	{ "Digest abc", AUTH_NO_SCHEME, NULL, NULL },
	{ "Basic NDphYmM", AUTH_NO_SCHEME, NULL, NULL }, /* not padded */
	{ "Basic NDph YmM=", AUTH_NO_SCHEME, NULL, NULL },
	{ "Basic YWJj", AUTH_NO_SCHEME, NULL, NULL },	  /* no colon */
	{ "Basic OmFiYw==", AUTH_NO_SCHEME, NULL, NULL }, /* no user */
	{ "Basic NDo=", AUTH_NO_SCHEME, NULL, NULL },	  /* no password */
	{ "Basic NAA6YWJj", AUTH_NO_SCHEME, NULL, NULL }, /* a NUL in the user */
	{ "Basic NDphYgBj", AUTH_NO_SCHEME, NULL, NULL }, /* in the password */
	{ "Basic ====", AUTH_NO_SCHEME, NULL, NULL },
};

Test(auth, headers_are_parsed)
{
	for (size_t i = 0; i < N_ELEMENTS(headers); i++) {
		const struct header_case *h = &headers[i];
		struct auth_credentials c;
		int r = auth_parse(h->value, &c);

		cr_assert_eq(r, h->scheme == AUTH_NO_SCHEME ? -EINVAL : 0, "%s", h->value);
		cr_assert_eq(c.scheme, h->scheme, "%s", h->value);
		cr_assert_str_eq(c.user, h->user != NULL ? h->user : "");
		cr_assert_str_eq(c.secret, h->secret != NULL ? h->secret : "");
	}
}

/* The longest id and a token fit; a byte more does not. */
Test(auth, headers_are_bounded)
{
	char plain[600], header[900] = "Basic ", secret[REGISTRY_TOKEN_TEXT], id[SECRET_ID + 1];
	uint8_t hash[REGISTRY_HASH_BYTES];

	secret_make(secret, id, hash);
	for (size_t len = 254; len < 400; len++) {
		struct auth_credentials c;
		int n;

		memset(plain, 'x', len);
		n = snprintf(plain + len, sizeof plain - len, ":%s", secret);
		(void)sodium_bin2base64(header + 6, sizeof header - 6, (uint8_t *)plain,
					len + (size_t)n, sodium_base64_VARIANT_ORIGINAL);
		cr_assert_eq(auth_parse(header, &c), len <= REGISTRY_ID_MAX ? 0 : -EINVAL, "%zu",
			     len);
	}
	memset(header, 'x', sizeof header - 1);
	memcpy(header, "Bearer ", 7);
	header[sizeof header - 1] = '\0';
	for (size_t len = sizeof header - 1; len > 80; len--) {
		struct auth_credentials c;

		header[len] = '\0';
		cr_assert_eq(auth_parse(header, &c), len - 7 < REGISTRY_TOKEN_TEXT ? 0 : -EINVAL);
	}
}

/* ---- secrets of tokens ---- */

Test(auth, secrets_of_tokens)
{
	char secret[REGISTRY_TOKEN_TEXT], id[SECRET_ID + 1], again[SECRET_ID + 1];
	uint8_t hash[REGISTRY_HASH_BYTES], same[REGISTRY_HASH_BYTES];

	for (int i = 0; i < 100; i++) {
		secret_make(secret, id, hash);
		cr_assert(secret_parse(secret, again, same), "%s", secret);
		cr_assert_str_eq(id, again);
		cr_assert_arr_eq(hash, same, sizeof hash);
	}
	for (size_t at = 0; secret[at] != '\0'; at++) {
		char was = secret[at];

		secret[at] = '!';
		cr_assert(!secret_parse(secret, again, same), "byte %zu", at);
		secret[at] = '\0';
		cr_assert(!secret_parse(secret, again, same), "cut at %zu", at);
		secret[at] = was;
	}
	(void)strncat(secret, "A", 2);
	cr_assert(!secret_parse(secret, again, same), "a byte more");
}

/* ---- addresses ---- */

static const struct net_case {
	const char *net, *address;
	bool has;
} nets[] = {
	{ "192.0.2.0/24", "192.0.2.255", true },
	{ "192.0.2.0/24", "192.0.3.0", false },
	{ "192.0.2.7", "192.0.2.7", true },
	{ "192.0.2.7", "192.0.2.6", false },
	{ "192.0.2.4/31", "192.0.2.5", true },
	{ "192.0.2.4/31", "192.0.2.6", false },
	{ "0.0.0.0/0", "255.1.2.3", true },
	{ "0.0.0.0/0", "2001:db8::1", false },
	{ "0.0.0.0/0", "::ffff:10.0.0.1", true },
	{ "2001:db8::/32", "2001:db8:ffff::1", true },
	{ "2001:db8::/32", "2001:db9::1", false },
	{ "2001:db8::/33", "2001:db8:8000::", false },
	{ "::/0", "10.0.0.1", true },
	{ "::1", "::1", true },
};

Test(auth, networks_have_addresses)
{
	for (size_t i = 0; i < N_ELEMENTS(nets); i++) {
		struct peer_net net;
		struct peer p;

		cr_assert(peer_net_parse(nets[i].net, &net), "%s", nets[i].net);
		cr_assert(peer_parse(nets[i].address, &p), "%s", nets[i].address);
		cr_assert_eq(peer_net_has(&net, &p), nets[i].has, "%s %s", nets[i].net,
			     nets[i].address);
	}
}

Test(auth, what_is_no_network)
{
	static const char *const bad[] = { "",
					   "/",
					   "192.0.2.0/33",
					   "192.0.2.0/",
					   "192.0.2.0/-1",
					   "192.0.2.0/+1",
					   "192.0.2.1/24",
					   "2001::/129",
					   "2001::1/64",
					   "localhost",
					   "192.0.2.0/24 ",
					   "192.0.2",
					   "192.0.2.0/0x8",
					   "1:2:3:4:5:6:7:8:9:1:2:3:4:5:6:7:8:9:1:2:3:4" };
	struct peer_net net;

	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		cr_assert(!peer_net_parse(bad[i], &net), "%s", bad[i]);
}

Test(auth, addresses_of_sockets)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000207) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr un = { .sa_family = AF_UNIX };
	char text[PEER_TEXT];
	struct peer p = peer_of((struct sockaddr *)&in), group;

	peer_text(&p, text);
	cr_assert_str_eq(text, "192.0.2.7");
	group = peer_group(&p);
	cr_assert_eq(memcmp(&group, &p, sizeof p), 0);
	p = peer_of((struct sockaddr *)&in6);
	peer_text(&p, text);
	cr_assert_str_eq(text, "::1");
	p = peer_of(&un);
	peer_text(&p, text);
	cr_assert_str_eq(text, "::1");
	cr_assert(peer_parse("2001:db8:1:2:3:4:5:6", &p));
	group = peer_group(&p);
	peer_text(&group, text);
	cr_assert_str_eq(text, "2001:db8:1:2::");
}

/* ---- passwords ---- */

#define E5 "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9" /* five characters */

Test(auth, passwords)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "", false }, { "123456789", false }, { "1234567890", true },
		{ E5, false }, { E5 E5, true },	       { "1234567890\xff", false },
	};
	struct tesla_error err;
	char hash[PASSWORD_HASH], other[PASSWORD_HASH], text[PASSWORD_MAX + 2];

	cr_assert_eq(password_start(&err), 0);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		cr_assert_eq(password_check(cases[i].text, &err), cases[i].good ? 0 : -EINVAL,
			     "%zu", i);
	memset(text, 'x', PASSWORD_MAX + 1);
	text[PASSWORD_MAX + 1] = '\0';
	cr_assert_eq(password_hash(text, hash, &err), -EINVAL);
	cr_assert(!password_verify(NULL, text));
	text[PASSWORD_MAX] = '\0';
	cr_assert_eq(password_hash(text, hash, &err), 0);
	cr_assert_eq(password_hash(text, other, &err), 0);
	cr_assert_str_neq(hash, other, "no salt");
	cr_assert(strncmp(hash, "$argon2id$", 10) == 0);
	cr_assert(password_verify(hash, text));
	text[0] = 'y';
	cr_assert(!password_verify(hash, text));
	cr_assert(!password_verify(NULL, text));
	cr_assert(!password_verify("$argon2id$junk", text));
	password_random(text);
	cr_assert_eq(password_check(text, &err), 0);
	cr_assert_eq(strlen(text), PASSWORD_RANDOM - 1);
}

static int64_t verify_us(const char *hash)
{
	struct timespec a, b;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	(void)password_verify(hash, "some password");
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	return (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
}

/* Who asks cannot tell by the time whether there is such a user. */
Test(auth, of_a_user_who_is_not_there_it_takes_as_long)
{
	struct tesla_error err;
	char hash[PASSWORD_HASH];
	int64_t is = INT64_MAX, is_not = INT64_MAX;

	cr_assert_eq(password_hash("another password", hash, &err), 0);
	for (int i = 0; i < 3; i++) {
		int64_t a = verify_us(hash), b = verify_us(NULL);

		is = a < is ? a : is;
		is_not = b < is_not ? b : is_not;
	}
	cr_assert(is_not > is / 2 && is_not < is * 2, "%lld and %lld us", (long long)is,
		  (long long)is_not);
}
