/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to ask, with which keys. */
#include "teslactl/peer.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/keys.h"

#define TCP "tcp://"

struct tesla_client *peer_connect(const struct ctl *ctl, struct tesla_error *err)
{
	_cleanup_(keys_forget) struct keys_pair ours = { .public_key = "" };
	struct keys_pair server = { .public_key = "" };
	struct tesla_peer peer = { .endpoint = ctl->endpoint };
	struct tesla_client *c;

	if (ctl->server != NULL) {
		if (keys_read(ctl->key, true, &ours, err) != 0 ||
		    keys_read(ctl->server, false, &server, err) != 0)
			return NULL;
		peer.server_key = server.public_key;
		peer.public_key = ours.public_key;
		peer.secret_key = ours.secret_key;
	}
	return tesla_connect_peer(&peer, &c, err) == 0 ? c : NULL;
}

/* What listens on every address ("*") does so where control is. */
static char *stream_endpoint(const struct ctl *ctl, const char *stream)
{
	static const char any[] = TCP "*:";
	const char *control = ctl->endpoint ? ctl->endpoint : getenv("TESLA_CONTROL");
	const char *colon = control ? strrchr(control, ':') : NULL;
	char *to;

	if (colon == NULL || strncmp(control, TCP, strlen(TCP)) != 0 ||
	    strncmp(stream, any, strlen(any)) != 0)
		return strdup(stream);
	return asprintf(&to, "%.*s:%s", (int)(colon - control), control, stream + strlen(any)) < 0
		       ? NULL
		       : to;
}

struct tesla_stream *peer_subscribe(const struct ctl *ctl, const char *stream,
				    const char *stream_key, const char *prefix,
				    struct tesla_error *err)
{
	_cleanup_free_ char *to = stream_endpoint(ctl, stream);
	_cleanup_(keys_forget) struct keys_pair ours = { .public_key = "" };
	struct tesla_peer peer = { .endpoint = to, .server_key = stream_key };
	struct tesla_stream *s;

	if (to == NULL) {
		(void)tesla_fail(err, -ENOMEM, "no memory");
		return NULL;
	}
	if (stream_key != NULL) {
		if (ctl->key == NULL) {
			(void)tesla_fail(err, -EACCES,
					 "the stream %s is encrypted: expected --key, a file whose "
					 "public key its list of clients has",
					 stream);
			return NULL;
		}
		if (keys_read(ctl->key, true, &ours, err) != 0)
			return NULL;
		peer.public_key = ours.public_key;
		peer.secret_key = ours.secret_key;
	}
	return tesla_subscribe_peer(&peer, prefix, &s, err) == 0 ? s : NULL;
}
