/* SPDX-License-Identifier: MIT */
/*
 * What goes over sockets between the server, the zygote and the supervisor of
 * a run: records of one size each, SOCK_SEQPACKET.
 *
 * To the zygote goes an order with ORDER_FDS descriptors. The last of them is
 * one end of the run's leash: the supervisor sends reports over it, and ends
 * the run when the other end is shut.
 */
#ifndef PROCESS_ORDER_H
#define PROCESS_ORDER_H

#include <stdint.h>

#include "store/file.h"

#define ORDER_MAGIC 0x04de4u

/* The descriptors, in this order. */
enum { ORDER_CONTENT, ORDER_OUTPUT, ORDER_COMPLAINTS, ORDER_LEASH, ORDER_FDS };

struct order {
	uint32_t magic;
	uint32_t processor; /* which of the configuration */
	uint64_t size;	    /* of the content */
	char name[FILE_NAME_SIZE], type[FILE_TYPE_SIZE];
	char sha256[2 * 32 + 1]; /* "": not known */
};

enum report_kind {
	REPORT_NONE,   /* is not sent */
	REPORT_BROKEN, /* it could not be started: `value` is an errno */
	REPORT_ENDED,  /* `value` is as of waitpid() */
	/* It was killed for having taken too much: */
	REPORT_TIMED_OUT,
	REPORT_CPU,	      /* processor time of all its processes */
	REPORT_MEMORY,	      /* memory of all its processes */
	REPORT_MEMORY_MAPPED, /* shared memory of which no size is known */
	REPORT_HIDDEN,	      /* a process of it cannot be looked at */
	REPORT_TEMP,	      /* bytes in its directory */
	REPORT_TEMP_FILES,    /* files there, or depth */
	REPORT_TEMP_MAPPED,   /* deleted files of which no size is known */
	REPORT_DISK,	      /* while the disk has less than is kept free */
};

struct report {
	uint32_t kind;
	int32_t value;
	char step[32]; /* what could not be done */
};

#endif
