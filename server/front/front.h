/* SPDX-License-Identifier: MIT */
/*
 * The front: which resource answers which request.
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include "base/conf.h"
#include "deliver/content.h"
#include "deliver/zip.h"
#include "front/auth.h"
#include "http/server.h"
#include "ingest/fetch.h"
#include "ingest/ingest.h"
#include "ingest/integrity.h"
#include "ingest/through.h"
#include "process/process.h"
#include "store/hasher.h"
#include "store/store.h"

struct front {
	const struct conf *conf;
	struct store *store;
	struct auth *auth;
	struct ingest ingest;
	struct fetcher *fetcher;
	struct through *through;
	struct zip_service *zip;
	struct hasher *hasher;
	struct process *process;
	struct http_server *server; /* set once it exists */
	_Atomic bool disk_fails;    /* the spool directory is of no use */
};

/** http_handler.begin; `ctx` is a struct front. */
void front_begin(struct http_request *req, void *ctx);

/* admin.c */
void admin_health(struct http_request *req, struct front *f);
void admin_ready(struct http_request *req, struct front *f);
void admin_metrics(struct http_request *req, struct front *f);

/* cors.c */
/**
 * Let pages of the listed origins read whatever the request is answered: gives
 * that answer its fields. A preflight is an OPTIONS like any other.
 *
 * Source:    Fetch standard, CORS protocol; RFC 6454
 */
void cors_enter(struct http_request *req, const struct conf *c);
/** Returns: whether `server.cors_origins` lists an origin. */
bool cors_lists(const struct conf *c, struct str origin);

/* sites.c */
/**
 * May the page that a browser sends this request for? Only asked where no token
 * is needed because only this machine can connect.
 *
 * Returns:   true; else it was answered.
 */
bool sites_admit(struct http_request *req, const struct front *f);

/* find.c */
/**
 * Find the file of an id, if `open` with its content at hand.
 *
 * Returns:   true, and the file with a reference, or NULL when there is none;
 *            false: it was answered, or http_later() was called.
 */
bool find_file(struct http_request *req, struct front *f, struct str id,
    bool open, struct file **ret);
/**
 * Begin to look for many: afterwards store_get() finds those that there are,
 * if not with their content open. The request will be woken.
 *
 * Errors:    -ENOMEM.
 * Ownership: copies the ids.
 */
struct find_many;
int find_many(struct http_request *req, struct front *f,
    const struct str *ids, size_t count, struct find_many **ret)
    SPW_MUST_CHECK;
/** Returns: 0. Errors: -EINPROGRESS not yet; -ENOMEM; from the disk. */
int find_many_result(const struct find_many *many) SPW_MUST_CHECK;
/** Let go of them; NULL is allowed. */
void find_many_drop(struct find_many *many);
/** Delete one for good, and answer. */
void find_delete(
    struct http_request *req, struct front *f, struct file *file);

/* files.c */
void files_list(struct http_request *req, struct front *f);
void files_get(struct http_request *req, struct front *f, struct file *file);
void files_delete(struct http_request *req, struct front *f, struct file *file);
/** What there is to send of a file, with room for the texts of it. */
struct files_content {
	struct content content;
	char type[FILE_TYPE_SIZE], name[FILE_NAME_SIZE];
	char digest[DIGEST_FIELD_SIZE], sent[DIGEST_FIELD_SIZE];
};
void files_content(struct http_request *req, struct file *file,
    struct files_content *ret);

/* through.c */
/** Answer GET /fetch?url=: the content of a URL. */
void through_get(struct http_request *req, struct front *f);

/* info.c */
void files_info(struct http_request *req, struct front *f, struct file *file);
/**
 * Have digests of a ready file computed before it is answered with
 * `answer_with`.
 *
 * Returns:   false when there is nothing to wait for: answer now.
 */
bool files_digest_first(struct http_request *req, struct front *f,
    struct file *file, unsigned algs,
    void (*answer_with)(struct http_request *req, struct file *file));

/* page.c */
/** Answer `/`: the page for a browser, else how to use this by curl. */
void page_index(struct http_request *req, struct front *f);
/** Answer with the description of the API. */
void page_openapi(struct http_request *req, struct front *f);
/** Returns: the file of the page with that path, or NULL. */
struct page_asset;
const struct page_asset *page_find(const struct front *f, struct str path);
/** Answer with one. */
void page_send(struct http_request *req, const struct page_asset *asset);
/** Returns: whether a browser asks, or else a program. */
bool page_is_browser(const struct http_request *req);
/* How something is sent that is the same for all who ask. */
struct page_terms {
	const char *type, *control, *vary;
	bool gzip;
};
/** Answer with a form of it, which is copied unless it is `constant`; or that
    it is known to who asks. */
struct page_form;
void page_send_form(struct http_request *req, const struct page_form *form,
    const struct page_terms *terms, bool constant);

/* problems.c */
/** Answer with what all types of problems mean. */
void problems_list(struct http_request *req, struct front *f);
/** Returns: the type that is looked up by that path, or NULL. */
struct http_problem_type;
const struct http_problem_type *problems_find(struct str path);
/** Answer with what it means. */
void problems_send(
    struct http_request *req, const struct http_problem_type *type);

/* links.c */
/** Answer POST /links: with a link to upload by. */
void links_post(struct http_request *req, struct front *f);
/** Answer POST /files/{id}/links: with one to read by. */
void links_post_file(struct http_request *req, struct front *f,
    struct file *file, struct str rest);

/* save.c */
/**
 * Answer POST below /files/{id}/zip; `rest` is the path behind `/zip`.
 */
void save_entry(struct http_request *req, struct front *f, struct file *file,
    struct str rest);

/* process.c */
/** Answer POST /process/{name}, and POST /files/{id}/process/{name}; `name` as
    the path has it. */
void process_body(struct http_request *req, struct front *f, struct str name);
void process_file(struct http_request *req, struct front *f,
    struct file *file, struct str name);
/** Answer GET /processors. */
void process_list(struct http_request *req, struct front *f);

/* archive.c */
/** Answer POST /files/zip. */
void archive_post(struct http_request *req, struct front *f);

#endif
