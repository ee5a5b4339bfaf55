/* SPDX-License-Identifier: MIT */
/* Source: RFC 9110 §12.4.2, §12.5.1, §12.5.3 */
#include "check.h"

#include "deliver/zip_accept.h"

static void test_form(void **state)
{
	static const struct {
		const char *accept;
		enum zip_form form;
	} rows[] = {
	    {NULL, ZIP_FORM_JSON},
	    {"", ZIP_FORM_JSON},
	    {"*/*", ZIP_FORM_JSON},
	    {"image/png", ZIP_FORM_JSON},
	    {"application/json", ZIP_FORM_JSON},
	    {"application/x-ndjson", ZIP_FORM_NDJSON},
	    {"text/plain", ZIP_FORM_TEXT},
	    {"TEXT/Plain ; charset=utf-8", ZIP_FORM_TEXT},
	    /* A named type is liked better than a wildcard of its weight. */
	    {"text/plain, */*", ZIP_FORM_TEXT},
	    {"*/*, application/x-ndjson", ZIP_FORM_NDJSON},
	    /* The first of equals. */
	    {"application/json, text/plain, */*", ZIP_FORM_JSON},
	    {"text/plain, application/json", ZIP_FORM_TEXT},
	    /* Weights. */
	    {"text/plain;q=0.5, application/json;q=0.4", ZIP_FORM_TEXT},
	    {"text/plain;q=0.4, application/json;q=0.5", ZIP_FORM_JSON},
	    {"text/plain;q=0", ZIP_FORM_JSON},
	    {"text/plain;q=0.000, application/x-ndjson;q=0.001",
		ZIP_FORM_NDJSON},
	    {"text/html, application/xhtml+xml, */*;q=0.8", ZIP_FORM_JSON},
	    {"text/plain;q=bad", ZIP_FORM_TEXT},
	    {",, ;q=1 , text/plain", ZIP_FORM_TEXT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (zip_accept_form(str_from(rows[i].accept)) != rows[i].form)
			fail_msg("%s", rows[i].accept);
}

static void test_gzip(void **state)
{
	static const char *const yes[] = {
	    "gzip",
	    "GZIP",
	    "x-gzip",
	    "br, gzip",
	    "gzip;q=0.001",
	    "*",
	    "gzip, deflate, br, zstd",
	    "identity;q=0.5, gzip",
	    "deflate;q=1, gzip;q=1.0",
	};
	static const char *const no[] = {
	    "",
	    "identity",
	    "br",
	    "gzip;q=0",
	    "gzip;q=0.0, *",
	    "*;q=0",
	    "gzip;q=0.5, identity;q=1",
	    "gzipped",
	};

	(void)state;
	assert_false(zip_accept_gzip(str_from(NULL)));
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!zip_accept_gzip(str_from(yes[i])))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (zip_accept_gzip(str_from(no[i])))
			fail_msg("%s", no[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_form),
	    cmocka_unit_test(test_gzip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
