/* SPDX-License-Identifier: MIT */
/*
 * TLS: the certificate, which can be exchanged while connections are open, and
 * what goes out beside the HTTP library. The handshake and all else is that
 * library's, by GnuTLS. Without it in the build there is no TLS.
 *
 *   http_cert_load() -> http_server_use_cert()     (server.h)
 *
 * Threads: a certificate that was loaded is only read.
 */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include "base/conf.h"

struct http_cert;

/**
 * Load a certificate, with those that vouch for it, and its key: PEM files.
 * May block.
 *
 * Errors:    -EINVAL a file is not what it should be, or the two do not
 *            belong together; of reading; -ENOTSUP there is no TLS in this
 *            build; `reterr` says which file and why.
 */
int http_cert_load(const char *cert, const char *key, struct http_cert **ret,
    struct conf_error *reterr) SPW_MUST_CHECK;

/** Free it, and those that it has replaced; NULL is allowed. */
void http_cert_free(struct http_cert *c);

#endif
