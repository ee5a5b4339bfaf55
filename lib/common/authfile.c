/* SPDX-License-Identifier: MIT */
#include "common/authfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/sizes.h"

#define HASH_PREFIX "sha256:"
/* Longest number, with its unit. */
#define NUMBER_SIZE 32

#define SCOPE_WORD(id, word) word,
static const char *const SCOPE_WORDS[] = {AUTH_SCOPES(SCOPE_WORD)};

const char *auth_scope_name(unsigned scopes)
{
	for (unsigned i = 0; i < AUTH_SCOPE_COUNT; i++) {
		if (scopes & 1u << i)
			return SCOPE_WORDS[i];
	}
	return "";
}

bool token_name_valid(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!ascii_is_alpha(c) && !ascii_is_digit(c) &&
		    (!c || !strchr("._~-", c)))
			return false;
	}
	return name.n > 0 && name.n <= TOKEN_NAME_MAX;
}

static int wrong(char why[AUTH_WHY_SIZE], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int wrong(char why[AUTH_WHY_SIZE], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, AUTH_WHY_SIZE, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* So much of a word is shown, and so much of one that may be a secret. */
#define SHOWN 40
#define SHOWN_OF_SECRET 8
#define SHOW(word, most) \
	(int)((word).n > (most) ? (most) : (word).n), (word).p, \
	    (word).n > (most) ? "..." : ""

/* Take what stands up to the next space off a line. */
static struct str next_word(struct str *line)
{
	struct str rest = str_trim(*line), word = {rest.p, 0};

	while (word.n < rest.n && rest.p[word.n] != ' ' &&
	       rest.p[word.n] != '\t')
		word.n++;
	*line = (struct str){rest.p + word.n, rest.n - word.n};
	return word;
}

static int read_hash(struct str word, struct token_line *t, char *why)
{
	static const char allowed[] =
	    "the second word is sha256: and 64 hex digits, as spillwayd "
	    "--new-token writes them";
	const size_t prefix = sizeof(HASH_PREFIX) - 1;
	struct str hex = {word.p + prefix, word.n - prefix};

	if (!word.n)
		return wrong(why, "there is no hash; %s", allowed);
	if (!str_istarts(word, HASH_PREFIX))
		return wrong(why, "'%.*s%s' is no hash; %s",
		    SHOW(word, SHOWN_OF_SECRET), allowed);
	if (hex.n != (size_t)2 * TOKEN_HASH_SIZE)
		return wrong(why, "the hash has %zu digits; %s", hex.n,
		    allowed);
	if (hex_decode(hex.p, hex.n, t->hash) < 0)
		return wrong(why,
		    "'%.*s%s' is no hash: not all are hex digits; %s",
		    SHOW(word, SHOWN), allowed);
	return 0;
}

static unsigned scope_of(struct str word)
{
	for (unsigned i = 0; i < AUTH_SCOPE_COUNT; i++) {
		if (str_eq(word, SCOPE_WORDS[i]))
			return 1u << i;
	}
	return 0;
}

static int read_scopes(struct str word, struct token_line *t, char *why)
{
	struct str item;

	while (str_list_next(&word, &item)) {
		unsigned scope = scope_of(item);

		if (!scope)
			return wrong(why,
			    "'%.*s%s' is not a known scope; known are read, "
			    "write, list, fetch, process, delete and admin, "
			    "with commas and no spaces between",
			    SHOW(item, SHOWN));
		t->scopes |= scope;
	}
	return t->scopes ? 0
			 : wrong(why, "there are no scopes; write them as the "
				      "third word, like read,list");
}

static int read_quota(struct str value, uint64_t *ret, char *why)
{
	char number[NUMBER_SIZE];

	if (value.n < sizeof(number)) {
		snprintf(number, sizeof(number), "%.*s", (int)value.n, value.p);
		if (strlen(number) == value.n && size_parse(number, ret) == 0)
			return 0;
	}
	return wrong(why,
	    "quota: '%.*s%s' is not a size; write bytes, or a number with K, "
	    "M, G or T, from 0 to 16777215T, or unlimited",
	    SHOW(value, SHOWN));
}

static int read_number(const char *key, struct str value, uint64_t min,
    uint64_t max, uint64_t *ret, char *why)
{
	uint64_t n;

	if (str_u64(value, &n) == 0 && n >= min && n <= max) {
		*ret = n;
		return 0;
	}
	return wrong(why,
	    "%s: '%.*s%s' is not a number from %" PRIu64 " to %" PRIu64, key,
	    SHOW(value, SHOWN), min, max);
}

static int read_limit(struct str word, struct token_line *t, char *why)
{
	const char *equals = memchr(word.p, '=', word.n);
	struct str key = {word.p, equals ? (size_t)(equals - word.p) : 0};
	struct str value = {NULL, 0};

	if (equals)
		value = (struct str){equals + 1, word.n - key.n - 1};
	if (str_eq(key, "quota"))
		return read_quota(value, &t->quota_bytes, why);
	if (str_eq(key, "files"))
		return read_number(
		    "files", value, 0, UINT64_MAX, &t->files, why);
	if (str_eq(key, "rate"))
		return read_number(
		    "rate", value, 1, TOKEN_RATE_MAX, &t->per_minute, why);
	return wrong(why,
	    "'%.*s%s' is no limit; write quota=SIZE, files=NUMBER or "
	    "rate=NUMBER (requests a minute) behind the scopes",
	    SHOW(word, SHOWN));
}

int token_line_read(
    struct str line, struct token_line *ret, char ret_why[AUTH_WHY_SIZE])
{
	struct token_line t = {
	    .quota_bytes = UINT64_MAX,
	    .files = UINT64_MAX,
	};
	struct str word;

	t.name = next_word(&line);
	if (!token_name_valid(t.name))
		return wrong(ret_why,
		    "'%.*s%s' is no name for a token; the first word is one, "
		    "with 1 to %d of A-Z a-z 0-9 . _ ~ -",
		    SHOW(t.name, SHOWN_OF_SECRET), TOKEN_NAME_MAX);

	int r = read_hash(next_word(&line), &t, ret_why);
	if (r == 0)
		r = read_scopes(next_word(&line), &t, ret_why);
	while (r == 0 && (word = next_word(&line)).n)
		r = read_limit(word, &t, ret_why);
	if (r == 0)
		*ret = t;
	return r;
}

size_t token_line_write(const struct token_line *t, char out[TOKEN_LINE_SIZE])
{
	char hex[2 * TOKEN_HASH_SIZE + 1];

	hex_encode(t->hash, sizeof(t->hash), hex);
	int n = snprintf(out, TOKEN_LINE_SIZE, "%.*s %s%s", (int)t->name.n,
	    t->name.p, HASH_PREFIX, hex);
	size_t at = (size_t)n;
	const char *gap = " ";
	for (unsigned i = 0; i < AUTH_SCOPE_COUNT; i++) {
		if (!(t->scopes & 1u << i))
			continue;
		n = snprintf(out + at, TOKEN_LINE_SIZE - at, "%s%s", gap,
		    SCOPE_WORDS[i]);
		at += (size_t)n;
		gap = ",";
	}
	return at;
}

ssize_t link_key_read(
    struct str line, uint8_t out[LINK_KEY_MAX], char ret_why[AUTH_WHY_SIZE])
{
	static const char allowed[] =
	    "write 64 to 128 hex digits, as `openssl rand -hex 32` does";
	struct str word = next_word(&line);

	/* What it is may be a secret. */
	if (str_trim(line).n)
		return wrong(ret_why,
		    "this is no key, but several words; %s",
		    allowed);
	if (word.n < (size_t)2 * LINK_KEY_MIN ||
	    word.n > (size_t)2 * LINK_KEY_MAX || word.n % 2)
		return wrong(ret_why,
		    "this is no key: it has %zu characters; %s%s", word.n,
		    allowed, word.n % 2 ? ", an even number" : "");
	if (hex_decode(word.p, word.n, out) < 0)
		return wrong(ret_why,
		    "this is no key: not all are hex digits; %s",
		    allowed);

	return (ssize_t)(word.n / 2);
}
