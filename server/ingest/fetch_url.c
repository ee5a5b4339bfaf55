/* SPDX-License-Identifier: MIT */
#include "ingest/fetch_url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/strbuf.h"
#include "common/media.h"
#include "common/percent.h"

/* The path without its query. */
static struct str path_of(const struct url_parts *parts)
{
	struct str path = parts->path_query;
	const char *mark = path.n > 0 ? memchr(path.p, '?', path.n) : NULL;

	if (mark)
		path.n = (size_t)(mark - path.p);
	return path;
}

char *fetch_url_public(struct str url, const struct url_parts *parts)
{
	struct strbuf b;
	struct str path = path_of(parts);
	size_t head = parts->path_query.n > 0
	    ? (size_t)(parts->path_query.p - url.p)
	    : url.n;
	const char *fragment = memchr(url.p, '#', head);

	if (fragment)
		head = (size_t)(fragment - url.p);
	strbuf_init(&b, URL_MAX_BYTES + 1);
	strbuf_add(&b, url.p, head);
	if (path.n == 0)
		strbuf_addc(&b, '/');
	strbuf_add(&b, path.p, parts->path_query.n);
	if (!b.failed) {
		b.len = url_redact(b.data, b.len);
		b.data[b.len] = '\0';
	}

	return strbuf_take(&b, NULL);
}

size_t fetch_url_name(const struct url_parts *parts, char out[FILE_NAME_SIZE])
{
	char name[URL_MAX_BYTES];
	struct str path = path_of(parts);
	size_t start = path.n;

	out[0] = '\0';
	while (start > 0 && path.p[start - 1] != '/')
		start--;

	struct str last = {path.p + start, path.n - start};
	if (last.n == 0 || last.n > sizeof(name))
		return 0;

	ssize_t len = percent_decode(last.p, last.n, name);
	if (len < 0) {
		memcpy(name, last.p, last.n);
		len = (ssize_t)last.n;
	}

	size_t n = filename_sanitise(name, (size_t)len);
	if (n >= FILE_NAME_SIZE)
		return 0;
	memcpy(out, name, n);
	out[n] = '\0';
	return n;
}

static bool str_same_host(struct str a, struct str b)
{
	for (size_t i = 0; i < a.n && a.n == b.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return a.n == b.n;
}

bool fetch_url_same_origin(
    const struct url_parts *a, const struct url_parts *b)
{
	return a->https == b->https && a->port == b->port &&
	       str_same_host(a->host, b->host);
}

/* Whether it begins with a scheme: an absolute URL, or something that is to
 * be refused as one. */
static bool has_scheme(struct str s)
{
	size_t i = 0;

	while (i < s.n && (ascii_is_alpha(s.p[i]) || ascii_is_digit(s.p[i]) ||
			      strchr("+-.", s.p[i])))
		i++;
	return i > 0 && i < s.n && s.p[i] == ':' && ascii_is_alpha(s.p[0]);
}

static int relative_resolve(const char *base, const char *location, char **ret)
{
	CURLU *u = curl_url();
	char *text = NULL;

	if (!u)
		return -ENOMEM;

	CURLUcode uc = curl_url_set(u, CURLUPART_URL, base, 0);
	if (uc == CURLUE_OK)
		uc = curl_url_set(u, CURLUPART_URL, location, 0);
	if (uc == CURLUE_OK)
		uc = curl_url_get(u, CURLUPART_URL, &text, 0);
	curl_url_cleanup(u);
	if (uc != CURLUE_OK)
		return uc == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;

	*ret = strdup(text);
	curl_free(text);
	return *ret ? 0 : -ENOMEM;
}

int fetch_url_resolve(const char *base, struct str location, char **ret)
{
	if (location.n == 0 || location.n > URL_MAX_BYTES ||
	    memchr(location.p, '\0', location.n))
		return -EINVAL;

	char *text = strndup(location.p, location.n);
	if (!text)
		return -ENOMEM;

	/* An absolute one is judged as it is written: the library would
	 * repair what the check is there to refuse. */
	if (has_scheme(location)) {
		*ret = text;
		return 0;
	}

	int r = relative_resolve(base, text, ret);
	free(text);
	return r;
}
