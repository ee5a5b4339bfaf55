/* SPDX-License-Identifier: MIT */
#include "common/prefer.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"wait", "respond-async", "return"};
	const struct str field = {(const char *)data, size};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct str value;

		if (!prefer_find(field, names[i], &value))
			continue;
		/* It is a part of the field, behind its name. */
		FUZZ_CHECK(value.p >= field.p + strlen(names[i]));
		FUZZ_CHECK(value.p + value.n <= field.p + field.n);
		FUZZ_CHECK(prefer_wait(value, 60) <= 60);
	}
	return 0;
}
