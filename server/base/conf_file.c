/* SPDX-License-Identifier: MIT */
/*
 * conf_load(): a file into struct conf, by way of inih.
 *
 * inih knows neither line numbers for its handler nor the difference between
 * a list that goes on and a key given twice, and its shared builds differ in
 * how long a line may be. So it gets its lines from read_line() here, which
 * knows all three. A value is set when the next key begins.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ini.h>

#include "base/conf.h"
#include "base/conf_group.h"
#include "base/conf_table.h"
#include "base/conf_value.h"
#include "base/strbuf.h"
#include "common/text.h"

/** Longest line, where inih lets us choose. */
#define LINE_MAX_BYTES 4096
/** Longest value, over all its lines. */
#define VALUE_MAX_BYTES ((size_t)64 * 1024)

struct loader {
	struct conf *conf;
	struct conf_error *err;
	int result; /* the first failure */

	FILE *file;
	char *line;
	size_t line_cap;
	unsigned number; /* of the line, from 1 */
	bool indented;

	struct conf_place place; /* .key waits for the rest of its value */
	unsigned key_line;
	struct strbuf value;
};

/** Note the first failure; its text is in err->msg. */
static void fail(struct loader *l, int err, unsigned line)
{
	if (l->result == 0) {
		l->result = err;
		l->err->line = line;
	}
}

/** `[name]` and nothing but a comment behind it. */
static void check_section_line(struct loader *l)
{
	char *name = l->line + 1;
	size_t n = strcspn(name, "]");

	if (name[n] != ']') {
		fail(l,
		    conf_error_set(l->err, -EINVAL,
			"a section without its ]; write [name]"),
		    l->number);
		return;
	}

	const char *rest = name + n + 1;
	rest += strspn(rest, " \t\r\n");
	if (*rest && *rest != ';' && *rest != '#') {
		fail(l,
		    conf_error_set(l->err, -EINVAL,
			"text behind a section; write it on the next line"),
		    l->number);
		return;
	}

	char end = name[n];
	struct conf_name *at;

	name[n] = '\0';
	int r = conf_open_section(l->conf, name, &at, l->err);
	name[n] = end;
	if (r < 0) {
		fail(l, r, l->number);
	} else if (at && !at->line) {
		at->line = l->number;
		memcpy(at->file, l->err->file, sizeof at->file);
	}
}

/** inih's fgets(): the next line whole, NULL at the end or on a failure. */
static char *read_line(char *out, int size, void *stream)
{
	struct loader *l = stream;

	if (l->result < 0)
		return NULL;
	ssize_t n = getline(&l->line, &l->line_cap, l->file);
	if (n < 0) {
		if (!feof(l->file))
			fail(l,
			    conf_error_set(
				l->err, -errno, "%s", strerror(errno)),
			    0);
		return NULL;
	}

	l->number++;
	l->indented = isspace((unsigned char)l->line[0]);
	if (memchr(l->line, '\0', (size_t)n))
		fail(l,
		    conf_error_set(
			l->err, -EINVAL, "a NUL byte; this is not text"),
		    l->number);
	else if (n >= size - 1)
		fail(l,
		    conf_error_set(l->err, -EINVAL,
			"the line is longer than %d bytes; a list may go on "
			"in indented lines",
			size - 2),
		    l->number);
	else if (l->line[0] == '[')
		check_section_line(l);
	if (l->result < 0)
		return NULL;

	memcpy(out, l->line, (size_t)n + 1);
	return out;
}

/** Set the key whose value is complete now. */
static void finish_key(struct loader *l)
{
	const struct conf_key *key = l->place.key;

	if (!key || l->result < 0)
		return;

	int r;
	if (l->value.failed)
		r = conf_error_set(l->err, -EINVAL, "%s.%s: too long",
		    key->section, key->name);
	else
		r = conf_value_parse(key, l->place.field,
		    l->value.data ? l->value.data : "", l->err);
	if (r < 0)
		fail(l, r, l->key_line);
	l->place.key = NULL;
}

static void begin_key(struct loader *l, const char *section, const char *name)
{
	if (section[0] == '\0') {
		fail(l,
		    conf_error_set(l->err, -EINVAL,
			"'%.64s' stands before the first section; write "
			"[server] or another above it",
			name),
		    l->number);
		return;
	}

	struct conf_place place;
	int r = conf_locate(l->conf, section, name, &place, l->err);
	if (r < 0) {
		fail(l, r, l->number);
		return;
	}

	if (*place.line) {
		fail(l,
		    conf_error_set(l->err, -EINVAL,
			"%s.%s is set on line %u already; a list goes on in "
			"indented lines",
			section, name, *place.line),
		    l->number);
		return;
	}

	*place.line = l->number;
	l->place = place;
	l->key_line = l->number;
	strbuf_reset(&l->value);
}

/** Another line of a value: older inih leaves the comment to us. */
static void continue_key(struct loader *l, const char *value)
{
	size_t n = 0;

	const struct conf_key *key = l->place.key;

	if (!conf_kind_is_list(key->kind)) {
		fail(l,
		    conf_error_set(l->err, -EINVAL,
			"an indented line goes on with the value of %s.%s, "
			"which is not a list; remove the spaces before it",
			key->section, key->name),
		    l->number);
		return;
	}

	while (
	    value[n] && !(value[n] == ';' &&
			    (n == 0 || isspace((unsigned char)value[n - 1]))))
		n++;
	strbuf_addc(&l->value, ',');
	strbuf_add(&l->value, value, n);
}

/** Is it the key before? Sections begin in lines that are not indented. */
static bool goes_on(
    const struct loader *l, const char *section, const char *name)
{
	const struct conf_key *key = l->place.key;

	return key && strcmp(name, key->name) == 0 &&
	       strncmp(section, key->section, strlen(key->section)) == 0;
}

/** inih's handler: 0 is failure there. */
static int handle(
    void *user, const char *section, const char *name, const char *value)
{
	struct loader *l = user;

	if (l->result < 0)
		return 0;
	if (l->indented && goes_on(l, section, name)) {
		continue_key(l, value);
		return l->result == 0;
	}

	finish_key(l);
	if (l->result == 0)
		begin_key(l, section, name);
	if (l->result == 0)
		strbuf_adds(&l->value, value);
	return l->result == 0;
}

static int load(struct loader *l)
{
	/* A copy of a library's knob, always to the same value. */
#ifdef HAVE_INI_MAX_LINE
	ini_max_line = LINE_MAX_BYTES;
#endif

	int syntax = ini_parse_stream(read_line, l, handle, l);
	finish_key(l);
	if (syntax == -2)
		return conf_error_set(l->err, -ENOMEM, "out of memory");

	/* inih goes on after a bad line, so ours may be a later one. */
	bool earlier = l->result == 0 ||
		       (l->err->line != 0 && (unsigned)syntax < l->err->line);
	if (syntax > 0 && earlier) {
		l->err->line = (unsigned)syntax;
		return conf_error_set(l->err, -EINVAL,
		    "neither a [section], a comment nor key = value");
	}
	return l->result;
}

int conf_load(struct conf *c, const char *path, struct conf_error *reterr)
{
	struct loader l = {.conf = c, .err = reterr};

	snprintf(reterr->file, sizeof reterr->file, "%s", path);
	reterr->line = 0;
	memcpy(c->file, reterr->file, sizeof c->file);
	memset(c->lines, 0, sizeof c->lines);
	l.file = fopen(path, "re");
	if (!l.file) {
		int err = errno;
		return conf_error_set(reterr, -err, "%s", strerror(err));
	}

	strbuf_init(&l.value, VALUE_MAX_BYTES);
	int r = load(&l);
	strbuf_fini(&l.value);
	free(l.line);
	fclose(l.file);
	return r;
}
