/* SPDX-License-Identifier: Apache-2.0 */
/* A new pair of keys for CURVE, in two files (core/base/keys.h reads them). */
#include "teslactl/keygen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/keys.h"

/* A list of clients has comments: a key that looks like one invites mistakes. */
static int pair_new(struct keys_pair *pair, struct tesla_error *err)
{
	do {
		if (zmq_curve_keypair(pair->public_key, pair->secret_key) != 0)
			return tesla_fail(err, -zmq_errno(), "no keys can be made: %s",
					  zmq_strerror(zmq_errno()));
	} while (pair->public_key[0] == '#');
	return 0;
}

static int file_write(const char *path, mode_t mode, const char *text, struct tesla_error *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	size_t len = strlen(text);

	if (fd < 0)
		return tesla_fail(err, -errno, "%s cannot be made: %s", path, strerror(errno));
	if (fchmod(fd, mode) == 0 && write(fd, text, len) == (ssize_t)len && fsync(fd) == 0)
		return 0;
	(void)tesla_fail(err, -errno, "%s cannot be written: %s", path,
			 errno != 0 ? strerror(errno) : "no room is left");
	(void)unlink(path);
	return err->code;
}

static int files_write(const struct keys_pair *pair, const char *key, const char *pub,
		       struct tesla_error *err)
{
	char text[4 * KEYS_LEN];
	int r;

	(void)snprintf(text, sizeof text, "public %s\n", pair->public_key);
	r = file_write(pub, 0644, text, err);
	if (r != 0)
		return r;
	(void)snprintf(text, sizeof text, "public %s\nsecret %s\n", pair->public_key,
		       pair->secret_key);
	r = file_write(key, 0600, text, err);
	explicit_bzero(text, sizeof text);
	if (r != 0)
		(void)unlink(pub);
	return r;
}

static int show_json(const struct ctl *ctl, const struct keys_pair *pair, const char *key,
		     const char *pub)
{
	_cleanup_(buf_release) struct buf out;
	struct tesla_error err;
	msgpack_packer pk;
	struct mp_doc doc;
	int r;

	buf_init(&out, 1 << 16);
	mp_writer(&pk, &out);
	(void)msgpack_pack_map(&pk, 4);
	mp_key_bool(&pk, "ok", true);
	mp_key_str(&pk, "key", key);
	mp_key_str(&pk, "pub", pub);
	mp_key_str(&pk, "public", pair->public_key);
	r = mp_unpack(&doc, out.pub.bytes, out.pub.len, &err);
	if (r != 0)
		return ctl_complain(ctl, &err);
	r = json_print(stdout, &doc.u.data, &err);
	mp_doc_release(&doc);
	return r == 0 ? CTL_GOOD : ctl_complain(ctl, &err);
}

static int show(const struct ctl *ctl, const struct keys_pair *pair, const char *key,
		const char *pub)
{
	const char *slash = strrchr(ctl->words[0], '/');

	if (ctl->json)
		return show_json(ctl, pair, key, pub);
	(void)printf("%s: keep it secret\n%s: give it away\nIn a list of clients:\n%s %s\n", key,
		     pub, pair->public_key, slash ? slash + 1 : ctl->words[0]);
	return CTL_GOOD;
}

/* It is the client's name in lists and in the log. */
static bool name_is_good(const char *path)
{
	static const char good[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strlen(name);

	return len >= 1 && len <= 64 && strspn(name, good) == len;
}

int keygen_run(const struct ctl *ctl)
{
	_cleanup_free_ char *key = NULL, *pub = NULL;
	struct keys_pair pair;
	struct tesla_error err;
	int r;

	if (!name_is_good(ctl->words[0]))
		return ctl_say(ctl, CTL_USAGE,
			       "NAME is to end in 1 to 64 letters, digits, '-', '_' or '.'");
	if (asprintf(&key, "%s.key", ctl->words[0]) < 0 ||
	    asprintf(&pub, "%s.pub", ctl->words[0]) < 0)
		return CTL_NO;
	r = pair_new(&pair, &err);
	if (r == 0)
		r = files_write(&pair, key, pub, &err);
	r = r == 0 ? show(ctl, &pair, key, pub) : ctl_complain(ctl, &err);
	keys_forget(&pair);
	return r;
}
