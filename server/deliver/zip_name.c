/* SPDX-License-Identifier: MIT */
#include "deliver/zip_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* clang-format off */

/* Endings in order, for bsearch(). */
static const struct type {
	const char *ending, *type;
} types[] = {
	{"avif", "image/avif"},
	{"bmp", "image/bmp"},
	{"bz2", "application/x-bzip2"},
	{"c", "text/plain; charset=utf-8"},
	{"cfg", "text/plain; charset=utf-8"},
	{"conf", "text/plain; charset=utf-8"},
	{"css", "text/css; charset=utf-8"},
	{"csv", "text/csv; charset=utf-8"},
	{"doc", "application/msword"},
	{"docx", "application/vnd.openxmlformats-"
	    "officedocument.wordprocessingml.document"},
	{"epub", "application/epub+zip"},
	{"flac", "audio/flac"},
	{"gif", "image/gif"},
	{"gz", "application/gzip"},
	{"h", "text/plain; charset=utf-8"},
	{"htm", "text/html; charset=utf-8"},
	{"html", "text/html; charset=utf-8"},
	{"ico", "image/vnd.microsoft.icon"},
	{"ini", "text/plain; charset=utf-8"},
	{"jar", "application/java-archive"},
	{"jpeg", "image/jpeg"},
	{"jpg", "image/jpeg"},
	{"js", "text/javascript; charset=utf-8"},
	{"json", "application/json"},
	{"log", "text/plain; charset=utf-8"},
	{"m4a", "audio/mp4"},
	{"md", "text/markdown; charset=utf-8"},
	{"mjs", "text/javascript; charset=utf-8"},
	{"mov", "video/quicktime"},
	{"mp3", "audio/mpeg"},
	{"mp4", "video/mp4"},
	{"odp", "application/vnd.oasis.opendocument.presentation"},
	{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
	{"odt", "application/vnd.oasis.opendocument.text"},
	{"ogg", "audio/ogg"},
	{"otf", "font/otf"},
	{"pdf", "application/pdf"},
	{"png", "image/png"},
	{"ppt", "application/vnd.ms-powerpoint"},
	{"pptx", "application/vnd.openxmlformats-"
	    "officedocument.presentationml.presentation"},
	{"rtf", "application/rtf"},
	{"svg", "image/svg+xml"},
	{"tar", "application/x-tar"},
	{"tif", "image/tiff"},
	{"tiff", "image/tiff"},
	{"tsv", "text/tab-separated-values; charset=utf-8"},
	{"ttf", "font/ttf"},
	{"txt", "text/plain; charset=utf-8"},
	{"wasm", "application/wasm"},
	{"wav", "audio/wav"},
	{"webm", "video/webm"},
	{"webp", "image/webp"},
	{"woff", "font/woff"},
	{"woff2", "font/woff2"},
	{"xhtml", "application/xhtml+xml"},
	{"xls", "application/vnd.ms-excel"},
	{"xlsx", "application/vnd.openxmlformats-"
	    "officedocument.spreadsheetml.sheet"},
	{"xml", "application/xml"},
	{"xz", "application/x-xz"},
	{"yaml", "application/yaml"},
	{"yml", "application/yaml"},
	{"zip", "application/zip"},
	{"zst", "application/zstd"},
};

/* Source: APPNOTE §4.4.5 */
static const struct method {
	uint16_t number;
	const char *name;
} methods[] = {
	{0, "store"}, {1, "shrink"}, {2, "reduce1"}, {3, "reduce2"},
	{4, "reduce3"}, {5, "reduce4"}, {6, "implode"}, {8, "deflate"},
	{9, "deflate64"}, {12, "bzip2"}, {14, "lzma"}, {20, "zstd"},
	{93, "zstd"}, {94, "mp3"}, {95, "xz"}, {96, "jpeg"},
	{97, "wavpack"}, {98, "ppmd"}, {99, "aes"},
};
/* clang-format on */

static bool is_separator(char c)
{
	return c == '/' || c == '\\';
}

static bool has_dotdot(struct str name)
{
	size_t start = 0;

	for (size_t i = 0; i <= name.n; i++) {
		if (i < name.n && !is_separator(name.p[i]))
			continue;
		if (i - start == 2 && memcmp(name.p + start, "..", 2) == 0)
			return true;
		start = i + 1;
	}
	return false;
}

/** What is wrong with a character of it; NULL: nothing. */
static const char *bad_character(struct str name)
{
	for (size_t i = 0; i < name.n;) {
		unsigned char c = (unsigned char)name.p[i];
		uint32_t cp = c;
		size_t seq =
		    c < 0x80 ? 1 : utf8_next(name.p + i, name.n - i, &cp);

		if (seq == 0)
			return "is not UTF-8";
		if (c == '\\')
			return "has a backslash";
		if (utf8_is_acting(cp))
			return cp < 0xa0 ? "has a control character"
					 : "has a character that changes how "
					   "text is laid out";
		i += seq;
	}
	return NULL;
}

static bool has_drive(struct str name)
{
	return name.n >= 2 && ascii_is_alpha(name.p[0]) && name.p[1] == ':';
}

bool zip_name_unsafe(struct str name)
{
	return name.n == 0 || is_separator(name.p[0]) || has_drive(name) ||
	       bad_character(name) || has_dotdot(name);
}

static const char *bad_part(struct str part)
{
	if (part.n == 0)
		return "has an empty part, between two slashes";
	if (str_eq(part, "."))
		return "has the part '.'";
	return str_eq(part, "..") ? "has the part '..'" : NULL;
}

const char *zip_name_refusal(struct str name)
{
	const char *why = NULL;
	size_t start = 0;

	if (name.n == 0)
		return "is empty";
	if (name.p[0] == '/')
		return "begins with a slash";
	if (name.p[name.n - 1] == '/')
		return "is a folder's: it ends in a slash";
	if (has_drive(name))
		return "begins with a drive letter";
	for (size_t i = 0; i <= name.n && !why; i++) {
		if (i < name.n && name.p[i] != '/')
			continue;
		why = bad_part((struct str){name.p + start, i - start});
		start = i + 1;
	}
	return why ? why : bad_character(name);
}

/** Whether a part of a name is a device of Windows, with any ending. */
static bool is_device(struct str part)
{
	static const char *const names[] = {"con", "prn", "aux", "nul"};
	static const char *const numbered[] = {"com", "lpt"};
	size_t n = 0;

	while (n < part.n && part.p[n] != '.')
		n++;
	struct str stem = {part.p, n};
	for (size_t i = 0; n == 3 && i < 4; i++)
		if (str_ieq(stem, names[i]))
			return true;
	for (size_t i = 0; n == 4 && i < 2; i++)
		if (str_istarts(stem, numbered[i]) && ascii_is_digit(stem.p[3]))
			return true;
	return false;
}

static bool is_odd_part(struct str part)
{
	if (part.n == 0)
		return true;

	char first = part.p[0], last = part.p[part.n - 1];
	return first == ' ' || last == ' ' || last == '.' || is_device(part);
}

/** A byte order mark, and spaces and joiners without width. */
static bool is_hidden(const char *p, size_t n)
{
	uint32_t cp;

	return utf8_next(p, n, &cp) &&
	       (cp == 0xfeff || cp == 0x2060 || (cp >= 0x200b && cp <= 0x200d));
}

bool zip_name_odd(struct str name)
{
	size_t start = 0;

	if (name.n > 0 && name.p[0] == '-')
		return true;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (c == '/') {
			if (is_odd_part(
				(struct str){name.p + start, i - start}))
				return true;
			start = i + 1;
		} else if ((signed char)c < 0) {
			if (is_hidden(name.p + i, name.n - i))
				return true;
		} else if (c < '@' && strchr("\"*:<>?", c)) {
			return true;
		} else if (c == '|') {
			return true;
		}
	}
	return start < name.n &&
	       is_odd_part((struct str){name.p + start, name.n - start});
}

struct str zip_name_base(struct str name)
{
	size_t start = name.n;

	while (start > 0 && !is_separator(name.p[start - 1]))
		start--;
	return (struct str){name.p + start, name.n - start};
}

static int compare_ending(const void *key, const void *row)
{
	return strcmp(key, ((const struct type *)row)->ending);
}

const char *zip_name_type(struct str name)
{
	struct str base = zip_name_base(name);
	char ending[8];
	size_t len = 0;

	while (len < base.n && base.p[base.n - 1 - len] != '.')
		len++;
	if (len > 0 && len < base.n && len < sizeof ending) {
		for (size_t i = 0; i < len; i++)
			ending[i] = ascii_lower(base.p[base.n - len + i]);
		ending[len] = '\0';

		const struct type *t =
		    bsearch(ending, types, sizeof types / sizeof *types,
			sizeof *types, compare_ending);
		if (t)
			return t->type;
	}
	return "application/octet-stream";
}

void zip_name_show(struct strbuf *out, struct str name)
{
	for (size_t i = 0; i < name.n;) {
		size_t plain = i;
		while (plain < name.n && name.p[plain] >= 0x20 &&
		       name.p[plain] < 0x7f)
			plain++;
		strbuf_add(out, name.p + i, plain - i);
		i = plain;
		if (i == name.n)
			break;

		uint32_t cp;
		size_t seq = utf8_next(name.p + i, name.n - i, &cp);
		if (seq == 0 || utf8_is_acting(cp))
			strbuf_adds(out, UTF8_REPLACEMENT);
		else
			strbuf_add(out, name.p + i, seq);
		i += seq ? seq : 1;
	}
}

const char *zip_method_name(uint16_t method, char buf[ZIP_METHOD_NAME_SIZE])
{
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (methods[i].number == method)
			return methods[i].name;

	snprintf(buf, ZIP_METHOD_NAME_SIZE, "%u", (unsigned)method);
	return buf;
}
