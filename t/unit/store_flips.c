/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bit flips on the disk.  In a block, a row or the write-ahead file: found, said, and that alone
 * is lost, the rest is read exactly.  In LMDB's own pages: verify says something and ends, or is
 * ended; salvage finds all that is not where the bit is.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "central/bytes.h"
#include "central/store_backup.h"

#include "store_care.h"

#define FLIPS 1500		  /* of thousands of bits; TESLA_FLIPS: another number */
#define SEED UINT64_C(1796019678) /* one flip takes a row of the page behind for one of its own */
#define VERIFY_S 20

struct rig {
	char dir[64], *path, *to;
	struct care care;
	struct dump want;
	char *data, *wal; /* the files, as they are undamaged */
	size_t data_len, wal_len;
	uint64_t random;
	unsigned n_flips;
};

static void rig_init(struct rig *r)
{
	const char *seed = getenv("TESLA_SEED"), *flips = getenv("TESLA_FLIPS");

	*r = (struct rig){ .random = seed != NULL ? strtoull(seed, NULL, 10) : SEED,
			   .n_flips = flips != NULL ? (unsigned)strtoul(flips, NULL, 10) : FLIPS };
	(void)fprintf(stderr, "TESLA_SEED=%llu\n", (unsigned long long)r->random);
	scratch_make(r->dir);
	r->path = path_of(r->dir, "store");
	r->to = path_of(r->dir, "mended");
	care_init(&r->care);
}

static void rig_release(struct rig *r)
{
	remove_all(r->dir);
	free(r->path);
	free(r->to);
	free(r->want.at);
	free(r->data);
	free(r->wal);
}

static size_t pick(struct rig *r, size_t n)
{
	r->random = r->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (size_t)(r->random >> 33) % n;
}

/* Closes it; its files are what is damaged from now on.  want: what they hold. */
static void keep_files(struct rig *r, struct store *s)
{
	store_close(s);
	r->data = get_bytes(r->path, "data.mdb", &r->data_len);
	r->wal = get_bytes(r->path, "wal", &r->wal_len);
	s = care_open(&r->care, r->path);
	r->want = dump_of(s);
	store_close(s);
}

static void damage(struct rig *r, char *bytes, size_t at, unsigned bit)
{
	bytes[at] = (char)(bytes[at] ^ 1 << bit);
	put_bytes(r->path, "data.mdb", r->data, r->data_len);
	put_bytes(r->path, "wal", r->wal, r->wal_len);
	bytes[at] = (char)(bytes[at] ^ 1 << bit);
	r->care.n_lost = r->care.n_notes = 0;
	r->care.said[0] = '\0';
}

/* How many are lost; all others are there, exactly. */
static size_t lost(struct rig *r, uint64_t *n_damaged)
{
	struct store *s = care_open(&r->care, r->path);
	struct dump got = dump_of(s);
	size_t n = dump_missing(&r->want, &got);

	*n_damaged = care_verify(s);
	store_close(s);
	free(got.at);
	return n;
}

static void compact(struct store *s)
{
	struct tesla_error err = { 0 };

	cr_assert(store_compact(s, true, &err) == 0, "%s", err.text);
}

/* ---- blocks ---- */

/* One that is read: pages that are free may have older ones. */
static char *live_block(struct rig *r, size_t *n_rows)
{
	char *at = r->data;

	for (;; at++) {
		uint64_t n_damaged;

		at = memmem(at, r->data_len - (size_t)(at - r->data), "TCB1", 4);
		cr_assert(at != NULL);
		damage(r, r->data, (size_t)(at - r->data), 0);
		*n_rows = lost(r, &n_damaged);
		if (*n_rows > 0)
			return at;
	}
}

Test(store_flips, in_a_block)
{
	struct rig r;
	struct store *s;
	char *block;
	size_t len, n_rows;

	rig_init(&r);
	s = care_open(&r.care, r.path);
	for (int64_t i = 0; i < 300; i++) /* several blocks of two analyzers */
		care_append(s, 1 + i % 2, START + i % 150 * 100 * MINUTE + i / 150 * MINUTE);
	compact(s);
	keep_files(&r, s);
	block = live_block(&r, &n_rows);
	len = get_u32((uint8_t *)block + 8);
	for (unsigned i = 0; i < r.n_flips; i++) {
		size_t at = i < len ? i : pick(&r, len), n; /* each byte once, and some twice */
		uint64_t n_damaged;

		damage(&r, r.data, (size_t)(block - r.data) + at, (unsigned)pick(&r, 8));
		n = lost(&r, &n_damaged);
		cr_assert(n == n_rows, "byte %zu: %zu rows are lost, not %zu", at, n, n_rows);
		cr_assert(n_damaged == 1 && r.care.n_lost >= 1, "byte %zu: %llu", at,
			  (unsigned long long)n_damaged);
	}
	rig_release(&r);
}

/* ---- recent rows ---- */

Test(store_flips, in_a_row)
{
	struct rig r;
	struct store *s;
	uint8_t key[12];

	rig_init(&r);
	s = care_open(&r.care, r.path);
	for (int64_t i = 0; i < 40; i++)
		care_append(s, 1, START + i * MINUTE);
	free(dump_of(s).at); /* now they are in the table */
	keep_files(&r, s);
	memset(r.wal + 8192, 0, r.wal_len - 8192);
	for (unsigned i = 0; i < r.n_flips; i++) {
		uint64_t low = htobe64((uint64_t)(START + (int64_t)pick(&r, 40) * MINUTE) ^
				       UINT64_C(1) << 63),
			 n_damaged;
		size_t len, at, n;
		char *row;

		memcpy(key, (const uint8_t[]){ 0, 0, 0, 1 }, 4);
		memcpy(key + 4, &low, 8);
		row = memmem(r.data, r.data_len, key, sizeof key);
		cr_assert(row != NULL);
		len = (uint8_t)row[-8] | (size_t)(uint8_t)row[-7]
						 << 8; /* LMDB has it before the key */
		cr_assert(len > 8 && len < 200);
		at = pick(&r, len);
		damage(&r, r.data, (size_t)(row - r.data) + sizeof key + at, (unsigned)pick(&r, 8));
		n = lost(&r, &n_damaged);
		/* an older page may have it, too: then it was that one */
		cr_assert(n == n_damaged && n <= 1 && (n == 0) == (r.care.n_lost == 0),
			  "byte %zu: %zu lost, %s", at, n, r.care.said);
	}
	rig_release(&r);
}

/* ---- the write-ahead file ---- */

static size_t entries_end(const struct rig *r)
{
	size_t end = r->wal_len;

	while (end > 0 && r->wal[end - 1] == 0)
		end--;
	return end;
}

Test(store_flips, in_the_write_ahead_file)
{
	struct rig r;
	struct store *s;
	size_t end;

	rig_init(&r);
	s = care_open(&r.care, r.path);
	care_append(s, 1, START);
	free(dump_of(s).at);
	for (int64_t i = 1; i < 40; i++)
		care_append(s, 1, START + i * MINUTE);
	keep_files(&r, s);
	cr_assert(r.want.n == 40);
	end = entries_end(&r);
	for (unsigned i = 0; i < r.n_flips; i++) {
		size_t at = i % 4 == 0 ? pick(&r, 40) + i / 4 % 2 * 4096
				       : 8192 + pick(&r, end - 8192),
		       n;
		uint64_t n_damaged;

		damage(&r, r.wal, at, (unsigned)pick(&r, 8));
		n = lost(&r, &n_damaged);
		cr_assert(n <= (at >= 8192) && n_damaged == 0, "byte %zu: %zu are lost", at, n);
		cr_assert(n == 0 || r.care.n_lost + r.care.n_notes > 0, "byte %zu: not said", at);
	}
	rig_release(&r);
}

/* ---- LMDB's pages ---- */

/* A verify of what is there, in a child; false: it ended by itself, without a word. */
static bool verify_says(struct rig *r, int *status)
{
	pid_t pid = fork();

	cr_assert(pid >= 0);
	if (pid == 0) {
		struct care care;
		struct tesla_error err = { 0 };
		struct store *s;
		struct dump d;
		uint64_t n = 0;
		bool said;

		(void)signal(SIGSEGV, SIG_DFL);
		(void)signal(SIGBUS, SIG_DFL);
		(void)signal(SIGABRT, SIG_DFL);
		(void)freopen("/dev/null", "w", stderr);
		(void)alarm(VERIFY_S);
		care_init(&care);
		if (store_open(r->path, &care.conf, &s, &err) != 0)
			_exit(1);
		said = store_verify(s, &n, &err) != 0 || n > 0 || care.n_lost > 0;
		said = said || dump_try(s, &d, &err) != 0 || care.n_lost > 0;
		_exit(said ? 1 : d.n == r->want.n ? 0 : 2);
	}
	cr_assert(waitpid(pid, status, 0) == pid);
	return *status != 0;
}

static size_t salvaged(struct rig *r)
{
	struct care care;
	struct tesla_error err = { 0 };
	struct store *s;
	struct dump got;
	uint64_t n;
	size_t missing;

	care_init(&care);
	s = care_open(&care, r->to);
	cr_assert(store_salvage(r->path, s, &n, &err) == 0, "%s", err.text);
	got = dump_of(s);
	missing = dump_missing(&r->want, &got);
	store_close(s);
	remove_all(r->to);
	free(got.at);
	return missing;
}

Test(store_flips, in_pages_of_lmdb, .timeout = 600)
{
	unsigned ended = 0, hung = 0, silent = 0;
	struct rig r;
	struct store *s;

	rig_init(&r);
	s = care_open(&r.care, r.path);
	for (int64_t i = 0; i < 300; i++)
		care_append(s, 1 + i % 2, START + i % 150 * 100 * MINUTE + i / 150 * MINUTE);
	compact(s);
	for (int64_t i = 0; i < 300; i++)
		care_append(s, 1 + i % 2, START + i * 90 * MINUTE + 2 * MINUTE);
	free(dump_of(s).at);
	keep_files(&r, s);
	memset(r.wal + 8192, 0, r.wal_len - 8192);
	for (unsigned i = 0; i < r.n_flips / 5; i++) {
		size_t page = pick(&r, r.data_len / 4096),
		       at = page * 4096 + (i % 2 == 0 ? pick(&r, 200) : pick(&r, 4096)), n;
		int status;

		damage(&r, r.data, at, (unsigned)pick(&r, 8));
		n = salvaged(&r);
		/* the page may have the definition, by which all rows of a set are read */
		cr_assert(n <= r.want.n / 2 + 5, "byte %zu: salvage lost %zu of %zu", at, n,
			  r.want.n);
		(void)verify_says(&r, &status);
		ended += WIFSIGNALED(status) != 0;
		hung += WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
		/* of the two meta pages the other may be taken: a state before, which is whole */
		silent += at >= 2 * 4096 && WIFEXITED(status) && WEXITSTATUS(status) == 2;
	}
	cr_expect(hung == 0, "%u of %u hung", hung, r.n_flips / 5);
	cr_expect(silent == 0, "%u of %u: records are missing, and nothing is said", silent,
		  r.n_flips / 5);
	(void)fprintf(stderr, "%u of %u were ended by a signal\n", ended, r.n_flips / 5);
	rig_release(&r);
}

/* The names are keys of LMDB's: of another name it is another table, which nobody asks for. */
static void rename_table(struct rig *r, const char *name)
{
	size_t len = strlen(name);
	char *at = r->data;

	while ((at = memmem(at, (size_t)(r->data + r->data_len - at), name, len)) != NULL)
		at[len - 1]++; /* its place in their order stays */
}

Test(store_flips, a_table_is_missing)
{
	static const struct {
		const char *names[2];
		int code;
	} cases[] = {
		{ { "sets", NULL }, -EUCLEAN },	  { { "blocks", NULL }, -EUCLEAN },
		{ { "rolled", NULL }, -EUCLEAN }, { { "late", NULL }, -EUCLEAN },
		{ { "rolled", "late" }, 0 }, /* as there were none once */
	};
	struct tesla_error err = { 0 };
	struct store *s;
	struct rig r;

	rig_init(&r);
	s = care_open(&r.care, r.path);
	care_append(s, 1, START);
	free(dump_of(s).at);
	keep_files(&r, s);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		char *bytes = r.data;

		r.data = malloc(r.data_len);
		cr_assert(r.data != NULL);
		memcpy(r.data, bytes, r.data_len);
		for (size_t k = 0; k < 2 && cases[i].names[k] != NULL; k++)
			rename_table(&r, cases[i].names[k]);
		put_bytes(r.path, "data.mdb", r.data, r.data_len);
		free(r.data);
		r.data = bytes;
		cr_expect_eq(store_open(r.path, &r.care.conf, &s, &err), cases[i].code,
			     "case %zu: %s", i, err.text);
		if (cases[i].code == 0)
			store_close(s);
	}
	rig_release(&r);
}
