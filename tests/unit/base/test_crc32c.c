/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <string.h>

#include "base/crc32c.h"

/* Source: RFC 3720 appendix B.4 */
static void test_known(void **state)
{
	uint8_t buf[32];

	(void)state;
	assert_int_equal(crc32c(0, "", 0), 0);
	assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283u);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(crc32c(0, buf, sizeof(buf)), 0x8a9136aau);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(crc32c(0, buf, sizeof(buf)), 0x62a8ab43u);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, buf, sizeof(buf)), 0x46dd794eu);
	assert_int_equal(crc32c_portable(0, buf, sizeof(buf)), 0x46dd794eu);
}

/* In whatever pieces, at whatever address, by either way. */
static void test_pieces(void **state)
{
	uint8_t buf[300];

	(void)state;
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * 7 + (i >> 3));
	uint32_t whole = crc32c_portable(0, buf, sizeof(buf));
	assert_int_equal(crc32c(0, buf, sizeof(buf)), whole);
	for (size_t cut = 0; cut <= 40; cut++) {
		uint32_t crc = crc32c(0, buf, cut);

		crc = crc32c(crc, buf + cut, sizeof(buf) - cut);
		assert_int_equal(crc, whole);
		crc = crc32c_portable(0, buf, cut);
		crc = crc32c_portable(crc, buf + cut, sizeof(buf) - cut);
		assert_int_equal(crc, whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known),
	    cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
