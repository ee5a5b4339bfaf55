/* SPDX-License-Identifier: MIT */
/*
 * Store standard input as a file, and read the first bytes of it back.
 *
 *   put_and_get SERVER <FILE
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <spillway/client.h>

static int print(void *arg, const void *buf, size_t len)
{
	(void)arg;
	return fwrite(buf, 1, len, stdout) == len ? 0 : -EIO;
}

static int put_and_get(struct spwc_client *c, struct spwc_error *error)
{
	struct spwc_get_opts first = { sizeof(first), .length = 100 };
	struct spwc_sink sink = { .write = print };
	struct spwc_file file;

	int r = spwc_put_fd(c, NULL, STDIN_FILENO, &file, error);
	if (r < 0)
		return r;

	printf("%s, %llu bytes:\n", file.id, (unsigned long long)file.size);
	r = spwc_get(c, file.id, &first, &sink, NULL, error);
	spwc_file_fini(&file);
	return r;
}

int main(int argc, char **argv)
{
	struct spwc_opts opts = { sizeof(opts), .server = argv[argc > 1] };
	struct spwc_client *c = NULL;
	struct spwc_error error;

	int r = spwc_new(&opts, &c, &error);
	if (r == 0)
		r = put_and_get(c, &error);
	if (r < 0)
		fprintf(stderr, "%s\n", error.detail);
	spwc_free(c);
	return r < 0;
}
