/* SPDX-License-Identifier: MIT */
#include "common/etag.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tags[] = {
	    "\"\"", "\"e1\"", "\"a,b\"", "W/\"e1\"", NULL};
	const char *field = (const char *)data;

	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		bool strong = etag_list_match(field, size, tags[i], false);
		bool weak = etag_list_match(field, size, tags[i], true);
		bool only = etag_equal_strong(field, size, tags[i]);

		/* Each of these is stricter than the next. */
		FUZZ_CHECK(!only || strong);
		FUZZ_CHECK(!strong || weak);
		/* What matches no tag at all is `*`, which matches every. */
		if (!tags[i] && weak)
			FUZZ_CHECK(
			    etag_list_match(field, size, "\"z\"", false));
	}
	/* Where weak ones count, a tag of ours may be either. */
	FUZZ_CHECK(etag_list_match(field, size, "\"e1\"", true) ==
		   etag_list_match(field, size, "W/\"e1\"", true));
	return 0;
}
