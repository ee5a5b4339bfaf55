/* SPDX-License-Identifier: MIT */
/*
 * One place to listen on, as written in `server.listen`:
 *
 *   127.0.0.1:8080   [::1]:8080   localhost:8080   an address and a port
 *   *:8080                                         every address, IPv4 and v6
 *   https://127.0.0.1:8443                         any of them, with TLS
 *   unix:/run/spillway/http.sock                   a socket in the file system
 *   systemd                                        sockets handed over at start
 *
 * Host names other than localhost are refused: what one resolves to is not the
 * daemon's to guess at boot. localhost means 127.0.0.1. Port 0 takes a free
 * one.
 */
#ifndef BASE_LISTEN_H
#define BASE_LISTEN_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <spillway/base.h>

struct conf;
struct conf_error;

enum listen_kind {
	LISTEN_INET,	/* `addr`, AF_INET or AF_INET6 */
	LISTEN_UNIX,	/* `addr`, AF_UNIX; the path may exist already */
	LISTEN_SYSTEMD, /* no `addr`: see notify_listen_fds() */
};

struct listen_addr {
	enum listen_kind kind;
	bool tls;
	bool dual_stack; /* `*`: clear IPV6_V6ONLY, or set it when false */
	socklen_t addr_len;
	union {
		struct sockaddr sa;
		struct sockaddr_storage storage;
		struct sockaddr_un un;
	} addr;
};

/** Room for listen_format(). */
#define LISTEN_TEXT_SIZE 128

/**
 * Read one item.
 *
 * Errors:    -EINVAL, and `reterr->msg` says what is allowed.
 */
int listen_parse(
    const char *item, struct listen_addr *ret, struct conf_error *reterr);

/**
 * Read the permissions of a socket in the file system: octal digits.
 *
 * Returns:   0; without any digit `*ret` is as it was.
 * Errors:    -EINVAL.
 */
int listen_mode_parse(const char *text, unsigned *ret);

/**
 * Read whose such a socket is to be: USER, USER:GROUP or :GROUP, names or
 * numbers. What is not told is -1. May block.
 *
 * Errors:    -EINVAL, and `reterr->msg` says who is not known.
 */
int listen_owner_find(const char *text, uid_t *ret_user, gid_t *ret_group,
    struct conf_error *reterr);

/**
 * Find whom sockets of a configuration are given to. May block.
 *
 * Errors:    as listen_owner_find(), with key, file and line.
 */
int listen_owner_of(const struct conf *c, uid_t *ret_user, gid_t *ret_group,
    struct conf_error *reterr);

/** Write it so that listen_parse() reads the same back. */
void listen_format(const struct listen_addr *a, char out[LISTEN_TEXT_SIZE]);

/**
 * Whether only this machine can connect to a socket bound to `sa`: loopback
 * or a unix socket. Also for the sockets that systemd hands over.
 */
bool listen_is_local(const struct sockaddr *sa);

#endif
