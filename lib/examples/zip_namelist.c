/* SPDX-License-Identifier: MIT */
/*
 * Download an archive and list what is in it. A small one is never on disk;
 * a large one is never in memory.
 *
 *   zip_namelist URL
 */
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>
#include <zip.h>

#include <spillway/curl.h>
#include <spillway/spool.h>
#include <spillway/zip.h>

static int download(const char *url, struct spw_spool *s)
{
	char why[CURL_ERROR_SIZE] = "";
	struct spw_curl c;
	CURL *easy = curl_easy_init();

	spw_curl_init(&c, s, 0);
	if (!easy || spw_curl_receive(easy, &c) < 0) {
		curl_easy_cleanup(easy);
		return -1;
	}

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, why);
	CURLcode code = curl_easy_perform(easy);
	curl_easy_cleanup(easy);
	if (code == CURLE_OK)
		return spw_spool_seal(s);

	/* Did the network fail, or the disk? */
	fprintf(stderr, "%s: %s\n", url, c.error ? strerror(-c.error)
	    : why[0] ? why : curl_easy_strerror(code));
	return -1;
}

static int list(struct spw_spool *s)
{
	zip_source_t *src;
	zip_error_t error;

	if (spw_zip_source_new(s, &src) < 0)
		return -1;

	zip_error_init(&error);
	zip_t *za = zip_open_from_source(src, ZIP_RDONLY, &error);
	if (!za) {
		fprintf(stderr, "%s\n", zip_error_strerror(&error));
		zip_error_fini(&error);
		zip_source_free(src);
		return -1;
	}

	zip_int64_t count = zip_get_num_entries(za, 0);
	for (zip_int64_t i = 0; i < count; i++)
		puts(zip_get_name(za, (zip_uint64_t)i, 0));
	zip_discard(za);
	return 0;
}

int main(int argc, char **argv)
{
	const struct spw_dir_opts where = { .size = sizeof(where),
		.path = "/var/tmp" };
	struct spw_dir *dir = NULL;
	struct spw_spool *s = NULL;

	if (argc != 2) {
		fprintf(stderr, "usage: zip_namelist URL\n");
		return 2;
	}
	int r = spw_dir_open(&where, &dir);
	if (r == 0) {
		const struct spw_spool_opts opts = { .size = sizeof(opts),
			.dir = dir, .memory_max = 1024 * 1024 };

		r = spw_spool_new(&opts, &s);
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (r == 0)
		r = download(argv[1], s);
	if (r == 0)
		r = list(s);
	curl_global_cleanup();
	spw_spool_unref(s);
	spw_dir_unref(dir);
	return r < 0 ? 1 : 0;
}
