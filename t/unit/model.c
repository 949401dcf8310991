/* SPDX-License-Identifier: Apache-2.0 */
/* Model files: those that are delivered, a table of bad ones, and that the schema agrees. */
#include "base/model.h"

#include <dirent.h>

#include "bad.h"
#include "base/file.h"

static const char good[] =
	"<model name=\"M1\" manufacturer=\"Maker\" max-registers=\"60\">\n" /* 1 */
	"  <description>A meter</description>\n"			    /* 2 */
	"  <recognise identity=\"M(1|2)\"/>\n"				    /* 3 */
	"  <forbidden first=\"100\" last=\"110\"/>\n"			    /* 4 */
	"  <scale name=\"SV\" address=\"50\" min=\"-4\" max=\"4\"/>\n"	    /* 5 */
	"  <variable name=\"U\" unit=\"V\" type=\"uint16\" scale=\"0.1\""
	" scale-register=\"SV\" sentinel=\"0x8000\">\n"
	"    <element label=\"L1\" address=\"10\"/>\n" /* 7 */
	"    <element label=\"L2\" address=\"11\" scale=\"2\""
	" type=\"int32\" order=\"little\" max=\"9\"/>\n"
	"  </variable>\n" /* 9 */
	"  <variable name=\"E\" unit=\"Wh\" kind=\"counter\" type=\"float64\""
	" factor=\"0.001\" function=\"4\" rating=\"4e6\" rating-register=\"SV\">\n"
	"    <element address=\"105\"/>\n" /* 11 */
	"  </variable>\n"		   /* 12 */
	"</model>\n";			   /* 13 */

static const char fields[] =
	"<model name=\"C1\" manufacturer=\"Maker\" sunspec=\"203\" function=\"4\">\n"	    /* 1 */
	"  <recognise identity=\"C1\" address=\"7\" count=\"4\"/>\n"			    /* 2 */
	"  <identity label=\"serial\" address=\"20\" type=\"uint32\"/>\n"		    /* 3 */
	"  <variable name=\"U\" command=\"RVI\" digits=\"9\" scale=\"0.1\" max=\"9999\">\n" /* 4 */
	"    <element label=\"L1\"/>\n"							    /* 5 */
	"    <element label=\"L2\" scale=\"2\"/>\n"					    /* 6 */
	"  </variable>\n"								    /* 7 */
	"  <variable name=\"S\" kind=\"status\" type=\"uint16\" bits=\"4-7\">\n"	    /* 8 */
	"    <value number=\"0\" text=\"open\"/>\n"					    /* 9 */
	"    <value number=\"1\" text=\"closed\"/>\n"					    /* 10 */
	"    <element address=\"3\" bytes=\"little\"/>\n"				    /* 11 */
	"  </variable>\n"								    /* 12 */
	"  <variable name=\"E\" kind=\"counter\" type=\"bcd32\">\n"			    /* 13 */
	"    <element address=\"5\"/>\n"						    /* 14 */
	"  </variable>\n"								    /* 15 */
	"</model>\n";									    /* 16 */

static struct model *parse_good(const char *text)
{
	struct diags d = { 0 };
	struct model *m = model_parse(BAD_FILE, text, strlen(text), &d);
	char all[4096] = "";

	bad_dump(&d, all, sizeof all);
	cr_assert_not_null(m, "%s", all);
	diags_release(&d);
	return m;
}

Test(model, elements_inherit)
{
	struct model *m = parse_good(good);
	const struct tesla_variable *u = model_variable(m, "U"), *e = model_variable(m, "E");

	cr_expect(m->pub.max_registers == 60 && m->proven && m->turnaround_us == -1 &&
		  m->late_max_ms == -1);
	cr_expect_str_eq(m->description, "A meter");
	cr_assert(m->n_forbidden == 1 && m->pub.n_scales == 1 && m->pub.n_variables == 2);
	cr_expect(m->forbidden[0].function == 3 && m->forbidden[0].last == 110);
	cr_assert(u != NULL && u->n_elements == 2 && e != NULL && e->n_elements == 1);
	const struct tesla_register *l1 = u->elements[0], *l2 = u->elements[1],
				    *wh = e->elements[0];

	cr_expect(l1->function == 3 && l1->address == 10 && l1->count == 1 &&
		  l1->type == TESLA_UINT16);
	cr_expect(l1->scale == 0.1 && l1->scale_register == m->pub.scales[0] && !l1->has_max);
	cr_expect(l1->has_sentinel && l1->sentinel == 0x8000);
	cr_expect(l2->count == 2 && l2->type == TESLA_INT32 && l2->order == TESLA_LITTLE &&
		  l2->scale == 2);
	cr_expect(l2->has_max && l2->max == 9);
	cr_expect(wh->function == 4 && wh->count == 4 && !wh->has_sentinel &&
		  wh->scale_register == NULL);
	cr_expect(e->kind == TESLA_COUNTER && e->predecessor_factor == 0.001 &&
		  u->predecessor_factor == 1);
	cr_expect(e->rating == 4e6 && u->rating == 0 && !wh->has_modulus);
	cr_expect(e->rating_scale == m->pub.scales[0] && u->rating_scale == NULL);
	cr_expect_str_eq(wh->label, "");
	cr_expect_null(model_variable(m, "u"));
	model_free(m);
}

Test(model, commands_bits_texts)
{
	struct model *m = parse_good(fields);
	const struct tesla_register *l2 = model_variable(m, "U")->elements[1],
				    *e = model_variable(m, "E")->elements[0];
	const struct tesla_variable *s = model_variable(m, "S");

	cr_expect_eq(m->sunspec, 203);
	cr_expect(m->identity.address == 7 && m->identity.count == 4 && m->identity.function == 4 &&
		  m->identity.type == 0);
	cr_assert_eq(m->n_texts, 1);
	cr_expect_str_eq(m->texts[0].label, "serial");
	cr_expect(m->texts[0].type == TESLA_UINT32 && m->texts[0].count == 2);
	cr_expect_str_eq(l2->command, "RVI");
	cr_expect(l2->field == 1 && l2->digits == 9 && l2->type == TESLA_DECIMAL &&
		  l2->count == 0 && l2->scale == 2 && l2->max == 9999);
	cr_expect(s->elements[0]->mask == 0xf0 && s->elements[0]->bytes_swapped);
	cr_assert_eq(s->n_values, 2);
	cr_expect_str_eq(s->values[1]->text, "closed");
	cr_expect(e->type == TESLA_BCD32 && e->count == 2 && e->has_modulus && e->modulus == 1e8);
	model_free(m);
}

static const struct bad fields_table[] = {
	{ "sunspec=\"203\"", "sunspec=\"0\"", 1, 1, "sunspec is \"0\": expected 1 to 65534",
	  SCHEMA_SAME },
	{ "count=\"4\"", "", 2, 3, "<recognise>: count is 0: expected 1 to 60 registers",
	  SCHEMA_CANNOT },
	{ "count=\"4\"", "count=\"61\"", 2, 3, "count is \"61\": expected 1 to 60", SCHEMA_SAME },
	{ "address=\"7\"", "", 2, 3, "count, type or label is given, but no address",
	  SCHEMA_CANNOT },
	{ "address=\"20\"", "address=\"65535\"", 3, 3,
	  "<identity>: 2 registers from address 65535 go beyond 65535", SCHEMA_CANNOT },
	{ "address=\"20\"", "address=\"20\" count=\"3\"", 3, 3,
	  "<identity>: count is 3: expected none, as the type says it", SCHEMA_CANNOT },
	{ "label=\"serial\"", "", 3, 3, "<identity> has no attribute label", SCHEMA_SAME },
	{ " digits=\"9\"", "", 4, 3, "expected command and digits, or neither", SCHEMA_SAME },
	{ "digits=\"9\"", "digits=\"16\"", 4, 3, "digits is \"16\": expected 1 to 15",
	  SCHEMA_SAME },
	{ "label=\"L1\"", "label=\"L1\" address=\"1\"", 5, 5,
	  "its variable is read by a command: expected neither address,", SCHEMA_SAME },
	{ "digits=\"9\"", "digits=\"9\" type=\"uint16\"", 5, 5,
	  "its variable is read by a command: expected neither", SCHEMA_CANNOT },
	{ "4-7", "7-4", 11, 5, "bits is \"7-4\": expected such as 3 or 0-7, within 16 bits",
	  SCHEMA_CANNOT },
	{ "4-7", "4-16", 11, 5, "bits is \"4-16\": expected", SCHEMA_CANNOT },
	{ "4-7", "all", 11, 5, "bits is \"all\": expected", SCHEMA_SAME },
	{ "\"uint16\"", "\"int16\"", 11, 5, "bits are given: expected type uint16", SCHEMA_CANNOT },
	{ "\"status\"", "\"gauge\"", 8, 3, "it has <value>, but is no status", SCHEMA_CANNOT },
	{ "number=\"1\"", "number=\"0\"", 10, 5, "number is 0, which has a text already",
	  SCHEMA_CANNOT },
	{ "text=\"open\"", "text=\"\"", 9, 5, "text is empty", SCHEMA_SAME },
	{ "bytes=\"little\"", "bytes=\"odd\"", 11, 5,
	  "bytes is \"odd\": expected one of big, little", SCHEMA_SAME },
	{ "\"bcd32\"", "\"bcd32\" modulus=\"100000001\"", 14, 5,
	  "modulus is 100000001: expected at most 100000000", SCHEMA_CANNOT },
};

static const struct bad table[] = {
	{ NULL, "<meter/>", 1, 1, "the root is <meter>: expected <model>", SCHEMA_SAME },
	{ "</variable>", "", 13, 9, "</model> stands where </variable> is expected", SCHEMA_SAME },
	{ "manufacturer=\"Maker\"", "", 1, 1, "<model> has no attribute manufacturer",
	  SCHEMA_SAME },
	{ "\"60\"", "\"126\"", 1, 1, "max-registers is \"126\": expected 1 to 125", SCHEMA_SAME },
	{ "\"60\"", "\"60\" scale-read=\"never\"", 1, 1,
	  "scale-read is \"never\": expected one of connect, sweep", SCHEMA_SAME },
	{ "\"60\"", "\"60\" turnaround=\"fast\"", 1, 1, "turnaround is \"fast\": expected seconds",
	  SCHEMA_SAME },
	{ "\"60\"", "\"60\" proven=\"perhaps\"", 1, 1,
	  "proven is \"perhaps\": expected true or false", SCHEMA_SAME },
	{ "<description>", "<description/>\n<description>", 3, 1,
	  "<description> number 2 in <model>", SCHEMA_SAME },
	{ "M(1|2)", "M(1|2", 3, 3, "expected an extended regular expression: Unmatched",
	  SCHEMA_CANNOT },
	{ "M(1|2)", "(a{99}){99}", 3, 3, "has a count in braces", SCHEMA_CANNOT },
	{ "M(1|2)", "a++++++++++++++++++++++++++++", 3, 3, "has more than 8 times +",
	  SCHEMA_CANNOT },
	{ "M(1|2)", "(a)\\1", 3, 3, "has a back-reference", SCHEMA_CANNOT },
	{ "first=\"100\"", "first=\"200\"", 4, 3,
	  "first is 200, last is 110: expected first not beyond last", SCHEMA_CANNOT },
	{ "last=\"110\"", "last=\"70000\"", 4, 3, "last is \"70000\": expected 0 to 65535",
	  SCHEMA_SAME },
	{ "<scale name", "<scale name=\"SV\" address=\"51\"/>\n<scale name", 6, 1,
	  "<scale>: the name SV stands for another one already", SCHEMA_CANNOT },
	{ "min=\"-4\"", "min=\"5\"", 5, 3, "min is 5, max is 4", SCHEMA_CANNOT },
	{ "address=\"50\"", "address=\"101\"", 5, 3,
	  "address 101 is in a forbidden range, 100 to 110", SCHEMA_CANNOT },
	{ "name=\"U\"", "name=\"U-L1\"", 6, 3,
	  "<variable>: name is \"U-L1\": expected a letter, then", SCHEMA_SAME },
	{ "name=\"E\"", "name=\"U\"", 10, 3,
	  "<variable>: the name U stands for another one already", SCHEMA_CANNOT },
	{ "kind=\"counter\"", "kind=\"meter\"", 10, 3, "expected one of gauge, counter, status",
	  SCHEMA_SAME },
	{ "float64", "float128", 10, 3,
	  "type is \"float128\": expected one of int16, uint16, int32", SCHEMA_SAME },
	{ " type=\"float64\"", "", 11, 5, "<element> has no attribute type, nor has its <variable>",
	  SCHEMA_CANNOT },
	{ "factor=\"0.001\"", "factor=\"0\"", 10, 3, "factor is 0: expected 1e-09 to 1e+09",
	  SCHEMA_SAME },
	{ "factor=\"0.001\"", "factor=\"9e-10\"", 10, 3, "factor is 9e-10: expected 1e-09 to 1e+09",
	  SCHEMA_CANNOT },
	{ "factor=\"0.001\"", "factor=\"-1.1e9\"", 10, 3,
	  "factor is -1.1e+09: expected 1e-09 to 1e+09, or the same below 0", SCHEMA_CANNOT },
	{ "\"4e6\"", "\"0\"", 10, 3, "rating is \"0\": expected 0.001 to 1e+15 of the unit an hour",
	  SCHEMA_SAME },
	{ "\"4e6\"", "\"fast\"", 10, 3, "rating is \"fast\": expected a number", SCHEMA_SAME },
	{ "kind=\"counter\"", "", 10, 3, "rating is given, but it is no counter", SCHEMA_CANNOT },
	{ "rating=\"4e6\"", "", 10, 3, "rating-register is given, but no rating", SCHEMA_CANNOT },
	{ "rating-register=\"SV\"", "rating-register=\"SW\"", 10, 3,
	  "<variable>: rating-register SW is not defined: nearest <scale>: SV", SCHEMA_CANNOT },
	{ "type=\"uint16\"", "type=\"uint16\" modulus=\"1000\"", 7, 5,
	  "<element>: modulus is given, but its variable is no counter", SCHEMA_CANNOT },
	{ "address=\"105\"", "address=\"105\" type=\"uint16\" modulus=\"65537\"", 11, 5,
	  "modulus is 65537: expected at most 65536, as that is its range", SCHEMA_CANNOT },
	{ "address=\"105\"", "address=\"105\" modulus=\"-1\"", 11, 5,
	  "modulus is \"-1\": expected 2 to", SCHEMA_SAME },
	{ "function=\"4\"", "function=\"5\"", 10, 3, "function is \"5\": expected 3 to 4",
	  SCHEMA_SAME },
	{ "=\"SV\" sent", "=\"SW\" sent", 7, 5,
	  "scale-register SW is not defined: nearest <scale>: SV", SCHEMA_CANNOT },
	{ "0x8000", "0x18000", 7, 5, "sentinel is \"0x18000\": expected raw bits such as 0x8000",
	  SCHEMA_CANNOT },
	{ "0x8000", "none", 7, 5, "sentinel is \"none\": expected raw bits", SCHEMA_SAME },
	{ "scale=\"2\"", "scale=\"0\"", 8, 5, "scale is 0", SCHEMA_SAME },
	{ "max=\"9\"", "max=\"-1\"", 8, 5, "max is \"-1\": expected 0 to", SCHEMA_SAME },
	{ "label=\"L2\"", "label=\"L1\"", 8, 5, "label is \"L1\", as that of another element of U",
	  SCHEMA_CANNOT },
	{ "address=\"11\"", "address=\"65535\"", 8, 5,
	  "2 registers from address 65535 go beyond 65535", SCHEMA_CANNOT },
	{ "address=\"11\"", "address=\"99\"", 8, 5, "address 99 is in a forbidden range",
	  SCHEMA_CANNOT },
	{ "address=\"11\"", "", 8, 5, "<element> has no attribute address", SCHEMA_SAME },
	{ "    <element address=\"105\"/>\n", "", 10, 3, "<variable> has no <element>",
	  SCHEMA_SAME },
	{ "\"60\"", "\"3\"", 11, 5, "takes 4 registers: expected at most max-registers, which is 3",
	  SCHEMA_CANNOT },
	{ "<element address=\"105\"/>", "<element address=\"105\" phase=\"L1\"/>", 11, 5,
	  "the attribute phase is not known: expected label, address", SCHEMA_SAME },
};

/* Each row is wrong, says so, and the schema agrees. */
static void bad_rows(const char *from, const struct bad *rows, size_t n)
{
	xmlRelaxNG *schema = schema_load("etc/models/model.rng");

	cr_expect(schema_takes(schema, from));
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *text = bad_text(from, rows[i].from, rows[i].to);
		struct diags d = { 0 };
		struct model *m = model_parse(BAD_FILE, text, strlen(text), &d);

		cr_expect_null(m, "\"%s\" was taken", rows[i].to);
		bad_check(&rows[i], &d);
		schema_check(schema, &rows[i], text);
		diags_release(&d);
		model_free(m);
	}
	xmlRelaxNGFree(schema);
}

Test(model, bad_files)
{
	bad_rows(good, table, N_ELEMENTS(table));
	bad_rows(fields, fields_table, N_ELEMENTS(fields_table));
}

static const struct {
	const char *text, *type;
	uint64_t bits;
} sentinels[] = {
	{ "0x8000", "int16", 0x8000 },		 { "32768", "uint16", 0x8000 },
	{ "-32768", "int16", 0x8000 },		 { "-1", "int32", 0xffffffff },
	{ "0x7fc00000", "float32", 0x7fc00000 }, { "0xFFFFFFFFFFFFFFFF", "uint64", UINT64_MAX },
};

Test(model, sentinels)
{
	for (size_t i = 0; i < N_ELEMENTS(sentinels); i++) {
		char element[120];
		struct model *m;

		(void)snprintf(element, sizeof element,
			       "address=\"11\" type=\"%s\" sentinel=\"%s\"", sentinels[i].type,
			       sentinels[i].text);
		_cleanup_free_ char *a = bad_text(good, " type=\"int32\"", ""),
				    *b = bad_text(a, "address=\"11\"", element);

		m = parse_good(b);
		cr_expect_eq(model_variable(m, "U")->elements[1]->sentinel, sentinels[i].bits, "%s",
			     sentinels[i].text);
		model_free(m);
	}
}

static const struct {
	const char *variable, *element;
	bool has;
	double modulus;
} moduli[] = {
	{ "type=\"uint32\"", "", false, 0 },
	{ "type=\"uint32\" modulus=\"1000000\"", "", true, 1e6 },
	{ "type=\"uint32\" modulus=\"1000000\"", "modulus=\"4294967296\"", true, 4294967296 },
	{ "type=\"float32\"", "modulus=\"1e9\"", true, 1e9 },
};

Test(model, moduli)
{
	for (size_t i = 0; i < N_ELEMENTS(moduli); i++) {
		_cleanup_free_ char *a = bad_text(good, "type=\"float64\"", moduli[i].variable),
				    *element = NULL, *text = NULL;
		struct model *m;

		cr_assert(asprintf(&element, "address=\"105\" %s", moduli[i].element) > 0);
		text = bad_text(a, "address=\"105\"", element);
		m = parse_good(text);
		const struct tesla_register *r = model_variable(m, "E")->elements[0];

		cr_expect(r->has_modulus == moduli[i].has && r->modulus == moduli[i].modulus,
			  "%zu: %g", i, r->modulus);
		model_free(m);
	}
}

static struct model *delivered(const char *name)
{
	const char *top = getenv("top_srcdir") ? getenv("top_srcdir") : ".";
	_cleanup_free_ char *path = NULL, *text = NULL;
	xmlRelaxNG *schema = schema_load("etc/models/model.rng");
	struct tesla_error err;
	size_t len;

	cr_assert(asprintf(&path, "%s/etc/models/%s.xml", top, name) >= 0);
	cr_assert_eq(file_read(path, 1 << 20, &text, &len, &err), 0);
	cr_expect(schema_takes(schema, text), "%s", name);
	xmlRelaxNGFree(schema);
	return parse_good(text);
}

/* Wire addresses: what the maker's manual counts from 1 is one less here. */
static const struct {
	const char *model, *variable;
	size_t n;
	uint16_t address, count;
	enum tesla_raw type;
	double scale, factor;
	const char *scale_register, *unit;
	bool sentinel;
} facts[] = {
	{ "PM710", "TPF", 3, 0x0fc0, 1, TESLA_UINT16, 1, 1, "FEV", "V", false },
	{ "PM710", "IPF", 4, 4019, 1, TESLA_UINT16, 1, 1, "FEI", "A", false },
	{ "PM710", "FRE", 1, 4012, 1, TESLA_UINT16, 0.01, 1, NULL, "Hz", false },
	{ "PM710", "PAF", 3, 4035, 1, TESLA_INT16, 1000, 0.001, "FEP", "W", true },
	{ "PM710", "PAT", 1, 4005, 1, TESLA_INT16, 1000, 0.001, "FEP", "W", true },
	{ "PM710", "PAP", 1, 4006, 1, TESLA_UINT16, 1000, 0.001, "FEP", "VA", false },
	{ "PM710", "PRT", 1, 4007, 1, TESLA_INT16, 1000, 0.001, "FEP", "var", true },
	{ "PM710", "FPT", 1, 4008, 1, TESLA_INT16, 0.0001, 1, NULL, "", true },
	{ "PM710", "THDV", 3, 4048, 1, TESLA_UINT16, 0.1, 1, NULL, "%", false },
	{ "PM710", "THDI", 4, 4044, 1, TESLA_UINT16, 0.1, 1, NULL, "%", false },
	{ "PM710", "CEA", 1, 3999, 2, TESLA_UINT32, 1000, 0.001, "FEE", "Wh", false },
	{ "PM710", "CER", 1, 4003, 2, TESLA_UINT32, 1000, 0.001, "FEE", "varh", false },
	{ "PM710", "HMU", 2, 4109, 1, TESLA_UINT16, 1, 1, NULL, "", false },
	{ "PM710", "NSN", 1, 7001, 2, TESLA_UINT32, 1, 1, NULL, "", false },
	{ "PM500", "TPF", 3, 781, 1, TESLA_UINT16, 10, 1, NULL, "", false },
	{ "PM500", "PAT", 1, 789, 1, TESLA_UINT16, 0.01, 1, NULL, "", false },
};

static int is_model(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 4 && strcmp(d->d_name + len - 4, ".xml") == 0;
}

/* Whatever is there parses, agrees with the schema, and has its file's name. */
Test(model, catalogue)
{
	const char *top = getenv("top_srcdir") ? getenv("top_srcdir") : ".";
	_cleanup_free_ char *dir = NULL;
	struct dirent **files;
	int n;

	cr_assert(asprintf(&dir, "%s/etc/models", top) >= 0);
	n = scandir(dir, &files, is_model, alphasort);
	cr_expect_geq(n, 102, "%d models", n);
	for (int i = 0; i < n; i++) {
		char *name = files[i]->d_name;
		struct model *m;

		name[strlen(name) - 4] = '\0';
		m = delivered(name);
		cr_expect_str_eq(m->pub.name, name);
		cr_expect(m->description != NULL && m->pub.n_variables > 0, "%s", name);
		model_free(m);
		free(files[i]);
	}
	free(files);
}

Test(model, delivered_models)
{
	for (size_t i = 0; i < N_ELEMENTS(facts); i++) {
		struct model *m = delivered(facts[i].model);
		const struct tesla_variable *v = model_variable(m, facts[i].variable);
		const struct tesla_register *r = v ? v->elements[0] : NULL;
		const char *name = facts[i].variable;

		cr_assert(r != NULL && v->n_elements == facts[i].n, "%s", name);
		cr_expect(r->function == 3 && r->address == facts[i].address &&
				  r->count == facts[i].count,
			  "%s", name);
		cr_expect(r->type == facts[i].type && r->scale == facts[i].scale, "%s", name);
		cr_expect_eq(v->predecessor_factor, facts[i].factor, "%s", name);
		cr_expect_str_eq(v->unit, facts[i].unit, "%s", name);
		cr_expect_eq(r->has_sentinel, facts[i].sentinel, "%s", name);
		cr_expect_str_eq(r->scale_register ? r->scale_register->name : "",
				 facts[i].scale_register ? facts[i].scale_register : "", "%s",
				 name);
		model_free(m);
	}
}

Test(model, what_the_meters_want)
{
	struct model *pm710 = delivered("PM710"), *pm500 = delivered("PM500");

	cr_expect(pm710->turnaround_us == 5000 && pm710->proven && !pm710->pub.scales_every_sweep);
	cr_expect(pm710->pub.n_scales == 4 && pm710->pub.n_variables == 16);
	cr_expect_eq(pm710->pub.scales[0]->address, 4104);
	for (size_t i = 0; i < 2; i++) {
		const struct tesla_variable *v = model_variable(pm710, i ? "CER" : "CEA"),
					    *power = model_variable(pm710, i ? "PRT" : "PAT");

		cr_expect_eq(v->rating, power->elements[0]->max * power->elements[0]->scale);
		cr_expect_not_null(v->rating_scale);
		cr_expect_eq(v->rating_scale, power->elements[0]->scale_register);
	}
	cr_expect(!pm500->proven && pm500->pub.n_scales == 0 && pm500->pub.n_variables == 6);
	model_free(pm710);
	model_free(pm500);
}
