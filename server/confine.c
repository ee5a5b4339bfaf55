/* SPDX-License-Identifier: MIT */
#include "confine.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/seccomp.h"
#include "daemon.h"

/* Read by libc, OpenSSL, the hash tables of jansson, and by ourselves; and
   where modules are loaded from. */
static const char *const ALWAYS[] = {
    "/dev/urandom",
    "/etc/pki",
    "/etc/ssl",
    "/lib",
    "/lib64",
    "/proc/sys/kernel/random/boot_id",
    "/sys/devices/system/cpu/online",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
#ifdef WITH_SANITIZER
    "/proc",
#endif
};

/* Names and certificates. */
static const char *const TO_FETCH[] = {
    "/etc",
    "/usr/local/share/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/share/pki",
    "/var/lib/ca-certificates",
};
/* Users and groups. */
static const char *const TO_NAME[] = {
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/passwd",
};
/* They may lead elsewhere, to where they are replaced. */
static const char *const REPLACED[] = {"/etc/hosts", "/etc/resolv.conf"};

/* The directory of a path, in the caller's memory. */
static const char *above(const char *path, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s", path);

	return n < PATH_MAX ? dirname(out) : NULL;
}

static int allow_list(
    struct landlock *l, const char *const *paths, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = landlock_allow(l, paths[i], LANDLOCK_READ);
	return r;
}

static int allow_above(
    struct landlock *l, const char *path, enum landlock_access how)
{
	char buf[PATH_MAX];
	const char *dir = above(path, buf);

	return dir ? landlock_allow(l, dir, how) : -ENAMETOOLONG;
}

static int allow_fetching(struct landlock *l, const struct conf *c)
{
	char real[PATH_MAX];
	int r = allow_list(
	    l, TO_FETCH, sizeof(TO_FETCH) / sizeof(TO_FETCH[0]));

	if (r == 0 && *c->fetch.ca_file)
		r = allow_above(l, c->fetch.ca_file, LANDLOCK_READ);

	for (size_t i = 0;
	     r == 0 && i < sizeof(REPLACED) / sizeof(REPLACED[0]); i++) {
		if (realpath(REPLACED[i], real))
			r = allow_above(l, real, LANDLOCK_READ);
	}
	return r;
}

/* Ours, and nobody else's business. */
static bool is_private(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid() && !(st.st_mode & 077);
}

static int allow_spool(struct landlock *l, const struct conf *c)
{
	char path[DAEMON_PATH_SIZE], real[PATH_MAX], buf[PATH_MAX];
	struct conf_error later;

	/* If it is of no use, opening it says why. */
	if (daemon_spool_dir(c, path, &later) < 0 || !realpath(path, real))
		return 0;

	const char *parent = above(real, buf);
	int r = landlock_allow(l, real, LANDLOCK_WRITE);
	if (r == 0 && parent && is_private(parent))
		r = landlock_allow(l, parent, LANDLOCK_WRITE);
	return r;
}

static int allow_config(struct landlock *l, const char *file)
{
	struct stat st;

	if (!file || stat(file, &st) < 0)
		return 0;
	if (!S_ISREG(st.st_mode))
		return landlock_allow(l, file, LANDLOCK_READ);

	return allow_above(l, file, LANDLOCK_READ);
}

/* Read again by a reload, and replaced meanwhile. */
static int allow_files(struct landlock *l, const struct conf *c)
{
	const char *const paths[] = {c->auth.tokens, c->auth.link_key,
	    c->server.tls_cert, c->server.tls_key};
	char real[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(paths) / sizeof(paths[0]);
	     i++) {
		if (!*paths[i])
			continue;
		r = allow_above(l, paths[i], LANDLOCK_READ);
		/* It may be a link to where versions of it are. */
		if (r == 0 && realpath(paths[i], real))
			r = allow_above(l, real, LANDLOCK_READ);
	}
	return r;
}

static int allow_sockets(struct landlock *l, const struct conf *c)
{
	const struct conf_listen *listen = c->server.listen;
	int r = 0;

	/* Who the names are that they are given to. */
	if (*c->server.unix_owner)
		r = allow_list(
		    l, TO_NAME, sizeof(TO_NAME) / sizeof(TO_NAME[0]));
	for (size_t i = 0; r == 0 && i < listen->count; i++) {
		const struct listen_addr *a = &listen->items[i];

		if (a->kind == LISTEN_UNIX)
			r = allow_above(
			    l, a->addr.un.sun_path, LANDLOCK_SOCKETS);
	}
	return r;
}

static int allow_secrets(struct landlock *l, const struct conf *c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->hooks.count; i++) {
		const char *path = c->hooks.items[i]->secret;

		if (*path)
			r = landlock_allow(l, path, LANDLOCK_READ);
	}
	return r;
}

static int allow_all(
    struct landlock *l, const struct conf *c, const char *file)
{
	int r = allow_list(l, ALWAYS, sizeof(ALWAYS) / sizeof(ALWAYS[0]));

	if (r == 0)
		r = landlock_allow(l, "/dev/null", LANDLOCK_WRITE);
	if (r == 0)
		r = allow_spool(l, c);
	if (r == 0)
		r = allow_config(l, file);
	if (r == 0)
		r = allow_files(l, c);
	if (r == 0)
		r = allow_sockets(l, c);
	if (r == 0)
		r = allow_secrets(l, c);
	if (r == 0 && (c->fetch.enabled || c->hooks.count))
		r = allow_fetching(l, c);
	return r;
}

/* What could not be had is told, or is an error. */
static int without(enum conf_confine how, const char *what, int err,
    struct conf_error *reterr)
{
	const char *why =
	    err == -EOPNOTSUPP ? "the kernel has none" : strerror(-err);

	if (how == CONF_CONFINE_REQUIRE)
		return conf_error_set(reterr, err,
		    "sandbox.%s is required, but %s", what, why);

	log_warn("sandbox: without %s: %s", what, why);
	return 0;
}

static int enter_landlock(
    const struct conf *c, const char *file, int *ret_abi)
{
	struct landlock l;
	int r = landlock_open(&l);

	/* Files are kept by giving them a name in another directory. */
	if (r == 0 && l.abi < LANDLOCK_ABI_REFER &&
	    c->store.durability != CONF_DURABILITY_NONE)
		r = -EOPNOTSUPP;
	if (r == 0)
		r = allow_all(&l, c, file);
	if (r == 0)
		r = landlock_enter(&l);
	*ret_abi = l.abi;
	landlock_close(&l);
	return r;
}

int confine_files(
    const struct conf *c, const char *file, struct conf_error *reterr)
{
	int abi;

	if (!c->sandbox.core_dumps && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		log_warn("sandbox: a crash may dump memory: %s",
		    strerror(errno));
	if (c->sandbox.landlock == CONF_CONFINE_NO)
		return 0;

	int r = enter_landlock(c, file, &abi);
	if (r < 0)
		return without(c->sandbox.landlock, "landlock", r, reterr);

	log_info("sandbox: landlock, interface %d", abi);
	return 0;
}

int confine_calls(const struct conf *c, struct conf_error *reterr)
{
	if (c->sandbox.seccomp == CONF_CONFINE_NO)
		return 0;

	int r = seccomp_enter();
	if (r < 0)
		return without(c->sandbox.seccomp, "seccomp", r, reterr);

	log_info("sandbox: seccomp");
	return 0;
}
