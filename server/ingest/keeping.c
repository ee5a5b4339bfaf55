/* SPDX-License-Identifier: MIT */
#include "ingest/keeping.h"

#include <errno.h>
#include <stdlib.h>

#include "http/task.h"

struct keeping {
	struct http_task task;
	struct store *store;
	struct file *expected;
	bool places;
	size_t count;
	struct file *files[];
};

static int keep_one(struct keeping *k, struct file *f)
{
	return k->places ? store_keep_replace(k->store, f, k->expected,
			       &k->task.dropped)
			 : store_keep(k->store, f);
}

static int run(struct http_task *t)
{
	struct keeping *k = (struct keeping *)(void *)t;
	int replaced = 0;

	for (size_t i = 0; i < k->count; i++) {
		int r = keep_one(k, k->files[i]);

		if (r < 0)
			return r;
		replaced |= r;
	}
	/* Nobody was told, so nobody knows of them. What was replaced is gone
	   all the same. */
	for (size_t i = 0; atomic_load(&t->dropped) && !replaced &&
			   i < k->count;
	     i++)
		store_remove(k->store, k->files[i]);
	return replaced;
}

static void free_it(struct http_task *t)
{
	struct keeping *k = (struct keeping *)(void *)t;

	for (size_t i = 0; i < k->count; i++) {
		store_written(k->files[i]);
		file_unref(k->files[i]);
	}
	file_unref(k->expected);
	free(k);
}

static int start(struct http_request *req, struct ingest *in,
    const struct keeping_what *what, struct keeping **ret)
{
	struct keeping *k =
	    calloc(1, sizeof(*k) + what->count * sizeof(struct file *));
	if (!k)
		return -ENOMEM;

	k->task.run = run;
	k->task.free = free_it;
	k->store = in->store;
	k->places = what->places;
	k->count = what->count;
	k->expected = what->expected ? file_ref(what->expected) : NULL;
	for (size_t i = 0; i < what->count; i++)
		k->files[i] = file_ref(what->files[i]);
	int r = http_task_start(req, store_keepers(in->store), &k->task);
	if (r < 0) {
		free_it(&k->task);
		return r;
	}
	*ret = k;
	return 0;
}

int keeping(struct http_request *req, struct ingest *in,
    const struct keeping_what *what, struct keeping **k)
{
	int r = *k ? 0 : start(req, in, what, k);

	return r < 0 ? r : http_task_result(&(*k)->task);
}

void keeping_drop(struct keeping *k)
{
	if (k)
		http_task_drop(&k->task);
}
