/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <tesla/plugin.h>: all that a plugin sees of Tesla.  docs/plugin-guide.md explains it by example.
 *
 * A plugin is a shared object with one const `struct tesla_plugin tesla_plugin`, made by one of the
 * macros at the end.  It starts no thread, installs no signal handler and never parses XML.
 */
#ifndef TESLA_PLUGIN_H
#define TESLA_PLUGIN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TESLA_ABI_MAJOR 1u /* layout or meaning changed: refused */
#define TESLA_ABI_MINOR 0u /* something appended: accepted */
#define TESLA_MAGIC 0x5e51a001u

enum tesla_kind { TESLA_DRIVER = 1, TESLA_DATA = 2, TESLA_EXPORTER = 3 };
enum tesla_threading { /* kept by the host, not by the plugin */
		       TESLA_SERIAL_INSTANCE =
			       0, /* one call at a time per instance (the default) */
		       TESLA_SERIAL_PLUGIN =
			       1, /* one call at a time per .so: its library is not re-entrant */
};

/* ---- errors: 0 or a negative errno, and a sentence made where the cause is known ---- */

struct tesla_error {
	int code;
	char text[244];
};

/* Fills *err for the user to read; returns code, so that a caller can return it. */
__attribute__((format(printf, 3, 4))) static inline int tesla_fail(struct tesla_error *err,
								   int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err->code = code;
	(void)vsnprintf(err->text, sizeof err->text, fmt, ap);
	va_end(ap);
	return code;
}

/* ---- parameters: a table that config.xml is checked against before anything starts ---- */

enum tesla_type {
	TESLA_T_END,
	TESLA_T_INT,
	TESLA_T_REAL,
	TESLA_T_BOOL,
	TESLA_T_STR,
	TESLA_T_CHOICE,
	TESLA_T_MS
};
#define TESLA_REQUIRED (1u << 0)
#define TESLA_SECRET (1u << 1) /* never printed, never logged */

struct tesla_param {
	const char *name;
	enum tesla_type type;
	uint32_t flags;
	size_t offset;	  /* into the plugin's own conf struct */
	const char *dflt; /* as a user would write it; NULL: 0, false or NULL */
	double min, max;  /* as stored (ms for TESLA_T_MS); both 0: no bounds */
	const char *unit;
	const char *const *choices; /* NULL-terminated, for TESLA_T_CHOICE; stored as its index */
	const char *help;	    /* one sentence: becomes the man page */
};

/* Refuses to compile when the member's type is not the parameter's. */
#define TESLA_OFF(S, F, T) (offsetof(S, F) * sizeof(char[_Generic(((S *)0)->F, T : 1)]))
#define TESLA_PARAM(NAME, TYPE, S, F, T, ...) \
	{ \
		.name = NAME, .type = TYPE, .offset = TESLA_OFF(S, F, T), __VA_ARGS__ \
	}
#define TESLA_P_INT(N, S, F, ...) TESLA_PARAM(N, TESLA_T_INT, S, F, int64_t, __VA_ARGS__)
#define TESLA_P_REAL(N, S, F, ...) TESLA_PARAM(N, TESLA_T_REAL, S, F, double, __VA_ARGS__)
#define TESLA_P_BOOL(N, S, F, ...) TESLA_PARAM(N, TESLA_T_BOOL, S, F, bool, __VA_ARGS__)
#define TESLA_P_MS(N, S, F, ...) TESLA_PARAM(N, TESLA_T_MS, S, F, int64_t, __VA_ARGS__)
#define TESLA_P_STR(N, S, F, ...) TESLA_PARAM(N, TESLA_T_STR, S, F, const char *, __VA_ARGS__)
#define TESLA_P_CHOICE(N, S, F, ...) TESLA_PARAM(N, TESLA_T_CHOICE, S, F, int, __VA_ARGS__)
#define TESLA_P_END \
	{ \
		.name = NULL, .type = TESLA_T_END \
	}

/* ---- what the host does for a driver or an exporter (a data plugin is pure and gets none) ---- */

enum tesla_frame_kind {
	TESLA_FRAME_SENT = 1,	  /* a request, as it went out */
	TESLA_FRAME_RECEIVED = 2, /* what came as its answer: right or wrong, whole or not */
	TESLA_FRAME_JUNK = 3,	  /* what was taken from the line and thrown away */
	TESLA_FRAME_LATE = 4,	  /* the same: it answers an older request */
};

struct tesla_host {
	uint32_t size;
	/* level as in syslog: 3 error, 4 warning, 6 info, 7 debug */
	void (*log)(const struct tesla_host *, int level, const char *fmt, ...)
		__attribute__((format(printf, 3, 4)));
	int64_t (*now_us)(const struct tesla_host *); /* monotonic */
	/* Appended: ask tesla_traced(), show with tesla_frame(). */
	uint32_t traced; /* not 0: somebody looks; it changes between two calls of a driver only */
	void (*frame)(const struct tesla_host *, enum tesla_frame_kind, const void *bytes,
		      size_t len);
};

/* False: nobody looks, or the host is older than that. */
static inline bool tesla_traced(const struct tesla_host *h)
{
	return h != NULL && h->size >= offsetof(struct tesla_host, frame) + sizeof h->frame &&
	       h->traced != 0;
}

/* A driver shows what went over the wire; nothing happens unless somebody looks. */
static inline void tesla_frame(const struct tesla_host *h, enum tesla_frame_kind kind,
			       const void *bytes, size_t len)
{
	if (tesla_traced(h))
		h->frame(h, kind, bytes, len);
}

/*
 * Bytes that grow.  The host owns the memory; a plugin adds with `append` and reads what is there.
 */
struct tesla_buf {
	uint8_t *bytes;
	size_t len;
	int (*append)(struct tesla_buf *, const void *bytes,
		      size_t len); /* 0, -ENOMEM, -EMSGSIZE */
};

/* ---- what is asked of a meter, and what it answered ---- */

#define TESLA_EVERY_VARIABLE (-1)
#define TESLA_BLOCK_CONNECT (1u << 0) /* read at connect, again when idle, and kept between */

struct tesla_block {
	uint16_t function, address, count; /* registers, for TESLA_TAKES_REGISTERS */
	uint16_t flags;
	/*
	 * Text, for TESLA_TAKES_COMMANDS; else NULL.  `count` is then how many characters the reply
	 * has, so that one of another length is none to this command; 0: any number of them.
	 */
	const char *command;
	int32_t variable;     /* index into `wanted`, or TESLA_EVERY_VARIABLE */
	uint32_t reserved[3]; /* 0 */
};

enum tesla_status {
	TESLA_REPLY_NONE = 0, /* not asked for in this sweep */
	TESLA_REPLY_OK = 1,
	TESLA_REPLY_TIMEOUT = 2,   /* nothing came */
	TESLA_REPLY_GARBLED = 3,   /* something came: wrong checksum, length, address or function */
	TESLA_REPLY_EXCEPTION = 4, /* the meter refused; `code` is its exception number */
	TESLA_REPLY_BROKEN = 5,	   /* the line itself failed: the host opens it anew */
};

struct tesla_reply {
	enum tesla_status status;
	int code;
	int64_t sent_us, received_us; /* monotonic: first byte out, last byte in; 0: unknown */
	struct tesla_buf *data; /* register bytes as on the wire (high byte first), or the text */
};

/* ---- a driver: moves bytes, knows no meter ---- */

enum tesla_line_kind { TESLA_LINE_SERIAL = 1, TESLA_LINE_TCP = 2, TESLA_LINE_RAW_TCP = 3 };

struct tesla_line { /* opened, set up, drained and reopened by the host */
	uint32_t size;
	enum tesla_line_kind kind;
	int fd;		      /* current until close; never closed by a driver */
	uint32_t baud;	      /* 0 on TCP; on raw TCP the converter's, or 0 */
	int64_t last_byte_us; /* monotonic; written by whoever used the line last */
	const char *name;     /* for messages: /dev/ttyS0, 10.0.0.7:502 */
};

#define TESLA_TAKES_REGISTERS (1u << 0)
#define TESLA_TAKES_COMMANDS (1u << 1)
#define TESLA_ON(kind) (1u << (kind)) /* for `lines`: TESLA_ON(TESLA_LINE_TCP) | ... */

struct tesla_driver {
	uint32_t size;
	uint32_t takes;
	uint32_t lines;		/* kinds of line it can use */
	uint32_t max_registers; /* in one transaction; 0: takes no registers */
	int (*open)(const void *conf, struct tesla_line *, const struct tesla_host *, void **self,
		    struct tesla_error *);
	/*
	 * One transaction, blocking, no retry; keeps the protocol's silence before it.  Returns 0
	 * and reply->status; *err says why when that is not TESLA_REPLY_OK.  Negative: our own
	 * failure (no memory).
	 */
	int (*read)(void *self, unsigned address, const struct tesla_block *, int64_t timeout_ms,
		    struct tesla_reply *, struct tesla_error *);
	void (*close)(void *self);
	/*
	 * Optional: who are you?  Like read; the text goes to reply->data.  After a refusal, or an
	 * empty text, the host asks once more: a driver may know another way.
	 */
	int (*identify)(void *self, unsigned address, int64_t timeout_ms, struct tesla_reply *,
			struct tesla_error *);
	/*
	 * Optional, all three or none, for network lines: `read` in two halves that never wait, so
	 * that the host can serve many lines from one thread.  The host looks at what has come
	 * without taking it, asks `whole`, and calls `receive` once the reply is there.  `request`
	 * leaves reply->status at TESLA_REPLY_NONE when the request is on its way.  A NULL block
	 * asks what `identify` asks.
	 */
	int (*request)(void *self, unsigned address, const struct tesla_block *,
		       struct tesla_reply *, struct tesla_error *);
	/*
	 * How long the reply is in all; 0: more bytes are needed to say; -EBADMSG: this is no
	 * reply.
	 */
	int (*whole)(void *self, const uint8_t *bytes, size_t len);
	/* TESLA_REPLY_NONE: what came answers an older request and was thrown away; wait on. */
	int (*receive)(void *self, unsigned address, const struct tesla_block *,
		       struct tesla_reply *, struct tesla_error *);
	/*
	 * Appended.  The addresses that a meter can have where several share a line (serial, raw
	 * TCP): a configuration with another one is refused.  last_address 0: any.
	 */
	uint16_t first_address, last_address;
};

/* ---- what kind of meter it is: a model file of etc/models/, read by the core ---- */

enum tesla_raw {
	TESLA_INT16 = 1,
	TESLA_UINT16,
	TESLA_INT32,
	TESLA_UINT32,
	TESLA_INT64,
	TESLA_UINT64,
	TESLA_FLOAT32,
	TESLA_FLOAT64,
	TESLA_BCD16, /* packed decimal: four digits in a register, the highest first */
	TESLA_BCD32,
	TESLA_BCD64,
	TESLA_DECIMAL, /* of a command's reply: the number as text */
};
enum tesla_word_order { TESLA_BIG = 0, TESLA_LITTLE = 1 }; /* which 16-bit word comes first */
enum tesla_variable_kind { TESLA_GAUGE = 1, TESLA_COUNTER = 2, TESLA_STATUS = 3 };

struct tesla_scale { /* a register that holds a power of ten, int16 */
	const char *name;
	uint16_t function, address;
	int16_t min, max; /* exponents that make sense; others: unavailable */
	unsigned index;	  /* of this row in the model */
};

struct tesla_register {	   /* where one element is, and what it means */
	const char *label; /* "L1", "total", "N", "12" */
	uint16_t function, address, count;
	enum tesla_raw type;
	enum tesla_word_order order;
	double scale, offset;			  /* value = (raw x 10^register) x scale + offset */
	const struct tesla_scale *scale_register; /* NULL: none */
	bool has_sentinel;
	uint64_t sentinel; /* raw bits, low `16 * count`: "not available" */
	bool has_max;
	double max; /* of |raw|; beyond it: not available */
	bool has_modulus;
	double modulus;	    /* of a counter: raw, it begins from 0 again there; not said: 2^width */
	bool bytes_swapped; /* in each register the low byte comes first */
	uint64_t mask;	    /* 0: all bits; else the raw value is these, moved down to bit 0 */
	/* NULL: registers, as above.  Else the element is a field of the reply to this text. */
	const char *command;
	uint16_t field, digits; /* which one, from 0; how many characters each has */
};

struct tesla_value { /* what a status says when it is this number */
	int64_t number;
	const char *text;
};

struct tesla_variable {
	const char *name, *unit, *description;
	enum tesla_variable_kind kind;
	double predecessor_factor; /* old formats carry value x this */
	size_t n_elements;
	const struct tesla_register *const *elements;
	double rating; /* a counter grows by no more in an hour, in its unit; 0: not known */
	/* NULL, or the rating is times 10^register: the data plugin asks for that register too. */
	const struct tesla_scale *rating_scale;
	size_t n_values; /* of a status whose numbers have names; 0: they have none */
	const struct tesla_value *const *values;
};

struct tesla_model {
	uint32_t size;
	const char *name, *manufacturer;
	uint32_t max_registers;	 /* the meter's own limit in one read; 0: the driver's */
	bool scales_every_sweep; /* false: scale registers are TESLA_BLOCK_CONNECT blocks */
	size_t n_variables, n_scales;
	const struct tesla_variable *const *variables;
	const struct tesla_scale *const *scales;
};

/* ---- a data plugin: knows a meter, moves nothing; pure: no I/O, no clock, no state ---- */

enum tesla_quality {
	TESLA_GOOD = 0,
	TESLA_UNAVAILABLE = 1,
	TESLA_SUSPECT = 2,
	TESLA_ERROR = 3,
	TESLA_STALE = 4
};
struct tesla_element {
	double value;
	enum tesla_quality quality;
}; /* value: only when good, suspect */

struct tesla_data {
	uint32_t size;
	uint32_t takes; /* which blocks it makes: TESLA_TAKES_... */
	int (*open)(const void *conf, const struct tesla_model *,
		    const struct tesla_variable *const *wanted, size_t n, void **self,
		    struct tesla_error *);
	/* The blocks that are needed, told once; they live as long as self. */
	size_t (*blocks)(const void *self, const struct tesla_block **blocks);
	/*
	 * One reply per block, in the order of blocks().  Fills the elements of all wanted
	 * variables, one after the other; those whose blocks were not read get TESLA_ERROR.
	 */
	int (*decode)(const void *self, const struct tesla_reply *replies,
		      struct tesla_element *out, struct tesla_error *);
	void (*close)(void *self);
};

/* ---- an exporter: takes readings (or, from the journal, records) to somewhere else ---- */

struct tesla_reading {
	const char *variable, *unit;
	int64_t t_ms; /* midway between request and reply; UTC, since 1970 */
	double dt_ms; /* half-width: t is known to +- this */
	uint64_t k;   /* count of this topic's messages since epoch */
	size_t n_elements;
	const struct tesla_element *elements;
};

/* What is kept of one element over a recording interval. */
struct tesla_record_element {
	double value;	    /* gauge: time-weighted mean; counter, status: the last one; else NAN */
	double min, max;    /* of a gauge's good values; else NAN */
	double increase;    /* of a counter over the window; NAN: not known */
	int64_t covered_ms; /* how much of the window good readings stand for */
	uint32_t count;	    /* good readings in the window */
	/*
	 * good: the value is there.  suspect: it is there, but the counter was reset or leapt and
	 * `increase` leaves that step out.  unavailable, error: there is none, as in the last
	 * reading.
	 */
	enum tesla_quality quality;
};

struct tesla_record_variable {
	const char *name, *unit; /* "": no unit */
	enum tesla_variable_kind kind;
	double predecessor_factor; /* old formats carry value x this */
	size_t n_elements;
	const struct tesla_record_element *elements;
};

/*
 * The value as old formats carry it.  A factor such as 0.001 is no binary number: dividing by 1000
 * gives 58392.626 where multiplying gives 58392.626000000004.
 */
static inline double tesla_predecessor_value(const struct tesla_record_variable *v, double value)
{
	double f = v->predecessor_factor,
	       whole = f >= 1e-9 && f < 1 ? (double)(int64_t)(1 / f + 0.5) : 0;

	return whole > 0 && 1 / whole == f ? value / whole : value * f;
}

enum tesla_item_kind {
	TESLA_SWEEP = 1,
	TESLA_RECORD = 2,
	TESLA_STATUS_CHANGE = 3,
	TESLA_HEARTBEAT = 4
};

struct tesla_item {
	enum tesla_item_kind kind;
	int64_t analyzer; /* 0 for a heartbeat */
	/*
	 * UTC, since 1970; of a sweep: midway from its first request to its last reply; of a
	 * record: the end of its window.
	 */
	int64_t t_ms;
	double dt_ms;	   /* half-width: t is known to +- this */
	uint64_t n;	   /* sweep number; of a record from the journal: its place there */
	uint64_t k;	   /* of the topic, for a live record, a status change or a heartbeat */
	const char *error; /* why a sweep failed; NULL: it did not */
	const char *state, *reason; /* of a status change */
	size_t n_readings;
	const struct tesla_reading *const *readings;
	/* A record: (node, analyzer, t_ms) is its key; delivered twice, it is the same. */
	int64_t start_ms;	      /* of its window */
	const char *model, *identity; /* identity: what the meter says it is; NULL: unknown */
	size_t n_variables;	      /* in the order of the configuration */
	const struct tesla_record_variable *const *variables;
};

struct tesla_batch {
	uint32_t size;
	const char *node; /* id of the node */
	int64_t epoch_ms; /* when this core started */
	size_t n_items;
	const struct tesla_item *const *items;
	/*
	 * Monotonic; 0: none.  A durable exporter returns by then: what it leaves unset comes
	 * again at once, as long as something was DONE or REJECTed.
	 */
	int64_t deadline_us;
};

/* What became of a record that a durable exporter was given. */
enum tesla_delivery {
	TESLA_RETRY = 0,  /* later; what is left unset is this */
	TESLA_DONE = 1,	  /* the far end said that it has it */
	TESLA_REJECT = 2, /* never: goes to the reject list with `why` */
	TESLA_REFUSED = 3 /* we are not let in (401, 403): the exporter is paused, and says so */
};
struct tesla_verdict {
	enum tesla_delivery delivery;
	struct tesla_error why;
	int64_t retry_ms; /* with RETRY: not before (Retry-After); 0: the core's back-off */
};
#define TESLA_LIVE (1u << 0) /* everything as it comes, never retried */

struct tesla_exporter {
	uint32_t size;
	uint32_t caps;
	int (*open)(const void *conf, const struct tesla_host *, void **self, struct tesla_error *);
	/*
	 * verdicts: one per item, all RETRY at first; a live exporter leaves them.  Records come in
	 * the order in which they were made; when one is RETRY, leave the later ones of its
	 * analyzer unset: they come again with it, the others' go on.  Negative: nothing more could
	 * be done, *err says why; verdicts that were set count.  A record may come again although
	 * it was DONE, when the daemon was killed.
	 */
	int (*deliver)(void *self, const struct tesla_batch *, struct tesla_verdict *verdicts,
		       struct tesla_error *);
	void (*close)(void *self);
};

/* ---- the descriptor ---- */

struct tesla_plugin {
	uint32_t magic;
	uint16_t abi_major, abi_minor;
	uint32_t size; /* of this struct, when the plugin was built */
	uint16_t kind, threading;
	const char *name, *version, *help;
	const char *const *aliases;	  /* NULL-terminated, or NULL */
	const struct tesla_param *params; /* ended by TESLA_P_END, or NULL */
	size_t conf_size;
	int (*check)(const void *conf,
		     struct tesla_error *); /* optional: what a table cannot say */
	union {				    /* by kind; each begins with its own size */
		const struct tesla_driver *driver;
		const struct tesla_data *data;
		const struct tesla_exporter *exporter;
	};
};

extern __attribute__((visibility("default"))) const struct tesla_plugin tesla_plugin;

#define TESLA_PLUGIN_(KIND, NAME, VERSION, ...) \
	const struct tesla_plugin tesla_plugin = { .magic = TESLA_MAGIC, \
						   .abi_major = TESLA_ABI_MAJOR, \
						   .abi_minor = TESLA_ABI_MINOR, \
						   .size = sizeof(struct tesla_plugin), \
						   .kind = KIND, \
						   .name = NAME, \
						   .version = VERSION, \
						   __VA_ARGS__ }
#define TESLA_DRIVER_PLUGIN(N, V, OPS, ...) \
	TESLA_PLUGIN_(TESLA_DRIVER, N, V, .driver = OPS, __VA_ARGS__)
#define TESLA_DATA_PLUGIN(N, V, OPS, ...) TESLA_PLUGIN_(TESLA_DATA, N, V, .data = OPS, __VA_ARGS__)
#define TESLA_EXPORTER_PLUGIN(N, V, OPS, ...) \
	TESLA_PLUGIN_(TESLA_EXPORTER, N, V, .exporter = OPS, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
