/* SPDX-License-Identifier: MIT */
/*
 * An epoll loop that takes in a stream and writes it to a spool without ever
 * waiting for a disk: what comes is appended by a queue; when all buffers are
 * under way it stops reading, so that the sender has to wait.
 *
 *   aio_epoll [BYTES]
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <spillway/aio.h>

#define BUFFERS 4
#define BUFFER_SIZE (64 * 1024)

struct buffer {
	struct spw_aio_op op;
	char bytes[BUFFER_SIZE];
	struct buffer *next;	/* when free */
};

struct server {
	struct spw_spool *spool;
	struct spw_aio *queue;
	struct buffer *free;
	int epoll_fd, source_fd;
	bool reading, ended;	/* the source is watched; it is at its end */
};

static void fail(const char *what, int r)
{
	if (r >= 0)
		return;

	fprintf(stderr, "aio_epoll: %s: error %d\n", what, -r);
	exit(1);
}

/* Watch the source while there is a buffer to read into. */
static void watch_source(struct server *sv)
{
	bool want = sv->free && !sv->ended;
	struct epoll_event e = { .events = EPOLLIN, .data.fd = sv->source_fd };

	if (want == sv->reading)
		return;

	sv->reading = want;
	fail("epoll_ctl", epoll_ctl(sv->epoll_fd,
	    want ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, sv->source_fd, &e));
}

static void give_back(struct server *sv, struct buffer *b)
{
	fail("append", (int)b->op.result);
	b->next = sv->free;
	sv->free = b;
}

/* Something came in: append it. */
static void take_in(struct server *sv)
{
	struct buffer *b = sv->free;
	ssize_t n = read(sv->source_fd, b->bytes, sizeof(b->bytes));

	if (n < 0 && errno == EAGAIN)
		return;
	fail("read", n < 0 ? -errno : 0);
	if (n == 0) {
		sv->ended = true;
		return;
	}

	sv->free = b->next;
	b->op.user_data = b;
	spw_aio_prep_append(&b->op, sv->spool, b->bytes, (size_t)n);
	int r = spw_aio_submit(sv->queue, &b->op);
	fail("submit", r);
	if (r == 1)
		give_back(sv, b);
}

static void run(struct server *sv)
{
	struct epoll_event e = { .events = EPOLLIN,
		.data.fd = spw_aio_fd(sv->queue) };
	struct spw_aio_op *op;

	fail("epoll_ctl",
	    epoll_ctl(sv->epoll_fd, EPOLL_CTL_ADD, e.data.fd, &e));
	while (!sv->ended || spw_aio_pending(sv->queue)) {
		watch_source(sv);
		int n = epoll_wait(sv->epoll_fd, &e, 1,
		    spw_aio_timeout_ms(sv->queue));
		if (n == 1 && e.data.fd == sv->source_fd)
			take_in(sv);
		while ((op = spw_aio_reap(sv->queue)))
			give_back(sv, op->user_data);
	}
	watch_source(sv);
}

/* The sender: `total` bytes of a pattern down a pipe. */
struct sender {
	int fd;
	uint64_t total;
};

static char pattern(uint64_t off)
{
	return (char)(off * 2654435761u >> 13);
}

static void *send_all(void *arg)
{
	struct sender *s = arg;
	char bytes[4096];

	for (uint64_t off = 0; off < s->total;) {
		size_t n = sizeof(bytes);

		if (n > s->total - off)
			n = (size_t)(s->total - off);
		for (size_t i = 0; i < n; i++)
			bytes[i] = pattern(off + i);
		ssize_t w = write(s->fd, bytes, n);
		if (w <= 0)
			break;
		off += (uint64_t)w;
	}
	close(s->fd);
	return NULL;
}

static void check(struct spw_spool *s, uint64_t total)
{
	char bytes[4096];

	fail("size", spw_spool_size(s) == total ? 0 : -EPROTO);
	for (uint64_t off = 0; off < total;) {
		ssize_t n = spw_spool_pread(s, bytes, sizeof(bytes), off);

		fail("pread", n > 0 ? 0 : -EIO);
		for (ssize_t i = 0; i < n; i++, off++)
			fail("content", bytes[i] == pattern(off) ? 0 : -EPROTO);
	}
}

int main(int argc, char **argv)
{
	const char *text = argc > 1 ? argv[1] : "3000000";
	struct sender sender = { .total = strtoull(text, NULL, 10) };
	struct server sv = { .ended = false };
	struct buffer buffers[BUFFERS];
	struct spw_pool *pool;
	struct spw_dir *dir;
	int pipe_fds[2];
	pthread_t id;

	fail("pool", spw_pool_new(2, &pool));
	const struct spw_dir_opts dir_opts = { .size = sizeof(dir_opts),
		.path = "/tmp" };
	fail("directory", spw_dir_open(&dir_opts, &dir));
	const struct spw_spool_opts spool_opts = { .size = sizeof(spool_opts),
		.dir = dir, .memory_max = 100000 };
	fail("spool", spw_spool_new(&spool_opts, &sv.spool));
	const struct spw_aio_opts aio_opts = { .size = sizeof(aio_opts),
		.pool = pool, .depth = BUFFERS };
	fail("queue", spw_aio_open(&aio_opts, &sv.queue));
	for (int i = 0; i < BUFFERS; i++) {
		buffers[i].next = sv.free;
		sv.free = &buffers[i];
	}

	sv.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	fail("epoll", sv.epoll_fd);
	fail("pipe", pipe2(pipe_fds, O_CLOEXEC));
	sv.source_fd = pipe_fds[0];
	sender.fd = pipe_fds[1];
	fail("fcntl", fcntl(sv.source_fd, F_SETFL, O_NONBLOCK));
	fail("thread", -pthread_create(&id, NULL, send_all, &sender));
	run(&sv);
	pthread_join(id, NULL);
	check(sv.spool, sender.total);
	printf("%llu bytes\n", (unsigned long long)spw_spool_size(sv.spool));

	close(sv.source_fd);
	close(sv.epoll_fd);
	spw_aio_close(sv.queue, SPW_AIO_FINISH, NULL);
	spw_spool_unref(sv.spool);
	spw_dir_unref(dir);
	spw_pool_free(pool);
	return 0;
}
