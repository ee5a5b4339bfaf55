/* SPDX-License-Identifier: MIT */
#include "deliver/zip_window.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int zip_window_init(struct zip_window *w, struct spw_spool *s, size_t cap)
{
	*w = (struct zip_window){
	    .s = s, .buf = malloc(cap), .cap = cap, .reads_left = UINT64_MAX};
	return w->buf ? 0 : -ENOMEM;
}

void zip_window_fini(struct zip_window *w)
{
	free(w->buf);
	w->buf = NULL;
}

int zip_window_at(struct zip_window *w, uint64_t off, size_t n, size_t ahead,
    uint64_t end, const uint8_t **ret, struct zip_fault *reterr)
{
	assert(n <= w->cap && off <= end && n <= end - off);
	if (off < w->off || off + n > w->off + w->len) {
		size_t len = ahead > n ? ahead : n;
		if (len > w->cap)
			len = w->cap;
		if (len > end - off)
			len = (size_t)(end - off);
		if (w->reads_left == 0)
			return zip_fault_errno(reterr, -ENOBUFS);

		w->reads_left--;
		w->len = 0;
		int err = zip_read_at(w->s, w->buf, len, off, reterr);
		if (err < 0)
			return err;
		w->off = off;
		w->len = len;
	}
	*ret = w->buf + (off - w->off);
	return 0;
}
