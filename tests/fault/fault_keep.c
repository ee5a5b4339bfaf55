/* SPDX-License-Identifier: MIT */
/*
 * Kept spools with every call failing in turn, and with the process killed at
 * every call: what the journal says is there, and nothing that is left over
 * keeps anybody from going on.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <spillway/keep.h>

#include "fault/fault.h"
#include "unit/lib/model.h"
#include "unit/lib/threads.h"

static char path[128];

static bool is_fault(int r)
{
	return r == -ENOMEM || r == -EIO || r == -EMFILE || r == -ENFILE ||
	    r == -ENOSPC || r == -EOPNOTSUPP || r == -ENOENT || r == -EXDEV;
}

static int open_keep(unsigned flags, struct spw_keep **ret)
{
	const struct spw_keep_opts o = { .size = sizeof(o), .path = path,
		.flags = flags };

	return spw_keep_open(&o, ret);
}

/* Append content, and commit with a state that tells how much it is of. */
static int grow(struct spw_kept *k, size_t len)
{
	struct spw_spool *s = spw_kept_spool(k);
	uint8_t bytes[100000];
	uint64_t off = spw_spool_size(s);

	fill_content(bytes, len, off);
	int r = spw_spool_append(s, bytes, len);
	if (r < 0)
		return r;

	off += len;
	const struct spw_kept_note note = { .length = off, .state = &off,
		.state_len = sizeof(off) };
	return spw_kept_commit(k, &note);
}

static uint64_t check(struct spw_kept *k)
{
	struct spw_spool *s = spw_kept_spool(k);
	struct spw_kept_note note;
	uint8_t bytes[1000];
	uint64_t size = spw_spool_size(s), off = 0;

	spw_kept_note(k, &note);
	while (off < size) {
		ssize_t n = spw_spool_pread(s, bytes, sizeof(bytes), off);

		assert_true(n > 0);
		assert_true(is_content(bytes, (size_t)n, off));
		off += (uint64_t)n;
	}
	if (note.state_len) {
		assert_int_equal(note.state_len, sizeof(off));
		memcpy(&off, note.state, sizeof(off));
	}
	assert_int_equal(off, note.length);
	return note.length;
}

/* Make one, let it grow, let go, go on, and be done with it. */
static int whole_life(struct spw_keep *keep, uint64_t *safe)
{
	struct spw_kept *k;

	int r = spw_kept_create(keep, "life", NULL, NULL, &k);
	if (r < 0)
		return r;
	for (int i = 0; r == 0 && i < 3; i++) {
		r = grow(k, 70000);
		if (r == 0)
			*safe += 70000;
	}
	spw_kept_close(k);
	if (r == 0)
		r = spw_kept_adopt(keep, "life", NULL, &k);
	if (r < 0)
		return r;

	r = grow(k, 5);
	if (r == 0)
		*safe += 5;
	spw_kept_close(k);
	return r;
}

/* Whoever comes then finds at least what was safe, or nothing if none was. */
static void expect_safe(uint64_t safe, bool began)
{
	struct spw_keep *keep;
	struct spw_kept *k;

	assert_ok(open_keep(SPW_KEEP_SYNC, &keep));
	int r = spw_kept_adopt(keep, "life", NULL, &k);
	if (r == 0) {
		assert_true(check(k) >= safe);
		assert_ok(grow(k, 10));
		assert_ok(spw_kept_remove(k));
		spw_kept_close(k);
	} else {
		/* It was being born. */
		assert_true(!began && r == -ENOENT);
		assert_int_equal(safe, 0);
		r = spw_keep_reap(keep, "life");
		assert_true(r == 0 || r == -ENOENT);
	}
	spw_keep_unref(keep);
}

static bool fail_once(unsigned n, bool persistent, enum fault_style style,
    unsigned flags)
{
	struct spw_keep *keep;
	uint64_t safe = 0;

	assert_ok(open_keep(flags, &keep));
	fault_arm(n, persistent, style);
	int r = whole_life(keep, &safe);
	bool hit = fault_disarm();
	assert_true(r == 0 || (hit && is_fault(r)));
	assert_true(r < 0 || safe == 210005);
	spw_keep_unref(keep);
	assert_int_equal(fault_held(), 0);
	expect_safe(safe, false);
	assert_int_equal(fault_held(), 0);
	return hit;
}

static void test_failing(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		unsigned n = 1;

		while (fail_once(n, i & 1,
		    i & 2 ? FAULT_FULL : FAULT_BROKEN,
		    i & 4 ? SPW_KEEP_SYNC : 0))
			n++;
		assert_true(n > 20);
	}
}

/* Take a spool that was in memory, and be done with it. */
static int take_one(struct spw_keep *keep, struct spw_spool *s, bool *taken)
{
	struct spw_kept *k;

	int r = spw_kept_take(keep, "life", s, NULL, &k);
	if (r < 0)
		return r;

	*taken = true;
	r = spw_kept_commit(k, NULL);
	fault_spare(true);
	assert_ok(spw_kept_remove(k));
	spw_kept_close(k);
	fault_spare(false);
	return r;
}

static bool take_fails(unsigned n, bool persistent, struct spw_dir *dir)
{
	const struct spw_keep_opts o = { .size = sizeof(o), .dir = dir,
		.flags = SPW_KEEP_SYNC };
	struct spw_spool_opts so = { .size = sizeof(so), .dir = dir,
		.memory_max = SPW_UNLIMITED };
	uint8_t bytes[1000];
	struct spw_keep *keep;
	struct spw_spool *s;
	bool taken = false;

	assert_ok(spw_keep_open(&o, &keep));
	assert_ok(spw_spool_new(&so, &s));
	fill_content(bytes, sizeof(bytes), 0);
	assert_ok(spw_spool_append(s, bytes, sizeof(bytes)));
	fault_arm(n, persistent, FAULT_BROKEN);
	int r = take_one(keep, s, &taken);
	bool hit = fault_disarm();
	assert_true(r == 0 || (hit && is_fault(r)));
	/* Its content is there whatever failed, and can be kept. */
	assert_int_equal(spw_spool_pread(s, bytes, 1000, 0), 1000);
	assert_true(is_content(bytes, 1000, 0));
	/* Names that could not be taken back are there; and Linux gives one
	   to no file that has lost it. */
	if (!taken) {
		r = spw_keep_reap(keep, "life");
		assert_true(r == 0 || r == -ENOENT);
		r = take_one(keep, s, &taken);
		assert_true(r == 0 || r == -ENOENT);
	}
	assert_err(spw_keep_reap(keep, "life"), ENOENT);
	spw_spool_unref(s);
	spw_keep_unref(keep);
	return hit;
}

static void test_taking(void **state)
{
	const struct spw_dir_opts d = { .size = sizeof(d), .path = path };
	struct spw_dir *dir;

	(void)state;
	assert_ok(spw_dir_open(&d, &dir));
	for (int persistent = 0; persistent < 2; persistent++) {
		unsigned n = 1;

		while (take_fails(n, persistent, dir))
			n++;
		assert_true(n > 8);
	}
	spw_dir_unref(dir);
}

static void test_loading(void **state)
{
	const struct spw_dir_opts d = { .size = sizeof(d), .path = path };
	struct spw_dir *dir;
	struct spw_spool *s;
	bool hit = true;

	(void)state;
	assert_ok(spw_dir_open(&d, &dir));
	const struct spw_spool_opts o = { .size = sizeof(o), .dir = dir };
	for (unsigned n = 1; hit; n++) {
		assert_ok(spw_spool_new(&o, &s));
		int fd = spw_spool_fd(s);
		spw_spool_unref(s);
		assert_true(fd >= 0);
		fault_arm(n, false, FAULT_BROKEN);
		int r = spw_spool_load(fd, &o, &s);
		hit = fault_disarm();
		assert_true(r == 0 || (hit && is_fault(r)));
		/* Until it succeeds the descriptor is ours. */
		if (r < 0)
			assert_ok(spw_spool_load(fd, &o, &s));
		spw_spool_unref(s);
	}
	spw_dir_unref(dir);
}

/* Opening, listing and reaping. */
static int tend(void)
{
	struct spw_keep *keep;
	struct spw_kept *k;

	int r = open_keep(0, &keep);
	if (r < 0)
		return r;
	r = spw_kept_create(keep, "life", NULL, NULL, &k);
	if (r == 0) {
		r = spw_kept_remove(k);
		spw_kept_close(k);
	}
	if (r == 0)
		r = spw_keep_reap(keep, "life") == -ENOENT ? 0 : -EIO;
	spw_keep_unref(keep);
	return r;
}

static int ignore(const char *name, void *user_data)
{
	(void)name;
	++*(int *)user_data;
	return 0;
}

static void test_tending(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool hit = true;

		for (unsigned n = 1; hit; n++) {
			fault_arm(n, i & 1, i & 2 ? FAULT_FULL : FAULT_BROKEN);
			int r = tend();
			hit = fault_disarm();
			assert_true(r == 0 || (hit && is_fault(r)));
			assert_int_equal(fault_held(), 0);
			expect_safe(0, false);
		}
	}
}

static void test_listing(void **state)
{
	struct spw_keep *keep;
	struct spw_kept *k[20];
	bool hit = true;

	(void)state;
	assert_ok(open_keep(0, &keep));
	for (int i = 0; i < 20; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		assert_ok(spw_kept_create(keep, name, NULL, NULL, &k[i]));
	}
	long before = fault_held();
	for (unsigned n = 1; hit; n++) {
		int seen = 0;

		fault_arm(n, false, FAULT_BROKEN);
		int r = spw_keep_list(keep, ignore, &seen);
		hit = fault_disarm();
		assert_true(r == 0 || (hit && is_fault(r)));
		assert_true(r < 0 || seen == 20);
		assert_int_equal(fault_held(), before);
	}
	for (int i = 0; i < 20; i++) {
		assert_ok(spw_kept_remove(k[i]));
		spw_kept_close(k[i]);
	}
	spw_keep_unref(keep);
}

/* Removing may be tried again. */
static void test_removing(void **state)
{
	struct spw_keep *keep;
	bool hit = true;

	(void)state;
	assert_ok(open_keep(SPW_KEEP_SYNC, &keep));
	for (unsigned n = 1; hit; n++) {
		struct spw_kept *k;

		assert_ok(spw_kept_create(keep, "life", NULL, NULL, &k));
		fault_arm(n, false, FAULT_BROKEN);
		int r = spw_kept_remove(k);
		hit = fault_disarm();
		assert_int_equal(r, hit ? -EIO : 0);
		assert_ok(spw_kept_remove(k));
		spw_kept_close(k);
		assert_err(spw_keep_reap(keep, "life"), ENOENT);
	}
	spw_keep_unref(keep);
}

/* What the system may have dropped is never called safe. */
static void test_a_sync_that_fails(void **state)
{
	struct spw_keep *keep;
	struct spw_kept *k;

	(void)state;
	assert_ok(open_keep(SPW_KEEP_SYNC, &keep));
	assert_ok(spw_kept_create(keep, "life", NULL, NULL, &k));
	assert_ok(grow(k, 1000));
	assert_ok(spw_spool_append(spw_kept_spool(k), "x", 1));
	assert_ok(spw_spool_flush(spw_kept_spool(k)));
	/* A record; then the content is synced. */
	fault_arm(2, false, FAULT_BROKEN);
	assert_err(spw_kept_commit(k, NULL), EIO);
	assert_true(fault_disarm());
	assert_err(spw_kept_commit(k, NULL), EIO);
	spw_kept_close(k);
	spw_keep_unref(keep);
	expect_safe(1000, true);
}

/* What the child says before it dies. */
struct said {
	uint64_t safe;
	bool began;
};

static void live_and_die(unsigned n, enum fault_style style, int fd)
{
	struct spw_keep *keep;
	struct spw_kept *k;
	struct said said = { 0 };

	if (open_keep(0, &keep) < 0)
		_exit(2);
	fault_kill(true);
	fault_arm(n, false, style);
	if (spw_kept_create(keep, "life", NULL, NULL, &k) < 0)
		_exit(3);
	for (int i = 0; i < 4; i++) {
		said.began = true;
		if (write(fd, &said, sizeof(said)) != sizeof(said))
			_exit(4);
		if (i == 3 || grow(k, 70000) < 0)
			break;
		said.safe += 70000;
	}
	fault_disarm();
	_exit(0);
}

/* Returns: whether it was killed. */
static bool kill_once(unsigned n, enum fault_style style)
{
	struct said said = { 0 }, more;
	int fds[2], status;

	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		live_and_die(n, style, fds[1]);
	close(fds[1]);
	while (read(fds[0], &more, sizeof(more)) == sizeof(more))
		said = more;
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	bool killed = WIFSIGNALED(status);
	assert_true(killed || WEXITSTATUS(status) == 0 ||
	    style == FAULT_FULL);
	expect_safe(said.safe, said.began);
	return killed;
}

static void test_being_killed(void **state)
{
	(void)state;
	unsigned n = 1;
	while (kill_once(n, FAULT_BROKEN))
		n++;
	assert_true(n > 15);
	/* In the middle of what is written; other calls fail. */
	unsigned killed = 0;
	for (n = 1; n < 40; n++)
		killed += kill_once(n, FAULT_FULL);
	assert_true(killed > 3);
}

static int make_place(void **state)
{
	(void)state;
	make_temp_dir(path, sizeof(path));
	return 0;
}

static int leave_place(void **state)
{
	(void)state;
	return rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_taking),
		cmocka_unit_test(test_loading),
		cmocka_unit_test(test_tending),
		cmocka_unit_test(test_listing),
		cmocka_unit_test(test_removing),
		cmocka_unit_test(test_a_sync_that_fails),
		cmocka_unit_test(test_being_killed),
	};

	return cmocka_run_group_tests(tests, make_place, leave_place);
}
