/* SPDX-License-Identifier: MIT */
#include "base/notify.h"

#ifdef HAVE_LIBSYSTEMD

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <systemd/sd-daemon.h>

#define STATUS_MAX 256

void notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void notify_status(const char *fmt, ...)
{
	static const char prefix[] = "STATUS=";
	char text[sizeof prefix + STATUS_MAX];
	size_t at = sizeof prefix - 1;
	va_list ap;

	memcpy(text, prefix, at);
	va_start(ap, fmt);
	int n = vsnprintf(text + at, sizeof text - at, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;

	/* A line break would begin another assignment. */
	for (char *p = text + at; *p; p++) {
		if (*p == '\n')
			*p = ' ';
	}
	sd_notify(0, text);
}

void notify_watchdog(void)
{
	sd_notify(0, "WATCHDOG=1");
}

uint64_t notify_watchdog_interval_ms(void)
{
	uint64_t us = 0;

	return sd_watchdog_enabled(0, &us) > 0 ? us / 1000 : 0;
}

int notify_listen_fds(int *first_fd)
{
	int n = sd_listen_fds(1);

	if (n > 0)
		*first_fd = SD_LISTEN_FDS_START;
	return n;
}

#else

void notify_ready(void)
{
}

void notify_stopping(void)
{
}

void notify_status(const char *fmt, ...)
{
	(void)fmt;
}

void notify_watchdog(void)
{
}

uint64_t notify_watchdog_interval_ms(void)
{
	return 0;
}

int notify_listen_fds(int *first_fd)
{
	(void)first_fd;
	return 0;
}

#endif
