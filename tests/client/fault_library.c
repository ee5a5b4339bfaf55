/* SPDX-License-Identifier: MIT */
/*
 * The library with each of its own allocations failing in turn, once and from
 * then on: a call says so or succeeds, and holds nothing afterwards.
 * test_library.py runs this with the URL of a stub; it is no test without one.
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spillway/client_fetch.h>
#include <spillway/client_link.h>
#include <spillway/client_metrics.h>
#include <spillway/client_multi.h>
#include <spillway/client_process.h>
#include <spillway/client_url.h>
#include <spillway/client_zip.h>

#include "fault/heap_fault.h"

/* Nothing here has as many allocations. */
#define CALLS_MAX 300

static const char *server;
static struct spwc_client *client;
static struct spwc_error error;

static ssize_t read_text(void *arg, void *buf, size_t len)
{
	const char **text = arg;

	if (len > strlen(*text))
		len = strlen(*text);
	memcpy(buf, *text, len);
	*text += len;
	return (ssize_t)len;
}

static int write_nothing(void *arg, const void *buf, size_t len)
{
	(void)arg;
	(void)buf;
	(void)len;
	return 0;
}

static const struct spwc_sink sink = {.write = write_nothing};

static int op_new(void)
{
	const struct spwc_opts opts = {
	    .size = sizeof(opts),
	    .server = server,
	    .token = "t",
	    .proxy = "http://p",
	    .ca_file = "/f",
	};
	struct spwc_client *c = NULL;

	int r = spwc_new(&opts, &c, &error);
	spwc_free(c);
	return r;
}

static int op_put(void)
{
	const struct spwc_put_opts opts = {
	    .size = sizeof(opts),
	    .id = "f",
	    .name = "a name",
	};
	const char *text = "content";
	const struct spwc_source source = {
	    .read = read_text,
	    .arg = &text,
	    .size = 7,
	};
	struct spwc_file file = {0};

	int r = spwc_put(client, &opts, &source, &file, &error);
	spwc_file_fini(&file);
	return r;
}

static int op_get(void)
{
	const struct spwc_get_opts opts = {
	    .size = sizeof(opts),
	    .offset = 1,
	    .if_range = "\"x\"",
	};

	return spwc_get(client, "f", &opts, &sink, NULL, &error);
}

static int op_read_url(void)
{
	return spwc_read_url(client, "http://a/?b", NULL, &sink, NULL, &error);
}

static int op_info(void)
{
	struct spwc_file file = {0};

	int r = spwc_info(client, "/files/f?a=b", 0, &file, &error);
	spwc_file_fini(&file);
	return r;
}

static int take_file(void *arg, const struct spwc_file *file)
{
	(void)arg;
	return file->id == NULL ? -EIO : 0;
}

static int op_list(void)
{
	const struct spwc_list_opts opts = {
	    .size = sizeof(opts),
	    .after = "f",
	};

	return spwc_list(client, &opts, take_file, NULL, &error);
}

static int op_fetch(void)
{
	const struct spwc_fetch_opts opts = {
	    .size = sizeof(opts),
	    .url = "http://h/",
	};
	struct spwc_file file = {0};

	int r = spwc_fetch(client, &opts, &file, &error);
	spwc_file_fini(&file);
	return r;
}

static int op_upload(void)
{
	const struct spwc_upload_opts opts = {
	    .size = sizeof(opts),
	    .length = 7,
	    .name = "n",
	    .part = true,
	};
	const char *text = "content";
	const struct spwc_source source = {
	    .read = read_text,
	    .arg = &text,
	    .size = 7,
	};
	struct spwc_file file = {0};
	struct spwc_file whole = {0};
	struct spwc_upload upload;

	int r = spwc_upload_begin(client, &opts, &file, &error);
	if (r == 0)
		r = spwc_upload_look(client, file.id, &upload, &error);
	if (r == 0)
		r = spwc_upload_append(
		    client, file.id, 0, &source, NULL, &error);
	const char *ids[] = {file.id};
	if (r == 0)
		r = spwc_upload_join(client, &opts, ids, 1, &whole, &error);
	spwc_file_fini(&file);
	spwc_file_fini(&whole);
	return r;
}

static int op_link(void)
{
	const struct spwc_link_opts opts = {
	    .size = sizeof(opts),
	    .ttl_s = 60,
	    .id = "mine",
	    .max_bytes = 1000,
	};
	char *url = NULL;
	char *json = NULL;

	int r = spwc_link(client, NULL, &opts, &url, &json, &error);
	free(url);
	free(json);
	return r;
}

static int take_processor(void *arg, const struct spwc_processor *one)
{
	(void)arg;
	(void)one;
	return 0;
}

static int op_process(void)
{
	const char *text = "content";
	const struct spwc_source source = {
	    .read = read_text,
	    .arg = &text,
	    .size = 7,
	};
	const struct spwc_input input = {
	    .size = sizeof(input),
	    .source = &source,
	    .name = "a name",
	};

	int r = spwc_process(client, "upper", &input, &sink, &error);
	return r < 0 ? r
		     : spwc_processors(client, take_processor, NULL, &error);
}

static int take_metric(void *arg, const struct spwc_metric *metric)
{
	(void)arg;
	(void)metric;
	return 0;
}

static int op_metrics(void)
{
	return spwc_metrics(client, take_metric, NULL, &error);
}

static int op_refused(void)
{
	/* Of a refusal, the problem is read. */
	int r = spwc_delete(client, "none", &error);

	return r == -ENOENT ? 0 : r;
}

struct outcome {
	int count;
	int err;
};

static void on_done(void *arg, const struct spwc_result *result)
{
	struct outcome *o = arg;

	o->count++;
	if (o->err == 0)
		o->err = result->err;
}

static int op_multi(void)
{
	const char *text = "content";
	const struct spwc_source source = {
	    .read = read_text,
	    .arg = &text,
	    .size = 7,
	};
	struct outcome o = {0};
	struct spwc_multi *m = NULL;
	int begun = 0;

	int r = spwc_multi_new(&m);
	if (r < 0)
		return r;

	r = spwc_multi_get(
	    m, client, "f", NULL, &sink, on_done, &o, NULL, &error);
	begun += r == 0;
	if (r == 0) {
		r = spwc_multi_put(
		    m, client, NULL, &source, on_done, &o, NULL, &error);
		begun += r == 0;
	}
	while (spwc_multi_wait(m, -1) > 0)
		;
	spwc_multi_free(m);
	/* Each is told of once. */
	assert_int_equal(o.count, begun);
	return r < 0 ? r : o.err;
}

static const struct scenario {
	const char *name;
	int (*act)(void);
} scenarios[] = {
    {"new", op_new},
    {"put", op_put},
    {"get", op_get},
    {"read_url", op_read_url},
    {"info", op_info},
    {"list", op_list},
    {"fetch", op_fetch},
    {"upload", op_upload},
    {"link", op_link},
    {"process", op_process},
    {"metrics", op_metrics},
    {"refused", op_refused},
    {"multi", op_multi},
};
#define COUNT (sizeof(scenarios) / sizeof(*scenarios))

static void test_scenario(void **state)
{
	const struct scenario *s = *state;

	for (int persistent = 0; persistent < 2; persistent++) {
		unsigned nth = 0;
		bool hit;

		do {
			assert_true(++nth < CALLS_MAX);
			error = (struct spwc_error){0};
			heap_fault_arm(nth, persistent);
			int r = s->act();
			hit = heap_fault_disarm();
			if (!hit)
				assert_ok(r);
			assert_true(r == 0 || r == -ENOMEM);
			if (r < 0 && s->act != op_multi)
				assert_string_equal(
				    error.type, "out_of_memory");
			/* And the client can be used as before. */
			assert_ok(op_info());
		} while (hit);
	}
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[COUNT] = {0};

	if (argc != 2) {
		fputs("usage: fault_library URL\n", stderr);
		return 2;
	}
	server = argv[1];
	const struct spwc_opts opts = {.size = sizeof(opts), .server = server};
	if (spwc_new(&opts, &client, &error) < 0 || op_put() < 0) {
		fprintf(stderr, "%s\n", error.detail);
		return 1;
	}
	for (size_t i = 0; i < COUNT; i++)
		tests[i] = (struct CMUnitTest){
		    .name = scenarios[i].name,
		    .test_func = test_scenario,
		    .initial_state = (void *)(uintptr_t)&scenarios[i],
		};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	spwc_free(client);
	return failed;
}
