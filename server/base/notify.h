/* SPDX-License-Identifier: MIT */
/*
 * What the service manager is told and what it hands over: readiness, status,
 * watchdog, listening sockets (sd_notify(3), sd_listen_fds(3)).
 *
 * Built without libsystemd, or run without a service manager, every call does
 * nothing and answers 0.
 * Threads: notify_listen_fds() before there are others (it changes the
 * environment), the rest from any thread.
 */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include <spillway/base.h>

/** Say that requests are answered now. */
void notify_ready(void);

/** Say that the configuration is read anew; notify_ready() ends that. */
void notify_reloading(void);

/** Say that the stop has begun. */
void notify_stopping(void);

/** Set the one line shown by `systemctl status`; cut at 256 bytes. */
void notify_status(const char *fmt, ...) SPW_PRINTF(1, 2);

/** Say that the service is alive. */
void notify_watchdog(void);

/** How often at least notify_watchdog() is expected; 0 is not at all. */
uint64_t notify_watchdog_interval_ms(void);

/**
 * Have listening sockets kept for the next start, which is handed them like
 * those of socket activation, in place of those that were kept before.
 *
 * Returns:   whether there is a service manager to ask; how many it takes is
 *            its own business (FileDescriptorStoreMax=).
 */
bool notify_keep_fds(const int *fds, unsigned count);

/* Sockets that were handed over. */
struct notify_fds {
	int first; /* the others follow */
	int count;
	uint64_t kept; /* bit i: by notify_keep_fds(), of the first 64 */
};

/**
 * Take over the sockets of socket activation, and those that were kept; they
 * are close-on-exec and the environment is cleared, so a second call finds
 * none.
 *
 * Returns:   how many there are; with 0 `*ret` is all zeros.
 * Errors:    -errno for an environment that cannot be right.
 */
int notify_listen_fds(struct notify_fds *ret);

#endif
