/* SPDX-License-Identifier: MIT */
#include "deliver/zip_flow.h"

#include <errno.h>
#include <stdlib.h>

#include "deliver/zip_unpack.h"

struct zip_flow {
	struct zip_pull *pull; /* NULL once it is done */
	struct zip_ring *ring;
	struct zip_entry *entry; /* or NULL: it is none */
	uint64_t skip;		 /* still to be dropped */
	uint64_t left;		 /* still to be sent, after that */
	bool whole;		 /* to the end: the CRC will be known */
	struct zip_fault fault;
};

int zip_flow_of(struct zip_pull *p, uint64_t len, struct zip_flow **ret)
{
	struct zip_flow *fl = calloc(1, sizeof *fl);
	if (!fl)
		return -ENOMEM;

	fl->left = len;
	int err = zip_ring_new(len, &fl->ring);
	if (err < 0) {
		free(fl);
		return err;
	}
	fl->pull = p;
	*ret = fl;
	return 0;
}

/* What is dropped passes through the ring's blocks as well. */
static uint64_t in_ring(uint64_t first, uint64_t len)
{
	return first ? SPW_UNLIMITED : len;
}

size_t zip_flow_memory(const struct zip_entry *e, uint64_t first, uint64_t len)
{
	uint64_t ring = in_ring(first, len);

	return zip_unpack_memory(e) +
	       (ring < ZIP_RING_BYTES ? (size_t)ring : ZIP_RING_BYTES);
}

int zip_flow_new(struct spw_spool *s, struct zip_entry *e,
    struct zip_points *points, uint64_t first, uint64_t len,
    struct zip_flow **ret, struct zip_fault *reterr)
{
	struct zip_flow *fl = NULL;
	uint64_t from = first;

	int err = zip_flow_of(NULL, in_ring(first, len), &fl);
	if (err < 0)
		return zip_fault_errno(reterr, err);
	err = zip_unpack_new(s, e, &from, points, &fl->pull, reterr);
	if (err < 0) {
		zip_flow_free(fl);
		return err;
	}

	fl->entry = e;
	fl->skip = first - from;
	fl->left = len;
	fl->whole = from == 0 && first + len == e->size;
	*ret = fl;
	return 0;
}

static enum zip_flow_state done(struct zip_flow *fl, int err, bool *wake)
{
	if (err == 0 && fl->whole)
		zip_entry_set_good(fl->entry);
	if (err == -EBADMSG && fl->entry)
		zip_entry_set_damaged(fl->entry);
	zip_pull_free(fl->pull);
	fl->pull = NULL;
	if (zip_ring_end(fl->ring, err))
		*wake = true;
	return ZIP_FLOW_DONE;
}

/**
 * Unpack into one free block, and drop it or push it.
 *
 * Returns: the bytes that were unpacked, or what went wrong.
 */
static ssize_t fill(struct zip_flow *fl, char *slot, size_t room, bool *wake)
{
	size_t want = room;

	if (fl->skip > 0 && fl->skip < want)
		want = (size_t)fl->skip;
	else if (fl->skip == 0 && fl->left < want)
		want = (size_t)fl->left;

	/* A read of nothing, for an empty entry, checks its CRC. */
	ssize_t n = zip_pull_read(fl->pull, slot, want, &fl->fault);
	if (n < 0)
		return n;

	if (fl->skip > 0) {
		fl->skip -= (uint64_t)n;
		return n;
	}
	if (n > 0 && zip_ring_push(fl->ring, (size_t)n))
		*wake = true;
	if (fl->left != SPW_UNLIMITED)
		fl->left -= (uint64_t)n;
	else if (n == 0)
		fl->left = 0;
	return n;
}

enum zip_flow_state zip_flow_turn(struct zip_flow *fl, bool *ret_wake)
{
	size_t unpacked = 0;

	*ret_wake = false;
	while (unpacked < ZIP_FLOW_TURN_BYTES) {
		size_t room;
		char *slot = zip_ring_slot(fl->ring, &room);
		if (!slot && zip_ring_closed(fl->ring))
			return done(fl, -ECANCELED, ret_wake);
		if (!slot)
			return ZIP_FLOW_PARKED;

		ssize_t n = fill(fl, slot, room, ret_wake);
		if (n == -EAGAIN)
			return ZIP_FLOW_MISSING;
		if (n == -EINTR)
			return ZIP_FLOW_AGAIN;
		if (n < 0)
			return done(fl, (int)n, ret_wake);
		if (fl->skip == 0 && fl->left == 0)
			return done(fl, 0, ret_wake);
		unpacked += (size_t)n;
	}
	return ZIP_FLOW_AGAIN;
}

struct zip_ring *zip_flow_ring(struct zip_flow *fl)
{
	return fl->ring;
}

const struct zip_fault *zip_flow_fault(const struct zip_flow *fl)
{
	return &fl->fault;
}

void zip_flow_free(struct zip_flow *fl)
{
	if (!fl)
		return;

	zip_pull_free(fl->pull);
	zip_ring_free(fl->ring);
	free(fl);
}
