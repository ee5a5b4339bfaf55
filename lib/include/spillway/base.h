/* SPDX-License-Identifier: MIT */
/*
 * What every Spillway header shares: export and cleanup macros, and the
 * meaning of error codes.
 *
 * Errors are negative errno values. Besides their usual meaning these are
 * fixed for the whole library:
 *
 *   -EFBIG      the content would pass the spool's `size_max`
 *   -ENOBUFS    memory is refused by limit or budget and there is no
 *               directory to spill to
 *   -ENOSPC     the disk is full, or `keep_free` would be violated
 *   -EDQUOT     the directory's quota is used up
 *   -EPERM      the spool is sealed
 *   -EAGAIN     a call that must not block would have to; or the bytes asked
 *               for are not there yet
 *   -ENODATA    the bytes asked for were discarded and will not come back
 *   -ETIMEDOUT  a deadline passed
 *   -ECANCELED  the operation was cancelled
 *
 * Structs that a caller fills in and that grow from version to version begin
 * with `size`, to be set to the struct's sizeof. A program goes on with a
 * newer library: what is new there is 0, and then everything is as it was.
 * It also goes on with an older one as long as it leaves 0 what is not known
 * there; otherwise its options are refused as invalid.
 *
 * Some structs have the name of the call that fills them. C++ then takes the
 * name for the call: write `struct spw_budget_stats st;`, as in C.
 *
 * Sizes of memory are `size_t`, sizes and offsets of content `uint64_t`.
 * Times named `_ms` are milliseconds of CLOCK_MONOTONIC.
 */
#ifndef SPILLWAY_BASE_H
#define SPILLWAY_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if defined(__GNUC__)
#define SPW_API __attribute__((visibility("default")))
#define SPW_MUST_CHECK __attribute__((warn_unused_result))
#define SPW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SPW_AUTO(free_fn) __attribute__((cleanup(free_fn)))
/** Move a pointer out of a variable that would clean it up. */
#define SPW_TAKE(p)                                                            \
	__extension__({                                                        \
		__typeof__(p) spw_taken_ = (p);                                \
		(p) = NULL;                                                    \
		spw_taken_;                                                    \
	})
#else
#define SPW_API
#define SPW_MUST_CHECK
#define SPW_PRINTF(fmt, args)
#endif

/** For sizes: no limit. */
#define SPW_UNLIMITED UINT64_MAX
/** For deadlines: never. */
#define SPW_NO_DEADLINE UINT64_MAX

#endif
