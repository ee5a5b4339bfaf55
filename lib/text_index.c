/* SPDX-License-Identifier: MIT */
/* Where codepoints are, without going over all of them. */
#include <string.h>

#include "spool_text.h"
#include "sys.h"

#define FIRST_MARKS 16u

/* The codepoint that the next mark will be of. */
static uint64_t next_mark(const struct spw_text *t)
{
	return (t->mark_count + 1) * (uint64_t)SPW__TEXT_STRIDE;
}

static bool grow(struct spw_text *t)
{
	size_t cap = t->mark_cap ? 2 * t->mark_cap : FIRST_MARKS;
	uint64_t *marks = spw__sys_alloc(cap * sizeof(*marks));

	if (!marks)
		return false;

	if (t->mark_count)
		memcpy(marks, t->marks, t->mark_count * sizeof(*marks));
	spw__sys_free(t->marks);
	t->marks = marks;
	t->mark_cap = cap;
	return true;
}

/* Let there be a mark where the front is, if it is the place for one. */
static bool mark_front(struct spw_text *t)
{
	if (t->front.cp != next_mark(t))
		return true;
	if (t->mark_count == t->mark_cap && !grow(t))
		return false;

	t->marks[t->mark_count++] = t->front.byte;
	return true;
}

void spw__text_keep(struct spw_text *t, const struct spw__walk *w)
{
	struct spw__place at = w->at;
	uint64_t mark = at.cp / SPW__TEXT_STRIDE;

	if (w->loose)
		return;
	if (at.byte <= t->front.byte) {
		/* It may have been written anew. */
		if (mark && mark <= t->mark_count &&
		    at.cp % SPW__TEXT_STRIDE == 0)
			t->marks[mark - 1] = at.byte;
		return;
	}
	/* Walks stop at every mark, so none can be missed otherwise. */
	if (!mark_front(t) || at.cp > next_mark(t))
		return;

	t->front = at;
	(void)mark_front(t);
}

void spw__text_forget(struct spw_text *t, uint64_t byte)
{
	t->window_len = 0;
	while (t->mark_count && t->marks[t->mark_count - 1] >= byte)
		t->mark_count--;
	if (t->front.byte < byte)
		return;

	uint64_t n = t->mark_count;
	t->front = (struct spw__place){ n * SPW__TEXT_STRIDE,
		n ? t->marks[n - 1] : t->base };
}

/*
 * The known places around a codepoint or byte; `*ret_next` is the same as the
 * first one where none follows.
 */
static struct spw__place around(const struct spw_text *t, size_t marks,
    struct spw__place *ret_next)
{
	struct spw__place at = { marks * (uint64_t)SPW__TEXT_STRIDE,
		marks ? t->marks[marks - 1] : t->base };

	*ret_next = t->front;
	if (marks < t->mark_count)
		*ret_next = (struct spw__place){ at.cp + SPW__TEXT_STRIDE,
			t->marks[marks] };
	return at;
}

/* Do all codepoints between have as few bytes as they can? */
static bool is_regular(const struct spw_text *t, struct spw__place a,
    struct spw__place b)
{
	return b.byte - a.byte == (b.cp - a.cp) * t->codec.unit;
}

int spw__text_find(struct spw_text *t, uint64_t cp,
    struct spw__walk *ret_walk)
{
	uint64_t marks = cp / SPW__TEXT_STRIDE;
	struct spw__place next;

	if (marks > t->mark_count)
		marks = t->mark_count;
	struct spw__place at = around(t, (size_t)marks, &next);
	if (cp >= next.cp) {
		at = next;
	} else if (is_regular(t, at, next)) {
		at.byte += (cp - at.cp) * t->codec.unit;
		at.cp = cp;
	}
	*ret_walk = (struct spw__walk){ .at = at, .max = cp - at.cp };
	return spw__text_walk(t, ret_walk);
}

/* How many marks are at most at `byte`. */
static size_t marks_before(const struct spw_text *t, uint64_t byte)
{
	size_t low = 0, high = t->mark_count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->marks[mid] <= byte)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int spw__text_find_byte(struct spw_text *t, uint64_t byte,
    struct spw__walk *ret_walk)
{
	struct spw__place next;
	struct spw__place at = around(t, marks_before(t, byte), &next);

	if (byte >= next.byte) {
		at = next;
	} else if (is_regular(t, at, next) && byte > at.byte) {
		/* The place at or behind it. */
		uint64_t n = (byte - at.byte + t->codec.unit - 1) /
		    t->codec.unit;

		at.cp += n;
		at.byte += n * t->codec.unit;
	}
	*ret_walk = (struct spw__walk){ .at = at, .max = UINT64_MAX,
		.until = byte };
	return spw__text_walk(t, ret_walk);
}
