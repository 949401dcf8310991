/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The position file of an analyzer's folder: what the last append to a day file was going to write.
 * It is on the disk before the append begins, so after a kill or a power cut it says what may be
 * half written, and which records are there (see folder.h).
 */
#ifndef LOCALFILE_POSITION_H
#define LOCALFILE_POSITION_H

#include <tesla/plugin.h>

#define POSITION_NAME_MAX 16 /* 20261122.jsonl */
#define POSITION_BYTES 256   /* as text, always; the file has two in turn, so one is whole */

struct position {
	uint64_t turn; /* counts; odd ones are the second in the file */
	char day_file[POSITION_NAME_MAX];
	int64_t offset, len;	    /* of the append in it */
	int64_t first_ms, last_ms;  /* ends of the windows of its first and last record */
	uint64_t first_n, last_n;   /* and their places in the journal */
	int64_t high_ms;	    /* latest end, and highest place, of all that was */
	uint64_t high_n;	    /* written in this folder before it */
	int64_t header, header_len; /* where the header in effect is; len 0: not known */
};

/* Text of POSITION_BYTES, with a checksum; false: it is none of ours, *p is untouched. */
bool position_parse(const char *bytes, size_t len, struct position *p);
void position_print(const struct position *p, char bytes[POSITION_BYTES + 1]);

/*
 * Opens (makes) the file and takes it: -EBUSY while another process has it.  *found: it was whole;
 * otherwise *p is cleared.  *ret is closed by the caller.
 */
int position_open(int folder_fd, const char *name, int *ret, struct position *p, bool *found);
/* In place of the older one, and on the disk when it returns 0; otherwise -errno. */
int position_store(int fd, const struct position *p);

#endif
