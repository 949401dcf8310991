/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions with bounds. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "central/prom_expression.h"

#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* One of 8 KiB can become 64 KiB of code. */
#define MEMORY_MAX (2u << 20)
/* PCRE2's; a sensible expression takes some hundred for a label. */
#define STEPS_MAX 20000u
#define HEAP_MAX_KIB 256u
#define NESTED_MAX 50

struct expressions {
	struct purse purse;
	pcre2_general_context *general;
	pcre2_compile_context *compiling;
	pcre2_match_context *matching;
	pcre2_match_data *match;
};

struct expression {
	pcre2_code *code;
	char last[64]; /* its last verdict, as neighbours have the same node, and so on */
	bool has_last, verdict;
};

void *purse_take(struct purse *p, size_t size)
{
	if (size > p->left) {
		p->refused = true;
		return NULL;
	}
	p->left -= size;
	return malloc(size > 0 ? size : 1);
}

static void *take(PCRE2_SIZE size, void *purse)
{
	return purse_take(purse, size);
}

static void give_back(void *bytes, void *purse)
{
	(void)purse;
	free(bytes);
}

static bool prepare(struct expressions *all)
{
	all->purse.left = MEMORY_MAX;
	all->general = pcre2_general_context_create(take, give_back, &all->purse);
	if (all->general == NULL)
		return false;
	all->compiling = pcre2_compile_context_create(all->general);
	all->matching = pcre2_match_context_create(all->general);
	all->match = pcre2_match_data_create(1, all->general);
	if (all->compiling == NULL || all->matching == NULL || all->match == NULL)
		return false;
	(void)pcre2_set_parens_nest_limit(all->compiling, NESTED_MAX);
	(void)pcre2_set_match_limit(all->matching, STEPS_MAX);
	(void)pcre2_set_depth_limit(all->matching, STEPS_MAX);
	(void)pcre2_set_heap_limit(all->matching, HEAP_MAX_KIB);
	return true;
}

int expressions_new(struct expressions **ret, struct tesla_error *err)
{
	struct expressions *all = calloc(1, sizeof *all);

	if (all == NULL || !prepare(all)) {
		expressions_free(all);
		return tesla_fail(err, -ENOMEM, "remote read: no memory");
	}
	*ret = all;
	return 0;
}

void expressions_free(struct expressions *all)
{
	if (all == NULL)
		return;
	pcre2_match_data_free(all->match);
	pcre2_match_context_free(all->matching);
	pcre2_compile_context_free(all->compiling);
	pcre2_general_context_free(all->general);
	free(all);
}

/* RE2 matches the whole value, has no back references, and takes `$` for the very end. */
static pcre2_code *compile(struct expressions *all, const char *text, struct tesla_error *err)
{
	const uint32_t options = PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
				 PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C |
				 PCRE2_NO_AUTO_CAPTURE;
	PCRE2_UCHAR said[128];
	PCRE2_SIZE at;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &error,
					 &at, all->compiling);

	if (code != NULL)
		return code;
	(void)pcre2_get_error_message(error, said, sizeof said);
	(void)tesla_fail(err, error == PCRE2_ERROR_HEAP_FAILED ? -E2BIG : -EINVAL,
			 "remote read: the regular expression \"%.100s\": %s, at %zu", text,
			 (const char *)said, (size_t)at);
	return NULL;
}

int expression_new(struct expressions *all, const char *text, struct expression **ret,
		   struct tesla_error *err)
{
	struct expression *x = calloc(1, sizeof *x);

	if (x == NULL)
		return tesla_fail(err, -ENOMEM, "remote read: no memory");
	x->code = compile(all, text, err);
	if (x->code == NULL) {
		free(x);
		return err->code;
	}
	*ret = x;
	return 0;
}

void expression_free(struct expression *x)
{
	if (x == NULL)
		return;
	pcre2_code_free(x->code);
	free(x);
}

int expression_matches(struct expressions *all, struct expression *x, const char *value,
		       struct tesla_error *err)
{
	size_t len = strlen(value);
	int n;

	if (x->has_last && strcmp(x->last, value) == 0)
		return x->verdict;
	n = pcre2_match(x->code, (PCRE2_SPTR)value, len, 0, 0, all->match, all->matching);
	if (n < 0 && n != PCRE2_ERROR_NOMATCH)
		return tesla_fail(err, -ETIME,
				  "remote read: a regular expression takes too long to match "
				  "\"%.100s\": make it simpler",
				  value);
	x->verdict = n >= 0;
	x->has_last = len < sizeof x->last;
	if (x->has_last)
		memcpy(x->last, value, len + 1);
	return x->verdict;
}
