/* SPDX-License-Identifier: MIT */
#include "common/authfile.h"

#include <errno.h>
#include <stdio.h>

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

static int wrong(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

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

static int read_hash(struct str word, struct token_line *t, const char **why)
{
	const size_t prefix = sizeof(HASH_PREFIX) - 1;
	struct str hex = {word.p + prefix, word.n - prefix};

	if (!str_istarts(word, HASH_PREFIX) ||
	    hex.n != (size_t)2 * TOKEN_HASH_SIZE ||
	    hex_decode(hex.p, hex.n, t->hash) < 0)
		return wrong(why,
		    "the second word is no hash; write sha256: and 64 hex "
		    "digits, as spillwayd --new-token does");
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

static int read_scopes(struct str word, struct token_line *t, const char **why)
{
	struct str item;

	while (str_list_next(&word, &item)) {
		unsigned scope = scope_of(item);

		if (!scope)
			return wrong(why,
			    "a scope is not known; known are read, write, "
			    "list, fetch, process, delete and admin, with "
			    "commas and no spaces between");
		t->scopes |= scope;
	}
	return t->scopes ? 0
			 : wrong(why, "there are no scopes; write them as the "
				      "third word, like read,list");
}

static int read_limit(struct str word, struct token_line *t, const char **why)
{
	char number[NUMBER_SIZE];
	const char *equals = memchr(word.p, '=', word.n);
	struct str key = {word.p, equals ? (size_t)(equals - word.p) : 0};
	struct str value = {NULL, 0};
	int r = -EINVAL;

	if (equals)
		value = (struct str){equals + 1, word.n - key.n - 1};
	if (str_eq(key, "quota") && value.n < sizeof(number)) {
		snprintf(number, sizeof(number), "%.*s", (int)value.n, value.p);
		r = strlen(number) == value.n
			? size_parse(number, &t->quota_bytes)
			: -EINVAL;
	} else if (str_eq(key, "files")) {
		r = str_u64(value, &t->files);
	} else if (str_eq(key, "rate")) {
		r = str_u64(value, &t->per_minute);
		if (r == 0 && (t->per_minute < 1 || t->per_minute > 1000000))
			r = -ERANGE;
	}
	return r < 0 ? wrong(why,
			   "what follows the scopes is no limit; write "
			   "quota=SIZE, files=NUMBER or rate=NUMBER (requests "
			   "a minute, 1 to 1000000)")
		     : 0;
}

int token_line_read(
    struct str line, struct token_line *ret, const char **ret_why)
{
	struct token_line t = {
	    .quota_bytes = UINT64_MAX,
	    .files = UINT64_MAX,
	};
	struct str word;

	t.name = next_word(&line);
	if (!token_name_valid(t.name))
		return wrong(ret_why,
		    "the first word is no name; write 1 to 64 of A-Z a-z 0-9 "
		    ". _ ~ -");

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
    struct str line, uint8_t out[LINK_KEY_MAX], const char **ret_why)
{
	struct str word = next_word(&line);

	if (str_trim(line).n || word.n < (size_t)2 * LINK_KEY_MIN ||
	    word.n > (size_t)2 * LINK_KEY_MAX ||
	    hex_decode(word.p, word.n, out) < 0)
		return wrong(ret_why,
		    "this is no key; write 64 to 128 hex digits, as `openssl "
		    "rand -hex 32` does");

	return (ssize_t)(word.n / 2);
}
