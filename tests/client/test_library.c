/* SPDX-License-Identifier: MIT */
/*
 * What the library promises and spill does not use. test_library.py runs
 * this with the URL of a stub; it is no test without one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/client.h>

#include "check.h"
#include "stub_client.h"

static struct spwc_client *client;
static struct spwc_error error;

struct text {
	const char *from;
	char got[64];
	size_t len;
	int begun;
	int fail;
	struct spwc_content content;
};

/* One byte at a time. */
static ssize_t read_text(void *arg, void *buf, size_t len)
{
	struct text *t = arg;

	if (t->fail != 0)
		return t->fail;
	if (*t->from == '\0' || len == 0)
		return 0;
	*(char *)buf = *t->from++;
	return 1;
}

static int begin_text(void *arg, const struct spwc_content *content)
{
	struct text *t = arg;

	t->begun++;
	t->content = *content;
	return 0;
}

static int write_text(void *arg, const void *buf, size_t len)
{
	struct text *t = arg;

	if (t->fail != 0)
		return t->fail;
	assert_int_equal(t->begun, 1);
	assert_true(t->len + len < sizeof(t->got));
	memcpy(t->got + t->len, buf, len);
	t->len += len;
	return 0;
}

static int cancel(void *arg, uint64_t done, uint64_t total)
{
	(void)arg;
	(void)done;
	(void)total;
	return 1;
}

static int put(const char *id, const char *content, uint64_t size)
{
	struct spwc_put_opts opts = {.size = sizeof(opts), .id = id};
	struct text t = {.from = content};
	struct spwc_source source = {
	    .read = read_text,
	    .arg = &t,
	    .size = size,
	};
	struct spwc_file file = {0};

	int r = spwc_put(client, &opts, &source, &file, &error);
	if (r == 0) {
		assert_string_equal(file.id, id);
		assert_int_equal(file.size, strlen(content));
	}
	spwc_file_fini(&file);
	return r;
}

static void test_put(void **state)
{
	struct text t = {.fail = -EIO};
	struct spwc_source source = {
	    .read = read_text,
	    .arg = &t,
	    .size = SPWC_UNKNOWN,
	};
	struct spwc_file file = {0};

	(void)state;
	assert_ok(put("a", "content", 7));
	assert_ok(put("b", "content", SPWC_UNKNOWN));
	assert_ok(put("c", "", 0));
	/* The source ends early: nothing is stored. */
	assert_err(put("d", "content", 8), EIO);
	assert_err(spwc_info(client, "d", 0, &file, &error), ENOENT);
	assert_null(file.id);
	/* It fails. */
	assert_err(spwc_put(client, NULL, &source, &file, &error), EIO);
	assert_string_equal(error.type, "callback");
	assert_int_equal(error.status, 0);
	assert_err(put("no/id", "", 0), EINVAL);
}

static void test_get(void **state)
{
	struct text t = {0};
	struct spwc_sink sink = {begin_text, write_text, &t};
	struct spwc_content content;

	(void)state;
	assert_ok(put("a", "0123456789", 10));
	assert_ok(spwc_get(client, "a", NULL, &sink, &content, &error));
	assert_string_equal(t.got, "0123456789");
	assert_int_equal(content.length, 10);
	assert_int_equal(content.total, 10);
	assert_true(content.etag[0] == '"');

	const struct spwc_get_opts part = {
	    .size = sizeof(part),
	    .offset = 3,
	    .length = 4,
	    .if_range = content.etag,
	};
	t = (struct text){0};
	assert_ok(spwc_get(client, "a", &part, &sink, NULL, NULL));
	assert_string_equal(t.got, "3456");
	assert_int_equal(t.content.offset, 3);
	assert_int_equal(t.content.length, 4);
	assert_int_equal(t.content.total, 10);

	const struct spwc_get_opts behind = {
	    .size = sizeof(behind),
	    .offset = 10,
	};
	t = (struct text){0};
	assert_err(
	    spwc_get(client, "a", &behind, &sink, &content, &error), ERANGE);
	assert_int_equal(content.total, 10);
	assert_int_equal(content.length, 0);
	assert_int_equal(t.begun, 0);

	t = (struct text){.fail = -ENOSPC};
	assert_err(spwc_get(client, "a", NULL, &sink, NULL, &error), ENOSPC);
	assert_true(error.detail[0] != '\0');

	/* Begun also when there is not one byte. */
	assert_ok(put("a", "", 0));
	t = (struct text){0};
	assert_ok(spwc_get(client, "a", NULL, &sink, NULL, &error));
	assert_int_equal(t.begun, 1);
	assert_int_equal(t.content.total, 0);
}

static void test_cancel(void **state)
{
	struct spwc_file file = {0};

	(void)state;
	spwc_set_progress(client, cancel, NULL);
	assert_err(spwc_info(client, "a", 0, &file, &error), ECANCELED);
	assert_string_equal(error.type, "cancelled");
	spwc_set_progress(client, NULL, NULL);
	assert_ok(spwc_info(client, "a", 0, &file, &error));
	spwc_file_fini(&file);
}

static int count_to_two(void *arg, const struct spwc_file *file)
{
	int *count = arg;

	assert_non_null(file->json);
	return ++*count == 2;
}

static int fail_at_once(void *arg, const struct spwc_file *file)
{
	(void)arg;
	(void)file;
	return -ENOTTY;
}

static void test_list(void **state)
{
	struct spwc_list_opts opts = {.size = sizeof(opts), .page = 1};
	int count = 0;

	(void)state;
	assert_ok(put("a", "", 0));
	assert_ok(put("b", "", 0));
	assert_ok(put("c", "", 0));
	assert_ok(spwc_list(client, &opts, count_to_two, &count, &error));
	assert_int_equal(count, 2);
	count = 0;
	opts.after = "b";
	opts.page = 0;
	assert_ok(spwc_list(client, &opts, count_to_two, &count, &error));
	assert_int_equal(count, 1);
	assert_err(spwc_list(client, NULL, fail_at_once, NULL, &error), ENOTTY);
	assert_string_equal(error.type, "callback");
}

static void test_refs(void **state)
{
	struct spwc_file file = {0};
	char *url = NULL;

	(void)state;
	assert_ok(spwc_url(client, "a", &url));
	assert_ok(spwc_info(client, url, 0, &file, &error));
	spwc_file_fini(&file);
	free(url);
	url = NULL;
	assert_err(spwc_url(client, "../a", &url), EINVAL);
	assert_null(url);
	assert_err(spwc_info(client, "http://example.invalid/files/a", 0, &file,
		       &error),
	    EXDEV);
	assert_string_equal(error.type, "other_server");
	assert_err(spwc_delete(client, "a b", &error), EINVAL);
	assert_ok(spwc_delete(client, "a", &error));
	assert_err(spwc_delete(client, "a", &error), ENOENT);
	assert_int_equal(error.status, 404);
}

static void test_options(void **state)
{
	struct spwc_client *c = NULL;
	struct spwc_opts opts = {.server = "http://h"};

	(void)state;
	/* Its size is not set, or none that it could have. */
	assert_err(spwc_new(&opts, &c, &error), EINVAL);
	assert_err(spwc_new(NULL, &c, &error), EINVAL);
	opts = (struct spwc_opts){.size = sizeof(opts)};
	assert_err(spwc_new(&opts, &c, &error), EINVAL);
	opts.server = "ftp://h";
	assert_err(spwc_new(&opts, &c, NULL), EINVAL);
	opts.server = "h:65536";
	assert_err(spwc_new(&opts, &c, &error), EINVAL);
	assert_non_null(strstr(error.detail, "1 to 65535"));
	opts.server = "http://h";
	opts.token = "a b";
	assert_err(spwc_new(&opts, &c, &error), EINVAL);
	opts.token = "";
	assert_err(spwc_new(&opts, &c, &error), EINVAL);
	assert_null(c);
	opts.token = "abc";
	opts.proxy = "foo bar";
	assert_err(spwc_new(&opts, &c, &error), EINVAL);
	opts.proxy = "gopher://h";
	assert_err(spwc_new(&opts, &c, &error), EINVAL);
	opts.proxy = "http://user:secret@h:99999";
	assert_err(spwc_new(&opts, &c, &error), EINVAL);
	assert_null(strstr(error.detail, "secret"));
	opts.proxy = "SOCKS5h://u:p@[::1]:1080";
	assert_ok(spwc_new(&opts, &c, &error));
	spwc_freep(&c);
	opts.proxy = "ftp.example:3128";
	assert_ok(spwc_new(&opts, &c, &error));
	assert_string_equal(spwc_server(c), "http://h");
	spwc_freep(&c);
	assert_null(c);
	spwc_freep(&c);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_put),
	    cmocka_unit_test(test_get),
	    cmocka_unit_test(test_cancel),
	    cmocka_unit_test(test_list),
	    cmocka_unit_test(test_refs),
	    cmocka_unit_test(test_options),
	};

	int wrong = stub_client(argc, argv, &client);
	if (wrong)
		return wrong;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	spwc_free(client);
	return failed;
}
