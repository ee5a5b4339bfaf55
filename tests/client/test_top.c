/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "check.h"
#include "spill/top.h"

static void take(struct top *t, const char *name, double value)
{
	const struct spwc_metric m = {name, value};

	assert_ok(top_take_metric(t, &m));
}

static void add(struct top *t, const char *id, enum spwc_state state,
    uint64_t received)
{
	char text[32];
	char name[] = "n\x1b[31m";
	struct spwc_file f = {
	    .id = text,
	    .name = name,
	    .state = state,
	    .size = state == SPWC_RECEIVING ? SPWC_UNKNOWN : received,
	    .received = received,
	};

	snprintf(text, sizeof(text), "%s", id);
	assert_ok(top_take_file(t, &f));
}

static char *printed(const struct top *t, const struct top *before,
    size_t width, size_t lines)
{
	char *text = NULL;
	size_t len;

	FILE *f = open_memstream(&text, &len);
	assert_non_null(f);
	top_print(f, t, before, width, lines);
	fclose(f);
	return text;
}

static void test_files(void **state)
{
	static const char *const want[] = {"r2", "r1", "big", "mid"};
	struct top t;

	(void)state;
	top_init(&t, 4, 0);
	add(&t, "small", SPWC_READY, 1);
	add(&t, "big", SPWC_READY, 1000);
	add(&t, "r1", SPWC_RECEIVING, 5);
	add(&t, "mid", SPWC_FAILED, 100);
	add(&t, "r2", SPWC_RECEIVING, 50);
	add(&t, "tiny", SPWC_READY, 0);
	assert_int_equal(t.count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(t.files[i].id, want[i]);
	top_fini(&t);
	/* None are wanted. */
	top_init(&t, 0, 0);
	add(&t, "a", SPWC_READY, 1);
	assert_int_equal(t.count, 0);
	top_fini(&t);
}

static void test_rates(void **state)
{
	struct top a;
	struct top b;

	(void)state;
	top_init(&a, 1, 1000);
	top_init(&b, 1, 3000);
	take(&a, "spillway_received_bytes_total", 4096);
	take(&b, "spillway_received_bytes_total", 8192);
	take(&a, "spillway_sent_bytes_total", 10);
	/* It was started again: nothing can be said. */
	take(&b, "spillway_sent_bytes_total", 5);
	take(&b, "spillway_spool_bytes{tier=\"memory\"}", 1024);
	take(&b, "unknown", 1);
	char *text = printed(&b, &a, 0, 0);
	assert_non_null(strstr(text, "memory     1.0 KiB of -\n"));
	assert_non_null(strstr(text, "in 2.0 KiB, out -, fetched -\n"));
	free(text);
	text = printed(&b, NULL, 0, 0);
	assert_non_null(strstr(text, "in -, out -, fetched -\n"));
	free(text);
}

static void test_room(void **state)
{
	struct top t;
	size_t lines = 0;

	(void)state;
	top_init(&t, 100, 0);
	for (int i = 0; i < 50; i++)
		add(&t, "some", SPWC_READY, (uint64_t)i);
	char *text = printed(&t, NULL, 0, 0);
	assert_non_null(strstr(text, "n\\x1b[31m\n"));
	free(text);
	text = printed(&t, NULL, 30, 12);
	for (char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
		/* Each line clears what was on it before. */
		assert_true(strcspn(line, "\033\n") < 30);
		assert_memory_equal(strchr(line, '\n') - 3, "\033[K", 3);
		lines++;
	}
	assert_int_equal(lines, 12);
	free(text);
	top_fini(&t);
}

/* The columns that there is room for, and id and name always. */
static void test_columns(void **state)
{
	static const struct {
		size_t width;
		const char *titles;
		const char *row;
	} cases[] = {
	    {100,
		"\nID                         RECEIVED       SIZE STATE  "
		"   NAME\033",
		"\nthe-id-of-this                  5 B          - "
		"receiving n\\x1b[31m\033"},
	    {60,
		"\nID              RECEIVED       SIZE STATE     NAME\033",
		"\nthe-id-of-thi        5 B          - receiving "
		"n\\x1b[31m\033"},
	    {40,
		"\nID              RECEIVED NAME\033",
		"\nthe-id-of-thi        5 B n\\x1b[31m\033"},
	    {20,
		"\nID    RECEIVED NAME\033",
		"\nthe        5 B n\\x1\033"},
	};
	struct top t;

	(void)state;
	top_init(&t, 1, 0);
	add(&t, "the-id-of-this", SPWC_RECEIVING, 5);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *text = printed(&t, NULL, cases[i].width, 20);

		if (strstr(text, cases[i].titles) == NULL ||
		    strstr(text, cases[i].row) == NULL)
			fail_msg("%zu:\n%s", cases[i].width, text);
		free(text);
	}
	top_fini(&t);
}

static void test_no_half_characters(void **state)
{
	char name[] = "\303\244\303\266\303\274\303\244\303\266\303\274";
	char id[] = "id";
	struct spwc_file f = {.id = id, .name = name, .size = 1, .received = 1};
	struct top t;

	(void)state;
	top_init(&t, 1, 0);
	assert_ok(top_take_file(&t, &f));
	for (size_t width = 18; width < 30; width++) {
		char *text = printed(&t, NULL, width, 20);

		for (char *p = text; *p != '\0'; p++)
			assert_false(*p == '\303' && p[1] == '\033');
		free(text);
	}
	top_fini(&t);
}

static void test_json(void **state)
{
	struct top t;
	char *text = NULL;
	size_t len;

	(void)state;
	top_init(&t, 2, 0);
	take(&t, "spillway_files{state=\"ready\"}", 3);
	add(&t, "r", SPWC_RECEIVING, 7);
	FILE *f = open_memstream(&text, &len);
	assert_non_null(f);
	assert_ok(top_print_json(f, &t, NULL));
	fclose(f);
	json_t *json = json_loads(text, 0, NULL);
	assert_int_equal(
	    json_integer_value(json_object_get(json, "files_ready")), 3);
	assert_true(json_is_null(json_object_get(json, "in_bytes_per_s")));
	json_t *file = json_array_get(json_object_get(json, "files"), 0);
	assert_string_equal(
	    json_string_value(json_object_get(file, "id")), "r");
	assert_true(json_is_null(json_object_get(file, "size")));
	json_decref(json);
	free(text);
	top_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_rates),
	    cmocka_unit_test(test_room),
	    cmocka_unit_test(test_columns),
	    cmocka_unit_test(test_no_half_characters),
	    cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
