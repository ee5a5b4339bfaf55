/* SPDX-License-Identifier: MIT */
/*
 * Sending from a file without a copy, by sendfile on the loop's thread, and
 * without having the loop wait for the disk: what the kernel has not at hand
 * is read by a thread of the store's `readers` first, ahead of what is sent.
 *
 * Threads: the request's loop.
 */
#ifndef DELIVER_WARM_H
#define DELIVER_WARM_H

#include "http/http.h"
#include "store/file.h"

/**
 * Make a reply with `len` bytes at `off` of a file's content, which lie in the
 * spool's descriptor `fd` from `fd_off` on.
 *
 * Returns:   false when it has to go out another way: the disk would be waited
 *            for before the first byte, or descriptors or memory are short.
 * Ownership: takes its own reference on `f` until the request is over; `fd`
 *            stays the spool's.
 */
bool warm_reply(struct http_request *req, struct file *f, int status, int fd,
    uint64_t fd_off, uint64_t off, uint64_t len, struct http_reply *ret);

#endif
