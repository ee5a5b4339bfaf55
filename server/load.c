/* SPDX-License-Identifier: MIT */
/* What a server begins with: configuration, files that it names, a place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"

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
		return r;
	}
	*ret = files;
	return 0;
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
