/* SPDX-License-Identifier: MIT */
/* Giving the content a name. */
#include <spillway/copy.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/lib/model.h"

/* A world, a model in it, a folder to save in, and that opened. */
struct scene {
	struct world w;
	struct model m;
	char folder[128], path[160];
	int fd;
};

static void begin(struct scene *s, uint64_t memory_max, size_t len)
{
	world_init(&s->w, &(struct world_opts){ .budget = 4 * MIB });
	model_init(&s->m, MIB, SPOOL_OPTS(&s->w, .memory_max = memory_max));
	assert_ok(model_append(&s->m, len));
	make_temp_dir(s->folder, sizeof(s->folder));
	snprintf(s->path, sizeof(s->path), "%s/name", s->folder);
	s->fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(s->fd);
}

static int entries(const struct scene *s)
{
	DIR *d = opendir(s->folder);
	int n = -2;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Nothing is left but the name. */
static void end(struct scene *s)
{
	if (entries(s) == 1)
		assert_ok(unlink(s->path));
	assert_ok(close(s->fd));
	assert_ok(rmdir(s->folder));
	model_fini(&s->m);
	world_fini(&s->w);
}

static struct stat stat_name(const struct scene *s)
{
	struct stat st;

	assert_ok(stat(s->path, &st));
	return st;
}

static ino_t own_inode(struct scene *s)
{
	struct stat st;
	int fd = spw_spool_fd(s->m.spool);

	assert_ok(fd);
	assert_ok(fstat(fd, &st));
	close(fd);
	return st.st_ino;
}

static void expect_saved(const struct scene *s, const struct model *m)
{
	uint8_t *buf = malloc(m->size + 1);
	int fd = open(s->path, O_RDONLY | O_CLOEXEC);

	assert_non_null(buf);
	assert_ok(fd);
	assert_int_equal(read(fd, buf, m->size + 1), m->size);
	assert_memory_equal(buf, m->bytes, m->size);
	close(fd);
	free(buf);
	assert_int_equal(entries(s), 1);
}

static int save(struct scene *s, unsigned flags)
{
	return spw_spool_save(s->m.spool, AT_FDCWD, s->path, 0640, flags);
}

/* What is open is copied, and the copy stays as it is. */
static void test_open_spools(void **state)
{
	(void)state;
	for (uint64_t memory = 0; memory <= MIB; memory += MIB) {
		struct scene s;

		begin(&s, memory, 90000);
		assert_ok(save(&s, 0));
		expect_saved(&s, &s.m);
		struct stat st = stat_name(&s);
		assert_int_equal(st.st_mode & 07777, 0640);
		assert_int_equal(st.st_nlink, 1);
		assert_ok(model_pwrite(&s.m, 10, 0));
		assert_int_equal(stat_name(&s).st_size, 90000);
		assert_int_not_equal(own_inode(&s), st.st_ino);

		assert_ok(model_append(&s.m, 90000));
		assert_ok(save(&s, SPW_SAVE_SYNC));
		expect_saved(&s, &s.m);
		assert_int_not_equal(stat_name(&s).st_ino, st.st_ino);
		end(&s);
	}
}

/* What is sealed and on disk is not copied but gets a name. */
static void test_sealed_spools(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, 0, 90000);
	assert_ok(model_seal(&s.m));
	assert_ok(save(&s, SPW_SAVE_SYNC));
	expect_saved(&s, &s.m);
	assert_int_equal(stat_name(&s).st_ino, own_inode(&s));
	assert_int_equal(stat_name(&s).st_mode & 07777, 0640);

	/* The name outlives the spool. */
	spw_spool_unref(s.m.spool);
	s.m.spool = NULL;
	expect_saved(&s, &s.m);
	end(&s);
}

/* A second name is another file's: modes and changes are its own. */
static void test_saved_twice(void **state)
{
	struct scene s;
	struct stat first, second;

	(void)state;
	begin(&s, 0, 90000);
	assert_ok(model_seal(&s.m));
	/* A name that it did not get does not count. */
	assert_ok(mkdirat(s.fd, "first", 0700));
	assert_err(spw_spool_save(s.m.spool, s.fd, "first", 0600,
	    SPW_SAVE_EXCLUSIVE), EEXIST);
	assert_ok(unlinkat(s.fd, "first", AT_REMOVEDIR));
	assert_ok(spw_spool_save(s.m.spool, s.fd, "first", 0600, 0));
	assert_ok(save(&s, 0));
	assert_ok(fstatat(s.fd, "first", &first, 0));
	second = stat_name(&s);
	assert_int_equal(first.st_ino, own_inode(&s));
	assert_int_equal(first.st_nlink, 1);
	assert_int_equal(first.st_mode & 07777, 0600);
	assert_int_not_equal(second.st_ino, first.st_ino);
	assert_int_equal(second.st_mode & 07777, 0640);
	assert_ok(unlinkat(s.fd, "first", 0));
	/* Onto itself. */
	assert_ok(save(&s, 0));
	expect_saved(&s, &s.m);
	end(&s);
}

/* A file apart takes the name; what lost its name is copied. */
static void test_sealed_and_apart(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, 0, 90000);
	assert_ok(model_seal(&s.m));
	assert_ok(save(&s, 0));
	assert_ok(save(&s, SPW_SAVE_COPY));
	expect_saved(&s, &s.m);
	assert_int_not_equal(stat_name(&s).st_ino, own_inode(&s));
	assert_ok(save(&s, 0));
	expect_saved(&s, &s.m);
	end(&s);
}

static void test_sealed_in_memory(void **state)
{
	struct scene s;

	(void)state;
	for (size_t len = 0; len < 2000; len += 1000) {
		begin(&s, MIB, len);
		assert_ok(model_seal(&s.m));
		assert_ok(save(&s, 0));
		expect_saved(&s, &s.m);
		assert_int_equal(
		    spool_info(s.m.spool).spilled, SPW_SPILL_NONE);
		end(&s);
	}
}

static void test_exclusive(void **state)
{
	(void)state;
	for (uint64_t memory = 0; memory <= MIB; memory += MIB) {
		struct scene s;

		begin(&s, memory, 1000);
		assert_ok(save(&s, SPW_SAVE_EXCLUSIVE));
		struct stat st = stat_name(&s);
		assert_err(save(&s, SPW_SAVE_EXCLUSIVE), EEXIST);
		assert_ok(model_seal(&s.m));
		assert_err(save(&s, SPW_SAVE_EXCLUSIVE), EEXIST);
		assert_int_equal(stat_name(&s).st_ino, st.st_ino);
		expect_saved(&s, &s.m);
		end(&s);
	}
}

/* Who has the old file open keeps it; the new one is there at once. */
static void test_replacing(void **state)
{
	struct scene s;
	char old[4];

	(void)state;
	begin(&s, MIB, 1000);
	int fd = open(s.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_ok(fd);
	assert_int_equal(write(fd, "old", 4), 4);
	assert_ok(save(&s, 0));
	expect_saved(&s, &s.m);
	assert_int_equal(pread(fd, old, 4, 0), 4);
	assert_string_equal(old, "old");
	close(fd);
	end(&s);
}

/* A link is replaced, not followed. */
static void test_replacing_a_link(void **state)
{
	struct scene s;
	struct stat st;

	(void)state;
	begin(&s, MIB, 1000);
	assert_ok(symlink("/nonexistent/file", s.path));
	assert_err(save(&s, SPW_SAVE_EXCLUSIVE), EEXIST);
	assert_ok(save(&s, 0));
	assert_ok(lstat(s.path, &st));
	assert_true(S_ISREG(st.st_mode));
	expect_saved(&s, &s.m);
	end(&s);
}

static void test_paths(void **state)
{
	struct scene s;
	struct stat st;
	char path[300];

	(void)state;
	begin(&s, 0, 1000);
	struct spw_spool *sp = s.m.spool;
	assert_ok(spw_spool_save(sp, s.fd, "name", 0600, 0));
	expect_saved(&s, &s.m);
	assert_err(spw_spool_save(sp, s.fd, "", 0600, 0), EINVAL);
	assert_err(spw_spool_save(sp, s.fd, NULL, 0600, 0), EINVAL);
	assert_err(spw_spool_save(sp, s.fd, "name/", 0600, 0), EINVAL);
	assert_err(spw_spool_save(sp, s.fd, "sub/..", 0600, 0), EINVAL);
	assert_err(spw_spool_save(sp, s.fd, ".", 0600, 0), EINVAL);
	assert_err(spw_spool_save(sp, s.fd, "name", 0600, 1u << 9), EINVAL);
	assert_err(spw_spool_save(sp, s.fd, "name", 0100000, 0), EINVAL);
	assert_err(spw_spool_save(sp, s.fd, "name/x", 0600, 0), ENOTDIR);
	assert_err(spw_spool_save(sp, s.fd, "sub/x", 0600, 0), ENOENT);
	assert_err(spw_spool_save(sp, -1, "x", 0600, 0), EBADF);
	memset(path, 'a', 299);
	path[299] = 0;
	assert_err(spw_spool_save(sp, s.fd, path, 0600, 0), ENAMETOOLONG);

	assert_ok(mkdirat(s.fd, "sub", 0700));
	assert_err(spw_spool_save(sp, s.fd, "sub", 0600, 0), EISDIR);
	assert_ok(spw_spool_save(sp, s.fd, "sub/x", 0600, 0));
	assert_ok(fstatat(s.fd, "sub/x", &st, 0));
	assert_int_equal(st.st_size, 1000);
	assert_ok(unlinkat(s.fd, "sub/x", 0));
	assert_ok(unlinkat(s.fd, "sub", AT_REMOVEDIR));
	end(&s);
}

static void test_what_is_not_whole(void **state)
{
	struct scene s;

	(void)state;
	for (uint64_t memory = 0; memory <= MIB; memory += MIB) {
		begin(&s, memory, 1000);
		model_fail(&s.m, -ECONNRESET);
		assert_err(save(&s, 0), ECONNRESET);
		assert_int_equal(entries(&s), 0);
		model_fini(&s.m);

		model_init(&s.m, 5000, SPOOL_OPTS(&s.w, .memory_max = memory,
		    .flags = SPW_SPOOL_SPARSE, .size_hint = 5000));
		assert_ok(model_pwrite(&s.m, 1000, 100));
		assert_err(save(&s, 0), EAGAIN);
		assert_int_equal(entries(&s), 0);
		assert_ok(model_pwrite(&s.m, 5000, 0));
		assert_ok(save(&s, 0));
		expect_saved(&s, &s.m);
		assert_ok(model_seal(&s.m));
		assert_ok(save(&s, 0));
		expect_saved(&s, &s.m);
		end(&s);
	}
}

/* Several spools share its file: it is copied out of there. */
static void test_packed(void **state)
{
	struct spw_budget *budget;
	struct model other;
	struct world tight;
	struct scene s;

	(void)state;
	assert_ok(spw_budget_new(200 * KIB, &budget));
	begin(&s, MIB, 0);
	model_fini(&s.m);
	tight = s.w;
	tight.budget = budget;
	model_init(&s.m, MIB, SPOOL_OPTS(&tight, .memory_max = MIB));
	model_init(&other, MIB, SPOOL_OPTS(&tight, .memory_max = MIB));
	assert_ok(model_append(&s.m, 90000));
	assert_ok(model_seal(&s.m));
	assert_ok(model_append(&other, 90000));
	assert_int_equal(spool_info(s.m.spool).spilled, SPW_SPILL_BUDGET);
	assert_ok(save(&s, 0));
	expect_saved(&s, &s.m);
	model_fini(&other);
	end(&s);
	spw_budget_unref(budget);
}

/* Where no link can be made, there is a copy. */
static void test_another_file_system(void **state)
{
	static const char path[] = "/dev/shm/spw-test-save";
	struct scene s;
	struct stat st, here;

	(void)state;
	begin(&s, 0, 90000);
	if (stat("/dev/shm", &st) < 0 || stat(s.folder, &here) < 0 ||
	    access("/dev/shm", W_OK) < 0 || st.st_dev == here.st_dev) {
		end(&s);
		print_message("/dev/shm is no other file system\n");
		skip();
	}
	assert_ok(model_seal(&s.m));
	assert_ok(spw_spool_save(s.m.spool, AT_FDCWD, path, 0600, 0));
	assert_ok(stat(path, &st));
	assert_int_equal(st.st_size, 90000);
	assert_int_not_equal(st.st_dev, here.st_dev);
	assert_ok(unlink(path));
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_spools),
		cmocka_unit_test(test_sealed_spools),
		cmocka_unit_test(test_saved_twice),
		cmocka_unit_test(test_sealed_and_apart),
		cmocka_unit_test(test_sealed_in_memory),
		cmocka_unit_test(test_exclusive),
		cmocka_unit_test(test_replacing),
		cmocka_unit_test(test_replacing_a_link),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_what_is_not_whole),
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_another_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
