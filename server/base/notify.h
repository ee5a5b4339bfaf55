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

#include <stdint.h>

#include <spillway/base.h>

/** Say that requests are answered now. */
void notify_ready(void);

/** Say that the stop has begun. */
void notify_stopping(void);

/** Set the one line shown by `systemctl status`; cut at 256 bytes. */
void notify_status(const char *fmt, ...) SPW_PRINTF(1, 2);

/** Say that the service is alive. */
void notify_watchdog(void);

/** How often at least notify_watchdog() is expected; 0 is not at all. */
uint64_t notify_watchdog_interval_ms(void);

/**
 * Take over the sockets of socket activation; they are close-on-exec and the
 * environment is cleared, so a second call finds none.
 *
 * Returns:   how many there are; `*first_fd` and the next ones. With 0 it is
 *            left alone.
 * Errors:    -errno for an environment that cannot be right.
 */
int notify_listen_fds(int *first_fd);

#endif
