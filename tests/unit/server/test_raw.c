/* SPDX-License-Identifier: MIT */
/* POST /files and PUT /files/{id}, piece by piece. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clients.h"
#include "base/metrics.h"
#include "tempdir.h"
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
	assert_int_equal(metrics_get(METRIC_FILES_RECEIVING), 0);
	return 0;
}

static struct file *find(struct uploading *u, const char *id)
{
	return store_get(u->ingest.store, id, strlen(id));
}

static void test_post(void **state)
{
	struct uploading *u = *state;
	char type[FILE_TYPE_SIZE], name[FILE_NAME_SIZE], path[64];

	assert_int_equal(
	    uploading_send(u, "POST", "/files",
		FIELDS({"Content-Length", "2500"}, {"Content-Type", "text/csv"},
		    {"Content-Disposition",
			"attachment; filename=\"a b.csv\""}),
		2500),
	    201);
	const char *location = web_field(&u->web, "Location");
	assert_memory_equal(location, "/files/", 7);
	struct file *f = find(u, location + 7);
	assert_non_null(f);
	assert_string_equal(web_field(&u->web, "ETag"), f->etag);
	json_t *d = uploading_answer(u);
	snprintf(path, sizeof(path), "/files/%s",
	    json_string_value(json_object_get(d, "id")));
	assert_string_equal(path, location);
	json_decref(d);
	web_done(&u->web, true);

	assert_content(f, 2500);
	assert_true(file_type(f, type));
	assert_string_equal(type, "text/csv");
	assert_true(file_name(f, name));
	assert_string_equal(name, "a b.csv");
	/* One day, unless something else is said. */
	assert_int_equal(f->expires_ms - f->created_ms, 86400000);
	file_unref(f);
}

static void test_parameters(void **state)
{
	struct uploading *u = *state;
	char name[FILE_NAME_SIZE];

	assert_int_equal(
	    uploading_send(u, "PUT", "/files/f?ttl=10&reads=3&name=..%2Fx%00y",
		FIELDS({"Content-Length", "0"},
		    {"Content-Disposition", "inline; filename=z"}),
		0),
	    201);
	web_done(&u->web, true);
	struct file *f = find(u, "f");
	assert_int_equal(f->expires_ms - f->created_ms, 10000);
	assert_int_equal(atomic_load(&f->reads_left), 3);
	/* The parameter wins, and no path is left in it. */
	assert_true(file_name(f, name));
	assert_null(strchr(name, '/'));
	assert_non_null(strchr(name, 'x'));
	assert_content(f, 0);
	file_unref(f);

	assert_int_equal(uploading_send(u, "PUT", "/files/g?ttl=0",
			     FIELDS({"Content-Length", "0"}), 0),
	    201);
	web_done(&u->web, true);
	f = find(u, "g");
	assert_int_equal(f->expires_ms, 0);
	assert_true(file_name(f, name));
	assert_string_equal(name, "g");
	file_unref(f);
}

static void check_refused(struct uploading *u, unsigned status,
    const char *method, const char *target, const struct fake_field *fields)
{
	uint64_t files = files_in(u->ingest.store);
	unsigned got = uploading_send(u, method, target, fields, 0);

	if (got != status)
		fail_msg("%s: %u instead of %u", target, got, status);
	web_done(&u->web, true);
	assert_int_equal(files_in(u->ingest.store), files);
	assert_int_equal(u->ingest.active, 0);
}

static void test_refused(void **state)
{
	struct uploading *u = *state;
	char long_ttl[3000] = "/files/f?ttl=", long_id[300] = "/files/";
	const struct fake_field *empty = FIELDS({"Content-Length", "0"});

	check_refused(u, 400, "PUT", "/files/f?ttl=-1", empty);
	check_refused(u, 400, "PUT", "/files/f?ttl=", empty);
	check_refused(u, 400, "PUT", "/files/f?ttl=1h", empty);
	check_refused(
	    u, 400, "PUT", "/files/f?ttl=99999999999999999999", empty);
	check_refused(u, 400, "PUT", "/files/f?reads=0", empty);
	check_refused(u, 400, "PUT", "/files/f?reads=x", empty);
	memset(long_ttl + strlen(long_ttl), '0', 2000);
	check_refused(u, 400, "PUT", long_ttl, empty);
	check_refused(u, 400, "PUT", "/files/.f", empty);
	check_refused(u, 400, "PUT", "/files/a%20b", empty);
	check_refused(u, 400, "PUT", "/files/a%2Fb", empty);
	check_refused(u, 400, "PUT", "/files/%", empty);
	memset(long_id + 7, 'x', ID_LEN_MAX + 1);
	check_refused(u, 400, "PUT", long_id, empty);
	check_refused(u, 400, "PUT", "/files/f",
	    FIELDS({"Content-Range", "bytes 0-1/5"}, {"Content-Length", "2"}));
	check_refused(u, 412, "PUT", "/files/f", FIELDS({"If-Match", "*"}));
}

static void test_too_large(void **state)
{
	struct uploading *u = *state;

	u->web.conf.store.max_file_size = 1000;
	/* Announced: before a byte is read, with the limit. */
	web_begin(
	    &u->web, "PUT", "/files/f", FIELDS({"Content-Length", "400000"}));
	assert_int_equal(u->web.status, 413);
	json_t *d = uploading_answer(u);
	assert_int_equal(json_integer_value(json_object_get(d, "limit")), 1000);
	json_decref(d);
	web_done(&u->web, false);

	/* Not announced: with the byte that is too many. */
	assert_int_equal(uploading_send(u, "PUT", "/files/f",
			     FIELDS({"Transfer-Encoding", "chunked"}), 1000),
	    201);
	web_done(&u->web, true);
	assert_int_equal(uploading_send(u, "PUT", "/files/g",
			     FIELDS({"Transfer-Encoding", "chunked"}), 1001),
	    413);
	web_done(&u->web, true);
	assert_null(find(u, "g"));
	assert_int_equal(files_in(u->ingest.store), 1);
}

/* A new id is there from the first byte on, and can be read. */
static void test_put_grows(void **state)
{
	struct uploading *u = *state;
	uint8_t buf[10];

	web_begin(&u->web, "PUT", "/files/f", FIELDS({"Content-Length", "10"}));
	struct file *f = find(u, "f");
	assert_non_null(f);
	assert_int_equal(atomic_load(&f->size), 10);
	fill_content(buf, 10, 0);
	assert_int_equal(web_body(&u->web, buf, 4), 4);
	assert_int_equal(spw_spool_committed(f->spool), 4);
	assert_int_equal(file_state(f), FILE_RECEIVING);
	assert_int_equal(web_body(&u->web, buf + 4, 6), 6);
	web_end(&u->web);
	assert_int_equal(u->web.status, 201);
	assert_content(f, 10);
	web_done(&u->web, true);
	file_unref(f);
}

/* The one in place of which it comes stays until it is complete. */
static void test_put_replaces(void **state)
{
	struct uploading *u = *state;
	uint8_t buf[10];

	assert_int_equal(uploading_send(u, "PUT", "/files/f",
			     FIELDS({"Content-Length", "100"}), 100),
	    201);
	web_done(&u->web, true);
	struct file *old = find(u, "f");

	web_begin(&u->web, "PUT", "/files/f", FIELDS({"Content-Length", "10"}));
	fill_content(buf, 10, 0);
	web_body(&u->web, buf, 10);
	struct file *still = find(u, "f");
	assert_ptr_equal(still, old);
	file_unref(still);
	web_end(&u->web);
	assert_int_equal(u->web.status, 200);
	web_done(&u->web, true);
	struct file *new = find(u, "f");
	assert_ptr_not_equal(new, old);
	assert_content(new, 10);
	assert_content(old, 100);
	assert_string_not_equal(new->etag, old->etag);

	/* One that breaks off replaces nothing. */
	web_begin(&u->web, "PUT", "/files/f", FIELDS({"Content-Length", "10"}));
	web_body(&u->web, buf, 5);
	web_done(&u->web, false);
	still = find(u, "f");
	assert_ptr_equal(still, new);
	file_unref(still);
	file_unref(new);
	file_unref(old);
}

static void test_conditions(void **state)
{
	struct uploading *u = *state;
	const struct fake_field *create =
	    FIELDS({"Content-Length", "5"}, {"If-None-Match", "*"});

	assert_int_equal(uploading_send(u, "PUT", "/files/f", create, 5), 201);
	web_done(&u->web, true);
	assert_int_equal(uploading_send(u, "PUT", "/files/f", create, 5), 412);
	web_done(&u->web, true);

	struct file *f = find(u, "f");
	struct fake_field mine[] = {
	    {"Content-Length", "5"}, {"If-Match", f->etag}, {NULL, NULL}};
	web_begin(&u->web, "PUT", "/files/f", mine);
	uint8_t buf[5];
	fill_content(buf, 5, 0);
	web_body(&u->web, buf, 5);
	/* Somebody else is faster: what it was to replace is gone. */
	store_remove(u->ingest.store, f);
	web_end(&u->web);
	assert_int_equal(u->web.status, 412);
	web_done(&u->web, true);
	assert_null(find(u, "f"));
	file_unref(f);
}

static void test_removed_meanwhile(void **state)
{
	struct uploading *u = *state;
	uint8_t buf[10];

	for (size_t at = 0; at < 2; at++) {
		web_begin(&u->web, "PUT", "/files/f",
		    FIELDS({"Content-Length", "10"}));
		fill_content(buf, 10, 0);
		web_body(&u->web, buf, 5 + 5 * at);
		struct file *f = find(u, "f");
		assert_true(store_remove(u->ingest.store, f));
		/* During the body, or behind its last byte. */
		web_body(&u->web, buf + 5, at ? 0 : 5);
		web_end(&u->web);
		assert_int_equal(u->web.status, 409);
		web_done(&u->web, true);
		assert_null(find(u, "f"));
		file_unref(f);
	}
}

static void test_broken_off(void **state)
{
	struct uploading *u = *state;
	int64_t before = metrics_get(METRIC_UPLOADS_FAILED_ABORTED);
	uint8_t buf[10];

	web_begin(&u->web, "PUT", "/files/f", FIELDS({"Content-Length", "10"}));
	fill_content(buf, 10, 0);
	web_body(&u->web, buf, 5);
	struct file *f = find(u, "f");
	web_done(&u->web, false);
	assert_null(find(u, "f"));
	assert_int_equal(file_state(f), FILE_FAILED);
	assert_err(spw_spool_pread(f->spool, buf, 1, 5), EIO);
	assert_int_equal(
	    metrics_get(METRIC_UPLOADS_FAILED_ABORTED), before + 1);
	file_unref(f);
}

static void test_max_active(void **state)
{
	struct uploading *u = *state;

	u->web.conf.upload.max_active = 1;
	u->ingest.active = 1;
	assert_int_equal(uploading_send(u, "POST", "/files",
			     FIELDS({"Content-Length", "0"}), 0),
	    503);
	assert_non_null(web_field(&u->web, "Retry-After"));
	web_done(&u->web, true);
	assert_int_equal(u->ingest.active, 1);
	u->ingest.active = 0;
	assert_int_equal(uploading_send(u, "POST", "/files",
			     FIELDS({"Content-Length", "0"}), 0),
	    201);
	web_done(&u->web, true);
}

static void test_text_answer(void **state)
{
	struct uploading *u = *state;
	char text[128];
	ssize_t end;

	assert_int_equal(
	    uploading_send(u, "PUT", "/files/f",
		FIELDS({"Content-Length", "1"}, {"Accept", "text/plain"}), 1),
	    201);
	size_t n = web_read(&u->web, 0, text, sizeof(text), &end);
	text[n] = '\0';
	assert_string_equal(text, "http://example.com/files/f\n");
	web_done(&u->web, true);
}

static void test_max_open_per_client(void **state)
{
	struct uploading *u = *state;
	struct clients_ticket *held;

	u->web.conf.upload.max_open_per_client = 1;
	web_begin(&u->web, "PUT", "/files/f", FIELDS({"Content-Length", "5"}));
	assert_err(clients_enter(u->ingest.clients,
		       http_client_share(u->web.conn.req), 1, &held),
	    EUSERS);
	web_done(&u->web, false);
	assert_int_equal(uploading_send(u, "PUT", "/files/f",
			     FIELDS({"Content-Length", "5"}), 5),
	    201);
	web_done(&u->web, true);
}

/* No room for it, and no disk to go to. */
static void test_no_memory(void **state)
{
	struct store_opts opts = {.memory_max = 1000, .max_files = 10};
	struct uploading u;
	struct store *st;

	(void)state;
	assert_ok(store_new(&opts, &st));
	uploading_init(&u, st);
	assert_int_equal(uploading_send(&u, "PUT", "/files/f",
			     FIELDS({"Transfer-Encoding", "chunked"}), 2000),
	    503);
	web_done(&u.web, true);
	assert_int_equal(files_in(st), 0);
	uploading_fini(&u);
}

static void test_store_full(void **state)
{
	struct uploading u;
	struct file *old;

	(void)state;
	uploading_init(&u, stored_new(1));
	old = stored_add(u.ingest.store, "f", 0);
	stored_seal(old);
	assert_int_equal(uploading_send(&u, "PUT", "/files/g",
			     FIELDS({"Content-Length", "1"}), 1),
	    503);
	web_done(&u.web, true);

	/* What was to be replaced goes, and another takes the last place. */
	web_begin(&u.web, "PUT", "/files/f", FIELDS({"Content-Length", "1"}));
	uint8_t byte = byte_at(0);
	web_body(&u.web, &byte, 1);
	store_remove(u.ingest.store, old);
	stored_add(u.ingest.store, "h", 0);
	web_end(&u.web);
	assert_int_equal(u.web.status, 503);
	json_t *d = uploading_answer(&u);
	assert_non_null(
	    strstr(json_string_value(json_object_get(d, "detail")), "store"));
	json_decref(d);
	web_done(&u.web, true);
	uploading_fini(&u);
}

/* The disk is slow: the body pauses and goes on, and so does the end. */
struct plug {
	struct spw_job job;
	struct flag in, out;
};

static void hold(struct spw_job *job)
{
	struct plug *p = (struct plug *)(void *)job;

	flag_raise(&p->in);
	flag_take(&p->out);
}

static void test_slow_disk(void **state)
{
	char path[160];
	struct spw_dir_opts dopts = {.size = sizeof(dopts), .path = path};
	struct store_opts opts = {.memory_max = 1000, .max_files = 10};
	struct plug plug = {.job.run = hold};
	struct uploading u;
	struct store *st;
	size_t sent = 0, size = 8 << 20;
	bool paused = false;
	uint8_t block[16 * 1024];

	(void)state;
	flag_init(&plug.in);
	flag_init(&plug.out);
	assert_true(temp_dir(path, sizeof(path)));
	assert_ok(spw_dir_open(&dopts, &opts.dir));
	assert_ok(spw_pool_new(1, &opts.pool));
	assert_ok(store_new(&opts, &st));
	uploading_init(&u, st);
	spw_pool_submit(opts.pool, &plug.job);
	flag_take(&plug.in);

	web_begin(&u.web, "PUT", "/files/f",
	    FIELDS({"Transfer-Encoding", "chunked"}));
	while (sent < size) {
		fill_content(block, sizeof(block), sent);
		size_t n = web_body(&u.web, block, sizeof(block));
		sent += n;
		if (!u.web.mhd.suspended)
			continue;
		if (!paused)
			flag_raise(&plug.out);
		paused = true;
		web_wait(&u.web);
	}
	assert_true(paused);
	web_end(&u.web);
	while (!u.web.status) {
		assert_true(u.web.mhd.suspended);
		web_wait(&u.web);
		web_end(&u.web);
	}
	assert_int_equal(u.web.status, 201);
	web_done(&u.web, true);
	struct file *f = store_get(st, "f", 1);
	assert_content(f, size);
	file_unref(f);
	uploading_fini(&u);
	spw_pool_free(opts.pool);
	spw_dir_unref(opts.dir);
	assert_ok(remove(path));
	flag_fini(&plug.in);
	flag_fini(&plug.out);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_post),
	    T(test_parameters),
	    T(test_refused),
	    T(test_too_large),
	    T(test_put_grows),
	    T(test_put_replaces),
	    T(test_conditions),
	    T(test_removed_meanwhile),
	    T(test_broken_off),
	    T(test_max_active),
	    T(test_max_open_per_client),
	    T(test_text_answer),
	    cmocka_unit_test(test_no_memory),
	    cmocka_unit_test(test_store_full),
	    cmocka_unit_test(test_slow_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
