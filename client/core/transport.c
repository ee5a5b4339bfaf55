/* SPDX-License-Identifier: MIT */
#include "core/transport.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/digestfield.h"
#include "core/error.h"
#include "core/range.h"

/* What a problem may take; what a proxy says beyond is not kept. */
#define PROBLEM_MAX_BYTES ((size_t)64 << 10)
#define RETRY_AFTER_MAX_S 1000000ul
#define BUFFER_BYTES (256L << 10)
#define UPLOAD_BUFFER_MIN_BYTES (16L << 10)
/* So many pieces may move elsewhere before a call has its turn again. */
#define ROUND_PIECES 64u
/* How long to rest without a look at who wants to stop it. */
#define REST_MAX_US 200000u

static struct spwc__request *request_of(void *arg)
{
	struct spwc__request *r = arg;

	assert(r->magic == SPWC__REQUEST_MAGIC);
	return r;
}

static bool is_success(long status)
{
	return status >= 200 && status < 300;
}

static void fail_callback(struct spwc__request *r, int err)
{
	if (err == -ECANCELED)
		r->failed =
		    spwc__error_set(&r->error, err, "cancelled", "interrupted");
	else
		r->failed = spwc__error_set(
		    &r->error, err, "callback", "%s", strerror(-err));
}

const char *spwc__transport_field(struct spwc__request *r, const char *name)
{
	struct curl_header *h = NULL;

	if (curl_easy_header(r->easy, name, 0, CURLH_HEADER, -1, &h) !=
	    CURLHE_OK)
		return NULL;
	return h->value;
}

static void read_digest(struct spwc__request *r)
{
	const char *text = spwc__transport_field(r, "Repr-Digest");
	struct digest_set set = {0};

	if (text == NULL || digest_field_read(str_from(text), &set) < 0 ||
	    !(set.have & DIGEST_BIT(DIGEST_SHA256)))
		return;
	memcpy(r->content.sha256, set.value[DIGEST_SHA256],
	    sizeof(r->content.sha256));
	r->content.has_sha256 = true;
}

static void read_content(struct spwc__request *r)
{
	curl_off_t length = -1;
	struct spwc_content *content = &r->content;

	*content = (struct spwc_content){
	    .length = SPWC_UNKNOWN,
	    .total = SPWC_UNKNOWN,
	};
	curl_easy_getinfo(r->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (length >= 0 && is_success(r->status)) {
		content->length = (uint64_t)length;
		content->total = content->length;
	}

	read_digest(r);
	const char *etag = spwc__transport_field(r, "ETag");
	if (etag != NULL && strlen(etag) < sizeof(content->etag))
		memcpy(content->etag, etag, strlen(etag) + 1);

	const char *range = spwc__transport_field(r, "Content-Range");
	if (r->status == 416)
		content->length = 0;
	if (r->status != 206 && r->status != 416)
		return;
	if ((range == NULL || spwc__range_read(range, content) < 0) &&
	    r->status == 206)
		r->failed = spwc__error_protocol(&r->error,
		    "the server answered a range without saying which");
}

static void begin_answer(struct spwc__request *r)
{
	r->begun = true;
	r->c->answered = true;
	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &r->status);
	read_content(r);
	if (r->failed < 0 || !is_success(r->status) || r->sink == NULL)
		return;

	const char *wrong =
	    spwc__range_check(&r->range, r->status, &r->content);
	if (wrong != NULL) {
		r->failed = spwc__error_protocol(&r->error, wrong);
		return;
	}
	if (r->sink->begin == NULL)
		return;

	int err = r->sink->begin(r->sink->arg, &r->content);
	if (err < 0)
		fail_callback(r, err);
}

static void keep_body(struct spwc__request *r, const char *data, size_t len)
{
	if (!is_success(r->status)) {
		if (len > PROBLEM_MAX_BYTES - r->body.len)
			len = PROBLEM_MAX_BYTES - r->body.len;
		spwc__buf_add(&r->body, data, len);
		return;
	}
	int err = spwc__buf_add(&r->body, data, len);
	if (err == -EFBIG)
		r->failed = spwc__error_set(&r->error, -EFBIG,
		    "http_protocol_error", "the answer is too large");
	else if (err < 0)
		r->failed = spwc__error_oom(&r->error);
}

/* Whether who asked to be told of progress wants to go on. */
static bool goes_on(struct spwc__request *r)
{
	struct spwc_client *c = r->c;
	uint64_t done = 0;
	uint64_t total = SPWC_UNKNOWN;

	if (r->source.read != NULL) {
		done = r->sent;
		total = r->source.size;
	} else if (r->sink != NULL && r->begun && is_success(r->status)) {
		/* A resumed download counts what was there before; a part
		 * that was asked for is a whole of its own. */
		bool part = r->range.length > 0 || r->range.suffix > 0;

		done = r->taken + (part ? 0 : r->content.offset);
		total = part ? r->content.length : r->content.total;
	}
	if (c->progress == NULL ||
	    c->progress(c->progress_arg, done, total) == 0)
		return true;
	if (r->failed == 0)
		fail_callback(r, -ECANCELED);
	return false;
}

/* Rests in a call that has its thread for itself. False ends it. */
static bool rest(struct spwc__request *r)
{
	uint64_t left;

	while (
	    (left = spwc__pace_rest_us(&r->c->pace, spwc__pace_now_us())) > 0) {
		poll(NULL, 0,
		    (int)((left < REST_MAX_US ? left : REST_MAX_US) / 1000));
		if (!goes_on(r))
			return false;
	}
	return true;
}

/* Whether nothing may move now: one of many has to rest, or to rest was
 * interrupted. */
static bool is_held(struct spwc__request *r)
{
	uint64_t now;

	if (!r->paced)
		return false;
	if (!r->shared)
		return !rest(r);
	now = spwc__pace_now_us();
	if (spwc__pace_rest_us(&r->c->pace, now) == 0)
		r->resting_us = 0;
	else if (r->resting_us == 0)
		r->resting_us = now;
	return r->resting_us != 0;
}

static void moved(struct spwc__request *r, size_t bytes)
{
	if (r->paced)
		spwc__pace_take(&r->c->pace, spwc__pace_now_us(), bytes);
}

static size_t give(struct spwc__request *r, const char *data, size_t len)
{
	if (is_held(r))
		return r->shared ? CURL_WRITEFUNC_PAUSE : CURL_WRITEFUNC_ERROR;

	int err = r->sink->write(r->sink->arg, data, len);
	if (err == -EAGAIN && r->shared)
		return CURL_WRITEFUNC_PAUSE;
	if (err < 0) {
		fail_callback(r, err);
		return CURL_WRITEFUNC_ERROR;
	}
	r->taken += len;
	moved(r, len);
	return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct spwc__request *r = request_of(arg);
	size_t len = size * count;

	if (!r->begun)
		begin_answer(r);
	if (r->failed < 0)
		return CURL_WRITEFUNC_ERROR;

	if (r->sink != NULL && is_success(r->status))
		return give(r, data, len);
	keep_body(r, data, len);
	return r->failed < 0 ? CURL_WRITEFUNC_ERROR : len;
}

static size_t on_read(char *data, size_t size, size_t count, void *arg)
{
	struct spwc__request *r = request_of(arg);
	uint64_t left = r->source.size - r->sent;
	size_t room = size * count;

	/* The unknown size is the greatest number: never reached. */
	if (room > left)
		room = (size_t)left;
	if (room == 0)
		return 0;
	if (is_held(r))
		return r->shared ? CURL_READFUNC_PAUSE : CURL_READFUNC_ABORT;
	if (r->paced && room > spwc__pace_piece(&r->c->pace))
		room = spwc__pace_piece(&r->c->pace);

	ssize_t got = r->source.read(r->source.arg, data, room);
	if (got == -EAGAIN && r->shared)
		return CURL_READFUNC_PAUSE;
	if (got < 0) {
		if (r->failed == 0)
			fail_callback(r, (int)got);
		return CURL_READFUNC_ABORT;
	}
	if (got == 0 && r->source.size != SPWC_UNKNOWN) {
		r->failed = spwc__error_set(&r->error, -EIO, "callback",
		    "the content became shorter while it was sent");
		return CURL_READFUNC_ABORT;
	}
	r->sent += (uint64_t)got;
	moved(r, (size_t)got);
	return (size_t)got;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct spwc__request *r = request_of(arg);

	if (origin != SEEK_SET || r->source.seek == NULL)
		return CURL_SEEKFUNC_CANTSEEK;
	if (r->source.seek(r->source.arg, (uint64_t)offset) < 0)
		return CURL_SEEKFUNC_FAIL;
	r->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down,
    curl_off_t up_total, curl_off_t up)
{
	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	return goes_on(request_of(arg)) ? 0 : 1;
}

#define SET(easy, option, value) \
	(bad |= curl_easy_setopt(easy, option, value) != CURLE_OK)

static int set_connection(CURL *easy, const struct spwc_client *c)
{
	bool bad = false;

	SET(easy, CURLOPT_NOSIGNAL, 1L);
	SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, c->connect_timeout_ms);
	/* "" keeps libcurl from looking into the environment. */
	SET(easy, CURLOPT_PROXY, c->proxy != NULL ? c->proxy : "");
	SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(easy, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	SET(easy, CURLOPT_UPLOAD_BUFFERSIZE, BUFFER_BYTES);
	if (strncmp(c->server, "unix:", 5) == 0)
		SET(easy, CURLOPT_UNIX_SOCKET_PATH, c->server + 5);
	if (c->ca_file != NULL)
		SET(easy, CURLOPT_CAINFO, c->ca_file);
	return bad ? -ENOMEM : 0;
}

/* What is sent or asked for has a length, so it has to move on. Of a file
 * that is still received nobody knows when the next byte comes. */
static bool must_move(const struct spwc__request *r)
{
	if (r->patient)
		return false;
	if (r->source.read != NULL)
		return r->source.seek != NULL;
	return r->sink != NULL && r->range.length > 0;
}

static int set_pace(struct spwc__request *r)
{
	const struct spwc_client *c = r->c;
	size_t piece = spwc__pace_piece(&c->pace);
	long rest_s = 0;
	CURL *easy = r->easy;
	bool bad = false;

	if (r->paced && c->pace.rate > 0) {
		/* Not in bursts that are rested for afterwards. */
		SET(easy, CURLOPT_BUFFERSIZE, (long)piece);
		SET(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_MIN_BYTES);
		rest_s = (long)(ROUND_PIECES * piece / c->pace.rate);
	}
	if (c->stall_timeout_s > 0 && must_move(r)) {
		/* To rest is no stall. */
		SET(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		SET(easy, CURLOPT_LOW_SPEED_TIME, c->stall_timeout_s + rest_s);
	}
	return bad ? -ENOMEM : 0;
}

static int set_body(struct spwc__request *r)
{
	CURL *easy = r->easy;
	bool bad = false;

	if (r->json != NULL) {
		SET(easy, CURLOPT_POST, 1L);
		SET(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)strlen(r->json));
		SET(easy, CURLOPT_POSTFIELDS, r->json);
	} else if (r->source.read != NULL) {
		SET(easy, CURLOPT_UPLOAD, 1L);
		SET(easy, CURLOPT_READFUNCTION, on_read);
		SET(easy, CURLOPT_READDATA, r);
		SET(easy, CURLOPT_SEEKFUNCTION, on_seek);
		SET(easy, CURLOPT_SEEKDATA, r);
		SET(easy, CURLOPT_INFILESIZE_LARGE,
		    r->source.size == SPWC_UNKNOWN
			? (curl_off_t)-1
			: (curl_off_t)r->source.size);
	} else if (strcmp(r->method, "POST") == 0 ||
		   strcmp(r->method, "PATCH") == 0) {
		/* An empty body has its length, too. */
		SET(easy, CURLOPT_UPLOAD, 1L);
		SET(easy, CURLOPT_READFUNCTION, on_read);
		SET(easy, CURLOPT_READDATA, r);
		SET(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)0);
	}
	return bad ? -ENOMEM : 0;
}

/* A kept connection may turn out dead when the first bytes are gone already,
 * and libcurl then sends it all again by itself. */
static bool must_not_repeat(const struct spwc__request *r)
{
	return r->once || !r->repeatable ||
	       (r->source.read != NULL && r->source.seek == NULL);
}

static int set_request(struct spwc__request *r)
{
	CURL *easy = r->easy;
	bool bad = false;

	SET(easy, CURLOPT_ERRORBUFFER, r->curl_text);
	SET(easy, CURLOPT_URL, r->url.data);
	/* Names of zip entries may hold "..": they are data. */
	SET(easy, CURLOPT_PATH_AS_IS, 1L);
	SET(easy, CURLOPT_HTTPHEADER, r->headers);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, r);
	SET(easy, CURLOPT_FRESH_CONNECT, must_not_repeat(r) ? 1L : 0L);
	if (strcmp(r->method, "HEAD") == 0)
		SET(easy, CURLOPT_NOBODY, 1L);
	else
		SET(easy, CURLOPT_CUSTOMREQUEST, r->method);
	if (!r->shared) {
		SET(easy, CURLOPT_NOPROGRESS, 0L);
		SET(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
		SET(easy, CURLOPT_XFERINFODATA, r);
	}
	return bad ? -ENOMEM : 0;
}

#undef SET

/* A final one: an interim answer is none yet. */
static bool has_answer(struct spwc__request *r)
{
	long status = 0;

	curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return status >= 200;
}

static void refused(struct spwc__request *r)
{
	const char *location = spwc__transport_field(r, "Location");

	r->failed = spwc__error_answer(
	    &r->error, r->status, r->body.data, r->body.len, location);

	const char *retry = spwc__transport_field(r, "Retry-After");
	if (retry != NULL && retry[0] >= '0' && retry[0] <= '9') {
		unsigned long s = strtoul(retry, NULL, 10);

		r->error.retry_after_s =
		    (unsigned int)(s < RETRY_AFTER_MAX_S ? s
							 : RETRY_AFTER_MAX_S);
	}
}

void spwc__transport_end(struct spwc__request *r, CURLcode code)
{
	long os_error = 0;

	/* The handle may outlive the request. */
	curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, NULL);
	if (r->failed < 0)
		return;
	if (!r->begun && has_answer(r))
		begin_answer(r);
	/* A server that refuses early may close before all is sent: what it
	 * said counts, not how the sending broke. */
	if (r->failed == 0 && r->begun && r->status >= 300) {
		refused(r);
	} else if (r->failed == 0 && code != CURLE_OK) {
		curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &os_error);
		r->failed = spwc__error_curl(&r->error, code, (int)os_error,
		    r->curl_text,
		    /* Whoever is behind a proxy is reached by that. */
		    code == CURLE_COULDNT_CONNECT && r->c->proxy != NULL
			? "the proxy"
			: r->c->server);
	}
}

void spwc__transport_start(struct spwc__request *r)
{
	r->curl_text[0] = '\0';
	curl_easy_reset(r->easy);
	if (set_connection(r->easy, r->c) < 0 || set_request(r) < 0 ||
	    set_body(r) < 0 || set_pace(r) < 0)
		r->failed = spwc__error_oom(&r->error);
}
