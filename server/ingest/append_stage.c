/* SPDX-License-Identifier: MIT */
#include "ingest/append.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define STAGE_MAGIC 0x57a6eu
#define BLOCK ((size_t)64 * 1024)
#define SLICE ((size_t)1024 * 1024)

enum stage_state {
	STAGE_FILLING,
	STAGE_WORKING,
	STAGE_DONE, /* `error` says how */
};

/* Outlives the request when a worker is at it. */
struct append_stage {
	uint32_t magic;
	_Atomic uint32_t refs;
	struct resumable *r; /* kept by `target` */
	struct file *target;
	struct file *file; /* in no store */
	struct upload_wake wake;

	/* The worker's. */
	struct spw_job job;
	struct resumable_turn *turn; /* NULL once the request is gone */
	struct http_waker *waker;
	struct digest *digest;
	struct digest_set said, found;
	uint64_t pos;
	bool moving; /* it is checked, and goes into the upload */
	pthread_mutex_t lock; /* over `turn` */
	int error;
	_Atomic int state; /* enum stage_state */
};

int append_stage_new(struct append *a)
{
	struct append_stage *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;

	s->magic = STAGE_MAGIC;
	atomic_store(&s->refs, 1);
	s->r = a->r;
	pthread_mutex_init(&s->lock, NULL);
	int err = upload_file(a->in, FILE_SIZE_UNKNOWN,
	    (struct owner){.share = a->file->share}, &s->wake,
	    a->file->source, &s->file);
	if (err < 0) {
		pthread_mutex_destroy(&s->lock);
		free(s);
		return err;
	}
	s->target = file_ref(a->file);
	s->job.share = a->file->share;
	s->turn = &a->turn;
	s->waker = http_waker_ref(a->turn.waker);
	a->stage = s;
	return 0;
}

static void unref(struct append_stage *s)
{
	if (atomic_fetch_sub(&s->refs, 1) != 1)
		return;

	spw_spool_detach(s->file->spool);
	upload_wake_fini(&s->wake);
	http_waker_unref(s->waker);
	digest_free(s->digest);
	file_unref(s->file);
	file_unref(s->target);
	pthread_mutex_destroy(&s->lock);
	s->magic = 0;
	free(s);
}

void append_stage_free(struct append_stage *s)
{
	if (!s)
		return;

	pthread_mutex_lock(&s->lock);
	s->turn = NULL;
	pthread_mutex_unlock(&s->lock);
	unref(s);
}

int append_stage_write(
    struct append *a, struct http_request *req, const char *p, size_t len)
{
	return upload_append(req, &a->stage->wake, a->stage->file, p, len);
}

/*
 * It is what it should be: have the turn to itself. The request may have
 * ended while it was checked, and its turn with it.
 */
static int begin_moving(struct append_stage *s)
{
	int err = digest_finish(s->digest, &s->found);
	if (err == 0 && digest_differs(&s->found, &s->said))
		err = -EBADMSG;
	if (err < 0)
		return err;

	pthread_mutex_lock(&s->lock);
	err = s->turn ? resumable_begin_work(s->r, s->turn) : -ECANCELED;
	pthread_mutex_unlock(&s->lock);
	s->moving = err == 0;
	s->pos = 0;
	return err;
}

void append_stage_differs(
    const struct append_stage *s, char out[DIGEST_DIFFERENCE_SIZE])
{
	out[0] = '\0';
	if (s && atomic_load(&s->state) == STAGE_DONE)
		digest_difference_write(&s->found, &s->said, out);
}

static ssize_t do_block(struct append_stage *s)
{
	char block[BLOCK];
	ssize_t n =
	    spw_spool_pread(s->file->spool, block, sizeof(block), s->pos);

	if (n <= 0)
		return n;
	if (s->moving) {
		int err = resumable_work(s->r, block, (size_t)n);
		if (err < 0)
			return err;
	} else {
		digest_add(s->digest, block, (size_t)n);
	}
	s->pos += (uint64_t)n;
	return n;
}

static void done(struct append_stage *s, int err)
{
	if (s->moving) {
		resumable_end_work(s->r);
		pthread_mutex_lock(&s->lock);
		bool alone = !s->turn;
		pthread_mutex_unlock(&s->lock);
		if (alone)
			resumable_settle(s->r);
	}
	s->error = err;
	atomic_store(&s->state, STAGE_DONE);
	http_waker_wake(s->waker);
	unref(s);
}

static void run(struct spw_job *job)
{
	struct append_stage *s =
	    (struct append_stage *)(void *)((char *)job -
					    offsetof(struct append_stage, job));
	ssize_t n = 1;

	assert(s->magic == STAGE_MAGIC);
	for (size_t did = 0; n > 0 && did < SLICE; did += (size_t)n)
		n = do_block(s);
	if (n == 0 && !s->moving) {
		int err = begin_moving(s);

		if (err < 0) {
			done(s, err);
			return;
		}
		n = 1;
	}
	if (n > 0 && !atomic_load(&s->r->in->stopping))
		resumable_submit(s->r->in, &s->job);
	else
		done(s, n > 0 ? -ECANCELED : (int)n);
}

int append_stage_commit(struct append *a)
{
	struct append_stage *s = a->stage;

	if (atomic_load(&s->state) == STAGE_WORKING)
		return -EAGAIN;
	if (atomic_load(&s->state) == STAGE_DONE)
		return s->error;

	int err = digest_new(a->said.have, &s->digest);
	if (err < 0)
		return err;

	s->said = a->said;
	s->job.run = run;
	atomic_store(&s->state, STAGE_WORKING);
	atomic_fetch_add(&s->refs, 1);
	resumable_submit(a->in, &s->job);
	return -EAGAIN;
}
