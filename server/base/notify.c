/* SPDX-License-Identifier: MIT */
#include "base/notify.h"

#ifdef HAVE_LIBSYSTEMD

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#define STATUS_MAX 256
/* What the service manager calls the sockets that it keeps for us. */
#define KEPT "listen"

void notify_ready(void)
{
	sd_notify(0, "READY=1");
}

void notify_reloading(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

bool notify_keep_fds(const int *fds, unsigned count)
{
	/* A listening socket has nothing to be watched for. */
	return sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" KEPT) > 0 &&
	       sd_pid_notify_with_fds(0, 0,
		   "FDSTORE=1\nFDNAME=" KEPT "\nFDPOLL=0", fds, count) > 0;
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

int notify_listen_fds(struct notify_fds *ret)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	*ret = (struct notify_fds){0};
	if (n <= 0)
		return n;

	ret->first = SD_LISTEN_FDS_START;
	ret->count = n;
	for (int i = 0; i < n; i++) {
		if (i < 64 && strcmp(names[i], KEPT) == 0)
			ret->kept |= UINT64_C(1) << i;
		free(names[i]);
	}
	free(names);
	return n;
}

#else

void notify_ready(void)
{
}

void notify_reloading(void)
{
}

bool notify_keep_fds(const int *fds, unsigned count)
{
	(void)fds;
	(void)count;
	return false;
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

int notify_listen_fds(struct notify_fds *ret)
{
	*ret = (struct notify_fds){0};
	return 0;
}

#endif
