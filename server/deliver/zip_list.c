/* SPDX-License-Identifier: MIT */
#include "deliver/zip_list.h"

#include <string.h>

#include "base/json.h"
#include "common/httpdate.h"
#include "deliver/zip_name.h"

/** Everything of an entry but name and comment: keys, numbers, date. */
#define FIXED_MAX 768
/** What an entry's object tells with true and false. */
#define OWN_MEMBERS ((uint32_t)ZIP_WARN_ENCRYPTED | ZIP_WARN_UNSAFE_NAME)

void zip_list_init(
    struct zip_list *l, const struct zip_dir *dir, const struct zip_wish *wish)
{
	*l = (struct zip_list){
	    .dir = dir,
	    .wish = *wish,
	    .at = wish->first < dir->count ? (size_t)wish->first : dir->count,
	};
}

/** Move `at` to the next entry that has the prefix. */
static bool find_next(struct zip_list *l)
{
	struct str prefix = l->wish.prefix;

	for (; l->at < l->dir->count; l->at++) {
		struct str name =
		    zip_entry_name(l->dir, &l->dir->entries[l->at]);
		if (name.n >= prefix.n &&
		    (prefix.n == 0 || memcmp(name.p, prefix.p, prefix.n) == 0))
			return true;
	}
	return false;
}

/*
 * An entry's object is written straight into room that was reserved for its
 * worst, because listings of many entries are mostly this.
 */

static char *put_text(char *p, const char *text, size_t n)
{
	memcpy(p, text, n);
	return p + n;
}

#define PUT(p, literal) put_text((p), "" literal, sizeof(literal) - 1)

static char *put_u64(char *p, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return put_text(p, digits + at, sizeof digits - at);
}

static char *put_hex32(char *p, uint32_t v)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[v >> shift & 15];
	return p;
}

static char *put_bool(char *p, bool v)
{
	return v ? PUT(p, "true") : PUT(p, "false");
}

static char *put_string(char *p, struct str s)
{
	*p++ = '"';
	p += json_escape(p, s.p, s.n);
	*p++ = '"';
	return p;
}

static char *put_method(char *p, uint16_t method)
{
	char number[ZIP_METHOD_NAME_SIZE];
	const char *name = zip_method_name(method, number);

	/* A method that has no word is its number. */
	return name == number ? put_u64(p, method)
			      : put_string(p, str_from(name));
}

static char *put_modified(char *p, int64_t modified)
{
	char date[RFC3339_SIZE];

	if (modified == ZIP_NO_TIME)
		return PUT(p, "null");

	rfc3339_format(modified, date);
	return put_string(p, str_from(date));
}

static char *put_mode(char *p, const struct zip_entry *e)
{
	unsigned mode = e->mode;

	if (!(e->flags & ZIP_ENTRY_HAS_MODE))
		return PUT(p, "null");

	*p++ = '"';
	for (int shift = 15; shift >= 0; shift -= 3)
		*p++ = (char)('0' + (mode >> shift & 7));
	*p++ = '"';
	return p;
}

/** Their words; one for what has a member of its own is left out. */
static char *put_warnings(char *p, uint32_t set)
{
	const char *comma = "";

	p = PUT(p, "[");
	for (set &= ~OWN_MEMBERS; set; set &= set - 1) {
		const char *word = zip_warn_words[zip_warn_first(set)];

		p = put_text(p, comma, strlen(comma));
		p = put_string(p, str_from(word));
		comma = ",";
	}
	return PUT(p, "]");
}

static char *put_entry(char *p, const struct zip_dir *d, size_t i)
{
	const struct zip_entry *e = &d->entries[i];

	p = put_u64(PUT(p, "{\"index\":"), i);
	p = put_string(PUT(p, ",\"name\":"), zip_entry_name(d, e));
	p = put_u64(PUT(p, ",\"size\":"), e->size);
	p = put_u64(PUT(p, ",\"compressed_size\":"), e->packed_size);
	p = put_method(PUT(p, ",\"method\":"), e->method);
	p = put_hex32(PUT(p, ",\"crc32\":\""), e->crc);
	p = put_modified(PUT(p, "\",\"modified\":"), e->modified);
	p = put_bool(PUT(p, ",\"is_dir\":"), e->flags & ZIP_ENTRY_DIR);
	p = put_bool(PUT(p, ",\"encrypted\":"), e->flags & ZIP_WARN_ENCRYPTED);
	p = put_mode(PUT(p, ",\"mode\":"), e);
	p = put_string(PUT(p, ",\"comment\":"), zip_entry_comment(d, e));
	p = put_bool(PUT(p, ",\"unsafe\":"), e->flags & ZIP_WARN_UNSAFE_NAME);
	p = put_u64(PUT(p, ",\"offset\":"), e->header_off);
	p = put_warnings(PUT(p, ",\"warnings\":"), zip_entry_warnings(e));
	return PUT(p, "}");
}

static void add_entry(struct zip_list *l, struct strbuf *out)
{
	const struct zip_entry *e = &l->dir->entries[l->at];

	if (l->wish.form == ZIP_FORM_TEXT) {
		zip_name_show(out, zip_entry_name(l->dir, e));
		strbuf_addc(out, '\n');
		return;
	}

	size_t worst = FIXED_MAX +
		       ((size_t)e->name_len + e->comment_len) * JSON_ESCAPE_MAX;
	if (!strbuf_reserve(out, worst))
		return;

	char *start = out->data + out->len;
	char *p = start;
	if (l->wish.form == ZIP_FORM_JSON && l->listed > 0)
		*p++ = ',';
	p = put_entry(p, l->dir, l->at);
	if (l->wish.form == ZIP_FORM_NDJSON)
		*p++ = '\n';
	*p = '\0';
	out->len += (size_t)(p - start);
}

/** What looks odd or dangerous: in all, and how many entries where first. */
static void report(struct json *j, const struct zip_dir *d)
{
	json_bool(j, "headers_checked", d->headers_checked);
	json_array_begin(j, "warnings");
	for (uint32_t set = d->warnings; set; set &= set - 1) {
		unsigned i = zip_warn_first(set);

		json_object_begin(j, NULL);
		json_string(j, "kind", zip_warn_words[i]);
		json_bool(j, "hazard", ZIP_WARN_HAZARDS & 1 << i);
		if (d->tally.count[i] > 0) {
			json_uint(j, "count", d->tally.count[i]);
			json_uint(j, "first", d->tally.first[i]);
		}
		json_object_end(j);
	}
	json_array_end(j);
}

static void begin(struct zip_list *l, struct strbuf *out)
{
	struct json j;

	l->begun = true;
	if (l->wish.form != ZIP_FORM_JSON)
		return;

	json_init(&j, out);
	json_object_begin(&j, NULL);
	json_string_n(&j, "comment", l->dir->comment ? l->dir->comment : "",
	    l->dir->comment_len);
	json_uint(&j, "count", l->dir->count);
	json_uint(&j, "size", l->dir->size);
	json_uint(&j, "compressed_size", l->dir->packed_size);
	json_bool(&j, "provisional", l->dir->provisional);
	report(&j, l->dir);
	json_array_begin(&j, "entries");
}

/** Close what begin() opened. The token is the last index that was listed. */
static void end(struct zip_list *l, size_t last, struct strbuf *out)
{
	l->ended = true;
	if (l->wish.form != ZIP_FORM_JSON)
		return;

	strbuf_adds(out, "],\"next\":");
	if (find_next(l)) {
		strbuf_addc(out, '"');
		strbuf_addu(out, last);
		strbuf_adds(out, "\"}\n");
	} else {
		strbuf_adds(out, "null}\n");
	}
}

bool zip_list_more(struct zip_list *l, struct strbuf *out)
{
	if (!l->begun)
		begin(l, out);
	while (!l->ended && !out->failed && out->len < ZIP_LIST_PIECE_BYTES) {
		if (l->listed == l->wish.limit || !find_next(l)) {
			end(l, l->at - 1, out);
			break;
		}
		add_entry(l, out);
		l->listed++;
		l->at++;
	}
	return out->len > 0;
}
