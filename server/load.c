/* SPDX-License-Identifier: MIT */
/* What a server begins with: configuration, files that it names, a place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"
#include "hook/hook.h"
#include "ingest/fetch.h"

/* What stands in another file is said to be there; that this is of no use as a
 * whole is said of the key that names it. */
static int of_key(const struct conf *c, int r, struct conf_error *reterr)
{
	const struct {
		const char *key;
		char *const *path;
	} files[] = {
	    {"auth.tokens", &c->auth.tokens},
	    {"auth.link_key", &c->auth.link_key},
	    {"server.tls_cert", &c->server.tls_cert},
	    {"server.tls_key", &c->server.tls_key},
	};
	char text[CONF_ERROR_TEXT_SIZE];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (reterr->line > 0 || !*files[i].path[0] ||
		    strcmp(reterr->file, *files[i].path) != 0)
			continue;
		conf_error_format(reterr, text);
		*reterr = (struct conf_error){0};
		conf_error_set(reterr, r, "%s: %.400s", files[i].key, text);
		conf_error_at(c, files[i].path, reterr);
		break;
	}
	return r;
}

static int read_files(const struct conf *conf, struct daemon_files *ret,
    struct conf_error *reterr)
{
	struct daemon_files files = {.cert = NULL};
	const char *cert = conf->server.tls_cert;

	int r = auth_files_read(conf, &files.auth, reterr);
	if (r == 0 && *cert)
		r = http_cert_load(
		    cert, conf->server.tls_key, &files.cert, reterr);
	if (r < 0) {
		daemon_files_drop(&files);
		return of_key(conf, r, reterr);
	}
	*ret = files;
	return 0;
}

/* What it names, and does not read here, has to be there. */
static int check_places(const struct conf *c, struct conf_error *reterr)
{
	const char *dir = c->spool.dir;
	struct stat st;
	int e = 0;

	if (*dir && stat(dir, &st) < 0)
		e = errno;
	else if (*dir && !S_ISDIR(st.st_mode))
		e = ENOTDIR;
	if (e > 0) {
		conf_error_set(reterr, -e,
		    "spool.dir: %s: %s; make a directory for the user that the "
		    "daemon runs as",
		    dir, strerror(e));
		conf_error_at(c, &c->spool.dir, reterr);
		return -e;
	}
	int r = fetch_check_authorities(&c->fetch, reterr);
	if (r < 0)
		conf_error_at(c, &c->fetch.ca_file, reterr);
	return r < 0 ? r : hooks_check(c, reterr);
}

/* Errors: of a directory in which this user cannot make files. */
static int check_writable(const char *dir)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) < 0 ? -errno
								     : 0;
}

/* A service manager makes directories there when it starts the service. */
static bool made_at_start(const char *path)
{
	return strncmp(path, "/run/", 5) == 0 ||
	       strncmp(path, "/var/run/", 9) == 0;
}

/* Could a socket be bound there? One that is there already was. */
static int check_socket(const struct conf *c, const char *path,
    struct conf_error *ret_note, struct conf_error *reterr)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat st;
	int slash = (int)(strrchr(path, '/') - path);

	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		return 0;
	if (lstat(path, &st) == 0) {
		conf_error_at(c, &c->server.listen, reterr);
		return conf_error_set(reterr, -EADDRINUSE,
		    "server.listen: %s is there, and is no socket; remove it, "
		    "or write another path",
		    path);
	}

	snprintf(dir, sizeof(dir), "%.*s", slash ? slash : 1, path);
	int r = check_writable(dir);
	bool later = r == -ENOENT && made_at_start(path);
	struct conf_error *told = later ? ret_note : reterr;
	if (r == 0)
		return 0;
	conf_error_at(c, &c->server.listen, told);
	conf_error_set(told, r,
	    later ? "server.listen: unix:%s: %s: %s yet; it has to be there "
		    "when the daemon starts (RuntimeDirectory= of a unit makes "
		    "it)"
		  : "server.listen: unix:%s: %s: %s; it takes a directory that "
		    "the user can write to as whom the daemon runs, and this "
		    "is checked",
	    path, dir, strerror(-r));
	return later ? 0 : r;
}

int daemon_check(const struct conf *c, struct conf_error *ret_note,
    struct conf_error *reterr)
{
	const struct conf_listen *listen = c->server.listen;
	uid_t user;
	gid_t group;
	int r = *c->spool.dir ? check_writable(c->spool.dir) : 0;

	*ret_note = *reterr = (struct conf_error){0};
	if (r < 0) {
		conf_error_set(reterr, r,
		    "spool.dir: %s: %s; it takes a directory that the user can "
		    "write to as whom the daemon runs, and this is checked",
		    c->spool.dir, strerror(-r));
		conf_error_at(c, &c->spool.dir, reterr);
		return r;
	}
	r = listen_owner_of(c, &user, &group, reterr);
	for (size_t i = 0; r == 0 && i < listen->count; i++) {
		const struct listen_addr *a = &listen->items[i];

		if (a->kind == LISTEN_UNIX)
			r = check_socket(
			    c, a->addr.un.sun_path, ret_note, reterr);
	}
	return r;
}

int daemon_load(struct conf *conf, const char *file,
    const char *const *settings, struct daemon_files *ret,
    struct conf_error *e)
{
	int r = file ? conf_load(conf, file, e) : 0;

	for (; r == 0 && settings && *settings; settings++)
		r = conf_set(conf, *settings, e);
	if (r == 0)
		r = conf_check(conf, e);
	if (r == 0)
		r = check_places(conf, e);
	return r < 0 ? r : read_files(conf, ret, e);
}

void daemon_files_drop(struct daemon_files *files)
{
	auth_files_drop(&files->auth);
	http_cert_free(files->cert);
	files->cert = NULL;
}

/* What the service manager made for us, or a private place on disk. */
static int default_dir(char *out, size_t cap, struct conf_error *reterr)
{
	const char *given = getenv("STATE_DIRECTORY");

	if (!given || !*given)
		given = getenv("RUNTIME_DIRECTORY");
	if (given && *given) {
		/* It may be a list; the first is ours. */
		snprintf(out, cap, "%.*s", (int)strcspn(given, ":"), given);
		return 0;
	}

	snprintf(out, cap, "/var/tmp/spillway-%u", (unsigned)geteuid());
	struct stat st;
	if (mkdir(out, 0700) < 0 && errno != EEXIST)
		return conf_error_set(reterr, -errno,
		    "cannot make the spool directory %s: %s; set spool.dir",
		    out, strerror(errno));
	/* Anybody may make a name in /var/tmp: is it really ours? */
	if (lstat(out, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid() || (st.st_mode & 077))
		return conf_error_set(reterr, -EACCES,
		    "%s is not a private directory of this user; set "
		    "spool.dir",
		    out);
	return 0;
}

int daemon_spool_dir(const struct conf *conf, char path[DAEMON_PATH_SIZE],
    struct conf_error *reterr)
{
	if (!conf->spool.dir[0])
		return default_dir(path, DAEMON_PATH_SIZE, reterr);

	snprintf(path, DAEMON_PATH_SIZE, "%s", conf->spool.dir);
	return 0;
}
