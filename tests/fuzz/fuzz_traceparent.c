/* SPDX-License-Identifier: MIT */
#include "common/traceparent.h"

#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str field = {(const char *)data, size};
	struct traceparent parent, again;
	char text[TRACEPARENT_SIZE];

	if (!traceparent_parse(field, &parent))
		return 0;

	/* What goes to a log and to others is nothing but this. */
	FUZZ_CHECK(size >= 55 && size <= TRACEPARENT_MAX);
	struct str trace = parent.trace_id, span = parent.parent_id;
	FUZZ_CHECK(trace.p == field.p + 3 && trace.n == TRACE_ID_LEN);
	FUZZ_CHECK(span.p == field.p + 36 && span.n == SPAN_ID_LEN);
	for (size_t i = 0; i < trace.n; i++)
		FUZZ_CHECK(ascii_hex_value(trace.p[i]) >= 0);

	/* And what is sent on is sound again. */
	traceparent_format(trace.p, span.p, parent.flags, text);
	FUZZ_CHECK(traceparent_parse(str_from(text), &again));
	FUZZ_CHECK(!memcmp(again.trace_id.p, trace.p, trace.n));
	FUZZ_CHECK(!memcmp(again.parent_id.p, span.p, span.n));
	FUZZ_CHECK(again.flags == parent.flags);
	return 0;
}
