/* SPDX-License-Identifier: MIT */
#include "base/linefile.h"

#include <errno.h>

#include "text_file.h"

/* All lines so far, with a bar behind each. */
struct seen {
	char text[256];
	const char *refuse;
};

static int see(void *ctx, struct str line, char ret_why[LINEFILE_WHY_SIZE])
{
	struct seen *seen = ctx;
	size_t at = strlen(seen->text);

	if (seen->refuse && str_eq(line, seen->refuse)) {
		snprintf(ret_why, LINEFILE_WHY_SIZE, "not that one");
		return -EINVAL;
	}
	snprintf(seen->text + at, sizeof(seen->text) - at, "%.*s|",
	    (int)line.n, line.p);
	return 0;
}

static int read_text(
    const char *text, struct seen *seen, struct conf_error *err)
{
	struct text_file f = make_text_file(text);
	int r = linefile_read(f.path, see, seen, err);

	if (r < 0)
		assert_string_equal(err->file, f.path);
	remove_text_file(&f);
	return r;
}

static void test_lines(void **state)
{
	struct conf_error err = {0};
	struct seen seen = {"", NULL};

	(void)state;
	assert_ok(read_text(
	    "one\n\n  # no\n\t two words \r\n#\nlast", &seen, &err));
	assert_string_equal(seen.text, "one|two words|last|");
	seen.text[0] = '\0';
	assert_ok(read_text("", &seen, &err));
	assert_string_equal(seen.text, "");
}

static void test_wrong_line(void **state)
{
	struct conf_error err = {.line = 99};
	struct seen seen = {"", "bad"};

	(void)state;
	assert_err(read_text("good\n# x\nbad\nmore\n", &seen, &err), EINVAL);
	assert_int_equal(err.line, 3);
	assert_string_equal(err.msg, "not that one");
	assert_string_equal(seen.text, "good|");
}

static int count(void *ctx, struct str line, char ret_why[LINEFILE_WHY_SIZE])
{
	(void)line;
	(void)ret_why;
	++*(size_t *)ctx;
	return 0;
}

static void test_limits(void **state)
{
	static char text[(LINEFILE_LINES_MAX + 2) * 2];
	char longest[LINEFILE_LINE_MAX + 3];
	struct conf_error err = {0};
	struct text_file f;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < LINEFILE_LINES_MAX; i++)
		memcpy(text + 2 * i, "x\n", 3);
	f = make_text_file(text);
	assert_ok(linefile_read(f.path, count, &n, &err));
	remove_text_file(&f);
	assert_int_equal(n, LINEFILE_LINES_MAX);
	memcpy(text + 2 * LINEFILE_LINES_MAX, "y\n", 3);
	f = make_text_file(text);
	assert_err(linefile_read(f.path, count, &n, &err), EINVAL);
	remove_text_file(&f);
	assert_int_equal(err.line, LINEFILE_LINES_MAX + 1);

	n = 0;
	memset(longest, 'x', sizeof(longest));
	longest[LINEFILE_LINE_MAX] = '\n';
	longest[LINEFILE_LINE_MAX + 1] = '\0';
	f = make_text_file(longest);
	assert_ok(linefile_read(f.path, count, &n, &err));
	remove_text_file(&f);
	assert_int_equal(n, 1);
	memcpy(longest + LINEFILE_LINE_MAX, "x\n", 3);
	f = make_text_file(longest);
	assert_err(linefile_read(f.path, count, &n, &err), EINVAL);
	remove_text_file(&f);
	assert_int_equal(err.line, 1);
}

static void test_no_file(void **state)
{
	struct conf_error err = {.line = 7};
	size_t n = 0;

	(void)state;
	assert_err(linefile_read("/nowhere/x", count, &n, &err), ENOENT);
	assert_string_equal(err.file, "/nowhere/x");
	assert_int_equal(err.line, 0);
	/* A directory opens, and cannot be read. */
	assert_err(linefile_read("/", count, &n, &err), EIO);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_wrong_line),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_no_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
