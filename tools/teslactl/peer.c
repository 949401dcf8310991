/* SPDX-License-Identifier: Apache-2.0 */
/* Whom to ask, with which keys. */
#include "teslactl/peer.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/keys.h"

/* *ret points into the pairs.  -ENOKEY: they cannot be read. */
static int control_peer(const struct ctl *ctl, struct keys_pair *ours, struct keys_pair *server,
			struct tesla_peer *ret, struct tesla_error *err)
{
	*ret = (struct tesla_peer){ .endpoint = ctl->endpoint };
	if (ctl->server == NULL)
		return 0;
	if (keys_read(ctl->key, true, ours, err) != 0 ||
	    keys_read(ctl->server, false, server, err) != 0)
		return err->code = -ENOKEY;
	ret->server_key = server->public_key;
	ret->public_key = ours->public_key;
	ret->secret_key = ours->secret_key;
	return 0;
}

struct tesla_client *peer_connect(const struct ctl *ctl, struct tesla_error *err)
{
	_cleanup_(keys_forget) struct keys_pair ours = { .public_key = "" };
	struct keys_pair server = { .public_key = "" };
	struct tesla_peer peer;
	struct tesla_client *c;

	if (control_peer(ctl, &ours, &server, &peer, err) != 0)
		return NULL;
	return tesla_connect_peer(&peer, &c, err) == 0 ? c : NULL;
}

struct tesla_follow *peer_follow(const struct ctl *ctl, const char *const *prefixes,
				 struct tesla_error *err)
{
	_cleanup_(keys_forget) struct keys_pair ours = { .public_key = "" };
	struct keys_pair server = { .public_key = "" };
	struct tesla_follow_conf conf = { .size = sizeof conf, .prefixes = prefixes };
	struct tesla_follow *f;

	if (control_peer(ctl, &ours, &server, &conf.control, err) != 0)
		return NULL;
	if (ctl->key != NULL) {
		if (keys_read(ctl->key, true, &ours, err) != 0)
			return NULL;
		conf.stream.public_key = ours.public_key;
		conf.stream.secret_key = ours.secret_key;
	}
	return tesla_follow(&conf, &f, err) == 0 ? f : NULL;
}
