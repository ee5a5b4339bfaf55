/* SPDX-License-Identifier: MIT */
#include "common/zipformat.h"

#include <errno.h>

#include "fuzz.h"

static void check_inside(struct str s, const uint8_t *data, size_t size)
{
	const char *from = (const char *)data;

	if (s.n > 0)
		FUZZ_CHECK(s.p >= from && s.p + s.n <= from + size);
}

/** Local headers one behind the other, as in an archive that arrives. */
static void check_locals(const uint8_t *data, size_t size)
{
	struct zip_record r;
	size_t at = 0;
	ssize_t n;

	while ((n = zip_local_parse(data + at, size - at, &r)) > 0) {
		FUZZ_CHECK(
		    (size_t)n >= ZIP_LOCAL_SIZE && (size_t)n <= size - at);
		check_inside(r.name, data + at, (size_t)n);
		check_inside(r.unicode_name, data + at, (size_t)n);
		FUZZ_CHECK(r.comment.n == 0 && r.header_off == 0);
		/* It is the same however much follows. */
		FUZZ_CHECK(zip_local_parse(data + at, (size_t)n, &r) == n);
		FUZZ_CHECK(zip_local_parse(data + at, (size_t)n - 1, &r) == 0);
		at += (size_t)n;
		if (r.packed_size < size - at)
			at += (size_t)r.packed_size;
	}
	FUZZ_CHECK(n == 0 || n == -EBADMSG);
}

static void check_record(const uint8_t *data, size_t size)
{
	struct zip_record r;
	const char *why = NULL;

	if (size < ZIP_RECORD_SIZE || zip_record_length(data) > size)
		return;

	size = zip_record_length(data);
	int err = zip_record_parse(data, &r, &why);
	if (err < 0) {
		FUZZ_CHECK(err == -EBADMSG && why);
		return;
	}
	check_inside(r.name, data, size);
	check_inside(r.comment, data, size);
	check_inside(r.unicode_name, data, size);
	(void)zip_record_encrypted(&r);
}

static void check_text(const uint8_t *data, size_t size)
{
	char out[ZIP_TEXT_MAX * 256];
	size_t n = size < 256 ? size : 256;
	bool guess;

	size_t len = zip_text_utf8(
	    (struct str){(const char *)data, n}, false, out, &guess);
	FUZZ_CHECK(len >= n && len <= ZIP_TEXT_MAX * n);
	FUZZ_CHECK(guess || len == n);
	FUZZ_CHECK(utf8_valid(out, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_locals(data, size);
	check_record(data, size);
	check_text(data, size);
	if (size >= 20) {
		size_t n = zip_descriptor_match(data + 20, size - 20,
		    zip_le32(data), zip_le64(data + 4), zip_le64(data + 12));
		FUZZ_CHECK(n == 0 || (n >= 12 && n <= ZIP_DESCRIPTOR_MAX &&
					 n <= size - 20));
	}
	return 0;
}
