/* SPDX-License-Identifier: MIT */
#include "common/range.h"

#include <errno.h>

#include "common/text.h"

/* As str_u64(), but what is too big is UINT64_MAX: nothing is longer. */
static bool number_saturating(struct str s, uint64_t *ret)
{
	int r = str_u64(s, ret);

	if (r == -ERANGE)
		*ret = UINT64_MAX;
	return r == 0 || r == -ERANGE;
}

static bool item_parse(struct str s, struct range_item *item)
{
	const char *dash = memchr(s.p, '-', s.n);

	if (!dash)
		return false;

	struct str before = {s.p, (size_t)(dash - s.p)};
	struct str after = {dash + 1, s.n - before.n - 1};
	*item = (struct range_item){0};
	item->suffix = before.n == 0;
	item->open = !item->suffix && after.n == 0;

	if (!item->suffix && !number_saturating(before, &item->first))
		return false;
	if (item->open) {
		item->last = UINT64_MAX;
		return true;
	}
	if (!number_saturating(after, &item->last))
		return false;
	return item->suffix || item->first <= item->last;
}

/* What the part before the members says; `*rest` is what follows the "=". */
static enum range_syntax unit_parse(struct str field, struct str *rest)
{
	static const char unit[] = "bytes";
	size_t n = 0;

	while (n < field.n && token_char(field.p[n]))
		n++;
	if (!str_ieq((struct str){field.p, n}, unit))
		return RANGE_IGNORE;
	if (n == field.n || field.p[n] != '=')
		return RANGE_BAD;

	*rest = (struct str){field.p + n + 1, field.n - n - 1};
	return RANGE_OK;
}

enum range_syntax range_parse(
    const char *field, size_t len, struct range_set *set)
{
	struct str members;
	struct str member;
	enum range_syntax unit =
	    unit_parse(str_trim((struct str){field, len}), &members);

	if (unit != RANGE_OK)
		return unit;

	set->count = 0;
	set->too_many = false;
	while (str_list_next(&members, &member)) {
		struct range_item item;
		if (!item_parse(member, &item))
			return RANGE_BAD;

		if (set->count < RANGE_ITEMS_MAX)
			set->items[set->count++] = item;
		else
			set->too_many = true;
	}
	return set->count > 0 ? RANGE_OK : RANGE_BAD;
}

static bool item_resolve(
    const struct range_item *item, uint64_t size, struct range *r)
{
	if (item->suffix) {
		if (item->last == 0)
			return false;
		r->first = item->last < size ? size - item->last : 0;
		r->last = size - 1;
		return true;
	}

	r->first = item->first;
	r->last = item->last < size ? item->last : size - 1;
	return item->first < size;
}

/* Overlapping, adjacent, or too near for a part of its own to pay. */
static bool is_near(const struct range *a, const struct range *b)
{
	if (a->first > b->first) {
		const struct range *t = a;
		a = b;
		b = t;
	}
	return b->first <= a->last || b->first - a->last - 1 < RANGE_GAP_MAX;
}

/* Put `r` in, swallowing what it is near to, in the place of the first one
 * swallowed. One pass does: those in `out` are not near to each other, so
 * growing by one of them brings no other within reach. */
static size_t merge_in(struct range *out, size_t count, struct range r)
{
	size_t place = count;

	for (size_t i = 0; i < count;) {
		if (!is_near(&out[i], &r)) {
			i++;
			continue;
		}
		if (out[i].first < r.first)
			r.first = out[i].first;
		if (out[i].last > r.last)
			r.last = out[i].last;
		if (i < place)
			place = i;
		count--;
		for (size_t k = i; k < count; k++)
			out[k] = out[k + 1];
	}

	for (size_t k = count; k > place; k--)
		out[k] = out[k - 1];
	out[place] = r;
	return count + 1;
}

size_t range_resolve(
    const struct range_set *set, uint64_t size, struct range *out)
{
	size_t count = 0;

	if (size == 0)
		return 0;

	for (size_t i = 0; i < set->count; i++) {
		struct range r;
		if (item_resolve(&set->items[i], size, &r))
			count = merge_in(out, count, r);
	}
	return count;
}

static int unsatisfied_parse(struct str total, uint64_t *ret_first,
    uint64_t *ret_last, uint64_t *ret_total)
{
	uint64_t n;
	int r = str_u64(total, &n);

	if (r < 0)
		return r;
	if (n == UINT64_MAX)
		return -ERANGE;

	*ret_first = 1;
	*ret_last = 0;
	*ret_total = n;
	return 0;
}

static int satisfied_parse(struct str span, struct str total,
    uint64_t *ret_first, uint64_t *ret_last, uint64_t *ret_total)
{
	const char *dash = memchr(span.p, '-', span.n);
	uint64_t first;
	uint64_t last;
	uint64_t size = UINT64_MAX;

	if (!dash)
		return -EINVAL;

	size_t n = (size_t)(dash - span.p);
	int r = str_u64((struct str){span.p, n}, &first);
	if (r < 0)
		return r;

	r = str_u64((struct str){dash + 1, span.n - n - 1}, &last);
	if (r < 0)
		return r;

	if (!str_eq(total, "*")) {
		r = str_u64(total, &size);
		if (r < 0)
			return r;
		if (size == UINT64_MAX)
			return -ERANGE;
	}
	if (first > last || last >= size)
		return last == UINT64_MAX ? -ERANGE : -EINVAL;

	*ret_first = first;
	*ret_last = last;
	*ret_total = size;
	return 0;
}

int content_range_parse(const char *field, size_t len, uint64_t *ret_first,
    uint64_t *ret_last, uint64_t *ret_total)
{
	static const char unit[] = "bytes ";
	struct str s = str_trim((struct str){field, len});

	if (!str_istarts(s, unit))
		return -EINVAL;

	s = str_trim((struct str){s.p + strlen(unit), s.n - strlen(unit)});
	const char *slash = s.n > 0 ? memchr(s.p, '/', s.n) : NULL;
	if (!slash)
		return -EINVAL;

	struct str span = {s.p, (size_t)(slash - s.p)};
	struct str total = {slash + 1, s.n - span.n - 1};
	if (str_eq(span, "*"))
		return unsatisfied_parse(total, ret_first, ret_last, ret_total);
	return satisfied_parse(span, total, ret_first, ret_last, ret_total);
}
