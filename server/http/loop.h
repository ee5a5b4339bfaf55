/* SPDX-License-Identifier: MIT */
/*
 * An event loop: one thread, one instance of the HTTP library in external
 * polling mode, and the connections it was given.
 *
 * The library's instance, of which there is a second one for TLS, is an epoll
 * descriptor inside our own epoll set,
 * beside an eventfd for the inbox and every connection (to notice a peer that
 * closes while its request is suspended). Only the loop's thread touches
 * connections; everyone else posts to the inbox.
 *
 * Why our own loop: the library's internal epoll thread sleeps while
 * connections are ready when exactly 128 of them are, and in external mode it
 * has no channel to wake it after a resume.
 */
#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "base/conf.h"
#include "base/histogram.h"
#include "base/log.h"
#include "http/http.h"
#include "http/problem.h"

#define HTTP_CONN_MAGIC 0xc0442u
#define HTTP_REQUEST_MAGIC 0x4e905u

/* What an entry of the epoll set is. */
enum source_kind { SOURCE_INBOX, SOURCE_LIBRARY, SOURCE_CONN, SOURCE_LINGER };

struct http_source {
	enum source_kind kind;
};

#define HTTP_CLIENT_SIZE 64

struct http_conn {
	struct http_source source;
	uint32_t magic;
	int fd; /* the library's to close */
	struct http_loop *loop;
	struct MHD_Connection *mhd;
	struct http_conn *next, **prev;
	struct http_request *req; /* being read or answered; or NULL */
	uint64_t since_ms;	  /* start, or end of the last request */
	bool tls;
	bool hung_up;		  /* its end was noticed and dealt with */
	unsigned nudges;
	bool served;		  /* a request was answered on it */
	bool timed_out;		  /* and that was told */
	uint64_t over_turn;	  /* the loop's, when the last request ended */
	uint64_t sent; /* bytes of the answers before; see sent.c */
	int linger_fd;		  /* a dup to drain after the close; -1 */
	struct sockaddr_storage addr;
	char client[HTTP_CLIENT_SIZE]; /* its address; "" until asked for */
};

/* A closed connection whose peer is still sending. */
struct http_linger {
	struct http_source source;
	int fd;
	uint64_t until_ms;
	uint64_t drained;
	struct http_linger *next, **prev;
};

/* An entry of the inbox. */
struct http_arrival {
	struct http_arrival *next;
	int fd;
	bool refused; /* it was answered, and is only drained */
	bool tls;
	struct sockaddr_storage addr;
};

struct http_server;

/* Instances of the library: without and, where it is needed, with TLS. */
enum { LIBRARY_PLAIN, LIBRARY_TLS, LIBRARIES };

#define HTTP_REFUSALS_MAX 16

struct http_loop {
	struct http_server *server;
	const struct conf *conf;
	const struct http_handler *handler;
	struct MHD_Daemon *mhd[LIBRARIES]; /* NULL: not needed */
	bool parses_in_place; /* it is an old one: see gate.c */
	int epoll_fd, event_fd;
	struct http_source inbox_source, library_sources[LIBRARIES];
	pthread_t thread;
	bool running;

	struct http_conn *conns;
	struct http_conn *adding; /* handed to the library right now */
	struct http_request *sending; /* see ahead.c */
	struct http_linger *lingers;
	unsigned linger_count;
	struct http_request *spare; /* recycled requests */
	unsigned spare_count;
	struct access_buf *access;
	uint64_t scan_ms; /* when connections are looked at again */
	bool ran;	  /* the library has something to do */
	uint64_t turns;
	int refusals[HTTP_REFUSALS_MAX]; /* see refusal.c; 0: a handshake */
	unsigned refusal_count;
	unsigned refusals_old; /* of them, that were there at the last scan */

	_Atomic uint32_t connections;
	_Atomic uint32_t active; /* requests */
	_Atomic uint64_t turned_ms;
	_Atomic bool stop, drain, signalled;
	bool drain_seen; /* who waits was told */

	/* Also held to change the list of connections and to count them. */
	pthread_mutex_t inbox_lock;
	struct http_arrival *arrivals, **arrivals_end;
	struct http_waker *wakers, **wakers_end;
};

enum request_phase {
	PHASE_HEADER,  /* the header is not complete yet */
	PHASE_ARRIVED, /* it is, and no body follows */
	PHASE_BEGIN,   /* begin() runs */
	PHASE_LATER,   /* and will run again */
	PHASE_BODY,    /* the body comes in */
	PHASE_END,     /* the body is there, no answer yet */
	PHASE_REPLIED,
};

/* The inbox is looked at after so many runs of the library. */
#define HTTP_LIBRARY_RUNS 8

#define HTTP_HEADERS_MAX 100
#define HTTP_TARGET_INLINE 256

struct http_field {
	struct str name, value;
};

/* See http_keep() and, `held`, http_hold(). */
struct http_kept {
	void (*free_fn)(void *);
	void *ctx;
	bool held;
};

/* A file that is being sent; see ahead.c. */
struct http_sending {
	const struct http_ahead *ops; /* NULL: none is */
	void *ctx;
	/* `prev` NULL: not to be looked at. */
	struct http_request *next, **prev;
	uint64_t base;	/* what the socket had counted before */
	uint64_t ready; /* bytes of the reply that are at hand */
	uint64_t sent;	/* at the last look, with the header */
	unsigned turns; /* until the next look */
	unsigned still; /* looks since it has moved */
};

/* When what happened to a request; see timing.c. Times as clock_us(). */
struct http_timing {
	uint64_t began, asked; /* with its first line; when it was complete */
	uint64_t answered;     /* 0: not yet */
	uint64_t suspended;
	enum http_wait_kind waits_for;
	uint64_t waited[HTTP_WAIT_KINDS]; /* before the answer, us */
	enum route_kind route;
};

struct http_request {
	uint32_t magic;
	struct http_loop *loop;
	struct http_conn *conn;
	struct http_request *next_spare;
	enum request_phase phase;
	enum http_method method;
	char method_name[16];
	char *target; /* as sent; `inline_target` or malloc'd */
	size_t target_len, path_off, path_len;
	const char *line_end; /* of the target, in the library's memory */
	bool http10, has_body, expects, close;
	bool admitted;
	unsigned scopes;	 /* for the layers above */
	struct account *account; /* NULL: nobody's */
	/* What a proxy tells; see proxy.c. */
	char client[HTTP_CLIENT_SIZE]; /* "": who is connected */
	uint64_t client_key;
	struct str told_host; /* p NULL: none */
	bool https;
	uint64_t content_length;
	struct http_timing timing;

	const struct http_sink *sink;
	const struct http_waiter *waiter;
	void *ctx;
	bool later; /* begin() asked to be run again */
	void *later_ctx;
	void (*later_free)(void *ctx); /* NULL: there is none */
	uint64_t body_max, body_cap, received, discarded;
	uint64_t life_cap_ms; /* UINT64_MAX: none */
	uint64_t deadline_ms; /* wake it then; 0: never */
	uint64_t rate_bytes;  /* received at the last look at the rate */
	uint64_t rate_ms;     /* when that was; 0: not yet */
	int64_t rate_credit;  /* bytes it may be behind */
	int64_t rate_wanted;  /* bytes a second; the credit is for that */
	unsigned stuck_scans;
	bool discard;  /* the rest of the body is of no use */
	bool raw_sent; /* the answer went out beside the library */
	bool refused; /* the library answered, by itself */
	bool suspended;
	bool soon; /* it waits for work of our own */
	bool cut; /* end it: the server stops, or too slow */
	bool peer_gone;
	bool source_broke; /* of a streamed answer */
	bool has_pending; /* `pending` is sent once the body is over */
	struct http_problem problem; /* to be answered after the body */
	struct http_reply pending;   /* likewise, before its first byte */
	bool has_problem;
	struct http_kept keeps[HTTP_KEEPS_MAX];
	unsigned keep_count;
	void (*done)(void *ctx, bool complete);
	void *done_ctx;
	struct http_waker *waker;
	struct http_extra *extras; /* for whatever answer */
	struct http_sending sending;
	int status;
	uint64_t reply_length;
	bool streamed, sent_noted;
	uint64_t handed; /* bytes of a stream that the library has */
	uint64_t sent; /* of the answer's body; known at its end */

	struct log_request log; /* what its lines in the log begin with */
	unsigned field_count;
	struct http_field fields[HTTP_HEADERS_MAX];
	char inline_target[HTTP_TARGET_INLINE];
};

struct http_waker {
	_Atomic uint32_t refs;
	_Atomic bool queued, cut;
	_Atomic uint64_t queued_us, worked_us; /* its tasks, in pools */
	struct http_loop *loop;
	struct http_request *req; /* NULL when it is over; the loop's */
	struct http_waker *next;
};

/* loop.c */
int http_loop_init(struct http_loop *l, struct http_server *server,
    const struct conf *conf, const struct http_handler *handler,
    unsigned connections_max);
int http_loop_start(struct http_loop *l);
/**
 * Hand over a connection; `how` tells of it besides descriptor and address.
 * From any thread. Errors: -ENOMEM.
 */
int http_loop_post(struct http_loop *l, int fd,
    const struct sockaddr_storage *addr, const struct http_arrival *how);
/** Have the loop look around; from any thread. */
void http_loop_signal(struct http_loop *l);
void http_loop_join(struct http_loop *l);
void http_loop_fini(struct http_loop *l);
/** Returns: how many connections of one address there are; any thread. */
unsigned http_loop_count(struct http_loop *l, uint64_t address_key);
/** Finish what runs; who waits is woken. */
void http_loop_drain(struct http_loop *l);
bool http_loop_draining(const struct http_loop *l);

/* address.c */
/** Returns: the same for all addresses of one host; 0: a unix socket. */
uint64_t http_address_key(const struct sockaddr_storage *addr);

/* ahead.c */
/** A file is going to be sent that is longer than HTTP_AHEAD_BYTES. */
void http_ahead_begin(struct http_request *req, const struct http_reply *r);
/** Its socket can be written to again. */
void http_ahead_writable(struct http_request *req);
/** Before the library runs: is what it may send at hand? */
void http_ahead_look(struct http_loop *l);
/** The request is over. */
void http_ahead_end(struct http_request *req);

/* conn.c */
void http_conn_add(struct http_loop *l, struct http_arrival *a);
void http_conn_notify(void *cls, struct MHD_Connection *c, void **socket_ctx,
    enum MHD_ConnectionNotificationCode code);
/** Have http_ahead_writable() called, or no longer. */
void http_conn_watch_writable(struct http_conn *c, bool watch);
/** Something happened to its socket: EPOLL... bits. */
void http_conn_event(struct http_conn *c, uint32_t events);
/** Returns: the connection that the library has. */
struct http_conn *http_conn_of(struct MHD_Connection *mhd);
/** Write an address without its port. */
void http_address_text(
    const struct sockaddr_storage *addr, char out[HTTP_CLIENT_SIZE]);
/** Returns: the address of its client as text. */
const char *http_conn_client(struct http_conn *c);
/** Look at every connection: header deadlines, upload rates. */
void http_conn_scan(struct http_loop *l, uint64_t now_ms);
/** Have every request that waits look again. */
void http_conn_wake_all(struct http_loop *l);
/** Cut every connection. */
void http_conn_cut_all(struct http_loop *l);
/** Keep a copy of the socket, to read what still comes after the close. */
void http_conn_linger(struct http_conn *c);
void http_linger_read(struct http_loop *l, struct http_linger *g);
void http_linger_expire(struct http_loop *l, uint64_t now_ms, bool all);

/* request.c: the library's callbacks */
void *http_request_start(void *cls, const char *uri, struct MHD_Connection *c);
enum MHD_Result http_request_handle(void *cls, struct MHD_Connection *c,
    const char *url, const char *method, const char *version, const char *data,
    size_t *size, void **ctx);
void http_request_completed(void *cls, struct MHD_Connection *c, void **ctx,
    enum MHD_RequestTerminationCode code);
/** Free a request of which the library forgot to say that it is over. */
void http_request_forget(struct http_request *req);
/** It ends by an error, in a callback of the library. */
void http_request_broke(struct http_request *req);
void http_request_suspend(struct http_request *req);
void http_request_resume(struct http_request *req);
void http_request_drop_spares(struct http_loop *l);
/** Returns: whether a reply may go out before the body was read. */
bool http_reply_early(const struct http_request *req);

/* access.c */
/** Let go of what is held; `over`: of what is kept as well. */
void http_keeps_drop(struct http_request *req, bool over);

/* sent.c */
struct tcp_info;
/** Returns: false when the system counts nothing for this socket. */
bool http_tcp_info(int fd, struct tcp_info *ret);
/** An answer is given to the library. */
void http_sent_head(struct http_request *req, const struct http_reply *r);
/** What had left until now is what `sent` will be. */
void http_sent_note(struct http_request *req);
/** It is over: `sent` becomes known. */
void http_sent_end(struct http_request *req, bool complete);

/* refusal.c */
/** The library has told of one: the status, or 0: a TLS handshake failed. */
void http_refusal_seen(struct http_loop *l, int status);
/** A request ends. Returns: whether the library answered it by itself. */
bool http_refusal_of(struct http_request *req);
/** A connection ends, and no request with it. */
void http_refusal_closed(struct http_conn *c);
/** Once a second: tell of those that were there before. */
void http_refusals_flush(struct http_loop *l);

/* told.c */
/** What was asked by whom, for the log: METHOD TARGET from CLIENT, without the
    values of a query. */
#define HTTP_ASKED_SIZE 512
void http_asked(struct http_request *req, char out[HTTP_ASKED_SIZE]);
/** It has ended like this, after so long. */
void http_told(struct http_request *req, enum MHD_RequestTerminationCode code,
    uint64_t took_us);

/* extra.c */
/** The trace that a request says it belongs to. */
void http_trace(struct http_request *req);
struct http_extra;
void http_extras_add(const struct http_request *req, struct http_reply *r);
void http_extras_write(const struct http_request *req, struct strbuf *out);
void http_extras_free(struct http_request *req);
/** End it, whatever it is at. */
void http_request_cut(struct http_request *req);

/* timing.c */
/** It begins, or is complete with its body; once complete it stays so. */
void http_timing_begin(struct http_request *req);
void http_timing_asked(struct http_request *req);
/** It waits, or does so no longer. */
void http_timing_suspended(struct http_request *req);
void http_timing_resumed(struct http_request *req);
/** Its answer goes out: gives that its Server-Timing. */
void http_timing_answered(struct http_request *req);
/** It is over. Returns: how long it took. */
uint64_t http_timing_over(struct http_request *req);

/* gate.c */
/**
 * Check the framing of a request and note its fields. `method` and `version`
 * are where the library has them.
 *
 * Returns:   true when it is sound; else it was answered.
 */
bool http_gate(
    struct http_request *req, const char *method, const char *version);

/** Characters of a host and a port. RFC 3986 §3.2.2; RFC 9110 §7.2 */
bool http_host_valid(struct str host);

/* proxy.c */
/** Take over what a trusted proxy tells of the client. */
void http_proxied(struct http_request *req);

/* tls.c */
/**
 * Send bytes beside the library, while it sends nothing.
 *
 * Errors:    -EAGAIN none was sent; -EPIPE some of it, or that cannot be told.
 */
int http_conn_send(struct http_conn *c, const void *data, size_t len)
    SPW_MUST_CHECK;
/** Nothing more is sent on it. */
void http_conn_end_sending(struct http_conn *c);
/** What a library with TLS needs to be told. False: it has none. */
bool http_tls_options(struct MHD_OptionItem options[3]);

/* reply.c */
/** Queue a reply with the library now. */
enum MHD_Result http_reply_queue(
    struct http_request *req, struct http_reply *r);

/* problem.c */
/** Count a refusal by its status and have it in the log. */
void http_refused(
    struct http_request *req, int status, const char *type, const char *why);
/** The same; `who` asked what. */
void http_refused_whom(
    const char *who, int status, const char *type, const char *why);
/** Send a pending problem beside the library, as far as the socket takes. */
void http_problem_send_raw(struct http_request *req);

#endif
