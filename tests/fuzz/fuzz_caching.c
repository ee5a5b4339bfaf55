/* SPDX-License-Identifier: MIT */
#include "common/caching.h"

#include <string.h>

#include "fuzz.h"

static void check_number(uint64_t n)
{
	FUZZ_CHECK(n == CACHING_NONE || n <= CACHING_MAX_S);
}

static void check_control(const struct cache_control *cc)
{
	check_number(cc->max_age);
	check_number(cc->s_maxage);
	check_number(cc->min_fresh);
	check_number(cc->max_stale);
	check_number(cc->while_revalidate);
	check_number(cc->if_error);
}

/* Whatever a later field says, it never makes anything last longer. */
static void check_order(struct str field)
{
	struct cache_control once, twice;

	cache_control_init(&once);
	cache_control_read(field, &once);
	twice = once;
	cache_control_read(field, &twice);
	FUZZ_CHECK(memcmp(&once, &twice, sizeof(once)) == 0);
	cache_control_read(str_from("max-age=5"), &twice);
	FUZZ_CHECK(twice.max_age <= 5 && twice.max_age <= once.max_age);
	check_control(&once);
}

static void check_use(const struct caching *c)
{
	static const uint64_t ages[] = {0, 1, 60, CACHING_MAX_S};
	uint64_t lifetime = caching_lifetime_s(c, 1000000000);
	struct cache_control asked;

	cache_control_init(&asked);
	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		enum caching_use use =
		    caching_use(c, lifetime, ages[i], &asked);

		FUZZ_CHECK(use != CACHING_FRESH || lifetime > ages[i]);
		FUZZ_CHECK(use != CACHING_STALE);
		FUZZ_CHECK(!c->control.no_cache || use == CACHING_VALIDATE);
		if (use == CACHING_MEANWHILE)
			FUZZ_CHECK(caching_usable_on_error(
				       c, lifetime, ages[i], CACHING_MAX_S) ||
				   c->control.if_error != CACHING_NONE);
	}
	uint64_t age = caching_age_s(c, 1000000000, 1000000001, 1000000009);
	FUZZ_CHECK(age >= 9 && (!c->has_age || age >= c->age_s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct caching c, same;

	check_order((struct str){text, size});
	caching_read(text, size, &c);
	check_control(&c.control);
	check_use(&c);
	FUZZ_CHECK(memchr(c.etag, '\0', sizeof(c.etag)));
	FUZZ_CHECK(memchr(c.modified, '\0', sizeof(c.modified)));

	/* It says of itself what it says. */
	same = c;
	FUZZ_CHECK(caching_freshen(&same, &c));
	FUZZ_CHECK(caching_storable(&same) == caching_storable(&c));
	FUZZ_CHECK(caching_lifetime_s(&same, 1000000000) ==
		   caching_lifetime_s(&c, 1000000000));
	return 0;
}
