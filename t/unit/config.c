/* SPDX-License-Identifier: Apache-2.0 */
/* config.xml: what is read from it, in both spellings; bad files and their messages. */
#include "daemon/config.h"

#include "bad.h"
#include "base/file.h"

static const char good[] =
	"<?xml version='1.0' encoding='UTF-8'?>\n"			     /* 1 */
	"<configuracio>\n"						     /* 2 */
	"  <node id=\"4\" name=\"Test\" location=\"Sa Pobla\" />\n"	     /* 3 */
	"  <devices>\n"							     /* 4 */
	"    <device id=\"1\" type=\"serial\" enabled=\"true\">\n"	     /* 5 */
	"      <port>COM1:</port>\n"					     /* 6 */
	"      <baud>19200</baud>\n"					     /* 7 */
	"      <timeout>0.5</timeout>\n"				     /* 8 */
	"    </device>\n"						     /* 9 */
	"    <device id=\"2\" type=\"tcp\"><host>10.0.0.7</host></device>\n" /* 10 */
	"    <device id=\"3\" type=\"serial\" enabled=\"false\"><port>COM1:</port></device>\n"
	"  </devices>\n" /* 12 */
	"  <equips>\n"	 /* 13 */
	"    <analitzador id=\"1\" device=\"1\" model=\"PM710\" driver=\"modBusComm\""
	" dataDriver=\"pmData\">\n"
	"      <params>\n"					       /* 15 */
	"        <fabricant>Schneider</fabricant>\n"		       /* 16 */
	"        <model>PM710</model>\n"			       /* 17 */
	"        <tempsgravacio>5</tempsgravacio>\n"		       /* 18 */
	"        <tempslectura>10</tempslectura>\n"		       /* 19 */
	"      </params>\n"					       /* 20 */
	"      <dataexports>\n"					       /* 21 */
	"        <dataexport type=\"localFile\" target=\"dades\" />\n" /* 22 */
	"      </dataexports>\n"				       /* 23 */
	"      <peticions>\n"					       /* 24 */
	"        <consulta>TPF</consulta>\n"			       /* 25 */
	"        <consulta interval=\"1 min\">CEA</consulta>\n"	       /* 26 */
	"      </peticions>\n"					       /* 27 */
	"    </analitzador>\n"					       /* 28 */
	"    <analitzador id=\"300\" address=\"7\" device=\"1\" driver=\"modBusComm\""
	" dataDriver=\"pmData\">\n"
	"      <params><model>PM500</model></params>\n" /* 30 */
	"      <dataexports><dataexport type=\"localFile\" target=\"dades\"/></dataexports>\n"
	"      <peticions><consulta>FRE</consulta></peticions>\n" /* 32 */
	"    </analitzador>\n"					  /* 33 */
	"    <analitzador id=\"3\" device=\"3\" driver=\"modBusComm\" dataDriver=\"pmData\">\n"
	"      <params><model>NONE</model></params>\n"		/* 35 */
	"      <peticions><consulta>X</consulta></peticions>\n" /* 36 */
	"    </analitzador>\n"					/* 37 */
	"  </equips>\n"						/* 38 */
	"</configuracio>\n";					/* 39 */

static const char *const words[][2] = {
	/* longer ones first: some hold others */
	{ "configuracio", "configuration" },	{ "equips", "analyzers" },
	{ "analitzador", "analyzer" },		{ "fabricant", "manufacturer" },
	{ "tempsgravacio", "record_interval" }, { "tempslectura", "poll_interval" },
	{ "dataexports", "exports" },		{ "dataexport", "export" },
	{ "peticions", "variables" },		{ "consulta", "variable" },
	{ "dataDriver", "data_driver" },
};

static char *english(void)
{
	char *text = strdup(good);

	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		while (strstr(text, words[i][0]) != NULL) {
			char *next = bad_text(text, words[i][0], words[i][1]);

			free(text);
			text = next;
		}
	}
	return text;
}

static struct config *parse(const char *text, size_t len, struct diags *d)
{
	_cleanup_free_ char *models = NULL;

	cr_assert(asprintf(&models, "%s/etc/models",
			   getenv("top_srcdir") ? getenv("top_srcdir") : ".") >= 0);
	return config_parse(BAD_FILE, text, len,
			    (const char *const[]){ "/nonexistent", models, NULL }, d);
}

static struct config *parse_good(const char *text)
{
	struct diags d = { 0 };
	struct config *c = parse(text, strlen(text), &d);
	char all[4096] = "";

	bad_dump(&d, all, sizeof all);
	cr_assert_not_null(c, "%s", all);
	cr_expect_eq(d.n, 0, "%s", all);
	diags_release(&d);
	return c;
}

static void check_lines(const struct config *c)
{
	cr_assert_eq(c->n_lines, 2);
	cr_expect_str_eq(c->lines[0].name, "COM1:");
	cr_expect_eq(c->lines[0].kind, TESLA_LINE_SERIAL);
	cr_assert_eq(c->lines[0].params.n, 3);
	cr_expect_str_eq(c->lines[0].params.list[2].name, "timeout");
	cr_expect_str_eq(c->lines[0].params.list[2].value, "0.5");
	cr_expect_eq(c->lines[0].params.list[2].line, 8);
	cr_expect_str_eq(c->lines[1].name, "10.0.0.7:502");
	cr_expect_eq(c->lines[1].kind, TESLA_LINE_TCP);
}

static void check_analyzers(const struct config *c)
{
	const struct conf_analyzer *a = c->analyzers;

	cr_assert_eq(c->n_analyzers, 2, "that of the disabled device is left out");
	cr_expect(a[0].id == 1 && a[0].address == 1 && a[0].on == &c->lines[0]);
	cr_expect(a[1].id == 300 && a[1].address == 7);
	cr_expect_str_eq(a[0].driver, "modBusComm");
	cr_expect_str_eq(a[0].data, "pmData");
	cr_expect_str_eq(a[0].model->pub.name, "PM710");
	cr_expect(a[0].record_ms == 300000 && a[0].interval_ms == 10000);
	cr_expect(a[1].record_ms == 900000 && a[1].interval_ms == 60000, "the defaults");
	cr_assert_eq(a[0].n_variables, 2);
	cr_expect_str_eq(a[0].variables[1].variable->name, "CEA");
	cr_expect(a[0].variables[0].interval_ms == 10000 && a[0].variables[1].interval_ms == 60000);
}

static void check_rest(const struct config *c)
{
	cr_expect_str_eq(c->node_id, "4");
	cr_expect_str_eq(c->node_location, "Sa Pobla");
	cr_assert_eq(c->n_exporters, 1, "one instance for both analyzers");
	cr_expect_str_eq(c->exporters[0].id, "localFile:dades");
	cr_expect_eq(c->exporters[0].target[0], '/');
	cr_expect_not_null(strstr(c->exporters[0].target, "/dades"));
	cr_expect_eq(c->exporters[0].n_analyzers, 2);
	cr_expect(c->exporters[0].batch == 100 && c->exporters[0].rate == 1000, "the defaults");
	cr_assert_eq(c->n_models, 2);
	cr_expect_not_null(strstr(c->model_texts[0], "<model name=\"PM710\""));
}

Test(config, both_spellings_say_the_same)
{
	_cleanup_free_ char *en = english();
	const char *texts[] = { good, en };

	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		struct config *c = parse_good(texts[i]);

		check_lines(c);
		check_analyzers(c);
		check_rest(c);
		config_free(c);
	}
}

/* 246 bytes; "localFile:" makes them 256 */
#define X41 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LONG_NAME X41 X41 X41 X41 X41 X41

static const struct bad table[] = {
	/* not XML, or not this XML */
	{ NULL, "", 0, 0, "is empty", SCHEMA_SAME },
	{ NULL, "log_level=debug\n", 1, 1, "this is no XML: expected a file that begins with <",
	  SCHEMA_SAME },
	{ "  </equips>\n</configuracio>\n", "  </equips>\n", 39, 1,
	  "the file ends inside <configuracio>, which line 2 opens: expected </configuracio>",
	  SCHEMA_SAME },
	{ "</port>", "</prot>", 6, 25,
	  "</prot> stands where </port> is expected, which closes line 6", SCHEMA_SAME },
	{ "Sa Pobla", "Sa Pobl\xe0", 3, 45, "a character is not UTF-8", SCHEMA_SAME },
	{ ">COM1:", ">COM1\x01:", 6, 17, "or one that XML does not allow", SCHEMA_SAME },
	{ "id=\"4\"", "id=4", 3, 12, "AttValue", SCHEMA_SAME },
	{ "id=\"4\"", "id=\"4\" id=\"5\"", 3, 55, "redefined", SCHEMA_SAME },
	{ "<configuracio>", "<!DOCTYPE c SYSTEM \"http://127.0.0.1/c.dtd\"><configuracio>", 2, 44,
	  "a document type is not taken", SCHEMA_CANNOT },
	{ "<configuracio>",
	  "<!DOCTYPE c [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><configuracio>", 2, 13,
	  "a document type is not taken (<!DOCTYPE c ...>)", SCHEMA_CANNOT },
	{ "Sa Pobla", "&casa;", 3, 44, "&casa; is not known: expected &amp;", SCHEMA_SAME },
	{ NULL, "<config/>", 1, 1, "the root is <config>: expected <configuration>", SCHEMA_SAME },
	{ "<configuracio>", "<configuracio xmlns=\"urn:x\">", 2, 1, "the root is <configuracio>",
	  SCHEMA_SAME },
	/* elements */
	{ "  <node id=\"4\" name=\"Test\" location=\"Sa Pobla\" />\n", "", 2, 1,
	  "<configuracio> has no <node>", SCHEMA_SAME },
	{ "<node id", "<node id=\"1\"/><node id", 3, 17,
	  "<node> number 2 in <configuracio>: expected at most 1", SCHEMA_SAME },
	{ "<equips>\n", "<equips>\n<analyser/>", 14, 1,
	  "<analyser> is not known in <equips>: expected <analitzador>", SCHEMA_SAME },
	{ "<equips>\n", "<equips>\n\n  <a:b xmlns:a=\"urn:x\"/>", 15, 3, "namespace urn:x",
	  SCHEMA_SAME },
	{ "<devices>", "<devices>hello", 4, 3, "<devices> has the text \"hello\": expected none",
	  SCHEMA_SAME },
	{ "<consulta>TPF</consulta>", "<consulta>TPF<x/></consulta>", 25, 22,
	  "expected no element in it", SCHEMA_SAME },
	{ "<baud>19200", "<baud><x/>19200", 7, 7, "<baud> is a parameter: expected only text in it",
	  SCHEMA_SAME },
	{ "<baud>19200</baud>", "<baud unit=\"Bd\">19200</baud>", 7, 7, "expected only text in it",
	  SCHEMA_SAME },
	{ "<baud>19200</baud>", "<baud>19200</baud><baud>9600</baud>", 7, 25,
	  "<baud> stands in <device> a second time", SCHEMA_SAME },
	{ "<model>PM710</model>", "", 15, 7, "<params> has no <model>", SCHEMA_SAME },
	{ "<tempslectura>10</tempslectura>",
	  "<tempslectura>10</tempslectura><poll_interval>1</poll_interval>", 19, 40,
	  "<poll_interval> number 2 in <params>", SCHEMA_SAME },
	{ "<consulta>FRE</consulta>", "", 32, 7, "<peticions> has no <consulta>", SCHEMA_SAME },
	{ "<dataexport type=\"localFile\" target=\"dades\"/>",
	  "<dataexport type=\"localFile\" target=\"dades\"><x/></dataexport>", 31, 20,
	  "expected its parameters as attributes", SCHEMA_SAME },
	/* attributes */
	{ "node id=\"4\"", "node", 3, 3, "<node> has no attribute id", SCHEMA_SAME },
	{ "node id=\"4\"", "node id=\"\"", 3, 3, "<node>: id is empty", SCHEMA_SAME },
	{ "node id=\"4\"", "node id=\"a/b\"", 3, 3,
	  "<node>: id is \"a/b\": expected letters, digits", SCHEMA_SAME },
	{ "node id=\"4\"", "node id=\"4\" place=\"x\"", 3, 3,
	  "<node>: the attribute place is not known: expected id, name, location", SCHEMA_SAME },
	{ "dataDriver=\"pmData\"", "", 14, 5, "<analitzador> has no attribute dataDriver",
	  SCHEMA_SAME },
	{ "dataDriver=\"pmData\"", "dataDriver=\"pmData\" data_driver=\"x\"", 14, 5,
	  "has both dataDriver and data_driver", SCHEMA_SAME },
	{ "type=\"serial\"", "type=\"parallel\"", 5, 5,
	  "<device>: type is \"parallel\": expected one of serial, tcp, rtu-over-tcp",
	  SCHEMA_SAME },
	{ "enabled=\"true\"", "enabled=\"maybe\"", 5, 5,
	  "enabled is \"maybe\": expected true or false", SCHEMA_SAME },
	{ "device id=\"1\"", "device id=\"one\"", 5, 5,
	  "<device>: id is \"one\": expected a whole number", SCHEMA_SAME },
	{ "device id=\"1\"", "device id=\"0\"", 5, 5,
	  "<device>: id is 0: expected a positive number", SCHEMA_SAME },
	{ "address=\"7\"", "address=\"256\"", 29, 5, "address is \"256\": expected 0 to 255",
	  SCHEMA_SAME },
	{ "driver=\"modBusComm\"", "driver=\"../x\"", 14, 5,
	  "driver is \"../x\": expected the name of a plugin", SCHEMA_SAME },
	{ "type=\"localFile\"", "type=\"a b\"", 22, 9,
	  "type is \"a b\": expected the name of a plugin", SCHEMA_SAME },
	{ "\n    <analitzador id=\"1\"", "\n    <analitzador\n      id=\"one\"", 14, 5,
	  "id is \"one\"", SCHEMA_SAME },
	/* lines */
	{ "19200", "fast", 7, 7, "baud is \"fast\": expected a whole number", SCHEMA_SAME },
	{ "19200", "100", 7, 7, "baud is \"100\": expected 300 to 4000000 Bd", SCHEMA_SAME },
	{ "0.5<", "soon<", 8, 7, "timeout is \"soon\": expected seconds, such as 0.5",
	  SCHEMA_SAME },
	{ "0.5<", "1 day<", 8, 7, "timeout is \"1 day\": expected seconds", SCHEMA_SAME },
	{ "      <port>COM1:</port>\n", "", 5, 5, "<device> has no <port>", SCHEMA_SAME },
	{ "<host>10.0.0.7</host>", "", 10, 5, "<device> has no <host>", SCHEMA_SAME },
	{ "</host>", "</host><port>70000</port>", 10, 5,
	  "port is \"70000\": expected a TCP port, 1 to 65535", SCHEMA_SAME },
	{ "device id=\"2\"", "device id=\"1\"", 10, 5, "<device>: id 1 is also that of line 5",
	  SCHEMA_CANNOT },
	{ "enabled=\"false\"", "", 11, 5, "uses COM1:, as device 1 in line 5 does", SCHEMA_CANNOT },
	/* analyzers */
	{ "device=\"1\"", "device=\"9\"", 14, 5, "device 9 is not defined: expected one of 1, 2, 3",
	  SCHEMA_CANNOT },
	{ "analitzador id=\"300\"", "analitzador id=\"1\"", 29, 5,
	  "<analitzador>: id 1 is also that of line 14", SCHEMA_CANNOT },
	{ "analitzador id=\"1\"", "analitzador id=\"-1\"", 14, 5,
	  "id is -1: expected a positive number", SCHEMA_SAME },
	{ "address=\"7\"", "", 29, 5, "300 has no attribute address: expected one", SCHEMA_CANNOT },
	{ "address=\"7\"", "address=\"1\"", 29, 5, "has address 1 on device 1, as 1 in line 14 has",
	  SCHEMA_CANNOT },
	{ "<model>PM710", "<model>PM71O", 14, 5,
	  "the attribute model is \"PM710\", <params> says \"PM71O\"", SCHEMA_CANNOT },
	{ "<model>PM500", "<model>PM505", 30, 15,
	  "the model PM505 is not known: no PM505.xml in /nonexistent, ", SCHEMA_CANNOT },
	{ "<model>PM500", "<model>PM505", 30, 15, "nearest: PM500, ", SCHEMA_CANNOT },
	{ "<model>PM500", "<model>../../passwd", 30, 15, "expected the name of a model",
	  SCHEMA_SAME },
	{ ">TPF<", ">TPE<", 25, 9, "PM710 has no variable TPE: nearest: TPF", SCHEMA_CANNOT },
	{ ">5</tempsg", ">often</tempsg", 18, 9,
	  "<tempsgravacio> is \"often\": expected minutes, such as 15", SCHEMA_SAME },
	{ ">5</tempsg", ">7</tempsg", 18, 9,
	  "<tempsgravacio> is \"7\": expected whole seconds that divide a day: "
	  "nearest are 6 min and "
	  "8 min",
	  SCHEMA_CANNOT },
	{ ">5</tempsg", ">7 s</tempsg", 18, 9, "nearest are 6 s and 8 s", SCHEMA_CANNOT },
	{ ">5</tempsg", ">1500 ms</tempsg", 18, 9, "nearest are 1 s and 2 s", SCHEMA_CANNOT },
	{ ">5</tempsg", ">90500 ms</tempsg", 18, 9, "nearest are 90 s and 96 s", SCHEMA_CANNOT },
	{ ">5</tempsg", ">23 h</tempsg", 18, 9, "nearest are 12 h and 24 h", SCHEMA_CANNOT },
	{ ">5</tempsg", ">0</tempsg", 18, 9, "<tempsgravacio> is \"0\": expected 1 s to 24 h",
	  SCHEMA_CANNOT },
	{ ">5</tempsg", ">500 ms</tempsg", 18, 9, "is \"500 ms\": expected 1 s to 24 h",
	  SCHEMA_CANNOT },
	{ ">5</tempsg", ">2 d</tempsg", 18, 9, "is \"2 d\": expected 1 s to 24 h", SCHEMA_CANNOT },
	{ ">10</tempsl", ">0</tempsl", 19, 9, "<tempslectura> is \"0\": expected 10 ms to 24 h",
	  SCHEMA_CANNOT },
	{ ">10</tempsl", ">25 h</tempsl", 19, 9,
	  "<tempslectura> is \"25 h\": expected 10 ms to 24 h", SCHEMA_CANNOT },
	{ ">10</tempsl", ">10m</tempsl", 19, 9, "<tempslectura> is \"10m\": expected seconds",
	  SCHEMA_SAME },
	{ "\"1 min\"", "\"2 days\"", 26, 9, "interval is \"2 days\": expected seconds",
	  SCHEMA_SAME },
	{ "<consulta>TPF</consulta>",
	  "<consulta>TPF</consulta><consulta interval=\"1\">IPF</consulta>"
	  "<consulta interval=\"2\">PAT</consulta><consulta interval=\"3\">PRT</consulta>",
	  24, 7, "more than 4 different intervals", SCHEMA_CANNOT },
	/* exporters */
	{ "type=\"localFile\" target=\"dades\" />",
	  "id=\"x\" type=\"localFile\" target=\"a\" />\n"
	  "<dataexport id=\"x\" type=\"localFile\" target=\"b\" />",
	  23, 1, "x is described otherwise in line 22", SCHEMA_CANNOT },
	{ "target=\"dades\"/>", "target=\"dades\" every=\"2\"/>", 31, 20,
	  "localFile:dades is described otherwise in line 22", SCHEMA_CANNOT },
	{ "type=\"localFile\"", "", 22, 9, "<dataexport> has no attribute type", SCHEMA_SAME },
	{ "target=\"dades\" />", "target=\"dades\" batch=\"0\" />", 22, 9,
	  "<dataexport>: batch is \"0\": expected 1 to 1000 records", SCHEMA_SAME },
	{ "target=\"dades\" />", "target=\"dades\" batch=\"many\" />", 22, 9,
	  "batch is \"many\": expected a whole number", SCHEMA_SAME },
	{ "target=\"dades\" />", "target=\"dades\" rate=\"-1\" />", 22, 9,
	  "rate is \"-1\": expected 0 to 1000000 records a second", SCHEMA_SAME },
	{ "target=\"dades\"/>", "target=\"dades\" batch=\"99\"/>", 31, 20,
	  "localFile:dades is described otherwise in line 22", SCHEMA_CANNOT },
	{ "target=\"dades\"/>", "target=\"dades\" rate=\"0\"/>", 31, 20,
	  "localFile:dades is described otherwise in line 22", SCHEMA_CANNOT },
	{ "target=\"dades\" />", "target=\"http://u:s3cret@h/ws\" />", 22, 9,
	  "<dataexport>: there is a user name or a password in target: expected them",
	  SCHEMA_CANNOT },
	{ "target=\"dades\" />", "target=\"http://s3cret@h\" id=\"x\" />", 22, 9,
	  "a user name or a password in target", SCHEMA_CANNOT },
	{ "target=\"dades\" />", "target=\"tcp://u:s3cret/@h:1/ws\" />", 22, 9,
	  "a user name or a password in target", SCHEMA_CANNOT },
	{ "target=\"dades\" />", "target=\"" LONG_NAME "\" />", 22, 9,
	  "it is known by \"localFile:xxxx", SCHEMA_CANNOT },
};

Test(config, bad_files)
{
	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		_cleanup_free_ char *text = bad_text(good, table[i].from, table[i].to);
		struct diags d = { 0 };
		struct config *c = parse(text, strlen(text), &d);

		cr_expect_null(c, "\"%s\" was taken", table[i].to);
		bad_check(&table[i], &d);
		for (size_t k = 0; k < d.n; k++)
			cr_expect_null(strstr(d.list[k].text, "s3cret"), "%s", d.list[k].text);
		diags_release(&d);
		config_free(c);
	}
}

Test(config, the_schema_agrees)
{
	_cleanup_free_ char *en = english();
	xmlRelaxNG *schema = schema_load("etc/config.rng");

	cr_expect(schema_takes(schema, good));
	cr_expect(schema_takes(schema, en));
	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		_cleanup_free_ char *text = bad_text(good, table[i].from, table[i].to);

		schema_check(schema, &table[i], text);
	}
	xmlRelaxNGFree(schema);
}

static const struct bad warnings[] = {
	{ "model=\"PM710\"", "model=\"PM700\"", 14, 5,
	  "the attribute model is \"PM700\", <params> says \"PM710\"", 0 },
	{ "<consulta>TPF</consulta>", "<consulta>TPF</consulta>\n<consulta>TPF</consulta>", 26, 1,
	  "asked for twice", 0 },
	{ ">5</tempsg", ">5 s</tempsg", 18, 9, "records are to be made more often", 0 },
	{ "target=\"dades\" />",
	  "target=\"dades\" />\n<dataexport type=\"localFile\" target=\"dades\"/>", 23, 1,
	  "named twice for one analyzer", 0 },
};

Test(config, warnings_are_no_errors)
{
	for (size_t i = 0; i < N_ELEMENTS(warnings); i++) {
		_cleanup_free_ char *text = bad_text(good, warnings[i].from, warnings[i].to);
		struct diags d = { 0 };
		struct config *c = parse(text, strlen(text), &d);

		cr_expect_not_null(c, "\"%s\"", warnings[i].to);
		cr_expect(d.n == 1 && d.list[0].warning);
		bad_check(&warnings[i], &d);
		diags_release(&d);
		config_free(c);
	}
}

static const struct {
	const char *from, *to;
} taken[] = {
	{ "encoding='UTF-8'", "encoding='ISO-8859-1'" },
	{ "Sa Pobla", "A &amp; B &#233;" },
	{ "<port>COM1:</port>", "<port>\n  /dev/ttyS0 <!-- the first --></port>" },
	{ "<port>COM1:</port>", "<port><![CDATA[COM1:]]></port>" },
	{ "<timeout>0.5</timeout>", "<timeout>500 ms</timeout><crc_order>swapped</crc_order>" },
	{ "type=\"tcp\"", "type=\"RTU-over-TCP\"" },
	{ ">10</tempsl", ">1.5</tempsl" },
	{ ">10</tempsl", ">100 ms</tempsl" },
	{ "target=\"dades\" />", "target=\"http://10.0.0.1/ws/v2\" timeout=\"5\" />" },
	{ "target=\"dades\" />", "target=\"http://h:80/@x?y=a@b\" />" },
	{ "target=\"dades\" />", "target=\"http://[::1]/@x\" />" },
	{ "target=\"dades\" />", "target=\"ipc://@name\" />" },
	{ "target=\"dades\" />", "target=\"a@b:c\" />" },
	{ "target=\"dades\" />", "id=\"x\" target=\"" LONG_NAME "\" batch=\"1000\" rate=\"0\" />" },
	{ "target=\"dades\"/>", "target=\"dades\" batch=\"100\" rate=\"1e3\"/>" },
	{ ">5</tempsg", ">10 s</tempsg" },
	{ ">5</tempsg", ">90 s</tempsg" },
	{ ">5</tempsg", ">1 d</tempsg" },
	{ "<fabricant>Schneider</fabricant>", "<filter>3</filter>" },
};

Test(config, good_variations)
{
	xmlRelaxNG *schema = schema_load("etc/config.rng");

	for (size_t i = 0; i < N_ELEMENTS(taken); i++) {
		_cleanup_free_ char *text = bad_text(good, taken[i].from, taken[i].to);

		config_free(parse_good(text));
		cr_expect(schema_takes(schema, text), "%s", taken[i].to);
	}
	xmlRelaxNGFree(schema);
}

Test(config, what_an_exporter_takes_at_once)
{
	_cleanup_free_ char *text =
		bad_text(good, "target=\"dades\" />",
			 "target=\"dades\" batch=\"7\" rate=\"2.5\" gzip=\"yes\" />");
	struct config *c = parse_good(text);

	cr_expect(c->exporters[0].batch == 7 && c->exporters[0].rate == 2.5);
	cr_assert_eq(c->exporters[0].params.n, 1, "the plugin's own alone");
	cr_expect_str_eq(c->exporters[0].params.list[0].name, "gzip");
	config_free(c);
}

Test(config, every_error_in_one_pass)
{
	_cleanup_free_ char *a = bad_text(good, "19200", "fast"),
			    *b = bad_text(a, ">TPF<", ">TPX<"), *text = bad_text(b, "id=\"4\"", "");
	struct diags d = { 0 };

	cr_expect_null(parse(text, strlen(text), &d));
	cr_expect_eq(d.n_errors, 3);
	diags_release(&d);
}

/* Whatever is wrong with its place, an analyzer is read to its end. */
static const struct {
	const char *from, *to;
	const char *expected[3];
} together[] = {
	{ "id=\"1\" device=\"1\" model=\"PM710\" driver=\"modBusComm\"",
	  "id=\"1\" device=\"9\" model=\"PM710\" driver=\"../x\"",
	  { "device 9 is not defined: expected one of 1, 2, 3", "driver is \"../x\"" } },
	{ "id=\"1\" device=\"1\" model=\"PM710\" driver=\"modBusComm\"",
	  "device=\"1\" model=\"PM710\" driver=\"../x\"",
	  { "has no attribute id", "driver is \"../x\"" } },
	{ "address=\"7\" device=\"1\" driver=\"modBusComm\" dataDriver=\"pmData\">\n"
	  "      <params><model>PM500</model>",
	  "device=\"9\" driver=\"modBusComm\" dataDriver=\"pmData\">\n"
	  "      <params><model>NONE</model><tempslectura>0</tempslectura>",
	  { "device 9", "300 has no attribute address", "<tempslectura> is \"0\"" } },
	{ "device id=\"2\" type=\"tcp\"><host>10.0.0.7</host>",
	  "device id=\"1\" type=\"tcp\"><host>h</host></device>"
	  "<device id=\"4\" type=\"lamp\"><port>x</port>",
	  { "id 1 is also that of line 5", "type is \"lamp\"" } },
};

static bool is_said(const struct diags *d, const char *text)
{
	for (size_t i = 0; i < d->n; i++)
		if (strstr(d->list[i].text, text) != NULL)
			return true;
	return false;
}

Test(config, an_analyzer_tells_all_its_errors)
{
	for (size_t i = 0; i < N_ELEMENTS(together); i++) {
		_cleanup_free_ char *text = bad_text(good, together[i].from, together[i].to);
		struct diags d = { 0 };
		char all[4096] = "";

		cr_expect_null(parse(text, strlen(text), &d));
		bad_dump(&d, all, sizeof all);
		for (size_t k = 0; k < 3 && together[i].expected[k] != NULL; k++)
			cr_expect(is_said(&d, together[i].expected[k]),
				  "\"%s\": expected \"%s\", got\n%s", together[i].to,
				  together[i].expected[k], all);
		diags_release(&d);
	}
}

Test(config, a_device_named_twice_is_expected_once)
{
	_cleanup_free_ char *a = bad_text(good, "device id=\"2\"", "device id=\"1\""),
			    *text = bad_text(a, "device=\"1\" driver", "device=\"9\" driver");
	struct diags d = { 0 };

	cr_expect_null(parse(text, strlen(text), &d));
	cr_expect(is_said(&d, "device 9 is not defined: expected one of 1, 3"));
	diags_release(&d);
}

Test(config, a_bad_model_is_told_once)
{
	_cleanup_free_ char *a = bad_text(good, "<model>PM710", "<model>NONE"),
			    *text = bad_text(a, "<model>PM500", "<model>NONE");
	struct diags d = { 0 };

	cr_expect_null(parse(text, strlen(text), &d));
	cr_expect_eq(d.n_errors, 1);
	diags_release(&d);
}

/* A model BIG of n variables with 64 elements, and an analyzer that is asked for all of them. */
static char *big(const char *dir, unsigned n)
{
	char path[64], *text;
	size_t size;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/BIG.xml", dir);
	f = fopen(path, "we");
	cr_assert_not_null(f);
	(void)fprintf(f, "<model name=\"BIG\" manufacturer=\"m\">");
	for (unsigned i = 0; i < n; i++) {
		(void)fprintf(f, "<variable name=\"V%04u\" type=\"uint16\">", i);
		for (unsigned k = 0; k < 64; k++)
			(void)fprintf(f, "<element label=\"%u\" address=\"%u\"/>", k, k);
		(void)fprintf(f, "</variable>");
	}
	(void)fprintf(f, "</model>");
	cr_assert_eq(fclose(f), 0);
	f = open_memstream(&text, &size);
	cr_assert_not_null(f);
	(void)fprintf(f, "<configuration><node id=\"4\"/><devices><device id=\"1\" type=\"serial\">"
			 "<port>COM1:</port></device></devices><analyzers><analyzer id=\"1\" "
			 "device=\"1\" driver=\"d\" data_driver=\"p\"><params><model>BIG</model>"
			 "</params>\n <variables>");
	for (unsigned i = 0; i < n; i++)
		(void)fprintf(f, "<variable>V%04u</variable>", i);
	(void)fprintf(f, "</variables></analyzer></analyzers></configuration>\n");
	cr_assert_eq(fclose(f), 0);
	return text;
}

/* A variable takes 2 + 6 + 1 + 9 + 3 bytes, and 64 times 39; the head 4135. */
static const struct {
	unsigned n;
	const char *says;
} bigs[] = {
	{ 102, NULL },
	{ 103, "<variables>: a record of its 6592 elements can take 263386 bytes (39 for each of a "
	       "gauge, 30 of a counter, 21 of a status): expected at most 262144" },
};

Test(config, a_record_that_might_not_fit)
{
	char dir[] = "/tmp/tesla-config.XXXXXX", path[64];

	cr_assert_not_null(mkdtemp(dir));
	for (size_t i = 0; i < N_ELEMENTS(bigs); i++) {
		_cleanup_free_ char *text = big(dir, bigs[i].n);
		struct bad b = { NULL, "", 2, 2, bigs[i].says, SCHEMA_CANNOT };
		struct diags d = { 0 };
		struct config *c = config_parse(BAD_FILE, text, strlen(text),
						(const char *const[]){ dir, NULL }, &d);

		cr_expect_eq(c != NULL, bigs[i].says == NULL, "%u", bigs[i].n);
		if (bigs[i].says != NULL)
			bad_check(&b, &d);
		diags_release(&d);
		config_free(c);
	}
	(void)snprintf(path, sizeof path, "%s/BIG.xml", dir);
	cr_expect_eq(unlink(path), 0);
	cr_expect_eq(rmdir(dir), 0);
}

Test(config, params_of_drivers_and_exporters_are_kept)
{
	_cleanup_free_ char *a = bad_text(good, "<baud>", "<silence>0.01</silence><baud>"),
			    *b = bad_text(a, "target=\"dades\" />",
					  "target=\"ftp://h/x\" user=\"u\" />"),
			    *text = bad_text(b, "<fabricant>", "<filter>3</filter><fabricant>");
	struct config *c = parse_good(text);

	cr_expect_str_eq(c->lines[0].params.list[1].name, "silence");
	cr_expect_eq(c->lines[0].params.list[1].column, 7);
	cr_assert_eq(c->analyzers[0].params.n, 1);
	cr_expect_str_eq(c->analyzers[0].params.list[0].value, "3");
	cr_assert_eq(c->n_exporters, 2);
	cr_expect_str_eq(c->exporters[0].target, "ftp://h/x");
	cr_assert_eq(c->exporters[0].params.n, 1);
	cr_expect_str_eq(c->exporters[0].params.list[0].name, "user");
	config_free(c);
}

static void load(const char *path_in_tree, struct config **c, struct diags *d)
{
	const char *top = getenv("top_srcdir") ? getenv("top_srcdir") : ".";
	_cleanup_free_ char *path = NULL, *models = NULL;

	cr_assert(asprintf(&path, "%s/%s", top, path_in_tree) >= 0);
	cr_assert(asprintf(&models, "%s/etc/models", top) >= 0);
	*c = config_load(path, (const char *const[]){ models, NULL }, d);
}

static const struct {
	const char *path;
	size_t n_variables;
} samples[] = {
	{ "etc/config.xml", 10 },
	{ "t/data/predecessor.xml", 10 },
};

Test(config, samples_are_good)
{
	for (size_t i = 0; i < N_ELEMENTS(samples); i++) {
		struct diags d = { 0 };
		struct config *c;

		load(samples[i].path, &c, &d);
		cr_assert_not_null(c, "%s", d.n ? d.list[0].text : samples[i].path);
		cr_expect_eq(d.n, 0);
		cr_expect_eq(c->analyzers[0].n_variables, samples[i].n_variables);
		config_free(c);
		diags_release(&d);
	}
}

/* The sample as it was published. */
Test(config, the_sample_without_its_end)
{
	struct diags d = { 0 };
	struct config *c;

	load("t/data/bad/unclosed.xml", &c, &d);
	cr_expect_null(c);
	cr_assert_eq(d.n, 1);
	cr_expect_not_null(
		strstr(d.list[0].text, "the file ends inside <configuracio>, which line 2 opens"));
	cr_expect(d.list[0].line == 48 && d.list[0].column == 1, "%d:%d", d.list[0].line,
		  d.list[0].column);
	diags_release(&d);
}

static void unreadable(const char *path, const char *says)
{
	struct diags d = { 0 };

	cr_expect_null(config_load(path, (const char *const[]){ NULL }, &d));
	cr_assert_eq(d.n, 1);
	cr_expect_str_eq(d.list[0].text, says);
	diags_release(&d);
}

Test(config, no_file)
{
	char path[] = "/tmp/tesla-config-XXXXXX";
	int fd = mkstemp(path);

	unreadable("/nonexistent/config.xml", "cannot be opened: No such file or directory");
	unreadable("/tmp", "cannot be read: Is a directory");
	cr_assert(fd >= 0 && ftruncate(fd, (4 << 20) + 1) == 0);
	(void)close(fd);
	unreadable(path, "is too large: expected at most 4194304 bytes");
	(void)unlink(path);
}
