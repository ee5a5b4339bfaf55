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

#include <spillway/client.h>

#include "common/settings.h"

#define DEFAULT_SERVER "http://127.0.0.1:8080"
#define FILE_MAX_BYTES 16384
/* "PATH:LINE: KEY" */
#define FROM_SIZE 512

enum key { SERVER, TOKEN, TOKEN_FILE, PROXY, CACERT, KEYS };

static const char *const keys[KEYS] = {
    [SERVER] = "server",
    [TOKEN] = "token",
    [TOKEN_FILE] = "token_file",
    [PROXY] = "proxy",
    [CACERT] = "cacert",
};

/** A file of settings. What it does not say is NULL. */
struct file {
	char *path;
	char *values[KEYS];
	unsigned int lines[KEYS];
};

SPW_PRINTF(3, 4)
static int fail(struct config_error *e, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(e->text, sizeof(e->text), format, args);
	va_end(args);
	return err;
}

static int fail_oom(struct config_error *e)
{
	return fail(e, -ENOMEM, "out of memory");
}

/* Of a secret nothing stays in memory. */
static void free_secret(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void config_fini(struct config *c)
{
	free(c->server);
	free_secret(c->token);
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

static void file_fini(struct file *f)
{
	free_secret(f->values[TOKEN]);
	f->values[TOKEN] = NULL;
	for (size_t i = 0; i < KEYS; i++)
		free(f->values[i]);
	free(f->path);
}

static int take_setting(
    struct str key, struct str value, unsigned int line, struct file *f)
{
	size_t i = 0;

	while (i < KEYS && !str_eq(key, keys[i]))
		i++;
	if (i == KEYS)
		return -ENOENT;
	if (value.n == 0)
		return -ENODATA;
	f->lines[i] = line;
	return copy(value.p, value.n, &f->values[i]);
}

static int parse(const char *text, struct file *f, struct config_error *e)
{
	struct str rest = str_from(text);
	struct str key;
	struct str value;
	unsigned line = 0;
	int r;

	while ((r = settings_next(&rest, &line, &key, &value)) > 0) {
		r = take_setting(key, value, line, f);
		if (r == -ENOENT)
			return fail(e, -EINVAL,
			    "%s:%u: there is no setting '%.*s'; server, token, "
			    "token_file, proxy and cacert are",
			    f->path, line, (int)key.n, key.p);
		if (r == -ENODATA)
			return fail(e, -EINVAL, "%s:%u: '%.*s' has no value",
			    f->path, line, (int)key.n, key.p);
		if (r < 0)
			return fail_oom(e);
	}
	if (r < 0)
		return fail(e, -EINVAL, "%s:%u: this is not 'SETTING = VALUE'",
		    f->path, line);
	return 0;
}

static int read_settings(
    const char *given, struct file *f, struct config_error *e)
{
	char text[FILE_MAX_BYTES + 1];
	struct stat st;

	int r = given != NULL ? copy(given, strlen(given), &f->path)
			      : config_path("XDG_CONFIG_HOME", ".config",
				    "spill.conf", &f->path);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail_oom(e);

	ssize_t n = read_file(f->path, text, &st);
	if (n == -ENOENT && given == NULL)
		r = 0;
	else if (n < 0)
		r = fail(e, (int)n, "%s: %s", f->path, strerror((int)-n));
	else
		r = parse(text, f, e);
	if (n >= 0 && r == 0 && f->values[TOKEN] != NULL &&
	    (st.st_mode & 077) != 0) {
		e->exposed = true;
		fail(e, 0, "%s", f->path);
	}
	explicit_bzero(text, sizeof(text));
	return r;
}

/* A path in the file: "~/" is below HOME, a relative one beside the file. */
static int find_path(
    const struct file *f, enum key key, char **ret_path, struct config_error *e)
{
	const char *value = f->values[key];
	const char *home = getenv("HOME");
	const char *slash = strrchr(f->path, '/');
	int folder = slash != NULL ? (int)(slash - f->path) + 1 : 0;
	char *path = NULL;
	int n;

	if (value[0] == '/')
		n = asprintf(&path, "%s", value);
	else if (strncmp(value, "~/", 2) != 0)
		n = asprintf(&path, "%.*s%s", folder, f->path, value);
	else if (home != NULL && home[0] == '/')
		n = asprintf(&path, "%s%s", home, value + 1);
	else
		return fail(e, -EINVAL,
		    "%s:%u: %s: '%s' is below HOME, which is not set; write "
		    "an absolute path",
		    f->path, f->lines[key], keys[key], value);
	if (n < 0)
		return fail_oom(e);

	*ret_path = path;
	return 0;
}

/* ---- all together ------------------------------------------------------- */

/* The first of these that is something; `from` then says where it stands. */
static const char *choose(char from[FROM_SIZE], const char *option,
    const char *given, const char *variable, const struct file *f, enum key key)
{
	const char *environment = variable != NULL ? getenv(variable) : NULL;

	if (given != NULL && *given != '\0') {
		snprintf(from, FROM_SIZE, "%s", option);
		return given;
	}
	if (environment != NULL && *environment != '\0') {
		snprintf(from, FROM_SIZE, "%s", variable);
		return environment;
	}
	if (f->values[key] != NULL)
		snprintf(from, FROM_SIZE, "%s:%u: %s", f->path, f->lines[key],
		    keys[key]);
	return f->values[key];
}

/* What options make sense, the library knows. Keeps a value that does. */
static int take(const struct spwc_opts *opts, const char *value,
    const char *from, char **to, struct config_error *e)
{
	struct spwc_client *c = NULL;
	struct spwc_error error;

	int r = spwc_new(opts, &c, &error);
	spwc_free(c);
	if (r == 0)
		r = copy(value, strlen(value), to);
	if (r == -EINVAL)
		return fail(e, r, "%s: %s", from, error.detail);
	return r < 0 ? fail_oom(e) : 0;
}

static int settle_server(const struct config *given, const struct file *f,
    struct config *c, struct config_error *e)
{
	char from[FROM_SIZE] = "";
	const char *server =
	    choose(from, "--server", given->server, "SPILLWAY_URL", f, SERVER);
	struct spwc_opts opts = {
	    .size = sizeof(opts),
	    .server = server != NULL ? server : DEFAULT_SERVER,
	};

	return take(&opts, opts.server, from, &c->server, e);
}

/* The token in the file that `token_file` names. */
static int read_token_file(
    const struct file *f, char **ret_token, struct config_error *e)
{
	char *path = NULL;

	int r = find_path(f, TOKEN_FILE, &path, e);
	if (r < 0)
		return r;

	r = config_read_token(path, ret_token);
	if (r < 0)
		fail(e, r, "%s:%u: token_file: %s: %s", f->path,
		    f->lines[TOKEN_FILE], path,
		    r == -EINVAL ? "there is no token in it" : strerror(-r));
	free(path);
	return r;
}

static int settle_token(const struct config *given, const struct file *f,
    struct config *c, struct config_error *e)
{
	static const struct file none;
	struct spwc_opts opts = {.size = sizeof(opts), .server = c->server};
	char from[FROM_SIZE];
	char *read = NULL;

	/* The token of the file is for the server of the file. */
	if (f->values[SERVER] != NULL &&
	    strcmp(c->server, f->values[SERVER]) != 0)
		f = &none;
	opts.token = choose(from, given->token_option, given->token,
	    "SPILLWAY_TOKEN", f, TOKEN);
	if (opts.token == NULL && f->values[TOKEN_FILE] != NULL) {
		int r = read_token_file(f, &read, e);
		if (r < 0)
			return r;

		opts.token = read;
		choose(from, NULL, NULL, NULL, f, TOKEN_FILE);
	}
	if (opts.token == NULL)
		return 0;

	int r = take(&opts, opts.token, from, &c->token, e);
	free_secret(read);
	return r;
}

static int settle_proxy(const struct config *given, const struct file *f,
    struct config *c, struct config_error *e)
{
	char from[FROM_SIZE];
	struct spwc_opts opts = {
	    .size = sizeof(opts),
	    .server = c->server,
	    .proxy = choose(from, "--proxy", given->proxy, NULL, f, PROXY),
	};

	if (opts.proxy == NULL)
		return 0;
	return take(&opts, opts.proxy, from, &c->proxy, e);
}

static int settle_ca_file(const struct config *given, const struct file *f,
    struct config *c, struct config_error *e)
{
	char from[FROM_SIZE];
	const char *ca_file =
	    choose(from, "--cacert", given->ca_file, NULL, f, CACERT);

	if (ca_file == NULL)
		return 0;

	int r = ca_file == f->values[CACERT]
		    ? find_path(f, CACERT, &c->ca_file, e)
		    : copy(ca_file, strlen(ca_file), &c->ca_file);
	if (r == -ENOMEM)
		return fail_oom(e);
	if (r == 0 && access(c->ca_file, R_OK) < 0) {
		r = -errno;
		fail(e, r, "%s: %s: %s", from, c->ca_file, strerror(-r));
	}
	return r;
}

int config_settle(const struct config *given, struct config *ret_config,
    struct config_error *ret_error)
{
	struct file file = {0};
	struct config c = {.token_for_all = given->token_for_all};

	*ret_error = (struct config_error){.exposed = false};
	int r = read_settings(given->file, &file, ret_error);
	if (r == 0)
		r = settle_server(given, &file, &c, ret_error);
	if (r == 0)
		r = settle_token(given, &file, &c, ret_error);
	if (r == 0)
		r = settle_proxy(given, &file, &c, ret_error);
	if (r == 0)
		r = settle_ca_file(given, &file, &c, ret_error);
	file_fini(&file);
	if (r < 0) {
		config_fini(&c);
		return r;
	}

	*ret_config = c;
	return 0;
}
