/* SPDX-License-Identifier: Apache-2.0 */
/* `tesla-central export`, `verify` and `info`. */
#include "central/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
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

int export_run(const struct command_options *o, struct store *store, struct tesla_error *err)
{
	bool left_out = false;
	int r = store_walk(store, export_one, &left_out, err);

	(void)o;
	if (r == 0 && fflush(stdout) != 0)
		r = tesla_fail(err, -EIO, "standard output: %s", strerror(errno));
	return r != 0 ? r : left_out ? COMMAND_PARTLY : 0;
}

int verify_run(const struct command_options *o, struct store *store, struct tesla_error *err)
{
	struct store_info i;
	uint64_t n;
	int r = store_verify(store, &n, err);

	(void)o;
	if (r == 0)
		r = store_info(store, &i, err);
	if (r != 0)
		return r;
	(void)printf("%" PRIu64 " blocks, %" PRIu64 " recent rows, %" PRIu64 " damaged\n",
		     i.n_blocks, i.recent_rows, n);
	return n != 0 ? COMMAND_PARTLY : 0;
}

int info_run(const struct command_options *o, struct store *store, struct tesla_error *err)
{
	struct store_info i;
	int r = store_info(store, &i, err);

	(void)o;
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
