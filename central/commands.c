/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central export`, `verify` and `info`, which take no more than the store. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "central/command.h"
#include "central/jsonl.h"

static int export_one(void *arg, const struct store_record *r, struct tesla_error *err)
{
	int rc = jsonl_write(stdout, r->node, r->record, err);

	if (rc != -EINVAL)
		return rc;
	(void)fprintf(stderr, "%s\n", err->text);
	*(bool *)arg = true;
	return 0;
}

static int use_export(struct store *store, void *arg, struct tesla_error *err)
{
	bool left_out = false;
	int r = store_walk(store, export_one, &left_out, err);

	(void)arg;
	if (r == 0 && fflush(stdout) != 0)
		r = tesla_fail(err, -EIO, "standard output: %s", strerror(errno));
	return r != 0 ? r : left_out ? COMMAND_PARTLY : 0;
}

static int use_verify(struct store *store, void *arg, struct tesla_error *err)
{
	const struct command_conf *conf = arg;
	struct command_checked found;
	struct store_info i;
	int r = command_check(store, conf->dir, &found, err);

	if (r == 0)
		r = store_info(store, &i, err);
	if (r != 0)
		return r;
	if (!found.has_registry)
		(void)printf("registry: there is none\n");
	else
		(void)printf("registry: %" PRIu64 " documents, %" PRIu64 " damaged\n",
			     found.documents, found.documents_damaged);
	(void)printf("%" PRIu64 " blocks, %" PRIu64 " recent rows, %" PRIu64 " damaged\n",
		     i.n_blocks, i.recent_rows, found.damaged);
	return found.damaged + found.documents_damaged != 0 ? COMMAND_PARTLY : 0;
}

static int use_info(struct store *store, void *arg, struct tesla_error *err)
{
	struct store_info i;
	int r = store_info(store, &i, err);

	(void)arg;
	if (r != 0)
		return r;
	const struct line {
		const char *name;
		uint64_t v;
	} lines[] = {
		{ "sets", i.n_sets },
		{ "blocks", i.n_blocks },
		{ "rows in blocks", i.block_rows },
		{ "bytes of blocks", i.block_bytes },
		{ "values in blocks", i.samples },
		{ "blocks of roll-ups", i.roll_blocks },
		{ "buckets in them", i.roll_rows },
		{ "bytes of them", i.roll_bytes },
		{ "recent rows", i.recent_rows },
		{ "bytes of data.mdb", i.file_bytes },
		{ "of which used", i.used_bytes },
		{ "bytes of its map", i.map_bytes },
		{ "transactions", i.transactions },
		{ "of more than 20 ms", i.slow_transactions },
		{ "longest, us", i.longest_us },
	};

	for (size_t k = 0; k < N_ELEMENTS(lines); k++)
		(void)printf("%-20s %" PRIu64 "\n", lines[k].name, lines[k].v);
	return 0;
}

/* ---- the command line ---- */

static int run(const char *doc, command_use *use, const struct command_conf *given, int argc,
	       char **argv)
{
	const struct argp_child children[] = { { &command_argp, 0, NULL, 0 }, { 0 } };
	const struct argp argp = { .doc = doc, .children = children };
	struct command_conf conf = *given;

	if (argp_parse(&argp, argc, argv, 0, NULL, &conf) != 0)
		return 1;
	return command_read_store(conf.dir, use, &conf);
}

int command_export(const struct command_conf *conf, int argc, char **argv)
{
	return run("Prints all records as JSON, one a line.", use_export, conf, argc, argv);
}

int command_info(const struct command_conf *conf, int argc, char **argv)
{
	return run("Prints how much there is, and how long transactions took.", use_info, conf,
		   argc, argv);
}

/* LMDB trusts its pages: one that is damaged may end whoever reads it. */
int command_verify(const struct command_conf *conf, int argc, char **argv)
{
	int status;
	pid_t pid = fork();

	if (pid < 0) {
		(void)fprintf(stderr, "tesla-central: fork: %s\n", strerror(errno));
		return 1;
	}
	if (pid == 0)
		exit(run("Reads everything, and names what is damaged.", use_verify, conf, argc,
			 argv));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	(void)fprintf(stderr,
		      "tesla-central: verify: reading it ended with signal %d (%s): data.mdb is "
		      "damaged\n",
		      WTERMSIG(status), strsignal(WTERMSIG(status)));
	return 1;
}
