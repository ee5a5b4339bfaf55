/* SPDX-License-Identifier: MIT */
/*
 * The file that a path names. In memory it is found at once; one whose content
 * is not open, and while the store is being restored one that is not known
 * yet, is looked for on the disk, and the request begins again when that is
 * done. Deleting one that survives waits for the disk, too.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "front/front.h"
#include "http/problem.h"
#include "http/task.h"

struct search {
	struct http_task task;
	struct store *store;
	struct file *file; /* that was found */
	size_t len;
	char id[ID_LEN_MAX];
};

static int search(struct http_task *t)
{
	struct search *s = (struct search *)(void *)t;

	return store_load(s->store, s->id, s->len, &s->file);
}

static void free_search(struct http_task *t)
{
	struct search *s = (struct search *)(void *)t;

	file_unref(s->file);
	free(s);
}

static void drop(void *ctx)
{
	struct search *s = ctx;

	http_task_drop(&s->task);
}

static int start(struct http_request *req, struct front *f, struct str id)
{
	struct search *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;

	s->task.run = search;
	s->task.free = free_search;
	s->store = f->store;
	s->len = id.n;
	memcpy(s->id, id.p, id.n);
	int r = http_task_start(req, store_readers(f->store), &s->task);
	if (r < 0) {
		free_search(&s->task);
		return r;
	}
	http_later(req, s, drop);
	return -EINPROGRESS;
}

/* What came of a search. Returns: as find(); -ESTALE for what has been replaced
   or deleted since. */
static int take_found(
    struct http_request *req, struct search *s, struct file **ret)
{
	int r = http_task_result(&s->task);

	if (r == -EINPROGRESS)
		http_later(req, s, drop);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (atomic_load(&s->file->removed))
		return -ESTALE;
	*ret = file_ref(s->file);
	return 0;
}

/* Returns: 0 with what there is, NULL for nothing; -EINPROGRESS. */
static int find(struct http_request *req, struct front *f, struct str id,
    bool open, struct file **ret)
{
	struct search *s = http_before(req, drop);
	int r = s ? take_found(req, s, ret) : -ESTALE;

	if (r != -ESTALE)
		return r;

	/* Asked first: what is found meanwhile is known then. */
	bool restoring = store_restoring(f->store);

	*ret = store_get(f->store, id.p, id.n);
	if (*ret ? !open || store_is_open(*ret) : !restoring)
		return 0;
	file_unref(*ret);
	*ret = NULL;
	return start(req, f, id);
}

bool find_file(struct http_request *req, struct front *f, struct str id,
    bool open, struct file **ret)
{
	*ret = NULL;
	int r = find(req, f, id, open, ret);
	if (r == 0)
		return true;

	if (r != -EINPROGRESS) {
		struct http_problem p = http_problem_errno(r);
		http_reply_problem(req, &p);
	}
	return false;
}

/* ---- many ---------------------------------------------------------------- */

struct find_many {
	struct http_task task;
	struct store *store;
	size_t count;
	char (*ids)[ID_LEN_MAX + 1];
};

static int search_many(struct http_task *t)
{
	struct find_many *m = (struct find_many *)(void *)t;

	for (size_t i = 0; i < m->count && !atomic_load(&t->dropped); i++) {
		const char *id = m->ids[i];
		struct file *f = store_get(m->store, id, strlen(id));
		int r = f ? 0 : store_load(m->store, id, strlen(id), &f);

		/* All of them open would take the descriptors of others. */
		file_unref(f);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static void free_many(struct http_task *t)
{
	struct find_many *m = (struct find_many *)(void *)t;

	free(m->ids);
	free(m);
}

int find_many(struct http_request *req, struct front *f,
    const struct str *ids, size_t count, struct find_many **ret)
{
	struct find_many *m = calloc(1, sizeof(*m));
	int r = -ENOMEM;

	if (!m)
		return r;
	m->task.run = search_many;
	m->task.free = free_many;
	m->store = f->store;
	m->ids = calloc(count + 1, sizeof(*m->ids));
	for (size_t i = 0; m->ids && i < count; i++)
		if (id_valid(ids[i].p, ids[i].n))
			memcpy(m->ids[m->count++], ids[i].p, ids[i].n);
	if (m->ids)
		r = http_task_start(req, store_readers(f->store), &m->task);
	if (r < 0) {
		free_many(&m->task);
		return r;
	}
	*ret = m;
	return 0;
}

int find_many_result(const struct find_many *many)
{
	return http_task_result(&many->task);
}

void find_many_drop(struct find_many *many)
{
	if (many)
		http_task_drop(&many->task);
}

/* ---- deleting ----------------------------------------------------------- */

struct deletion {
	struct http_task task;
	struct store *store;
	struct file *file;
};

static int delete_file(struct http_task *t)
{
	struct deletion *d = (struct deletion *)(void *)t;
	int r = store_drop(d->store, d->file);

	if (r > 0)
		metrics_add(METRIC_FILES_DELETED, 1);
	/* Its space is free when its client is told so. */
	file_unref(SPW_TAKE(d->file));
	return r;
}

static void free_deletion(struct http_task *t)
{
	struct deletion *d = (struct deletion *)(void *)t;

	file_unref(d->file);
	free(d);
}

static void tell(struct http_request *req, void *ctx)
{
	struct deletion *d = ctx;
	int r = http_task_result(&d->task);

	if (r == -EINPROGRESS)
		return;
	if (r < 0) {
		struct http_problem p = http_problem_errno(r);
		http_reply_problem(req, &p);
		return;
	}
	struct http_reply reply = http_reply_empty(204);
	http_reply(req, &reply);
}

static void over(struct http_request *req, void *ctx)
{
	struct deletion *d = ctx;

	(void)req;
	http_task_drop(&d->task);
}

void find_delete(
    struct http_request *req, struct front *f, struct file *file)
{
	static const struct http_waiter ops = {
	    .woken = tell, .free = over, .soon = true};
	struct deletion *d = calloc(1, sizeof(*d));
	int r = -ENOMEM;

	if (d) {
		d->task.run = delete_file;
		d->task.free = free_deletion;
		d->store = f->store;
		d->file = file_ref(file);
		r = http_task_start(req, store_keepers(f->store), &d->task);
	}
	if (r == 0) {
		http_wait(req, &ops, d);
		return;
	}
	if (d)
		free_deletion(&d->task);
	struct http_problem p = http_problem_errno(r);
	http_reply_problem(req, &p);
}
