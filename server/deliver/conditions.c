/* SPDX-License-Identifier: MIT */
/*
 * Conditional requests.
 *
 * Source: RFC 9110 §13
 */
#include "base/clock.h"
#include "common/etag.h"
#include "common/httpdate.h"
#include "deliver/internal.h"

enum content_verdict content_conditions(
    const struct http_request *req, const char *etag, int64_t modified_ms)
{
	int64_t modified = modified_ms / 1000, date;

	if (http_header(req, "If-Match").p) {
		if (!http_names_etag(req, "If-Match", etag, false))
			return CONTENT_FAILED;
	} else if (modified_ms &&
		   http_date(req, "If-Unmodified-Since", &date) &&
		   modified > date) {
		return CONTENT_FAILED;
	}

	if (http_header(req, "If-None-Match").p) {
		if (http_names_etag(req, "If-None-Match", etag, true))
			return CONTENT_NOT_MODIFIED;
	} else if (modified_ms && http_date(req, "If-Modified-Since", &date) &&
		   modified <= date) {
		return CONTENT_NOT_MODIFIED;
	}
	return CONTENT_SEND;
}

/* Does If-Range let the range apply? RFC 9110 §13.1.5 */
static bool if_range(
    const struct http_request *req, const char *etag, int64_t modified_ms)
{
	struct str v = http_header(req, "If-Range");
	int64_t date;

	if (!v.p)
		return true;
	/* One validator: two cannot both be right. */
	if (http_header_count(req, "If-Range") > 1)
		return false;
	if (etag && etag_equal_strong(v.p, v.n, etag))
		return true;
	if (!modified_ms || httpdate_parse(v.p, v.n, &date) < 0)
		return false;

	/* A date is a strong validator once it is a second older than the
	   answer's Date (§8.8.2.2), which comes from a coarse clock. */
	return date == modified_ms / 1000 &&
	       (clock_unix_ms() - 20) / 1000 - date >= 1;
}

void content_range(const struct http_request *req, const char *etag,
    int64_t modified_ms, uint64_t size, struct content_ranges *ret)
{
	struct range_set set;
	struct str v = http_header(req, "Range");

	ret->status = 200;
	ret->count = 0;
	if (!v.p || http_method(req) != HTTP_GET || size == 0 ||
	    http_header_count(req, "Range") > 1 ||
	    !if_range(req, etag, modified_ms))
		return;

	switch (range_parse(v.p, v.n, &set)) {
	case RANGE_IGNORE:
		return;
	case RANGE_BAD:
		ret->status = 416;
		return;
	case RANGE_OK:
		break;
	}
	if (set.too_many)
		return;

	ret->count = range_resolve(&set, size, ret->items);
	ret->status = ret->count ? 206 : 416;
}
