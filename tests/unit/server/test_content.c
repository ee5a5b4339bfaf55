/* SPDX-License-Identifier: MIT */
/* Sending what is complete: RFC 9110 §14, §15.3.7. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include <spillway/join.h>

#include "sending.h"
#include "tempdir.h"

#define SIZE 5000

static const struct store_opts IN_MEMORY = {
    .memory_max = SPW_UNLIMITED, .max_files = 10};

static int setup(void **state)
{
	static struct sending s;

	sending_init(&s, &IN_MEMORY, FILE_SIZE_UNKNOWN);
	stored_append(s.file, SIZE);
	stored_seal(s.file);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	sending_fini(*state);
	return 0;
}

static void assert_field(struct sending *s, const char *name, const char *want)
{
	const char *got = web_field(&s->web, name);

	if (!want)
		assert_null(got);
	else if (!got)
		fail_msg("there is no %s", name);
	else
		assert_string_equal(got, want);
}

static void test_whole(void **state)
{
	struct sending *s = *state;

	assert_int_equal(sending_get(s, NULL), 200);
	assert_sent(s, 0, SIZE);
	assert_field(s, "Content-Type", "application/octet-stream");
	assert_field(s, "Accept-Ranges", "bytes");
	assert_field(s, "ETag", s->file->etag);
	assert_field(s, "Cache-Control", "private, immutable");
	assert_field(s, "X-Content-Type-Options", "nosniff");
	assert_field(s, "Content-Range", NULL);
	assert_field(s, "Content-Disposition", NULL);
	assert_non_null(web_field(&s->web, "Last-Modified"));
	web_done(&s->web, true);
	assert_int_equal(web_ask(&s->web, "HEAD", "/f", NULL), 200);
	assert_int_equal(web_length(&s->web), SIZE);
	assert_field(s, "ETag", s->file->etag);
	web_done(&s->web, true);
}

static void check_range(struct sending *s, const char *range, uint64_t off,
    size_t len, const char *content_range)
{
	assert_int_equal(sending_get(s, range), 206);
	assert_sent(s, off, len);
	assert_field(s, "Content-Range", content_range);
	assert_field(s, "ETag", s->file->etag);
	web_done(&s->web, true);
}

static void check_ranges(struct sending *s)
{
	check_range(s, "bytes=0-0", 0, 1, "bytes 0-0/5000");
	check_range(s, "bytes=100-4998", 100, 4899, "bytes 100-4998/5000");
	check_range(s, "bytes=100-", 100, 4900, "bytes 100-4999/5000");
	check_range(s, "bytes=-1", 4999, 1, "bytes 4999-4999/5000");
	check_range(s, "bytes=0-9999", 0, SIZE, "bytes 0-4999/5000");
	assert_int_equal(sending_get(s, "bytes=5000-"), 416);
	assert_field(s, "Content-Range", "bytes */5000");
	assert_field(s, "Content-Type", "application/problem+json");
	web_done(&s->web, true);
}

static void test_ranges(void **state)
{
	check_ranges(*state);
}

/* On disk it is the same, by another way. */
static void test_on_disk(void **state)
{
	char path[160];
	struct spw_dir_opts dopts = {.size = sizeof(dopts), .path = path};
	struct store_opts opts = {.memory_max = 100, .max_files = 10};
	struct sending s;

	(void)state;
	assert_true(temp_dir(path, sizeof(path)));
	assert_ok(spw_dir_open(&dopts, &opts.dir));
	sending_init(&s, &opts, SIZE);
	stored_append(s.file, SIZE);
	stored_seal(s.file);
	assert_int_equal(sending_get(&s, NULL), 200);
	assert_sent(&s, 0, SIZE);
	web_done(&s.web, true);
	check_ranges(&s);
	sending_fini(&s);
	spw_dir_unref(opts.dir);
	assert_ok(remove(path));
}

/* `len` bytes of the content from `off` on, behind a hundred others. */
static void join_part(struct file *f, const struct store_opts *store,
    uint64_t memory_max, uint64_t off, size_t len)
{
	struct spw_spool_opts opts = {
	    .size = sizeof(opts), .dir = store->dir, .memory_max = memory_max};
	struct spw_spool *part;
	uint8_t bytes[SIZE + 100] = {0};

	fill_content(bytes + 100, len, off);
	assert_ok(spw_spool_new(&opts, &part));
	assert_ok(spw_spool_append(part, bytes, len + 100));
	assert_ok(spw_spool_seal(part));
	assert_ok(spw_spool_join(f->spool, part, 100, len));
	spw_spool_unref(part);
}

/* Out of parts on disk and in memory, and across them. */
static void test_joined(void **state)
{
	char path[160];
	struct spw_dir_opts dopts = {.size = sizeof(dopts), .path = path};
	struct store_opts opts = {.memory_max = 100, .max_files = 10};
	struct sending s;

	(void)state;
	assert_true(temp_dir(path, sizeof(path)));
	assert_ok(spw_dir_open(&dopts, &opts.dir));
	sending_init(&s, &opts, SIZE);
	join_part(s.file, &opts, 0, 0, 2000);
	join_part(s.file, &opts, SIZE, 2000, 2500);
	join_part(s.file, &opts, 0, 4500, 500);
	stored_seal(s.file);
	assert_int_equal(sending_get(&s, NULL), 200);
	assert_sent(&s, 0, SIZE);
	web_done(&s.web, true);
	check_ranges(&s);
	check_range(&s, "bytes=7-1999", 7, 1993, "bytes 7-1999/5000");
	check_range(&s, "bytes=2000-4499", 2000, 2500, "bytes 2000-4499/5000");
	check_range(&s, "bytes=4600-", 4600, 400, "bytes 4600-4999/5000");
	sending_fini(&s);
	spw_dir_unref(opts.dir);
	assert_ok(remove(path));
}

static void test_nothing(void **state)
{
	struct sending s;

	(void)state;
	sending_init(&s, &IN_MEMORY, 0);
	stored_seal(s.file);
	assert_int_equal(sending_get(&s, NULL), 200);
	assert_int_equal(web_length(&s.web), 0);
	web_done(&s.web, true);
	assert_int_equal(sending_get(&s, "bytes=0-5"), 200);
	web_done(&s.web, true);
	sending_fini(&s);
}

static void test_conditions(void **state)
{
	struct sending *s = *state;
	struct fake_field tag[] = {
	    {"If-None-Match", s->file->etag}, {NULL, NULL}};

	assert_int_equal(web_ask(&s->web, "GET", "/f", tag), 304);
	assert_field(s, "ETag", s->file->etag);
	assert_field(s, "Content-Type", NULL);
	web_done(&s->web, true);
	assert_int_equal(web_ask(&s->web, "GET", "/f",
			     FIELDS({"If-Match", "\"other\""})),
	    412);
	web_done(&s->web, true);
	/* What the client has is not sent again, range or not. */
	struct fake_field both[] = {{"If-None-Match", s->file->etag},
	    {"Range", "bytes=0-1"}, {NULL, NULL}};
	assert_int_equal(web_ask(&s->web, "GET", "/f", both), 304);
	web_done(&s->web, true);
}

static void check_disposition(
    struct sending *s, const char *name, const char *target, const char *want)
{
	s->name = name;
	assert_int_equal(web_ask(&s->web, "GET", target, NULL), 200);
	assert_field(s, "Content-Disposition", want);
	web_done(&s->web, true);
}

static void test_disposition(void **state)
{
	struct sending *s = *state;
	char long_name[4096] = "/f?download=";

	check_disposition(s, NULL, "/f", NULL);
	check_disposition(s, "a.txt", "/f", "inline; filename=\"a.txt\"");
	check_disposition(
	    s, "a.txt", "/f?download", "attachment; filename=\"a.txt\"");
	check_disposition(
	    s, "a.txt", "/f?download=b", "attachment; filename=\"b\"");
	check_disposition(s, NULL, "/f?download", "attachment");
	/* Neither paths nor further fields by way of a name. */
	check_disposition(s, NULL, "/f?download=..%2F..%2Fb",
	    "attachment; filename=\"b\"");
	memset(long_name + strlen(long_name), 'x', 4000);
	s->name = NULL;
	assert_int_equal(web_ask(&s->web, "GET", long_name, NULL), 200);
	assert_non_null(web_field(&s->web, "Content-Disposition"));
	web_done(&s->web, true);
	assert_int_equal(
	    web_ask(&s->web, "GET", "/f?download=a%0D%0AX:y", NULL), 200);
	const char *value = web_field(&s->web, "Content-Disposition");
	assert_null(strpbrk(value ? value : "", "\r\n"));
	web_done(&s->web, true);
}

/* What a browser shows of it may not act as ours. */
static void test_policy(void **state)
{
	static const char own[] =
	    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
	    "media-src 'self'; base-uri 'none'; form-action 'none'";
	static const struct {
		const char *type;
		bool sandboxed;
	} all[] = {{"text/html", true}, {"TEXT/HTML; charset=x", true},
	    {"image/svg+xml", true}, {"application/x-new-and-active", true},
	    {"text/plain", true}, {"video/mp4", false}, {"Audio/wav", false}};
	struct sending *s = *state;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		s->type = all[i].type;
		sending_get(s, NULL);
		assert_field(s, "Content-Type", all[i].type);
		const char *got =
		    web_field(&s->web, "Content-Security-Policy");
		assert_non_null(got);
		assert_int_equal(
		    !strncmp(got, "sandbox; ", 9), all[i].sandboxed);
		assert_string_equal(got + (all[i].sandboxed ? 9 : 0), own);
		web_done(&s->web, true);
	}
}

/* Only whole downloads that were whole count. */
static void test_reads(void **state)
{
	struct sending *s = *state;

	atomic_store(&s->file->reads_left, 2);
	sending_get(s, NULL);
	web_done(&s->web, false);
	sending_get(s, "bytes=0-9");
	web_done(&s->web, true);
	web_ask(&s->web, "HEAD", "/f", NULL);
	web_done(&s->web, true);
	assert_int_equal(atomic_load(&s->file->reads_left), 2);
	sending_get(s, NULL);
	web_done(&s->web, true);
	assert_int_equal(atomic_load(&s->file->reads_left), 1);
	assert_false(atomic_load(&s->file->removed));
	sending_get(s, NULL);
	web_done(&s->web, true);
	assert_true(atomic_load(&s->file->removed));
}

/* What is on its way is not taken away by a removal. */
static void test_removed_meanwhile(void **state)
{
	struct sending *s = *state;

	sending_get(s, "bytes=10-4009");
	store_remove(s->store, s->file);
	assert_sent(s, 10, 4000);
	web_done(&s->web, true);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_whole),
	    T(test_ranges),
	    cmocka_unit_test(test_on_disk),
	    cmocka_unit_test(test_joined),
	    cmocka_unit_test(test_nothing),
	    T(test_conditions),
	    T(test_disposition),
	    T(test_policy),
	    T(test_reads),
	    T(test_removed_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
