/* SPDX-License-Identifier: MIT */
/* Source: RFC 9110 §12.4.2, §12.5.1 */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
