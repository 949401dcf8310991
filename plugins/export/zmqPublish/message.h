/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two frames of a message on the stream (docs/stream.md): topic and MessagePack map.  Pure; one
 * struct is used for message after message and grows only for the longest.
 */
#ifndef ZMQPUBLISH_MESSAGE_H
#define ZMQPUBLISH_MESSAGE_H

#include <msgpack.h>
#include <tesla/plugin.h>

struct message {
	msgpack_sbuffer topic, body;
	msgpack_sbuffer sweep; /* what all readings of a sweep have in their maps */
	size_t prefix;	       /* and how much of the topic they share */
};

void message_init(struct message *m);
void message_release(struct message *m);

/* -ENOMEM: the message is not whole.  Before the readings of a sweep, message_sweep. */
int message_sweep(struct message *m, const struct tesla_batch *batch,
		  const struct tesla_item *item);
int message_reading(struct message *m, const struct tesla_item *item,
		    const struct tesla_reading *reading);
int message_status(struct message *m, const struct tesla_batch *batch,
		   const struct tesla_item *item);
int message_record(struct message *m, const struct tesla_batch *batch,
		   const struct tesla_item *item);
int message_heartbeat(struct message *m, const struct tesla_batch *batch,
		      const struct tesla_item *item);

#endif
