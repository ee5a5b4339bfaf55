/* SPDX-License-Identifier: MIT */
/*
 * Make an archive in memory, add to it, and read it back; libzip never sees
 * a file.
 *
 *   zip_create [FILE]                 and save it there
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <zip.h>

#include <spillway/copy.h>
#include <spillway/spool.h>
#include <spillway/zip.h>

/* Returns: the archive in `*slot`, made if there is none; NULL: it failed. */
static zip_t *open_archive(struct spw_spool **slot)
{
	zip_source_t *src;
	zip_error_t error;

	if (spw_zip_archive_new(slot, NULL, &src) < 0)
		return NULL;

	zip_error_init(&error);
	zip_t *za = zip_open_from_source(src, ZIP_CREATE, &error);
	if (!za) {
		fprintf(stderr, "%s\n", zip_error_strerror(&error));
		zip_source_free(src);
	}
	zip_error_fini(&error);
	return za;
}

/* Returns: 0, with the new archive in `*slot`; -1, with the old one. */
static int add(struct spw_spool **slot, const char *name, const char *text)
{
	zip_t *za = open_archive(slot);

	if (!za)
		return -1;

	zip_source_t *member = zip_source_buffer(za, text, strlen(text), 0);
	if (member && zip_file_add(za, name, member, 0) < 0)
		zip_source_free(member);
	if (zip_close(za) == 0)
		return 0;

	fprintf(stderr, "%s: %s\n", name, zip_strerror(za));
	zip_discard(za);
	return -1;
}

static int print_all(struct spw_spool **slot)
{
	zip_t *za = open_archive(slot);
	char text[100];

	if (!za)
		return -1;

	zip_int64_t count = zip_get_num_entries(za, 0);
	for (zip_int64_t i = 0; i < count; i++) {
		zip_file_t *f = zip_fopen_index(za, (zip_uint64_t)i, 0);
		zip_int64_t n = f ? zip_fread(f, text, sizeof(text)) : -1;

		printf("%s: %.*s\n", zip_get_name(za, (zip_uint64_t)i, 0),
		    n < 0 ? 0 : (int)n, text);
		zip_fclose(f);
	}
	zip_discard(za);
	return count == 2 ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct spw_spool *archive = NULL;
	int r = add(&archive, "content.txt", "test");

	if (r == 0)
		r = add(&archive, "more.txt", "and another");
	if (r == 0)
		r = print_all(&archive);
	if (r == 0 && argc > 1)
		r = spw_spool_save(archive, AT_FDCWD, argv[1], 0644, 0);
	spw_spool_unref(archive);
	return r ? 1 : 0;
}
