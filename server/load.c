/* SPDX-License-Identifier: MIT */
/* What a server begins with: configuration, files that it names, a place. */
#include <errno.h>
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
