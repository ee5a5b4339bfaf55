/* SPDX-License-Identifier: MIT */
#include "common/promtext.h"

#include <errno.h>
#include <math.h>

/* Longer than any number that means something. */
#define NUMBER_MAX 63
#define EXPONENT_MAX 400

static bool name_char(char c, bool first)
{
	return ascii_is_alpha(c) || c == '_' || c == ':' ||
	       (!first && ascii_is_digit(c));
}

static struct str take(struct str *s, size_t n)
{
	struct str taken = {s->p, n};

	s->p += n;
	s->n -= n;
	return taken;
}

/* How far the labels reach, the brace behind them included; 0: no end. */
static size_t labels_end(struct str s)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted && s.p[i] == '\\')
			i++;
		else if (!quoted && s.p[i] == '}')
			return i + 1;
	}
	return 0;
}

/* Takes digits off; their number is how many there are. */
static unsigned take_digits(struct str *s, double *value)
{
	unsigned count = 0;

	while (s->n && ascii_is_digit(s->p[0])) {
		*value = *value * 10 + (take(s, 1).p[0] - '0');
		count++;
	}
	return count;
}

/* What stands behind the digits: nothing, or how to scale them. */
static int read_exponent(struct str s, double *ret)
{
	double exponent = 0;
	bool down;

	*ret = 0;
	if (!s.n)
		return 0;
	if (ascii_lower(take(&s, 1).p[0]) != 'e')
		return -EINVAL;

	down = s.n && s.p[0] == '-';
	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		take(&s, 1);
	if (!take_digits(&s, &exponent) || s.n || exponent > EXPONENT_MAX)
		return -EINVAL;

	*ret = down ? -exponent : exponent;
	return 0;
}

/* Not strtod(), which reads as the locale has it. */
static int read_decimal(struct str s, double *ret)
{
	double value = 0, exponent;
	unsigned fraction = 0;

	unsigned digits = take_digits(&s, &value);
	if (s.n && s.p[0] == '.') {
		take(&s, 1);
		fraction = take_digits(&s, &value);
	}
	if (digits + fraction == 0 || read_exponent(s, &exponent) < 0)
		return -EINVAL;

	int scale = (int)exponent - (int)fraction;
	for (; scale > 0; scale--)
		value *= 10;
	for (; scale < 0; scale++)
		value /= 10;
	*ret = value;
	return 0;
}

static int read_value(struct str s, double *ret)
{
	size_t n = 0;
	double sign = 1;

	s = str_trim(s);
	while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t')
		n++;
	s.n = n;
	if (!n || n > NUMBER_MAX)
		return -EINVAL;

	if (s.p[0] == '-' || s.p[0] == '+')
		sign = take(&s, 1).p[0] == '-' ? -1 : 1;
	int r = 0;
	if (str_ieq(s, "NaN"))
		*ret = NAN;
	else if (str_ieq(s, "Inf"))
		*ret = sign * (double)INFINITY;
	else if ((r = read_decimal(s, ret)) == 0)
		*ret *= sign;
	return r;
}

static int read_sample(struct str line, struct promtext_sample *ret)
{
	struct promtext_sample sample = {.labels = {NULL, 0}};
	size_t n = 0;

	while (n < line.n && name_char(line.p[n], n == 0))
		n++;
	if (!n)
		return -EINVAL;

	sample.name = take(&line, n);
	if (line.n && line.p[0] == '{') {
		take(&line, 1);
		n = labels_end(line);
		if (!n)
			return -EINVAL;
		sample.labels = take(&line, n);
		sample.labels.n--;
	} else if (!line.n || (line.p[0] != ' ' && line.p[0] != '\t')) {
		return -EINVAL;
	}
	if (read_value(line, &sample.value) < 0)
		return -EINVAL;

	*ret = sample;
	return 1;
}

int promtext_next(struct str *rest, struct promtext_sample *ret)
{
	struct str line;

	while (str_line_next(rest, &line)) {
		line = str_trim(line);
		if (line.n && line.p[0] != '#')
			return read_sample(line, ret);
	}
	return 0;
}
