/* SPDX-License-Identifier: MIT */
/* Reading: without locks below the committed watermark. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <spillway/join.h>

#include "spool.h"
#include "spool_join.h"
#include "sys.h"

/*
 * Find the block that holds `off` and take a reference on it. NULL when it
 * went to the file meanwhile, or was cut off.
 *
 * `*ret_run` is how many bytes from `off` on are surely the spool's at this
 * place. It is found in the window, too: a reference keeps the block, but not
 * the one after it.
 */
static struct spw__block *block_at(struct spw_spool *s, uint64_t off,
    size_t *ret_run)
{
	uint64_t end = 0;

	atomic_fetch_add(&s->readers, 1);
	struct spw__block *b = atomic_load(&s->head);
	while (b) {
		struct spw__block *next = atomic_load(&b->next);

		end = next ? next->base : b->base + b->cap;
		if (!next || end > off)
			break;
		b = next;
	}
	if (b && b->base <= off && off < end)
		spw__block_ref(b);
	else
		b = NULL;
	atomic_fetch_sub(&s->readers, 1);
	if (b)
		*ret_run = (size_t)(end - off);
	return b;
}

/* Read what is in the file, as pread() does. */
static ssize_t read_file(struct spw_spool *s, void *buf, size_t len,
    uint64_t off)
{
	const struct spw__file at = { atomic_load(&s->fd), s->file_off };

	/* Discarding moves on_disk where there is no file, too. */
	if (at.fd < 0)
		return spw__spool_joined(s)
		    ? spw__parts_read(s, buf, len, off, spw_spool_pread)
		    : 0;
	if (!s->guard)
		return spw__sys_pread(at.fd, buf, len, at.base + off);

	ssize_t n = spw__guard_read(s->guard, &at, buf, len, off);
	return n < 0 ? spw__disk_error((int)n) : n;
}

/*
 * The file was at its end where there was content at that version. Returns: 0
 * when the writer has cut it since; -EIO when somebody else did.
 */
static int end_of_file(struct spw_spool *s, uint32_t version)
{
	return atomic_load(&s->version) == version ? -EIO : 0;
}

/*
 * Read bytes that were there a moment ago. Returns: 0 to look anew, because
 * they moved or were cut off.
 */
static ssize_t read_present(struct spw_spool *s, void *buf, size_t len,
    uint64_t off)
{
	uint32_t version = atomic_load(&s->version);
	uint64_t disk = atomic_load(&s->on_disk);

	if (off < disk) {
		if (len > disk - off)
			len = (size_t)(disk - off);
		ssize_t n = read_file(s, buf, len, off);

		return n ? n : end_of_file(s, version);
	}

	size_t run;
	struct spw__block *b = block_at(s, off, &run);
	if (!b)
		return 0;

	if (len > run)
		len = run;
	memcpy(buf, b->data + (off - b->base), len);
	spw__block_unref(b);
	return (ssize_t)len;
}

uint64_t spw_spool_present(struct spw_spool *s, uint64_t off)
{
	uint64_t end = spw_spool_committed(s);

	if (off < end)
		return off < atomic_load(&s->start) ? 0 : end - off;
	if (!spw__spool_sparse(s))
		return 0;

	pthread_mutex_lock(&s->lock);
	uint64_t run = spw__extents_run(&s->extents, off);
	pthread_mutex_unlock(&s->lock);
	return run;
}

/* Was it discarded while it was read, so that it may have been empty? */
static bool went(struct spw_spool *s, uint64_t off, uint32_t discards)
{
	return spw__spool_sparse(s) ? atomic_load(&s->discards) != discards
				    : off < atomic_load(&s->start);
}

/* What reading where nothing was there means; `state` is from before.
   -ERESTART to look anew, because it came meanwhile. */
static ssize_t nothing_there(struct spw_spool *s, int state, uint64_t off)
{
	bool sparse = spw__spool_sparse(s);

	/* Both at once: what is gone may be filled anew. */
	if (sparse || atomic_load(&s->discards)) {
		pthread_mutex_lock(&s->lock);
		bool gone = spw__spool_gone_at(s, off);
		bool came = sparse && spw__extents_run(&s->extents, off);
		pthread_mutex_unlock(&s->lock);
		if (came)
			return -ERESTART;
		if (gone)
			return -ENODATA;
	}
	if (state == SPW_STATE_FAILED)
		return s->source_error;

	return sparse && off < spw_spool_size(s) ? -EAGAIN : 0;
}

ssize_t spw_spool_pread(struct spw_spool *s, void *buf, size_t len,
    uint64_t off)
{
	if (!len)
		return 0;
	if (len > SSIZE_MAX)
		len = SSIZE_MAX;

	size_t got = 0;
	while (got < len) {
		/* In this order: the state changes after the last byte. */
		int state = atomic_load(&s->state);
		uint32_t discards = atomic_load(&s->discards);
		uint64_t there = spw_spool_present(s, off + got);
		if (!there && got)
			break;

		ssize_t n;
		if (!there) {
			n = nothing_there(s, state, off);
			if (n == -ERESTART)
				continue;
			return n;
		}

		size_t want = len - got;
		if (want > there)
			want = (size_t)there;
		n = read_present(s, (uint8_t *)buf + got, want, off + got);
		if (went(s, off + got, discards))
			continue;
		if (n < 0)
			return n;

		got += (size_t)n;
	}
	return (ssize_t)got;
}

int spw__spool_pin_some(struct spw_spool *s, uint64_t off, size_t len,
    struct spw_pin *ret)
{
	uint64_t there = spw_spool_present(s, off);

	if (!len || !there)
		return -EAGAIN;
	if (off < atomic_load(&s->on_disk))
		return spw__spool_joined(s)
		    ? spw__parts_pin(s, off, len, ret)
		    : -EAGAIN;

	size_t run;
	struct spw__block *b = block_at(s, off, &run);
	if (!b)
		return -EAGAIN;

	if (len > there)
		len = (size_t)there;
	ret->data = b->data + (off - b->base);
	ret->len = len < run ? len : run;
	ret->block = b;
	return 0;
}

int spw_spool_pin(struct spw_spool *s, uint64_t off, size_t len,
    struct spw_pin *ret)
{
	struct spw_pin pin;

	int r = spw__spool_pin_some(s, off, len, &pin);
	if (r == 0 && pin.len < len) {
		spw_spool_unpin(&pin);
		r = -EAGAIN;
	}
	if (r == 0)
		*ret = pin;
	return r;
}

void spw_spool_unpin(struct spw_pin *pin)
{
	spw__block_unref(pin->block);
	*pin = (struct spw_pin){ 0 };
}

int spw__spool_place_on_disk(struct spw_spool *s, uint64_t off, uint64_t len,
    uint64_t *ret_file_off)
{
	uint64_t disk = atomic_load(&s->on_disk);

	/* A file that holds nothing may yet be given up. */
	if (!disk || off > disk || len > disk - off)
		return -EAGAIN;
	if (spw_spool_present(s, off) < len)
		return -EAGAIN;

	int fd = atomic_load(&s->fd);
	if (fd < 0 || s->guard)
		return -EAGAIN;

	*ret_file_off = off + s->file_off;
	return fd;
}

int spw_spool_file(struct spw_spool *s, uint64_t off, uint64_t len)
{
	uint64_t file_off;

	int fd = spw_spool_file_at(s, off, len, &file_off);
	return fd >= 0 && file_off != off ? -EAGAIN : fd;
}

int spw_spool_file_at(struct spw_spool *s, uint64_t off, uint64_t len,
    uint64_t *ret_file_off)
{
	uint64_t most = len;

	if (spw__spool_joined(s)) {
		if (spw_spool_present(s, off) < len)
			return -EAGAIN;
		s = spw__spool_part(s, &off, &most);
		if (most < len)
			return -EAGAIN;
	}

	int fd = spw__spool_place_on_disk(s, off, len, ret_file_off);
	/*
	 * A place in a segment is zeroed when the spool goes, and with it
	 * what a socket was given of it by sendfile and has not sent yet.
	 */
	return fd >= 0 && s->segment ? -EAGAIN : fd;
}

ssize_t spw_spool_try_pread(struct spw_spool *s, void *buf, size_t len,
    uint64_t off)
{
	uint32_t version = atomic_load(&s->version);
	uint64_t disk = atomic_load(&s->on_disk), file_off;
	uint64_t there = off < disk ? spw_spool_present(s, off) : 0;
	size_t n = len;

	/* In memory, or nowhere. What goes to disk right now is still in the
	   kernel's memory. */
	if (!len || !there)
		return spw_spool_pread(s, buf, len, off);
	if (n > disk - off)
		n = (size_t)(disk - off);
	if (n > there)
		n = (size_t)there;

	int fd = spw__spool_place_on_disk(s, off, n, &file_off);
	bool joined = fd < 0 && spw__spool_joined(s);
	if (fd < 0 && !joined)
		return fd;

	ssize_t got = joined
	    ? spw__parts_read(s, buf, n, off, spw_spool_try_pread)
	    : spw__sys_pread_cached(fd, buf, n, file_off);
	if (got)
		return got;

	return end_of_file(s, version) < 0 ? -EIO : -EAGAIN;
}
