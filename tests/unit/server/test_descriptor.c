/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include <spillway/sparse.h>

#include "store/descriptor.h"
#include "stored.h"
#include "tempdir.h"

struct fixture {
	struct store *st;
	struct file *f;
};

static int setup(void **state)
{
	static struct fixture fx;

	fx.st = stored_new(STORED_MAX);
	fx.f = stored_file(fx.st, "the-id");
	fx.f->created_ms = 1795255200000; /* 2026-11-21T10:00:00Z */
	*state = &fx;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fx = *state;

	file_unref(fx->f);
	store_free(fx->st);
	return 0;
}

/* Write and parse it. */
static json_t *written(struct file *f, bool placed)
{
	struct strbuf out;
	struct json j;

	strbuf_init(&out, DESCRIPTOR_MAX);
	json_init(&j, &out);
	if (placed)
		descriptor_write_placed(&j, f);
	else
		descriptor_write(&j, NULL, f);
	assert_false(out.failed);
	json_t *d = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(d);
	strbuf_fini(&out);
	return d;
}

static json_t *describe(struct file *f)
{
	return written(f, false);
}

/* The member at a path of one or two names. */
static json_t *at(json_t *d, const char *a, const char *b)
{
	json_t *v = json_object_get(d, a);

	assert_non_null(v);
	if (b)
		v = json_object_get(v, b);
	assert_non_null(v);
	return v;
}

static void assert_text(
    json_t *d, const char *a, const char *b, const char *want)
{
	assert_string_equal(json_string_value(at(d, a, b)), want);
}

static void assert_number(
    json_t *d, const char *a, const char *b, json_int_t want)
{
	assert_true(json_is_integer(at(d, a, b)));
	assert_int_equal(json_integer_value(at(d, a, b)), want);
}

/* Where the bytes are, and a word of the reason. */
static void assert_placed(struct file *f, const char *medium,
    json_int_t holes, json_int_t missing, const char *word)
{
	json_t *d = written(f, true);

	assert_text(d, "placement", "medium", medium);
	assert_number(d, "placement", "holes", holes);
	if (missing >= 0)
		assert_number(d, "placement", "missing_bytes", missing);
	else
		assert_true(json_is_null(at(d, "placement", "missing_bytes")));
	assert_non_null(strstr(
	    json_string_value(at(d, "placement", "reason")), word));
	/* And all that is told anyway. */
	assert_ok(json_object_del(d, "placement"));
	json_t *plain = describe(f);
	assert_true(json_equal(d, plain));
	json_decref(plain);
	json_decref(d);
}

static void test_receiving(void **state)
{
	struct fixture *fx = *state;

	stored_append(fx->f, 100);
	json_t *d = describe(fx->f);
	assert_text(d, "id", NULL, "the-id");
	assert_text(d, "state", NULL, "receiving");
	assert_true(json_is_null(at(d, "name", NULL)));
	assert_text(d, "type", NULL, "application/octet-stream");
	assert_true(json_is_null(at(d, "size", NULL)));
	assert_number(d, "received", NULL, 100);
	/* What may still change has no validator. */
	assert_true(json_is_null(at(d, "etag", NULL)));
	assert_true(json_is_null(at(d, "digest", NULL)));
	assert_text(d, "created", NULL, "2026-11-21T10:00:00Z");
	assert_true(json_is_null(at(d, "expires", NULL)));
	assert_text(d, "storage", "tier", "memory");
	assert_number(d, "storage", "memory_bytes", 100);
	assert_number(d, "storage", "disk_bytes", 0);
	assert_true(json_is_null(at(d, "storage", "spilled")));
	assert_text(d, "source", "kind", "upload");
	assert_true(json_is_null(at(d, "source", "url")));
	assert_true(json_is_null(at(d, "source", "error")));
	assert_text(d, "links", "self", "/files/the-id");
	assert_text(d, "links", "info", "/files/the-id/info");
	assert_text(d, "links", "zip", "/files/the-id/zip");
	json_decref(d);
	assert_placed(fx->f, "memory", 0, -1, "spool.memory_max");

	/* A size that was announced is told before it is reached. */
	file_set_size(fx->f, 5000);
	assert_placed(fx->f, "memory", 0, 4900, "spool.memory_max");
	d = describe(fx->f);
	assert_number(d, "size", NULL, 5000);
	json_decref(d);
}

static void test_ready(void **state)
{
	struct fixture *fx = *state;

	assert_ok(file_set_name(fx->f, "r\"p.zip", 7));
	assert_ok(file_set_type(fx->f, "application/zip", 15));
	fx->f->expires_ms = fx->f->created_ms + 86400000 + 999;
	fx->f->source = FILE_FROM_FORM;
	stored_append(fx->f, 10);
	stored_seal(fx->f);
	json_t *d = describe(fx->f);
	assert_text(d, "state", NULL, "ready");
	assert_text(d, "name", NULL, "r\"p.zip");
	assert_text(d, "type", NULL, "application/zip");
	assert_number(d, "size", NULL, 10);
	assert_text(d, "etag", NULL, fx->f->etag);
	assert_text(d, "expires", NULL, "2026-11-22T10:00:00Z");
	assert_text(d, "source", "kind", "form");
	json_decref(d);
}

static void test_digests(void **state)
{
	struct fixture *fx = *state;
	struct digest_set set = {
	    .have = DIGEST_BIT(DIGEST_SHA256) | DIGEST_BIT(DIGEST_CRC32C)};

	stored_seal(fx->f);
	assert_int_equal(
	    hex_decode("e3069283", 8, set.value[DIGEST_CRC32C]), 4);
	assert_ok(file_add_digests(fx->f, &set));
	json_t *d = describe(fx->f);
	assert_int_equal(json_object_size(at(d, "digest", NULL)), 2);
	assert_text(d, "digest", "crc32c", "e3069283");
	assert_text(d, "digest", "sha-256",
	    "0000000000000000000000000000000000000000000000000000000000000000");
	json_decref(d);
}

static void test_failed(void **state)
{
	struct fixture *fx = *state;
	struct failure e = {.status = 502,
	    .type = "fetch-failed",
	    .title = "The fetch failed",
	    .word = "dns_error",
	    .detail = "No \"such\" host."};

	fx->f->source = FILE_FROM_FETCH;
	fx->f->url = strdup("https://example.com/a");
	file_fail(fx->f, &e);
	json_t *d = describe(fx->f);
	assert_text(d, "state", NULL, "failed");
	assert_text(d, "source", "kind", "fetch");
	assert_text(d, "source", "url", "https://example.com/a");
	json_t *error = at(d, "source", "error");
	assert_text(error, "type", NULL, "/problems/fetch-failed");
	assert_text(error, "title", NULL, "The fetch failed");
	assert_number(error, "status", NULL, 502);
	assert_text(error, "detail", NULL, "No \"such\" host.");
	assert_text(error, "error", NULL, "dns_error");
	json_decref(d);
}

/* The longest of everything, escaped byte by byte, fits. */
static void test_longest(void **state)
{
	struct fixture *fx = *state;
	char worst[FILE_NAME_SIZE];
	struct failure e = {.status = 502, .type = "t", .title = "T"};
	struct file *f = stored_file(fx->st, NULL);

	memset(worst, 'i', sizeof(worst));
	memset(e.detail, 2, sizeof(e.detail) - 1);
	assert_ok(file_set_id(f, worst, ID_LEN_MAX));
	memset(worst, 1, sizeof(worst));
	assert_ok(file_set_name(f, worst, sizeof(worst) - 1));
	assert_ok(file_set_type(f, worst, sizeof(worst) - 1));
	f->url = malloc(2049);
	memset(f->url, 3, 2048);
	f->url[2048] = '\0';
	file_fail(f, &e);
	json_t *d = describe(f);
	assert_int_equal(json_string_length(at(d, "name", NULL)),
	    FILE_NAME_SIZE - 1);
	json_decref(d);
	file_unref(f);
}

static void test_spilled(void **state)
{
	char path[160];
	struct spw_dir_opts dopts = {.size = sizeof(dopts), .path = path};
	struct store_opts opts = {.memory_max = 10, .max_files = 10};
	struct store *st;

	(void)state;
	assert_true(temp_dir(path, sizeof(path)));
	assert_ok(spw_dir_open(&dopts, &opts.dir));
	assert_ok(store_new(&opts, &st));
	struct file *f = stored_file(st, NULL);
	stored_append(f, 11);
	stored_seal(f);
	json_t *d = describe(f);
	assert_text(d, "storage", "tier", "disk");
	assert_number(d, "storage", "memory_bytes", 0);
	assert_number(d, "storage", "disk_bytes", 11);
	assert_text(d, "storage", "spilled", "limit");
	json_decref(d);
	assert_placed(f, "file", 0, 0, "longer than spool.memory_max");
	file_unref(f);
	store_free(st);
	spw_dir_unref(opts.dir);
	assert_ok(remove(path));
}

static void test_state_names(void **state)
{
	(void)state;
	assert_string_equal(
	    descriptor_state_name(FILE_RECEIVING), "receiving");
	assert_string_equal(descriptor_state_name(FILE_READY), "ready");
	assert_string_equal(descriptor_state_name(FILE_FAILED), "failed");
}

/* Only what is read is brought. */
static void test_lazy(void **state)
{
	struct fixture *fx = *state;

	fx->f->source = FILE_FROM_FETCH;
	assert_ok(spw_spool_set_sparse(fx->f->spool, 1000));
	file_set_size(fx->f, 1000);
	file_set_fixed(fx->f, true);
	assert_ok(spw_spool_pwrite(fx->f->spool, "abc", 3, 500));
	json_t *d = describe(fx->f);
	assert_text(d, "state", NULL, "receiving");
	assert_text(d, "storage", "tier", "remote");
	assert_text(d, "etag", NULL, fx->f->etag);
	assert_number(d, "size", NULL, 1000);
	assert_number(d, "received", NULL, 3);
	assert_null(json_object_get(at(d, "source", NULL), "verified"));
	json_decref(d);
	assert_placed(fx->f, "memory", 2, 997, "fetched from its origin");
}

/* Of many small ones that made room together. */
static void test_segment(void **state)
{
	enum { FILES = 4, SIZE = 60000 };
	char path[160];
	struct spw_dir_opts dopts = {.size = sizeof(dopts), .path = path};
	struct store_opts opts = {.memory_max = SIZE, .max_files = 10};
	struct file *files[FILES];
	struct store *st;
	unsigned packed = 0;

	(void)state;
	assert_true(temp_dir(path, sizeof(path)));
	assert_ok(spw_dir_open(&dopts, &opts.dir));
	assert_ok(spw_budget_new(3 * SIZE, &opts.budget));
	assert_ok(store_new(&opts, &st));
	for (unsigned i = 0; i < FILES; i++) {
		files[i] = stored_file(st, NULL);
		stored_append(files[i], SIZE);
		stored_seal(files[i]);
	}
	for (unsigned i = 0; i < FILES; i++) {
		struct spw_spool_info info;

		spw_spool_info(files[i]->spool, &info);
		if (info.packed)
			assert_placed(files[i], "segment", 0, 0,
			    "spool.memory_budget, and this one made room");
		packed += info.packed;
		file_unref(files[i]);
	}
	assert_true(packed > 0);
	store_free(st);
	spw_budget_unref(opts.budget);
	spw_dir_unref(opts.dir);
	assert_ok(remove(path));
}

static void test_verified(void **state)
{
	struct fixture *fx = *state;

	fx->f->source = FILE_FROM_FETCH;
	stored_seal(fx->f);
	json_t *d = describe(fx->f);
	assert_true(json_is_true(at(d, "source", "verified")));
	json_decref(d);
	atomic_store(&fx->f->unverified, true);
	d = describe(fx->f);
	assert_true(json_is_false(at(d, "source", "verified")));
	json_decref(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_receiving, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_ready, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_digests, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_failed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_longest, setup, teardown),
	    cmocka_unit_test(test_segment),
	    cmocka_unit_test(test_spilled),
	    cmocka_unit_test(test_state_names),
	    cmocka_unit_test_setup_teardown(test_lazy, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_verified, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
