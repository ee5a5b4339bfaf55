/* SPDX-License-Identifier: MIT */
/*
 * A program that embeds the server, with a processor of its own: capitals.
 *
 *   cc embed.c $(pkg-config --cflags --libs spillway-server) -o embed
 *   ./embed                    then: curl --data abc URL/process/upper
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>

#include <spillway/server.h>

static int upper(
    void *ctx, struct spw_processor_in *in, struct spw_processor_out *out)
{
	char buf[16384];
	ssize_t n;
	int r = 0;

	(void)ctx;
	while (r == 0 && (n = spw_processor_read(in, buf, sizeof(buf))) != 0) {
		for (ssize_t i = 0; i < n; i++)
			buf[i] = (char)toupper((unsigned char)buf[i]);
		r = n < 0 ? (int)n : spw_processor_write(out, buf, (size_t)n);
	}
	return r;
}

int main(void)
{
	const char *const settings[] = {"server.listen=127.0.0.1:0", NULL};
	const struct spw_processor processor = {.size = sizeof(processor),
	    .name = "upper", .type = "text/plain", .fn = upper};
	char error[SPW_SERVER_ERROR_SIZE], url[SPW_SERVER_URL_SIZE];
	struct spw_server *server;
	sigset_t stop;
	int sig;

	/* Before there are threads, so that all of them leave these to us. */
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (spw_server_new(NULL, settings, &server, error) < 0) {
		fprintf(stderr, "embed: %s\n", error);
		return 1;
	}
	if (spw_server_add_processor(server, &processor) < 0 ||
	    spw_server_start(server) < 0 || !spw_server_url(server, 0, url))
		return 1;
	printf("listening on %s\n", url);
	fflush(stdout);
	sigwait(&stop, &sig);
	spw_server_drain(server, 10000);
	spw_server_free(server);
	return 0;
}
