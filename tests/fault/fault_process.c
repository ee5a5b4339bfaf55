/* SPDX-License-Identifier: MIT */
/*
 * Processors with every allocation, and every call that makes a descriptor or
 * sends one, failing in turn: a run becomes a whole output or a failure with a
 * reason, nothing stays behind, and the next one is as if nothing had been.
 */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "fault/heap_fault.h"
#include "process/process.h"
#include "unit/server/stored.h"

/* ---- calls of the system ------------------------------------------------- */

static _Atomic unsigned left; /* 0: none fails */
static atomic_bool lasting, hit;

static bool fails(void)
{
	unsigned n = atomic_load(&left);

	if (n == 0)
		return false;
	if (n > 1) {
		atomic_store(&left, n - 1);
		return false;
	}
	if (!atomic_load(&lasting))
		atomic_store(&left, 0);
	atomic_store(&hit, true);
	errno = EMFILE;
	return true;
}

#define WRAP(name, params, args)                                               \
	int __real_##name params;                                              \
	int __wrap_##name params;                                              \
	int __wrap_##name params                                               \
	{                                                                      \
		return fails() ? -1 : __real_##name args;                      \
	}

WRAP(pipe2, (int fds[2], int flags), (fds, flags))
WRAP(socketpair, (int d, int t, int p, int fds[2]), (d, t, p, fds))
WRAP(memfd_create, (const char *name, unsigned flags), (name, flags))

ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
	return fails() ? -1 : __real_sendmsg(fd, m, flags);
}

/* ---- what is played ------------------------------------------------------ */

struct fault {
	bool heap, persistent;
	unsigned nth;
};

static void arm(const struct fault *f)
{
	if (f->heap) {
		heap_fault_arm(f->nth, f->persistent);
		return;
	}
	atomic_store(&hit, false);
	atomic_store(&lasting, f->persistent);
	atomic_store(&left, f->nth);
}

static bool disarm(const struct fault *f)
{
	if (f->heap)
		return heap_fault_disarm();
	atomic_store(&left, 0);
	return atomic_load(&hit);
}

/* Have every call fail once, and from then on. */
static void torture(void (*scenario)(const struct fault *f, bool *ret_hit),
    unsigned least_heap, unsigned least_calls)
{
	for (unsigned style = 0; style < 4; style++) {
		struct fault f = {style & 1, style & 2, 1};
		bool more = true;

		for (; more; f.nth++)
			scenario(&f, &more);
		assert_true(f.nth > (f.heap ? least_heap : least_calls));
	}
}

static unsigned count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	require(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static struct conf conf;
static char top[] = "/var/tmp/spillway-fault-process-XXXXXX";

static int begin(struct zygote **z, struct process **ps, struct store *st)
{
	struct conf_error why;

	int r = zygote_new(&conf, top, z, &why);
	if (r < 0)
		return r;
	r = process_new(&conf, st, *z, ps);
	if (r < 0)
		zygote_free(*z);
	return r;
}

static void play_start(const struct fault *f, bool *ret_hit)
{
	struct store *st = stored_new(STORED_MAX);
	struct process *ps = NULL;
	struct zygote *z = NULL;
	unsigned fds = count_fds();

	arm(f);
	int r = begin(&z, &ps, st);
	*ret_hit = disarm(f);
	assert_true(r == 0 || *ret_hit);
	if (r == 0) {
		process_free(ps);
		zygote_free(z);
	}
	assert_int_equal(count_fds(), fds);
	/* No child, and none of its files. */
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(rmdir(top), 0);
	assert_int_equal(mkdir(top, 0755), 0);
	store_free(st);
}

static void test_starting(void **state)
{
	(void)state;
	torture(play_start, 5, 0);
}

static struct store *store;
static struct process *service;

static struct file *make(const char *id)
{
	struct file *f = stored_file(store, id);

	f->share = 1;
	return f;
}

static void wait_final(struct file *f)
{
	while (file_state(f) == FILE_RECEIVING)
		usleep(1000);
	/* And whoever did that is through with it. */
	while (process_is_busy(service))
		usleep(1000);
}

/* Errors: of process_start(); else it came to its end. */
static int run_one(struct file *in, struct file **ret)
{
	struct processor *p = process_find(service, str_from("lines"));
	const struct log_request log = {.id = ""};
	struct file *out = make(NULL);

	int r = process_start(p, in, out, false, &log);
	if (r == 0)
		wait_final(out);
	*ret = out;
	return r;
}

static void expect_lines(struct file *out)
{
	char text[8] = "";

	assert_int_equal(file_state(out), FILE_READY);
	assert_int_equal(spw_spool_pread(out->spool, text, 7, 0), 2);
	assert_string_equal(text, "2\n");
}

static void play_run(const struct fault *f, bool *ret_hit)
{
	struct file *in = make(NULL), *out, *again;
	struct failure e;
	unsigned fds = count_fds();

	require(spw_spool_append(in->spool, "a\nb\n", 4) == 0);
	stored_seal(in);
	/* Ours are not what is meant to fail. */
	struct processor *p = process_find(service, str_from("lines"));
	const struct log_request log = {.id = ""};
	out = make(NULL);
	arm(f);
	int r = process_start(p, in, out, false, &log);
	if (r == 0)
		wait_final(out);
	*ret_hit = disarm(f);
	if (r < 0) {
		assert_true(*ret_hit && r == -ENOMEM);
	} else if (file_state(out) == FILE_FAILED) {
		assert_true(*ret_hit);
		/* Without memory not even for that. */
		if (file_error(out, &e))
			assert_true(e.status >= 502 && e.detail[0]);
	} else {
		expect_lines(out);
	}
	assert_int_equal(run_one(in, &again), 0);
	expect_lines(again);
	file_unref(in);
	file_unref(out);
	file_unref(again);
	assert_int_equal(count_fds(), fds);
}

static void test_running(void **state)
{
	struct zygote *z;

	(void)state;
	store = stored_new(STORED_MAX);
	assert_ok(begin(&z, &service, store));
	torture(play_run, 1, 5);
	process_free(service);
	zygote_free(z);
	store_free(store);
}

static int setup(void **state)
{
	struct conf_error why;

	(void)state;
	log_init(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, STDERR_FILENO);
	require(mkdtemp(top) && chmod(top, 0755) == 0);
	require(conf_init(&conf) == 0);
	return conf_set(&conf, "processor lines.command=wc -l", &why);
}

static int teardown(void **state)
{
	(void)state;
	conf_fini(&conf);
	return rmdir(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_starting),
	    cmocka_unit_test(test_running),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
