/* SPDX-License-Identifier: MIT */
#include "core/error.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Copies what fits, without cutting a UTF-8 sequence. */
static void copy_text(char *to, size_t size, const char *from)
{
	size_t len = strlen(from);

	if (len >= size) {
		len = size - 1;
		while (len > 0 && ((unsigned char)from[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(to, from, len);
	to[len] = '\0';
}

int spwc__error_set(
    struct spwc_error *e, int err, const char *type, const char *format, ...)
{
	if (e == NULL)
		return err;

	char text[sizeof(e->detail) + 64];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	*e = (struct spwc_error){0};
	copy_text(e->type, sizeof(e->type), type);
	copy_text(e->title, sizeof(e->title), strerror(-err));
	copy_text(e->detail, sizeof(e->detail), text);
	return err;
}

int spwc__error_oom(struct spwc_error *e)
{
	return spwc__error_set(e, -ENOMEM, "out_of_memory", "out of memory");
}

int spwc__error_protocol(struct spwc_error *e, const char *what)
{
	return spwc__error_set(e, -EPROTO, "http_protocol_error",
	    "%s; is a spillwayd there?", what);
}

/* How libcurl's codes read. What is not here is "transfer_failed". */
static const struct failure {
	CURLcode code;
	int err;
	const char *type;
	const char *text;
} failures[] = {
    {CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH, "dns_error",
	"the host name is not known"},
    {CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH, "dns_error",
	"the proxy's name is not known"},
    {CURLE_OPERATION_TIMEDOUT, ETIMEDOUT, "connection_timeout",
	"no answer in time"},
    {CURLE_PARTIAL_FILE, ECONNRESET, "http_response_incomplete",
	"the connection ended before the content did"},
    {CURLE_RECV_ERROR, ECONNRESET, "connection_terminated",
	"the connection broke"},
    {CURLE_SEND_ERROR, ECONNRESET, "connection_terminated",
	"the connection broke"},
    {CURLE_GOT_NOTHING, ECONNRESET, "connection_terminated",
	"the server closed the connection without an answer"},
    {CURLE_SEND_FAIL_REWIND, ECONNRESET, "connection_terminated",
	"the connection broke and the content cannot be read again"},
    {CURLE_WEIRD_SERVER_REPLY, EPROTO, "http_protocol_error",
	"the answer is not HTTP"},
    {CURLE_UNSUPPORTED_PROTOCOL, EPROTO, "http_protocol_error",
	"the answer is not HTTP"},
    {CURLE_PEER_FAILED_VERIFICATION, EPROTO, "tls_error",
	"its certificate is not trusted"},
    {CURLE_SSL_CONNECT_ERROR, EPROTO, "tls_error",
	"TLS could not be agreed on; is it http:// there?"},
    {CURLE_SSL_CACERT_BADFILE, EINVAL, "tls_error",
	"the file of authorities cannot be read"},
};

static int connect_failed(
    struct spwc_error *e, int os_error, const char *text, const char *server)
{
	int err = os_error != 0 ? os_error : ECONNREFUSED;
	const char *type = err == ECONNREFUSED || err == ENOENT
			       ? "connection_refused"
			       : "connection_failed";
	char why[160];

	/* A socket that is not there is to the user what a port is on which
	 * nobody listens. */
	copy_text(why, sizeof(why),
	    os_error != 0 || *text == '\0' ? strerror(err) : text);
	why[0] = (char)tolower((unsigned char)why[0]);
	return spwc__error_set(e, err == ENOENT ? -ECONNREFUSED : -err, type,
	    "cannot reach %s: %s", server, why);
}

int spwc__error_curl(struct spwc_error *e, CURLcode code, int os_error,
    const char *text, const char *server)
{
	if (code == CURLE_OUT_OF_MEMORY)
		return spwc__error_oom(e);
	if (code == CURLE_COULDNT_CONNECT)
		return connect_failed(e, os_error, text, server);

	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
		const struct failure *f = &failures[i];

		if (f->code != code)
			continue;
		if (f->err == EHOSTUNREACH)
			return spwc__error_set(e, -f->err, f->type,
			    "cannot reach %s: %s", server, f->text);
		return spwc__error_set(e, -f->err, f->type,
		    "talking to %s: %s%s%s%s", server, f->text,
		    *text != '\0' ? " (" : "", text, *text != '\0' ? ")" : "");
	}
	return spwc__error_set(e, -EPROTO, "transfer_failed",
	    "talking to %s: %s", server,
	    *text != '\0' ? text : curl_easy_strerror(code));
}

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

void spwc__error_from_json(
    struct spwc_error *e, const json_t *problem, long status)
{
	const char *type = member(problem, "type");
	const char *title = member(problem, "title");
	const char *detail = member(problem, "detail");
	const char *slash = strrchr(type, '/');

	*e = (struct spwc_error){.status = (int)status};
	if (slash != NULL)
		type = slash + 1;
	else if (strcmp(type, "about:blank") == 0)
		type = "";
	copy_text(e->type, sizeof(e->type), type);
	if (*title != '\0')
		copy_text(e->title, sizeof(e->title), title);
	else
		snprintf(e->title, sizeof(e->title), "HTTP %ld", status);
	copy_text(
	    e->detail, sizeof(e->detail), *detail != '\0' ? detail : e->title);
	/* Callers end the sentence. */
	size_t len = strlen(e->detail);
	if (len > 0 && e->detail[len - 1] == '.')
		e->detail[len - 1] = '\0';
	copy_text(e->said, sizeof(e->said), member(problem, "stderr"));
}

static int errno_of(long status)
{
	static const struct {
		short status;
		short err;
	} map[] = {
	    {401, EACCES},
	    {403, EACCES},
	    {404, ENOENT},
	    {409, EEXIST},
	    {410, ENOENT},
	    {412, EEXIST},
	    {413, EFBIG},
	    {416, ERANGE},
	    {422, EBADMSG},
	    {429, EBUSY},
	    {503, EBUSY},
	    {504, ETIMEDOUT},
	    {507, ENOSPC},
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++) {
		if (map[i].status == status)
			return -map[i].err;
	}
	if (status >= 500)
		return -EREMOTEIO;
	return status >= 400 ? -EINVAL : -EPROTO;
}

int spwc__error_answer(struct spwc_error *e, long status, const char *body,
    size_t len, const char *location)
{
	int err = errno_of(status);

	if (e == NULL)
		return err;
	if (status < 400 && location != NULL) {
		spwc__error_set(e, err, "http_protocol_error",
		    "the server sends us on to %s; name that one", location);
		return err;
	}

	json_t *problem =
	    len > 0 ? json_loadb(body, len, JSON_ALLOW_NUL, NULL) : NULL;
	if (json_is_object(problem)) {
		spwc__error_from_json(e, problem, status);
	} else {
		spwc__error_set(e, err, "",
		    "the server answered HTTP %ld without a reason", status);
		e->status = (int)status;
		snprintf(e->title, sizeof(e->title), "HTTP %ld", status);
	}
	json_decref(problem);
	return err;
}
