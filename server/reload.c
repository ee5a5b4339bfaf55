/* SPDX-License-Identifier: MIT */
#include "reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf_reload.h"
#include "base/incident.h"
#include "base/notify.h"
#include "daemon.h"

struct retired {
	struct retired *next;
	struct conf conf;
};

static void tell(void *ctx, const char *section, const char *key, bool taken)
{
	(void)ctx;
	if (taken)
		log_info("reload: %s.%s has changed", section, key);
	else
		log_warn("reload: %s.%s differs, which takes a restart",
		    section, key);
}

static void free_retired(struct retired *old)
{
	conf_fini(&old->conf);
	free(old);
}

static int reload(struct reload *r, struct spw_server *server,
    struct conf_error *reterr)
{
	struct conf *live = daemon_conf(server);
	struct daemon_files files = {.cert = NULL};
	struct retired *fresh = calloc(1, sizeof(*fresh));
	int lists = -ENOMEM;

	if (!fresh || conf_init(&fresh->conf) < 0) {
		free(fresh);
		return conf_error_set(reterr, -ENOMEM, "out of memory");
	}

	int e = daemon_load(
	    &fresh->conf, r->file, r->settings, &files, reterr);
	if (e == 0 && (e = daemon_use(server, &files)) < 0)
		conf_error_set(reterr, e, "%s",
		    e == -EACCES
			? "there would be no auth.tokens, and other machines "
			  "can connect; a restart can have it that way, with "
			  "auth.mode = none or on other addresses"
			: strerror(-e));
	daemon_files_drop(&files);
	if (e == 0) {
		lists = conf_reload(live, &fresh->conf, tell, NULL);
		if (lists < 0)
			e = conf_error_set(reterr, lists, "out of memory");
	}
	if (lists > 0) {
		fresh->next = r->retired;
		r->retired = fresh;
	} else {
		free_retired(fresh);
	}
	if (e < 0)
		return e;

	log_init(live->log.level, live->log.format, STDERR_FILENO);
	incident_limit(live->log.max_incidents);
	return 0;
}

int reload_run(struct reload *r, struct spw_server *server)
{
	char text[CONF_ERROR_TEXT_SIZE];
	struct conf_error why = {0};

	notify_reloading();
	int e = reload(r, server, &why);
	if (e < 0) {
		conf_error_format(&why, text);
		metrics_add(METRIC_RELOADS_FAILED, 1);
		log_error("reload: %s; the configuration stays as it was",
		    text);
	} else {
		metrics_add(METRIC_RELOADS, 1);
		log_info("reload: the configuration was read again");
	}
	notify_ready();
	return e;
}

void reload_fini(struct reload *r)
{
	while (r->retired) {
		struct retired *old = r->retired;

		r->retired = old->next;
		free_retired(old);
	}
}
