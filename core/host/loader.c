/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One loaded plugin: nothing of a shared object is believed before it was checked, and what is kept
 * of it is copied.
 */
#include "host/loader.h"

#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/param.h"

#define NAME_MAX_LEN 64
#define PARAMS_MAX 256
#define CHOICES_MAX 64
#define ALIASES_MAX 16
#define TABLE_MAX 4096 /* bytes of a table or a descriptor; more is no size */
#define CONF_MAX (1u << 20)
/* How long a table must be to have a member whole. */
#define UP_TO(S, M) (offsetof(S, M) + sizeof(((S *)0)->M))

const char *loader_kind_name(enum tesla_kind kind)
{
	static const char *const names[] = {
		[TESLA_DRIVER] = "driver",
		[TESLA_DATA] = "data",
		[TESLA_EXPORTER] = "exporter",
	};

	return kind >= TESLA_DRIVER && kind <= TESLA_EXPORTER ? names[kind] : "unknown";
}

/* ---- the file: who may have written it may run code in here ---- */

static int trusted(const char *path, bool folder, struct tesla_error *err)
{
	const char *thus = folder ? ": no plugin is loaded from this folder" : " is not loaded";
	struct stat st;

	if (stat(path, &st) != 0)
		return tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
	if (!folder && !S_ISREG(st.st_mode))
		return tesla_fail(err, -EINVAL, "%s is not loaded: it is no regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return tesla_fail(err, -EPERM,
				  "%s%s: its owner is user %u, expected root or user %u", path,
				  thus, (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return tesla_fail(err, -EPERM, "%s%s: %s may write it (mode %04o)", path, thus,
				  st.st_mode & S_IWOTH ? "everybody" : "its group",
				  (unsigned)st.st_mode & 07777);
	return 0;
}

static int file_check(const char *path, struct tesla_error *err)
{
	_cleanup_free_ char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;

	if (slash == NULL)
		return tesla_fail(err, -ENOMEM, "%s: no memory", path);
	slash[slash == folder] = '\0'; /* "/x.so" is in "/" */
	int r = trusted(folder, true, err);

	return r != 0 ? r : trusted(path, false, err);
}

/* ---- the descriptor ---- */

__attribute__((format(printf, 3, 4))) static int refused(const struct loader *l,
							 struct tesla_error *err, const char *fmt,
							 ...)
{
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	return tesla_fail(err, -EINVAL, "%s is refused: %s", l->path, why);
}

static bool text_ok(const char *text)
{
	return text != NULL && text[0] != '\0' && strnlen(text, NAME_MAX_LEN) < NAME_MAX_LEN;
}

static size_t param_size(enum tesla_type type)
{
	static const size_t sizes[] = {
		[TESLA_T_INT] = sizeof(int64_t), [TESLA_T_REAL] = sizeof(double),
		[TESLA_T_BOOL] = sizeof(bool),	 [TESLA_T_STR] = sizeof(char *),
		[TESLA_T_CHOICE] = sizeof(int),	 [TESLA_T_MS] = sizeof(int64_t),
	};

	return type > TESLA_T_END && type < N_ELEMENTS(sizes) ? sizes[type] : 0;
}

static bool choices_ok(const struct tesla_param *p)
{
	size_t n = 0;

	if (p->type != TESLA_T_CHOICE)
		return true;
	while (p->choices != NULL && n < CHOICES_MAX && p->choices[n] != NULL)
		n++;
	return n > 0 && n < CHOICES_MAX;
}

static int param_check(const struct loader *l, const struct tesla_param *p, struct tesla_error *err)
{
	size_t size = param_size(p->type), conf_size = l->plugin.conf_size;
	struct tesla_error why;

	if (!text_ok(p->name))
		return refused(l, err, "a parameter has no name");
	if (size == 0)
		return refused(l, err, "parameter %s has type %d, unknown to this version", p->name,
			       (int)p->type);
	if (p->offset > conf_size || conf_size - p->offset < size || p->offset % size != 0)
		return refused(l, err, "parameter %s is at byte %zu of a conf of %zu", p->name,
			       p->offset, conf_size);
	if (!choices_ok(p))
		return refused(l, err, "parameter %s has no list of choices", p->name);
	if (!(p->min <= p->max))
		return refused(l, err, "parameter %s has bounds %g to %g", p->name, p->min, p->max);
	if (p->dflt != NULL && param_set(p, p->dflt, NULL, &why) != 0)
		return refused(l, err, "the default of parameter %s", why.text);
	return 0;
}

static int params_check(const struct loader *l, struct tesla_error *err)
{
	const struct tesla_param *p = l->plugin.params;

	if (l->plugin.conf_size > CONF_MAX)
		return refused(l, err, "its conf has %zu bytes, at most %u are allowed",
			       l->plugin.conf_size, CONF_MAX);
	for (size_t i = 0; p != NULL && p[i].type != TESLA_T_END; i++) {
		int r = i == PARAMS_MAX ? refused(l, err, "its parameter table has no end")
					: param_check(l, &p[i], err);

		if (r != 0)
			return r;
	}
	return 0;
}

static int takes_check(const struct loader *l, uint32_t takes, struct tesla_error *err)
{
	if (takes == 0 || (takes & ~(TESLA_TAKES_REGISTERS | TESLA_TAKES_COMMANDS)) != 0)
		return refused(l, err, "it takes blocks of kind 0x%x, unknown to this version",
			       takes);
	return 0;
}

static int driver_check(const struct loader *l, struct tesla_error *err)
{
	const struct tesla_driver *d = &l->driver;
	int halves = (d->request != NULL) + (d->whole != NULL) + (d->receive != NULL);

	if (d->open == NULL || d->read == NULL || d->close == NULL)
		return refused(l, err, "a driver must have open, read and close");
	if (halves != 0 && halves != 3)
		return refused(l, err, "a driver has request, whole and receive, or none of them");
	if (d->lines == 0)
		return refused(l, err, "it can use no kind of line");
	if ((d->takes & TESLA_TAKES_REGISTERS) &&
	    (d->max_registers < 1 || d->max_registers > UINT16_MAX))
		return refused(l, err, "it reads %u registers at once, expected 1 to %d",
			       d->max_registers, UINT16_MAX);
	return takes_check(l, d->takes, err);
}

static int data_check(const struct loader *l, struct tesla_error *err)
{
	const struct tesla_data *d = &l->data;

	if (d->open == NULL || d->blocks == NULL || d->decode == NULL || d->close == NULL)
		return refused(l, err, "a data plugin must have open, blocks, decode and close");
	return takes_check(l, d->takes, err);
}

static int exporter_check(const struct loader *l, struct tesla_error *err)
{
	const struct tesla_exporter *e = &l->exporter;

	if (e->open == NULL || e->deliver == NULL || e->close == NULL)
		return refused(l, err, "an exporter must have open, deliver and close");
	return 0;
}

static const struct kind {
	size_t size, least; /* of the table: ours, and the shortest that can be right */
	int (*check)(const struct loader *l, struct tesla_error *err);
} kinds[] = {
	[TESLA_DRIVER] = { sizeof(struct tesla_driver), UP_TO(struct tesla_driver, close),
			   driver_check },
	[TESLA_DATA] = { sizeof(struct tesla_data), UP_TO(struct tesla_data, close), data_check },
	[TESLA_EXPORTER] = { sizeof(struct tesla_exporter), UP_TO(struct tesla_exporter, close),
			     exporter_check },
};

/* What both sides know; the rest stays zero. */
static int table_copy(const struct loader *l, const char *what, void *to, size_t size, size_t least,
		      const void *from, size_t its_size, struct tesla_error *err)
{
	if (its_size < least || its_size > TABLE_MAX)
		return refused(l, err, "its %s has %zu bytes, expected %zu to %d", what, its_size,
			       least, TABLE_MAX);
	memcpy(to, from, its_size < size ? its_size : size);
	return 0;
}

static int operations_copy(struct loader *l, struct tesla_error *err)
{
	const struct kind *k = &kinds[l->plugin.kind];
	const struct tesla_driver *theirs = l->plugin.driver; /* any: all begin with a size */
	int r;

	if (theirs == NULL)
		return refused(l, err, "it has no operations");
	r = table_copy(l, "table of operations", &l->driver, k->size, k->least, theirs,
		       theirs->size, err);
	l->plugin.driver = &l->driver;
	return r != 0 ? r : k->check(l, err);
}

static size_t aliases_count(const struct tesla_plugin *p)
{
	size_t n = 0;

	while (p->aliases != NULL && n <= ALIASES_MAX && p->aliases[n] != NULL)
		n++;
	return n;
}

static bool called(const struct tesla_plugin *p, const char *name)
{
	if (strcmp(p->name, name) == 0)
		return true;
	for (size_t i = 0; i < aliases_count(p); i++)
		if (strcmp(p->aliases[i], name) == 0)
			return true;
	return false;
}

static int identity_check(const struct loader *l, enum tesla_kind kind, const char *name,
			  struct tesla_error *err)
{
	const struct tesla_plugin *p = &l->plugin;

	if (p->kind < TESLA_DRIVER || p->kind > TESLA_EXPORTER)
		return refused(l, err, "it is a plugin of kind %u, unknown to this version",
			       p->kind);
	if (kind != 0 && p->kind != kind)
		return refused(l, err, "it is a plugin of kind %s, expected %s",
			       loader_kind_name(p->kind), loader_kind_name(kind));
	if (!text_ok(p->name) || !text_ok(p->version))
		return refused(l, err, "its name or version is missing");
	if (aliases_count(p) > ALIASES_MAX)
		return refused(l, err, "it has more than %d aliases", ALIASES_MAX);
	if (name != NULL && !called(p, name))
		return refused(l, err, "it is called \"%s\", expected \"%s\"", p->name, name);
	return 0;
}

int loader_adopt(struct loader *l, const struct tesla_plugin *foreign, enum tesla_kind kind,
		 const char *name, struct tesla_error *err)
{
	int r;

	if (foreign->magic != TESLA_MAGIC)
		return refused(l, err, "tesla_plugin begins with 0x%08x, expected 0x%08x",
			       foreign->magic, TESLA_MAGIC);
	if (foreign->abi_major != TESLA_ABI_MAJOR)
		return refused(l, err, "it was built for plugin interface %u.%u, this is %u.%u",
			       foreign->abi_major, foreign->abi_minor, TESLA_ABI_MAJOR,
			       TESLA_ABI_MINOR);
	r = table_copy(l, "descriptor", &l->plugin, sizeof l->plugin,
		       UP_TO(struct tesla_plugin, driver), foreign, foreign->size, err);
	if (r == 0)
		r = identity_check(l, kind, name, err);
	if (r == 0)
		r = params_check(l, err);
	return r != 0 ? r : operations_copy(l, err);
}

/* ---- opening ---- */

/* dlerror() begins with the path, which our sentence has already. */
static const char *dl_reason(const char *path)
{
	const char *text = dlerror();
	size_t len = strlen(path);

	if (text == NULL)
		return "unknown reason";
	if (strncmp(text, path, len) == 0 && strncmp(text + len, ": ", 2) == 0)
		return text + len + 2;
	return text;
}

/*
 * libltdl binds lazily: a plugin with a missing symbol would load and die in the middle of a call.
 * So all symbols are bound first by dlopen(); libltdl then finds it loaded.
 */
static int object_open(struct loader *l, struct tesla_error *err)
{
	void *now = dlopen(l->path, RTLD_NOW | RTLD_LOCAL);

	if (now == NULL)
		return tesla_fail(err, -ENOEXEC, "%s cannot be loaded: %s", l->path,
				  dl_reason(l->path));
	l->handle = lt_dlopen(l->path);
	(void)dlclose(now);
	if (l->handle == NULL)
		return tesla_fail(err, -ENOEXEC, "%s cannot be loaded: %s", l->path, lt_dlerror());
	return 0;
}

static int loader_load(struct loader *l, enum tesla_kind kind, const char *name,
		       struct tesla_error *err)
{
	const struct tesla_plugin *foreign;
	int r = file_check(l->path, err);

	if (r == 0)
		r = object_open(l, err);
	if (r != 0)
		return r;
	foreign = lt_dlsym(l->handle, "tesla_plugin");
	if (foreign == NULL)
		return refused(l, err, "it has no tesla_plugin, so it is no plugin of Tesla");
	return loader_adopt(l, foreign, kind, name, err);
}

int loader_open(const char *path, enum tesla_kind kind, const char *name, struct loader **ret,
		struct tesla_error *err)
{
	struct loader *l = calloc(1, sizeof *l);
	int r;

	if (l == NULL || lt_dlinit() != 0) { /* counted: loader_close undoes it */
		free(l);
		return tesla_fail(err, -ENOMEM, "%s: no memory", path);
	}
	l->path = realpath(path, NULL);
	r = l->path ? loader_load(l, kind, name, err)
		    : tesla_fail(err, -errno, "%s: %s", path, strerror(errno));
	if (r != 0)
		loader_close(l);
	else
		*ret = l;
	return r;
}

void loader_close(struct loader *l)
{
	if (l == NULL)
		return;
	if (l->handle != NULL)
		(void)lt_dlclose(l->handle);
	(void)lt_dlexit();
	free(l->path);
	free(l);
}

/* ---- parameters ---- */

static int conf_row(const struct tesla_param *row, const struct loader_pair *pairs, size_t n,
		    void *conf, struct tesla_error *err)
{
	const char *value = row->dflt;
	bool given = false;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(pairs[i].name, row->name) == 0) {
			value = pairs[i].value;
			given = true;
		}
	}
	if (!given && (row->flags & TESLA_REQUIRED))
		return tesla_fail(err, -EINVAL, "%s is missing", row->name);
	return value != NULL ? param_set(row, value, conf, err) : 0;
}

int loader_conf(const struct loader *l, const struct loader_pair *pairs, size_t n, void **conf,
		struct tesla_error *err)
{
	_cleanup_free_ void *c = calloc(1, l->plugin.conf_size ? l->plugin.conf_size : 1);
	int r = 0;

	if (c == NULL)
		return tesla_fail(err, -ENOMEM, "%s: no memory", l->plugin.name);
	for (const struct tesla_param *p = l->plugin.params; p && p->type != TESLA_T_END; p++) {
		r = conf_row(p, pairs, n, c, err);
		if (r != 0)
			return r;
	}
	if (l->plugin.check != NULL)
		r = l->plugin.check(c, err);
	if (r != 0)
		return r;
	*conf = c;
	c = NULL;
	return 0;
}
