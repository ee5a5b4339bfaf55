/* SPDX-License-Identifier: MIT */
#include "digest.h"

#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <string.h>

#include "opts.h"
#include "spool.h"
#include "sys.h"

#define CHUNK ((size_t)16 * 1024)
/* Behind by no more than this an append catches up by itself. */
#define NEAR ((uint64_t)1024 * 1024)
/* How often a content that is overwritten meanwhile is read. */
#define TRIES 3

struct spw_digest {
	struct spw_digest *next;	/* under the spool's taps_lock */
	struct spw_spool *spool;
	struct spw_digest_algo algo;
	pthread_mutex_t lock;		/* of the rest */
	uint64_t done;		/* bytes from the first on, in `state` */
	uint32_t version;	/* of the content before they were read */
	bool valid;		/* `state` is of them */
	alignas(max_align_t) uint8_t state[];
};

static bool algo_ok(const struct spw_digest_algo *a)
{
	return a->begin && a->update && a->value && a->digest_bytes &&
	    a->digest_bytes <= SPW_DIGEST_MAX &&
	    a->state_bytes <= SIZE_MAX / 2;
}

/* What was discarded is gone, but what was computed of it stays right. */
static uint32_t version_of(struct spw_spool *s)
{
	pthread_mutex_lock(&s->lock);
	uint32_t version = atomic_load(&s->version) -
	    atomic_load(&s->discards);
	pthread_mutex_unlock(&s->lock);
	return version;
}

/* Begin at the first byte. */
static int restart(struct spw_digest *d)
{
	if (d->algo.end)
		d->algo.end(d->state);
	memset(d->state, 0, d->algo.state_bytes);
	d->done = 0;
	/* Before anything is read: what changes from now on shows. */
	d->version = version_of(d->spool);
	int r = d->algo.begin(d->state);
	d->valid = r == 0;
	return r;
}

/* Is what it has of bytes that have changed? */
static bool stale(const struct spw_digest *d)
{
	struct spw_spool *s = d->spool;

	if (!d->valid)
		return true;
	/* Without the lock the one may be counted and the other not yet. */
	if (d->version == atomic_load(&s->version) - atomic_load(&s->discards))
		return false;

	return d->version != version_of(s);
}

static int update(struct spw_digest *d, const void *data, size_t len)
{
	int r = d->algo.update(d->state, data, len);

	if (r < 0)
		d->valid = false;
	else
		d->done += len;
	return r;
}

int spw_digest_open(struct spw_spool *s, const struct spw_digest_algo *algo,
    struct spw_digest **ret)
{
	struct spw_digest_algo known;

	if (spw__opts_take(&known, sizeof(known), algo) < 0 ||
	    !algo_ok(&known) || !ret)
		return -EINVAL;

	struct spw_digest *d = spw__sys_alloc(sizeof(*d) + known.state_bytes);
	if (!d)
		return -ENOMEM;

	d->spool = s;
	d->algo = known;
	int r = restart(d);
	if (r < 0) {
		if (known.end)
			known.end(d->state);
		spw__sys_free(d);
		return r;
	}

	spw_spool_ref(s);
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_lock(&s->taps_lock);
	d->next = atomic_load(&s->taps);
	atomic_store(&s->taps, d);
	pthread_mutex_unlock(&s->taps_lock);
	*ret = d;
	return 0;
}

/* Spool's taps_lock held. */
static void leave(struct spw_digest *d)
{
	struct spw_digest *other = atomic_load(&d->spool->taps);

	if (other == d) {
		atomic_store(&d->spool->taps, d->next);
		return;
	}
	while (other->next != d)
		other = other->next;
	other->next = d->next;
}

void spw_digest_close(struct spw_digest *d)
{
	if (!d)
		return;

	pthread_mutex_lock(&d->spool->taps_lock);
	leave(d);
	pthread_mutex_unlock(&d->spool->taps_lock);
	if (d->algo.end)
		d->algo.end(d->state);
	/* What is left of the content in it, too. */
	explicit_bzero(d->state, d->algo.state_bytes);
	pthread_mutex_destroy(&d->lock);
	spw_spool_unref(d->spool);
	spw__sys_free(d);
}

/* Take what is in memory up to `end`. Returns: 1 when it is not. */
static int take_memory(struct spw_digest *d, uint64_t end)
{
	while (d->done < end) {
		struct spw_pin pin;
		uint64_t left = end - d->done;

		if (spw__spool_pin_some(d->spool, d->done,
		    left < NEAR ? (size_t)left : (size_t)NEAR, &pin) < 0)
			return 1;
		int r = update(d, pin.data, pin.len);
		spw_spool_unpin(&pin);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * Bytes that are not in memory. Returns: 1 when they are not there any more.
 */
static int take_file(struct spw_digest *d, uint64_t end)
{
	uint8_t buf[CHUNK];
	struct spw_spool *s = d->spool;
	uint64_t left = end - d->done;

	ssize_t n = spw_spool_pread(
	    s, buf, left < CHUNK ? (size_t)left : CHUNK, d->done);
	int r = n > 0 ? update(d, buf, (size_t)n) : n < 0 ? (int)n : 1;
	/* An error may come after some bytes. */
	spw__spool_wipe(s, buf, sizeof(buf));
	return r;
}

/* Take everything up to `end`. Returns: 1 when that is not there any more. */
static int take_all(struct spw_digest *d, uint64_t end)
{
	int r = 0;

	while (r == 0 && d->done < end) {
		r = take_memory(d, end);
		if (r == 1)
			r = take_file(d, end);
	}
	return r;
}

/* In order, and of what it has the continuation: or it is left for later. */
static void feed(struct spw_digest *d, const struct spw__pieces *pieces,
    size_t len, uint64_t off)
{
	struct spw__pieces p = *pieces;

	if (stale(d) || d->done > off || off - d->done > NEAR ||
	    take_memory(d, off) != 0)
		return;

	while (len) {
		struct iovec piece;

		(void)spw__pieces_look(&p, len, &piece, 1);
		if (update(d, piece.iov_base, piece.iov_len) < 0)
			return;
		spw__pieces_skip(&p, piece.iov_len);
		len -= piece.iov_len;
	}
}

void spw__taps_feed(struct spw_spool *s, const struct spw__pieces *p,
    size_t len, uint64_t off)
{
	pthread_mutex_lock(&s->taps_lock);
	struct spw_digest *d = atomic_load(&s->taps);
	for (; d; d = d->next) {
		/* Who is asking reads all there is without this. */
		if (pthread_mutex_trylock(&d->lock) != 0)
			continue;
		feed(d, p, len, off);
		pthread_mutex_unlock(&d->lock);
	}
	pthread_mutex_unlock(&s->taps_lock);
}

/* Is what there is all that there can be a digest of? */
static int whole(struct spw_spool *s)
{
	if (spw_spool_state(s) == SPW_STATE_FAILED)
		return s->source_error;

	return spw_spool_committed(s) < spw_spool_size(s) ? -EAGAIN : 0;
}

/* Who cuts bytes off says so when they are gone, and until then they can
   neither be read nor known to have changed. */
static void wait_for_writer(struct spw_spool *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->writing)
		pthread_cond_wait(&s->idle, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* Have everything in `state`. Returns: 1 when the content changed. */
static int catch_up(struct spw_digest *d)
{
	struct spw_spool *s = d->spool;

	int r = stale(d) ? restart(d) : 0;
	if (r == 0)
		r = whole(s);
	if (r == 0)
		r = take_all(d, spw_spool_committed(s));
	if (r == 1 || r == -EIO)
		wait_for_writer(s);
	return (r == 0 || r == -EIO) && stale(d) ? 1 : r;
}

int spw_digest_get(struct spw_digest *d, void *ret, uint64_t *ret_size)
{
	uint8_t value[SPW_DIGEST_MAX];
	int r = 1;

	pthread_mutex_lock(&d->lock);
	for (int i = 0; r == 1 && i < TRIES; i++)
		r = catch_up(d);
	if (r == 0)
		r = d->algo.value(d->state, value);
	if (r == 0) {
		memcpy(ret, value, d->algo.digest_bytes);
		if (ret_size)
			*ret_size = d->done;
	}
	pthread_mutex_unlock(&d->lock);
	return r == 1 ? -EAGAIN : r;
}

int spw_digest_verify(struct spw_digest *d, const void *want, size_t len)
{
	uint8_t value[SPW_DIGEST_MAX];

	int r = spw_digest_get(d, value, NULL);
	if (r < 0)
		return r;

	return len == d->algo.digest_bytes && memcmp(value, want, len) == 0
	    ? 0 : -EBADMSG;
}
