/* SPDX-License-Identifier: MIT */
#include "common/httpdate.h"

#include <string.h>

#include "fuzz.h"

static void check_round_trip(int64_t t)
{
	char text[HTTPDATE_SIZE];
	char json[RFC3339_SIZE];
	int64_t back;

	httpdate_format(t, text);
	rfc3339_format(t, json);
	FUZZ_CHECK(strlen(text) == HTTPDATE_SIZE - 1);
	FUZZ_CHECK(strlen(json) == RFC3339_SIZE - 1);
	FUZZ_CHECK(httpdate_parse(text, strlen(text), &back) == 0);
	if (t >= HTTPDATE_MIN && t <= HTTPDATE_MAX)
		FUZZ_CHECK(back == t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int64_t t;

	if (httpdate_parse((const char *)data, size, &t) == 0)
		check_round_trip(t);
	if (size >= sizeof(t)) {
		memcpy(&t, data, sizeof(t));
		check_round_trip(t);
		check_round_trip(t % (HTTPDATE_MAX + 1));
	}
	return 0;
}
