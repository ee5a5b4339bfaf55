/* SPDX-License-Identifier: MIT */
#include "spill/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <jansson.h>

#include <spillway/client.h>

#include "spill/clock.h"
#include "spill/text.h"

#define DRAW_EVERY_MS 100u
#define PLAIN_EVERY_MS 1000u
/* Before that, a rate is noise. */
#define RATE_AFTER_MS 500u

static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

void progress_init(struct progress *p, bool quiet)
{
	const char *term = getenv("TERM");

	*p = (struct progress){
	    .enabled = !quiet && isatty(STDERR_FILENO) && term != NULL &&
		       strcmp(term, "dumb") != 0,
	};
}

void progress_force(struct progress *p)
{
	p->plain = p->json || !p->enabled;
	p->enabled = true;
	p->forced = true;
}

void progress_use_json(struct progress *p)
{
	p->json = true;
	p->plain = true;
	p->enabled = p->enabled && p->forced;
}

void progress_start(struct progress *p, const char *label)
{
	text_escape(p->label, sizeof(p->label), label);
	json_decref(p->name);
	p->name = p->json && p->enabled ? text_json(label) : NULL;
	p->running = true;
	p->drawn = false;
	p->whole = false;
	p->has_start = false;
	p->drawn_ms = 0;
}

static void format_left(char *text, size_t size, uint64_t left, uint64_t rate)
{
	uint64_t s = rate > 0 ? left / rate : UINT64_MAX;

	text[0] = '\0';
	if (s < 3600)
		snprintf(text, size, "  %" PRIu64 ":%02" PRIu64 " left", s / 60,
		    s % 60);
	else if (s < 360000)
		snprintf(text, size,
		    "  %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left", s / 3600,
		    s / 60 % 60, s % 60);
}

static unsigned int percent(uint64_t done, uint64_t total)
{
	if (total == 0 || done >= total)
		return 100;
	return (unsigned int)(total > UINT64_MAX / 100 ? done / (total / 100)
						       : done * 100 / total);
}

void progress_format(char line[PROGRESS_LINE_SIZE], const char *label,
    uint64_t done, uint64_t total, uint64_t rate, size_t width)
{
	char size[TEXT_NUMBER_SIZE];
	char whole[TEXT_NUMBER_SIZE];
	char number[TEXT_NUMBER_SIZE];
	char speed[TEXT_NUMBER_SIZE + 8] = "";
	char left[48] = "";
	char numbers[160];

	text_size(size, done);
	text_size(whole, total);
	if (rate > 0) {
		text_size(number, rate);
		snprintf(speed, sizeof(speed), "  %s/s", number);
	}
	if (total == SPWC_UNKNOWN) {
		snprintf(numbers, sizeof(numbers), "%s%s", size, speed);
	} else {
		if (done < total)
			format_left(left, sizeof(left), total - done, rate);
		snprintf(numbers, sizeof(numbers), "%3u%%  %s of %s%s%s",
		    percent(done, total), size, whole, speed, left);
	}

	/* The last column stays free: some terminals wrap when it is used. A
	 * label is measured in bytes, so that a wide one goes sooner. */
	if (strlen(label) + 2 + strlen(numbers) < width)
		snprintf(line, PROGRESS_LINE_SIZE, "%s  %s", label, numbers);
	else if (strlen(numbers) < width)
		snprintf(line, PROGRESS_LINE_SIZE, "%s", numbers);
	else
		snprintf(line, PROGRESS_LINE_SIZE, "%.*s",
		    width > 0 ? (int)(width - 1) : 0, numbers);
}

/* What is not known is null. */
static json_t *number_json(uint64_t number, uint64_t unknown)
{
	return number != unknown ? json_integer((json_int_t)number)
				 : json_null();
}

static void print_json(
    const struct progress *p, uint64_t done, uint64_t total, uint64_t rate)
{
	json_t *json = json_pack("{s:{s:O*, s:I, s:o, s:o}}", "progress",
	    "name", p->name, "done", (json_int_t)done, "total",
	    number_json(total, SPWC_UNKNOWN), "rate", number_json(rate, 0));

	if (json == NULL)
		return;
	json_dumpf(json, stderr, JSON_COMPACT | JSON_ENSURE_ASCII);
	fputc('\n', stderr);
	json_decref(json);
}

static void print(
    const struct progress *p, uint64_t done, uint64_t total, uint64_t rate)
{
	char line[PROGRESS_LINE_SIZE];

	if (p->json) {
		print_json(p, done, total, rate);
	} else {
		progress_format(
		    line, p->label, done, total, rate, terminal_width());
		fprintf(stderr, p->plain ? "%s\n" : "\r%s\033[K", line);
	}
	fflush(stderr);
}

void progress_show(struct progress *p, uint64_t done, uint64_t total)
{
	uint64_t now = clock_ms();

	if (!p->enabled || !p->running)
		return;
	if (!p->has_start) {
		p->has_start = true;
		p->start_ms = now;
		p->start_done = done;
	} else if (done < p->start_done) {
		/* It began again from the start. */
		p->start_ms = now;
		p->start_done = done;
	}
	uint64_t every = p->plain ? PLAIN_EVERY_MS : DRAW_EVERY_MS;
	if (p->drawn && now - p->drawn_ms < every &&
	    (done != total || p->whole))
		return;

	uint64_t took = now - p->start_ms;
	uint64_t rate = took >= RATE_AFTER_MS
			    ? (done - p->start_done) / took * 1000 +
				  (done - p->start_done) % took * 1000 / took
			    : 0;
	print(p, done, total, rate);
	p->drawn = true;
	p->whole = done == total;
	p->drawn_ms = now;
}

void progress_clear(struct progress *p)
{
	if (p->drawn && !p->plain) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	json_decref(p->name);
	p->name = NULL;
	p->drawn = false;
	p->running = false;
}
