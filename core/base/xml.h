/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XML files checked by table: which elements and attributes may stand where, and what they hold.
 * RelaxNG gives no column, often the wrong line and messages without the value; config.rng is for
 * editors, and a test holds both to the same verdict.
 */
#ifndef BASE_XML_H
#define BASE_XML_H

#include <libxml/tree.h>
#include <tesla/plugin.h>

#include "base/arena.h"

/* ---- what is wrong (or doubtful) with a file: all of it, in the order found ---- */
struct diag {
	char *file;
	int line, column;
	bool warning;
	char *text;
};
#define DIAGS_MAX 200 /* more are only counted */
struct diags {
	struct diag *list;
	size_t n, n_errors, n_dropped;
};
struct diag_place {
	const char *file;
	int line, column;
	bool warning;
};

/* line 0: the file as a whole.  Never fails: without memory the count still rises. */
__attribute__((format(printf, 5, 6))) void diags_error(struct diags *d, const char *file, int line,
						       int column, const char *fmt, ...);
__attribute__((format(printf, 5, 6))) void diags_warning(struct diags *d, const char *file,
							 int line, int column, const char *fmt,
							 ...);
__attribute__((format(printf, 3, 0))) void diags_vadd(struct diags *d, const struct diag_place *at,
						      const char *fmt, va_list ap);
void diags_release(struct diags *d);
/*
 * "config.xml:12:9: KIND..."; kind is "warning: " or, where that is clear, "".  For free(); NULL:
 * no memory.
 */
char *diag_format(const struct diag *g, const char *kind);
/* "config.xml:12:9: error: ..." a line each. */
void diags_print(const struct diags *d, FILE *out);

/* ---- a document with line and column of every element ---- */
struct xml;
/* No network, no entities, at most 4 MiB and 64 levels.  NULL: *diags says why. */
struct xml *xml_parse(const char *file, const char *text, size_t len, struct diags *diags);
void xml_free(struct xml *x);
const char *xml_file(const struct xml *x);
xmlNode *xml_root(const struct xml *x);
/* Of the '<' that opens it; counted from 1, in characters. */
void xml_where(const struct xml *x, const xmlNode *node, int *line, int *column);
/* A message at the place of `node`. */
__attribute__((format(printf, 4, 5))) void xml_error(const struct xml *x, struct diags *d,
						     const xmlNode *node, const char *fmt, ...);
__attribute__((format(printf, 4, 5))) void xml_warning(const struct xml *x, struct diags *d,
						       const xmlNode *node, const char *fmt, ...);

/* ---- the table: one row per element kind ---- */
struct xml_attr {
	const char *name, *alias; /* English and (or NULL) the predecessor's spelling */
	bool required;
	/* The check of a value: type, bounds, choices.  NULL: any text. */
	const struct tesla_param *value;
};
struct xml_element {
	const char *name, *alias;
	const struct xml_attr *attrs;		   /* ended by a row without name */
	const struct xml_element *const *children; /* NULL-terminated; NULL: none */
	const struct tesla_param *value;	   /* of its text; NULL: none, or any if `text` */
	bool text;
	bool open;	   /* others are let through, to be checked later */
	unsigned min, max; /* how often in its parent; max 0: any number */
};
/* Walks the tree; every deviation is a diag that names what came and what was expected. */
void xml_check(struct xml *x, const struct xml_element *root, struct diags *diags);
/* For messages, after xml_check: the alias where the file's root is written with its alias. */
const char *xml_spelling(const struct xml *x, const char *name, const char *alias);

/* ---- reading a checked tree, in either spelling ---- */
bool xml_named(const xmlNode *node, const struct xml_element *e);
xmlNode *xml_child(const xmlNode *parent, const struct xml_element *e); /* first, or NULL */
xmlNode *xml_next(const xmlNode *node, const struct xml_element *e);	/* its next sibling */
size_t xml_count(const xmlNode *parent, const struct xml_element *e);
/* The first child (or next sibling) that is an element, of whatever name; NULL. */
xmlNode *xml_child_any(const xmlNode *parent);
xmlNode *xml_next_any(const xmlNode *node);
size_t xml_count_any(const xmlNode *parent);
/* Copies in `a`, white space trimmed; NULL when absent (or without memory: a->failed). */
char *xml_attr(const xmlNode *node, const struct xml_attr *attr, struct arena *a);
char *xml_text(const xmlNode *node, struct arena *a);
/* Stores every attribute that is there and good by its row in *conf; strings are copies in `a`. */
void xml_read(const xmlNode *node, const struct xml_attr *attrs, void *conf, struct arena *a);

#endif
