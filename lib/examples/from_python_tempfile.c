/* SPDX-License-Identifier: MIT */
/* What docs/from-python.md shows for the functions of tempfile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spillway/tempfile.h>

/* gettempdir(); the library reads no environment by itself */
static int default_directory(void)
{
	SPW_AUTO(spw_temp_path_freep) char *path = NULL;

	int r = spw_temp_dir(getenv, &path);
	if (r < 0)
		return r;

	printf("%s\n", path);
	return 0;
}

/* with TemporaryFile() as f: f.write(b'hello') */
static int unnamed(void)
{
	int fd = spw_temp_file(NULL);

	if (fd < 0)
		return fd;

	ssize_t n = write(fd, "hello", 5);
	close(fd);
	return n == 5 ? 0 : -EIO;
}

/* with NamedTemporaryFile(suffix='.txt', delete_on_close=False) as f: */
static int named(void)
{
	const struct spw_temp_opts opts = { .size = sizeof(opts),
		.suffix = ".txt", .flags = SPW_TEMP_KEEP_ON_CLOSE };
	SPW_AUTO(spw_tempfile_freep) struct spw_tempfile *f = NULL;

	int r = spw_tempfile_open(&opts, &f);
	if (r < 0)
		return r;

	if (write(spw_tempfile_fd(f), "hello", 5) != 5)
		return -EIO;

	/* It is written, and still there for another program to open. */
	r = spw_tempfile_close(f);
	if (r < 0)
		return r;

	return access(spw_tempfile_path(f), R_OK) == 0 ? 0 : -EPROTO;
}

/* with TemporaryDirectory(prefix='job-') as path: */
static int directory(void)
{
	const struct spw_temp_opts opts = { .size = sizeof(opts),
		.prefix = "job-" };
	SPW_AUTO(spw_tempdir_freep) struct spw_tempdir *d = NULL;

	int r = spw_tempdir_open(&opts, &d);
	if (r < 0)
		return r;

	printf("%s\n", spw_tempdir_path(d));
	/* Leaving would delete it as well; this says whether it could. */
	return spw_tempdir_cleanup(d);
}

/* fd, path = mkstemp(); os.close(fd); os.unlink(path) */
static int names(void)
{
	SPW_AUTO(spw_temp_path_freep) char *path = NULL;

	int fd = spw_temp_mkstemp(NULL, &path);
	if (fd < 0)
		return fd;

	close(fd);
	return unlink(path) < 0 ? -errno : 0;
}

/* path = mkdtemp(); shutil.rmtree(path) */
static int tree(void)
{
	SPW_AUTO(spw_temp_path_freep) char *path = NULL;

	int r = spw_temp_mkdtemp(NULL, &path);
	if (r < 0)
		return r;

	return spw_temp_remove_tree(path);
}

int main(void)
{
	int (*const parts[])(void) = { default_directory, unnamed, named,
		directory, names, tree };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(*parts); i++)
		r = parts[i]();
	if (r < 0)
		fprintf(stderr, "from_python_tempfile: %s\n", strerror(-r));
	return r < 0 ? 1 : 0;
}
