/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_answer.h"

#include <string.h>

/* A date says which version it is only if nothing can have changed within its
 * second. Source: RFC 9110 §8.8.2.2 */
#define DATE_STRONG_S 1

static bool tag_is_strong(const char *tag)
{
	size_t n = strlen(tag);

	return n >= 2 && tag[0] == '"' && strchr(tag + 1, '"') == tag + n - 1;
}

static uint64_t size_of(const struct fetch_head *h)
{
	if (h->status == 206)
		return h->has_range ? h->range_total : FETCH_SIZE_UNKNOWN;
	return h->has_length && !h->chunked ? h->length : FETCH_SIZE_UNKNOWN;
}

void fetch_identity_of(const struct fetch_head *h, struct fetch_identity *ret)
{
	*ret = (struct fetch_identity){
	    .known = true,
	    .ranges = h->ranges || h->status == 206,
	    .size = size_of(h),
	};
	if (tag_is_strong(h->etag)) {
		ret->strong = true;
		memcpy(ret->validator, h->etag, sizeof(h->etag));
	} else if (h->modified[0] != '\0' && h->has_date &&
		   h->date_s - h->modified_s >= DATE_STRONG_S) {
		ret->strong = ret->by_date = true;
		memcpy(ret->validator, h->modified, sizeof(h->modified));
	}
}

/*
 * Whether the head can be of the same version. A tag comes with every answer.
 * A date need not come with a part, whose If-Range has vouched for it.
 */
static bool same_version(
    const struct fetch_identity *id, const struct fetch_head *h)
{
	if (!id->known)
		return true;
	if (!id->strong)
		return false;
	if (!id->by_date)
		return strcmp(h->etag, id->validator) == 0;
	if (h->status == 206 && h->modified[0] == '\0')
		return true;
	return strcmp(h->modified, id->validator) == 0;
}

static bool same_size(const struct fetch_identity *id, uint64_t size)
{
	return !id->known || id->size == FETCH_SIZE_UNKNOWN ||
	       size == FETCH_SIZE_UNKNOWN || id->size == size;
}

/* Why it cannot be a part of anything; NULL: it can. */
static const char *why_useless(const struct fetch_head *h)
{
	if (h->parts)
		return "it answers one range with several parts";
	if (!h->has_range || h->range_first > h->range_last)
		return "it is a part without a usable Content-Range";
	return NULL;
}

/* Why it is not the part that was asked for; NULL: it is, or begins it. */
static const char *why_wrong(
    const struct fetch_asked *asked, const struct fetch_head *h)
{
	uint64_t first = h->range_first, last = h->range_last;

	if (h->has_length && !h->chunked && h->length != last - first + 1)
		return "its length is not that of its Content-Range";
	if (!asked->suffix)
		return first != asked->first || last > asked->last
			   ? "it is another part than was asked for"
			   : NULL;
	if (h->range_total == UINT64_MAX)
		return "it does not say how long the content is";
	if (last != h->range_total - 1 ||
	    (first != 0 && last - first + 1 != asked->last))
		return "it is another part than was asked for";
	return NULL;
}

static enum fetch_worth weigh_part(const struct fetch_identity *id,
    const struct fetch_asked *asked, const struct fetch_head *h,
    struct fetch_piece *ret)
{
	if (!asked->part)
		return FETCH_WORTH_STATUS;

	ret->why = why_useless(h);
	if (ret->why)
		return FETCH_WORTH_WRONG;
	if (!same_version(id, h) || !same_size(id, h->range_total))
		return FETCH_WORTH_CHANGED;
	ret->why = why_wrong(asked, h);
	if (ret->why)
		return FETCH_WORTH_WRONG;

	ret->off = h->range_first;
	ret->end = h->range_last + 1;
	return FETCH_WORTH_PART;
}

/* The part that was asked for lies at the end, or past it. */
static enum fetch_worth weigh_416(const struct fetch_identity *id,
    const struct fetch_asked *asked, const struct fetch_head *h)
{
	bool none = h->has_range && h->range_first > h->range_last;

	if (!asked->part || !none || !same_size(id, h->range_total))
		return FETCH_WORTH_STATUS;
	if (asked->suffix)
		return h->range_total == 0 ? FETCH_WORTH_END
					   : FETCH_WORTH_STATUS;
	/* Only a part of the same version is refused under If-Range. */
	return id->strong && h->range_total == asked->first
		   ? FETCH_WORTH_END
		   : FETCH_WORTH_STATUS;
}

enum fetch_worth fetch_answer_weigh(const struct fetch_identity *id,
    const struct fetch_asked *asked, const struct fetch_head *h,
    struct fetch_piece *ret)
{
	*ret = (struct fetch_piece){0};
	if (h->status == 206)
		return weigh_part(id, asked, h, ret);
	if (h->status == 416)
		return weigh_416(id, asked, h);
	if (h->status != 200)
		return FETCH_WORTH_STATUS;
	if (!same_version(id, h) || !same_size(id, size_of(h)))
		return FETCH_WORTH_CHANGED;

	ret->end = size_of(h);
	return FETCH_WORTH_ALL;
}
