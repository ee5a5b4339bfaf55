/* SPDX-License-Identifier: MIT */
/* spillwayd: arguments, signals, and the server in between. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifdef WITH_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "base/clock.h"
#include "base/notify.h"
#include "base/procstat.h"
#include "confine.h"
#include "daemon.h"
#include "deliver/zip.h"
#include "http/server.h"
#include "ingest/fetch.h"
#include "reload.h"
#include "store/fsck.h"

/* Where `meson install` puts it. */
#define DEFAULT_FILE SPILLWAYD_CONF

enum { EXIT_OK = 0, EXIT_RUNTIME = 1, EXIT_USAGE = 2 };

enum action { RUN, CHECK, PRINT, CHECK_SPOOL };

static const char HELP[] =
    "Usage: spillwayd [-c FILE] [-o SECTION.KEY=VALUE]...\n"
    "Keep uploads and fetched files, and give them out again over HTTP.\n"
    "\n"
    "  -c, --config=FILE   read this configuration; otherwise\n"
    "                      " DEFAULT_FILE " if it exists\n"
    "  -o, --option=SECTION.KEY=VALUE\n"
    "                      set one key, over the file; may be repeated\n"
    "      --check-config  say whether the configuration is right, and exit\n"
    "      --print-config  print the configuration with all defaults, and "
    "exit\n"
    "      --check-spool   say what is not whole of the files kept in a\n"
    "                      directory that no daemon uses, and exit\n"
    "      --repair        with it: delete that, and make readable again\n"
    "                      what the mode forbids to read\n"
    "      --new-token=NAME\n"
    "                      make up a token: print it to standard error, and "
    "the\n"
    "                      line for the file of auth.tokens, and exit\n"
    "      --version       print the version and those of\n"
    "                      libraries, and exit\n"
    "  -h, --help          print this, and exit\n"
    "\n"
    "Without a configuration it listens on 127.0.0.1:8080. SIGTERM finishes\n"
    "what runs and stops, SIGHUP reads the configuration again.\n"
    "Exit codes: 0 clean stop, 1 failure or damage, 2 wrong usage or\n"
    "configuration.\n"
    "\n"
    "Manual: man 8 spillwayd; every key: man 5 spillway.conf, or\n"
    "--print-config.\n";

#ifdef WITH_JEMALLOC
/* Make what threads share: jemalloc crashes if that cannot be made for one
   that begins when there is no memory. */
static void prepare_memory(void)
{
	unsigned arenas = 0;
	size_t size = sizeof(arenas);

	(void)mallctl("arenas.narenas", &arenas, &size, NULL, 0);
	for (unsigned i = 0; i < arenas; i++) {
		int how = MALLOCX_ARENA(i) | MALLOCX_TCACHE_NONE;
		void *p = mallocx(1, how);

		if (p)
			dallocx(p, how);
	}
}
#else
/* One heap that grows in steps: with one per thread each grows by a page at a
   time, and every step stops all threads for a moment. */
static void prepare_memory(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TOP_PAD, 1 << 20);
}
#endif

/* Everything that the command line and the files say. */
struct setup {
	struct conf conf;
	struct daemon_files files;
	enum action action;
	bool repair;
	const char *file;
	const char **settings; /* each -o; ends with NULL */
	struct conf_error error;
};

static int usage(const char *why)
{
	if (why)
		fprintf(stderr, "spillwayd: %s\n", why);
	fprintf(stderr, "Try 'spillwayd --help'.\n");
	return EXIT_USAGE;
}

static void tell(const struct conf_error *what)
{
	char text[CONF_ERROR_TEXT_SIZE];

	conf_error_format(what, text);
	fprintf(stderr, "spillwayd: %s\n", text);
}

static int wrong(const struct setup *s)
{
	tell(&s->error);
	return EXIT_USAGE;
}

static const struct option OPTIONS[] = {
    {"config", required_argument, NULL, 'c'},
    {"option", required_argument, NULL, 'o'},
    {"check-config", no_argument, NULL, 'C'},
    {"print-config", no_argument, NULL, 'P'},
    {"check-spool", no_argument, NULL, 'S'},
    {"repair", no_argument, NULL, 'R'},
    {"new-token", required_argument, NULL, 'T'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* What a report of a fault should tell. */
static void print_versions(void)
{
	printf("spillwayd " SPILLWAY_VERSION
	       "\nlibmicrohttpd/%s libzip/%s %s\n",
	    http_library_version(), zip_library_version(),
	    fetch_library_versions());
}

/* Only who asked gets to see it: the file has its hash. */
static int new_token(const char *name)
{
	char text[TOKEN_TEXT_SIZE], line[TOKEN_FILE_LINE_SIZE];

	int r = tokens_make(name, text, line);
	if (r == -EINVAL)
		return usage("the name of a token has 1 to 64 of A-Z a-z 0-9 "
			     ". _ ~ -");
	if (r < 0) {
		fprintf(stderr, "spillwayd: %s\n", strerror(-r));
		return EXIT_RUNTIME;
	}
	fprintf(stderr, "%s\n", text);
	puts(line);
	return EXIT_OK;
}

static int parse(int argc, char **argv, struct setup *s)
{
	size_t settings = 0;
	int c;

	while ((c = getopt_long(argc, argv, "c:o:h", OPTIONS, NULL)) != -1) {
		switch (c) {
		case 'c':
			s->file = optarg;
			break;
		case 'o':
			s->settings[settings++] = optarg;
			break;
		case 'C':
			s->action = CHECK;
			break;
		case 'P':
			s->action = PRINT;
			break;
		case 'S':
			s->action = CHECK_SPOOL;
			break;
		case 'R':
			s->repair = true;
			break;
		case 'T':
			exit(new_token(optarg));
		case 'V':
			print_versions();
			exit(EXIT_OK);
		case 'h':
			fputs(HELP, stdout);
			exit(EXIT_OK);
		default:
			return usage(NULL);
		}
	}
	if (s->repair && s->action != CHECK_SPOOL)
		return usage("--repair goes with --check-spool");
	if (optind < argc)
		return usage("there are no arguments besides options; a value "
			     "with blanks stands in quotes");
	return EXIT_OK;
}

static int load(struct setup *s)
{
	if (!s->file && access(DEFAULT_FILE, F_OK) == 0)
		s->file = DEFAULT_FILE;

	int r = daemon_load(
	    &s->conf, s->file, s->settings, &s->files, &s->error);
	return r < 0 ? wrong(s) : EXIT_OK;
}

/* One descriptor a connection and one a large file: take what is allowed. */
static void raise_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur >= rl.rlim_max)
		return;
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
		log_warn("cannot raise the limit of open files: %s",
		    strerror(errno));
}

static void announce(const struct spw_server *s)
{
	char url[SPW_SERVER_URL_SIZE];

	for (unsigned i = 0; spw_server_url(s, i, url); i++)
		printf("listening on %s\n", url);
	fflush(stdout);
	notify_ready();
}

/* Sleep until a signal that ends it, feeding the watchdog. */
static int serve(
    struct spw_server *s, struct reload *reload, const sigset_t *set)
{
	uint64_t interval = notify_watchdog_interval_ms();
	uint64_t nap_ms = interval ? interval / 2 : 60000;
	struct timespec nap = {
	    .tv_sec = (time_t)(nap_ms / 1000),
	    .tv_nsec = (long)(nap_ms % 1000) * 1000000,
	};

	for (;;) {
		int sig = sigtimedwait(set, NULL, &nap);

		if (sig == SIGTERM || sig == SIGINT)
			return sig;
		if (sig == SIGHUP)
			(void)reload_run(reload, s);
		else if (interval && spw_server_healthy(s))
			notify_watchdog();
	}
}

/* Until all is done, the time is up, or a second signal says not to wait. */
static bool drain(struct spw_server *server, const sigset_t *set)
{
	const struct timespec nap = {.tv_nsec = 0};
	uint64_t now = clock_ms();
	uint64_t until = now + daemon_conf(server)->server.drain_timeout;
	int sig = 0;

	while (sig != SIGTERM && sig != SIGINT) {
		uint64_t left = until > now ? until - now : 0;

		if (spw_server_drain(server, left < 100 ? left : 100))
			return true;
		if (left == 0)
			break;
		sig = sigtimedwait(set, NULL, &nap);
		now = clock_ms();
	}
	return false;
}

/* What is the process's, before there are threads. */
static void prepare(const struct setup *s, sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	prepare_memory();
	signal(SIGPIPE, SIG_IGN);
	/* A file over RLIMIT_FSIZE is an error like a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	/* Else libc reads the time zone anew, and writes globals, each time
	   libzip asks for a date. */
	setenv("TZ", ":/etc/localtime", 0);
	tzset();
	daemon_log(&s->conf);
	raise_limits();
}

/* Errors: they are in the log. */
static int start(struct setup *s, struct spw_server **ret)
{
	char text[CONF_ERROR_TEXT_SIZE];
	struct spw_server *server = NULL;
	struct zygote *zygote = NULL;

	int r = daemon_prepare(&s->conf, &zygote, &s->error);
	/* For good: behind the sandbox there is no /proc. */
	procstat_open();
	if (r == 0 &&
	    (r = confine_files(&s->conf, s->file, &s->error)) < 0)
		zygote_free(zygote);
	if (r == 0)
		r = daemon_new(&s->conf, &s->files, zygote, &server, &s->error);
	if (r < 0) {
		conf_error_format(&s->error, text);
		log_error("%s", text);
		return r;
	}

	r = spw_server_start(server);
	if (r < 0)
		conf_error_set(
		    &s->error, r, "cannot start: %s", strerror(-r));
	else
		r = confine_calls(daemon_conf(server), &s->error);
	if (r < 0) {
		log_error("%s", s->error.msg);
		spw_server_free(server);
		return r;
	}
	*ret = server;
	return 0;
}

static int run(struct setup *s)
{
	struct reload reload = {.file = s->file, .settings = s->settings};
	struct spw_server *server;
	sigset_t set;

	prepare(s, &set);
	int r = start(s, &server);
	/* A start later will find the same sockets. */
	if (r < 0)
		return r == -EPROTOTYPE ? EXIT_USAGE : EXIT_RUNTIME;

	announce(server);
	int sig = serve(server, &reload, &set);
	notify_stopping();
	log_info(
	    "%s: finishing what runs", sig == SIGTERM ? "SIGTERM" : "SIGINT");
	if (!drain(server, &set))
		log_warn("cutting what still runs");
	spw_server_free(server);
	reload_fini(&reload);
	return EXIT_OK;
}

static int check(struct setup *s)
{
	struct conf_error note;

	if (daemon_check(&s->conf, &note, &s->error) < 0)
		return wrong(s);

	if (note.msg[0])
		tell(&note);
	printf("the configuration is right: %s\n",
	    s->file ? s->file : "no file, the defaults");
	return EXIT_OK;
}

static int check_spool(struct setup *s)
{
	char path[DAEMON_PATH_SIZE];
	struct fsck_result found;

	if (daemon_spool_dir(&s->conf, path, &s->error) < 0)
		return wrong(s);
	if (fsck_run(path, s->repair, stdout, &found) < 0)
		return EXIT_RUNTIME;

	printf("%s: %lu files and %lu open uploads are well, %lu are not",
	    path, found.files, found.uploads, found.bad);
	if (s->repair)
		printf(", of which %lu were deleted or made readable",
		    found.repaired);
	putchar('\n');
	return found.bad > found.repaired ? EXIT_RUNTIME : EXIT_OK;
}

int main(int argc, char **argv)
{
	struct setup s = {.action = RUN};

	s.settings = calloc((size_t)argc + 1, sizeof(*s.settings));
	if (!s.settings || conf_init(&s.conf) < 0) {
		fprintf(stderr, "spillwayd: out of memory\n");
		free(s.settings);
		return EXIT_RUNTIME;
	}

	int code = parse(argc, argv, &s);
	if (code == EXIT_OK)
		code = load(&s);
	if (code == EXIT_OK && s.action == PRINT)
		conf_print(&s.conf, stdout);
	else if (code == EXIT_OK && s.action == CHECK)
		code = check(&s);
	else if (code == EXIT_OK && s.action == CHECK_SPOOL)
		code = check_spool(&s);
	else if (code == EXIT_OK)
		code = run(&s);
	daemon_files_drop(&s.files);
	conf_fini(&s.conf);
	free(s.settings);
	return code;
}
