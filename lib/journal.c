/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <errno.h>
#include <string.h>

#include <spillway/keep.h>

#include "sys.h"

#define SEALED 1u
#define SYNCED 2u

static const char magic[8] = { 'S', 'P', 'W', 'K', 'E', 'E', 'P', '1' };

struct head {
	char magic[8];
	uint64_t sum;		/* of all that follows */
	uint64_t length;	/* of the record */
	uint64_t seq, size, flags, count, meta_len, state_len;
	char boot[SPW__BOOT_ID], zeros[4];
};

/* Against accidents: FNV-1a. */
static uint64_t sum_of(const uint8_t *record, size_t len)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = offsetof(struct head, length); i < len; i++)
		sum = (sum ^ record[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* How many ranges there is room for. */
static size_t ranges_that_fit(const struct spw__journal *j)
{
	size_t room = SPW__JOURNAL_PLACE - sizeof(struct head) - j->meta_len -
	    j->state_len;
	size_t most = room / sizeof(struct spw__extent);

	return j->count < most ? j->count : most;
}

static void put(uint8_t **to, const void *from, size_t len)
{
	if (len)
		memcpy(*to, from, len);
	*to += len;
}

int spw__journal_encode(const struct spw__journal *j, uint8_t **ret,
    size_t *ret_len)
{
	if (j->meta_len > SPW_KEEP_META_MAX ||
	    j->state_len > SPW_KEEP_STATE_MAX)
		return -EMSGSIZE;

	size_t count = ranges_that_fit(j);
	size_t ranges = count * sizeof(struct spw__extent);
	size_t len = sizeof(struct head) + ranges + j->meta_len + j->state_len;
	uint8_t *record = spw__sys_alloc(len), *to = record;
	if (!record)
		return -ENOMEM;

	struct head h = {
		.length = len,
		.seq = j->seq,
		.size = j->size,
		.flags = (j->sealed ? SEALED : 0) | (j->synced ? SYNCED : 0),
		.count = count,
		.meta_len = j->meta_len,
		.state_len = j->state_len,
	};
	memcpy(h.magic, magic, sizeof(magic));
	memcpy(h.boot, j->boot, sizeof(h.boot));
	put(&to, &h, sizeof(h));
	put(&to, j->ranges, ranges);
	put(&to, j->meta, j->meta_len);
	put(&to, j->state, j->state_len);
	h.sum = sum_of(record, len);
	memcpy(record, &h, sizeof(h));
	*ret = record;
	*ret_len = len;
	return 0;
}

/* Are the lengths possible, and do they make up the whole? */
static bool lengths_fit(const struct head *h)
{
	if (h->meta_len > SPW_KEEP_META_MAX ||
	    h->state_len > SPW_KEEP_STATE_MAX ||
	    h->count > SPW__JOURNAL_PLACE)
		return false;

	return h->length == sizeof(*h) + h->meta_len + h->state_len +
		h->count * sizeof(struct spw__extent);
}

/* In order, apart from each other, and inside of what there can be. */
static bool ranges_fit(const struct spw__journal *j)
{
	uint64_t end = 0, most = j->size ? j->size : (uint64_t)INT64_MAX;

	if (!j->size && (j->count > 1 || (j->count && j->ranges[0].first)))
		return false;
	for (size_t i = 0; i < j->count; i++) {
		struct spw__extent e = j->ranges[i];

		if (e.first >= e.end || e.end > most ||
		    (i > 0 && e.first <= end))
			return false;
		end = e.end;
	}
	return j->size <= (uint64_t)INT64_MAX;
}

int spw__journal_decode(const uint8_t *record, size_t len,
    struct spw__journal *ret)
{
	struct head h;

	if (len < sizeof(h))
		return -EBADMSG;
	memcpy(&h, record, sizeof(h));
	if (memcmp(h.magic, magic, sizeof(magic)) || h.length > len ||
	    h.length < sizeof(h) || sum_of(record, (size_t)h.length) != h.sum)
		return -EBADMSG;

	const uint8_t *ranges = record + sizeof(h);
	struct spw__journal j = {
		.seq = h.seq,
		.size = h.size,
		.sealed = h.flags & SEALED,
		.synced = h.flags & SYNCED,
		.ranges = (const void *)ranges,
		.count = (size_t)h.count,
		.meta_len = (size_t)h.meta_len,
		.state_len = (size_t)h.state_len,
	};
	if (!lengths_fit(&h) || !ranges_fit(&j))
		return -EBADMSG;

	memcpy(j.boot, h.boot, sizeof(j.boot));
	j.meta = ranges + j.count * sizeof(struct spw__extent);
	j.state = j.meta + j.meta_len;
	*ret = j;
	return 0;
}

/* Returns: how much of a place is there. */
static ssize_t read_place(int fd, uint8_t *buf, uint64_t off)
{
	size_t got = 0;

	while (got < SPW__JOURNAL_PLACE) {
		ssize_t n = spw__sys_pread(
		    fd, buf + got, SPW__JOURNAL_PLACE - got, off + got);
		if (n < 0)
			return n;
		if (n == 0)
			break;

		got += (size_t)n;
	}
	return (ssize_t)got;
}

int spw__journal_read(int fd, uint8_t **ret_record, struct spw__journal *ret)
{
	uint8_t *best = NULL;

	for (uint64_t place = 0; place < 2; place++) {
		struct spw__journal j;
		uint8_t *buf = spw__sys_alloc(SPW__JOURNAL_PLACE);
		ssize_t n = buf ? read_place(fd, buf,
		    place * SPW__JOURNAL_PLACE) : -ENOMEM;
		if (n < 0) {
			spw__sys_free(buf);
			spw__sys_free(best);
			return (int)n;
		}

		if (spw__journal_decode(buf, (size_t)n, &j) < 0 ||
		    (best && j.seq <= ret->seq)) {
			spw__sys_free(buf);
			continue;
		}
		spw__sys_free(best);
		best = buf;
		*ret = j;
	}
	if (!best)
		return -EBADMSG;

	*ret_record = best;
	return 0;
}

int spw__journal_write(int fd, const uint8_t *record, size_t len,
    uint64_t seq)
{
	uint64_t off = seq % 2 * SPW__JOURNAL_PLACE;

	while (len) {
		ssize_t n = spw__sys_pwrite(fd, record, len, off);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;

		record += n;
		len -= (size_t)n;
		off += (uint64_t)n;
	}
	return 0;
}
