/* SPDX-License-Identifier: MIT */
#include "common/traceparent.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str field = {(const char *)data, size}, trace;

	if (!traceparent_parse(field, &trace))
		return 0;

	/* What goes to a log and to others is nothing but this. */
	FUZZ_CHECK(size >= 55 && size <= TRACEPARENT_MAX);
	FUZZ_CHECK(trace.p == field.p + 3 && trace.n == TRACE_ID_LEN);
	for (size_t i = 0; i < trace.n; i++)
		FUZZ_CHECK(ascii_hex_value(trace.p[i]) >= 0);
	return 0;
}
