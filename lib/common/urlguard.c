/* SPDX-License-Identifier: MIT */
#include "common/urlguard.h"

#include <errno.h>

#include "common/ipaddr.h"

enum rule {
	RULE_NONE,
	RULE_LENGTH,
	RULE_CHARACTER,
	RULE_SCHEME,
	RULE_SLASHES,
	RULE_USERINFO,
	RULE_HOST_EMPTY,
	RULE_HOST_ASCII,
	RULE_HOST_CHARACTER,
	RULE_HOST_LABEL,
	RULE_IPV4_FORM,
	RULE_IPV6_FORM,
	RULE_IPV6_ZONE,
	RULE_PORT,
	RULE_NAME_SINGLE,
	RULE_NAME_LOCAL,
	RULE_COUNT,
};

static const struct {
	const char *word, *text;
} rules[RULE_COUNT] = {
    [RULE_NONE] = {"", "The URL is not acceptable."},
    [RULE_LENGTH] = {"length", "The URL is longer than 8192 bytes."},
    [RULE_CHARACTER] = {"character",
	"The URL holds a space, a backslash or a control character; "
	"percent-encode it if it belongs there."},
    [RULE_SCHEME] = {"scheme", "Only http:// and https:// URLs are fetched."},
    [RULE_SLASHES] = {"slashes",
	"Exactly two slashes must follow the scheme: https://host/path."},
    [RULE_USERINFO] = {"userinfo",
	"The URL holds a user name or an @ before the path; credentials do "
	"not belong into URLs."},
    [RULE_HOST_EMPTY] = {"host-empty", "The URL names no host."},
    [RULE_HOST_ASCII] = {"host-ascii",
	"The host name is not ASCII; write it in its xn-- form."},
    [RULE_HOST_CHARACTER] = {"host-character",
	"The host name holds something else than letters, digits, dots, "
	"hyphens and underscores."},
    [RULE_HOST_LABEL] = {"host-label",
	"The host name has an empty part, a part of more than 63 characters, "
	"or more than 253 in all."},
    [RULE_IPV4_FORM] = {"ipv4-form",
	"The host looks like an IPv4 address but is not four decimal numbers "
	"from 0 to 255 without leading zeros."},
    [RULE_IPV6_FORM] = {"ipv6-form",
	"The host in brackets is not an IPv6 address."},
    [RULE_IPV6_ZONE] = {"ipv6-zone",
	"The IPv6 address has a zone; such addresses are local."},
    [RULE_PORT] = {"port",
	"The port is not a number from 1 to 65535 without leading zeros."},
    [RULE_NAME_SINGLE] = {"name-single-label",
	"The host name has no dot: it can only mean something local."},
    [RULE_NAME_LOCAL] = {"name-local",
	"The host name belongs to a domain that is local by definition."},
};

const char *url_rule_text(const char *rule)
{
	for (size_t i = RULE_NONE + 1; rule && i < RULE_COUNT; i++)
		if (strcmp(rules[i].word, rule) == 0)
			return rules[i].text;
	return rules[RULE_NONE].text;
}

static struct str skip(struct str s, size_t n)
{
	return (struct str){s.p + n, s.n - n};
}

/* Up to the first of `stops`, or all. */
static struct str head_until(struct str s, const char *stops)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == '\0' || !strchr(stops, s.p[n])))
		n++;
	return (struct str){s.p, n};
}

static enum rule bytes_check(struct str url)
{
	for (size_t i = 0; i < url.n; i++) {
		unsigned char c = (unsigned char)url.p[i];
		if (c <= 0x20 || c == 0x7F || c == '\\')
			return RULE_CHARACTER;
	}
	return RULE_NONE;
}

static enum rule scheme_take(struct str *url, bool *https)
{
	static const char plain[] = "http:";
	static const char secure[] = "https:";

	*https = str_istarts(*url, secure);
	if (!*https && !str_istarts(*url, plain))
		return RULE_SCHEME;

	*url = skip(*url, *https ? strlen(secure) : strlen(plain));
	if (!str_istarts(*url, "//"))
		return RULE_SLASHES;

	*url = skip(*url, 2);
	if (str_istarts(*url, "/"))
		return RULE_SLASHES;
	return RULE_NONE;
}

/* ---- hosts ------------------------------------------------------------- */

static bool is_address(struct str host)
{
	struct cidr unused;

	/* No `/` can be in a host, so this is an address or nothing. */
	return cidr_parse(host.p, host.n, &unused) == 0;
}

static struct str last_label(struct str host)
{
	size_t i = host.n;

	while (i > 0 && host.p[i - 1] != '.')
		i--;
	return skip(host, i);
}

/* Whether URL parsers would try to read a host that ends in this label as an
 * IPv4 address: all digits, or 0x and hex digits. Source: WHATWG URL §3.5 */
static bool label_is_numeric(struct str label)
{
	bool hex = str_istarts(label, "0x");

	for (size_t i = hex ? 2 : 0; i < label.n; i++)
		if (hex ? ascii_hex_value(label.p[i]) < 0
			: !ascii_is_digit(label.p[i]))
			return false;
	return label.n > 0;
}

static enum rule name_check(struct str name)
{
	size_t label = 0;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if ((unsigned char)c >= 0x80)
			return RULE_HOST_ASCII;
		if (c != '.' && c != '-' && c != '_' && !ascii_is_alpha(c) &&
		    !ascii_is_digit(c))
			return RULE_HOST_CHARACTER;
		if (c == '.' && label == 0)
			return RULE_HOST_LABEL;

		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return RULE_HOST_LABEL;
	}
	return label == 0 || name.n > 253 ? RULE_HOST_LABEL : RULE_NONE;
}

static enum rule host_check(struct str host, struct url_parts *parts)
{
	bool final_dot = host.n > 1 && host.p[host.n - 1] == '.';
	enum rule r;

	if (host.n == 0)
		return RULE_HOST_EMPTY;
	if (final_dot)
		host.n--;

	r = name_check(host);
	if (r != RULE_NONE)
		return r;

	parts->host = host;
	parts->host_is_ip = label_is_numeric(last_label(host));
	if (parts->host_is_ip && (final_dot || !is_address(host)))
		return RULE_IPV4_FORM;
	return RULE_NONE;
}

static enum rule bracket_check(struct str inner, struct url_parts *parts)
{
	if (inner.n > 0 && memchr(inner.p, '%', inner.n))
		return RULE_IPV6_ZONE;
	if (inner.n == 0 || !memchr(inner.p, ':', inner.n) ||
	    !is_address(inner))
		return RULE_IPV6_FORM;

	parts->host = inner;
	parts->host_is_ip = true;
	return RULE_NONE;
}

/* ---- putting it together ----------------------------------------------- */

/* `s` is empty or begins with the colon. */
static enum rule port_check(struct str s, struct url_parts *parts)
{
	uint64_t port;

	parts->port = parts->https ? 443 : 80;
	if (s.n == 0)
		return RULE_NONE;

	s = skip(s, 1);
	if (s.n == 0 || s.p[0] == '0' || str_u64(s, &port) < 0 ||
	    port > UINT16_MAX)
		return RULE_PORT;

	parts->port = (uint16_t)port;
	return RULE_NONE;
}

static enum rule authority_check(struct str auth, struct url_parts *parts)
{
	struct str host;
	enum rule r;

	if (auth.n > 0 && memchr(auth.p, '@', auth.n))
		return RULE_USERINFO;

	if (str_istarts(auth, "[")) {
		host = head_until(skip(auth, 1), "]");
		if (host.n + 1 == auth.n)
			return RULE_IPV6_FORM;

		r = bracket_check(host, parts);
		auth = skip(auth, host.n + 2);
		if (r == RULE_NONE && auth.n > 0 && auth.p[0] != ':')
			r = RULE_IPV6_FORM;
	} else {
		host = head_until(auth, ":");
		r = host_check(host, parts);
		auth = skip(auth, host.n);
	}
	return r == RULE_NONE ? port_check(auth, parts) : r;
}

static enum rule url_split(struct str url, struct url_parts *parts)
{
	if (url.n > URL_MAX_BYTES)
		return RULE_LENGTH;

	enum rule r = bytes_check(url);
	if (r != RULE_NONE)
		return r;

	r = scheme_take(&url, &parts->https);
	if (r != RULE_NONE)
		return r;

	struct str auth = head_until(url, "/?#");
	parts->path_query = head_until(skip(url, auth.n), "#");
	return authority_check(auth, parts);
}

int url_check(const char *url, size_t len, struct url_parts *ret,
    const char **reterr_rule)
{
	struct url_parts parts = {0};
	enum rule r = url_split((struct str){url, len}, &parts);

	if (r != RULE_NONE) {
		*reterr_rule = rules[r].word;
		return -EINVAL;
	}
	*ret = parts;
	return 0;
}

const char *url_host_forbidden(struct str host)
{
	/* RFC 6761, 6762 (with its appendix G), 7686, 8375; what is
	 * under .arpa serves the network itself; .svc is Kubernetes. */
	static const char *const local[] = {".local", ".localhost",
	    ".localdomain", ".internal", ".intranet", ".private", ".corp",
	    ".home", ".lan", ".arpa", ".onion", ".svc"};

	if (is_address(host))
		return NULL;

	while (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--;
	if (host.n == 0 || !memchr(host.p, '.', host.n))
		return rules[RULE_NAME_SINGLE].word;

	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		if (str_iends(host, local[i]))
			return rules[RULE_NAME_LOCAL].word;
	return NULL;
}
