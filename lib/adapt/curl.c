/* SPDX-License-Identifier: MIT */
/* libcurl's callbacks over a spool. */
#include <spillway/curl.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include <curl/curl.h>

#define CURL_MAGIC 0x5b0c041u

_Static_assert(__builtin_types_compatible_p(curl_off_t, int64_t),
    "the header names libcurl's type without its header");

static struct spw_curl *state_of(void *userdata)
{
	struct spw_curl *c = userdata;

	assert(c->magic == CURL_MAGIC);
	return c;
}

void spw_curl_init(struct spw_curl *c, struct spw_spool *s, unsigned flags)
{
	*c = (struct spw_curl){ .magic = CURL_MAGIC, .flags = flags,
		.spool = s };
}

size_t spw_curl_write(char *data, size_t size, size_t n, void *userdata)
{
	struct spw_curl *c = state_of(userdata);
	size_t len = size * n;
	bool pause = c->flags & SPW_CURL_PAUSE;
	int r = pause ? spw_spool_try_append(c->spool, data, len)
	    : spw_spool_append(c->spool, data, len);

	if (r == -EAGAIN && pause)
		return CURL_WRITEFUNC_PAUSE;
	if (r < 0) {
		c->error = r;
		return CURL_WRITEFUNC_ERROR;
	}

	return len;
}

size_t spw_curl_read(char *buf, size_t size, size_t n, void *userdata)
{
	struct spw_curl *c = state_of(userdata);
	bool pause = c->flags & SPW_CURL_PAUSE;
	/* In this order: it is sealed after its last byte. */
	bool open = spw_spool_state(c->spool) == SPW_STATE_OPEN;
	ssize_t got = spw_spool_pread(c->spool, buf, size * n, c->off);

	if (pause && open && (got == 0 || got == -EAGAIN))
		return CURL_READFUNC_PAUSE;
	if (got < 0) {
		c->error = (int)got;
		return CURL_READFUNC_ABORT;
	}

	c->off += (uint64_t)got;
	return (size_t)got;
}

int spw_curl_seek(void *userdata, int64_t off, int whence)
{
	struct spw_curl *c = state_of(userdata);
	uint64_t size = spw_spool_size(c->spool);
	uint64_t base = 0;
	int64_t to;

	if (whence == SEEK_CUR)
		base = c->off;
	else if (whence == SEEK_END)
		base = size;
	else if (whence != SEEK_SET)
		return CURL_SEEKFUNC_FAIL;

	if (__builtin_add_overflow(base, off, &to) || to < 0 ||
	    (uint64_t)to > size)
		return CURL_SEEKFUNC_FAIL;

	c->off = (uint64_t)to;
	return CURL_SEEKFUNC_OK;
}

int spw_curl_receive(void *easy, struct spw_curl *c)
{
	if (curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, spw_curl_write) ||
	    curl_easy_setopt(easy, CURLOPT_WRITEDATA, c))
		return -EINVAL;

	return 0;
}

int spw_curl_send(void *easy, struct spw_curl *c)
{
	curl_off_t left = -1;

	if (spw_spool_state(c->spool) == SPW_STATE_SEALED) {
		uint64_t size = spw_spool_size(c->spool);

		if (c->off > size)
			return -EINVAL;
		left = (curl_off_t)(size - c->off);
	}
	if (curl_easy_setopt(easy, CURLOPT_READFUNCTION, spw_curl_read) ||
	    curl_easy_setopt(easy, CURLOPT_READDATA, c) ||
	    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, spw_curl_seek) ||
	    curl_easy_setopt(easy, CURLOPT_SEEKDATA, c) ||
	    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, left) ||
	    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, left))
		return -EINVAL;

	return 0;
}
