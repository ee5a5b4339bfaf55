/* SPDX-License-Identifier: MIT */
#include "common/accept.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str field = {(const char *)data, size};
	struct str list = field;
	struct accept_choice c;
	bool gzip = false, any = false;

	while (accept_next(&list, &c)) {
		FUZZ_CHECK(c.weight >= 0 && c.weight <= ACCEPT_WEIGHT_MAX);
		FUZZ_CHECK(c.name.n == 0 ||
			   (c.name.p >= field.p &&
			       c.name.p + c.name.n <= field.p + field.n));
		gzip |= str_ieq(c.name, "gzip") || str_ieq(c.name, "x-gzip");
		any |= str_eq(c.name, "*");
	}
	int weight = accept_weight(field, "gzip");

	FUZZ_CHECK(weight >= -1 && weight <= ACCEPT_WEIGHT_MAX);
	FUZZ_CHECK(weight < 0 || gzip);
	/* Nobody gets what he has not named. */
	FUZZ_CHECK(!accept_gzip(field) || gzip || any);
	return 0;
}
