/* SPDX-License-Identifier: MIT */
#include "front/auth.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "http/problem.h"

#define BEARER "Bearer "
#define BAD_TOKEN HTTP_CHALLENGE ", error=\"invalid_token\""
/* Of who needs none. */
#define EVERYTHING (AUTH_PUBLIC - 1)

struct auth {
	const struct conf *conf;
	struct accounts *accounts;
	struct link_keys *made_up; /* used without a file of them */
	pthread_rwlock_t lock;	   /* over `files`; held for moments */
	struct auth_files files;
	_Atomic bool required;
};

/* Who sends a request, and what that allows. */
struct sender {
	struct account *account;
	unsigned scopes;
};

int auth_files_read(const struct conf *conf, struct auth_files *ret,
    struct conf_error *reterr)
{
	struct auth_files files = {NULL, NULL};
	int r = 0;

	if (conf->auth.tokens[0])
		r = tokens_load(conf->auth.tokens, &files.tokens, reterr);
	if (r == 0 && conf->auth.link_key[0])
		r = link_keys_load(conf->auth.link_key, &files.keys, reterr);
	if (r < 0) {
		auth_files_drop(&files);
		return r;
	}
	*ret = files;
	return 0;
}

void auth_files_drop(struct auth_files *files)
{
	tokens_free(files->tokens);
	link_keys_free(files->keys);
	*files = (struct auth_files){NULL, NULL};
}

int auth_new(const struct conf *conf, struct accounts *accounts,
    struct auth **ret)
{
	struct auth *a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;

	a->conf = conf;
	a->accounts = accounts;
	int r = link_keys_random(&a->made_up);
	if (r < 0) {
		free(a);
		return r;
	}
	pthread_rwlock_init(&a->lock, NULL);
	atomic_init(&a->required, true);
	*ret = a;
	return 0;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;

	auth_files_drop(&a->files);
	link_keys_free(a->made_up);
	pthread_rwlock_destroy(&a->lock);
	free(a);
}

int auth_use(struct auth *a, struct auth_files *files, bool is_public)
{
	bool open = a->conf->auth.mode == CONF_AUTH_AUTO && !files->tokens;
	struct auth_files old;

	if (open && is_public)
		return -EACCES;

	int r = files->tokens ? tokens_limit(files->tokens, a->accounts) : 0;
	if (r < 0)
		return r;

	bool required = a->conf->auth.mode != CONF_AUTH_NONE && !open;
	pthread_rwlock_wrlock(&a->lock);
	old = a->files;
	a->files = *files;
	atomic_store(&a->required, required);
	pthread_rwlock_unlock(&a->lock);
	*files = (struct auth_files){NULL, NULL};
	auth_files_drop(&old);
	return 0;
}

bool auth_required(const struct auth *a)
{
	return atomic_load_explicit(&a->required, memory_order_relaxed);
}

/* Answers. Returns: false. */
static bool refuse(struct http_request *req, enum metric why,
    const char *challenge, struct http_problem p)
{
	metrics_add(why, 1);
	p.challenge = challenge;
	http_reply_problem(req, &p);
	return false;
}

static bool no_memory(struct http_request *req)
{
	struct http_problem p = http_problem_errno(-ENOMEM);

	http_reply_problem(req, &p);
	return false;
}

/* ---- tokens ------------------------------------------------------------- */

static bool by_token(struct http_request *req, struct auth *a,
    struct str field, struct sender *ret)
{
	const size_t scheme = sizeof(BEARER) - 1;

	if (!str_istarts(field, BEARER) ||
	    http_header_count(req, "Authorization") != 1)
		return refuse(req, METRIC_AUTH_BAD_TOKEN, NULL,
		    http_problem(PROBLEM_UNAUTHORIZED,
			"Authorization is to be one field, Bearer and a "
			"token."));

	pthread_rwlock_rdlock(&a->lock);
	const struct token *t = a->files.tokens
	    ? tokens_find(a->files.tokens,
		  str_trim((struct str){field.p + scheme, field.n - scheme}))
	    : NULL;
	if (t) {
		ret->account =
		    accounts_get(a->accounts, str_from(t->name));
		ret->scopes = t->scopes;
	}
	pthread_rwlock_unlock(&a->lock);
	if (!t)
		return refuse(req, METRIC_AUTH_BAD_TOKEN, BAD_TOKEN,
		    http_problem(PROBLEM_UNAUTHORIZED,
			"There is no such token: it is mistyped, or was "
			"withdrawn."));
	return ret->account || no_memory(req);
}

/* Each token has so many requests a minute, and its links have. */
static bool in_time(struct http_request *req, unsigned wait_s, const char *who)
{
	if (!wait_s)
		return true;

	struct http_problem p = http_problem(PROBLEM_TOO_MANY_REQUESTS,
	    "%s made as many requests as a minute allows; try again in %u s.",
	    who, wait_s);
	p.retry_after_s = wait_s;
	return refuse(req, METRIC_AUTH_RATE, NULL, p);
}

/* ---- links -------------------------------------------------------------- */

/* What a link is for, by its method. */
static unsigned link_scope(struct str method)
{
	if (str_eq(method, "GET"))
		return AUTH_READ;
	return str_eq(method, "PUT") || str_eq(method, "POST") ? AUTH_WRITE : 0;
}

static const struct link_keys *keys_of(const struct auth *a)
{
	return a->files.keys ? a->files.keys : a->made_up;
}

/* Is it one of ours, and of somebody who may still do that? */
static bool is_good(struct auth *a, const struct signed_link *link)
{
	bool required = auth_required(a);

	pthread_rwlock_rdlock(&a->lock);
	unsigned scopes = link->by.n && a->files.tokens
			      ? tokens_scopes(a->files.tokens, link->by)
			      : 0;
	bool good = link_keys_verify(keys_of(a), link);
	pthread_rwlock_unlock(&a->lock);
	return good && (!required || (scopes & link_scope(link->method)));
}

static struct http_problem expired(const struct signed_link *link)
{
	return http_problem(PROBLEM_LINK_EXPIRED,
	    "The link expired %llu s ago; ask for a new one who gave it to "
	    "you.",
	    (unsigned long long)((uint64_t)clock_unix_ms() / 1000 -
				 link->expires_s));
}

/* So long what comes by a link is kept at most: as its maker has it, else as
   the operator has it of what nobody says anything of. */
static uint64_t life_of(
    const struct auth *a, const struct signed_link *link)
{
	uint64_t ms = a->conf->store.ttl;

	if (link->has_file_ttl)
		ms = link->file_ttl_s <= AUTH_FILE_TTL_MAX_S
			 ? link->file_ttl_s * 1000
			 : 0;
	return ms ? ms : UINT64_MAX;
}

/* What comes by a link comes in one request, and is no longer than it says. */
static bool bounded(struct http_request *req, uint64_t max_size)
{
	uint64_t length = http_content_length(req);

	if (http_header(req, "Tus-Resumable").p ||
	    http_header(req, "Upload-Complete").p) {
		http_reply_error(req, PROBLEM_FORBIDDEN,
		    "By a link a file is uploaded in one request; a resumable "
		    "upload takes a token.");
		return false;
	}
	if (!max_size)
		return true;
	if (length != HTTP_LENGTH_UNKNOWN && length > max_size) {
		struct http_problem p = http_problem(PROBLEM_TOO_LARGE,
		    "The content is longer than the %llu bytes that the link "
		    "allows.",
		    (unsigned long long)max_size);

		p.limit = max_size;
		http_reply_problem(req, &p);
		return false;
	}
	http_body_cap(req, max_size);
	return true;
}

static bool by_link(struct http_request *req, struct auth *a,
    struct signed_link *link, struct sender *ret)
{
	link->method = str_from(http_method_name(req));
	link->path = http_path(req);
	if (http_method(req) == HTTP_HEAD)
		link->method = str_from("GET");
	if (!is_good(a, link))
		return refuse(req, METRIC_AUTH_LINK_INVALID, NULL,
		    http_problem(PROBLEM_LINK_INVALID,
			"The link was changed, is for another method or path, "
			"or was withdrawn."));
	if (link->expires_s <= (uint64_t)clock_unix_ms() / 1000)
		return refuse(
		    req, METRIC_AUTH_LINK_EXPIRED, NULL, expired(link));

	ret->scopes = link_scope(link->method);
	if (link->by.n && !(ret->account = accounts_get(a->accounts, link->by)))
		return no_memory(req);
	if (ret->account &&
	    !in_time(req, account_admit_link(ret->account, clock_us()),
		"The links of this token have"))
		return false;
	if (ret->scopes != AUTH_WRITE)
		return true;

	http_cap_life(req, life_of(a, link));
	return bounded(req, link->max_size);
}

int auth_sign(struct http_request *req, struct auth *a,
    struct signed_link *link, char ret_signature[SIGNATURE_TEXT_LEN + 1])
{
	struct account *account = http_owner(req).account;

	link->by = str_from(account ? account_name(account) : NULL);
	pthread_rwlock_rdlock(&a->lock);
	int r = link_keys_sign(keys_of(a), link, ret_signature);
	pthread_rwlock_unlock(&a->lock);
	if (r == 0)
		link->signature = str_from(ret_signature);
	return r;
}

/* ---- both --------------------------------------------------------------- */

/* Who is it? False: it was answered. */
static bool identify(
    struct http_request *req, struct auth *a, struct sender *ret)
{
	struct str field = http_header(req, "Authorization");
	struct signed_link link = {.by = {NULL, 0}};
	bool required = auth_required(a);

	if (required && field.p)
		return by_token(req, a, field, ret) &&
		       in_time(req, account_admit(ret->account, clock_us()),
			   "This token has");

	int r = str_istarts(http_path(req), "/files")
		    ? signed_link_read(http_query(req), &link)
		    : -ENOENT;
	if (r == 0)
		return by_link(req, a, &link, ret);
	if (r == -EINVAL)
		return refuse(req, METRIC_AUTH_LINK_INVALID, NULL,
		    http_problem(PROBLEM_LINK_INVALID,
			"The link is not whole; was it cut when it was "
			"copied?"));
	if (required)
		return refuse(req, METRIC_AUTH_NO_TOKEN, NULL,
		    http_problem(PROBLEM_UNAUTHORIZED,
			"This server wants to know who asks: send "
			"Authorization: Bearer and a token."));

	ret->scopes = EVERYTHING;
	return true;
}

#define SCOPE_CHALLENGE(id, word) \
	HTTP_CHALLENGE ", error=\"insufficient_scope\", scope=\"" word "\"",

static bool lacks(struct http_request *req, unsigned need)
{
	static const char *const challenges[] = {AUTH_SCOPES(SCOPE_CHALLENGE)};
	unsigned i = 0;

	while (!(need & 1u << i))
		i++;
	return refuse(req, METRIC_AUTH_SCOPE, challenges[i],
	    http_problem(PROBLEM_INSUFFICIENT_SCOPE,
		"That takes the scope %s, which the sender has not.",
		auth_scope_name(need)));
}

bool auth_admit(struct http_request *req, struct auth *a, unsigned need)
{
	struct sender sender = {NULL, 0};
	unsigned scopes;

	if (need & AUTH_PUBLIC)
		return true;
	if (!http_admitted(req, &scopes)) {
		if (!identify(req, a, &sender))
			return false;
		scopes = sender.scopes;
		http_admit(req, sender.account, scopes);
	}
	return scopes & need || lacks(req, need);
}
