/* SPDX-License-Identifier: MIT */
#include "base/log_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	unsigned users;
	char *filling, *other;
	size_t len; /* of what fills */
	bool ends;
	void (*write)(const char *p, size_t n);
	pthread_t thread;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
static atomic_bool is_open; /* changes under the lock */
/* Who opens and closes takes turns. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

/* Returns: how much there is in `*ret`; 0: that was all. */
static size_t take(char **ret)
{
	pthread_mutex_lock(&queue.lock);
	while (!queue.len && !queue.ends)
		pthread_cond_wait(&queue.wake, &queue.lock);
	size_t n = queue.len;
	*ret = queue.filling;
	queue.filling = queue.other;
	queue.other = *ret;
	queue.len = 0;
	if (!n)
		atomic_store(&is_open, false);
	pthread_mutex_unlock(&queue.lock);
	return n;
}

static void *work(void *arg)
{
	char *p;
	size_t n;

	(void)arg;
	while ((n = take(&p)) > 0)
		queue.write(p, n);
	return NULL;
}

static void free_buffers(void)
{
	free(queue.filling);
	free(queue.other);
	queue.filling = queue.other = NULL;
}

static int start(void (*write)(const char *p, size_t n))
{
	queue.filling = malloc(LOG_QUEUE_MAX);
	queue.other = malloc(LOG_QUEUE_MAX);
	queue.len = 0;
	queue.ends = false;
	queue.write = write;
	int r = queue.filling && queue.other
		    ? thread_start(&queue.thread, "log", work, NULL)
		    : -ENOMEM;
	if (r < 0) {
		free_buffers();
		return r;
	}
	atomic_store(&is_open, true);
	return 0;
}

int log_queue_open(void (*write)(const char *p, size_t n))
{
	pthread_mutex_lock(&turn);
	int r = queue.users ? 0 : start(write);
	if (r == 0)
		queue.users++;
	pthread_mutex_unlock(&turn);
	return r;
}

bool log_queue_is_open(void)
{
	return atomic_load_explicit(&is_open, memory_order_relaxed);
}

int log_queue_put(const char *p, size_t n)
{
	int r = 0;

	pthread_mutex_lock(&queue.lock);
	if (!atomic_load(&is_open)) {
		r = -EPIPE;
	} else if (n > LOG_QUEUE_MAX - queue.len) {
		r = -EAGAIN;
	} else {
		memcpy(queue.filling + queue.len, p, n);
		queue.len += n;
		pthread_cond_signal(&queue.wake);
	}
	pthread_mutex_unlock(&queue.lock);
	return r;
}

static void stop(void)
{
	pthread_mutex_lock(&queue.lock);
	queue.ends = true;
	pthread_cond_signal(&queue.wake);
	pthread_mutex_unlock(&queue.lock);
	pthread_join(queue.thread, NULL);
	free_buffers();
}

void log_queue_close(void)
{
	pthread_mutex_lock(&turn);
	if (queue.users && --queue.users == 0)
		stop();
	pthread_mutex_unlock(&turn);
}
