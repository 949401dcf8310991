/* SPDX-License-Identifier: Apache-2.0 */
/* teslactl: talks to teslad.  A client of libtesla and nothing else. */
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/stdio_fill.h"
#include "teslactl/args.h"
#include "teslactl/complete.h"

/* A script must not take half an answer for a whole one. */
static int output_finish(int code)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	(void)fprintf(stderr, "teslactl: standard output cannot be written%s%s\n",
		      errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
	return code == CTL_GOOD ? CTL_NO : code;
}

int main(int argc, char **argv)
{
	_cleanup_free_ char **words = calloc((size_t)argc + 1, sizeof *words);
	struct args args = { .ctl = { .words = words } };
	int code;

	stdio_fill();
	if (words == NULL)
		return CTL_NO;
	/* Only characters: a decimal comma would spoil numbers. */
	(void)setlocale(LC_CTYPE, "");
	code = args_parse(&args, argc, argv);
	if (code == CTL_GOOD && args.complete != NULL)
		code = complete_print(&args.ctl, args.complete);
	else if (code == CTL_GOOD && !args.done)
		code = command_run(&args.ctl);
	return output_finish(code);
}
