/* SPDX-License-Identifier: MIT */
/*
 * Fetch from one URL and put to another. In between it is a spool, so that
 * the upload has a length and can be sent again after a redirect.
 *
 *   curl_spool FROM TO
 */
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include <spillway/curl.h>
#include <spillway/spool.h>

/* Run a transfer whose callbacks are set. Returns: 0; -1 after a message. */
static int transfer(CURL *easy, const char *url, const struct spw_curl *c)
{
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	CURLcode code = curl_easy_perform(easy);
	if (code == CURLE_OK)
		return 0;

	fprintf(stderr, "%s: %s\n", url,
	    c->error ? strerror(-c->error) : curl_easy_strerror(code));
	return -1;
}

static int copy(CURL *easy, struct spw_spool *s, const char *from,
    const char *to)
{
	struct spw_curl c;

	spw_curl_init(&c, s, 0);
	int r = spw_curl_receive(easy, &c);
	if (r == 0)
		r = transfer(easy, from, &c);
	if (r == 0)
		r = spw_spool_seal(s);
	if (r < 0)
		return r;

	curl_easy_reset(easy);
	spw_curl_init(&c, s, 0);
	r = spw_curl_send(easy, &c);
	if (r < 0)
		return r;

	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	return transfer(easy, to, &c);
}

int main(int argc, char **argv)
{
	const struct spw_dir_opts where = { .size = sizeof(where),
		.path = "/var/tmp" };
	struct spw_dir *dir = NULL;
	struct spw_spool *s = NULL;

	if (argc != 3) {
		fprintf(stderr, "usage: curl_spool FROM TO\n");
		return 2;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	CURL *easy = curl_easy_init();
	int r = easy ? spw_dir_open(&where, &dir) : -1;
	if (r == 0) {
		const struct spw_spool_opts opts = { .size = sizeof(opts),
			.dir = dir, .memory_max = 1024 * 1024 };

		r = spw_spool_new(&opts, &s);
	}
	if (r == 0)
		r = copy(easy, s, argv[1], argv[2]);
	if (r == 0)
		printf("%llu bytes\n", (unsigned long long)spw_spool_size(s));
	curl_easy_cleanup(easy);
	curl_global_cleanup();
	spw_spool_unref(s);
	spw_dir_unref(dir);
	return r < 0 ? 1 : 0;
}
