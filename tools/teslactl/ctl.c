/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the daemon. */
#include "teslactl/ctl.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "teslactl/peer.h"

int ctl_complain(const struct tesla_error *err)
{
	(void)fprintf(stderr, "teslactl: %s\n", err->text);
	return CTL_NO;
}

static int no_daemon(const struct tesla_error *err)
{
	(void)ctl_complain(err);
	return err->code == -EREMOTEIO ? CTL_NO : CTL_NO_DAEMON;
}

int ctl_request(const struct ctl *ctl, const char *command, const struct buf *args,
		struct answer *ret)
{
	struct tesla_error err;
	struct tesla_client *c = peer_connect(ctl, &err);
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t len;
	int r;

	if (c == NULL)
		return no_daemon(&err);
	r = tesla_request(c, command, args ? args->pub.bytes : NULL, args ? args->pub.len : 0,
			  ctl->timeout_ms, &bytes, &len, &err);
	tesla_disconnect(c);
	if (r != 0 || mp_unpack(&ret->doc, bytes, len, &err) != 0)
		return no_daemon(&err);
	ret->bytes = bytes;
	bytes = NULL;
	return CTL_GOOD;
}

int ctl_ask(const struct ctl *ctl, const char *command, struct answer *ret)
{
	return ctl_request(ctl, command, NULL, ret);
}

void answer_release(struct answer *a)
{
	mp_doc_release(&a->doc);
	free(a->bytes);
}
