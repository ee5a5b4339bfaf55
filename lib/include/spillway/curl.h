/* SPDX-License-Identifier: MIT */
/*
 * libcurl over spools: receive a transfer into a spool, send one out of it.
 * In libspillway-curl.
 *
 *   struct spw_curl c;
 *
 *   spw_curl_init(&c, s, 0);
 *   spw_curl_receive(easy, &c)  or  spw_curl_send(easy, &c)
 *   curl_easy_perform(easy)
 *   if it failed: c.error says whether the spool was why
 *
 * The callbacks are here, too, for what takes them in another way, such as
 * curl_mime_data_cb().
 *
 * With SPW_CURL_PAUSE a callback never waits for the disk nor for a writer
 * and pauses the transfer instead; for programs on curl_multi_perform(). Let
 * it go on with curl_easy_pause(easy, CURLPAUSE_CONT), on curl's thread:
 *   receiving   after the spool's `on_writable`
 *   sending     when a watch on byte `c.off` fires (spw_spool_watch())
 *
 * CURL is `void` to this header, which does not need <curl/curl.h>;
 * `int64_t` is libcurl's curl_off_t.
 *
 * Threads: a `struct spw_curl` belongs to the thread of its transfer. The
 * spool may be used from others meanwhile.
 */
#ifndef SPILLWAY_CURL_H
#define SPILLWAY_CURL_H

#include <spillway/base.h>
#include <spillway/spool.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	SPW_CURL_PAUSE = 1 << 0, /* pause the transfer instead of blocking */
};

/** One direction of one transfer. */
struct spw_curl {
	uint32_t magic;		/* the library's */
	unsigned flags;		/* SPW_CURL_... */
	struct spw_spool *spool;
	uint64_t off;		/* sending: of the next byte */
	int error;		/* why a callback ended it, negative errno;
				   0: it did not */
};

/**
 * Begin: to receive at the end of `s`, or to send `s` from offset 0 on (set
 * `c->off` for another). May be called again for the next transfer.
 *
 * Ownership: `c` holds no reference: the spool must outlive the transfer.
 */
SPW_API void spw_curl_init(struct spw_curl *c, struct spw_spool *s,
    unsigned flags);

/**
 * Have `easy` append what it receives: sets CURLOPT_WRITEFUNCTION and
 * CURLOPT_WRITEDATA.
 *
 * Returns:   0.
 * Errors:    -EINVAL when libcurl refuses.
 * Ownership: `c` stays the caller's and must outlive the transfer.
 */
SPW_API int spw_curl_receive(void *easy, struct spw_curl *c) SPW_MUST_CHECK;

/**
 * Have `easy` send the spool: sets CURLOPT_READFUNCTION, CURLOPT_READDATA,
 * CURLOPT_SEEKFUNCTION, CURLOPT_SEEKDATA, and CURLOPT_INFILESIZE_LARGE and
 * CURLOPT_POSTFIELDSIZE_LARGE: to what is left of a sealed spool, to unknown
 * for any other. CURLOPT_UPLOAD or CURLOPT_POST is for the caller to set.
 *
 * Returns:   0.
 * Errors:    -EINVAL when libcurl refuses, or `c->off` is past the end of a
 *            sealed spool.
 * Ownership: as spw_curl_receive().
 */
SPW_API int spw_curl_send(void *easy, struct spw_curl *c) SPW_MUST_CHECK;

/**
 * A curl_write_callback: append to the spool of `c`, a `struct spw_curl`.
 *
 * Returns:   `size * n`; CURL_WRITEFUNC_PAUSE; or, with the spool's error in
 *            `error`, CURL_WRITEFUNC_ERROR: libcurl ends the transfer with
 *            CURLE_WRITE_ERROR.
 * Threads:   may block on the disk without SPW_CURL_PAUSE.
 */
SPW_API size_t spw_curl_write(char *data, size_t size, size_t n, void *c);

/**
 * A curl_read_callback: the next bytes of the spool of `c`.
 *
 * The end is what is there now; with SPW_CURL_PAUSE it is the end only if
 * the spool is sealed.
 *
 * Returns:   the count; 0 at the end; CURL_READFUNC_PAUSE; or, with the
 *            spool's error in `error`, CURL_READFUNC_ABORT: libcurl ends the
 *            transfer with CURLE_ABORTED_BY_CALLBACK.
 */
SPW_API size_t spw_curl_read(char *buf, size_t size, size_t n, void *c);

/**
 * A curl_seek_callback, for sending again after a redirect or a login.
 * `whence` is SEEK_SET, SEEK_CUR or SEEK_END.
 *
 * Returns:   CURL_SEEKFUNC_OK; CURL_SEEKFUNC_FAIL for a position below 0 or
 *            past the end of the spool: it stays where it was.
 */
SPW_API int spw_curl_seek(void *c, int64_t off, int whence);

#ifdef __cplusplus
}
#endif

#endif
