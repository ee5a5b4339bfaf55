/* SPDX-License-Identifier: MIT */
#include "common/httpdate.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/text.h"

#define DAY_S 86400

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

struct civil {
	unsigned int year, month, day; /* month and day from 1 */
	unsigned int hour, minute, second;
	unsigned int weekday; /* from Sunday, 0 */
};

/*
 * Days are counted from 0000-03-01, so that the leap day ends a year and the
 * lengths of the months before it do not depend on the year.
 */
#define EPOCH_DAYS 719468 /* 1970-01-01 */
#define ERA_DAYS 146097	  /* 400 years */

/* Days from March 1st to the first of the month, March being 0: months come
 * in fives of 153 days. */
static unsigned int month_days(unsigned int from_march)
{
	return (153 * from_march + 2) / 5;
}

/* `n` / `unit`, the last unit of a cycle being one day longer than the rest:
 * its extra day would otherwise make a unit of its own. */
static unsigned int cycle_units(
    unsigned int n, unsigned int unit, unsigned int most)
{
	unsigned int units = n / unit;

	return units > most ? most : units;
}

static void civil_set_date(struct civil *c, unsigned int days)
{
	unsigned int era = days / ERA_DAYS;
	days %= ERA_DAYS;
	unsigned int century = cycle_units(days, 36524, 3);
	days -= century * 36524;
	unsigned int four = days / 1461;
	days %= 1461;
	unsigned int single = cycle_units(days, 365, 3);
	days -= single * 365;

	unsigned int month = (5 * days + 2) / 153;
	c->day = days - month_days(month) + 1;
	c->month = month < 10 ? month + 3 : month - 9;
	c->year =
	    era * 400 + century * 100 + four * 4 + single + (c->month <= 2);
}

static struct civil civil_from_unix(int64_t unix_s)
{
	struct civil c;

	if (unix_s < HTTPDATE_MIN)
		unix_s = HTTPDATE_MIN;
	if (unix_s > HTTPDATE_MAX)
		unix_s = HTTPDATE_MAX;

	/* January and February of the year 0000 lie before day 0: count from
	 * an era (400 years, whole weeks) earlier. */
	uint64_t since =
	    (uint64_t)(unix_s + (int64_t)(EPOCH_DAYS + ERA_DAYS) * DAY_S);
	unsigned int days = (unsigned int)(since / DAY_S);
	unsigned int secs = (unsigned int)(since % DAY_S);
	c.hour = secs / 3600;
	c.minute = secs / 60 % 60;
	c.second = secs % 60;
	c.weekday = (days + 3) % 7; /* 0000-03-01 was a Wednesday */
	civil_set_date(&c, days);
	c.year -= 400;
	return c;
}

static int64_t civil_to_unix(const struct civil *c)
{
	/* 400 years up, again for the sake of the first two months. */
	unsigned int year = c->year + 400 - (c->month <= 2);
	unsigned int month = c->month > 2 ? c->month - 3 : c->month + 9;
	unsigned int days = 365 * year + year / 4 - year / 100 + year / 400 +
			    month_days(month) + c->day - 1;

	return ((int64_t)days - EPOCH_DAYS - ERA_DAYS) * DAY_S +
	       (int64_t)(c->hour * 3600 + c->minute * 60 + c->second);
}

static bool civil_valid(const struct civil *c)
{
	static const uint8_t lengths[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap =
	    c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);
	unsigned int length = lengths[c->month - 1];

	if (c->month == 2 && leap)
		length++;
	return c->day >= 1 && c->day <= length && c->hour <= 23 &&
	       c->minute <= 59 && c->second <= 60;
}

static char *put2(char *out, unsigned int v)
{
	out[0] = (char)('0' + v / 10);
	out[1] = (char)('0' + v % 10);
	return out + 2;
}

static char *put(char *out, const char *s, size_t n)
{
	memcpy(out, s, n);
	return out + n;
}

static char *put_time(char *out, const struct civil *c)
{
	out = put2(out, c->hour);
	*out++ = ':';
	out = put2(out, c->minute);
	*out++ = ':';
	return put2(out, c->second);
}

void httpdate_format(int64_t unix_s, char out[HTTPDATE_SIZE])
{
	struct civil c = civil_from_unix(unix_s);

	out = put(out, day_names + 3 * (size_t)c.weekday, 3);
	out = put(out, ", ", 2);
	out = put2(out, c.day);
	*out++ = ' ';
	out = put(out, month_names + 3 * (size_t)(c.month - 1), 3);
	*out++ = ' ';
	out = put2(out, c.year / 100);
	out = put2(out, c.year % 100);
	*out++ = ' ';
	out = put_time(out, &c);
	put(out, " GMT", 5);
}

void rfc3339_format(int64_t unix_s, char out[RFC3339_SIZE])
{
	struct civil c = civil_from_unix(unix_s);

	out = put2(out, c.year / 100);
	out = put2(out, c.year % 100);
	*out++ = '-';
	out = put2(out, c.month);
	*out++ = '-';
	out = put2(out, c.day);
	*out++ = 'T';
	out = put_time(out, &c);
	put(out, "Z", 2);
}

/* Which of the three-letter names in `names` begins `s`; -1 for none. */
static int name_index(const char *names, struct str s)
{
	for (int i = 0; s.n >= 3 && names[3 * i] != '\0'; i++)
		if (memcmp(names + 3 * i, s.p, 3) == 0)
			return i;
	return -1;
}

/* The field of a date that a letter of a pattern stands for. */
static unsigned int *pattern_field(char letter, struct civil *c)
{
	switch (letter) {
	case 'D':
		return &c->day;
	case 'Y':
		return &c->year;
	case 'h':
		return &c->hour;
	case 'm':
		return &c->minute;
	case 's':
		return &c->second;
	default:
		return NULL;
	}
}

/*
 * Match all of `s` against a pattern: a letter of pattern_field() takes one
 * digit, `B` the name of a month, `_` a space or the first digit of the day;
 * everything else stands for itself.
 */
static bool pattern_match(struct str s, const char *pattern, struct civil *c)
{
	*c = (struct civil){0};
	for (; *pattern != '\0'; pattern++) {
		size_t took = 1;
		char letter = *pattern;

		if (s.n == 0)
			return false;
		if (letter == '_')
			letter = s.p[0] == ' ' ? ' ' : 'D';

		unsigned int *field = pattern_field(letter, c);
		if (field) {
			if (!ascii_is_digit(s.p[0]))
				return false;
			*field = *field * 10 + (unsigned int)(s.p[0] - '0');
		} else if (letter == 'B') {
			int month = name_index(month_names, s);
			if (month < 0)
				return false;
			c->month = (unsigned int)month + 1;
			took = 3;
		} else if (s.p[0] != letter) {
			return false;
		}
		s.p += took;
		s.n -= took;
	}
	return s.n == 0 && civil_valid(c);
}

int httpdate_parse(const char *s, size_t len, int64_t *ret_unix_s)
{
	/* What rfc850-date has after the first three letters of a day. */
	static const char *const long_days[] = {
	    "day", "day", "sday", "nesday", "rsday", "day", "urday"};
	struct str rest = {s, len};
	struct civil c;
	int weekday = name_index(day_names, rest);

	if (weekday < 0)
		return -EINVAL;

	rest = (struct str){s + 3, len - 3};
	const char *ending = long_days[weekday];
	if (rest.n > strlen(ending) &&
	    memcmp(rest.p, ending, strlen(ending)) == 0) {
		rest.p += strlen(ending);
		rest.n -= strlen(ending);
		if (!pattern_match(rest, ", DD-B-YY hh:mm:ss GMT", &c))
			return -EINVAL;
		c.year += c.year < 70 ? 2000 : 1900;
	} else if (!pattern_match(rest, ", DD B YYYY hh:mm:ss GMT", &c) &&
		   !pattern_match(rest, " B _D hh:mm:ss YYYY", &c)) {
		return -EINVAL;
	}

	*ret_unix_s = civil_to_unix(&c);
	return 0;
}
