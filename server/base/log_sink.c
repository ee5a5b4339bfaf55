/* SPDX-License-Identifier: MIT */
#include "base/log_sink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log_queue.h"
#include "base/metrics.h"

static atomic_int form = LOG_FORM_TEXT;
static atomic_int line_fd = STDERR_FILENO;
/* How that is written to. */
enum way { WAY_ASK, WAY_SOCKET, WAY_FILE };
static atomic_int way = WAY_ASK;
/* Between the question and the write nobody else of us writes. */
static pthread_mutex_t line_lock = PTHREAD_MUTEX_INITIALIZER;
static bool torn; /* the last line has no end; under the lock */
static atomic_uint lost; /* lines, since it was told */
/* Lines for which the queue has no room: behind what is in it. */
static atomic_uint refused;
static atomic_int journal_fd = -1;
/* Set before there are threads; no path: there is no journal. */
static struct sockaddr_un journal = {.sun_family = AF_UNIX};

int log_journal(const char *path)
{
	size_t n = strlen(path);

	if (n >= sizeof(journal.sun_path))
		return -ENAMETOOLONG;

	memcpy(journal.sun_path, path, n + 1);
	return 0;
}

/* Does what is written there get to the journal? Source: systemd.exec(5) */
static bool is_journal(int fd)
{
	const char *named = getenv("JOURNAL_STREAM");
	char text[64];
	struct stat st;

	if (!named || fstat(fd, &st) < 0)
		return false;

	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return strcmp(text, named) == 0;
}

/* Once opened it stays so: somebody may be using it. */
static bool open_journal(void)
{
	int fd = atomic_load(&journal_fd);

	if (fd < 0 && *journal.sun_path) {
		fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		atomic_store(&journal_fd, fd);
	}
	return fd >= 0;
}

static enum log_form form_of(enum log_format format, int fd)
{
	switch (format) {
	case LOG_FORMAT_JSON:
		return LOG_FORM_JSON;
	case LOG_FORMAT_AUTO:
		if (!is_journal(fd))
			return LOG_FORM_TEXT;
		/* fall through */
	case LOG_FORMAT_JOURNAL:
		return open_journal() ? LOG_FORM_ENTRY : LOG_FORM_PREFIX;
	default:
		return LOG_FORM_TEXT;
	}
}

static enum way way_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return WAY_ASK;
	return S_ISSOCK(st.st_mode)  ? WAY_SOCKET
	       : S_ISREG(st.st_mode) ? WAY_FILE
				     : WAY_ASK;
}

void log_sink_set(enum log_format format, int fd)
{
	atomic_store(&way, (int)way_of(fd));
	atomic_store(&line_fd, fd);
	atomic_store(&form, (int)form_of(format, fd));
}

enum log_form log_sink_form(void)
{
	return (enum log_form)atomic_load_explicit(&form, memory_order_relaxed);
}

/* Returns: the bytes that went at once; less than 1: none do. */
static ssize_t put(int fd, enum way how, const char *p, size_t n)
{
	struct pollfd room = {.fd = fd, .events = POLLOUT};

	if (how == WAY_SOCKET)
		return send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (how == WAY_ASK &&
	    (poll(&room, 1, 0) < 1 || !(room.revents & POLLOUT))) {
		errno = EAGAIN;
		return -1;
	}
	return write(fd, p, n);
}

/* How much of these lines is written at a time: lines that are whole, unless
   one is longer than all that a pipe takes. */
static size_t piece_of(enum way how, const char *p, size_t n)
{
	const char *end;

	if (how != WAY_ASK || n <= PIPE_BUF)
		return n;

	end = memrchr(p, '\n', PIPE_BUF);
	return end ? (size_t)(end + 1 - p) : PIPE_BUF;
}

/* Returns: how many bytes did not go; under the lock. */
static size_t put_all(const char *p, size_t n)
{
	int fd = atomic_load_explicit(&line_fd, memory_order_relaxed);
	enum way how =
	    (enum way)atomic_load_explicit(&way, memory_order_relaxed);

	if (torn && put(fd, how, "\n", 1) < 1)
		return n;
	torn = false;
	while (n > 0) {
		ssize_t r = put(fd, how, p, piece_of(how, p, n));

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		torn = p[r - 1] != '\n';
		p += r;
		n -= (size_t)r;
	}
	return n;
}

static void lose(atomic_uint *count, const char *p, size_t n)
{
	const char *end = p + n;
	unsigned lines = 0;

	for (; (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	atomic_fetch_add(count, lines);
	metrics_add(METRIC_LOG_LINES_LOST, lines);
}

/* Before the next one. Returns: false when that does not go either. */
static bool tell_lost(bool (*tell)(const char *p, size_t n), enum log_form as)
{
	unsigned n = atomic_exchange(&lost, 0);
	char line[LOG_LOST_SIZE];

	if (!n)
		return true;
	const char *end = log_put_lost(line, as, n);
	if (tell(line, (size_t)(end - line)))
		return true;

	atomic_fetch_add(&lost, n);
	return false;
}

static bool tell_here(const char *p, size_t n)
{
	return put_all(p, n) == 0;
}

static bool tell_journal(const char *p, size_t n)
{
	int fd = atomic_load_explicit(&journal_fd, memory_order_relaxed);

	return sendto(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL,
		   (const struct sockaddr *)&journal, sizeof(journal)) >= 0;
}

/* Of an entry that the journal does not take there is a line. */
static enum log_form line_form(void)
{
	enum log_form as = log_sink_form();

	return as == LOG_FORM_ENTRY ? LOG_FORM_PREFIX : as;
}

/* Whoever waits here waits for the disk, if it is a file. */
static void write_now(const char *p, size_t n)
{
	size_t left = n;

	pthread_mutex_lock(&line_lock);
	if (tell_lost(tell_here, line_form()))
		left = put_all(p, n);
	pthread_mutex_unlock(&line_lock);
	lose(&lost, p + (n - left), left);
}

/* There may be no next line, so those are told without one. */
static void tell_now(unsigned more)
{
	atomic_fetch_add(&lost, more);
	pthread_mutex_lock(&line_lock);
	(void)tell_lost(tell_here, line_form());
	pthread_mutex_unlock(&line_lock);
}

/* By the queue's thread, which alone knows what the disk took: a line of the
   queue that told of lost ones could be lost itself. Those that were refused so
   far came behind these. */
static void write_queued(const char *p, size_t n)
{
	unsigned behind = atomic_exchange(&refused, 0);

	write_now(p, n);
	if (behind)
		tell_now(behind);
}

int log_begin(void)
{
	return atomic_load(&way) == WAY_FILE ? log_queue_open(write_queued) : 0;
}

void log_end(void)
{
	log_queue_close();
	/* With others the queue goes on, and tells. */
	if (!log_queue_is_open())
		tell_now(atomic_exchange(&refused, 0));
}

void log_sink_write(const char *p, size_t n)
{
	if (!n)
		return;

	int r = log_queue_is_open() ? log_queue_put(p, n) : -EPIPE;
	if (r == -EPIPE)
		write_now(p, n);
	else if (r < 0)
		lose(&refused, p, n);
}

bool log_sink_send(const char *p, size_t n)
{
	return tell_lost(tell_journal, LOG_FORM_ENTRY) && tell_journal(p, n);
}
