/* SPDX-License-Identifier: Apache-2.0 */
/* The XML reader: places of elements, limits, reading by table; diags and nearest names. */
#include "base/xml.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/cleanup.h"
#include "base/nearest.h"

static const struct xml_attr attrs[] = { { .name = "size", .alias = "mida" }, { .name = NULL } };
static const struct xml_element leaf = {
	.name = "leaf", .alias = "fulla", .attrs = attrs, .text = true
};
static const struct xml_element tree = { .name = "tree",
					 .alias = "arbre",
					 .children = (const struct xml_element *const[]){ &leaf,
											  NULL } };

static const struct {
	const char *text;
	int line, column;
} places[] = {
	/* of the first leaf */
	{ "<tree><leaf/></tree>", 1, 7 },
	{ "<tree>\n\n\t<leaf/></tree>", 3, 2 },
	{ "<tree>\n  <leaf\n    size='1'\n    /></tree>", 2, 3 },
	{ "<tree>\n<!-- <leaf/> --><leaf size='a>b'/></tree>", 2, 17 },
	{ "<tree>\r\n <leaf/></tree>", 2, 2 },
	{ "<arbre>\n<!-- \xc3\xa0\xc3\xa8 --><fulla/></arbre>", 2, 12 },
	{ "<arbre><!-- \xc3\xa0\xc3\xa8 --><fulla/></arbre>", 1, 19 },
	{ "<?xml version='1.0' encoding='ISO-8859-1'?><tree><!-- \xe0\xe8 --><leaf/></tree>", 1,
	  61 },
};

Test(xml, elements_have_line_and_column)
{
	for (size_t i = 0; i < N_ELEMENTS(places); i++) {
		struct diags d = { 0 };
		struct xml *x = xml_parse("t", places[i].text, strlen(places[i].text), &d);
		int line = 0, column = 0;

		cr_assert_not_null(x, "%s: %s", places[i].text, d.n ? d.list[0].text : "");
		xml_where(x, xml_child(xml_root(x), &leaf), &line, &column);
		cr_expect(line == places[i].line && column == places[i].column, "%s: %d:%d",
			  places[i].text, line, column);
		xml_free(x);
	}
}

/* Far down in a long file libxml2 counts lines in 16 bits and drops what it has read. */
Test(xml, line_beyond_65535)
{
	size_t n = 70000;
	char *text = malloc(n + 40);
	struct diags d = { 0 };
	struct xml *x;
	int line, column;

	memset(text, '\n', n);
	memcpy(text, "<tree>", 6);
	memcpy(text + n, "  <leaf\nsize=''/></tree>", 25);
	x = xml_parse("t", text, strlen(text), &d);
	cr_assert_not_null(x);
	xml_where(x, xml_child(xml_root(x), &leaf), &line, &column);
	cr_expect(line == 69995 && column == 3, "%d:%d", line, column);
	xml_free(x);
	free(text);
}

static char *nested(size_t depth)
{
	char *text = calloc(depth * 7 + 1, 1);

	for (size_t i = 0; i < depth; i++) {
		memcpy(text + 3 * i, "<a>", 3);
		memcpy(text + 3 * depth + 4 * i, "</a>", 4);
	}
	return text;
}

Test(xml, depth_is_bounded)
{
	_cleanup_free_ char *deep = nested(65), *fine = nested(64);
	struct diags d = { 0 };
	struct xml *x = xml_parse("t", fine, strlen(fine), &d);

	cr_expect_not_null(x);
	xml_free(x);
	cr_expect_null(xml_parse("t", deep, strlen(deep), &d));
	cr_assert_eq(d.n, 1);
	cr_expect_str_eq(d.list[0].text, "<a> is nested deeper than 64 elements");
	cr_expect(d.list[0].line == 1 && d.list[0].column == 193);
	diags_release(&d);
}

Test(xml, size_is_bounded)
{
	size_t size = (4u << 20) + 1;
	_cleanup_free_ char *text = malloc(size);
	struct diags d = { 0 };

	memset(text, ' ', size);
	memcpy(text, "<a/>", 4);
	cr_expect_null(xml_parse("t", text, size, &d));
	cr_expect_str_eq(d.list[0].text, "has 4194305 bytes: expected at most 4194304");
	diags_release(&d);
}

Test(xml, spelling_follows_the_root)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "<tree><bud/></tree>", "<bud> is not known in <tree>: expected <leaf>" },
		{ "<arbre><bud/></arbre>", "<bud> is not known in <arbre>: expected <fulla>" },
		{ "<arbre><leaf x=''/></arbre>",
		  "<leaf>: the attribute x is not known: expected mida" },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct diags d = { 0 };
		struct xml *x = xml_parse("t", rows[i].text, strlen(rows[i].text), &d);

		xml_check(x, &tree, &d);
		cr_assert_eq(d.n, 1);
		cr_expect_str_eq(d.list[0].text, rows[i].expected);
		xml_free(x);
		diags_release(&d);
	}
}

Test(xml, values_are_trimmed)
{
	static const char text[] =
		"<tree><fulla mida=' 1 2 '>\n a &lt; <!-- no -->b\t</fulla></tree>";
	struct diags d = { 0 };
	struct arena a = { 0 };
	struct xml *x = xml_parse("t", text, strlen(text), &d);
	const xmlNode *node = xml_child(xml_root(x), &leaf);

	cr_expect_str_eq(xml_attr(node, attrs, &a), "1 2");
	cr_expect_str_eq(xml_text(node, &a), "a < b");
	cr_expect_null(xml_text(NULL, &a));
	cr_expect_eq(xml_count(xml_root(x), &leaf), 1);
	arena_release(&a);
	xml_free(x);
}

Test(diags, are_bounded_and_clean)
{
	struct diags d = { 0 };
	char text[200] = "";
	FILE *f;

	diags_warning(&d, "f", 0, 0, "bell \a and\x1b[31m red ");
	for (int i = 1; i < DIAGS_MAX + 5; i++)
		diags_error(&d, "f", i, 0, "x");
	cr_expect(d.n == DIAGS_MAX && d.n_dropped == 5 && d.n_errors == DIAGS_MAX + 4);
	cr_expect_str_eq(d.list[0].text, "bell ? and?[31m red");
	d.list[1].column = 7;
	f = fmemopen(text, sizeof text, "w");
	diags_print(&d, f);
	(void)fclose(f);
	cr_expect_eq(strncmp(text,
			     "f: warning: bell ? and?[31m red\nf:1:7: error: x\nf:2: error: x\n",
			     62),
		     0, "%s", text);
	diags_release(&d);
}

Test(diags, a_place_is_told_as_far_as_it_is_known)
{
	static const struct {
		int line, column;
		const char *kind, *text;
	} rows[] = {
		{ 0, 0, "", "f: t" },
		{ 3, 0, "", "f:3: t" },
		{ 3, 4, "", "f:3:4: t" },
		{ 0, 4, "error: ", "f: error: t" },
		{ 3, 4, "warning: ", "f:3:4: warning: t" },
	};

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		struct diags d = { 0 };
		_cleanup_free_ char *text = NULL;

		diags_error(&d, "f", rows[i].line, rows[i].column, "t");
		text = diag_format(&d.list[0], rows[i].kind);
		cr_expect_str_eq(text, rows[i].text);
		diags_release(&d);
	}
}

Test(nearest, orders_by_distance)
{
	static const char *const known[] = { "THDV", "PRT", "CEA", "PAF", "pat", "PAT1", "PAT" };
	struct nearest near;
	char text[64];

	nearest_init(&near, "PAT");
	nearest_text(&near, text, sizeof text);
	cr_expect_str_eq(text, "none");
	for (size_t i = 0; i < N_ELEMENTS(known); i++)
		nearest_add(&near, known[i]);
	nearest_text(&near, text, sizeof text);
	cr_expect_str_eq(text, "PAT, PRT, PAF, PAT1, pat");
}
