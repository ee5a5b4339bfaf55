/* SPDX-License-Identifier: MIT */
/*
 * Why something failed, in the words that it failed with: of a file whose
 * source broke, to all who ask for it later. The store keeps it, and an answer
 * tells it.
 *
 * Plain data: no thread may change what another reads.
 */
#ifndef BASE_FAILURE_H
#define BASE_FAILURE_H

#define FAILURE_SAID_SIZE 1024

struct failure {
	int status;	   /* HTTP */
	const char *type;  /* problem type word; static */
	const char *title; /* static */
	const char *word;  /* RFC 9209 error; static; or NULL */
	int answered;	   /* the origin's status; 0: it gave none */
	char detail[256];
	/* The beginning of what a program complained of; or "". */
	char said[FAILURE_SAID_SIZE];
};

#endif
