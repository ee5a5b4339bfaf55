/* SPDX-License-Identifier: MIT */
#include "core/range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/range.h"

static bool asks_range(const struct spwc_get_opts *o)
{
	return o->offset > 0 || o->length > 0 || o->suffix > 0;
}

int spwc__range_read(const char *text, struct spwc_content *ret_content)
{
	uint64_t first;
	uint64_t last;
	uint64_t total;

	if (content_range_parse(text, strlen(text), &first, &last, &total) < 0)
		return -EINVAL;

	/* An unsatisfied range comes as 1 to 0. */
	ret_content->offset = last < first ? 0 : first;
	ret_content->length = last - first + 1;
	ret_content->total = total;
	return 0;
}

static const char *check_part(
    const struct spwc_get_opts *asked, const struct spwc_content *content)
{
	static const char other[] = "the server answered another range";

	if (asked->if_range != NULL && content->etag[0] != '\0' &&
	    strcmp(asked->if_range, content->etag) != 0)
		return "the server answered a range of another version";
	if (asked->suffix > 0) {
		if (content->total == SPWC_UNKNOWN)
			return other;

		uint64_t want = asked->suffix < content->total ? asked->suffix
							       : content->total;
		return content->length == want &&
			       content->offset == content->total - want
			   ? NULL
			   : other;
	}
	if (content->offset != asked->offset ||
	    (asked->length > 0 && content->length > asked->length))
		return other;
	return NULL;
}

const char *spwc__range_check(const struct spwc_get_opts *asked, long status,
    const struct spwc_content *content)
{
	if (!asks_range(asked))
		return status == 206 ? "the server answered an unasked range"
				     : NULL;
	if (status == 206)
		return check_part(asked, content);
	return asked->if_range != NULL ? NULL : "the server ignored the range";
}

void spwc__range_format(
    const struct spwc_get_opts *asked, char *text, size_t size)
{
	if (!asks_range(asked))
		text[0] = '\0';
	else if (asked->suffix > 0)
		snprintf(text, size, "bytes=-%" PRIu64, asked->suffix);
	else if (asked->length == 0 ||
		 asked->length > UINT64_MAX - asked->offset)
		snprintf(text, size, "bytes=%" PRIu64 "-", asked->offset);
	else
		snprintf(text, size, "bytes=%" PRIu64 "-%" PRIu64,
		    asked->offset, asked->offset + asked->length - 1);
}
