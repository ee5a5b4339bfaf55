/* SPDX-License-Identifier: MIT */
#include "common/media.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

static void types_rfc9110_8_3_1(void **state)
{
	(void)state;
	static const char type[] = "multipart/form-data";

	assert_true(media_type_is(str_from("multipart/form-data"), type));
	assert_true(
	    media_type_is(str_from(" Multipart/FORM-data ; boundary=x"), type));
	assert_true(media_type_is(str_from("multipart/form-data;"), type));
	assert_false(media_type_is(str_from("multipart/form-dataX"), type));
	assert_false(media_type_is(str_from("multipart/form"), type));
	assert_false(media_type_is(str_from(""), type));
	assert_false(media_type_is(str_from(NULL), type));
}

static ssize_t param(const char *field, const char *name)
{
	static char out[32];
	ssize_t n = header_param(str_from(field), name, out, sizeof(out));

	if (n >= 0)
		assert_int_equal(n, strlen(out));
	return n;
}

static void check_param(const char *field, const char *name, const char *want)
{
	char out[32];
	ssize_t n = header_param(str_from(field), name, out, sizeof(out));

	assert_int_equal(n, strlen(want));
	assert_string_equal(out, want);
}

static void parameters_rfc9110_5_6_6(void **state)
{
	(void)state;
	check_param("a/b;c=d", "c", "d");
	check_param("a/b ; C=d ; e=f", "E", "f");
	check_param("a/b;\tc=\"d;e=f\"; e=g", "e", "g");
	check_param("a/b;;; c=d;", "c", "d");
	check_param("x;c=\"\"", "c", "");
	check_param("x;c=1;c=2", "c", "1");
	check_param("x;filename*=UTF-8''a", "filename*", "UTF-8''a");
	check_param("multipart/form-data; boundary=----WebKitFormBoundary7M",
	    "boundary", "----WebKitFormBoundary7M");
}

static void quoted_strings_rfc9110_5_6_4(void **state)
{
	(void)state;
	check_param("x;n=\"a\\\"b\"", "n", "a\"b");
	check_param("x;n=\"a\\\\b\"", "n", "a\\b");
	check_param("x;n=\"C:\\dir\\f.txt\"", "n", "C:\\dir\\f.txt");
	check_param("x;n=\"a%22b\"", "n", "a%22b");
	check_param("x;n=\" a \"", "n", " a ");
	check_param("x;n=\"\xC3\xA4\"", "n", "\xC3\xA4");
	check_param("x;n=\"\\\\\"", "n", "\\");
}

static void unquoted_values_of_careless_senders(void **state)
{
	(void)state;
	check_param(
	    "attachment; filename=my file.pdf", "filename", "my file.pdf");
	check_param("attachment; filename=my file.pdf ; x=1", "filename",
	    "my file.pdf");
	check_param("attachment; filename=r\xC3\xA9sum\xC3\xA9.pdf", "filename",
	    "r\xC3\xA9sum\xC3\xA9.pdf");
}

static void parameter_errors(void **state)
{
	(void)state;
	static const char *const bad[] = {"x;n", "x;=v", "x;n=", "x;n =v",
	    "x;n= ;m=1", "x;n=\"v", "x;n=\"v\\\"", "x;n=\"v\"w", "x;n=v\"w\"",
	    "x;m;n=v", "x;n=a\rb", "x;n=\"a\nb\"", "x;n=\"a\x01\""};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_err(param(bad[i], "n"), EINVAL);
	assert_err(
	    header_param((struct str){"x;n=\"a\0b\"", 9}, "n", (char[8]){0}, 8),
	    EINVAL);
	assert_err(param("x", "n"), ENOENT);
	assert_err(param("", "n"), ENOENT);
	assert_err(param("x;m=1", "n"), ENOENT);
	assert_err(param("x;m=1;", "n"), ENOENT);
	assert_err(param("x;m=\"n=1\"", "n"), ENOENT);
	assert_err(param("x;n=abcdefghijklmnopqrstuvwxyz123456", "n"), E2BIG);
	assert_int_equal(param("x;n=abcdefghijklmnopqrstuvwxyz12345", "n"), 31);
	assert_err(header_param(str_from("x;n=\"\""), "n", NULL, 0), E2BIG);
}

static void check_filename(const char *field, const char *want)
{
	char out[64];
	ssize_t n = disposition_filename(str_from(field), out, sizeof(out));

	assert_int_equal(n, strlen(want));
	assert_string_equal(out, want);
}

static void filenames_rfc6266_4_3(void **state)
{
	(void)state;
	check_filename("attachment; filename=a.txt", "a.txt");
	check_filename("inline; FILENAME=\"a b.txt\"", "a b.txt");
	check_filename("attachment; filename=\"a\"; "
		       "filename*=UTF-8''%e2%82%ac.txt",
	    "\xE2\x82\xAC.txt");
	check_filename(
	    "attachment; filename*=utf-8'en'b%20c; filename=a", "b c");
	check_filename(
	    "attachment; filename*=iso-8859-1''%A3%20x", "\xC2\xA3 x");
	check_filename("attachment; filename*=ISO-8859-1''%FFa%E4",
	    "\xC3\xBF"
	    "a\xC3\xA4");
	check_filename("form-data; name=f; filename=\"\"", "");
	check_filename("attachment; filename=\"../../etc/passwd\"", "passwd");
	check_filename("attachment; filename*=UTF-8''..%2F..%5Cx", "x");
	check_filename("attachment; filename=\"C:\\dir\\f.txt\"", "f.txt");
	check_filename("attachment; filename=\"a\xE4"
		       "b\"",
	    "a_b");
}

static void unsound_ext_values_fall_back_rfc8187_3_2(void **state)
{
	(void)state;
	static const char *const bad[] = {"UTF-8''%zz", "UTF-8''%E4", "UTF-8'x",
	    "utf8", "UTF-7''a", "''a", "ISO-8859-1''%F", "ISO-8859-1''\xE4",
	    "UTF-8''a\"b"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char field[128];
		char out[64];
		snprintf(field, sizeof(field), "x; filename=ok; filename*=%s",
		    bad[i]);
		check_filename(field, "ok");
		snprintf(field, sizeof(field), "x; filename*=%s", bad[i]);
		assert_err(
		    disposition_filename(str_from(field), out, sizeof(out)),
		    EINVAL);
	}
}

static void filename_errors(void **state)
{
	(void)state;
	char out[8];

	assert_err(
	    disposition_filename(str_from("attachment"), out, 8), ENOENT);
	assert_err(disposition_filename(str_from("x; name=a"), out, 8), ENOENT);
	assert_err(
	    disposition_filename(str_from("x; filename=12345678"), out, 8),
	    E2BIG);
	assert_err(
	    disposition_filename(str_from("x; filename=\"a"), out, 8), EINVAL);
}

static void check_sanitised(const char *name, size_t len, const char *want)
{
	char buf[1024];

	memcpy(buf, name, len);
	size_t n = filename_sanitise(buf, len);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(buf, want, n);
}

#define CHECK_SANITISED(lit, want) check_sanitised(lit, sizeof(lit) - 1, want)

static void sanitising(void **state)
{
	(void)state;
	CHECK_SANITISED("plain.txt", "plain.txt");
	CHECK_SANITISED("/etc/passwd", "passwd");
	CHECK_SANITISED("a\\b/c\\d", "d");
	CHECK_SANITISED("..", "");
	CHECK_SANITISED("...bashrc", "bashrc");
	CHECK_SANITISED("dir/", "");
	CHECK_SANITISED("a\0b\r\n\tc\x7F", "abc");
	CHECK_SANITISED("\x01.hidden", "hidden");
	CHECK_SANITISED("a\xC2\x85"
			"b",
	    "ab");
	CHECK_SANITISED("x\xE2\x80\xAEtxt.exe", "xtxt.exe");
	CHECK_SANITISED("\xE2\x81\xA6"
			"a\xE2\x80\x8F\xD8\x9C",
	    "a");
	CHECK_SANITISED("a\xFF\xC0\xAF"
			"b",
	    "a___b");
	CHECK_SANITISED("\xE4.txt", "_.txt");
	CHECK_SANITISED("", "");
	CHECK_SANITISED("\xF0\x9F\x98\x80 ok", "\xF0\x9F\x98\x80 ok");
}

static void sanitising_cuts_between_code_points(void **state)
{
	(void)state;
	char buf[600];

	memset(buf, 'a', sizeof(buf));
	assert_int_equal(filename_sanitise(buf, 255), 255);
	assert_int_equal(filename_sanitise(buf, sizeof(buf)), 255);
	for (size_t i = 0; i + 1 < sizeof(buf); i += 2)
		memcpy(buf + i, "\xC3\xA4", 2);
	size_t n = filename_sanitise(buf, sizeof(buf));
	assert_int_equal(n, 254);
	assert_true(utf8_valid(buf, n));
}

static void check_disposition(const char *name, const char *want)
{
	char out[256];
	size_t n = disposition_format(name, true, out, sizeof(out));

	assert_int_equal(n, strlen(want));
	assert_string_equal(out, want);
}

static void formatting_rfc6266_4_1(void **state)
{
	(void)state;
	char out[32];

	check_disposition(NULL, "attachment");
	check_disposition("", "attachment");
	check_disposition("a b.txt", "attachment; filename=\"a b.txt\"");
	check_disposition("\xE2\x82\xAC 1.txt",
	    "attachment; filename=\"_ 1.txt\"; "
	    "filename*=UTF-8''%E2%82%AC%201.txt");
	check_disposition(
	    "a\"b", "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b");
	check_disposition("50%20.txt", "attachment; filename=\"50%20.txt\"; "
				       "filename*=UTF-8''50%2520.txt");
	check_disposition(
	    "a\r\nSet-Cookie: x", "attachment; filename=\"a__Set-Cookie: x\"");
	check_disposition("../a\\b\xFF", "attachment; filename=\".._a_b_\"");

	assert_int_equal(disposition_format("a", false, out, 32), 20);
	assert_string_equal(out, "inline; filename=\"a\"");
}

static void formatting_is_whole_or_nothing(void **state)
{
	(void)state;
	char out[32] = "zzz";

	assert_int_equal(disposition_format("abc", false, out, 22), 22);
	assert_string_equal(out, "");
	assert_int_equal(disposition_format("abc", false, out, 23), 22);
	assert_string_equal(out, "inline; filename=\"abc\"");
	assert_int_equal(disposition_format("abc", false, NULL, 0), 22);
}

/* What we send, we read back. */
static void round_trip(void **state)
{
	(void)state;
	static const char *const names[] = {"a.txt", "a \"quoted\" b",
	    "50%20.txt", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "a;b=c,d",
	    "it's", "a*b!#$&+^`|~"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char field[256];
		char back[256];
		size_t n =
		    disposition_format(names[i], true, field, sizeof(field));
		assert_true(n < sizeof(field));
		assert_ok(disposition_filename(
		    (struct str){field, n}, back, sizeof(back)));
		assert_string_equal(back, names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(types_rfc9110_8_3_1),
	    cmocka_unit_test(parameters_rfc9110_5_6_6),
	    cmocka_unit_test(quoted_strings_rfc9110_5_6_4),
	    cmocka_unit_test(unquoted_values_of_careless_senders),
	    cmocka_unit_test(parameter_errors),
	    cmocka_unit_test(filenames_rfc6266_4_3),
	    cmocka_unit_test(unsound_ext_values_fall_back_rfc8187_3_2),
	    cmocka_unit_test(filename_errors),
	    cmocka_unit_test(sanitising),
	    cmocka_unit_test(sanitising_cuts_between_code_points),
	    cmocka_unit_test(formatting_rfc6266_4_1),
	    cmocka_unit_test(formatting_is_whole_or_nothing),
	    cmocka_unit_test(round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
