/* SPDX-License-Identifier: MIT */
#include "common/caching.h"

#include "common/httpdate.h"

/* ---- Cache-Control ------------------------------------------------------- */

enum kind {
	FLAG,
	AGE,	   /* in doubt 0; the least counts */
	TOLERANCE, /* in doubt not said; the least counts */
	DEMAND,	   /* in doubt not said; the most counts */
};

#define AT(member) offsetof(struct cache_control, member)
static const struct {
	const char *name;
	enum kind kind;
	size_t at;
} directives[] = {
    {"max-age", AGE, AT(max_age)},
    {"max-stale", TOLERANCE, AT(max_stale)},
    {"min-fresh", DEMAND, AT(min_fresh)},
    {"must-revalidate", FLAG, AT(must_revalidate)},
    {"must-understand", FLAG, AT(must_understand)},
    {"no-cache", FLAG, AT(no_cache)},
    {"no-store", FLAG, AT(no_store)},
    {"only-if-cached", FLAG, AT(only_if_cached)},
    {"private", FLAG, AT(is_private)},
    {"proxy-revalidate", FLAG, AT(proxy_revalidate)},
    {"s-maxage", AGE, AT(s_maxage)},
    {"stale-if-error", TOLERANCE, AT(if_error)},
    {"stale-while-revalidate", TOLERANCE, AT(while_revalidate)},
};

void cache_control_init(struct cache_control *cc)
{
	*cc = (struct cache_control){
	    .max_age = CACHING_NONE,
	    .s_maxage = CACHING_NONE,
	    .min_fresh = CACHING_NONE,
	    .max_stale = CACHING_NONE,
	    .while_revalidate = CACHING_NONE,
	    .if_error = CACHING_NONE,
	};
}

static struct str unquoted(struct str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return (struct str){s.p + 1, s.n - 2};
	return s;
}

/* False for what is no number of seconds. */
static bool seconds(struct str s, uint64_t *ret)
{
	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_is_digit(s.p[i]))
			return false;

	if (str_u64(s, ret) < 0 || *ret > CACHING_MAX_S)
		*ret = CACHING_MAX_S;
	return true;
}

static void set_number(
    uint64_t *to, enum kind kind, bool has_value, struct str value)
{
	uint64_t n = 0;

	if (!seconds(unquoted(value), &n)) {
		/* `max-stale` alone is any; of the others only those that
		 * bound something are better read as nothing. */
		if (kind == TOLERANCE && !has_value)
			n = CACHING_MAX_S;
		else if (kind != AGE)
			return;
	}
	if (*to == CACHING_NONE || (kind == DEMAND ? n > *to : n < *to))
		*to = n;
}

static void take(struct str item, struct cache_control *cc)
{
	const char *equals = memchr(item.p, '=', item.n);
	struct str name = item, value = {NULL, 0};

	if (equals) {
		name.n = (size_t)(equals - item.p);
		value = (struct str){equals + 1, item.n - name.n - 1};
	}
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]);
	     i++) {
		char *at = (char *)cc + directives[i].at;

		if (!str_ieq(str_trim(name), directives[i].name))
			continue;
		if (directives[i].kind == FLAG)
			*(bool *)(void *)at = true;
		else
			set_number((uint64_t *)(void *)at, directives[i].kind,
			    equals, str_trim(value));
		return;
	}
}

void cache_control_read(struct str field, struct cache_control *cc)
{
	struct str item;

	while (str_list_next(&field, &item))
		take(item, cc);
}

/* ---- an answer ----------------------------------------------------------- */

static void read_control(struct caching *c, struct str value)
{
	c->has_control = true;
	cache_control_read(value, &c->control);
}

static void read_age(struct caching *c, struct str value)
{
	if (!c->has_age)
		c->has_age = seconds(value, &c->age_s);
}

static void read_date(struct caching *c, struct str value)
{
	if (!c->has_date)
		c->has_date = httpdate_parse(value.p, value.n, &c->date_s) == 0;
}

static void read_expires(struct caching *c, struct str value)
{
	if (c->has_expires)
		return;

	c->has_expires = true;
	if (httpdate_parse(value.p, value.n, &c->expires_s) < 0)
		c->expires_s = HTTPDATE_MIN;
}

static void copy(char *out, size_t size, struct str value)
{
	if (out[0] != '\0' || value.n >= size ||
	    (value.n > 0 && memchr(value.p, '\0', value.n)))
		return;

	memcpy(out, value.p, value.n);
	out[value.n] = '\0';
}

static void read_etag(struct caching *c, struct str value)
{
	copy(c->etag, sizeof(c->etag), value);
}

static void read_modified(struct caching *c, struct str value)
{
	if (c->has_modified ||
	    httpdate_parse(value.p, value.n, &c->modified_s) < 0)
		return;

	c->has_modified = true;
	copy(c->modified, sizeof(c->modified), value);
}

static void read_vary(struct caching *c, struct str value)
{
	struct str item;

	while (str_list_next(&value, &item))
		c->varies |= str_eq(item, "*");
}

static void read_line(struct caching *c, struct str line)
{
	static const struct {
		const char *name;
		void (*read)(struct caching *c, struct str value);
	} fields[] = {
	    {"Age", read_age},
	    {"Cache-Control", read_control},
	    {"Date", read_date},
	    {"ETag", read_etag},
	    {"Expires", read_expires},
	    {"Last-Modified", read_modified},
	    {"Vary", read_vary},
	};
	const char *colon = memchr(line.p, ':', line.n);

	if (!colon)
		return;

	struct str name = {line.p, (size_t)(colon - line.p)};
	struct str value = {colon + 1, line.n - name.n - 1};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (str_ieq(name, fields[i].name))
			fields[i].read(c, str_trim(value));
}

void caching_read(const char *lines, size_t len, struct caching *ret)
{
	*ret = (struct caching){0};
	cache_control_init(&ret->control);
	while (len > 0) {
		const char *end = memchr(lines, '\n', len);
		size_t n = end ? (size_t)(end - lines) : len;

		read_line(ret, (struct str){lines, n});
		n += end ? 1 : 0;
		lines += n;
		len -= n;
	}
}

/* Whether two tags, weak or not, are of what is as good as the same. */
static bool tags_match(const char *a, const char *b)
{
	if (strncmp(a, "W/", 2) == 0)
		a += 2;
	if (strncmp(b, "W/", 2) == 0)
		b += 2;
	return strcmp(a, b) == 0;
}

bool caching_freshen(struct caching *kept, const struct caching *newer)
{
	if (kept->etag[0] != '\0' && newer->etag[0] != '\0' &&
	    !tags_match(kept->etag, newer->etag))
		return false;

	if (newer->has_control) {
		kept->has_control = true;
		kept->control = newer->control;
	}
	if (newer->has_expires) {
		kept->has_expires = true;
		kept->expires_s = newer->expires_s;
	}
	if (newer->has_modified) {
		kept->has_modified = true;
		kept->modified_s = newer->modified_s;
		memcpy(kept->modified, newer->modified, sizeof(kept->modified));
	}
	kept->varies |= newer->varies;
	/* When this one was made, and how long it was on its way. */
	kept->has_date = newer->has_date;
	kept->date_s = newer->date_s;
	kept->has_age = newer->has_age;
	kept->age_s = newer->age_s;
	return true;
}

/* ---- what follows -------------------------------------------------------- */

bool caching_storable(const struct caching *c)
{
	const struct cache_control *cc = &c->control;

	return !c->varies && !cc->is_private &&
	       (!cc->no_store || cc->must_understand);
}

static uint64_t seconds_between(int64_t from_s, int64_t to_s)
{
	return to_s > from_s ? (uint64_t)(to_s - from_s) : 0;
}

/* What it says of itself, or CACHING_NONE. */
static uint64_t lifetime_said(const struct caching *c, int64_t date_s)
{
	if (c->control.s_maxage != CACHING_NONE)
		return c->control.s_maxage;
	if (c->control.max_age != CACHING_NONE)
		return c->control.max_age;
	return c->has_expires ? seconds_between(date_s, c->expires_s)
			      : CACHING_NONE;
}

uint64_t caching_lifetime_s(const struct caching *c, int64_t received_s)
{
	int64_t date_s = c->has_date ? c->date_s : received_s;
	uint64_t said = c->control.no_cache ? 0 : lifetime_said(c, date_s);

	if (said != CACHING_NONE || !c->has_modified)
		return said != CACHING_NONE ? said : 0;

	uint64_t guess = seconds_between(c->modified_s, date_s) / 10;
	return guess < CACHING_GUESS_MAX_S ? guess : CACHING_GUESS_MAX_S;
}

uint64_t caching_redirect_s(
    const struct caching *c, int64_t received_s, bool permanent)
{
	const struct cache_control *cc = &c->control;

	if (!caching_storable(c) || cc->no_cache)
		return 0;

	uint64_t said = lifetime_said(c, c->has_date ? c->date_s : received_s);
	uint64_t age = caching_age_s(c, received_s, received_s, received_s);
	if (said == CACHING_NONE)
		return permanent ? CACHING_NONE : 0;
	return said > age ? said - age : 0;
}

uint64_t caching_age_s(
    const struct caching *c, int64_t asked_s, int64_t received_s, int64_t now_s)
{
	uint64_t apparent =
	    c->has_date ? seconds_between(c->date_s, received_s) : 0;
	uint64_t corrected =
	    (c->has_age ? c->age_s : 0) + seconds_between(asked_s, received_s);

	return (apparent > corrected ? apparent : corrected) +
	       seconds_between(received_s, now_s);
}

static bool forbids_stale(const struct cache_control *cc)
{
	return cc->must_revalidate || cc->proxy_revalidate || cc->no_cache ||
	       cc->s_maxage != CACHING_NONE;
}

static bool tolerates(uint64_t tolerance, uint64_t staleness)
{
	return tolerance != CACHING_NONE && staleness <= tolerance;
}

enum caching_use caching_use(const struct caching *c, uint64_t lifetime_s,
    uint64_t age_s, const struct cache_control *asked)
{
	const struct cache_control *cc = &c->control;
	uint64_t min_fresh =
	    asked->min_fresh != CACHING_NONE ? asked->min_fresh : 0;

	/* Who asks for an age of 0 means now, not this second. */
	if (cc->no_cache || asked->no_cache || asked->max_age == 0 ||
	    age_s > asked->max_age)
		return CACHING_VALIDATE;
	if (lifetime_s > age_s)
		return lifetime_s - age_s >= min_fresh ? CACHING_FRESH
						       : CACHING_VALIDATE;
	if (forbids_stale(cc) || min_fresh > 0)
		return CACHING_VALIDATE;

	uint64_t staleness = age_s - lifetime_s;
	if (tolerates(asked->max_stale, staleness))
		return CACHING_STALE;
	return tolerates(cc->while_revalidate, staleness) ? CACHING_MEANWHILE
							  : CACHING_VALIDATE;
}

bool caching_usable_on_error(const struct caching *c, uint64_t lifetime_s,
    uint64_t age_s, uint64_t limit_s)
{
	const struct cache_control *cc = &c->control;
	uint64_t staleness = age_s > lifetime_s ? age_s - lifetime_s : 0;

	return !forbids_stale(cc) &&
	       staleness <=
		   (cc->if_error != CACHING_NONE ? cc->if_error : limit_s);
}
