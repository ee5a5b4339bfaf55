/* SPDX-License-Identifier: MIT */
#include "base/conf_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_list.h"
#include "base/program.h"
#include "common/sizes.h"
#include "common/text.h"
#include "common/words.h"

/** Text of a number with its unit. */
#define NUMBER_SIZE 32

/** A word that an enum's key takes. */
struct choice {
	const char *name; /* NULL ends the list */
	int value;
};

static const struct choice durabilities[] = {
    {"none", CONF_DURABILITY_NONE},
    {"restart", CONF_DURABILITY_RESTART},
    {"fsync", CONF_DURABILITY_FSYNC},
    {NULL, 0},
};
static const struct choice digests[] = {
    {"asked", CONF_DIGEST_ASKED},
    {"always", CONF_DIGEST_ALWAYS},
    {NULL, 0},
};
static const struct choice auth_modes[] = {
    {"auto", CONF_AUTH_AUTO},
    {"none", CONF_AUTH_NONE},
    {"token", CONF_AUTH_TOKEN},
    {NULL, 0},
};
static const struct choice confinements[] = {
    {"no", CONF_CONFINE_NO},
    {"auto", CONF_CONFINE_AUTO},
    {"require", CONF_CONFINE_REQUIRE},
    {NULL, 0},
};
static const struct choice forwards[] = {
    {"x-forwarded", CONF_FORWARD_X},
    {"forwarded", CONF_FORWARD_RFC},
    {NULL, 0},
};
static const struct choice log_levels[] = {
    {"error", LOG_LEVEL_ERROR},
    {"warn", LOG_LEVEL_WARN},
    {"info", LOG_LEVEL_INFO},
    {"debug", LOG_LEVEL_DEBUG},
    {NULL, 0},
};
static const struct choice log_formats[] = {
    {"auto", LOG_FORMAT_AUTO},
    {"text", LOG_FORMAT_TEXT},
    {"json", LOG_FORMAT_JSON},
    {"journal", LOG_FORMAT_JOURNAL},
    {NULL, 0},
};

static const struct choice *choices_of(enum conf_kind kind)
{
	switch (kind) {
	case CONF_KIND_DURABILITY:
		return durabilities;
	case CONF_KIND_DIGEST:
		return digests;
	case CONF_KIND_AUTH:
		return auth_modes;
	case CONF_KIND_CONFINE:
		return confinements;
	case CONF_KIND_FORWARD:
		return forwards;
	case CONF_KIND_LEVEL:
		return log_levels;
	default:
		return log_formats;
	}
}

bool conf_kind_is_list(enum conf_kind kind)
{
	return kind == CONF_KIND_LISTEN || kind == CONF_KIND_ORIGINS ||
	       kind == CONF_KIND_NETWORKS || kind == CONF_KIND_PORTS ||
	       kind == CONF_KIND_PROXIES || kind == CONF_KIND_EVENTS;
}

bool conf_kind_is_text(enum conf_kind kind)
{
	return kind == CONF_KIND_STRING || kind == CONF_KIND_COMMAND ||
	       kind == CONF_KIND_WORDS;
}

struct unit {
	uint64_t factor;
	const char *name;
};

/** Write `v` in the largest unit that divides it; the last unit is 1. */
static void format_in(const struct unit *unit, uint64_t v, char *out)
{
	while (unit->factor > 1 && (v == 0 || v % unit->factor != 0))
		unit++;
	snprintf(
	    out, NUMBER_SIZE, "%" PRIu64 "%s", v / unit->factor, unit->name);
}

static void format_number(enum conf_kind kind, uint64_t v, char *out)
{
	static const struct unit sizes[] = {{CONF_TIB, "T"},
	    {1024 * CONF_MIB, "G"}, {CONF_MIB, "M"}, {CONF_KIB, "K"}, {1, ""}};
	static const struct unit durations[] = {{CONF_DAY, "d"},
	    {3600 * CONF_SEC, "h"}, {60 * CONF_SEC, "m"}, {CONF_SEC, "s"},
	    {1, "ms"}};

	if (kind == CONF_KIND_DURATION && v > 0)
		format_in(durations, v, out);
	else if (kind == CONF_KIND_SIZE && v == UINT64_MAX)
		snprintf(out, NUMBER_SIZE, "unlimited");
	else if (kind == CONF_KIND_SIZE)
		format_in(sizes, v, out);
	else
		snprintf(out, NUMBER_SIZE, "%" PRIu64, v);
}

/** Read a size, a duration or a count within the key's bounds. */
static int parse_number(const struct conf_key *key, const char *text,
    uint64_t *ret, struct conf_error *reterr)
{
	const char *what = "a number; write digits only";
	char allowed[2 * NUMBER_SIZE + 8];
	uint64_t v;
	int r;

	if (key->kind == CONF_KIND_SIZE) {
		r = size_parse(text, &v);
		what = "a size; write bytes or a number with K, M, G or T";
	} else if (key->kind == CONF_KIND_DURATION) {
		r = duration_parse(text, &v);
		what = "a duration; write seconds or a number with ms, s, m, "
		       "h or d";
	} else {
		r = str_u64(str_from(text), &v);
	}
	conf_value_allowed(key, allowed, sizeof allowed);
	if (r == -EINVAL)
		return conf_error_set(reterr, -EINVAL,
		    "'%.64s' is not %s, from %s", text, what, allowed);
	if (r < 0 || v < key->min || v > key->max)
		return conf_error_set(reterr, -EINVAL,
		    "'%.64s' is out of range; allowed is %s", text, allowed);

	*ret = v;
	return 0;
}

static int parse_count(const struct conf_key *key, const char *text,
    unsigned *ret, struct conf_error *reterr)
{
	uint64_t v = 0;

	int r = parse_number(key, text, &v, reterr);
	if (r < 0)
		return r;

	*ret = (unsigned)v;
	return 0;
}

static int parse_bool(const char *text, bool *ret, struct conf_error *reterr)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};

	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*ret = strcmp(text, yes[i]) == 0;
			return 0;
		}
	}
	return conf_error_set(reterr, -EINVAL,
	    "'%.64s' is neither yes nor no; write one of them", text);
}

static int parse_choice(const struct conf_key *key, const char *text, int *ret,
    struct conf_error *reterr)
{
	char allowed[128];

	conf_value_allowed(key, allowed, sizeof allowed);
	for (const struct choice *c = choices_of(key->kind); c->name; c++) {
		if (strcmp(text, c->name) != 0)
			continue;
		*ret = c->value;
		return 0;
	}
	return conf_error_set(reterr, -EINVAL,
	    "'%.64s' is not known; allowed is %s", text, allowed);
}

/**
 * Take only what a file can say, so that conf_print() can write it: no
 * control characters, and nothing that begins a comment there.
 */
static int parse_string(const struct conf_key *key, const char *text,
    char **ret, struct conf_error *reterr)
{
	size_t n = strlen(text);

	if (n > key->max)
		return conf_error_set(reterr, -EINVAL,
		    "too long; allowed are %" PRIu64 " bytes", key->max);
	if (n == 0 && key->min > 0)
		return conf_error_set(
		    reterr, -EINVAL, "empty; write something");
	if (n < key->min)
		return conf_error_set(reterr, -EINVAL,
		    "too short; at least %" PRIu64 " bytes are needed",
		    key->min);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return conf_error_set(
			    reterr, -EINVAL, "holds a control character");
		if (text[i] == ';' && (i == 0 || text[i - 1] == ' '))
			return conf_error_set(reterr, -EINVAL,
			    "holds a ';' that would begin a comment in a "
			    "file");
	}

	char *copy = strdup(text);
	if (!copy)
		return conf_error_set(reterr, -ENOMEM, "out of memory");

	free(*ret);
	*ret = copy;
	return 0;
}

/** What is split into words where it is used, later. */
static int parse_words(const struct conf_key *key, const char *text,
    char **ret, struct conf_error *reterr)
{
	char path[PROGRAM_PATH_SIZE], first[PROGRAM_PATH_SIZE] = "";
	struct str rest = str_from(text);
	const char *why = "its first word is too long";
	ssize_t n = words_next(&rest, first, sizeof first, &why);

	if (n >= 0 && key->kind == CONF_KIND_COMMAND &&
	    program_find(first, path) < 0)
		return conf_error_set(reterr, -EINVAL,
		    "'%.200s' is no program that can be run; write the path "
		    "of one, or a name that is in " PROGRAM_DIRS,
		    first);
	while (n >= 0) {
		if (key->kind == CONF_KIND_WORDS && first[0] != '/')
			return conf_error_set(reterr, -EINVAL,
			    "'%.200s' is not an absolute path; write one that "
			    "begins with /",
			    first);
		n = key->kind == CONF_KIND_WORDS
			? words_next(&rest, first, sizeof first, &why)
			: words_next(&rest, NULL, 0, &why);
	}
	if (n != -ENOENT)
		return conf_error_set(reterr, -EINVAL, "%s", why);
	return parse_string(key, text, ret, reterr);
}

static int parse(const struct conf_key *key, void *field, const char *text,
    struct conf_error *reterr)
{
	switch (key->kind) {
	case CONF_KIND_SIZE:
	case CONF_KIND_DURATION:
		return parse_number(key, text, field, reterr);
	case CONF_KIND_COUNT:
		return parse_count(key, text, field, reterr);
	case CONF_KIND_BOOL:
		return parse_bool(text, field, reterr);
	case CONF_KIND_STRING:
		return parse_string(key, text, field, reterr);
	case CONF_KIND_COMMAND:
	case CONF_KIND_WORDS:
		return parse_words(key, text, field, reterr);
	case CONF_KIND_LISTEN:
	case CONF_KIND_ORIGINS:
	case CONF_KIND_NETWORKS:
	case CONF_KIND_PORTS:
	case CONF_KIND_PROXIES:
	case CONF_KIND_EVENTS:
		return conf_list_parse(key, field, text, reterr);
	default:
		return parse_choice(key, text, field, reterr);
	}
}

int conf_value_parse(const struct conf_key *key, void *field, const char *text,
    struct conf_error *reterr)
{
	struct conf_error why = {0};

	int r = parse(key, field, text, &why);
	if (r < 0)
		conf_error_set(reterr, r, "%s.%s: %.400s", key->section,
		    key->name, why.msg);
	return r;
}

int conf_value_empty(void *field)
{
	char *text = strdup("");

	memcpy(field, &text, sizeof text);
	return text ? 0 : -ENOMEM;
}

static void print_choice(const struct conf_key *key, int value, FILE *out)
{
	for (const struct choice *c = choices_of(key->kind); c->name; c++) {
		if (c->value == value)
			fputs(c->name, out);
	}
}

void conf_value_print(const struct conf_key *key, const void *field, FILE *out)
{
	char number[NUMBER_SIZE];

	switch (key->kind) {
	case CONF_KIND_SIZE:
	case CONF_KIND_DURATION:
		format_number(key->kind, *(const uint64_t *)field, number);
		fputs(number, out);
		break;
	case CONF_KIND_COUNT:
		fprintf(out, "%u", *(const unsigned *)field);
		break;
	case CONF_KIND_BOOL:
		fputs(*(const bool *)field ? "yes" : "no", out);
		break;
	case CONF_KIND_STRING:
	case CONF_KIND_COMMAND:
	case CONF_KIND_WORDS:
		fputs(*(char *const *)field, out);
		break;
	case CONF_KIND_LISTEN:
	case CONF_KIND_ORIGINS:
	case CONF_KIND_NETWORKS:
	case CONF_KIND_PORTS:
	case CONF_KIND_PROXIES:
	case CONF_KIND_EVENTS:
		conf_list_print(key, field, out);
		break;
	default:
		print_choice(key, *(const int *)field, out);
		break;
	}
}

bool conf_value_is_empty(const struct conf_key *key, const void *field)
{
	if (conf_kind_is_list(key->kind))
		return conf_list_is_empty(field);
	return conf_kind_is_text(key->kind) && !**(char *const *)field;
}

static void allowed_choices(const struct choice *c, char *out, size_t size)
{
	size_t at = 0;

	out[0] = '\0';
	for (; c->name && at < size; c++)
		at += (size_t)snprintf(
		    out + at, size - at, "%s%s", at ? ", " : "", c->name);
}

void conf_value_allowed(const struct conf_key *key, char *out, size_t size)
{
	char min[NUMBER_SIZE];
	char max[NUMBER_SIZE];

	switch (key->kind) {
	case CONF_KIND_SIZE:
	case CONF_KIND_DURATION:
	case CONF_KIND_COUNT:
		format_number(key->kind, key->min, min);
		format_number(key->kind, key->max, max);
		snprintf(out, size, "%s to %s", min, max);
		break;
	case CONF_KIND_BOOL:
		snprintf(out, size, "yes, no");
		break;
	case CONF_KIND_STRING:
		snprintf(out, size, "text");
		break;
	case CONF_KIND_COMMAND:
		snprintf(out, size, "a command line");
		break;
	case CONF_KIND_WORDS:
		snprintf(out, size, "words, with quotes if need be");
		break;
	case CONF_KIND_LISTEN:
	case CONF_KIND_ORIGINS:
	case CONF_KIND_NETWORKS:
	case CONF_KIND_PORTS:
	case CONF_KIND_PROXIES:
	case CONF_KIND_EVENTS:
		snprintf(out, size, "a list of %" PRIu64 " to %" PRIu64,
		    key->min, key->max);
		break;
	default:
		allowed_choices(choices_of(key->kind), out, size);
		break;
	}
}

void conf_value_fini(const struct conf_key *key, void *field)
{
	if (conf_kind_is_list(key->kind)) {
		conf_list_fini(field);
	} else if (conf_kind_is_text(key->kind)) {
		char **text = field;
		free(*text);
		*text = NULL;
	}
}
