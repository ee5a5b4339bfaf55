/* SPDX-License-Identifier: MIT */
/*
 * Many transfers at once. test_library.py runs this with the URL of a stub;
 * it is no test without one.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <spillway/client_multi.h>

#include "check.h"
#include "stub_client.h"

#define COUNT 20
/* Only a hang takes as long. */
#define PATIENCE_MS 60000

static struct spwc_client *client;
static struct spwc_multi *multi;
static struct spwc_error error;

struct piece {
	char content[32];
	size_t at;
	/** How often to say that there is nothing, or no room. */
	int rests;
	int fail;
	char got[32];
	size_t got_len;
	struct spwc_call *call;
	int done;
	struct spwc_result result;
	char id[SPWC_ID_MAX + 1];
};

static ssize_t read_piece(void *arg, void *buf, size_t len)
{
	struct piece *p = arg;
	size_t left = strlen(p->content) - p->at;

	if (p->fail != 0)
		return p->fail;
	if (p->rests > 0) {
		p->rests--;
		return -EAGAIN;
	}
	if (len > left)
		len = left;
	memcpy(buf, p->content + p->at, len);
	p->at += len;
	return (ssize_t)len;
}

static int write_piece(void *arg, const void *buf, size_t len)
{
	struct piece *p = arg;

	if (p->fail != 0)
		return p->fail;
	if (p->rests > 0) {
		p->rests--;
		return -EAGAIN;
	}
	assert_true(p->got_len + len < sizeof(p->got));
	memcpy(p->got + p->got_len, buf, len);
	p->got_len += len;
	return 0;
}

static void on_done(void *arg, const struct spwc_result *result)
{
	struct piece *p = arg;

	p->done++;
	p->result = *result;
	p->call = NULL;
	if (result->file != NULL)
		snprintf(p->id, sizeof(p->id), "%s", result->file->id);
}

static int start(void **state)
{
	(void)state;
	return spwc_multi_new(&multi);
}

static int stop(void **state)
{
	(void)state;
	spwc_multi_freep(&multi);
	return 0;
}

static void put(struct piece *p, const char *content)
{
	const struct spwc_source source = {
	    .read = read_piece,
	    .arg = p,
	    .size = strlen(content),
	};

	snprintf(p->content, sizeof(p->content), "%s", content);
	assert_ok(spwc_multi_put(multi, client, NULL, &source, on_done, p,
	    &p->call, &error));
}

static void get(struct piece *p, const char *id)
{
	const struct spwc_sink sink = {.write = write_piece, .arg = p};

	assert_ok(spwc_multi_get(multi, client, id, NULL, &sink, on_done, p,
	    &p->call, &error));
}

/* In a loop of one's own: the descriptor says when. */
static void run(void)
{
	struct pollfd fd = {.fd = spwc_multi_fd(multi), .events = POLLIN};

	while (spwc_multi_perform(multi) > 0)
		assert_int_equal(poll(&fd, 1, PATIENCE_MS), 1);
}

static void test_many(void **state)
{
	struct piece p[COUNT] = {0};
	struct piece back[COUNT] = {0};
	char text[32];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		snprintf(text, sizeof(text), "content %d", i);
		put(&p[i], text);
	}
	run();
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(p[i].done, 1);
		assert_ok(p[i].result.err);
		get(&back[i], p[i].id);
	}
	/* And in its own. */
	while (spwc_multi_wait(multi, PATIENCE_MS) > 0)
		;
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(back[i].done, 1);
		assert_ok(back[i].result.err);
		assert_string_equal(back[i].got, p[i].content);
		assert_non_null(back[i].result.content);
	}
	assert_int_equal(spwc_multi_perform(multi), 0);
}

static void test_rest(void **state)
{
	struct piece p = {.rests = 1};
	struct piece back = {.rests = 1};

	(void)state;
	put(&p, "some content");
	while (p.rests > 0)
		spwc_multi_wait(multi, PATIENCE_MS);
	/* Nothing goes on by itself. */
	assert_int_equal(spwc_multi_wait(multi, 0), 1);
	assert_int_equal(p.at, 0);
	spwc_call_resume(p.call);
	run();
	assert_ok(p.result.err);

	get(&back, p.id);
	while (back.rests > 0)
		spwc_multi_wait(multi, PATIENCE_MS);
	assert_int_equal(spwc_multi_wait(multi, 0), 1);
	assert_int_equal(back.got_len, 0);
	spwc_call_resume(back.call);
	run();
	assert_ok(back.result.err);
	assert_string_equal(back.got, "some content");
}

static void test_failures(void **state)
{
	struct piece source = {.fail = -EIO};
	struct piece sink = {0};
	struct piece missing = {0};

	(void)state;
	put(&source, "content");
	get(&missing, "nothing");
	run();
	assert_err(source.result.err, EIO);
	assert_string_equal(source.result.error.type, "callback");
	assert_int_equal(source.id[0], '\0');
	assert_err(missing.result.err, ENOENT);
	assert_int_equal(missing.result.error.status, 404);
	assert_int_equal(missing.got_len, 0);

	source.fail = 0;
	source.at = 0;
	put(&source, "content");
	run();
	sink.fail = -ENOSPC;
	get(&sink, source.id);
	run();
	assert_err(sink.result.err, ENOSPC);
	assert_int_equal(sink.done, 1);
}

static void test_wrong_arguments(void **state)
{
	const struct spwc_sink sink = {.write = write_piece};
	const struct spwc_source huge = {
	    .read = read_piece,
	    .size = (uint64_t)INT64_MAX + 1,
	};
	const struct spwc_put_opts no_size = {.name = "n"};
	const struct spwc_source one = {.read = read_piece, .size = 1};
	struct piece p = {0};

	(void)state;
	assert_err(spwc_multi_get(multi, client, "a b", NULL, &sink, on_done,
		       &p, NULL, &error),
	    EINVAL);
	assert_err(spwc_multi_get(multi, client, "http://else/files/x", NULL,
		       &sink, on_done, &p, NULL, &error),
	    EXDEV);
	assert_err(spwc_multi_put(multi, client, NULL, &huge, on_done, &p,
		       NULL, &error),
	    EFBIG);
	assert_err(spwc_multi_put(multi, client, &no_size, &one, on_done, &p,
		       NULL, NULL),
	    EINVAL);
	assert_int_equal(spwc_multi_perform(multi), 0);
	assert_int_equal(p.done, 0);
}

static void test_cancel(void **state)
{
	struct piece p = {.rests = 1};
	struct piece other = {0};

	(void)state;
	put(&p, "content");
	put(&other, "other");
	while (p.rests > 0)
		spwc_multi_wait(multi, PATIENCE_MS);
	spwc_call_cancel(p.call);
	run();
	assert_int_equal(p.done, 0);
	assert_int_equal(other.done, 1);
	/* What still runs when it is freed is cancelled, too. */
	p.rests = 1;
	put(&p, "content");
	while (p.rests > 0)
		spwc_multi_wait(multi, PATIENCE_MS);
	spwc_multi_freep(&multi);
	assert_int_equal(p.done, 0);
}

static int begun;

/* Begins the next one out of the end of this. */
static void on_done_again(void *arg, const struct spwc_result *result)
{
	struct piece *p = arg;

	on_done(p, result);
	if (++begun < 3) {
		p->at = 0;
		const struct spwc_source source = {
		    .read = read_piece,
		    .arg = p,
		    .size = strlen(p->content),
		};
		assert_ok(spwc_multi_put(multi, client, NULL, &source,
		    on_done_again, p, NULL, &error));
	}
}

static void test_begin_in_done(void **state)
{
	struct piece p = {.content = "again"};
	const struct spwc_source source = {
	    .read = read_piece,
	    .arg = &p,
	    .size = 5,
	};

	(void)state;
	assert_ok(spwc_multi_put(multi, client, NULL, &source, on_done_again,
	    &p, NULL, &error));
	run();
	assert_int_equal(p.done, 3);
	assert_ok(p.result.err);
}

static void test_append(void **state)
{
	const struct spwc_upload_opts opts = {
	    .size = sizeof(opts),
	    .length = 11,
	    .name = "n",
	};
	struct piece p = {.content = "hello world"};
	struct spwc_source source = {
	    .read = read_piece,
	    .arg = &p,
	    .size = 5,
	};
	struct piece look = {0};
	struct spwc_file file = {0};

	(void)state;
	assert_ok(spwc_upload_begin(client, &opts, &file, &error));
	assert_ok(spwc_multi_append(multi, client, file.id, 0, &source,
	    on_done, &p, NULL, &error));
	run();
	assert_ok(p.result.err);
	assert_int_equal(p.result.upload.offset, 5);
	assert_ok(spwc_multi_look(
	    multi, client, file.id, on_done, &look, NULL, &error));
	run();
	assert_ok(look.result.err);
	assert_int_equal(look.result.upload.offset, 5);
	assert_int_equal(look.result.upload.length, 11);

	/* It does not go on there. */
	assert_ok(spwc_multi_append(multi, client, file.id, 3, &source,
	    on_done, &p, NULL, &error));
	run();
	assert_err(p.result.err, EEXIST);
	p.at = 5;
	source.size = 6;
	assert_ok(spwc_multi_append(multi, client, file.id, 5, &source,
	    on_done, &p, NULL, &error));
	run();
	assert_ok(p.result.err);
	get(&look, file.id);
	run();
	assert_string_equal(look.got, "hello world");
	spwc_file_fini(&file);
}

static const char *server;

/* "stalls" is a file of the stub that stops after some bytes. */
static void test_stall(void **state)
{
	const struct spwc_opts opts = {
	    .size = sizeof(opts),
	    .server = server,
	    .stall_timeout_s = 1,
	};
	const struct spwc_get_opts range = {
	    .size = sizeof(range),
	    .length = 10,
	};
	struct piece p = {0};
	const struct spwc_sink sink = {.write = write_piece, .arg = &p};
	struct spwc_client *c = NULL;

	(void)state;
	assert_ok(spwc_new(&opts, &c, &error));
	assert_ok(spwc_multi_get(multi, c, "stalls", &range, &sink, on_done,
	    &p, NULL, &error));
	run();
	assert_err(p.result.err, ETIMEDOUT);
	assert_true(spwc_transient(p.result.err, &p.result.error));
	assert_string_equal(p.got, "012");
	spwc_free(c);
}

/* They rest for longer than what is a stall, and in turn. */
static void test_rate(void **state)
{
	const struct spwc_opts opts = {
	    .size = sizeof(opts),
	    .server = server,
	    .stall_timeout_s = 1,
	    .max_rate = 10,
	};
	const struct spwc_get_opts range = {
	    .size = sizeof(range),
	    .length = 10,
	};
	struct piece p[4] = {0};
	struct spwc_client *c = NULL;
	struct piece stored = {0};
	struct timespec began;
	struct timespec ended;

	(void)state;
	put(&stored, "0123456789");
	run();
	assert_ok(spwc_new(&opts, &c, &error));
	clock_gettime(CLOCK_MONOTONIC, &began);
	for (int i = 0; i < 4; i++) {
		const struct spwc_sink sink = {.write = write_piece,
		    .arg = &p[i]};

		assert_ok(spwc_multi_get(multi, c, stored.id, &range, &sink,
		    on_done, &p[i], NULL, &error));
	}
	run();
	clock_gettime(CLOCK_MONOTONIC, &ended);
	for (int i = 0; i < 4; i++) {
		assert_ok(p[i].result.err);
		assert_string_equal(p[i].got, "0123456789");
	}
	/* The first one moves at once; only to be faster is wrong. */
	assert_true(ended.tv_sec - began.tv_sec >= 2);
	spwc_free(c);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_many, start, stop),
	    cmocka_unit_test_setup_teardown(test_rest, start, stop),
	    cmocka_unit_test_setup_teardown(test_failures, start, stop),
	    cmocka_unit_test_setup_teardown(test_wrong_arguments, start, stop),
	    cmocka_unit_test_setup_teardown(test_cancel, start, stop),
	    cmocka_unit_test_setup_teardown(test_begin_in_done, start, stop),
	    cmocka_unit_test_setup_teardown(test_append, start, stop),
	    cmocka_unit_test_setup_teardown(test_stall, start, stop),
	    cmocka_unit_test_setup_teardown(test_rate, start, stop),
	};

	int wrong = stub_client(argc, argv, &client);
	if (wrong)
		return wrong;
	server = argv[1];
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	spwc_free(client);
	return failed;
}
