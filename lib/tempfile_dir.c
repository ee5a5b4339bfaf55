/* SPDX-License-Identifier: MIT */
/* Places for temporary files, and which is the default. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "sys.h"
#include "tempfile.h"

/* "a/b", with one slash between the two; NULL without memory. */
static char *join(const char *a, const char *b)
{
	size_t n = strlen(a), size = n + strlen(b) + 2;
	char *path = spw__sys_alloc(size);

	if (path)
		snprintf(path, size, "%s%s%s", a,
		    n && a[n - 1] == '/' ? "" : "/", b);
	return path;
}

static char *copy(const char *s)
{
	size_t n = strlen(s);
	char *p = spw__sys_alloc(n + 1);

	return p ? memcpy(p, s, n) : NULL;
}

/* Links in it stay: only the current directory goes before it. */
static int make_absolute(const char *dir, char **ret)
{
	char cwd[PATH_MAX];
	char *path;

	if (dir[0] == '/') {
		path = copy(dir);
	} else {
		int r = spw__sys_cwd(cwd, sizeof(cwd));
		if (r < 0)
			return r;

		path = strcmp(dir, ".") == 0 ? copy(cwd) : join(cwd, dir);
	}
	if (!path)
		return -ENOMEM;

	*ret = path;
	return 0;
}

char *spw__place_path(const struct spw__place *p, const char *name)
{
	return join(p->path, name);
}

int spw__place_open(const char *dir, spw_temp_env_fn env,
    struct spw__place *ret)
{
	char *path;

	int r = dir ? make_absolute(dir, &path) : spw_temp_dir(env, &path);
	if (r < 0)
		return r;

	int fd = spw__sys_open_place(dir ? dir : path);
	if (fd < 0) {
		spw__sys_free(path);
		return fd;
	}

	ret->fd = fd;
	ret->path = path;
	return 0;
}

void spw__place_close(struct spw__place *p)
{
	(void)spw__sys_close(p->fd);
	spw__sys_free(p->path);
}

/* Under a name for a moment. */
static int make_and_unlink(int dir_fd, const char *name)
{
	int fd = spw__sys_create(dir_fd, name);
	if (fd < 0)
		return fd;

	int r = spw__sys_unlink(dir_fd, name);
	if (r < 0) {
		(void)spw__sys_close(fd);
		return r;
	}
	return fd;
}

int spw__temp_unlinked(int dir_fd)
{
	const struct spw__temp_names names = { .prefix = ".", .suffix = "",
		.random = spw__temp_random };
	char name[SPW__TEMP_NAME_MAX + 1];

	return spw__temp_make(dir_fd, &names, make_and_unlink, name);
}

int spw__temp_unnamed(int dir_fd)
{
	int fd = spw__sys_unnamed(dir_fd);

	/* -EPERM: what newer kernels say where the directory is gone. */
	return fd == -EOPNOTSUPP || fd == -EPERM ? spw__temp_unlinked(dir_fd)
						 : fd;
}

/* A name can be had where no block of data is: a byte has to be written. */
static int probe(int dir_fd)
{
	const struct spw__temp_names names = { .prefix = ".", .suffix = "",
		.random = spw__temp_random };
	char name[SPW__TEMP_NAME_MAX + 1];

	int fd = spw__temp_make(dir_fd, &names, spw__sys_create, name);
	if (fd < 0)
		return fd;

	ssize_t n = spw__sys_pwrite(fd, "spillway", 8, 0);
	int r = n < 0 ? (int)n : n < 8 ? -ENOSPC : 0;
	int closed = spw__sys_close(fd);
	int gone = spw__sys_unlink(dir_fd, name);
	if (r == 0)
		r = closed;
	return r < 0 ? r : gone;
}

int spw_temp_probe(const char *dir)
{
	if (!dir)
		return -EINVAL;

	int fd = spw__sys_open_place(dir);
	if (fd < 0)
		return fd;

	int r = probe(fd);
	(void)spw__sys_close(fd);
	return r;
}

/* The `i`-th place to look at; NULL: it says nothing. */
static const char *candidate(unsigned i, spw_temp_env_fn env)
{
	static const char *const vars[] = { "TMPDIR", "TEMP", "TMP" };
	static const char *const dirs[] = { "/tmp", "/var/tmp", "/usr/tmp",
		"." };
	const unsigned nvars = sizeof(vars) / sizeof(vars[0]);

	if (i >= nvars)
		return dirs[i - nvars];

	const char *value = env ? env(vars[i]) : NULL;
	return value && *value ? value : NULL;
}

int spw_temp_dir(spw_temp_env_fn env, char **ret_path)
{
	for (unsigned i = 0; i < 7; i++) {
		const char *dir = candidate(i, env);
		if (!dir)
			continue;

		int r = spw_temp_probe(dir);
		if (r == 0)
			return make_absolute(dir, ret_path);
		/* It will be the same with the others. */
		if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
			return r;
	}
	return -ENOENT;
}

void spw_temp_path_free(char *path)
{
	spw__sys_free(path);
}
