/* SPDX-License-Identifier: MIT */
#include "core/ref.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <spillway/client.h>

#include "common/fileid.h"
#include "common/text.h"

#define PORT_MAX 65535u

_Static_assert(SPWC_ID_MAX == ID_LEN_MAX, "both sides take the same ids");

bool spwc__id_valid(const char *id)
{
	return id_valid(id, strlen(id));
}

/* No blanks, no control characters, nothing past ASCII. */
static bool url_text(const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (*p <= ' ' || *p >= 127)
			return false;
	}
	return *text != '\0';
}

/* Length of "http://" or "https://", 0 for neither. */
static size_t scheme_len(const char *text)
{
	if (strncasecmp(text, "http://", 7) == 0)
		return 7;
	if (strncasecmp(text, "https://", 8) == 0)
		return 8;
	return 0;
}

/* Length of "host" or "[address]" in an authority; 0 when it is malformed. */
static size_t host_len(const char *authority, size_t len)
{
	size_t host = 0;

	if (len > 0 && authority[0] == '[') {
		host = 1 + strspn(authority + 1, "0123456789abcdef:.");
		if (host == 1 || host >= len || authority[host] != ']')
			return 0;
		host++;
	} else {
		host = strcspn(authority, ":[]%/");
	}
	if (host < len && authority[host] != ':')
		return 0;
	for (size_t i = host + 1; i < len; i++) {
		if (!isdigit((unsigned char)authority[i]))
			return 0;
	}
	return host;
}

/* How much of an authority is left without a port that is the scheme's own,
 * or empty. */
static int authority_len(
    const char *authority, size_t len, bool tls, size_t *ret_len)
{
	size_t host = host_len(authority, len);
	uint64_t port;

	if (host == 0)
		return -EINVAL;
	*ret_len = host;
	if (len - host <= 1)
		return 0;

	const struct str digits = {authority + host + 1, len - host - 1};
	if (str_u64(digits, &port) < 0 || port == 0 || port > PORT_MAX)
		return -ERANGE;
	if (!str_eq(digits, tls ? "443" : "80"))
		*ret_len = len;
	return 0;
}

static int normalize_url(const char *text, size_t len, char **ret_server)
{
	size_t scheme = scheme_len(text);
	const char *prefix = scheme > 0 ? "" : "http://";
	size_t prefix_len = strlen(prefix);

	char *base = malloc(prefix_len + len + 1);
	if (base == NULL)
		return -ENOMEM;

	memcpy(base, prefix, prefix_len);
	memcpy(base + prefix_len, text, len);
	len += prefix_len;
	base[len] = '\0';
	scheme = scheme > 0 ? scheme : prefix_len;
	while (len > scheme && base[len - 1] == '/')
		base[--len] = '\0';

	size_t host_end = scheme + strcspn(base + scheme, "/");
	for (size_t i = 0; i < host_end; i++)
		base[i] = (char)tolower((unsigned char)base[i]);

	size_t kept = 0;
	int r = authority_len(
	    base + scheme, host_end - scheme, base[4] == 's', &kept);
	if (r < 0) {
		free(base);
		return r;
	}

	memmove(base + scheme + kept, base + host_end, len - host_end + 1);
	*ret_server = base;
	return 0;
}

int spwc__server_normalize(const char *text, char **ret_server)
{
	if (strncmp(text, "unix:", 5) == 0) {
		if (text[5] != '/')
			return -EINVAL;

		char *copy = strdup(text);
		if (copy == NULL)
			return -ENOMEM;

		*ret_server = copy;
		return 0;
	}

	if (!url_text(text) || strpbrk(text, "?#@\\\"<>") != NULL)
		return -EINVAL;
	if (scheme_len(text) == 0 && strstr(text, "://") != NULL)
		return -EINVAL;
	return normalize_url(text, strlen(text), ret_server);
}

/* Where "/files/ID" begins in what precedes a query; NULL if it does not. */
static const char *find_files(const char *text, size_t len)
{
	static const char files[] = "/files/";
	size_t files_len = strlen(files);
	const char *id = text + len;

	while (id > text && id[-1] != '/')
		id--;
	if ((size_t)(id - text) < files_len ||
	    memcmp(id - files_len, files, files_len) != 0)
		return NULL;
	return id - files_len;
}

static int parse_parts(
    const char *text, size_t server_len, size_t id_start, struct spwc_ref *ref)
{
	size_t id_len = strcspn(text + id_start, "?#");
	const char *query = text + id_start + id_len;

	ref->id = strndup(text + id_start, id_len);
	if (ref->id == NULL)
		return -ENOMEM;
	if (!spwc__id_valid(ref->id))
		return -EINVAL;

	if (*query == '?' && query[1] != '\0' && query[1] != '#') {
		ref->query = strndup(query + 1, strcspn(query + 1, "#"));
		if (ref->query == NULL)
			return -ENOMEM;
	}
	if (server_len == 0)
		return 0;

	char *server = strndup(text, server_len);
	if (server == NULL)
		return -ENOMEM;

	int r = spwc__server_normalize(server, &ref->server);
	free(server);
	return r == -ERANGE ? -EINVAL : r;
}

int spwc_ref_parse(const char *text, struct spwc_ref *ret_ref)
{
	struct spwc_ref ref = {0};
	size_t path_len = strcspn(text, "?#");
	size_t scheme = scheme_len(text);
	size_t server_len = 0;
	size_t id_start = 0;

	if (!url_text(text))
		return -EINVAL;
	if (scheme > 0 || text[0] == '/') {
		const char *files = find_files(text, path_len);
		if (files == NULL)
			return -EINVAL;

		server_len = (size_t)(files - text);
		id_start = server_len + strlen("/files/");
		if ((scheme > 0) != (server_len > scheme))
			return -EINVAL;
	} else if (text[path_len] != '\0') {
		return -EINVAL;
	}

	int r = parse_parts(text, server_len, id_start, &ref);
	if (r < 0) {
		spwc_ref_fini(&ref);
		return r;
	}

	*ret_ref = ref;
	return 0;
}

void spwc_ref_fini(struct spwc_ref *ref)
{
	free(ref->server);
	free(ref->id);
	free(ref->query);
	*ref = (struct spwc_ref){0};
}
