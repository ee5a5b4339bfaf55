/* SPDX-License-Identifier: MIT */
/*
 * Copying without blocking, right: every byte, in bounded memory, and the
 * first error ends it. A file is copied into a spool and the spool to another
 * file, by a few slots that are each reading or writing all the time.
 *
 *   async_copy FROM TO
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spillway/aio.h>

#define SLOTS 4
#define SLOT_SIZE (64 * 1024)

struct slot {
	struct spw_aio_op op;
	struct copy *copy;
	uint64_t off;
	size_t len, done;	/* of this piece; of this step of it */
	bool writing;
	char bytes[SLOT_SIZE];
};

/* One end: prepares the next read or write of what is left of a piece. */
struct end {
	struct spw_spool *spool; /* or else */
	int fd;
};

struct copy {
	struct spw_aio *queue;
	struct end from, to;
	uint64_t size, next;	/* of the content; the next piece's offset */
	int error;
	struct slot slots[SLOTS];
};

static ssize_t file_read(void *arg)
{
	struct slot *s = arg;
	ssize_t n = pread(s->copy->from.fd, s->bytes + s->done,
	    s->len - s->done, (off_t)(s->off + s->done));

	return n < 0 ? -errno : n;
}

static ssize_t file_write(void *arg)
{
	struct slot *s = arg;
	ssize_t n = pwrite(s->copy->to.fd, s->bytes + s->done,
	    s->len - s->done, (off_t)(s->off + s->done));

	return n < 0 ? -errno : n;
}

/* The spool is read as far as it goes, and written whole or not at all. */
static void prepare(struct slot *s)
{
	struct copy *c = s->copy;
	char *p = s->bytes + s->done;
	size_t n = s->len - s->done;

	s->op.user_data = s;
	if (!s->writing && c->from.spool)
		spw_aio_prep_pread(&s->op, c->from.spool, p, n,
		    s->off + s->done);
	else if (!s->writing)
		spw_aio_prep_call(&s->op, file_read, s);
	else if (c->to.spool)
		spw_aio_prep_pwrite(&s->op, c->to.spool, p, n,
		    s->off + s->done);
	else
		spw_aio_prep_call(&s->op, file_write, s);
}

/* Take the next piece. Returns: whether there is one. */
static bool next_piece(struct slot *s)
{
	struct copy *c = s->copy;

	if (c->error || c->next == c->size)
		return false;

	s->off = c->next;
	s->len = SLOT_SIZE;
	if (s->len > c->size - c->next)
		s->len = (size_t)(c->size - c->next);
	s->done = 0;
	s->writing = false;
	c->next += s->len;
	return true;
}

/* See what came of a step. Returns: whether there is another. */
static bool advance(struct slot *s)
{
	struct copy *c = s->copy;
	ssize_t r = s->op.result;

	/* An end too early: somebody has cut the source. */
	if (r == 0 && !(s->writing && c->to.spool))
		r = -EIO;
	if (r < 0) {
		if (!c->error)
			c->error = (int)r;
		return false;
	}

	s->done += s->writing && c->to.spool ? s->len - s->done : (size_t)r;
	if (s->done < s->len)
		return !c->error;
	if (s->writing)
		return next_piece(s);

	s->writing = true;
	s->done = 0;
	return !c->error;
}

/* Go on until a step is under way, or there is nothing left to do. */
static void go_on(struct slot *s)
{
	bool more = true;

	while (more) {
		prepare(s);
		/* Never full: there are as many slots as it is deep. */
		int r = spw_aio_submit(s->copy->queue, &s->op);
		if (r <= 0)
			return;
		more = advance(s);
	}
}

static int copy(struct spw_aio *queue, struct end from, struct end to,
    uint64_t size)
{
	struct copy c;
	struct spw_aio_op *op;

	c = (struct copy){ .queue = queue, .from = from, .to = to,
		.size = size };
	for (int i = 0; i < SLOTS; i++) {
		c.slots[i].copy = &c;
		if (next_piece(&c.slots[i]))
			go_on(&c.slots[i]);
	}
	while (spw_aio_pending(queue)) {
		struct pollfd p = { .fd = spw_aio_fd(queue),
			.events = POLLIN };

		/* Here a program would look after other things as well. */
		poll(&p, 1, spw_aio_timeout_ms(queue));
		while ((op = spw_aio_reap(queue))) {
			if (advance(op->user_data))
				go_on(op->user_data);
		}
	}
	return c.error;
}

static int copy_through_spool(struct spw_pool *pool, int from_fd, int to_fd)
{
	struct spw_dir *dir = NULL;
	struct spw_spool *spool = NULL;
	struct spw_aio *queue = NULL;
	struct stat st;

	if (fstat(from_fd, &st) < 0)
		return -errno;
	const struct spw_dir_opts dir_opts = { .size = sizeof(dir_opts),
		.path = "/tmp" };
	int r = spw_dir_open(&dir_opts, &dir);
	const struct spw_spool_opts spool_opts = { .size = sizeof(spool_opts),
		.dir = dir, .memory_max = SLOT_SIZE };
	if (r == 0)
		r = spw_spool_new(&spool_opts, &spool);
	const struct spw_aio_opts aio_opts = { .size = sizeof(aio_opts),
		.pool = pool, .depth = SLOTS };
	if (r == 0)
		r = spw_aio_open(&aio_opts, &queue);

	const struct end from = { .fd = from_fd }, to = { .fd = to_fd },
			 through = { .spool = spool, .fd = -1 };
	if (r == 0)
		r = copy(queue, from, through, (uint64_t)st.st_size);
	if (r == 0)
		r = copy(queue, through, to, spw_spool_size(spool));
	spw_aio_close(queue, SPW_AIO_FINISH, NULL);
	spw_spool_unref(spool);
	spw_dir_unref(dir);
	return r;
}

int main(int argc, char **argv)
{
	struct spw_pool *pool;

	if (argc != 3) {
		fprintf(stderr, "usage: async_copy FROM TO\n");
		return 2;
	}

	int from = open(argv[1], O_RDONLY | O_CLOEXEC);
	int to = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (from < 0 || to < 0) {
		perror("async_copy");
		return 1;
	}

	int r = spw_pool_new(2, &pool);
	if (r == 0) {
		r = copy_through_spool(pool, from, to);
		spw_pool_free(pool);
	}
	if (close(to) < 0 && r == 0)
		r = -errno;
	close(from);
	if (r < 0)
		fprintf(stderr, "async_copy: error %d\n", -r);
	return r < 0;
}
