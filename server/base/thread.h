/* SPDX-License-Identifier: MIT */
/*
 * Threads of the server's own. Signals are for the main thread, so all others
 * block them.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

#include <spillway/base.h>

/**
 * Start one, to be joined; `name` has at most 15 characters and stays.
 *
 * Returns:   0.
 * Errors:    -ENOMEM; -EAGAIN there can be no thread.
 */
int thread_start(pthread_t *ret, const char *name, void *(*fn)(void *),
    void *arg) SPW_MUST_CHECK;

#endif
