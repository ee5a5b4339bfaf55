/* SPDX-License-Identifier: MIT */
#include "base/log_sink.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/metrics.h"

static atomic_int form = LOG_FORM_TEXT;
static atomic_int line_fd = STDERR_FILENO;
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

void log_sink_set(enum log_format format, int fd)
{
	atomic_store(&line_fd, fd);
	atomic_store(&form, (int)form_of(format, fd));
}

enum log_form log_sink_form(void)
{
	return (enum log_form)atomic_load_explicit(&form, memory_order_relaxed);
}

/*
 * A rest that a pipe did not take is tried again. A log that cannot be written
 * must not stop the service.
 */
void log_sink_write(const char *p, size_t n)
{
	int fd = atomic_load_explicit(&line_fd, memory_order_relaxed);

	while (n > 0) {
		ssize_t r = write(fd, p, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0) {
			metrics_add(METRIC_LOG_LINES_LOST, 1);
			return;
		}
		p += r;
		n -= (size_t)r;
	}
}

bool log_sink_send(const char *p, size_t n)
{
	int fd = atomic_load_explicit(&journal_fd, memory_order_relaxed);

	return sendto(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL,
		   (const struct sockaddr *)&journal, sizeof(journal)) >= 0;
}
