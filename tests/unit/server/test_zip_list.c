/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "deliver/zip_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "zip_maker.h"

/** The whole listing; each piece is bounded. To be freed. */
static char *list(
    const struct zip_dir *d, const struct zip_wish *wish, size_t *ret_len)
{
	struct strbuf all, piece;
	struct zip_list l;
	size_t pieces = 0;

	strbuf_init(&all, SIZE_MAX / 2);
	strbuf_init(&piece, ZIP_LIST_PIECE_MAX);
	zip_list_init(&l, d, wish);
	while (zip_list_more(&l, &piece)) {
		assert_false(piece.failed);
		assert_int_equal(strlen(piece.data), piece.len);
		strbuf_add(&all, piece.data, piece.len);
		strbuf_reset(&piece);
		pieces++;
	}
	assert_true(pieces <= all.len / ZIP_LIST_PIECE_BYTES + 1);
	strbuf_fini(&piece);
	strbuf_adds(&all, "");
	return strbuf_take(&all, ret_len);
}

static json_t *list_json(
    const struct zip_dir *d, uint64_t first, uint64_t limit, const char *prefix)
{
	struct zip_wish wish = {ZIP_FORM_JSON, first, limit, str_from(prefix)};
	json_error_t error;
	size_t len;
	char *text = list(d, &wish, &len);

	json_t *j = json_loadb(text, len, JSON_ALLOW_NUL, &error);
	if (!j)
		fail_msg("%s: %s", error.text, text);
	free(text);
	return j;
}

static struct zip_dir *make_dir(struct maker *m)
{
	maker_end(m, &(struct ending){.comment = "\"quoted\"\x01"});
	struct spw_spool *s = maker_spool(m, false);
	struct zip_dir *d = maker_dir(s);

	spw_spool_unref(s);
	maker_fini(m);
	return d;
}

static void test_members(void **state)
{
	static const uint32_t crc = 0xab;
	struct maker m;

	(void)state;
	maker_init(&m);
	maker_add(&m, &(struct member){.name = "dir/\xc3\xbc",
			  .packed = "hello",
			  .packed_len = 5,
			  .crc = &crc,
			  .made_by = 3 << 8,
			  .attributes = UINT32_C(0100755) << 16,
			  .date = (2024 - 1980) << 9 | 2 << 5 | 29,
			  .comment = "c\n"});
	maker_add(
	    &m, &(struct member){
		    .name = "../\0/", .name_len = 5, .flags = 1, .method = 77});
	struct zip_dir *d = make_dir(&m);
	json_t *j = list_json(d, 0, 10, "");

	json_t *want = json_loads("{\"comment\":\"\\\"quoted\\\"\\u0001\","
				  "\"count\":2,\"size\":5,"
				  "\"compressed_size\":5,"
				  "\"provisional\":false,"
				  "\"headers_checked\":true,\"warnings\":["
				  "{\"kind\":\"unsafe-name\",\"hazard\":"
				  "true,\"count\":1,\"first\":1},"
				  "{\"kind\":\"odd-name\",\"hazard\":false,"
				  "\"count\":1,\"first\":1},"
				  "{\"kind\":\"sizes\",\"hazard\":true,"
				  "\"count\":1,\"first\":1},"
				  "{\"kind\":\"encrypted\",\"hazard\":false,"
				  "\"count\":1,\"first\":1}],"
				  "\"entries\":[{\"index\":0,"
				  "\"name\":\"dir/\\u00fc\",\"size\":5,"
				  "\"compressed_size\":5,\"method\":\"store\","
				  "\"crc32\":\"000000ab\",\"modified\":"
				  "\"2024-02-29T00:00:00Z\",\"is_dir\":false,"
				  "\"encrypted\":false,\"mode\":\"100755\","
				  "\"comment\":\"c\\n\",\"unsafe\":false,"
				  "\"offset\":0,\"warnings\":[]},"
				  "{\"index\":1,\"name\":\"../\\u0000/\","
				  "\"size\":0,\"compressed_size\":0,"
				  "\"method\":77,\"crc32\":\"00000000\","
				  "\"modified\":null,\"is_dir\":true,"
				  "\"encrypted\":true,\"mode\":null,"
				  "\"comment\":\"\",\"unsafe\":true,"
				  "\"offset\":41,\"warnings\":["
				  "\"odd-name\",\"sizes\"]}],"
				  "\"next\":null}",
	    JSON_ALLOW_NUL, NULL);
	assert_non_null(want);
	assert_true(json_equal(j, want));
	json_decref(want);
	json_decref(j);
	zip_dir_free(d);
}

/** Walk the pages. Returns: how many entries they list. */
static size_t walk(const struct zip_dir *d, uint64_t limit, const char *prefix)
{
	uint64_t first = 0;
	size_t seen = 0;

	for (;;) {
		json_t *j = list_json(d, first, limit, prefix);
		json_t *entries = json_object_get(j, "entries");
		size_t n = json_array_size(entries);
		assert_true(n <= limit);
		for (size_t i = 0; i < n; i++) {
			json_t *e = json_array_get(entries, i);
			const char *name =
			    json_string_value(json_object_get(e, "name"));
			assert_int_equal(
			    strncmp(name, prefix, strlen(prefix)), 0);
		}
		seen += n;
		json_t *next = json_object_get(j, "next");
		bool last = json_is_null(next);
		if (!last) {
			assert_int_equal(n, limit);
			first = strtoull(json_string_value(next), NULL, 10) + 1;
		}
		json_decref(j);
		if (last)
			return seen;
	}
}

static void test_pages(void **state)
{
	static const uint64_t limits[] = {1, 7, 999, 1000, 1001, 5000};
	struct maker m;
	char name[16];

	(void)state;
	maker_init(&m);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "%c/%d", i % 3 ? 'a' : 'b', i);
		maker_store(&m, name, "");
	}
	struct zip_dir *d = make_dir(&m);
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		assert_int_equal(walk(d, limits[i], ""), 1000);
		assert_int_equal(walk(d, limits[i], "b/"), 334);
		assert_int_equal(walk(d, limits[i], "c"), 0);
	}
	/* Behind the last one there is nothing, wherever that is. */
	static const uint64_t far[] = {1000, 1001, UINT64_MAX};
	for (size_t i = 0; i < 3; i++) {
		json_t *j = list_json(d, far[i], 10, "");
		assert_int_equal(
		    json_array_size(json_object_get(j, "entries")), 0);
		assert_true(json_is_null(json_object_get(j, "next")));
		json_decref(j);
	}
	zip_dir_free(d);
}

static void test_lines(void **state)
{
	struct zip_wish wish = {ZIP_FORM_TEXT, 0, 10, {"", 0}};
	struct maker m;
	size_t len;

	(void)state;
	maker_init(&m);
	maker_store(&m, "a", "");
	maker_store(&m, "evil\n\x1b[2J", "");
	maker_store(&m, "\xc3\xbc", "");
	struct zip_dir *d = make_dir(&m);
	char *text = list(d, &wish, &len);
	assert_string_equal(
	    text, "a\nevil\xef\xbf\xbd\xef\xbf\xbd[2J\n\xc3\xbc\n");
	free(text);

	wish.form = ZIP_FORM_NDJSON;
	text = list(d, &wish, &len);
	char *line = text;
	for (int i = 0; i < 3; i++) {
		char *end = strchr(line, '\n');
		assert_non_null(end);
		json_t *j = json_loadb(line, (size_t)(end - line), 0, NULL);
		assert_int_equal(
		    json_integer_value(json_object_get(j, "index")), i);
		json_decref(j);
		line = end + 1;
	}
	assert_int_equal(*line, '\0');
	free(text);
	zip_dir_free(d);
}

static void test_nothing(void **state)
{
	struct maker m;
	size_t len;

	(void)state;
	maker_init(&m);
	struct zip_dir *d = make_dir(&m);
	assert_int_equal(walk(d, 10, ""), 0);
	for (int form = ZIP_FORM_NDJSON; form <= ZIP_FORM_TEXT; form++) {
		struct zip_wish wish = {(enum zip_form)form, 0, 10, {"", 0}};
		char *text = list(d, &wish, &len);
		assert_int_equal(len, 0);
		free(text);
	}
	zip_dir_free(d);
}

/* Names and comments as long as they can be, of the worst bytes. */
static void test_longest(void **state)
{
	char *worst = malloc(65536);
	struct maker m;

	(void)state;
	for (int round = 0; round < 2; round++) {
		memset(worst, round ? 1 : 0xdb, 65535);
		worst[65535] = '\0';
		maker_init(&m);
		for (int i = 0; i < 3; i++)
			maker_add(&m,
			    &(struct member){.name = worst, .comment = worst});
		struct zip_dir *d = make_dir(&m);
		assert_int_equal(walk(d, 2, ""), 3);
		zip_dir_free(d);
	}
	free(worst);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_pages),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_nothing),
	    cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
