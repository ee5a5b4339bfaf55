/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <string.h>

#include "base/metrics.h"
#include "ingest/idempotency.h"

static int setup(void **state)
{
	return idempotency_new(3, (struct idempotency **)state);
}

static int teardown(void **state)
{
	idempotency_free(*state);
	assert_int_equal(metrics_get(METRIC_IDEMPOTENCY_KEYS), 0);
	return 0;
}

static void hash_of(char c, uint8_t out[IDEMPOTENCY_HASH])
{
	struct str s = {&c, 1};

	assert_ok(idempotency_hash(&s, 1, out));
}

/* Claim the key `key` for the request `print`, letters both. */
static int ask(void *t, char key, char print, struct idempotency_claim **claim,
    struct idempotency_past *past)
{
	uint8_t k[IDEMPOTENCY_HASH], p[IDEMPOTENCY_HASH];

	hash_of(key, k);
	hash_of(print, p);
	return idempotency_claim(t, k, p, claim, past);
}

/* A request that makes one file. */
static void make(void *t, char key)
{
	struct idempotency_claim *claim;
	struct idempotency_past past;

	assert_int_equal(ask(t, key, key, &claim, &past), IDEMPOTENCY_FRESH);
	idempotency_done(claim, 201, "id\0tag", 7, 1);
}

/* Returns: what asking brings; nothing stays claimed. */
static int look(void *t, char key)
{
	struct idempotency_claim *claim;
	struct idempotency_past past;
	int r = ask(t, key, key, &claim, &past);

	if (r == IDEMPOTENCY_FRESH)
		idempotency_forget(claim);
	if (r == IDEMPOTENCY_DONE)
		idempotency_past_fini(&past);
	return r;
}

static void test_life(void **state)
{
	struct idempotency_claim *claim, *other;
	struct idempotency_past past;

	assert_int_equal(
	    ask(*state, 'a', 'x', &claim, &past), IDEMPOTENCY_FRESH);
	assert_int_equal(
	    ask(*state, 'a', 'x', &other, &past), IDEMPOTENCY_RUNNING);
	assert_int_equal(
	    ask(*state, 'a', 'y', &other, &past), IDEMPOTENCY_OTHER);
	idempotency_done(claim, 200, "one\0\"t1\"\0two\0\"t2\"", 18, 2);
	assert_int_equal(
	    ask(*state, 'a', 'y', &other, &past), IDEMPOTENCY_OTHER);
	assert_int_equal(
	    ask(*state, 'a', 'x', &other, &past), IDEMPOTENCY_DONE);
	assert_int_equal(past.status, 200);
	assert_int_equal(past.count, 2);
	assert_memory_equal(past.names, "one\0\"t1\"\0two\0\"t2\"", 18);
	idempotency_past_fini(&past);
}

static void test_forget(void **state)
{
	struct idempotency_claim *claim;
	struct idempotency_past past;

	assert_int_equal(
	    ask(*state, 'a', 'x', &claim, &past), IDEMPOTENCY_FRESH);
	idempotency_forget(claim);
	/* Now it may be another's. */
	assert_int_equal(
	    ask(*state, 'a', 'y', &claim, &past), IDEMPOTENCY_FRESH);
	idempotency_forget(claim);
	idempotency_forget(NULL);
	idempotency_done(NULL, 201, NULL, 0, 0);
}

static void test_oldest_goes(void **state)
{
	struct idempotency_claim *claim[4];
	struct idempotency_past past;

	for (char key = 'a'; key <= 'd'; key++)
		make(*state, key);
	assert_int_equal(metrics_get(METRIC_IDEMPOTENCY_KEYS), 3);
	assert_int_equal(look(*state, 'b'), IDEMPOTENCY_DONE);
	assert_int_equal(look(*state, 'd'), IDEMPOTENCY_DONE);
	/* Asking has made room for it, at the cost of the oldest. */
	assert_int_equal(look(*state, 'a'), IDEMPOTENCY_FRESH);
	assert_int_equal(look(*state, 'b'), IDEMPOTENCY_FRESH);
	assert_int_equal(look(*state, 'd'), IDEMPOTENCY_DONE);

	/* What runs does not go. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(
		    ask(*state, (char)('p' + i), 'x', &claim[i], &past),
		    IDEMPOTENCY_FRESH);
	assert_int_equal(
	    ask(*state, 'z', 'x', &claim[3], &past), IDEMPOTENCY_FULL);
	for (int i = 0; i < 3; i++)
		idempotency_forget(claim[i]);
}

/* A request weighs as much as it has made. */
static void test_weight(void **state)
{
	static const char names[] = "a\0t\0a\0t\0a\0t\0a\0t";
	struct idempotency_claim *claim;
	struct idempotency_past past;

	make(*state, 'a');
	make(*state, 'b');
	assert_int_equal(
	    ask(*state, 'c', 'c', &claim, &past), IDEMPOTENCY_FRESH);
	idempotency_done(claim, 201, names, 12, 3);
	assert_int_equal(metrics_get(METRIC_IDEMPOTENCY_KEYS), 1);
	assert_int_equal(look(*state, 'c'), IDEMPOTENCY_DONE);
	/* More than all there is room for is not remembered. */
	assert_int_equal(
	    ask(*state, 'd', 'd', &claim, &past), IDEMPOTENCY_FRESH);
	idempotency_done(claim, 201, names, 16, 4);
	assert_int_equal(look(*state, 'd'), IDEMPOTENCY_FRESH);
}

static void test_renew(void **state)
{
	struct idempotency_claim *claim, *other;
	struct idempotency_past past, again;
	uint8_t a[IDEMPOTENCY_HASH];

	hash_of('a', a);
	make(*state, 'a');
	assert_int_equal(
	    ask(*state, 'a', 'a', &claim, &past), IDEMPOTENCY_DONE);
	assert_int_equal(
	    ask(*state, 'a', 'a', &claim, &again), IDEMPOTENCY_DONE);
	assert_int_equal(
	    idempotency_renew(*state, a, a, &claim, &past), IDEMPOTENCY_FRESH);
	/* The second to find out finds that somebody is at it. */
	assert_int_equal(idempotency_renew(*state, a, a, &other, &again),
	    IDEMPOTENCY_RUNNING);
	idempotency_done(claim, 201, "id\0tag", 7, 1);
	assert_int_equal(look(*state, 'a'), IDEMPOTENCY_DONE);
}

static void check_key(const char *field, const char *key)
{
	struct str got;

	int r = idempotency_key_read(str_from(field), &got);
	if (!key) {
		assert_int_equal(r, -EINVAL);
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(got.n, strlen(key));
	assert_memory_equal(got.p, key, got.n);
}

static void test_key(void **state)
{
	char longest[300] = "";

	(void)state;
	check_key("\"8e03978e-40d5-43e8-bc93-6894a57f9324\"",
	    "8e03978e-40d5-43e8-bc93-6894a57f9324");
	check_key(" abc ", "abc");
	check_key("\"a b\"", "a b");
	check_key("\"a\\\"b\"", "a\\\"b");
	check_key("", NULL);
	check_key("\"\"", NULL);
	check_key("\"", NULL);
	check_key("\"a", NULL);
	check_key("\"a\"b\"", NULL);
	check_key("a\x7f", NULL);
	check_key("a\xc3\xbc", NULL);
	memset(longest, 'k', IDEMPOTENCY_KEY_MAX);
	check_key(longest, longest);
	strcat(longest, "k");
	check_key(longest, NULL);
}

/* Lists of strings differ even where their bytes in a row do not. */
static void test_hash(void **state)
{
	struct str a[] = {{"ab", 2}, {"c", 1}}, b[] = {{"a", 1}, {"bc", 2}};
	uint8_t ha[IDEMPOTENCY_HASH], hb[IDEMPOTENCY_HASH];

	(void)state;
	assert_ok(idempotency_hash(a, 2, ha));
	assert_ok(idempotency_hash(b, 2, hb));
	assert_memory_not_equal(ha, hb, sizeof(ha));
	assert_ok(idempotency_hash(a, 2, hb));
	assert_memory_equal(ha, hb, sizeof(ha));
	a[1].n = 0;
	a[1].p = NULL;
	assert_ok(idempotency_hash(a, 2, hb));
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_life),
	    T(test_forget),
	    T(test_oldest_goes),
	    T(test_weight),
	    T(test_renew),
	    cmocka_unit_test(test_key),
	    cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
