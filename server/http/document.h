/* SPDX-License-Identifier: MIT */
/*
 * Answers that describe something, and are as long as what clients have said of
 * it. Until it was sent, such a text is in memory, and a client that does not
 * read it decides for how long: so what is not small is charged to the
 * server's allowance for documents.
 *
 * Threads: the request's loop thread.
 */
#ifndef HTTP_DOCUMENT_H
#define HTTP_DOCUMENT_H

#include "base/strbuf.h"
#include "http/http.h"

/** What any answer may take, and is not charged. */
#define HTTP_DOCUMENT_SMALL 4096

/**
 * Make a reply of a text, which is empty afterwards. One that tells of what
 * was done is always made.
 *
 * Returns:   false: there is no room, and the request was answered 503.
 */
bool http_document(struct http_request *req, int status, struct strbuf *text,
    struct http_reply *ret) SPW_MUST_CHECK;

/** The same, but without room nothing happens, and `text` stays. */
bool http_document_make(struct http_request *req, int status,
    struct strbuf *text, struct http_reply *ret) SPW_MUST_CHECK;

/** The same of what has to be told whatever is left: it is always made. */
struct http_reply http_document_anyway(
    struct http_request *req, int status, struct strbuf *text);

/** Answer that there is no room for a long one. */
void http_document_refuse(struct http_request *req);

#endif
