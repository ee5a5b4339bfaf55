/* SPDX-License-Identifier: MIT */
/*
 * Who may do what: tokens, and links that are signed.
 *
 *   auth_new()
 *     auth_files_read() -> auth_use()    at the start, and for a reload
 *     auth_admit(req, auth, AUTH_READ)   before anything of a request is done
 *   auth_free()
 *
 * Where nobody needs a token (auth.mode is none, or auto without tokens),
 * everybody may do everything, and a token is not looked at.
 *
 * Threads: auth_admit(), auth_sign() and auth_required() any; the others one
 * at a time.
 */
#ifndef FRONT_AUTH_H
#define FRONT_AUTH_H

#include "base/linkkeys.h"
#include "base/tokens.h"
#include "common/authfile.h"
#include "http/http.h"

/** Whom auth_admit() admits with one of these, of enum auth_scope ... */
#define AUTH_LOOK (AUTH_READ | AUTH_WRITE) /* whether it is there, how far */
#define AUTH_PUBLIC (1u << 30)		   /* ... and this: anybody */

/** The longest life in seconds that a link may give to what is uploaded. */
#define AUTH_FILE_TTL_MAX_S (INT64_MAX / 10000)

struct auth;

/* What files say. */
struct auth_files {
	struct tokens *tokens;	/* NULL: there is no file */
	struct link_keys *keys; /* likewise */
};

/** Read them. May block. Errors: `reterr` says file, line and why. */
int auth_files_read(const struct conf *conf, struct auth_files *ret,
    struct conf_error *reterr) SPW_MUST_CHECK;
/** Forget what nobody has taken. */
void auth_files_drop(struct auth_files *files);

/** Make one that admits nobody yet. Errors: -ENOMEM; of the system. */
int auth_new(const struct conf *conf, struct accounts *accounts,
    struct auth **ret) SPW_MUST_CHECK;
void auth_free(struct auth *a);

/**
 * Go by these from now on; takes them. `is_public`: whether other machines can
 * connect.
 *
 * Errors:    -EACCES they could do so without a token, and nobody has said that
 *            they may; -ENOMEM. Then it goes by those of before.
 */
int auth_use(struct auth *a, struct auth_files *files, bool is_public)
    SPW_MUST_CHECK;

/** Returns: whether a token is needed for anything. */
bool auth_required(const struct auth *a);

/**
 * May the sender do something for which one of the scopes in `need` is enough?
 * Counts the request, and notes whose it is, when it is asked first.
 *
 * Returns:   true; else it was answered.
 * Source:    RFC 6750 §2.1, §3
 */
bool auth_admit(struct http_request *req, struct auth *a, unsigned need);

/**
 * Sign a link in the name of who sent the request.
 *
 * Errors:    as link_keys_sign().
 */
int auth_sign(struct http_request *req, struct auth *a,
    struct signed_link *link, char ret_signature[SIGNATURE_TEXT_LEN + 1])
    SPW_MUST_CHECK;

#endif
