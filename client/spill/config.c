/* SPDX-License-Identifier: MIT */
#include "spill/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/settings.h"

#define DEFAULT_SERVER "http://127.0.0.1:8080"
#define FILE_MAX_BYTES 16384

SPW_PRINTF(3, 4)
static int fail(struct config_error *e, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(e->text, sizeof(e->text), format, args);
	va_end(args);
	return err;
}

void config_fini(struct config *c)
{
	if (c->token != NULL)
		explicit_bzero(c->token, strlen(c->token));
	free(c->server);
	free(c->token);
	free(c->proxy);
	free(c->ca_file);
	free(c->file);
	*c = (struct config){0};
}

int config_path(const char *variable, const char *fallback, const char *name,
    char **ret_path)
{
	const char *base = getenv(variable);
	const char *home = getenv("HOME");
	char *path = NULL;
	int n;

	/* A relative one is to be ignored (XDG Base Directory). */
	if (base != NULL && base[0] == '/')
		n = asprintf(&path, "%s/spillway/%s", base, name);
	else if (home != NULL && home[0] == '/')
		n = asprintf(&path, "%s/%s/spillway/%s", home, fallback, name);
	else
		return -ENOENT;
	if (n < 0)
		return -ENOMEM;

	*ret_path = path;
	return 0;
}

/* Reads a small file. Returns its length. */
static ssize_t read_file(
    const char *path, char text[FILE_MAX_BYTES + 1], struct stat *ret_stat)
{
	size_t len = 0;
	ssize_t n = 1;

	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;

	int r = fstat(fd, ret_stat) < 0 ? -errno : 0;
	while (r == 0 && n > 0 && len < FILE_MAX_BYTES) {
		n = read(fd, text + len, FILE_MAX_BYTES - len);
		if (n < 0 && errno != EINTR)
			r = -errno;
		len += n > 0 ? (size_t)n : 0;
	}
	close(fd);
	text[len] = '\0';
	if (r == 0 && len == FILE_MAX_BYTES)
		r = -EFBIG;
	return r < 0 ? r : (ssize_t)len;
}

int config_read_token(const char *path, char **ret_token)
{
	char text[FILE_MAX_BYTES + 1];
	struct stat st;

	ssize_t n = read_file(path, text, &st);
	if (n < 0)
		return (int)n;

	size_t len = strcspn(text, "\r\n");
	char *token = strndup(text, len);
	explicit_bzero(text, sizeof(text));
	if (token == NULL)
		return -ENOMEM;
	if (len == 0) {
		free(token);
		return -EINVAL;
	}

	*ret_token = token;
	return 0;
}

static int copy(const char *from, size_t len, char **ret)
{
	char *text = strndup(from, len);

	if (text == NULL)
		return -ENOMEM;
	free(*ret);
	*ret = text;
	return 0;
}

/* ---- the file ----------------------------------------------------------- */

static int take_setting(struct str key, struct str value, struct config *c)
{
	char **to;

	if (str_eq(key, "server"))
		to = &c->server;
	else if (str_eq(key, "token"))
		to = &c->token;
	else if (str_eq(key, "token_file"))
		to = &c->file;
	else if (str_eq(key, "proxy"))
		to = &c->proxy;
	else if (str_eq(key, "cacert"))
		to = &c->ca_file;
	else
		return -ENOENT;
	return value.n > 0 ? copy(value.p, value.n, to) : -ENODATA;
}

static int parse(const char *path, const char *text, struct config *c,
    struct config_error *e)
{
	struct str rest = str_from(text);
	struct str key;
	struct str value;
	unsigned line = 0;
	int r;

	while ((r = settings_next(&rest, &line, &key, &value)) > 0) {
		r = take_setting(key, value, c);
		if (r == -ENOENT)
			return fail(e, -EINVAL,
			    "%s:%u: there is no setting '%.*s'; server, token, "
			    "token_file, proxy and cacert are",
			    path, line, (int)key.n, key.p);
		if (r == -ENODATA)
			return fail(e, -EINVAL, "%s:%u: '%.*s' has no value",
			    path, line, (int)key.n, key.p);
		if (r < 0)
			return fail(e, r, "out of memory");
	}
	if (r < 0)
		return fail(e, -EINVAL, "%s:%u: this is not 'SETTING = VALUE'",
		    path, line);
	return 0;
}

static int read_token_of(struct config *c, struct config_error *e)
{
	if (c->token != NULL || c->file == NULL)
		return 0;

	int r = config_read_token(c->file, &c->token);
	return r < 0 ? fail(e, r, "the token in %s: %s", c->file,
			   r == -EINVAL ? "there is none" : strerror(-r))
		     : 0;
}

/* Reads the file of settings into `c`. */
static int read_settings(
    const char *given, struct config *c, struct config_error *e)
{
	char text[FILE_MAX_BYTES + 1];
	char *path = NULL;
	struct stat st;

	int r = given != NULL ? copy(given, strlen(given), &path)
			      : config_path("XDG_CONFIG_HOME", ".config",
				    "spill.conf", &path);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail(e, r, "out of memory");

	ssize_t n = read_file(path, text, &st);
	if (n == -ENOENT && given == NULL)
		r = 0;
	else if (n < 0)
		r = fail(e, (int)n, "%s: %s", path, strerror((int)-n));
	else
		r = parse(path, text, c, e);
	if (n >= 0 && r == 0 && c->token != NULL && (st.st_mode & 077) != 0) {
		e->exposed = true;
		fail(e, 0, "%s", path);
	}
	explicit_bzero(text, sizeof(text));
	free(path);
	return r < 0 ? r : read_token_of(c, e);
}

/* ---- all together ------------------------------------------------------- */

/* The first of these that is something. */
static int choose(char **ret, const char *a, const char *b, const char *c)
{
	const char *all[] = {a, b, c};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (all[i] != NULL && *all[i] != '\0')
			return copy(all[i], strlen(all[i]), ret);
	}
	return 0;
}

static int merge(
    const struct config *given, const struct config *file, struct config *c)
{
	const char *token = file->token;

	int r = choose(
	    &c->server, given->server, getenv("SPILLWAY_URL"), file->server);
	if (r == 0 && c->server == NULL)
		r = copy(DEFAULT_SERVER, strlen(DEFAULT_SERVER), &c->server);
	if (r < 0)
		return r;

	/* The token of the file is for the server of the file. */
	if (file->server != NULL && strcmp(c->server, file->server) != 0)
		token = NULL;
	r = choose(&c->token, given->token, getenv("SPILLWAY_TOKEN"), token);
	if (r == 0)
		r = choose(&c->proxy, given->proxy, file->proxy, NULL);
	if (r == 0)
		r = choose(&c->ca_file, given->ca_file, file->ca_file, NULL);
	return r;
}

int config_settle(const struct config *given, struct config *ret_config,
    struct config_error *ret_error)
{
	struct config file = {0};
	struct config c = {.token_for_all = given->token_for_all};

	*ret_error = (struct config_error){.exposed = false};
	int r = read_settings(given->file, &file, ret_error);
	if (r == 0) {
		r = merge(given, &file, &c);
		if (r < 0)
			fail(ret_error, r, "out of memory");
	}
	config_fini(&file);
	if (r < 0) {
		config_fini(&c);
		return r;
	}

	*ret_config = c;
	return 0;
}
