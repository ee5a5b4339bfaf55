/* SPDX-License-Identifier: MIT */
/*
 * What raw uploads and forms share: admission, parameters, files being
 * filled, and the answer.
 */
#ifndef INGEST_UPLOAD_H
#define INGEST_UPLOAD_H

#include "base/allowance.h"
#include "http/problem.h"
#include "ingest/idempotency.h"
#include "ingest/ingest.h"
#include "ingest/integrity.h"

/* What an upload may say about the files it makes. */
struct upload_params {
	char name[FILE_NAME_SIZE]; /* "" when not given */
	uint64_t ttl_ms;	   /* UINT64_MAX when not given */
	uint64_t ttl_max_ms;	   /* UINT64_MAX: it may be any */
	int64_t reads;		   /* 0 when not given */
	struct owner owner;
};

/* All that is read of a request before its body. */
struct upload_terms {
	struct upload_params params;
	struct integrity integrity;
	struct str coding;		 /* empty: none */
	struct idempotency_claim *claim; /* NULL: it has no key */
};

/*
 * How a spool's on_writable finds the request. The waker is made when the
 * first append has to wait, which most uploads never do.
 */
struct upload_wake {
	_Atomic(struct http_waker *) waker;
};

/** A spool's on_writable; `user_data` is a struct upload_wake. */
void upload_writable(struct spw_spool *s, void *user_data);

/** Forget the waker; no spool may call upload_writable() any more. */
void upload_wake_fini(struct upload_wake *w);

/** Returns: how many uploads one client may have open; 0: no limit. */
unsigned upload_client_max(const struct ingest *in);

/**
 * Append to a file on behalf of a request.
 *
 * Returns:   0; -EAGAIN after which the request will be woken.
 * Errors:    negative errno.
 */
int upload_append(struct http_request *req, struct upload_wake *w,
    struct file *f, const char *p, size_t len);

/** Seal a file; as upload_append(). */
int upload_seal(
    struct http_request *req, struct upload_wake *w, struct file *f);

/**
 * Does the header say how long the body is, and nothing of a part? `no_part`
 * is what is told of Content-Range. False: answered.
 */
bool upload_framed(struct http_request *req, const char *no_part);

/**
 * Take one of `upload.max_active` places until the request is answered. False:
 * there is none, which was answered.
 */
bool upload_enter(struct http_request *req, struct ingest *in);

/**
 * May this upload begin? Counts it if so, and takes it the places that it
 * needs until it is answered. A form may be longer than the largest file: each
 * of its files has the limit to itself.
 *
 * Returns:   true; else it was answered.
 */
bool upload_admit(struct http_request *req, struct ingest *in, bool form);

/**
 * Count how an upload that was admitted ended. `err` is 0 when it became a
 * file, else why it did not: a negative errno, -ECONNABORTED for a client that
 * went away.
 */
void upload_over(int err);
/** The same from sink.free(), where -ECONNABORTED is what is not known. */
void upload_dropped(const struct http_request *req, int err);

/**
 * Read the terms; a request whose key is known is answered with what it made
 * the first time.
 *
 * Returns:   true; else it was answered, or will be.
 * Ownership: `ret->claim` goes to upload_claim_done() or
 *            idempotency_forget().
 */
bool upload_terms_read(struct http_request *req, struct ingest *in, bool form,
    struct upload_terms *ret);

/**
 * Read Content-Encoding: what is stored is the content as it comes, and it is
 * given out with the same field. `*ret` is empty when there is none.
 *
 * Returns:   true; else it was answered.
 * Source:    RFC 9110 §8.4
 */
bool upload_coding(struct http_request *req, struct str *ret);

/** Read `name`, `ttl` and `reads` of the query. False: answered. */
bool upload_params(struct http_request *req, struct upload_params *p);

/** A request is to be answered with these files if it comes again (again.c). */
void upload_claim_done(struct idempotency_claim *claim, int status,
    struct file *const *files, size_t count);

/** Set one of the parameters from text. False: it is no such number. */
bool upload_param_ttl(struct upload_params *p, struct str text);
/** Whether a file may be kept for as long as was said; nothing said may be. */
bool upload_ttl_fits(const struct upload_params *p);
/** Answer that it may not. */
void upload_refuse_ttl(
    struct http_request *req, const struct upload_params *p);
bool upload_param_reads(struct upload_params *p, struct str text);

/** Set the name; what is too long or unfit for one is left out of it. */
#define UPLOAD_NAME_MAX 1024
void upload_param_name(struct upload_params *p, struct str text);

/** Make a file for an upload. Errors: as file_new(). */
int upload_file(struct ingest *in, uint64_t size, struct owner owner,
    struct upload_wake *w, enum file_source source, struct file **ret);

/** Apply ttl and reads; before the file is added to the store. */
void upload_apply(
    struct ingest *in, struct file *f, const struct upload_params *p);

/** Fail the request with what an errno of the spool means. */
void upload_failed(struct http_request *req, int err);

/** Answer with one file. */
void upload_reply(struct http_request *req, struct file *f, int status);

/** The same with Repr-Digest, of those of `algs` that the file has. */
void upload_reply_told(
    struct http_request *req, struct file *f, int status, unsigned algs);

/** Answer 201 with a list of files; `algs` tells for one alone. */
void upload_reply_list(struct http_request *req, struct file *const *files,
    size_t count, unsigned algs);
/** The same of what was made before, if there is room for a long answer. */
void upload_reply_list_again(struct http_request *req,
    struct file *const *files, size_t count, unsigned algs);

/* What the answer to a form takes, held as its parts come: see
   http/document.h. Zeros at first; allot_end() before it is answered. */
struct upload_list {
	struct allotment share;
	size_t bytes;
};

/** Returns: whether there is room to tell of one more file. */
bool upload_list_add(
    struct http_request *req, struct upload_list *l, struct file *f);

/** Returns: what becomes of a file that fails; `detail` is copied. */
struct failure upload_error(enum http_problem_kind kind, const char *detail);

/** Take a file that came to nothing out of sight; its readers are cut. */
void upload_abandon(struct ingest *in, struct file *f);

/** Returns: whether the client prefers text over JSON. */
bool upload_wants_text(const struct http_request *req);

/** Answer POST /files with multipart/form-data (form.c). */
void form_post(struct http_request *req, struct ingest *in);

#endif
