/* SPDX-License-Identifier: MIT */
#include "base/conf_table.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/** Names longer than this are never near to a known one. */
#define NAME_MAX_LEN 63
#define NAME_SIZE (NAME_MAX_LEN + 1)

#define ROW(section, kind, key, preset, min, max, doc) \
	{#section, #key, CONF_KIND_##kind, offsetof(struct conf, section.key), \
	    preset, min, max, doc},
#define ROWS(section, keys) keys(ROW)

const struct conf_key conf_keys[CONF_KEY_COUNT] = {CONF_SECTIONS(ROWS)};

/** How many letters differ (Levenshtein); far names are just "far". */
static size_t distance(const char *a, const char *b)
{
	size_t na = strlen(a);
	size_t nb = strlen(b);
	size_t row[NAME_SIZE];

	if (na > NAME_MAX_LEN || nb > NAME_MAX_LEN)
		return SIZE_MAX;

	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = corner + (a[i - 1] != b[j - 1]);
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			corner = row[j];
			row[j] = best;
		}
	}
	return row[nb];
}

/** Whether a suggestion would help: at most a third of it is wrong. */
static bool is_near(size_t letters, const char *name)
{
	return letters <= (1 + strlen(name)) / 3;
}

int conf_find_section(const char *section, struct conf_error *reterr)
{
	const char *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
		const char *known = conf_keys[i].section;
		size_t letters = distance(section, known);

		if (strcmp(section, known) == 0)
			return 0;
		if (letters < least) {
			least = letters;
			nearest = known;
		}
	}

	if (nearest && is_near(least, nearest))
		return conf_error_set(reterr, -EINVAL,
		    "[%.64s] is not a known section; did you mean [%s]?",
		    section, nearest);

#define NAME_OF(name, keys) " " #name
	return conf_error_set(reterr, -EINVAL,
	    "[%.64s] is not a known section; known are" CONF_SECTIONS(NAME_OF)
		" and, with a name," CONF_GROUPS(NAME_OF),
	    section);
#undef NAME_OF
}

/** The same name in another section is nearer than any other name. */
static size_t key_distance(
    const struct conf_key *key, const char *section, const char *name)
{
	bool here = strcmp(key->section, section) == 0;
	size_t letters = distance(key->name, name);

	if (letters == 0)
		return here ? 0 : 1;
	return letters < SIZE_MAX - 2 ? letters + (here ? 0 : 2) : letters;
}

const struct conf_key *conf_find_in(const struct conf_key *keys, size_t count,
    const char *section, const char *name, struct conf_error *reterr)
{
	const struct conf_key *nearest = NULL;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < count; i++) {
		size_t letters = key_distance(&keys[i], section, name);
		if (letters == 0)
			return &keys[i];
		if (letters < least) {
			least = letters;
			nearest = &keys[i];
		}
	}

	if (nearest && is_near(least, nearest->name))
		conf_error_set(reterr, -EINVAL,
		    "%s.%.64s is not a known key; did you mean %s.%s?", section,
		    name, nearest->section, nearest->name);
	else
		conf_error_set(reterr, -EINVAL,
		    "%s.%.64s is not a known key; --print-config lists them",
		    section, name);
	return NULL;
}

const struct conf_key *conf_find(
    const char *section, const char *name, struct conf_error *reterr)
{
	if (conf_find_section(section, reterr) < 0)
		return NULL;

	return conf_find_in(conf_keys, CONF_KEY_COUNT, section, name, reterr);
}
