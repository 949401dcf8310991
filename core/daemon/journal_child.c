/* SPDX-License-Identifier: Apache-2.0 */
/* The children of journal_prepare: what they find is a line on standard output and an exit code. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/param.h"
#include "daemon/journal_check.h"
#include "daemon/journal_scan.h"

static int said(long long number, const char *sentence, enum scan_exit code)
{
	(void)printf("%lld %s\n", number, sentence);
	return fflush(stdout) == 0 ? (int)code : (int)SCAN_FAILED;
}

static int answer(int r, const struct tesla_error *err, uint64_t records)
{
	if (r == 0)
		return said((long long)records, "", SCAN_GOOD);
	if (r == -EUCLEAN)
		return said((long long)records, err->text, SCAN_DAMAGED);
	return r == -ENOMEM ? (int)SCAN_NO_MEMORY : said(-r, err->text, SCAN_FAILED);
}

/* A crash is an answer: it is neither caught nor kept. */
static void plain_crashes(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

	for (size_t i = 0; i < N_ELEMENTS(signals); i++)
		(void)signal(signals[i], SIG_DFL);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
}

int journal_child(int argc, char **argv)
{
	struct tesla_error err = { 0 };
	uint64_t records = 0;
	int r;
	bool trees = argc == 6 && strcmp(argv[2], "salvage-trees") == 0;
	bool salvage = trees || (argc == 6 && strcmp(argv[2], "salvage") == 0);

	if (!salvage && !(argc == 5 && strcmp(argv[2], "check") == 0))
		return said(EINVAL, "usage: --journal check PARENT DIR | salvage PARENT DIR NEW",
			    SCAN_FAILED);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != (pid_t)strtol(argv[3], NULL, 10))
		return said(ECHILD, "its parent is gone", SCAN_FAILED);
	plain_crashes();
	r = salvage ? journal_salvage(argv[4], argv[5], trees, &records, &err)
		    : journal_scan(argv[4], &records, &err);
	return answer(r, &err, records);
}
