/* SPDX-License-Identifier: MIT */
/*
 * Upload two files at the same time, on one thread, in a poll loop of our own
 * that has something else to do as well: it tells progress once a second.
 *
 *   two_uploads SERVER FILE FILE
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <spillway/client_multi.h>

struct upload {
	const char *path;
	int fd;
	uint64_t size;
	uint64_t sent;
	int err;
};

/* What libspillway-client sends next. A file does not keep it waiting. */
static ssize_t read_file(void *arg, void *buf, size_t len)
{
	struct upload *u = arg;
	ssize_t n = read(u->fd, buf, len);

	if (n < 0)
		return -errno;
	u->sent += (uint64_t)n;
	return n;
}

static void on_done(void *arg, const struct spwc_result *result)
{
	struct upload *u = arg;

	u->err = result->err;
	if (result->err < 0)
		fprintf(stderr, "%s: %s\n", u->path, result->error.detail);
	else
		printf("%s is /files/%s\n", u->path, result->file->id);
}

static int begin(struct spwc_multi *m, struct spwc_client *c, struct upload *u)
{
	struct spwc_put_opts opts = { sizeof(opts), .name = u->path };
	struct spwc_source source = { .read = read_file, .arg = u };
	struct spwc_error error;
	struct stat st;

	u->fd = open(u->path, O_RDONLY | O_CLOEXEC);
	if (u->fd < 0 || fstat(u->fd, &st) < 0) {
		perror(u->path);
		return -1;
	}
	source.size = u->size = (uint64_t)st.st_size;
	int r = spwc_multi_put(
	    m, c, &opts, &source, on_done, u, NULL, &error);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", u->path, error.detail);
	return r;
}

static void loop(struct spwc_multi *m, int tick_fd, const struct upload *u)
{
	struct pollfd fds[] = {
		{ .fd = spwc_multi_fd(m), .events = POLLIN },
		{ .fd = tick_fd, .events = POLLIN },
	};

	while (spwc_multi_perform(m) > 0) {
		uint64_t ticks;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return;
		if (fds[1].revents && read(tick_fd, &ticks, sizeof(ticks)) > 0)
			printf("%" PRIu64 " and %" PRIu64 " bytes sent\n",
			    u[0].sent, u[1].sent);
	}
}

int main(int argc, char **argv)
{
	struct spwc_opts opts = { sizeof(opts), .server = argv[argc > 1] };
	struct itimerspec second = { { 1, 0 }, { 1, 0 } };
	struct upload u[2] = { { .fd = -1 }, { .fd = -1 } };
	struct spwc_client *c = NULL;
	struct spwc_multi *m = NULL;
	struct spwc_error error;

	if (argc != 4) {
		fprintf(stderr, "usage: two_uploads SERVER FILE FILE\n");
		return 2;
	}
	u[0].path = argv[2];
	u[1].path = argv[3];
	if (spwc_new(&opts, &c, &error) < 0) {
		fprintf(stderr, "%s\n", error.detail);
		return 1;
	}

	int tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	int failed = tick_fd < 0 ||
	    timerfd_settime(tick_fd, 0, &second, NULL) < 0 ||
	    spwc_multi_new(&m) < 0 || begin(m, c, &u[0]) < 0 ||
	    begin(m, c, &u[1]) < 0;
	if (!failed)
		loop(m, tick_fd, u);
	failed |= u[0].err < 0 || u[1].err < 0;
	spwc_multi_free(m);
	spwc_free(c);
	close(tick_fd);
	close(u[0].fd);
	close(u[1].fd);
	return failed;
}
