/* SPDX-License-Identifier: MIT */
/*
 * GET /files/{id}/events: how far a file has come, as server-sent events.
 *
 *     event: progress
 *     id: 65536
 *     data: {"state":"receiving","received":65536,"size":300000,"rate":9000}
 *
 * The first one goes out at once. Then one for each step of EVENTS_STEPS that
 * the file takes, or after EVENTS_PAUSE_MS if it takes a smaller one: so their
 * number is bounded by the file's size and the time, not by the number of
 * writes. `rate` is in bytes a second, lately; it falls to 0 when nothing
 * comes. A comment every EVENTS_HEARTBEAT_MS tells proxies that the connection
 * lives, and us that the client does.
 *
 * The last event is called `end` and tells the state `ready`, `failed` or
 * `deleted`; its id is `end`. A browser connects again after any end: to one
 * that has seen it the answer is 204, at which browsers stay away.
 *
 * A stream costs a few hundred bytes while nothing happens, and ends with its
 * connection; how many there can be is server.max_connections' to say.
 *
 * Source: HTML Living Standard §9.2
 */
#ifndef DELIVER_EVENTS_H
#define DELIVER_EVENTS_H

#include "http/http.h"
#include "store/file.h"

/** Events of a file of known size, but for pauses. */
#define EVENTS_STEPS 100
/** The smallest step, and the one of a file of unknown size, which then is a
 * hundredth of what came so far. */
#define EVENTS_STEP_BYTES ((uint64_t)64 * 1024)
#define EVENTS_PAUSE_MS 1000
#define EVENTS_HEARTBEAT_MS 15000

/**
 * Answer GET or HEAD of a file's events.
 *
 * Ownership: takes its own reference on `f`.
 */
void events_reply(struct http_request *req, struct file *f);

#endif
