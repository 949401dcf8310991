/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request of any bytes -> the commands, with full and with read-only access; and files of keys.
 * Whatever comes, an answer is one map with `ok`, or it comes later; who may only read changes
 * nothing.
 */
#include "../unit/hub_fixture.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "base/keys.h"
#include "daemon/access.h"
#include "daemon/commands.h"
#include "daemon/ini.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct world {
	struct fixture x;
	struct daemon d;
	struct ini ini;
	struct plugins plugins;
	const struct tesla_variable *variables[2];
	char dir[64], control[96], readonly[96];
	unsigned stopped;
} w;

/* `shutdown` must not reach it from who may only read. */
void daemon_stop(struct daemon *d)
{
	(void)d;
	w.stopped++;
}

void daemon_warn(const struct daemon *d, const struct diags *diags)
{
	(void)d, (void)diags;
}

static bool no_request(void *arg, const msgpack_object *request, const struct control_peer *peer,
		       struct buf *reply)
{
	(void)arg, (void)request, (void)peer, (void)reply;
	return true;
}

/* The journal is being checked for ever: the loop never runs, and nothing of it is ever done. */
static void recording_make(void)
{
	static const struct recorder_calls calls = { .made = NULL };
	static const bool no_exporter[1];
	struct clerk_conf conf = { .program = "/bin/false", .dir = w.dir, .log = &w.d.log };
	struct recording *r = &w.d.recording;
	struct keep_slot *slots = recorder_slots(w.d.check.hub);

	r->keep = keep_open(w.dir, w.dir, slots, w.d.check.hub->n_analyzers, &w.d.log);
	conf.keep = r->keep;
	r->clerk = clerk_new(&w.d.loop, &conf);
	r->journal = w.dir;
	r->recorder = recorder_new(w.d.check.hub, r->keep, &calls, no_exporter);
	free(slots);
	assert(r->keep != NULL && r->clerk != NULL && r->recorder != NULL);
}

static void clear_away(void)
{
	static const char *const files[] = { "control", "windows", "teslad.lock" };

	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		char path[96];

		(void)snprintf(path, sizeof path, "%s/%s", w.dir, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(w.dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct control_calls calls = { .request = no_request };
	struct tesla_error err;

	(void)argc, (void)argv;
	fixture_init(&w.x);
	w.variables[0] = &w.x.voltage;
	w.variables[1] = &w.x.frequency;
	w.x.voltage.kind = w.x.frequency.kind = TESLA_GAUGE;
	w.x.model.pub.variables = w.variables;
	w.x.model.pub.n_variables = 2;
	for (size_t i = 0; i < N_ELEMENTS(w.x.analyzers); i++)
		w.x.analyzers[i].record_ms = 900000;
	w.x.config.text = fixture_text("<configuration token='x'/>");
	(void)snprintf(w.dir, sizeof w.dir, "/tmp/tesla-fuzz-XXXXXX");
	assert(mkdtemp(w.dir) != NULL && atexit(clear_away) == 0 && uv_loop_init(&w.d.loop) == 0);
	(void)snprintf(w.control, sizeof w.control, "ipc://%s/control", w.dir);
	w.ini = (struct ini){ .control = w.control,
			      .control_readonly = w.readonly,
			      .stream = fixture_text(""),
			      .run_dir = w.dir,
			      .auto_start = true };
	w.d.log = w.x.log;
	w.d.check.config = &w.x.config;
	w.d.check.ini = &w.ini;
	w.d.check.plugins = &w.plugins;
	w.d.check.hub = fixture_hub_of(&w.x);
	w.d.n_checks = DAEMON_CHECKS_MAX; /* a check would start a process */
	/* The first reload finds no file, and is never heard of again. */
	w.d.files = (struct check_files){ "/nowhere/config.xml", "/nowhere/lector.ini", true };
	w.d.reload = reload_new(&w.d);
	w.d.control = control_start(&w.d.loop, &w.ini, &w.d.log, &calls, &err);
	assert(w.d.check.hub != NULL && w.d.control != NULL && w.d.reload != NULL);
	recording_make();
	return 0;
}

/* Which analyzers are started, paused or stopped, in one number. */
static unsigned runs(void)
{
	const struct hub *h = w.d.check.hub;
	unsigned all = 0;

	for (size_t i = 0; i < h->n_analyzers; i++)
		all = all * HUB_N_RUNS + h->analyzers[i].run;
	return all;
}

static void ask(const msgpack_object *request, bool readonly)
{
	const struct control_peer peer = { .readonly = readonly, .who = "somebody" };
	struct tesla_error err = { .code = 0 };
	int level = w.d.log.level;
	unsigned run = runs();
	struct mp_doc answer;
	struct buf reply;

	buf_init(&reply, CONTROL_REPLY_MAX);
	w.stopped = 0;
	if (commands_answer(&w.d, request, &peer, &reply)) {
		assert(!reply.failed);
		assert(mp_unpack(&answer, reply.pub.bytes, reply.pub.len, &err) == 0);
		assert(mp_get(&answer.u.data, "ok") != NULL);
		assert(mp_bool(&answer.u.data, "ok", false) ||
		       mp_get(&answer.u.data, "error") != NULL);
		assert(!readonly || access_reads(request) || !mp_bool(&answer.u.data, "ok", false));
		mp_doc_release(&answer);
	} else {
		assert(!readonly || access_reads(request)); /* `trace` waits for frames */
	}
	assert(!readonly || (w.stopped == 0 && w.d.log.level == level && runs() == run));
	buf_release(&reply);
}

static void files(const char *text, size_t len)
{
	struct tesla_error err = { .code = 0 };
	struct keys_clients clients;
	struct keys_pair pair;

	assert(keys_parse(text, len, &pair, &err) == 0 || err.text[0] != '\0');
	if (keys_clients_parse(text, len, &clients, &err) == 0)
		keys_clients_release(&clients);
	else
		assert(err.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct tesla_error err;
	struct mp_doc doc;

	if (mp_unpack(&doc, bytes, len, &err) == 0) {
		ask(&doc.u.data, true);
		ask(&doc.u.data, false);
		mp_doc_release(&doc);
	}
	files((const char *)bytes, len);
	return 0;
}
