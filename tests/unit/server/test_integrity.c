/* SPDX-License-Identifier: MIT */
/* Digests of uploads, as requests say and want them. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/metrics.h"
#include "ingest/integrity.h"
#include "uploading.h"

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

/* The value of Repr-Digest for `len` bytes of content. */
static void field_of(unsigned algs, size_t len, char out[DIGEST_FIELD_SIZE])
{
	struct digest_set set;
	uint8_t *buf = malloc(len + 1);

	require(buf != NULL);
	fill_content(buf, len, 0);
	assert_ok(digest_once(algs, buf, len, &set));
	digest_field_write(&set, algs, out);
	free(buf);
}

static struct file *find(struct uploading *u, const char *id)
{
	return store_get(u->ingest.store, id, strlen(id));
}

static void test_checked(void **state)
{
	struct uploading *u = *state;
	char right[DIGEST_FIELD_SIZE];
	struct fake_field fields[] = {
	    {"Content-Length", "2500"}, {"Repr-Digest", right}, {NULL, NULL}};
	struct digest_set known;

	field_of(DIGEST_BIT(DIGEST_SHA256), 2500, right);
	assert_int_equal(
	    uploading_send(u, "PUT", "/files/f", fields, 2500), 201);
	assert_string_equal(web_field(&u->web, "Repr-Digest"), right);
	web_done(&u->web, true);
	struct file *f = find(u, "f");
	assert_int_equal(file_digests(f, &known), DIGEST_BIT(DIGEST_SHA256));
	file_unref(f);

	int64_t before = metrics_get(METRIC_UPLOADS_FAILED_DIGEST);
	fields[0].value = "2499";
	assert_int_equal(
	    uploading_send(u, "PUT", "/files/g", fields, 2499), 422);
	/* Gone as soon as the client is told. */
	assert_null(find(u, "g"));
	web_done(&u->web, true);
	assert_int_equal(metrics_get(METRIC_UPLOADS_FAILED_DIGEST), before + 1);
}

static void check_refused(
    struct uploading *u, const char *target, const struct fake_field *fields)
{
	assert_int_equal(uploading_send(u, "PUT", target, fields, 0), 400);
	web_done(&u->web, true);
	assert_null(find(u, "g"));
}

static void test_refused(void **state)
{
	struct uploading *u = *state;

	check_refused(u, "/files/g",
	    FIELDS({"Content-Length", "0"}, {"Repr-Digest", "sha-256=1"}));
	check_refused(u, "/files/g",
	    FIELDS({"Content-Length", "0"}, {"Content-Digest", "adler=:AA:"}));
	check_refused(u, "/files/g",
	    FIELDS({"Content-Length", "0"}, {"Content-MD5", "AA=="}));
	check_refused(u, "/files/g?digest=x", FIELDS({"Content-Length", "0"}));
}

static unsigned known_of(
    struct uploading *u, const char *target, const struct fake_field *fields)
{
	struct digest_set known;

	unsigned status = uploading_send(u, "PUT", target, fields, 5);
	assert_true(status == 200 || status == 201);
	web_done(&u->web, true);
	struct file *f = find(u, "f");
	unsigned algs = file_digests(f, &known);
	file_unref(f);
	return algs;
}

/* What is computed: what is asked for, and what is configured. */
static void test_asked(void **state)
{
	struct uploading *u = *state;
	const struct fake_field *plain = FIELDS({"Content-Length", "5"});
	const struct fake_field *wants = FIELDS(
	    {"Content-Length", "5"}, {"Want-Repr-Digest", "md5=1, sha=3"});

	assert_int_equal(known_of(u, "/files/f", plain), 0);
	assert_int_equal(
	    known_of(u, "/files/f", wants), DIGEST_BIT(DIGEST_SHA1));
	assert_int_equal(known_of(u, "/files/f?digest=sha-512,md5", plain),
	    DIGEST_BIT(DIGEST_SHA512) | DIGEST_BIT(DIGEST_MD5));
	u->web.conf.store.digest = CONF_DIGEST_ALWAYS;
	assert_int_equal(
	    known_of(u, "/files/f", plain), DIGEST_BIT(DIGEST_SHA256));
	assert_int_equal(known_of(u, "/files/f", wants),
	    DIGEST_BIT(DIGEST_SHA256) | DIGEST_BIT(DIGEST_SHA1));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_checked),
	    T(test_refused),
	    T(test_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
