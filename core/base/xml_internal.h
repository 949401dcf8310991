/* SPDX-License-Identifier: Apache-2.0 */
/* What xml.c and xml_check.c share, and nobody else. */
#ifndef BASE_XML_INTERNAL_H
#define BASE_XML_INTERNAL_H

#include "base/xml.h"

struct xml_pos {
	int line, column;
};

struct xml {
	char *file;
	xmlDoc *doc;
	struct xml_pos *pos; /* a node's _private is its number here, from 1 */
	size_t n_pos, cap_pos;
	bool broken;	     /* the reason was told */
	bool aliased;	     /* the root is written with its alias: so are messages */
	struct diags *diags; /* while parsing */
};

#endif
