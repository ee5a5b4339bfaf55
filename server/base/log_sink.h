/* SPDX-License-Identifier: MIT */
/*
 * Where lines of the log go: to a descriptor, or to the journal, as entries of
 * fields. For log.c and log_access.c; everybody else uses log.h.
 *
 * An entry is one datagram to the journal's socket, whose address is looked up
 * each time, since the journal may be started anew. One that it does not take
 * at once is written to the descriptor instead, as a line.
 *
 * Nobody waits for whoever reads the log. The descriptor is others' as well, so
 * it is not made non-blocking: a socket has a flag of its own for each call,
 * and else the system is asked first whether there is room. A pipe that has
 * some takes PIPE_BUF bytes. A regular file takes all, or hangs with its disk:
 * once there may be threads (log_begin()) one of the log's own writes it, from
 * a queue (log_queue.h). What does not go is dropped and counted, and the next
 * line that goes tells how many did not. What the queue had no room for is told
 * behind what it had, and what is untold at log_end() there, if it goes.
 * Who else writes to the same pipe, and fills it between question and write,
 * could still hold up a line: a pipe of one's own is the service manager's
 * usual way.
 *
 * Threads: any.
 * Source:  systemd's documentation, "Native Journal Protocol"
 */
#ifndef BASE_LOG_SINK_H
#define BASE_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

enum log_form {
	LOG_FORM_TEXT,
	LOG_FORM_JSON,
	LOG_FORM_PREFIX, /* sd-daemon(3), for a descriptor */
	LOG_FORM_ENTRY,	 /* fields, for the journal's socket */
};

/** What each entry has: whose it is, whatever program this is part of. */
#define LOG_ENTRY_WHO "SYSLOG_IDENTIFIER=spillwayd\n"

/** See log_init(). */
void log_sink_set(enum log_format format, int fd);

/** Returns: in which form the next line is to be. */
enum log_form log_sink_form(void);

/**
 * Write whole lines, of which those that do not go at once are lost. One that
 * is longer than PIPE_BUF may lose its end.
 */
void log_sink_write(const char *p, size_t n);

/**
 * Hand over an entry: lines NAME=value.
 *
 * Returns:   false when the journal does not take it: then a line is to be
 *            written in LOG_FORM_PREFIX.
 */
bool log_sink_send(const char *p, size_t n) SPW_MUST_CHECK;

/** Room for log_put_lost(). */
#define LOG_LOST_SIZE 256

/** For the sink, in log.c: put a line that tells of `n` lost ones. */
char *log_put_lost(char *o, enum log_form form, unsigned n);

#endif
