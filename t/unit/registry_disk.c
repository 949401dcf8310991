/* SPDX-License-Identifier: Apache-2.0 */
/* The registry on its disk: several who have it open, what is damaged, a disk that fails. */
#include "registry_fixture.h"

/* ---- several who have it open ---- */

/* Every document that one process makes, another one sees, and they agree. */
Test(registry, another_process_changes_it)
{
	struct rig g;
	int status;
	pid_t pid;

	rig_init(&g);
	GOOD(node_add(&g, "1"));
	refresh(&g, 1);
	pid = fork();
	if (pid == 0) { /* LMDB's environment is not the child's: one of its own */
		struct rig child = { .dir = "" };

		memcpy(child.dir, g.dir, sizeof child.dir);
		if (registry_db_open(child.dir, false, &child.db, &child.err) != 0 ||
		    node_add(&child, "2") != 0 ||
		    registry_node_remove(child.db, &me, "1", &child.err) != 0)
			_exit(1);
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	refresh(&g, 1);
	cr_assert_null(registry_node(g.reg, "1"));
	cr_assert_not_null(registry_node(g.reg, "2"));
	rig_release(&g);
}

/* More changes than are remembered: all is loaded anew. */
Test(registry, one_that_slept_long_loads_all, .timeout = 120)
{
	struct registry_contact *c = calloc(2000, sizeof *c);
	struct rig g;

	rig_init(&g);
	GOOD(node_add(&g, "0"));
	refresh(&g, 1);
	GOOD(registry_node_remove(g.db, &me, "0", &g.err));
	for (int i = 0; i < 2000; i++)
		c[i] = (struct registry_contact){ .addr = i + 1 };
	for (int i = 1; i <= 3; i++) {
		char id[16];

		(void)snprintf(id, sizeof id, "%d", i);
		GOOD(node_add(&g, id));
		GOOD(registry_contact(g.db, &me, id, c, 2000, &g.err));
	}
	refresh(&g, 1);
	cr_assert_null(registry_node(g.reg, "0"));
	cr_assert_eq(registry_n_nodes(g.reg), 3);
	cr_assert_eq(registry_n_analyzers(g.reg), 6000);
	cr_assert_eq(registry_analyzer_by_row(g.reg, 6000)->addr, 2000);
	free(c);
	rig_release(&g);
}

struct worker {
	pthread_t thread;
	struct registry_db *db;
	unsigned number, failed;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct tesla_error err;

	for (int i = 0; i < 50; i++) {
		struct registry_contact c = { .addr = w->number * 1000 + i + 1 };

		w->failed += registry_contact(w->db, &me, "4", &c, 1, &err) != 0;
	}
	return NULL;
}

Test(registry, several_threads_change_it, .timeout = 120)
{
	struct worker workers[4];
	struct rig g;

	rig_init(&g);
	GOOD(node_add(&g, "4"));
	for (unsigned i = 0; i < 4; i++) {
		workers[i] = (struct worker){ .db = g.db, .number = i };
		cr_assert_eq(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < 200; i++)
		cr_assert(registry_refresh(g.reg, &g.err) >= 0, "%s", g.err.text);
	for (unsigned i = 0; i < 4; i++) {
		(void)pthread_join(workers[i].thread, NULL);
		cr_assert_eq(workers[i].failed, 0);
	}
	cr_assert(registry_refresh(g.reg, &g.err) >= 0);
	cr_assert_eq(registry_n_analyzers(g.reg), 200);
	for (uint32_t row = 1; row <= 200; row++)
		cr_assert_eq(registry_analyzer_by_row(g.reg, row)->row, row);
	rig_release(&g);
}

/* Killed at any instant while it changes: each change is whole, and the next one can go on. */
Test(registry, killed_while_it_changes, .timeout = 120)
{
	struct rig g;

	rig_init(&g);
	rig_close(&g); /* nobody has it open but those that are killed: their locks stay behind */
	for (int round = 0; round < 20; round++) {
		int pipes[2], status;
		char byte;
		pid_t pid;

		cr_assert_eq(pipe(pipes), 0);
		pid = fork();
		if (pid == 0) {
			struct rig child = { .dir = "" };
			char id[32];

			memcpy(child.dir, g.dir, sizeof child.dir);
			if (registry_db_open(child.dir, false, &child.db, &child.err) != 0)
				_exit(1);
			for (int i = 0;; i++) {
				(void)snprintf(id, sizeof id, "%d.%d", round, i);
				if (node_add(&child, id) != 0)
					_exit(1);
				if (write(pipes[1], "x", 1) != 1)
					_exit(1);
			}
		}
		(void)close(pipes[1]);
		for (int i = 0; i < 1 + round * 3; i++)
			cr_assert_eq(read(pipes[0], &byte, 1), 1);
		(void)kill(pid, SIGKILL);
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFSIGNALED(status));
		(void)close(pipes[0]);
	}
	rig_open(&g, false);
	cr_assert_eq(g.damaged, 0);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 1 + round * 3; i++) {
			char id[32];

			(void)snprintf(id, sizeof id, "%d.%d", round, i);
			cr_assert_not_null(registry_node(g.reg, id), "%s is lost", id);
		}
	}
	cr_assert_eq(entries(&g, REGISTRY_AUDIT), registry_n_nodes(g.reg));
	GOOD(node_add(&g, "last"));
	refresh(&g, 1);
	cr_assert_eq(registry_node(g.reg, "last")->row, registry_n_nodes(g.reg));
	rig_release(&g);
}

/* ---- damage ---- */

/* Turns a bit of the document of user `ana`, wherever it stands in the file. */
static void spoil(const struct rig *g, const char *what)
{
	char path[128];
	_cleanup_free_ uint8_t *all = malloc(1 << 20);
	uint8_t *at;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof path, "%s/registry/data.mdb", g->dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	n = read(fd, all, 1 << 20);
	cr_assert(fd >= 0 && n > 0);
	for (uint8_t *from = all;
	     (at = memmem(from, (size_t)(all + n - from), what, strlen(what))) != NULL;
	     from = at + 1) {
		*at ^= 1;
		cr_assert_eq(pwrite(fd, at, 1, at - all), 1);
	}
	(void)close(fd);
}

Test(registry, what_is_damaged_is_said_and_left_out)
{
	struct rig g;

	rig_init(&g);
	GOOD(user_add(&g, "root", "administrator", NULL));
	GOOD(registry_user_add(
		g.db, &me, "ana",
		&(struct registry_user_change){ .hash = HASH "anas", .role = "administrator" },
		&g.err));
	rig_close(&g);
	spoil(&g, "anas");
	rig_open(&g, false);
	cr_assert_eq(g.damaged, 1);
	cr_assert_eq(registry_damaged(g.reg), 1);
	cr_assert_null(registry_user(g.reg, "ana"));
	cr_assert_not_null(registry_user(g.reg, "root"));
	BAD(user_set(&g, "ana", (struct registry_user_change){ .role = "viewer" }), -EUCLEAN);
	BAD(registry_user_remove(g.db, &me, "root", &g.err), -EPERM);
	GOOD(registry_user_remove(g.db, &me, "ana", &g.err));
	GOOD(user_add(&g, "ana", "administrator", NULL));
	refresh(&g, 1);
	cr_assert_not_null(registry_user(g.reg, "ana"));
	rig_release(&g);
}

struct said {
	char text[4][200];
	size_t n;
};

static void keep_sentence(void *arg, const char *sentence)
{
	struct said *s = arg;

	cr_assert(s->n < N_ELEMENTS(s->text));
	(void)snprintf(s->text[s->n++], sizeof s->text[0], "%s", sentence);
}

static struct registry_verified verify(struct rig *g, struct said *said)
{
	const struct registry_damage damage = { keep_sentence, said };
	struct registry_verified found;

	*said = (struct said){ .n = 0 };
	cr_assert_eq(registry_verify(g->db, &damage, &found, &g->err), 0, "%s", g->err.text);
	return found;
}

static int lose_node(struct txn *t, void *arg, struct tesla_error *err)
{
	struct key key = key_text(arg);

	(void)err;
	cr_assert(reg_del(t, TABLE_NODES, val_of(&key)));
	return 0;
}

/* Whole: nothing is said.  A document that is damaged, and two whose node is lost. */
Test(registry, verify_names_what_is_damaged)
{
	const struct registry_token_new new = { .name = "his", .node = "4" };
	struct registry_contact contact = { .addr = 7 };
	char secret[REGISTRY_TOKEN_TEXT];
	struct registry_verified found;
	struct said said;
	struct rig g;

	rig_init(&g);
	GOOD(user_add(&g, "root", "administrator", NULL));
	GOOD(registry_user_add(
		g.db, &me, "ana",
		&(struct registry_user_change){ .hash = HASH "anas", .role = "administrator" },
		&g.err));
	GOOD(registry_node_add(g.db, &me, "4", &(struct registry_node_change){ 0 }, &g.err));
	GOOD(registry_contact(g.db, &me, "4", &contact, 1, &g.err));
	GOOD(registry_token_add(g.db, &me, &new, secret, &g.err));
	found = verify(&g, &said);
	cr_expect_eq(said.n, 0, "%s", said.text[0]);
	cr_expect_eq(found.damaged, 0);
	cr_expect_geq(found.documents, 5 + 4); /* and entries of the logs */
	rig_close(&g);
	spoil(&g, "anas");
	rig_open(&g, false);
	found = verify(&g, &said);
	cr_expect_eq(found.damaged, 1);
	cr_expect_str_eq(said.text[0], "registry: user ana: the checksum is wrong");
	GOOD(registry_change(g.db, &me, lose_node, (void *)(uintptr_t) "4", &g.err));
	found = verify(&g, &said);
	cr_expect_eq(found.damaged, 3);
	cr_expect_str_eq(said.text[0], "registry: analyzer 7 of node 4: there is no node 4");
	cr_expect(strncmp(said.text[2], "registry: token ", 16) == 0 &&
			  strstr(said.text[2], ": there is no node 4") != NULL,
		  "%s", said.text[2]);
	rig_release(&g);
}

/* ---- a disk that fails ---- */

/* How LMDB's calls go from now on: these stand before libc's. */
static enum fault { NONE, SYNC, META, PAGES, DELETE, MEMORY } fault;

int fdatasync(int fd)
{
	if (fault == SYNC) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* What says which commit is the last is shorter than a page, and is written by itself. */
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	if ((fault == META && len < 4096) || (fault == PAGES && len >= 4096)) {
		errno = fault == META ? EIO : ENOSPC;
		return -1;
	}
	return syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
	return pwrite(fd, bytes, len, at);
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	if (fault == PAGES) {
		errno = ENOSPC;
		return -1;
	}
	return syscall(SYS_pwritev, fd, v, n, at, 0);
}

int mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
	int (*real)(MDB_txn *, MDB_dbi, MDB_val *, MDB_val *);
	void *p = dlsym(RTLD_NEXT, "mdb_del");

	memcpy(&real, &p, sizeof p);
	return fault == DELETE ? EIO : real(txn, dbi, key, data);
}

/* By this the lists of documents grow. */
void *reallocarray(void *p, size_t n, size_t size)
{
	return fault == MEMORY ? NULL : realloc(p, n * size);
}

Test(registry, a_disk_that_fails_is_no_node_that_is_not_there)
{
	struct rig g;

	rig_init(&g);
	GOOD(node_add(&g, "4"));
	fault = DELETE;
	BAD(registry_node_remove(g.db, &me, "4", &g.err), -EIO);
	fault = NONE;
	BAD(registry_node_remove(g.db, &me, "5", &g.err), -ENOENT);
	GOOD(registry_node_remove(g.db, &me, "4", &g.err));
	rig_release(&g);
}

/* What was replaced is gone, and who pointed to it has to know. */
Test(registry, a_refresh_that_fails_half_way_says_what_changed)
{
	struct rig g;
	uint64_t changes;
	char id[16];

	rig_init(&g);
	for (int i = 0; i < 16; i++) { /* as many as the first list holds */
		(void)snprintf(id, sizeof id, "n%02d", i);
		GOOD(node_add(&g, id));
	}
	refresh(&g, 1);
	changes = registry_changes(g.reg);
	refresh(&g, 0);
	cr_assert_eq(registry_changes(g.reg), changes);
	GOOD(registry_node_remove(g.db, &me, "n00", &g.err));
	GOOD(node_add(&g, "n16"));
	GOOD(node_add(&g, "n17"));
	fault = MEMORY;
	BAD(registry_refresh(g.reg, &g.err), -ENOMEM);
	cr_assert_null(registry_node(g.reg, "n00"));
	cr_assert_neq(registry_changes(g.reg), changes);
	fault = NONE;
	changes = registry_changes(g.reg);
	refresh(&g, 1);
	cr_assert_neq(registry_changes(g.reg), changes);
	cr_assert_not_null(registry_node(g.reg, "n17"));
	rig_release(&g);
}

Test(registry, goes_on_after_a_disk_that_failed)
{
	static const struct {
		enum fault fault;
		int code;
	} cases[] = { { SYNC, -EIO }, { META, -EIO }, { PAGES, -ENOSPC } };
	struct rig g;

	rig_init(&g);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		char good[16], bad[16];

		(void)snprintf(good, sizeof good, "good%zu", i);
		(void)snprintf(bad, sizeof bad, "bad%zu", i);
		fault = cases[i].fault;
		BAD(node_add(&g, bad), cases[i].code);
		BAD(node_add(&g, bad), cases[i].code);
		cr_assert(registry_refresh(g.reg, &g.err) >= 0, "%s", g.err.text);
		fault = NONE;
		cr_assert(registry_refresh(g.reg, &g.err) >= 0, "%s", g.err.text);
		cr_assert_null(registry_node(g.reg, bad));
		GOOD(node_add(&g, good));
		cr_assert_eq(registry_refresh(g.reg, &g.err), 1, "%s", g.err.text);
		cr_assert_not_null(registry_node(g.reg, good));
		cr_assert_eq(registry_n_nodes(g.reg), i + 1);
	}
	cr_assert_eq(g.damaged, 0);
	rig_release(&g);
}

/* ---- opening ---- */

Test(registry, is_not_made_by_looking_for_it)
{
	struct registry_db *db;
	struct tesla_error err;
	char dir[] = "/tmp/tesla-registry-XXXXXX";

	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(registry_db_open(dir, false, &db, &err), -ENOENT);
	cr_assert_eq(rmdir(dir), 0, "something was made");
	cr_assert_eq(registry_db_open(dir, false, &db, &err), -ENOENT);
	cr_assert_eq(registry_db_open(dir, true, &db, &err), -ENOENT);
}

/* LMDB writes to the lock file through a map: with no block missing that cannot be a SIGBUS. */
Test(registry, the_lock_file_has_all_its_blocks)
{
	struct stat st;
	char path[128];
	struct rig g;

	rig_init(&g);
	(void)snprintf(path, sizeof path, "%s/registry/lock.mdb", g.dir);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(stat(path, &st), 0);
		cr_assert(st.st_size > 0 && st.st_blocks * 512 >= st.st_size, "%lld of %lld",
			  (long long)st.st_blocks * 512, (long long)st.st_size);
		cr_assert_eq(st.st_mode & 077, 0);
		rig_close(&g);
		cr_assert_eq(truncate(path, 0), 0);
		rig_open(&g, false);
	}
	rig_release(&g);
}

Test(registry, is_copied)
{
	char to[] = "/tmp/tesla-registry-XXXXXX", path[100];
	struct rig g, copy = { .dir = "" };

	rig_init(&g);
	GOOD(node_add(&g, "4"));
	cr_assert_not_null(mkdtemp(to));
	(void)snprintf(path, sizeof path, "%s/registry", to);
	cr_assert_eq(mkdir(path, 0700), 0);
	GOOD(registry_copy(g.db, path, &g.err));
	BAD(registry_copy(g.db, path, &g.err), -EEXIST);
	(void)snprintf(copy.dir, sizeof copy.dir, "%s", to);
	rig_open(&copy, false);
	cr_assert_not_null(registry_node(copy.reg, "4"));
	rig_release(&copy);
	rig_release(&g);
}
