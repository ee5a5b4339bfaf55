/* SPDX-License-Identifier: MIT */
/*
 * Lines of the log that wait for a file, and the thread that writes them there:
 * a disk that hangs takes that thread along, and nobody who logs.
 *
 *   log_queue_open() -> log_queue_put() ... -> log_queue_close()
 *
 * Two buffers of LOG_QUEUE_MAX bytes: one fills while the other is written. So
 * lines keep their order, and none is lost before the disk is that far behind.
 * What waits is lost when the process is killed.
 *
 * There is one for the process, like the log. Whoever opens it again shares it.
 *
 * Threads: any.
 */
#ifndef BASE_LOG_QUEUE_H
#define BASE_LOG_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include <spillway/base.h>

#define LOG_QUEUE_MAX ((size_t)1 << 20)

/**
 * Begin. `write` gets whole lines, on the thread, and may block.
 *
 * Errors:    -ENOMEM; -EAGAIN there can be no thread.
 */
int log_queue_open(void (*write)(const char *p, size_t n)) SPW_MUST_CHECK;

bool log_queue_is_open(void);

/**
 * Have lines written: all of them, or none. Does not wait.
 *
 * Errors:    -EAGAIN there is no room; -EPIPE it is not open.
 */
int log_queue_put(const char *p, size_t n) SPW_MUST_CHECK;

/** When all who opened it have called this: write what waits, and end. */
void log_queue_close(void);

#endif
