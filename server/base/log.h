/* SPDX-License-Identifier: MIT */
/*
 * The daemon's log and its access log.
 *
 * A message is one line and one write(), so lines of several threads never
 * mix. Everything in it that a client could have sent is harmless: control
 * characters, others that end lines or turn text around, backslashes and bytes
 * that are not UTF-8 are escaped (\n, \t, \r, \\, \xNN; in JSON as JSON does),
 * so nobody can forge a line or speak to the terminal of the reader. Messages
 * are cut at LOG_MESSAGE_MAX bytes.
 *
 *   text     2026-11-21T06:00:00.123Z warn   [REQUEST TRACE] message
 *   json     {"time":"...","level":"warn","request_id":"...",
 *            "trace_id":"...","span_id":"...","message":"..."}
 *   journal  an entry with the fields PRIORITY, SYSLOG_IDENTIFIER, REQUEST_ID,
 *            TRACE_ID, SPAN_ID and MESSAGE; where there is no journal:
 *            <4>[REQUEST TRACE] message     (sd-daemon(3) prefixes, no time)
 *
 * The request is there when the line was written for one (log_for()), the
 * trace when the client told of one.
 *
 * Nobody waits for the log's reader, or disk: lines that do not go at once are
 * counted (log_lines_lost_total) and dropped, and when lines go again, the
 * first says how many were. See log_sink.h.
 *
 * Access lines are collected in one `struct access_buf` per loop thread and
 * written in blocks of whole lines. In text (one line here):
 *
 *   2026-11-21T06:00:00.123Z access 192.0.2.7 "GET /files/k3v" 200 in=0
 *   out=1234 us=87 request_id="..." trace_id="-" referer="-"
 *   user_agent="curl/7.88.1" token="-"
 *
 * and in JSON an object with the names of `struct log_access` and the level
 * "access"; in the journal fields of these names in capitals, and the text as
 * MESSAGE. Entries of the journal are not collected.
 *
 * State: besides the counters of metrics.h and the meters of incident.h this
 * module has the only writable globals of the server: the level, the format,
 * descriptor, journal and lost lines (log_sink.c), the queue of lines for a
 * file (log_queue.c), and for each thread whom it
 * works for. Level and format are set at start and on a reload, descriptor and
 * journal at start.
 * Threads: every call from any thread; one thread at a time for one
 * access_buf.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>

#include "base/id.h"
#include "common/traceparent.h"

enum log_level {
	LOG_LEVEL_ERROR, /* something is lost or cannot be served */
	LOG_LEVEL_WARN,	 /* works, but somebody should look */
	LOG_LEVEL_INFO,	 /* start, stop, reload */
	LOG_LEVEL_DEBUG, /* for developers */
};

enum log_format {
	LOG_FORMAT_AUTO, /* journal, if that is where it goes, else text */
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JSON,
	LOG_FORMAT_JOURNAL,
};

/** Longest message in bytes; the rest is cut and shown as "...". */
#define LOG_MESSAGE_MAX 2048
#define LOG_ACCESS_BUF_SIZE ((size_t)32 * 1024)

/** Messages above it are not even formatted. Read by the macros only. */
extern atomic_int log_threshold;

/**
 * Say where the journal's socket is, which log_init() opens when the format
 * calls for it. Without this, or when there can be no socket, lines for the
 * journal go to log_init()'s descriptor.
 *
 * Errors:    -ENAMETOOLONG; then there is none.
 * Threads:   before there are others.
 */
int log_journal(const char *path);

/**
 * Say what is logged, how and where. Before it, errors, warnings and
 * information go to standard error as text.
 *
 * Ownership: `fd` stays the caller's and must stay open.
 * Threads:   may be called again while others log (a reload).
 */
void log_init(enum log_level level, enum log_format format, int fd);

/* Whom a line is about. Begin it with `{0}`. */
struct log_request {
	char id[ID_LEN + 1]; /* "" until somebody asks for it */
	char trace_id[TRACE_ID_LEN + 1]; /* "": it told of none */
	char span_id[SPAN_ID_LEN + 1];	 /* what it is in that trace */
	unsigned trace_flags;
};

/**
 * Returns:   the request's id; made up at the first call.
 * Threads:   one at a time for one `r`.
 */
const char *log_request_id(struct log_request *r);

/**
 * There may be threads: where the log is a regular file, one of its own writes
 * what all others log from here on, so that nobody waits for the disk. Else it
 * does nothing. After log_init(), and behind a fork().
 *
 * Errors:    -ENOMEM; -EAGAIN there can be no thread.
 * Threads:   this and log_end(): one.
 */
int log_begin(void) SPW_MUST_CHECK;

/**
 * For each log_begin(): what waits is written, and how many lines were lost,
 * however long that takes.
 */
void log_end(void);

/**
 * From now on this thread works for `r` (NULL: for nobody), whose id goes
 * with each line that it writes.
 *
 * Returns:   for whom it did before.
 */
struct log_request *log_for(struct log_request *r);

/** Copy for whom this thread works. Returns: false when that is nobody. */
bool log_whom(struct log_request *ret);

/** Write one line. Use the macros below, which check the level first. */
void log_write(enum log_level level, const char *fmt, ...) SPW_PRINTF(2, 3);

#define LOG_AT(level, ...) \
	do { \
		if ((int)(level) <= atomic_load_explicit( \
					&log_threshold, memory_order_relaxed)) \
			log_write((level), __VA_ARGS__); \
	} while (0)
#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) LOG_AT(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)

/** One request; any pointer may be NULL. */
struct log_access {
	const char *client; /* address */
	const char *method;
	const char *target; /* as sent; need not be NUL-terminated */
	size_t target_len;
	int status;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t duration_us;
	const char *request_id;
	const char *trace_id;
	const char *span_id;
	const char *referer;
	const char *user_agent;
	const char *token; /* its name */
};

/** Begin it with `{0}`, in static or heap memory. */
struct access_buf {
	size_t len;
	int64_t second; /* the time `stamp` shows */
	char stamp[24];
	char data[LOG_ACCESS_BUF_SIZE];
};

/**
 * Append one access line; writes the buffer out first when it is full.
 * Long fields are cut, so that a line always fits.
 */
void log_access(struct access_buf *b, const struct log_access *a);

/** Write out what is collected; a loop does it when it goes idle. */
void access_flush(struct access_buf *b);

#endif
