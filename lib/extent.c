/* SPDX-License-Identifier: MIT */
#include "extent.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "sys.h"

void spw__extents_fini(struct spw__extents *set)
{
	spw__sys_free(set->items);
	*set = (struct spw__extents){ 0 };
}

int spw__extents_reserve(struct spw__extents *set)
{
	if (set->count < set->cap)
		return 0;

	size_t cap = set->cap ? set->cap * 2 : 8;
	struct spw__extent *items = spw__sys_alloc(cap * sizeof(*items));
	if (!items)
		return -ENOMEM;

	if (set->count)
		memcpy(items, set->items, set->count * sizeof(*items));
	spw__sys_free(set->items);
	set->items = items;
	set->cap = cap;
	return 0;
}

/* The first range that ends at or after `off`: it holds or touches it. */
static size_t find(const struct spw__extents *set, uint64_t off)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (set->items[mid].end < off)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

void spw__extents_add(struct spw__extents *set, uint64_t first, uint64_t end)
{
	if (first >= end)
		return;

	size_t at = find(set, first), after = at;
	for (; after < set->count && set->items[after].first <= end; after++) {
		struct spw__extent *e = &set->items[after];

		first = e->first < first ? e->first : first;
		end = e->end > end ? e->end : end;
		set->bytes -= e->end - e->first;
	}

	assert(after > at || set->count < set->cap);
	memmove(&set->items[at + 1], &set->items[after],
	    (set->count - after) * sizeof(*set->items));
	set->items[at] = (struct spw__extent){ first, end };
	set->count = set->count - (after - at) + 1;
	set->bytes += end - first;
}

/* The first range that has something at or after `off`. */
static size_t find_after(const struct spw__extents *set, uint64_t off)
{
	size_t at = find(set, off);

	/* One that merely ends here holds nothing from here on. */
	return at < set->count && set->items[at].end == off ? at + 1 : at;
}

void spw__extents_remove(struct spw__extents *set, uint64_t first,
    uint64_t end)
{
	struct spw__extent left[2];
	size_t at = find_after(set, first), after = at, n = 0;

	if (first >= end)
		return;
	for (; after < set->count && set->items[after].first < end; after++) {
		struct spw__extent e = set->items[after];

		set->bytes -= e.end - e.first;
		if (e.first < first)
			left[n++] = (struct spw__extent){ e.first, first };
		if (e.end > end)
			left[n++] = (struct spw__extent){ end, e.end };
	}
	if (at == after)
		return;

	assert(n <= after - at || set->count < set->cap);
	memmove(&set->items[at + n], &set->items[after],
	    (set->count - after) * sizeof(*set->items));
	set->count = set->count - (after - at) + n;
	for (size_t i = 0; i < n; i++) {
		set->items[at + i] = left[i];
		set->bytes += left[i].end - left[i].first;
	}
}

uint64_t spw__extents_overlap(const struct spw__extents *set, uint64_t first,
    uint64_t end)
{
	uint64_t bytes = 0;

	for (size_t i = find_after(set, first);
	     i < set->count && set->items[i].first < end; i++) {
		struct spw__extent e = set->items[i];

		bytes += (e.end < end ? e.end : end) -
		    (e.first > first ? e.first : first);
	}
	return bytes;
}

struct spw__extent spw__extents_at(const struct spw__extents *set,
    uint64_t off)
{
	size_t at = find_after(set, off);

	if (at < set->count && set->items[at].first <= off)
		return set->items[at];

	return (struct spw__extent){ off, off };
}

uint64_t spw__extents_gaps(const struct spw__extents *set, uint64_t end)
{
	uint64_t gaps = 0, at = 0;

	for (size_t i = 0; i < set->count && at < end; i++) {
		gaps += set->items[i].first > at;
		at = set->items[i].end;
	}
	return gaps + (at < end);
}

uint64_t spw__extents_run(const struct spw__extents *set, uint64_t off)
{
	return spw__extents_at(set, off).end - off;
}
