/* SPDX-License-Identifier: MIT */
/* With its inside, since the table is not used where there is better. */
#include "digest_crc32c.c"

#include "unit/lib/model.h"

/* Bit by bit, from the definition. */
static uint32_t ideal(const uint8_t *p, size_t len)
{
	uint32_t crc = UINT32_MAX;

	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return ~crc;
}

/* RFC 3720, B.4, and the one that every table of CRCs has. */
static void test_known_values(void **state)
{
	uint8_t data[32];

	(void)state;
	assert_int_equal(spw_crc32c(0, "123456789", 9), 0xe3069283u);
	assert_int_equal(spw_crc32c(0, "", 0), 0);
	memset(data, 0, sizeof(data));
	assert_int_equal(spw_crc32c(0, data, sizeof(data)), 0x8a9136aau);
	memset(data, 0xff, sizeof(data));
	assert_int_equal(spw_crc32c(0, data, sizeof(data)), 0x62a8ab43u);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	assert_int_equal(spw_crc32c(0, data, sizeof(data)), 0x46dd794eu);
}

static void test_lengths_and_pieces(void **state)
{
	uint8_t data[200];
	uint64_t random = 5;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)next_random(&random);
	for (size_t from = 0; from < 9; from++) {
		for (size_t len = 0; len + from <= sizeof(data); len++) {
			const uint8_t *p = data + from;
			uint32_t want = ideal(p, len);

			assert_int_equal(spw_crc32c(0, p, len), want);
			assert_int_equal(
			    ~by_table(UINT32_MAX, p, len), want);
			assert_int_equal(spw_crc32c(spw_crc32c(0, p, len / 3),
			    p + len / 3, len - len / 3), want);
		}
	}
}

/* The same without the processor's own instruction. */
static uint32_t by_table_alone(uint32_t crc, const void *p, size_t len)
{
	return ~by_table(~crc, p, len);
}

/* Source: RFC 3720 appendix B.4 */
static void test_known_by_either_way(void **state)
{
	uint8_t buf[32];

	(void)state;
	assert_int_equal(spw_crc32c(0, "", 0), 0);
	assert_int_equal(spw_crc32c(0, "123456789", 9), 0xe3069283u);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(spw_crc32c(0, buf, sizeof(buf)), 0x8a9136aau);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(spw_crc32c(0, buf, sizeof(buf)), 0x62a8ab43u);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)i;
	assert_int_equal(spw_crc32c(0, buf, sizeof(buf)), 0x46dd794eu);
	assert_int_equal(by_table_alone(0, buf, sizeof(buf)), 0x46dd794eu);
}

/* In whatever pieces, at whatever address, by either way. */
static void test_pieces_by_either_way(void **state)
{
	uint8_t buf[300];

	(void)state;
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * 7 + (i >> 3));
	uint32_t whole = by_table_alone(0, buf, sizeof(buf));
	assert_int_equal(spw_crc32c(0, buf, sizeof(buf)), whole);
	for (size_t cut = 0; cut <= 40; cut++) {
		uint32_t crc = spw_crc32c(0, buf, cut);

		crc = spw_crc32c(crc, buf + cut, sizeof(buf) - cut);
		assert_int_equal(crc, whole);
		crc = by_table_alone(0, buf, cut);
		crc = by_table_alone(crc, buf + cut, sizeof(buf) - cut);
		assert_int_equal(crc, whole);
	}
}

static void test_the_algorithm(void **state)
{
	const struct spw_digest_algo *a = spw_digest_crc32c();
	const uint8_t want[4] = { 0xe3, 0x06, 0x92, 0x83 };
	uint32_t crc = 0;
	uint8_t sum[4];

	(void)state;
	assert_string_equal(a->name, "crc32c");
	assert_int_equal(a->digest_bytes, 4);
	assert_ok(a->begin(&crc));
	assert_ok(a->update(&crc, "1234", 4));
	assert_ok(a->value(&crc, sum));
	assert_ok(a->update(&crc, "56789", 5));
	assert_ok(a->value(&crc, sum));
	assert_memory_equal(sum, want, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_lengths_and_pieces),
		cmocka_unit_test(test_known_by_either_way),
		cmocka_unit_test(test_pieces_by_either_way),
		cmocka_unit_test(test_the_algorithm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
