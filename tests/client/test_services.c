/* SPDX-License-Identifier: MIT */
/*
 * Uploads that go on, links, processors, numbers and digests, as the library
 * has them. test_library.py runs this with the URL of a stub; it is no test
 * without one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/client_link.h>
#include <spillway/client_metrics.h>
#include <spillway/client_process.h>
#include <spillway/client_upload.h>
#include <spillway/client_url.h>

#include "check.h"
#include "stub_client.h"

static struct spwc_client *client;
static struct spwc_error error;

struct text {
	const char *from;
	char got[64];
	size_t len;
};

static ssize_t read_text(void *arg, void *buf, size_t len)
{
	struct text *t = arg;

	if (len > strlen(t->from))
		len = strlen(t->from);
	memcpy(buf, t->from, len);
	t->from += len;
	return (ssize_t)len;
}

static int write_text(void *arg, const void *buf, size_t len)
{
	struct text *t = arg;

	assert_true(t->len + len < sizeof(t->got));
	memcpy(t->got + t->len, buf, len);
	t->len += len;
	return 0;
}

static void begin(uint64_t length, bool part, struct spwc_file *ret)
{
	const struct spwc_upload_opts opts = {
	    .size = sizeof(opts),
	    .length = length,
	    .name = part ? NULL : "\xc3\xa4 b",
	    .type = part ? NULL : "text/plain",
	    .part = part,
	};

	assert_ok(spwc_upload_begin(client, &opts, ret, &error));
}

static void append(const char *id, uint64_t at, const char *content)
{
	struct text t = {.from = content};
	const struct spwc_source source = {
	    .read = read_text,
	    .arg = &t,
	    .size = strlen(content),
	};
	uint64_t now = 0;

	assert_ok(spwc_upload_append(client, id, at, &source, &now, &error));
	assert_int_equal(now, at + strlen(content));
}

static void expect_content(const char *id, const char *want)
{
	struct text t = {0};
	const struct spwc_sink sink = {.write = write_text, .arg = &t};

	assert_ok(spwc_get(client, id, NULL, &sink, NULL, &error));
	assert_string_equal(t.got, want);
}

static void test_upload(void **state)
{
	struct spwc_upload upload;
	struct spwc_file file = {0};

	(void)state;
	begin(10, false, &file);
	assert_string_equal(file.name, "\xc3\xa4 b");
	assert_string_equal(file.type, "text/plain");
	append(file.id, 0, "0123");
	assert_ok(spwc_upload_look(client, file.id, &upload, &error));
	assert_int_equal(upload.offset, 4);
	assert_int_equal(upload.length, 10);
	append(file.id, 4, "456789");
	expect_content(file.id, "0123456789");
	spwc_file_fini(&file);
	assert_err(spwc_upload_look(client, "no", &upload, &error), ENOENT);
}

static void test_unknown_length(void **state)
{
	struct spwc_file file = {0};

	(void)state;
	begin(SPWC_UNKNOWN, false, &file);
	append(file.id, 0, "abc");
	assert_ok(spwc_upload_end(client, file.id, 3, &error));
	expect_content(file.id, "abc");
	spwc_file_fini(&file);
}

static void test_join(void **state)
{
	const struct spwc_upload_opts opts = {.size = sizeof(opts)};
	struct spwc_file a = {0};
	struct spwc_file b = {0};
	struct spwc_file whole = {0};

	(void)state;
	begin(3, true, &a);
	begin(4, true, &b);
	append(b.id, 0, "defg");
	append(a.id, 0, "abc");
	const char *ids[] = {a.id, b.id};
	assert_ok(spwc_upload_join(client, &opts, ids, 2, &whole, &error));
	expect_content(whole.id, "abcdefg");
	const char *bad[] = {"a b"};
	assert_err(
	    spwc_upload_join(client, &opts, bad, 1, &whole, &error), EINVAL);
	assert_err(
	    spwc_upload_join(client, &opts, ids, 0, &whole, &error), EINVAL);
	spwc_file_fini(&a);
	spwc_file_fini(&b);
	spwc_file_fini(&whole);
}

static void test_limits(void **state)
{
	struct spwc_upload_limits limits;

	(void)state;
	assert_ok(spwc_upload_limits(client, &limits, &error));
	assert_true(limits.can_join);
	assert_int_equal(limits.max_bytes, 1000000);
}

static void store(const char *id, const char *content)
{
	const struct spwc_put_opts opts = {.size = sizeof(opts), .id = id};
	struct text t = {.from = content};
	const struct spwc_source source = {
	    .read = read_text,
	    .arg = &t,
	    .size = strlen(content),
	};
	struct spwc_file file = {0};

	assert_ok(spwc_put(client, &opts, &source, &file, &error));
	spwc_file_fini(&file);
}

static void test_digest(void **state)
{
	/* Of "abc". */
	static const uint8_t want[] = {0xba, 0x78, 0x16, 0xbf};
	struct spwc_content content;

	(void)state;
	store("d", "abc");
	assert_ok(spwc_digest(client, "d", &content, &error));
	assert_true(content.has_sha256);
	assert_memory_equal(content.sha256, want, sizeof(want));
	assert_true(content.etag[0] == '"');
	assert_err(spwc_digest(client, "none", &content, &error), ENOENT);
}

static void test_link(void **state)
{
	struct spwc_link_opts opts = {.size = sizeof(opts), .ttl_s = 60};
	char *url = NULL;
	char *json = NULL;
	char *again = NULL;

	(void)state;
	store("l", "x");
	assert_ok(spwc_link(client, "l", &opts, &url, &json, &error));
	assert_non_null(strstr(url, "/files/l?expires="));
	assert_non_null(strstr(json, "\"url\""));
	/* It can be used as a ref. */
	expect_content(url, "x");
	assert_ok(spwc_link(client, NULL, NULL, &again, NULL, &error));
	assert_non_null(strstr(again, "/files?expires="));
	free(url);
	free(json);
	free(again);
	url = NULL;
	assert_err(spwc_link(client, "none", NULL, &url, NULL, &error), ENOENT);
	assert_null(url);
}

static int count_processors(void *arg, const struct spwc_processor *one)
{
	int *count = arg;

	assert_non_null(one->name);
	assert_non_null(strstr(one->json, one->name));
	++*count;
	return 0;
}

static void test_process(void **state)
{
	struct text out = {0};
	struct text in = {.from = "from here"};
	const struct spwc_sink sink = {.write = write_text, .arg = &out};
	const struct spwc_source source = {
	    .read = read_text,
	    .arg = &in,
	    .size = SPWC_UNKNOWN,
	};
	struct spwc_input input = {.size = sizeof(input), .ref = "p"};
	struct spwc_file file = {0};
	int count = 0;

	(void)state;
	store("p", "stored");
	assert_ok(spwc_process(client, "upper", &input, &sink, &error));
	assert_string_equal(out.got, "STORED");
	assert_ok(spwc_process_file(client, "upper", &input, &file, &error));
	expect_content(file.id, "STORED");
	spwc_file_fini(&file);
	assert_err(
	    spwc_process(client, "broken", &input, &sink, &error), EREMOTEIO);
	assert_string_equal(error.detail, "the processor 'broken' failed");
	assert_non_null(strstr(error.said, "\nand so on\n"));
	/* Two inputs, none, no name. */
	input.source = &source;
	assert_err(
	    spwc_process(client, "upper", &input, &sink, &error), EINVAL);
	input.ref = NULL;
	out = (struct text){0};
	assert_ok(spwc_process(client, "upper", &input, &sink, &error));
	assert_string_equal(out.got, "FROM HERE");
	assert_err(spwc_process(client, "", &input, &sink, &error), EINVAL);
	assert_ok(spwc_processors(client, count_processors, &count, &error));
	assert_int_equal(count, 2);
}

static int seek_text(void *arg, uint64_t offset)
{
	(void)arg;
	return offset == 0 ? 0 : -EINVAL;
}

/* A processor may say nothing for longer than content may. */
static void test_slow_process(void **state)
{
	const struct spwc_opts opts = {
	    .size = sizeof(opts),
	    .server = spwc_server(client),
	    .stall_timeout_s = 1,
	};
	struct text out = {0};
	struct text in = {.from = "s"};
	const struct spwc_sink sink = {.write = write_text, .arg = &out};
	const struct spwc_source source = {
	    .read = read_text,
	    .seek = seek_text,
	    .arg = &in,
	    .size = 1,
	};
	const struct spwc_input input = {
	    .size = sizeof(input),
	    .source = &source,
	};
	struct spwc_client *hasty = NULL;

	(void)state;
	assert_ok(spwc_new(&opts, &hasty, &error));
	assert_ok(spwc_process(hasty, "slow", &input, &sink, &error));
	assert_string_equal(out.got, "S");
	spwc_free(hasty);
}

static void test_read_url(void **state)
{
	const struct spwc_get_opts opts = {
	    .size = sizeof(opts),
	    .offset = 8,
	    .length = 3,
	};
	struct spwc_content content;
	struct text out = {0};
	const struct spwc_sink sink = {.write = write_text, .arg = &out};

	(void)state;
	assert_ok(spwc_read_url(
	    client, "https://a/b?c=d&e#f", NULL, &sink, &content, &error));
	assert_string_equal(out.got, "fetched content");
	assert_int_equal(content.total, strlen(out.got));
	out = (struct text){0};
	assert_ok(
	    spwc_read_url(client, "https://a/", &opts, &sink, NULL, &error));
	assert_string_equal(out.got, "con");
	assert_err(
	    spwc_read_url(client, "https://broken/", NULL, &sink, NULL, &error),
	    EREMOTEIO);
}

static int sum(void *arg, const struct spwc_metric *metric)
{
	double *total = arg;

	if (strcmp(metric->name, "a{b=\"c\"}") == 0 ||
	    strcmp(metric->name, "plain_total") == 0)
		*total += metric->value;
	return 0;
}

static int stop(void *arg, const struct spwc_metric *metric)
{
	int *count = arg;

	(void)metric;
	return ++*count == 1 ? 1 : -EIO;
}

static void test_metrics(void **state)
{
	double total = 0;
	int count = 0;

	(void)state;
	assert_ok(spwc_metrics(client, sum, &total, &error));
	assert_true(total == 42.5);
	assert_ok(spwc_metrics(client, stop, &count, &error));
	assert_int_equal(count, 1);
	assert_err(spwc_metrics(client, stop, &count, &error), EIO);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_upload),
	    cmocka_unit_test(test_unknown_length),
	    cmocka_unit_test(test_join),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_digest),
	    cmocka_unit_test(test_link),
	    cmocka_unit_test(test_process),
	    cmocka_unit_test(test_slow_process),
	    cmocka_unit_test(test_read_url),
	    cmocka_unit_test(test_metrics),
	};

	int wrong = stub_client(argc, argv, &client);
	if (wrong)
		return wrong;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	spwc_free(client);
	return failed;
}
