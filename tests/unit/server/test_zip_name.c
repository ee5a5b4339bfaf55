/* SPDX-License-Identifier: MIT */
#include "check.h"

#include "deliver/zip_name.h"

#include <string.h>

/** For initializers; a compound literal is none. */
#define BYTES(literal) \
	{ \
		literal, sizeof(literal) - 1 \
	}
#define STR(literal) ((struct str)BYTES(literal))

static void test_unsafe(void **state)
{
	static const struct str unsafe[] = {
	    {"", 0}, BYTES("/etc/passwd"), BYTES("\\\\host\\share"),
	    BYTES("a\\b"), BYTES(".."), BYTES("../x"), BYTES("a/../b"),
	    BYTES("a/.."), BYTES("C:x"), BYTES("z:/x"), BYTES("a\0b"),
	    BYTES("a\nb"), BYTES("a\x7f"), BYTES("\x1b[31m"), BYTES("a\xff"),
	    BYTES("a\xc2\x85"), /* U+0085 */
	    BYTES("a\xe2\x80\xae"
		  "b"), /* right-to-left override */
	};

	(void)state;
	for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
		if (!zip_name_unsafe(unsafe[i]))
			fail_msg("%zu", i);
}

static void test_safe(void **state)
{
	static const char *const safe[] = {
	    "a",
	    "a/",
	    "a/b/c.txt",
	    "...",
	    "..a",
	    "a..",
	    "a/..b/c",
	    "Gr\xc3\xbc\xc3\x9f"
	    "e/\xe6\x97\xa5",
	    "a b?*:|",
	    "1:x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
		if (zip_name_unsafe(str_from(safe[i])))
			fail_msg("%s", safe[i]);
}

/* Whatever is unsafe is refused, and some that is only odd. */
static void test_refusal(void **state)
{
	static const struct {
		struct str name;
		const char *word;
	} refused[] = {
	    {{"", 0}, "empty"},
	    {BYTES("/x"), "begins"},
	    {BYTES("/"), "begins"},
	    {BYTES("x/"), "folder"},
	    {BYTES("c:"), "drive"},
	    {BYTES("a//b"), "empty part"},
	    {BYTES("./a"), "'.'"},
	    {BYTES("a/."), "'.'"},
	    {BYTES(".."), "'..'"},
	    {BYTES("a/../b"), "'..'"},
	    {BYTES("a\\b"), "backslash"},
	    {BYTES("..\\b"), "backslash"},
	    {BYTES("a\0b"), "control"},
	    {BYTES("a\x7f"), "control"},
	    {BYTES("a\xc2\x85"), "control"},
	    {BYTES("a\xff"), "UTF-8"},
	    {BYTES("a\xe2\x80\xae"), "laid out"},
	};
	static const char *const fine[] = {
	    "a", "a/b/c.txt", "...", "a/..b", ".a/b.", "a b?*:|", "1:x"};

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const char *why = zip_name_refusal(refused[i].name);
		if (!why || !strstr(why, refused[i].word))
			fail_msg("%zu: %s", i, why ? why : "fine");
	}
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
		if (zip_name_refusal(str_from(fine[i])))
			fail_msg("%s", fine[i]);
}

static void test_base(void **state)
{
	static const char *const pairs[][2] = {
	    {"a", "a"},
	    {"a/b/c.txt", "c.txt"},
	    {"..\\evil.exe", "evil.exe"},
	    {"a/", ""},
	    {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct str base = zip_name_base(str_from(pairs[i][0]));
		assert_true(str_eq(base, pairs[i][1]));
	}
}

static void test_type(void **state)
{
	static const char *const pairs[][2] = {
	    {"a.txt", "text/plain; charset=utf-8"},
	    {"A/B.TXT", "text/plain; charset=utf-8"},
	    {"a.tar.gz", "application/gzip"},
	    {"x.avif", "image/avif"},
	    {"x.zst", "application/zstd"},
	    {"x.woff2", "font/woff2"},
	    {"x.png", "image/png"},
	    {"txt", "application/octet-stream"},
	    {"a.", "application/octet-stream"},
	    {"", "application/octet-stream"},
	    {"a.txt/b", "application/octet-stream"},
	    {"a.longextension", "application/octet-stream"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		assert_string_equal(
		    zip_name_type(str_from(pairs[i][0])), pairs[i][1]);
}

static void assert_shown(struct str name, const char *want)
{
	struct strbuf b;

	strbuf_init(&b, 1000);
	strbuf_adds(&b, "");
	zip_name_show(&b, name);
	assert_string_equal(b.data ? b.data : "", want);
	strbuf_fini(&b);
}

static void test_show(void **state)
{
	(void)state;
	assert_shown(STR("a/b c.txt"), "a/b c.txt");
	assert_shown(STR("a\nb\0c"), "a\xef\xbf\xbd"
				     "b\xef\xbf\xbd"
				     "c");
	assert_shown(STR("\xff\xfe"), "\xef\xbf\xbd\xef\xbf\xbd");
	assert_shown(STR("\xc3\xbc\x1b"), "\xc3\xbc\xef\xbf\xbd");
	assert_shown(STR(""), "");
}

static void test_method(void **state)
{
	char buf[ZIP_METHOD_NAME_SIZE];

	(void)state;
	assert_string_equal(zip_method_name(0, buf), "store");
	assert_string_equal(zip_method_name(8, buf), "deflate");
	assert_string_equal(zip_method_name(12, buf), "bzip2");
	assert_string_equal(zip_method_name(65535, buf), "65535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_unsafe),
	    cmocka_unit_test(test_safe),
	    cmocka_unit_test(test_refusal),
	    cmocka_unit_test(test_base),
	    cmocka_unit_test(test_type),
	    cmocka_unit_test(test_show),
	    cmocka_unit_test(test_method),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
