/* SPDX-License-Identifier: MIT */
/*
 * Downloads and remembered uploads, with each system call and allocation for
 * their files failing in turn, once and from then on. Whatever fails: a name
 * is never given to half a file, no descriptor stays open, and the next run
 * finds what it can use or begins anew.
 */
#include "check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/heap_fault.h"
#include "spill/partial.h"
#include "spill/state.h"

#define URL "http://h/files/f"
/* Nothing here has as many calls. */
#define CALLS_MAX 200

/* ---- what fails --------------------------------------------------------- */

static unsigned calls;
static unsigned wanted; /* 0: none */
static bool lasting;
static bool hit;
static int with;

static bool fails(void)
{
	if (wanted == 0)
		return false;

	calls++;
	if (calls < wanted || (calls > wanted && !lasting))
		return false;

	hit = true;
	errno = with;
	return true;
}

static void arm(unsigned nth, bool persistent, int err)
{
	calls = 0;
	hit = false;
	lasting = persistent;
	with = err;
	wanted = nth;
}

static void arm_full(unsigned nth, bool persistent)
{
	arm(nth, persistent, ENOSPC);
}

static void arm_broken(unsigned nth, bool persistent)
{
	arm(nth, persistent, EIO);
}

static bool disarm(void)
{
	wanted = 0;
	return hit;
}

#define WRAP(ret, name, params, args)                                          \
	ret __real_##name params;                                              \
	ret __wrap_##name params;                                              \
	ret __wrap_##name params                                               \
	{                                                                      \
		return fails() ? -1 : __real_##name args;                      \
	}

WRAP(int, open64, (const char *p, int f, mode_t m), (p, f, m))
WRAP(ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n))
WRAP(ssize_t, pwrite64, (int fd, const void *b, size_t n, off_t o),
    (fd, b, n, o))
WRAP(int, ftruncate64, (int fd, off_t n), (fd, n))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, flock, (int fd, int how), (fd, how))
WRAP(int, mkdir, (const char *p, mode_t m), (p, m))
WRAP(int, rename, (const char *a, const char *b), (a, b))
WRAP(int, renameat2,
    (int x, const char *a, int y, const char *b, unsigned f), (x, a, y, b, f))

static const struct seam {
	void (*arm)(unsigned nth, bool persistent);
	bool (*disarm)(void);
} seams[] = {
    {arm_full, disarm},
    {arm_broken, disarm},
    {heap_fault_arm, heap_fault_disarm},
};

/* ---- the rounds --------------------------------------------------------- */

static unsigned open_files(void)
{
	unsigned count = 0;
	DIR *dir = opendir("/proc/self/fd");

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

/* Fails each call of `act`; `check` is told what came of it. */
static void rounds(int (*act)(void), void (*check)(int result))
{
	for (size_t i = 0; i < 2 * sizeof(seams) / sizeof(*seams); i++) {
		const struct seam *seam = &seams[i / 2];
		unsigned nth = 0;
		bool was_hit;

		do {
			unsigned before = open_files();

			assert_true(++nth < CALLS_MAX);
			seam->arm(nth, i % 2);
			int r = act();
			was_hit = seam->disarm();
			assert_int_equal(open_files(), before);
			if (!was_hit)
				assert_ok(r);
			check(r);
		} while (was_hit);
		/* It did reach some. */
		assert_true(nth > 2);
	}
}

static void expect_content(const char *name, const char *want)
{
	char got[64] = "";
	FILE *f = fopen(name, "r");

	assert_non_null(f);
	assert_true(fread(got, 1, sizeof(got) - 1, f) > 0);
	fclose(f);
	assert_string_equal(got, want);
}

/* ---- downloads ---------------------------------------------------------- */

static int begin_whole(struct partial *p)
{
	int r = partial_begin(p, 0, "\"e\"");
	if (r == 0)
		r = partial_write(p, "01234", 5);
	return r < 0 ? r : partial_write(p, "56789", 5);
}

static int begin_split(struct partial *p)
{
	int r = partial_split(p, "\"e\"", 10, 2);
	if (r == 0)
		r = partial_write_at(p, 1, "56789", 5);
	return r < 0 ? r : partial_write_at(p, 0, "01234", 5);
}

static int download(int (*begin)(struct partial *p))
{
	struct partial p;

	int r = partial_open(&p, "n", URL, true);
	if (r == 0)
		r = begin(&p);
	if (r == 0)
		r = partial_commit(&p, false);
	partial_close(&p);
	return r;
}

static int whole(void)
{
	return download(begin_whole);
}

static int split(void)
{
	return download(begin_split);
}

static void check_download(int result)
{
	struct partial p;

	if (result == 0) {
		expect_content("n", "0123456789");
		unlink("n");
		assert_true(access("n.part", F_OK) < 0);
		return;
	}

	/* Not even a part has the name, and what the mark says is there. */
	assert_true(access("n", F_OK) < 0);
	assert_ok(partial_open(&p, "n", URL, true));
	for (uint64_t i = 0; i < p.have; i++) {
		char c;

		assert_int_equal(pread(p.fd, &c, 1, (off_t)i), 1);
		assert_int_equal(c, '0' + (int)i);
	}
	for (size_t s = 0; s < p.span_count; s++) {
		for (uint64_t i = p.spans[s].first; i < p.spans[s].at; i++) {
			char c;

			assert_int_equal(pread(p.fd, &c, 1, (off_t)i), 1);
			assert_int_equal(c, '0' + (int)i);
		}
	}
	partial_discard(&p);
	partial_close(&p);
	assert_true(access("n.part", F_OK) < 0);
	assert_true(access("n.part.etag", F_OK) < 0);
}

static void test_whole(void **state)
{
	(void)state;
	rounds(whole, check_download);
}

static void test_split(void **state)
{
	(void)state;
	rounds(split, check_download);
}

/* ---- uploads ------------------------------------------------------------ */

static const struct state_key key = {
    .server = "http://h",
    .path = "/a",
    .size = 10,
    .mtime_ns = 1,
};

static int remember(void)
{
	struct state s;

	int r = state_open(&s, &key);
	if (r < 0)
		return r;

	state_clear(&s);
	r = state_add(&s, "one", 0, 4);
	if (r == 0)
		r = state_add(&s, "two", 4, 10);
	if (r == 0)
		r = state_save(&s, &key);
	state_close(&s);
	return r;
}

static void check_state(int result)
{
	struct state s;

	assert_ok(state_open(&s, &key));
	if (result == 0)
		assert_int_equal(s.count, 2);
	else
		assert_true(s.count == 0 || s.count == 2);
	if (s.count == 2)
		assert_string_equal(s.parts[1].id, "two");
	state_remove(&s);
	state_close(&s);
	/* Made anew each time. */
	assert_ok(rmdir("spillway/uploads") | rmdir("spillway"));
}

static void test_state(void **state)
{
	(void)state;
	rounds(remember, check_state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_state),
	};
	char folder[] = "/tmp/spill-fault-XXXXXX";

	if (mkdtemp(folder) == NULL || chdir(folder) < 0)
		return 1;
	setenv("XDG_STATE_HOME", folder, 1);
	return cmocka_run_group_tests(tests, NULL, NULL) | rmdir(folder);
}
