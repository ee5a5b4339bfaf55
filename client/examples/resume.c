/* SPDX-License-Identifier: MIT */
/*
 * Upload a file so that it goes on when it was interrupted: the id of the
 * upload is all that has to be remembered. Run it again with that id.
 *
 *   resume SERVER FILE [ID]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <spillway/client_upload.h>

static ssize_t read_file(void *arg, void *buf, size_t len)
{
	ssize_t n = read(*(int *)arg, buf, len);

	return n < 0 ? -errno : n;
}

/* Sends what the server does not have yet. */
static int go_on(struct spwc_client *c, const char *id, int fd, uint64_t size,
    struct spwc_error *error)
{
	struct spwc_source rest = { .read = read_file, .arg = &fd };
	struct spwc_upload upload;

	int r = spwc_upload_look(c, id, &upload, error);
	if (r < 0 || upload.offset == size)
		return r;

	rest.size = size - upload.offset;
	lseek(fd, (off_t)upload.offset, SEEK_SET);
	return spwc_upload_append(
	    c, id, upload.offset, &rest, NULL, error);
}

static int begin(struct spwc_client *c, const char *path, uint64_t size,
    struct spwc_file *ret_file, struct spwc_error *error)
{
	struct spwc_upload_opts opts = { sizeof(opts), .length = size,
		.name = path };

	int r = spwc_upload_begin(c, &opts, ret_file, error);
	if (r == 0) {
		printf("%s\n", ret_file->id);
		fflush(stdout);
	}
	return r;
}

int main(int argc, char **argv)
{
	struct spwc_opts opts = { sizeof(opts), .retries = 3 };
	struct spwc_client *c = NULL;
	struct spwc_file file = { 0 };
	struct spwc_error error;
	struct stat st;

	if (argc < 3) {
		fprintf(stderr, "usage: resume SERVER FILE [ID]\n");
		return 2;
	}
	int fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		perror(argv[2]);
		return 1;
	}

	opts.server = argv[1];
	int r = spwc_new(&opts, &c, &error);
	if (r == 0 && argc == 3)
		r = begin(c, argv[2], (uint64_t)st.st_size, &file, &error);
	if (r == 0)
		r = go_on(c, argc > 3 ? argv[3] : file.id, fd,
		    (uint64_t)st.st_size, &error);
	if (r < 0)
		fprintf(stderr, "%s\n", error.detail);
	spwc_file_fini(&file);
	spwc_free(c);
	close(fd);
	return r < 0;
}
