/* SPDX-License-Identifier: MIT */
/* multipart/form-data: RFC 7578. The parser itself is tested with lib/. */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/metrics.h"
#include "uploading.h"

#define TYPE {"Content-Type", "multipart/form-data; boundary=BB"}
#define CHUNKED {"Transfer-Encoding", "chunked"}
#define FILE_PART(name, content) \
	"--BB\r\nContent-Disposition: form-data; name=\"f\"; " \
	"filename=\"" name "\"\r\n\r\n" content "\r\n"
#define FIELD(name, value) \
	"--BB\r\nContent-Disposition: form-data; name=\"" name \
	"\"\r\n\r\n" value "\r\n"
#define END "--BB--\r\n"

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
	assert_int_equal(metrics_get(METRIC_FILES_READY), 0);
	return 0;
}

/* Send a form in pieces of `piece` bytes. Returns: the status. */
static unsigned send_form(struct uploading *u, const char *target,
    const char *form, size_t len, size_t piece)
{
	web_begin(&u->web, "POST", target, FIELDS(TYPE, CHUNKED));
	for (size_t at = 0; at < len && !u->web.status; at += piece)
		web_body(&u->web, form + at,
		    len - at < piece ? len - at : piece);
	if (!u->web.status && !u->web.refused)
		web_end(&u->web);
	return u->web.status;
}

static unsigned send_all(
    struct uploading *u, const char *target, const char *form)
{
	return send_form(u, target, form, strlen(form), strlen(form));
}

/* The `i`th file of the answer, from the store. */
static struct file *answered(struct uploading *u, size_t i, size_t count)
{
	json_t *d = uploading_answer(u);
	json_t *files = json_object_get(d, "files");

	assert_int_equal(json_array_size(files), count);
	const char *id = json_string_value(
	    json_object_get(json_array_get(files, i), "id"));
	struct file *f = store_get(u->ingest.store, id, strlen(id));
	assert_non_null(f);
	json_decref(d);
	return f;
}

static void assert_file(struct file *f, const char *name, const char *content)
{
	char text[256], got[FILE_NAME_SIZE];
	ssize_t n = spw_spool_pread(f->spool, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, content);
	assert_int_equal(file_name(f, got), name != NULL);
	if (name)
		assert_string_equal(got, name);
	assert_int_equal(file_state(f), FILE_READY);
	assert_int_equal(f->source, FILE_FROM_FORM);
}

static void test_one(void **state)
{
	struct uploading *u = *state;

	assert_int_equal(
	    send_all(u, "/files", FILE_PART("a.txt", "hello") END), 201);
	struct file *f = answered(u, 0, 1);
	assert_file(f, "a.txt", "hello");
	/* Exactly one: it is named as the new resource. */
	assert_string_equal(web_field(&u->web, "Location") + 7, f->id);
	assert_int_equal(f->expires_ms - f->created_ms, 86400000);
	web_done(&u->web, true);
	file_unref(f);
}

/* However the bytes come, the files are the same. */
static void test_every_split(void **state)
{
	static const char form[] =
	    FIELD("ttl", "60") FILE_PART("a", "one\r\n--B") FILE_PART("b", "")
		FIELD("other", "ignored") FILE_PART("c", "three") END;
	struct uploading *u = *state;

	for (size_t piece = 1; piece < sizeof(form); piece++) {
		assert_int_equal(send_form(u, "/files", form,
				     sizeof(form) - 1, piece),
		    201);
		assert_null(web_field(&u->web, "Location"));
		struct file *f[3];
		for (size_t i = 0; i < 3; i++)
			f[i] = answered(u, i, 3);
		assert_file(f[0], "a", "one\r\n--B");
		assert_file(f[1], "b", "");
		assert_file(f[2], "c", "three");
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(
			    f[i]->expires_ms - f[i]->created_ms, 60000);
			file_unref(f[i]);
		}
		web_done(&u->web, true);
	}
}

/* Fields apply to all files, before and behind them; the query to those for
   which no field speaks. */
static void test_fields(void **state)
{
	struct uploading *u = *state;

	assert_int_equal(send_all(u, "/files?ttl=5&reads=9",
			     FILE_PART("a", "x") FIELD("ttl", "70")
				 FILE_PART("b", "y") END),
	    201);
	for (size_t i = 0; i < 2; i++) {
		struct file *f = answered(u, i, 2);

		assert_int_equal(f->expires_ms - f->created_ms, 70000);
		assert_int_equal(atomic_load(&f->reads_left), 9);
		file_unref(f);
	}
	web_done(&u->web, true);
}

/* A field for a file that was left empty is no file. */
static void test_nothing_chosen(void **state)
{
	struct uploading *u = *state;

	assert_int_equal(send_all(u, "/files",
			     FILE_PART("", "") FILE_PART("a", "x")
				 FILE_PART("", "") FILE_PART("", "y") END),
	    201);
	struct file *f = answered(u, 0, 2);
	assert_file(f, "a", "x");
	file_unref(f);
	/* One without a name that holds something is one. */
	f = answered(u, 1, 2);
	assert_file(f, NULL, "y");
	file_unref(f);
	web_done(&u->web, true);
}

static void check_refused(struct uploading *u, unsigned status,
    const char *target, const char *form)
{
	unsigned got = send_all(u, target, form);

	if (got != status)
		fail_msg("%s: %u instead of %u", form, got, status);
	web_done(&u->web, true);
	assert_int_equal(files_in(u->ingest.store), 0);
	assert_int_equal(u->ingest.active, 0);
}

static void test_refused(void **state)
{
	struct uploading *u = *state;

	check_refused(u, 400, "/files", END);
	check_refused(u, 400, "/files", FIELD("ttl", "5") END);
	check_refused(u, 400, "/files", FILE_PART("", "") END);
	check_refused(
	    u, 400, "/files", FILE_PART("a", "x") FIELD("ttl", "x") END);
	check_refused(
	    u, 400, "/files", FILE_PART("a", "x") FIELD("ttl", "") END);
	check_refused(
	    u, 400, "/files", FILE_PART("a", "x") FIELD("reads", "0") END);
	check_refused(u, 400, "/files",
	    FILE_PART("a", "x") FIELD("ttl",
		"00000000000000000000000000000000000000000000000000000000000"
		"00000001") END);
	check_refused(u, 400, "/files?ttl=x", FILE_PART("a", "x") END);
	u->web.conf.upload.max_parts = 2;
	check_refused(u, 413, "/files",
	    FILE_PART("a", "x") FIELD("b", "y") FILE_PART("c", "z") END);
	u->web.conf.store.max_file_size = 3;
	check_refused(
	    u, 413, "/files", FILE_PART("a", "123") FILE_PART("b", "1234") END);
	u->ingest.active = u->web.conf.upload.max_active = 5;
	assert_int_equal(send_all(u, "/files", FILE_PART("a", "x") END), 503);
	web_done(&u->web, true);
	u->ingest.active = 0;
}

/* The limit is each file's, not the form's. */
static void test_sum_of_sizes(void **state)
{
	struct uploading *u = *state;
	const char *form = FILE_PART("a", "123") FILE_PART("b", "456") END;
	char length[32];

	u->web.conf.store.max_file_size = 3;
	snprintf(length, sizeof(length), "%zu", strlen(form));
	struct fake_field fields[] = {
	    TYPE, {"Content-Length", length}, {NULL, NULL}};
	web_begin(&u->web, "POST", "/files", fields);
	web_body(&u->web, form, strlen(form));
	web_end(&u->web);
	assert_int_equal(u->web.status, 201);
	web_done(&u->web, true);
}

static void test_bad_boundary(void **state)
{
	static const char *const types[] = {"multipart/form-data",
	    "multipart/form-data; boundary=", "multipart/form-data; boundary",
	    "multipart/form-data; boundary=\"\001\"",
	    "multipart/form-data; boundary="
	    "0123456789012345678901234567890123456789"
	    "0123456789012345678901234567890"};
	struct uploading *u = *state;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct fake_field fields[] = {{"Content-Type", types[i]},
		    {"Content-Length", "0"}, {NULL, NULL}};
		unsigned got = uploading_send(u, "POST", "/files", fields, 0);

		if (got != 400)
			fail_msg("%s: %u", types[i], got);
		web_done(&u->web, true);
	}
}

/* Ended too early, in whatever place: 400, and nothing is left. */
static void test_every_truncation(void **state)
{
	static const char form[] = FILE_PART("a", "one")
	    FIELD("ttl", "60") FILE_PART("b", "two") "--BB--";
	struct uploading *u = *state;

	for (size_t n = 0; n < sizeof(form) - 1; n++) {
		unsigned got = send_form(u, "/files", form, n, n + 1);

		if (got != 400)
			fail_msg("%zu bytes: %u", n, got);
		web_done(&u->web, true);
		assert_int_equal(files_in(u->ingest.store), 0);

		/* Or cut. */
		web_begin(&u->web, "POST", "/files", FIELDS(TYPE, CHUNKED));
		web_body(&u->web, form, n);
		web_done(&u->web, false);
		assert_int_equal(files_in(u->ingest.store), 0);
		assert_int_equal(metrics_get(METRIC_FILES_RECEIVING), 0);
	}
	assert_int_equal(
	    send_form(u, "/files", form, sizeof(form) - 1, 7), 201);
	web_done(&u->web, true);
}

/* All or none: the last file that does not fit takes the others with it. */
static void test_store_full(void **state)
{
	struct uploading u;

	(void)state;
	uploading_init(&u, stored_new(2));
	assert_int_equal(send_all(&u, "/files",
			     FILE_PART("a", "1") FILE_PART("b", "2")
				 FILE_PART("c", "3") END),
	    503);
	web_done(&u.web, true);
	assert_int_equal(files_in(u.ingest.store), 0);
	assert_int_equal(send_all(&u, "/files",
			     FILE_PART("a", "1") FILE_PART("b", "2") END),
	    201);
	web_done(&u.web, true);
	uploading_fini(&u);
}

static void test_many_files(void **state)
{
	static const char part[] = FILE_PART("a", "x");
	struct uploading *u = *state;

	web_begin(&u->web, "POST", "/files", FIELDS(TYPE, CHUNKED));
	for (int i = 0; i < 1000; i++)
		assert_int_equal(web_body(&u->web, part, sizeof(part) - 1),
		    sizeof(part) - 1);
	web_body(&u->web, END, strlen(END));
	web_end(&u->web);
	assert_int_equal(u->web.status, 201);
	assert_int_equal(files_in(u->ingest.store), 1000);
	struct file *f = answered(u, 999, 1000);
	assert_file(f, "a", "x");
	file_unref(f);
	web_done(&u->web, true);
}

/* Of each file, whatever the pieces it comes in. */
static void test_digests(void **state)
{
	static const char *const right[] = {"364b3fb7", "00000000"};
	struct uploading *u = *state;
	const char *form = FILE_PART("a", "abc") FILE_PART("b", "") END;
	const char *digest;
	json_t *d;

	for (size_t piece = 1; piece < 200; piece += 17) {
		assert_int_equal(send_form(u, "/files?digest=crc32c", form,
				     strlen(form), piece),
		    201);
		d = uploading_answer(u);
		for (int i = 0; i < 2; i++) {
			json_t *files = json_object_get(d, "files");

			assert_ok(json_unpack(json_array_get(files, (size_t)i),
			    "{s:{s:s}}", "digest", "crc32c", &digest));
			assert_string_equal(digest, right[i]);
		}
		json_decref(d);
		web_done(&u->web, true);
	}
}

static void test_text_answer(void **state)
{
	struct uploading *u = *state;
	const char *form = FILE_PART("a", "1") FILE_PART("b", "2") END;
	char text[256];
	ssize_t end;

	web_begin(&u->web, "POST", "/files",
	    FIELDS(TYPE, CHUNKED, {"Accept", "text/plain"}));
	web_body(&u->web, form, strlen(form));
	web_end(&u->web);
	size_t n = web_read(&u->web, 0, text, sizeof(text) - 1, &end);
	text[n] = '\0';
	/* A line for each. */
	char *second = strchr(text, '\n') + 1;
	assert_memory_equal(text, "http://example.com/files/", 25);
	assert_memory_equal(second, "http://example.com/files/", 25);
	assert_string_equal(strchr(second, '\n'), "\n");
	web_done(&u->web, true);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_one),
	    T(test_every_split),
	    T(test_fields),
	    T(test_nothing_chosen),
	    T(test_refused),
	    T(test_sum_of_sizes),
	    T(test_bad_boundary),
	    T(test_every_truncation),
	    cmocka_unit_test(test_store_full),
	    T(test_many_files),
	    T(test_digests),
	    T(test_text_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
