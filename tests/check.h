/* SPDX-License-Identifier: MIT */
/*
 * What every cmocka test here includes: the headers cmocka wants first, and
 * assertions in the house's terms (0 or negative errno).
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/** The call succeeded (0 or a count). */
#define assert_ok(call) assert_true((call) >= 0)
/** The call failed with -err. */
#define assert_err(call, err) assert_int_equal((call), -(err))

#endif
