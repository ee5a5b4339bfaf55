/* SPDX-License-Identifier: MIT */
#include "base/conf.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/conf_group.h"
#include "base/conf_table.h"
#include "base/conf_value.h"
#include "common/text.h"

/** Longest value of one -o. */
#define ASSIGNMENT_MAX 8192

int conf_error_set(struct conf_error *reterr, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reterr->msg, sizeof reterr->msg, fmt, ap);
	va_end(ap);
	return err;
}

void conf_error_format(
    const struct conf_error *err, char out[CONF_ERROR_TEXT_SIZE])
{
	if (err->file[0] && err->line)
		snprintf(out, CONF_ERROR_TEXT_SIZE, "%s:%u: %s", err->file,
		    err->line, err->msg);
	else
		snprintf(out, CONF_ERROR_TEXT_SIZE, "%s%s%s", err->file,
		    err->file[0] ? ": " : "", err->msg);
}

int conf_init(struct conf *c)
{
	struct conf_error why;

	memset(c, 0, sizeof *c);
	for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
		const struct conf_key *key = &conf_keys[i];

		int r = conf_value_parse(
		    key, conf_field(c, key), key->preset, &why);
		assert(r == 0 || r == -ENOMEM);
		if (r < 0) {
			conf_fini(c);
			return r;
		}
	}
	return 0;
}

void conf_fini(struct conf *c)
{
	if (!c)
		return;

	for (size_t i = 0; i < CONF_KEY_COUNT; i++)
		conf_value_fini(&conf_keys[i], conf_field(c, &conf_keys[i]));
	conf_fini_groups(c);
}

int conf_set(struct conf *c, const char *assignment, struct conf_error *reterr)
{
	char text[ASSIGNMENT_MAX];
	size_t n = strlen(assignment);

	reterr->file[0] = '\0';
	reterr->line = 0;
	if (n >= sizeof text)
		return conf_error_set(reterr, -EINVAL,
		    "'%.40s...' is too long for an option; write it into a "
		    "file",
		    assignment);

	memcpy(text, assignment, n + 1);
	char *equals = strchr(text, '=');
	char *dot = strchr(text, '.');
	if (!equals || !dot || dot > equals)
		return conf_error_set(reterr, -EINVAL,
		    "'%.64s' is no setting; write section.key=value", text);

	*dot = '\0';
	*equals = '\0';
	struct str name = str_trim(str_from(dot + 1));
	struct str value = str_trim(str_from(equals + 1));
	text[(size_t)(name.p - text) + name.n] = '\0';
	text[(size_t)(value.p - text) + value.n] = '\0';

	struct conf_place place;
	int r = conf_locate(c, text, name.p, &place, reterr);
	if (r < 0)
		return r;
	r = conf_value_parse(place.key, place.field, value.p, reterr);
	if (r == 0)
		*place.line = 0;
	return r;
}

void conf_error_at(
    const struct conf *c, const void *field, struct conf_error *reterr)
{
	if (reterr->file[0] || conf_group_error_at(c, field, reterr))
		return;

	for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
		if ((const char *)c + conf_keys[i].offset != field ||
		    !c->lines[i])
			continue;
		memcpy(reterr->file, c->file, sizeof reterr->file);
		reterr->line = c->lines[i];
	}
}

/** Say what is wrong with a key that has a value as it should be by itself,
    and where that stands, if it is in a file. Returns: -EINVAL. */
static int wrong(const struct conf *c, const void *field,
    struct conf_error *reterr, const char *fmt, ...) SPW_PRINTF(4, 5);

static int wrong(const struct conf *c, const void *field,
    struct conf_error *reterr, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reterr->msg, sizeof reterr->msg, fmt, ap);
	va_end(ap);
	conf_error_at(c, field, reterr);
	return -EINVAL;
}

/** Only this machine is served until somebody says who else may come. */
static int check_listen(const struct conf *c, struct conf_error *reterr)
{
	if (c->auth.mode != CONF_AUTH_AUTO || c->auth.tokens[0])
		return 0;

	for (size_t i = 0; i < c->server.listen->count; i++) {
		const struct listen_addr *a = &c->server.listen->items[i];
		char text[LISTEN_TEXT_SIZE];

		if (a->kind == LISTEN_SYSTEMD || listen_is_local(&a->addr.sa))
			continue;
		listen_format(a, text);
		return wrong(c, &c->server.listen, reterr,
		    "server.listen: '%s' is open to other machines, and there "
		    "are no tokens; name a file of them by auth.tokens, listen "
		    "on 127.0.0.1, [::1] or unix:/PATH, or write auth.mode = "
		    "none to serve anybody who can connect",
		    text);
	}
	return 0;
}

static int check_processors(const struct conf *c, struct conf_error *reterr)
{
	for (size_t i = 0; i < c->processors.count; i++) {
		const struct conf_processor *p = c->processors.items[i];

		if (!strchr(p->type, '/'))
			return wrong(c, &p->type, reterr,
			    "[processor %s] type: '%.100s' is no media type; "
			    "write one like text/plain",
			    p->at.name, p->type);
	}
	return 0;
}

static int check_tls(const struct conf *c, struct conf_error *reterr)
{
	const void *one = c->server.tls_cert[0] ? &c->server.tls_cert
						: &c->server.tls_key;

	if (!c->server.tls_cert[0] != !c->server.tls_key[0])
		return wrong(c, one, reterr,
		    "server.tls_cert and server.tls_key belong together; write "
		    "both or neither");

	for (size_t i = 0; i < c->server.listen->count; i++) {
		const struct listen_addr *a = &c->server.listen->items[i];
		char text[LISTEN_TEXT_SIZE];

		if (!a->tls || c->server.tls_cert[0])
			continue;
		listen_format(a, text);
		return wrong(c, &c->server.listen, reterr,
		    "server.listen: '%s' takes a certificate; name its file by "
		    "server.tls_cert, and that of its key by server.tls_key",
		    text);
	}
	return 0;
}

static int check_auth(const struct conf *c, struct conf_error *reterr)
{
	if (c->auth.mode == CONF_AUTH_TOKEN && !c->auth.tokens[0])
		return wrong(c, &c->auth.mode, reterr,
		    "auth.mode: token takes a file of tokens; name it by "
		    "auth.tokens");
	if (c->auth.mode == CONF_AUTH_NONE && c->auth.tokens[0])
		return wrong(c, &c->auth.mode, reterr,
		    "auth.mode: with none nobody is asked for one of "
		    "auth.tokens; write token, or name no file");
	return check_listen(c, reterr);
}

int conf_check(const struct conf *c, struct conf_error *reterr)
{
	unsigned mode;

	reterr->file[0] = '\0';
	reterr->line = 0;
	if (listen_mode_parse(c->server.unix_mode, &mode) < 0)
		return wrong(c, &c->server.unix_mode, reterr,
		    "server.unix_mode: '%s' is not a mode; write octal digits, "
		    "from 0 to 777, like 660",
		    c->server.unix_mode);
	if (c->spool.dir[0] && c->spool.dir[0] != '/')
		return wrong(c, &c->spool.dir, reterr,
		    "spool.dir: '%.200s' is not an absolute path; write one "
		    "that begins with /",
		    c->spool.dir);
	if (c->server.max_connections_per_address > c->server.max_connections)
		return wrong(c, &c->server.max_connections_per_address, reterr,
		    "server.max_connections_per_address: %u is more than "
		    "server.max_connections, %u; lower it, or 0 for no limit",
		    c->server.max_connections_per_address,
		    c->server.max_connections);
	if (c->spool.confidential &&
	    c->store.durability != CONF_DURABILITY_NONE)
		return wrong(c, &c->spool.confidential, reterr,
		    "spool.confidential: what is encrypted is gone with the "
		    "process and its keys; it takes store.durability = none");
	int r = check_tls(c, reterr);
	if (r == 0)
		r = conf_check_groups(c, reterr);
	if (r == 0)
		r = check_processors(c, reterr);
	return r < 0 ? r : check_auth(c, reterr);
}

void conf_print(const struct conf *c, FILE *out)
{
	const char *section = "";

	for (size_t i = 0; i < CONF_KEY_COUNT; i++) {
		const struct conf_key *key = &conf_keys[i];

		if (strcmp(section, key->section) != 0) {
			section = key->section;
			fprintf(out, "%s[%s]\n", i ? "\n" : "", section);
		}
		conf_print_key(key, (const char *)c + key->offset, out);
	}
	for (size_t i = 0; i < CONF_GROUP_COUNT; i++) {
		const struct conf_group_list *list =
		    (const void *)((const char *)c + conf_groups[i].offset);

		for (size_t j = 0; j < list->count; j++) {
			fputc('\n', out);
			conf_print_named(
			    &conf_groups[i], list->items[j], out);
		}
	}
}

bool conf_proxies_match(
    const struct conf_proxies *proxies, const struct sockaddr *sa)
{
	for (size_t i = 0; i < proxies->count; i++) {
		const struct conf_proxy *p = &proxies->items[i];

		if (p->unix_socket ? sa->sa_family == AF_UNIX
				   : cidr_match(&p->net, sa))
			return true;
	}
	return false;
}

bool conf_ports_match(const struct conf_ports *ports, uint16_t port)
{
	for (size_t i = 0; i < ports->count; i++) {
		const struct conf_port_range *range = &ports->items[i];
		if (port >= range->first && port <= range->last)
			return true;
	}
	return false;
}
