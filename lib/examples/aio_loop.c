/* SPDX-License-Identifier: MIT */
/*
 * Operations under a loop of callbacks, such as libuv: the loop knows
 * descriptors and functions, a request is an operation and what to do after
 * it. Requests are chained: a temporary directory, a spool in it, a write, a
 * spill, a read; meanwhile the loop goes on turning.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/aio.h>
#include <spillway/tempfile.h>

/* A loop, as small as can be. */
struct watcher {
	int fd;
	void (*on_readable)(struct watcher *w);
};

struct loop {
	struct watcher *watchers[8];
	unsigned count;
	bool stop;
	unsigned turns;
};

static void loop_add(struct loop *l, struct watcher *w)
{
	l->watchers[l->count++] = w;
}

static void loop_turn(struct loop *l, int timeout_ms)
{
	struct pollfd fds[8];

	for (unsigned i = 0; i < l->count; i++)
		fds[i] = (struct pollfd){ .fd = l->watchers[i]->fd,
			.events = POLLIN };
	if (poll(fds, l->count, timeout_ms) < 0 && errno != EINTR)
		l->stop = true;
	l->turns++;
	for (unsigned i = 0; i < l->count; i++) {
		if (fds[i].revents)
			l->watchers[i]->on_readable(l->watchers[i]);
	}
}

/* The queue under this loop. */
struct requests {
	struct watcher watcher;
	struct spw_aio *queue;
};

struct request {
	struct spw_aio_op op;
	void (*then)(struct request *r);
};

/* Readable, or its time has come. */
static void requests_done(struct watcher *w)
{
	struct requests *rs = (struct requests *)(void *)w;
	struct spw_aio_op *op;

	while ((op = spw_aio_reap(rs->queue))) {
		struct request *r = op->user_data;

		r->then(r);
	}
}

static void request_go(struct requests *rs, struct request *r,
    void (*then)(struct request *r))
{
	r->op.user_data = r;
	r->then = then;
	int n = spw_aio_submit(rs->queue, &r->op);
	if (n == -EAGAIN) {
		/* Here there is but one at a time. */
		abort();
	}
	if (n == 1)
		then(r);
}

/* The program. */
struct program {
	struct request request;	/* first: a request is cast to this */
	struct loop loop;
	struct requests requests;
	struct spw_tempdir *temp;
	struct spw_dir *dir;
	struct spw_spool *spool;
	char text[16];
	int error;
};

static struct program *program(struct request *r)
{
	return (struct program *)(void *)r;
}

/* Ends the program when a step went wrong. */
static bool failed(struct program *p)
{
	if (p->request.op.result >= 0)
		return false;

	p->error = (int)p->request.op.result;
	p->loop.stop = true;
	return true;
}

static void after_read(struct request *r)
{
	struct program *p = program(r);

	if (failed(p))
		return;

	if (r->op.result != 12 || memcmp(p->text, "hello, world", 12) != 0)
		p->error = -EPROTO;
	p->loop.stop = true;
}

static void after_rollover(struct request *r)
{
	struct program *p = program(r);

	if (failed(p))
		return;

	spw_aio_prep_pread(&r->op, p->spool, p->text, sizeof(p->text), 0);
	request_go(&p->requests, r, after_read);
}

static void after_append(struct request *r)
{
	struct program *p = program(r);

	if (failed(p))
		return;

	spw_aio_prep_rollover(&r->op, p->spool);
	request_go(&p->requests, r, after_rollover);
}

/* Blocking calls of other parts run there, too. */
static ssize_t make_spool(void *arg)
{
	struct program *p = arg;
	const struct spw_temp_opts temp = { .size = sizeof(temp) };

	int r = spw_tempdir_open(&temp, &p->temp);
	if (r < 0)
		return r;

	const struct spw_dir_opts dir = { .size = sizeof(dir),
		.path = spw_tempdir_path(p->temp) };
	r = spw_dir_open(&dir, &p->dir);
	if (r < 0)
		return r;

	const struct spw_spool_opts spool = { .size = sizeof(spool),
		.dir = p->dir, .memory_max = 1000 };
	return spw_spool_new(&spool, &p->spool);
}

static void after_make(struct request *r)
{
	struct program *p = program(r);

	if (failed(p))
		return;

	spw_aio_prep_append(&r->op, p->spool, "hello, world", 12);
	request_go(&p->requests, r, after_append);
}

int main(void)
{
	struct program p = { .error = 0 };
	struct spw_pool *pool;

	if (spw_pool_new(1, &pool) < 0)
		return 1;

	const struct spw_aio_opts opts = { .size = sizeof(opts),
		.pool = pool };
	if (spw_aio_open(&opts, &p.requests.queue) < 0)
		return 1;

	p.requests.watcher.fd = spw_aio_fd(p.requests.queue);
	p.requests.watcher.on_readable = requests_done;
	loop_add(&p.loop, &p.requests.watcher);
	spw_aio_prep_call(&p.request.op, make_spool, &p);
	request_go(&p.requests, &p.request, after_make);
	while (!p.loop.stop) {
		loop_turn(&p.loop, spw_aio_timeout_ms(p.requests.queue));
		/* What a timer would do: deadlines make nothing readable. */
		requests_done(&p.requests.watcher);
	}

	spw_aio_close(p.requests.queue, SPW_AIO_FINISH, NULL);
	spw_spool_unref(p.spool);
	spw_dir_unref(p.dir);
	spw_tempdir_free(p.temp);
	spw_pool_free(pool);
	printf("%u turns, error %d\n", p.loop.turns, p.error);
	return p.error < 0;
}
