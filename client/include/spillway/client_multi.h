/* SPDX-License-Identifier: MIT */
/*
 * Many transfers at once on one thread, under a poll loop of the program's.
 *
 *   spwc_multi_new(&m)
 *   spwc_multi_put(m, c, ..., done, arg, &call, &error)    any number
 *   loop: poll() for reading on spwc_multi_fd(m), among others
 *         when it is readable: spwc_multi_perform(m)
 *   done(arg, result)                    once for each, out of perform
 *   spwc_multi_free(m)
 *
 * There is one descriptor to watch and no time-out to keep: times are behind
 * the descriptor, too. Whoever has nothing else to do calls
 * spwc_multi_wait() instead.
 *
 * A call begins with what the client's options say (server, token, rate);
 * those about trying again are not used here: `done` is told of a failure,
 * and spwc_transient() and spwc_pause_ms() say whether and when to begin
 * another. Progress is what the callbacks see; the client's progress
 * callback is not called.
 *
 * Callbacks run inside spwc_multi_perform() and spwc_multi_wait(), and do not
 * call those. A read or write callback that returns -EAGAIN has nothing, or
 * no room, for now: nothing is taken then, and the call rests until
 * spwc_call_resume(). `done` may begin and cancel other calls; the call that
 * it is told of is over, and its handle gone, when it returns.
 *
 * Errors are as <spillway/client.h> has them. What is wrong with the
 * arguments is said at once, all else to `done`.
 *
 * Threads: one thread at a time for one multi and the clients it is used
 * with. A client may make blocking calls meanwhile, and outlives its calls.
 */
#ifndef SPILLWAY_CLIENT_MULTI_H
#define SPILLWAY_CLIENT_MULTI_H

#include <stddef.h>
#include <stdint.h>

#include <spillway/base.h>
#include <spillway/client.h>
#include <spillway/client_upload.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spwc_multi;

/** A transfer that was begun and is not over. */
struct spwc_call;

/** What became of a call. Valid while `done` runs. */
struct spwc_result {
	/** 0 or a negative errno; then `error` says more. */
	int err;
	struct spwc_error error;
	/** Of spwc_multi_put(): the file; else NULL. */
	const struct spwc_file *file;
	/** Of spwc_multi_get(), as spwc_get() has it; else NULL. */
	const struct spwc_content *content;
	/** Of spwc_multi_append() and spwc_multi_look(). */
	struct spwc_upload upload;
};

/** Told once that a call is over. */
typedef void (*spwc_done_fn)(void *arg, const struct spwc_result *result);

/**
 * Make one.
 *
 * Returns:   0 and the multi.
 * Errors:    -ENOMEM; -EMFILE and what else there is when there are no more
 *            descriptors.
 */
SPW_API int spwc_multi_new(struct spwc_multi **ret_multi) SPW_MUST_CHECK;

/**
 * Cancel what still runs, and free it. NULL is allowed.
 *
 * Returns:   nothing.
 */
SPW_API void spwc_multi_free(struct spwc_multi *m);

static inline void spwc_multi_freep(struct spwc_multi **m)
{
	spwc_multi_free(*m);
	*m = NULL;
}

/**
 * The descriptor that is readable when there is something to do.
 *
 * Returns:   a descriptor.
 * Ownership: the multi's; it is for poll(), epoll and the like only.
 */
SPW_API int spwc_multi_fd(const struct spwc_multi *m);

/**
 * Do what can be done without waiting.
 *
 * Returns:   how many calls still run.
 */
SPW_API size_t spwc_multi_perform(struct spwc_multi *m);

/**
 * Wait until there is something to do, then do it.
 *
 * Units:     milliseconds; negative waits for as long as it takes.
 * Returns:   how many calls still run. A signal ends the wait.
 */
SPW_API size_t spwc_multi_wait(struct spwc_multi *m, int timeout_ms);

/**
 * Begin spwc_put().
 *
 * Returns:   0; `*ret_call` (NULL is allowed) is the call.
 * Errors:    -EINVAL, -EFBIG, -ENOMEM; `done` is not called then.
 * Ownership: copies what `opts` and `source` hold; `source->arg` stays the
 *            caller's until the call is over.
 */
SPW_API int spwc_multi_put(struct spwc_multi *m, struct spwc_client *c,
    const struct spwc_put_opts *opts, const struct spwc_source *source,
    spwc_done_fn done, void *arg, struct spwc_call **ret_call,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Begin spwc_get().
 *
 * Returns:   0; `*ret_call` (NULL is allowed) is the call.
 * Errors:    -EINVAL, -EXDEV, -ENOMEM; `done` is not called then.
 * Ownership: copies what `opts` and `sink` hold; `sink->arg` stays the
 *            caller's until the call is over.
 */
SPW_API int spwc_multi_get(struct spwc_multi *m, struct spwc_client *c,
    const char *ref, const struct spwc_get_opts *opts,
    const struct spwc_sink *sink, spwc_done_fn done, void *arg,
    struct spwc_call **ret_call, struct spwc_error *reterr_error)
    SPW_MUST_CHECK;

/**
 * Begin spwc_upload_append().
 *
 * Returns:   0; `*ret_call` (NULL is allowed) is the call.
 * Errors:    as spwc_multi_put(); -EXDEV.
 * Ownership: as spwc_multi_put().
 */
SPW_API int spwc_multi_append(struct spwc_multi *m, struct spwc_client *c,
    const char *ref, uint64_t offset, const struct spwc_source *source,
    spwc_done_fn done, void *arg, struct spwc_call **ret_call,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * Begin spwc_upload_look().
 *
 * Returns:   0; `*ret_call` (NULL is allowed) is the call.
 * Errors:    -EINVAL, -EXDEV, -ENOMEM; `done` is not called then.
 */
SPW_API int spwc_multi_look(struct spwc_multi *m, struct spwc_client *c,
    const char *ref, spwc_done_fn done, void *arg, struct spwc_call **ret_call,
    struct spwc_error *reterr_error) SPW_MUST_CHECK;

/**
 * End a call at once; `done` is not called. Not from a callback of its own.
 *
 * Returns:   nothing.
 */
SPW_API void spwc_call_cancel(struct spwc_call *call);

/**
 * Go on with a call whose callback returned -EAGAIN. Not from a callback of
 * its own.
 *
 * Returns:   nothing.
 */
SPW_API void spwc_call_resume(struct spwc_call *call);

#ifdef __cplusplus
}
#endif

#endif
