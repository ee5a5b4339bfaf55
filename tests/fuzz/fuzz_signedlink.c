/* SPDX-License-Identifier: MIT */
#include "common/signedlink.h"

#include <errno.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct signed_link link = {.method = {"GET", 3}, .path = {"/f", 2}};
	struct signed_link again = link;
	char first[256], second[256], text[256];

	int r = signed_link_read((struct str){(const char *)data, size}, &link);
	FUZZ_CHECK(r == 0 || r == -EINVAL || r == -ENOENT);
	if (r < 0)
		return 0;

	/* What was read is written and read again, and signed alike. */
	FUZZ_CHECK(link.signature.n == SIGNATURE_TEXT_LEN);
	FUZZ_CHECK(signed_link_write(&link, text, sizeof(text)) > 0);
	FUZZ_CHECK(signed_link_read(str_from(text + 3), &again) == 0);
	FUZZ_CHECK(signed_link_canonical(&link, first, sizeof(first)) > 0);
	FUZZ_CHECK(signed_link_canonical(&again, second, sizeof(second)) > 0);
	FUZZ_CHECK(strcmp(first, second) == 0);
	return 0;
}
