/* SPDX-License-Identifier: MIT */
/* The log in a file, on a disk that hangs or is full. */
#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_queue.h"
#include "base/log_sink.h"
#include "base/metrics.h"
#include "lost.h"
#include "tempdir.h"

static char folder[64];

/* ---- a disk that hangs ----------------------------------------------------
 */

static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t disk_moves = PTHREAD_COND_INITIALIZER;
static int disk_fd = -1;  /* its file */
static bool hangs, waits; /* under the lock; whether somebody is there */

ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	pthread_mutex_lock(&disk_lock);
	while (fd == disk_fd && hangs) {
		waits = true;
		pthread_cond_broadcast(&disk_moves);
		pthread_cond_wait(&disk_moves, &disk_lock);
	}
	pthread_mutex_unlock(&disk_lock);
	return __real_write(fd, p, n);
}

static void disk_hangs(bool yes)
{
	pthread_mutex_lock(&disk_lock);
	hangs = yes;
	waits = false;
	pthread_cond_broadcast(&disk_moves);
	pthread_mutex_unlock(&disk_lock);
}

static void wait_for_victim(void)
{
	pthread_mutex_lock(&disk_lock);
	while (!waits)
		pthread_cond_wait(&disk_moves, &disk_lock);
	pthread_mutex_unlock(&disk_lock);
}

static int setup(void **state)
{
	(void)state;
	return temp_dir(folder, sizeof(folder)) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, STDERR_FILENO);
	return 0;
}

/* All of a file, in the caller's memory. */
static char *read_file(int fd)
{
	struct stat st;

	assert_ok(fstat(fd, &st));
	char *all = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(all);
	assert_int_equal(pread(fd, all, (size_t)st.st_size, 0), st.st_size);
	return all;
}

/* Lines "line 0" and so on, in order, and no other. Returns: what is behind. */
static const char *assert_lines(const char *all, unsigned n)
{
	char words[32];

	for (unsigned i = 0; i < n; i++) {
		int len = snprintf(words, sizeof(words), " line %u\n", i);
		const char *end = strchr(all, '\n');

		assert_non_null(end);
		assert_memory_equal(end + 1 - len, words, (size_t)len);
		all = end + 1;
	}
	return all;
}

static int open_log_file(void)
{
	int fd = open(folder, O_RDWR | O_TMPFILE | O_APPEND | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	log_init(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fd);
	return fd;
}

/* A file on a disk that hangs: nobody who logs waits for it, and what was lost
   is told when it goes on. */
static void test_hung_file(void **state)
{
	int64_t lost = metrics_get(METRIC_LOG_LINES_LOST);
	int fd = open_log_file();

	(void)state;
	assert_ok(log_begin());
	disk_fd = fd;
	disk_hangs(true);
	log_info("line 0");
	wait_for_victim();
	unsigned lines = 1;
	while (metrics_get(METRIC_LOG_LINES_LOST) == lost)
		log_info("line %u", lines++);
	lines--;
	/* Not one by one, but when a buffer is full. */
	assert_true(lines > LOG_QUEUE_MAX / 64);
	log_info("gone");
	disk_hangs(false);
	log_end();
	/* Nothing else is logged that could tell of them. */
	char *all = read_file(fd);
	const char *rest = assert_lines(all, lines);
	assert_lost(rest, 2, " were lost\n");
	assert_int_equal(count(rest, "\n"), 1);
	free(all);

	/* Behind the end, and when it begins again. */
	log_info("again");
	assert_ok(log_begin());
	log_info("more");
	log_end();
	all = read_file(fd);
	rest = assert_lines(all, lines);
	assert_non_null(strstr(rest, " info   again\n"));
	assert_non_null(strstr(rest, " info   more\n"));
	assert_int_equal(count(rest, "\n"), 3);
	free(all);
	disk_fd = -1;
	close(fd);
}

/* Lines that can never be in the queue are told of at the end, though nothing
   else is written. */
static void test_too_many_at_once(void **state)
{
	static char lines[LOG_QUEUE_MAX + 2];
	int fd = open_log_file();

	(void)state;
	memset(lines, 'x', sizeof(lines));
	lines[LOG_QUEUE_MAX / 2] = lines[sizeof(lines) - 1] = '\n';
	assert_ok(log_begin());
	log_sink_write(lines, sizeof(lines));
	log_end();
	char *all = read_file(fd);
	assert_lost(all, 2, " were lost\n");
	assert_int_equal(count(all, "\n"), 1);
	free(all);
	close(fd);
}

/* What the disk does not take is lost, and told; telling is no line that can be
   lost. */
static void test_full_disk(void **state)
{
	int64_t lost = metrics_get(METRIC_LOG_LINES_LOST);
	int fd = open_log_file(),
	    full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int good = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	(void)state;
	assert_true(dup2(full, fd) == fd);
	/* Each is written before the next one is there. */
	for (int i = 0; i < 3; i++) {
		assert_ok(log_begin());
		log_info("gone");
		log_end();
	}
	assert_int_equal(metrics_get(METRIC_LOG_LINES_LOST), lost + 3);
	assert_true(dup2(good, fd) == fd);
	assert_ok(log_begin());
	log_info("again");
	log_end();
	char *all = read_file(fd);
	assert_lost(all, 3, " info   again\n");
	assert_int_equal(count(all, "\n"), 2);
	free(all);
	close(good);
	close(full);
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_hung_file),
	    TEST(test_too_many_at_once),
	    TEST(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
