/* SPDX-License-Identifier: MIT */
/*
 * Samples of Prometheus' text exposition format, from the reading side.
 *
 * Views are of the text that was given. Pure functions: any thread.
 * Source: Prometheus text exposition format 0.0.4
 */
#ifndef COMMON_PROMTEXT_H
#define COMMON_PROMTEXT_H

#include "common/text.h"

struct promtext_sample {
	struct str name;
	/** What stands between the braces, as it stands; empty without. */
	struct str labels;
	double value;
};

/**
 * Take the next sample off a text. Comments and empty lines are skipped, and
 * a time behind the value is.
 *
 * Returns:   1 and the sample; 0 when there is none left.
 * Errors:    -EINVAL a line is none; `*rest` is behind it, so that the next
 *            may be taken all the same.
 */
int promtext_next(struct str *rest, struct promtext_sample *ret);

#endif
