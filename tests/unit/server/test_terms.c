/* SPDX-License-Identifier: MIT */
/* Uploads that come a second time. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "uploading.h"

#define KEY(text) \
	{ \
		"Idempotency-Key", "\"" text "\"" \
	}

static int setup(void **state)
{
	static struct uploading u;

	uploading_init(&u, stored_new(STORED_MAX));
	*state = &u;
	return 0;
}

static int teardown(void **state)
{
	uploading_fini(*state);
	return 0;
}

static void test_again(void **state)
{
	struct uploading *u = *state;
	const struct fake_field *fields =
	    FIELDS({"Content-Length", "5"}, KEY("k"));

	assert_int_equal(uploading_send(u, "POST", "/files", fields, 5), 201);
	char *location = strdup(web_field(&u->web, "Location"));
	web_done(&u->web, true);
	assert_int_equal(uploading_send(u, "POST", "/files", fields, 5), 201);
	assert_string_equal(web_field(&u->web, "Location"), location);
	web_done(&u->web, true);
	assert_int_equal(files_in(u->ingest.store), 1);

	/* The file is gone: it is made once more. */
	struct file *f =
	    store_get(u->ingest.store, location + 7, strlen(location + 7));
	assert_true(store_remove(u->ingest.store, f));
	file_unref(f);
	assert_int_equal(uploading_send(u, "POST", "/files", fields, 5), 201);
	assert_string_not_equal(web_field(&u->web, "Location"), location);
	web_done(&u->web, true);
	free(location);
}

/* Who asks to be let in first is told without a body. */
static void test_expects(void **state)
{
	struct uploading *u = *state;

	assert_int_equal(uploading_send(u, "PUT", "/files/f",
			     FIELDS({"Content-Length", "5"}, KEY("k")), 5),
	    201);
	web_done(&u->web, true);
	web_begin(&u->web, "PUT", "/files/f",
	    FIELDS(
		{"Content-Length", "5"}, {"Expect", "100-continue"}, KEY("k")));
	assert_int_equal(u->web.status, 201);
	web_done(&u->web, true);
}

static void test_other(void **state)
{
	struct uploading *u = *state;

	assert_int_equal(uploading_send(u, "PUT", "/files/f",
			     FIELDS({"Content-Length", "5"}, KEY("k")), 5),
	    201);
	web_done(&u->web, true);
	assert_int_equal(uploading_send(u, "PUT", "/files/g",
			     FIELDS({"Content-Length", "5"}, KEY("k")), 5),
	    422);
	web_done(&u->web, true);
	assert_int_equal(files_in(u->ingest.store), 1);
}

/* A refused or broken one gives the key back. */
static void test_given_back(void **state)
{
	struct uploading *u = *state;
	const struct fake_field *fields =
	    FIELDS({"Content-Length", "5"}, KEY("k"));

	u->web.conf.upload.max_active = 1;
	u->ingest.active = 1;
	assert_int_equal(uploading_send(u, "POST", "/files", fields, 5), 503);
	web_done(&u->web, true);
	u->ingest.active = 0;
	web_begin(&u->web, "POST", "/files", fields);
	web_done(&u->web, false);
	assert_int_equal(
	    uploading_send(u, "PUT", "/files/f",
		FIELDS({"Content-Length", "5"}, {"If-Match", "*"}, KEY("k")),
		5),
	    412);
	web_done(&u->web, true);
	assert_int_equal(uploading_send(u, "POST", "/files", fields, 5), 201);
	web_done(&u->web, true);
	assert_int_equal(files_in(u->ingest.store), 1);
}

static void test_malformed(void **state)
{
	struct uploading *u = *state;

	assert_int_equal(
	    uploading_send(u, "POST", "/files",
		FIELDS({"Content-Length", "0"}, {"Idempotency-Key", "\"\""}),
		0),
	    400);
	web_done(&u->web, true);
	assert_int_equal(
	    uploading_send(u, "POST", "/files",
		FIELDS({"Content-Length", "0"}, KEY("a"), KEY("a")), 0),
	    400);
	web_done(&u->web, true);
	assert_int_equal(files_in(u->ingest.store), 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_again),
	    T(test_expects),
	    T(test_other),
	    T(test_given_back),
	    T(test_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
