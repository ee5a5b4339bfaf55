/* SPDX-License-Identifier: MIT */
#include "base/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

struct start {
	const char *name;
	void *(*fn)(void *);
	void *arg;
};

/*
 * Freeing is the first thing a thread does: an allocator that has something
 * for each thread makes it then, while there is memory. jemalloc crashes where
 * there is none.
 */
static void *begin(void *arg)
{
	struct start s = *(struct start *)arg;

	free(arg);
	/* Its own: the C library finds another's through /proc, which is out of
	   reach in the sandbox. */
	pthread_setname_np(pthread_self(), s.name);
	return s.fn(s.arg);
}

int thread_start(
    pthread_t *ret, const char *name, void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	struct start *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;

	*s = (struct start){name, fn, arg};
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int err = pthread_create(ret, NULL, begin, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		free(s);
		return -err;
	}
	return 0;
}
