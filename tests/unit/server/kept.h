/* SPDX-License-Identifier: MIT */
/* Stores whose files survive, in a directory of their own. */
#ifndef TESTS_KEPT_H
#define TESTS_KEPT_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/storemeta.h"
#include "store/disk.h"
#include "unit/lib/model.h"
#include "unit/server/stored.h"

struct kept {
	char path[128];
	struct spw_dir *dir;
	struct spw_pool *pool;
	struct disk *disk;
	struct store *store;
};

static inline void kept_start(struct kept *k, bool sync, unsigned max_open)
{
	const struct spw_dir_opts d = {.size = sizeof(d), .path = k->path};
	char why[DISK_WHY_SIZE] = "";

	require(spw_dir_open(&d, &k->dir) == 0);
	require(spw_pool_new(2, &k->pool) == 0);
	if (disk_open(k->path, sync, &k->disk, why) < 0)
		fail_msg("%s", why);
	const struct store_opts opts = {
	    .dir = k->dir,
	    .disk = k->disk,
	    .keepers = k->pool,
	    .max_open = max_open,
	    .memory_max = SPW_UNLIMITED,
	    .max_files = STORED_MAX,
	};
	require(store_new(&opts, &k->store) == 0);
}

/** Let go of it, as a process that ends. What was behind is done. */
static inline void kept_stop(struct kept *k)
{
	struct spw_dir_stats stats;

	spw_pool_free(k->pool);
	store_free(k->store);
	disk_close(k->disk);
	spw_dir_stats(k->dir, &stats);
	assert_int_equal(stats.charged, 0);
	assert_int_equal(stats.files, 0);
	spw_dir_unref(k->dir);
}

static inline void kept_restart(struct kept *k, bool sync)
{
	kept_stop(k);
	kept_start(k, sync, 16);
}

static inline void kept_path(
    const struct kept *k, const char *name, char out[256])
{
	snprintf(out, 256, "%s/%s", k->path, name);
}

/* An empty file that nobody has. */
static inline void kept_touch(struct kept *k, const char *name)
{
	char path[256];

	kept_path(k, name, path);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

/** What /proc says of this start of the machine. */
static inline void kept_boot(char out[STOREMETA_BOOT])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");

	require(f && fread(out, 1, STOREMETA_BOOT, f) == STOREMETA_BOOT);
	fclose(f);
}

/* What this start has left there is now that of another. */
static inline void kept_relabel_file(
    const char *path, const char *now, const char *other)
{
	uint8_t buf[FILEMETA_MAX], fresh[FILEMETA_MAX];
	struct filemeta m;

	ssize_t n = getxattr(path, "user.spillway", buf, sizeof(buf));
	require(n > 0 && filemeta_read(buf, (size_t)n, &m) == 0);
	if (!m.boot.n || memcmp(m.boot.p, now, STOREMETA_BOOT) != 0)
		return;
	m.boot.p = other;
	n = (ssize_t)filemeta_write(&m, fresh, sizeof(fresh));
	require(n > 0);
	assert_ok(setxattr(path, "user.spillway", fresh, (size_t)n, 0));
}

static inline void kept_relabel_meta(
    const char *path, const char *now, const char *other)
{
	char text[STOREMETA_SIZE];
	struct storemeta m;
	FILE *f = fopen(path, "r+");

	require(f != NULL);
	size_t n = fread(text, 1, sizeof(text), f);
	assert_ok(storemeta_read(text, n, &m));
	if (memcmp(m.boot, now, STOREMETA_BOOT) == 0)
		memcpy(m.boot, other, STOREMETA_BOOT);
	rewind(f);
	fwrite(text, 1, storemeta_write(&m, text), f);
	fclose(f);
}

/**
 * Go on after another start of the machine: all that this one has left is that
 * of the start `which`.
 */
static inline void kept_reboot(struct kept *k, char which)
{
	char now[STOREMETA_BOOT], other[STOREMETA_BOOT], path[256];

	kept_stop(k);
	kept_boot(now);
	memset(other, which, sizeof(other));
	kept_path(k, "files", path);
	DIR *dir = opendir(path);
	require(dir != NULL);
	for (struct dirent *e; (e = readdir(dir));) {
		if (e->d_type != DT_REG)
			continue;
		snprintf(path, sizeof(path), "%.100s/files/%.100s", k->path,
		    e->d_name);
		kept_relabel_file(path, now, other);
	}
	closedir(dir);
	kept_path(k, "meta", path);
	kept_relabel_meta(path, now, other);
	kept_start(k, false, 16);
}

/** Restore all of it. */
static inline void kept_restore(struct kept *k)
{
	const _Atomic bool stop = false;

	assert_ok(store_restore(k->store, &stop));
	assert_false(store_restoring(k->store));
}

/** A file of so many bytes that survives. Returns: with a reference. */
static inline struct file *kept_file(
    struct kept *k, const char *id, size_t len)
{
	struct file *f = stored_file(k->store, id);

	stored_append(f, len);
	require(spw_spool_seal(f->spool) == 0);
	require(store_add(k->store, f) == 0);
	assert_ok(store_keep(k->store, f));
	file_ready(f);
	return f;
}

/** The file of the id has this content. */
static inline void kept_expect(struct kept *k, const char *id, size_t len)
{
	uint8_t *bytes = malloc(len + 1);
	struct file *f;

	require(bytes != NULL);
	assert_ok(store_load(k->store, id, strlen(id), &f));
	assert_int_equal(file_state(f), FILE_READY);
	assert_int_equal(atomic_load(&f->size), len);
	assert_int_equal(spw_spool_pread(f->spool, bytes, len + 1, 0), len);
	assert_true(is_content(bytes, len, 0));
	file_unref(f);
	free(bytes);
}

static inline void kept_expect_none(struct kept *k, const char *id)
{
	struct file *f;

	assert_err(store_load(k->store, id, strlen(id), &f), ENOENT);
}

/** How many names there are in a folder of it. */
static inline unsigned kept_count(const struct kept *k, const char *folder)
{
	char path[256];
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/%s", k->path, folder);
	DIR *dir = opendir(path);
	require(dir != NULL);
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static inline int kept_setup(void **state)
{
	struct kept *k = calloc(1, sizeof(*k));

	require(k != NULL);
	make_temp_dir(k->path, sizeof(k->path));
	kept_start(k, false, 16);
	*state = k;
	return 0;
}

static inline int kept_teardown(void **state)
{
	struct kept *k = *state;
	char command[256];

	kept_stop(k);
	snprintf(command, sizeof(command), "rm -r '%s'", k->path);
	assert_int_equal(system(command), 0);
	free(k);
	return 0;
}

#define KEPT_TEST(f)                                                           \
	cmocka_unit_test_setup_teardown(f, kept_setup, kept_teardown)

#endif
