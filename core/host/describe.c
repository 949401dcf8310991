/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin says of itself, as one frame. */
#include "host/describe.h"

#include <errno.h>
#include <unistd.h>

#include "base/frame.h"
#include "host/loader.h"

static size_t list_length(const char *const *list)
{
	size_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	return n;
}

static void put_list(msgpack_packer *pk, const char *key, const char *const *list)
{
	size_t n = list_length(list);

	mp_str(pk, key);
	(void)msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		mp_str(pk, list[i]);
}

static void put_param(msgpack_packer *pk, const struct tesla_param *p)
{
	(void)msgpack_pack_map(pk, 9);
	mp_key_str(pk, "name", p->name);
	mp_key_int(pk, "type", p->type);
	mp_key_int(pk, "flags", p->flags);
	mp_key_str(pk, "default", p->dflt);
	mp_key_real(pk, "min", p->min);
	mp_key_real(pk, "max", p->max);
	mp_key_str(pk, "unit", p->unit);
	if (p->type == TESLA_T_CHOICE)
		put_list(pk, "choices", p->choices);
	else
		mp_key_str(pk, "choices", NULL);
	mp_key_str(pk, "help", p->help);
}

static void put_params(msgpack_packer *pk, const struct tesla_param *table)
{
	size_t n = 0;

	while (table != NULL && table[n].type != TESLA_T_END)
		n++;
	mp_str(pk, "params");
	(void)msgpack_pack_array(pk, n);
	for (size_t i = 0; i < n; i++)
		put_param(pk, &table[i]);
}

static void put_plugin(msgpack_packer *pk, const struct loader *l)
{
	const struct tesla_plugin *p = &l->plugin;
	bool driver = p->kind == TESLA_DRIVER, data = p->kind == TESLA_DATA;
	char abi[24];

	(void)snprintf(abi, sizeof abi, "%u.%u", p->abi_major, p->abi_minor);
	(void)msgpack_pack_map(pk, 14);
	mp_key_str(pk, "name", p->name);
	mp_key_int(pk, "kind", p->kind);
	mp_key_str(pk, "version", p->version);
	mp_key_str(pk, "abi", abi);
	mp_key_str(pk, "help", p->help);
	put_list(pk, "aliases", p->aliases);
	mp_key_int(pk, "takes", driver ? l->driver.takes : data ? l->data.takes : 0);
	mp_key_int(pk, "lines", driver ? l->driver.lines : 0);
	mp_key_int(pk, "max_registers", driver ? l->driver.max_registers : 0);
	mp_key_int(pk, "first_address", driver ? l->driver.first_address : 0);
	mp_key_int(pk, "last_address", driver ? l->driver.last_address : 0);
	mp_key_int(pk, "caps", p->kind == TESLA_EXPORTER ? l->exporter.caps : 0);
	put_params(pk, p->params);
	mp_key_str(pk, "error", NULL);
}

static int write_all(int fd, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int describe_main(const char *path, int out_fd)
{
	struct tesla_error err = { 0 };
	struct loader *l = NULL;
	struct frame f;
	struct buf out;
	int r;

	buf_init(&out, FRAME_MAX + 4);
	frame_begin(&f, &out);
	if (loader_open(path, 0, NULL, &l, &err) == 0) {
		put_plugin(&f.pk, l);
	} else {
		(void)msgpack_pack_map(&f.pk, 1);
		mp_key_str(&f.pk, "error", err.text);
	}
	r = frame_end(&f);
	if (r == 0)
		r = write_all(out_fd, out.pub.bytes, out.pub.len);
	buf_release(&out);
	loader_close(l); /* it may not come back from the plugin's destructors */
	return r == 0 ? 0 : 1;
}
