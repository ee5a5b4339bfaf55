/* SPDX-License-Identifier: MIT */
#include "deliver/zip_ring.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "http/http.h"

struct zip_ring {
	pthread_mutex_t lock;
	/* Under `lock`. Blocks [head, head + used) hold bytes. */
	size_t head, used;
	size_t len[ZIP_RING_BLOCKS];
	size_t taken; /* of the block at `head` */
	bool parked;  /* the maker waits for a block */
	bool waiting; /* the sender waits for bytes */
	bool ended;
	bool closed;
	int err;
	/* Fixed. */
	size_t blocks;
	size_t block_bytes;
	char data[];
};

int zip_ring_new(uint64_t total, struct zip_ring **ret)
{
	size_t block_bytes = ZIP_RING_BLOCK_BYTES;
	size_t blocks = ZIP_RING_BLOCKS;

	if (total <= ZIP_RING_BLOCK_BYTES) {
		block_bytes = total ? (size_t)total : 1;
		blocks = 1;
	} else if (total < ZIP_RING_BYTES) {
		blocks = (size_t)((total + block_bytes - 1) / block_bytes);
	}

	struct zip_ring *r = malloc(sizeof *r + blocks * block_bytes);
	if (!r)
		return -ENOMEM;

	*r = (struct zip_ring){.blocks = blocks, .block_bytes = block_bytes};
	if (pthread_mutex_init(&r->lock, NULL) != 0) {
		free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

void zip_ring_free(struct zip_ring *r)
{
	if (!r)
		return;

	pthread_mutex_destroy(&r->lock);
	free(r);
}

char *zip_ring_slot(struct zip_ring *r, size_t *ret_room)
{
	char *slot = NULL;

	pthread_mutex_lock(&r->lock);
	assert(!r->ended);
	if (!r->closed && r->used < r->blocks) {
		size_t i = (r->head + r->used) % r->blocks;
		slot = r->data + i * r->block_bytes;
	}
	r->parked = !slot && !r->closed;
	pthread_mutex_unlock(&r->lock);
	*ret_room = r->block_bytes;
	return slot;
}

/** Take note that the sender is told; under the lock. */
static bool stop_waiting(struct zip_ring *r)
{
	bool was = r->waiting && !r->closed;

	r->waiting = false;
	return was;
}

bool zip_ring_push(struct zip_ring *r, size_t len)
{
	assert(len > 0 && len <= r->block_bytes);
	pthread_mutex_lock(&r->lock);
	assert(r->used < r->blocks);
	r->len[(r->head + r->used) % r->blocks] = len;
	r->used++;
	bool wake = stop_waiting(r);
	pthread_mutex_unlock(&r->lock);
	return wake;
}

bool zip_ring_end(struct zip_ring *r, int err)
{
	pthread_mutex_lock(&r->lock);
	r->ended = true;
	r->err = err;
	bool wake = stop_waiting(r);
	pthread_mutex_unlock(&r->lock);
	return wake;
}

bool zip_ring_closed(struct zip_ring *r)
{
	pthread_mutex_lock(&r->lock);
	bool closed = r->closed;
	pthread_mutex_unlock(&r->lock);
	return closed;
}

bool zip_ring_ready(struct zip_ring *r)
{
	pthread_mutex_lock(&r->lock);
	bool ready = r->used > 0 || r->ended;
	pthread_mutex_unlock(&r->lock);
	return ready;
}

int zip_ring_error(struct zip_ring *r)
{
	pthread_mutex_lock(&r->lock);
	int err = r->err;
	pthread_mutex_unlock(&r->lock);
	return err;
}

/** Take the bytes of one block; under the lock, with a block used. */
static size_t take(struct zip_ring *r, char *buf, size_t max)
{
	size_t n = r->len[r->head] - r->taken;

	if (n > max)
		n = max;
	memcpy(buf, r->data + r->head * r->block_bytes + r->taken, n);
	r->taken += n;
	if (r->taken == r->len[r->head]) {
		r->head = (r->head + 1) % r->blocks;
		r->used--;
		r->taken = 0;
	}
	return n;
}

ssize_t zip_ring_read(
    struct zip_ring *r, char *buf, size_t max, bool *ret_resume)
{
	ssize_t result = HTTP_READ_WAIT;
	size_t got = 0;

	pthread_mutex_lock(&r->lock);
	while (r->err == 0 && r->used > 0 && got < max)
		got += take(r, buf + got, max - got);
	if (r->err != 0)
		result = HTTP_READ_ERROR;
	else if (got > 0)
		result = (ssize_t)got;
	else if (r->ended)
		result = HTTP_READ_END;
	else
		r->waiting = true;

	/* Half of it free: worth the maker's way. */
	*ret_resume = r->parked && r->used <= r->blocks / 2;
	if (*ret_resume)
		r->parked = false;
	pthread_mutex_unlock(&r->lock);
	return result;
}

void zip_ring_close(struct zip_ring *r)
{
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	r->parked = false;
	pthread_mutex_unlock(&r->lock);
}
