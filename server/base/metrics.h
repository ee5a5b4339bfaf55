/* SPDX-License-Identifier: MIT */
/*
 * Counters and gauges of the whole server, for GET /metrics; histograms are in
 * histogram.h.
 *
 * Adding a metric is one line in METRICS, and `tests/lint/metrics.py --update`
 * for docs/monitoring.md. Lines of one family (same name, another label) stand
 * together; the first has the help text. A gauge is either moved with
 * metrics_add() or written with metrics_set(), never both.
 *
 * State: a global array of atomics, one copy for each of METRICS_SHARDS
 * groups of threads, on cache lines of their own, so that the loops do not
 * fight for a line at each request; metrics_write() adds the copies up.
 * All accesses are relaxed: numbers are exact once the threads are quiet, and
 * different metrics may be a moment apart.
 * Threads: any.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdint.h>

#include "base/strbuf.h"

#define METRICS_SHARDS 8

/*
 * X(id, kind, name without "spillway_", label, help)
 * COUNTER and GAUGE are plain; SECONDS is a counter of microseconds that is
 * shown in seconds. `label` is NULL or `name="value"`.
 */
/* clang-format off */
#define METRICS_HTTP(X)                                                        \
	X(CONNECTIONS_OPEN, GAUGE, "connections_open", NULL,                   \
	  "Client connections open now.")                                      \
	X(CONNECTIONS_ACCEPTED, COUNTER, "connections_accepted_total", NULL,   \
	  "Client connections accepted.")                                      \
	X(CONNECTIONS_REJECTED_LIMIT, COUNTER, "connections_rejected_total",   \
	  "reason=\"limit\"", "Client connections closed before a request.")   \
	X(CONNECTIONS_REJECTED_ADDRESS, COUNTER, "connections_rejected_total", \
	  "reason=\"address\"", NULL)                                          \
	X(CONNECTIONS_REJECTED_FDS, COUNTER, "connections_rejected_total",     \
	  "reason=\"descriptors\"", NULL)                                      \
	X(CONNECTIONS_REJECTED_ERROR, COUNTER, "connections_rejected_total",   \
	  "reason=\"error\"", NULL)                                            \
	X(CONNECTIONS_TIMED_OUT, COUNTER, "connections_timed_out_total", NULL, \
	  "Client connections closed because no header came in time.")         \
	X(CONNECTIONS_NO_REQUEST, COUNTER, "connections_no_request_total",     \
	  NULL, "Client connections on which bytes came, but no request.")     \
	X(TLS_HANDSHAKES_FAILED, COUNTER, "tls_handshakes_failed_total", NULL, \
	  "Client connections whose TLS handshake failed.")                    \
	X(TLS_CERT_EXPIRES, GAUGE, "tls_certificate_expiry_seconds", NULL,     \
	  "When the certificate expires, in seconds since 1970; 0: none.")     \
	X(REQUESTS_GET, COUNTER, "requests_total", "method=\"get\"",           \
	  "Requests by method.")                                               \
	X(REQUESTS_HEAD, COUNTER, "requests_total", "method=\"head\"", NULL)   \
	X(REQUESTS_POST, COUNTER, "requests_total", "method=\"post\"", NULL)   \
	X(REQUESTS_PUT, COUNTER, "requests_total", "method=\"put\"", NULL)     \
	X(REQUESTS_PATCH, COUNTER, "requests_total", "method=\"patch\"", NULL) \
	X(REQUESTS_DELETE, COUNTER, "requests_total", "method=\"delete\"",     \
	  NULL)                                                                \
	X(REQUESTS_OPTIONS, COUNTER, "requests_total", "method=\"options\"",   \
	  NULL)                                                                \
	X(REQUESTS_OTHER, COUNTER, "requests_total", "method=\"other\"", NULL) \
	X(RESPONSES_1XX, COUNTER, "responses_total", "class=\"1xx\"",          \
	  "Responses by class of status.")                                     \
	X(RESPONSES_2XX, COUNTER, "responses_total", "class=\"2xx\"", NULL)    \
	X(RESPONSES_3XX, COUNTER, "responses_total", "class=\"3xx\"", NULL)    \
	X(RESPONSES_4XX, COUNTER, "responses_total", "class=\"4xx\"", NULL)    \
	X(RESPONSES_5XX, COUNTER, "responses_total", "class=\"5xx\"", NULL)    \
	X(CUT_CLIENT, COUNTER, "requests_cut_total",                           \
	  "reason=\"client\"", "Requests that ended before their answer did.") \
	X(CUT_TIMEOUT, COUNTER, "requests_cut_total",                          \
	  "reason=\"timeout\"", NULL)                                          \
	X(CUT_SOURCE, COUNTER, "requests_cut_total",                           \
	  "reason=\"source\"", NULL)                                           \
	X(CUT_STOP, COUNTER, "requests_cut_total",                             \
	  "reason=\"stop\"", NULL)                                             \
	X(CUT_ERROR, COUNTER, "requests_cut_total",                            \
	  "reason=\"error\"", NULL)                                            \
	X(RESPONSES_PARTIAL, COUNTER, "responses_partial_total", NULL,         \
	  "Responses with status 206.")                                        \
	X(RESPONSES_NOT_MODIFIED, COUNTER, "responses_not_modified_total",     \
	  NULL, "Responses with status 304.")                                  \
	X(REQUESTS_ACTIVE, GAUGE, "requests_active", NULL,                     \
	  "Requests being answered now.")                                      \
	X(REQUESTS_SUSPENDED, GAUGE, "requests_suspended", NULL,               \
	  "Requests that wait for bytes, memory or the disk now.")             \
	X(AUTH_NO_TOKEN, COUNTER, "auth_refused_total",                        \
	  "reason=\"no-token\"", "Requests whose sender may not do that.")     \
	X(AUTH_BAD_TOKEN, COUNTER, "auth_refused_total",                       \
	  "reason=\"bad-token\"", NULL)                                        \
	X(AUTH_SCOPE, COUNTER, "auth_refused_total", "reason=\"scope\"", NULL) \
	X(AUTH_RATE, COUNTER, "auth_refused_total", "reason=\"rate\"", NULL)   \
	X(AUTH_LINK_EXPIRED, COUNTER, "auth_refused_total",                    \
	  "reason=\"link-expired\"", NULL)                                     \
	X(AUTH_LINK_INVALID, COUNTER, "auth_refused_total",                    \
	  "reason=\"link-invalid\"", NULL)                                     \
	X(REQUESTS_RATE_LIMITED, COUNTER, "requests_refused_total",            \
	  "reason=\"client\"", "Requests that were refused.")                  \
	X(REQUESTS_UNAUTHORIZED, COUNTER, "requests_refused_total",            \
	  "reason=\"unauthorized\"", NULL)                                     \
	X(REQUESTS_FORBIDDEN, COUNTER, "requests_refused_total",               \
	  "reason=\"forbidden\"", NULL)                                        \
	X(REQUESTS_TOO_LARGE, COUNTER, "requests_refused_total",               \
	  "reason=\"too-large\"", NULL)                                        \
	X(REQUESTS_HEADER_TOO_LARGE, COUNTER, "requests_refused_total",        \
	  "reason=\"header-too-large\"", NULL)                                 \
	X(REQUESTS_NO_SPACE, COUNTER, "requests_refused_total",                \
	  "reason=\"no-space\"", NULL)                                         \
	X(REQUESTS_TOO_MANY, COUNTER, "requests_refused_total",                \
	  "reason=\"too-many\"", NULL)                                         \
	X(REQUESTS_DRAINING, COUNTER, "requests_refused_total",                \
	  "reason=\"draining\"", NULL)                                         \
	X(REQUESTS_MALFORMED, COUNTER, "requests_refused_total",               \
	  "reason=\"malformed\"", NULL)                                        \
	X(REQUESTS_METHOD, COUNTER, "requests_refused_total",                  \
	  "reason=\"method\"", NULL)                                           \
	X(REQUESTS_TOO_SLOW, COUNTER, "requests_refused_total",                \
	  "reason=\"too-slow\"", NULL)                                         \
	X(REQUESTS_CONFLICT, COUNTER, "requests_refused_total",                \
	  "reason=\"conflict\"", NULL)                                         \
	X(REQUESTS_LENGTH, COUNTER, "requests_refused_total",                  \
	  "reason=\"length-required\"", NULL)                                  \
	X(REQUESTS_TYPE, COUNTER, "requests_refused_total",                    \
	  "reason=\"type\"", NULL)                                             \
	X(REQUESTS_EXPECTATION, COUNTER, "requests_refused_total",             \
	  "reason=\"expectation\"", NULL)                                      \
	X(REQUESTS_CONTENT, COUNTER, "requests_refused_total",                 \
	  "reason=\"content\"", NULL)                                          \
	X(REQUESTS_NOT_IMPLEMENTED, COUNTER, "requests_refused_total",         \
	  "reason=\"not-implemented\"", NULL)                                  \
	X(REQUESTS_VERSION, COUNTER, "requests_refused_total",                 \
	  "reason=\"version\"", NULL)                                          \
	X(REQUESTS_ORIGIN, COUNTER, "requests_refused_total",                  \
	  "reason=\"origin\"", NULL)                                           \
	X(REQUESTS_INTERNAL, COUNTER, "requests_refused_total",                \
	  "reason=\"internal\"", NULL)                                         \
	X(BYTES_IN, COUNTER, "received_bytes_total", NULL,                     \
	  "Bytes of request bodies.")                                          \
	X(BYTES_OUT, COUNTER, "sent_bytes_total", NULL,                        \
	  "Bytes of response bodies.")

#define METRICS_STORE(X)                                                       \
	X(UPLOADS_ACTIVE, GAUGE, "uploads_active", NULL,                       \
	  "Uploads running now.")                                              \
	X(UPLOADS_STARTED, COUNTER, "uploads_started_total", NULL,             \
	  "Uploads admitted.")                                                 \
	X(UPLOADS_COMPLETED, COUNTER, "uploads_completed_total", NULL,         \
	  "Uploads that became a file.")                                       \
	X(UPLOADS_FAILED_ABORTED, COUNTER, "uploads_failed_total",             \
	  "reason=\"aborted\"", "Uploads that became nothing.")                \
	X(UPLOADS_FAILED_TOO_SLOW, COUNTER, "uploads_failed_total",            \
	  "reason=\"too-slow\"", NULL)                                         \
	X(UPLOADS_FAILED_TIMED_OUT, COUNTER, "uploads_failed_total",           \
	  "reason=\"timeout\"", NULL)                                          \
	X(UPLOADS_FAILED_TOO_LARGE, COUNTER, "uploads_failed_total",           \
	  "reason=\"too-large\"", NULL)                                        \
	X(UPLOADS_FAILED_NO_SPACE, COUNTER, "uploads_failed_total",            \
	  "reason=\"no-space\"", NULL)                                         \
	X(UPLOADS_FAILED_MALFORMED, COUNTER, "uploads_failed_total",           \
	  "reason=\"malformed\"", NULL)                                        \
	X(UPLOADS_FAILED_DIGEST, COUNTER, "uploads_failed_total",              \
	  "reason=\"digest\"", NULL)                                           \
	X(UPLOADS_FAILED_ERROR, COUNTER, "uploads_failed_total",               \
	  "reason=\"error\"", NULL)                                            \
	X(UPLOADS_OPEN, GAUGE, "uploads_open", NULL,                           \
	  "Resumable uploads that are not complete.")                          \
	X(UPLOADS_APPENDS, COUNTER, "uploads_appends_total", NULL,             \
	  "Requests that appended to a resumable upload.")                     \
	X(UPLOADS_EVICTED, COUNTER, "uploads_evicted_total", NULL,             \
	  "Appending requests that a newer one put out.")                      \
	X(FORM_PARTS, COUNTER, "form_parts_total", NULL,                       \
	  "Parts of multipart forms.")                                         \
	X(DIGESTS_ARRIVING, COUNTER, "digests_computed_total",                 \
	  "when=\"arriving\"", "Files whose digests were computed.")           \
	X(DIGESTS_LATER, COUNTER, "digests_computed_total",                    \
	  "when=\"later\"", NULL)                                              \
	X(DIGEST_JOBS, GAUGE, "digest_jobs", NULL,                             \
	  "Files whose digests are computed later, now or soon.")              \
	X(IDEMPOTENCY_KEYS, GAUGE, "idempotency_keys", NULL,                   \
	  "Idempotency-Key values remembered.")                                \
	X(IDEMPOTENT_REPLAYS, COUNTER, "idempotent_replays_total", NULL,       \
	  "Uploads answered with the file that their key has made before.")    \
	X(FILES_RECEIVING, GAUGE, "files", "state=\"receiving\"",              \
	  "Files held now.")                                                   \
	X(FILES_READY, GAUGE, "files", "state=\"ready\"", NULL)                \
	X(FILES_FAILED, GAUGE, "files", "state=\"failed\"", NULL)              \
	X(FILES_CREATED, COUNTER, "files_created_total", NULL,                 \
	  "Files created.")                                                    \
	X(FILES_REPLACED, COUNTER, "files_replaced_total", NULL,               \
	  "Files replaced by a PUT.")                                          \
	X(FILES_DELETED, COUNTER, "files_removed_total",                       \
	  "reason=\"deleted\"", "Files removed.")                              \
	X(FILES_EXPIRED, COUNTER, "files_removed_total",                       \
	  "reason=\"expired\"", NULL)                                          \
	X(FILES_READ_OUT, COUNTER, "files_removed_total",                      \
	  "reason=\"reads\"", NULL)                                            \
	X(FILES_KEPT, COUNTER, "files_kept_total", NULL,                       \
	  "Files that were made to survive the process.")                      \
	X(FILES_RESTORED, COUNTER, "files_restored_total", NULL,               \
	  "Files found on the disk after the start.")                          \
	X(FILES_DAMAGED, COUNTER, "files_damaged_total", NULL,                 \
	  "Files on the disk that were of no use any more.")                   \
	X(FILES_OPEN, GAUGE, "files_open", NULL,                               \
	  "Kept files whose content is open.")                                 \
	X(UPLOADS_RESTORED, COUNTER, "uploads_restored_total", NULL,           \
	  "Resumable uploads that go on after the start.")                     \
	X(STORE_RESTORING, GAUGE, "store_restoring", NULL,                     \
	  "1 while the directory of kept files is looked through.")            \
	X(STORE_SYNCS, COUNTER, "store_syncs_total", NULL,                     \
	  "Waits until kept files were on the disk.")                          \
	X(STORE_SYNC_FAILURES, COUNTER, "store_sync_failures_total", NULL,     \
	  "Waits that failed, and with them what waited.")                     \
	X(SPOOL_MEMORY, GAUGE, "spool_bytes", "tier=\"memory\"",               \
	  "Content held now.")                                                 \
	X(SPOOL_DISK, GAUGE, "spool_bytes", "tier=\"disk\"", NULL)             \
	X(SPOOL_MEMORY_BUDGET, GAUGE, "spool_memory_budget_bytes", NULL,       \
	  "Memory that content may take.")                                     \
	X(SPOOL_DISK_FREE, GAUGE, "spool_disk_free_bytes", NULL,               \
	  "Free space of the spool directory's file system.")                  \
	X(SPILLS_LIMIT, COUNTER, "spills_total", "reason=\"limit\"",           \
	  "Files moved from memory to disk.")                                  \
	X(SPILLS_BUDGET, COUNTER, "spills_total", "reason=\"budget\"", NULL)   \
	X(SPILLS_FORCED, COUNTER, "spills_total", "reason=\"forced\"", NULL)   \
	X(DISK_QUEUE, GAUGE, "disk_queue", NULL,                               \
	  "Jobs that wait for a disk thread now.")                             \
	X(READERS_FOLLOWING, GAUGE, "readers_following", NULL,                 \
	  "Downloads of files that are still being received.")                 \
	X(DISK_READS, COUNTER, "disk_reads_total", NULL,                       \
	  "Blocks of content that a reply had to wait for the disk for.")      \
	X(EVENT_STREAMS, GAUGE, "event_streams", NULL,                         \
	  "Clients that are told the progress of a file now.")                 \
	X(WAITS, COUNTER, "waits_total", NULL,                                 \
	  "Times a request had to wait for bytes.")

#define METRICS_SOURCES(X)                                                     \
	X(FETCHES_ACTIVE, GAUGE, "fetches_active", NULL,                       \
	  "Fetches running now.")                                              \
	X(FETCHES_QUEUED, GAUGE, "fetches_queued", NULL,                       \
	  "Fetches that wait for their turn.")                                 \
	X(FETCHES_STARTED, COUNTER, "fetches_started_total", NULL,             \
	  "Fetches admitted.")                                                 \
	X(FETCHES_COMPLETED, COUNTER, "fetches_completed_total", NULL,         \
	  "Fetches that became a file.")                                       \
	X(FETCHES_UNCHANGED, COUNTER, "fetches_unchanged_total", NULL,         \
	  "Fetches that found the content at hand to be still the right one.") \
	X(FETCHES_FAILED_FORBIDDEN, COUNTER, "fetches_failed_total",           \
	  "reason=\"forbidden\"", "Fetches that failed.")                      \
	X(FETCHES_FAILED_DNS, COUNTER, "fetches_failed_total",                 \
	  "reason=\"dns\"", NULL)                                              \
	X(FETCHES_FAILED_CONNECT, COUNTER, "fetches_failed_total",             \
	  "reason=\"connect\"", NULL)                                          \
	X(FETCHES_FAILED_TLS, COUNTER, "fetches_failed_total",                 \
	  "reason=\"tls\"", NULL)                                              \
	X(FETCHES_FAILED_TIMEOUT, COUNTER, "fetches_failed_total",             \
	  "reason=\"timeout\"", NULL)                                          \
	X(FETCHES_FAILED_STATUS, COUNTER, "fetches_failed_total",              \
	  "reason=\"status\"", NULL)                                           \
	X(FETCHES_FAILED_INCOMPLETE, COUNTER, "fetches_failed_total",          \
	  "reason=\"incomplete\"", NULL)                                       \
	X(FETCHES_FAILED_TOO_LARGE, COUNTER, "fetches_failed_total",           \
	  "reason=\"too-large\"", NULL)                                        \
	X(FETCHES_FAILED_NO_SPACE, COUNTER, "fetches_failed_total",            \
	  "reason=\"no-space\"", NULL)                                         \
	X(FETCHES_FAILED_CANCELLED, COUNTER, "fetches_failed_total",           \
	  "reason=\"cancelled\"", NULL)                                        \
	X(FETCHES_FAILED_ERROR, COUNTER, "fetches_failed_total",               \
	  "reason=\"error\"", NULL)                                            \
	X(FETCHES_LAZY, GAUGE, "fetches_lazy", NULL,                           \
	  "Files of which only what is read is fetched.")                      \
	X(FETCH_TRANSFERS, GAUGE, "fetch_transfers", NULL,                     \
	  "Connections to origins now.")                                       \
	X(FETCH_REQUESTS, COUNTER, "fetch_requests_total", NULL,               \
	  "Requests to origins.")                                              \
	X(FETCH_PLACES, COUNTER, "fetch_places_total", NULL,                   \
	  "Requests to origins for a place that somebody read.")               \
	X(FETCH_RETRIES_CONNECT, COUNTER, "fetch_retries_total",               \
	  "reason=\"connect\"", "Transfers that broke and were tried again.")  \
	X(FETCH_RETRIES_TIMEOUT, COUNTER, "fetch_retries_total",               \
	  "reason=\"timeout\"", NULL)                                          \
	X(FETCH_RETRIES_STATUS, COUNTER, "fetch_retries_total",                \
	  "reason=\"status\"", NULL)                                           \
	X(FETCH_RETRIES_INCOMPLETE, COUNTER, "fetch_retries_total",            \
	  "reason=\"incomplete\"", NULL)                                       \
	X(FETCH_REDIRECTS, COUNTER, "fetch_redirects_total", NULL,             \
	  "Redirects followed.")                                               \
	X(FETCH_BYTES, COUNTER, "fetched_bytes_total", NULL,                   \
	  "Bytes received from origins.")                                      \
	X(CACHE_HITS, COUNTER, "cache_requests_total", "result=\"hit\"",       \
	  "Requests for content by its URL.")                                  \
	X(CACHE_STALE, COUNTER, "cache_requests_total", "result=\"stale\"",    \
	  NULL)                                                                \
	X(CACHE_VALIDATED, COUNTER, "cache_requests_total",                    \
	  "result=\"validated\"", NULL)                                        \
	X(CACHE_COLLAPSED, COUNTER, "cache_requests_total",                    \
	  "result=\"collapsed\"", NULL)                                        \
	X(CACHE_MISSES, COUNTER, "cache_requests_total", "result=\"miss\"",    \
	  NULL)                                                                \
	X(CACHE_FAILED, COUNTER, "cache_requests_total", "result=\"failed\"",  \
	  NULL)                                                                \
	X(CACHE_BYTES, GAUGE, "cache_bytes", NULL,                             \
	  "Content kept by its URL.")                                          \
	X(CACHE_ENTRIES, GAUGE, "cache_entries", NULL,                         \
	  "URLs whose content is kept, or comes.")                             \
	X(CACHE_EVICTED, COUNTER, "cache_evicted_total", NULL,                 \
	  "URLs whose content made room for others.")                          \
	X(ZIP_LISTINGS, COUNTER, "zip_listings_total", NULL,                   \
	  "Archive listings served.")                                          \
	X(ZIP_ENTRIES, COUNTER, "zip_entries_total", "how=\"unpacked\"",       \
	  "Archive entries served.")                                           \
	X(ZIP_ENTRIES_PASSED, COUNTER, "zip_entries_total",                    \
	  "how=\"passed-through\"", NULL)                                      \
	X(ZIP_INDEX_HITS, COUNTER, "zip_index_hits_total", NULL,               \
	  "Archive requests that found the directory in memory.")              \
	X(ZIP_INDEX_BYTES, GAUGE, "zip_index_bytes", NULL,                     \
	  "Memory of archive directories.")                                    \
	X(ZIP_FAILED_NOT_ZIP, COUNTER, "zip_failed_total",                     \
	  "reason=\"not-a-zip\"", "Archive requests that failed.")             \
	X(ZIP_FAILED_CORRUPT, COUNTER, "zip_failed_total",                     \
	  "reason=\"corrupt\"", NULL)                                          \
	X(ZIP_FAILED_ENCRYPTED, COUNTER, "zip_failed_total",                   \
	  "reason=\"encrypted\"", NULL)                                        \
	X(ZIP_FAILED_LIMIT, COUNTER, "zip_failed_total",                       \
	  "reason=\"limit\"", NULL)                                            \
	X(ZIP_FAILED_UNSAFE, COUNTER, "zip_failed_total",                      \
	  "reason=\"unsafe\"", NULL)                                           \
	X(ZIP_ACTIVE, GAUGE, "zip_active", NULL,                               \
	  "Archive entries being unpacked, and archives being made.")          \
	X(ZIP_POINTS, COUNTER, "zip_points_total", NULL,                       \
	  "Places noted from which archive entries can be unpacked.")          \
	X(ZIP_SAVED, COUNTER, "zip_saved_total", NULL,                         \
	  "Archive entries that became files of their own.")                   \
	X(ZIP_BUILT, COUNTER, "zip_built_total", NULL,                         \
	  "Archives made of files.")

#define METRICS_WORK(X)                                                        \
	X(PROCESS_RUNNING, GAUGE, "processors_running", NULL,                  \
	  "Runs of processors now.")                                           \
	X(PROCESS_WAITING, GAUGE, "processors_waiting", NULL,                  \
	  "Runs of processors that wait for their turn.")                      \
	X(PROCESS_STARTED, COUNTER, "processor_runs_total", NULL,              \
	  "Runs of processors that were admitted.")                            \
	X(PROCESS_COMPLETED, COUNTER, "processor_runs_completed_total", NULL,  \
	  "Runs of processors whose output is complete.")                      \
	X(PROCESS_FAILED_EXIT, COUNTER, "processor_runs_failed_total",         \
	  "reason=\"exit\"", "Runs of processors that failed.")                \
	X(PROCESS_FAILED_TIMEOUT, COUNTER, "processor_runs_failed_total",      \
	  "reason=\"timeout\"", NULL)                                          \
	X(PROCESS_FAILED_OUTPUT, COUNTER, "processor_runs_failed_total",       \
	  "reason=\"output\"", NULL)                                           \
	X(PROCESS_FAILED_TEMP, COUNTER, "processor_runs_failed_total",         \
	  "reason=\"temp\"", NULL)                                             \
	X(PROCESS_FAILED_MEMORY, COUNTER, "processor_runs_failed_total",       \
	  "reason=\"memory\"", NULL)                                           \
	X(PROCESS_FAILED_CANCELLED, COUNTER, "processor_runs_failed_total",    \
	  "reason=\"cancelled\"", NULL)                                        \
	X(PROCESS_FAILED_NO_SPACE, COUNTER, "processor_runs_failed_total",     \
	  "reason=\"no-space\"", NULL)                                         \
	X(PROCESS_FAILED_ERROR, COUNTER, "processor_runs_failed_total",        \
	  "reason=\"error\"", NULL)                                            \
	X(PROCESS_RESTARTS, COUNTER, "processor_starter_restarts_total", NULL, \
	  "Times the process that starts processors had to be started again.") \
	X(PROCESS_TIME, SECONDS, "processor_seconds_total", NULL,              \
	  "Time that runs of processors took.")                                \
	X(HOOK_QUEUED, GAUGE, "hook_calls_queued", NULL,                       \
	  "Calls of hooks that wait, or are being made.")                      \
	X(HOOK_DELIVERED, COUNTER, "hook_calls_total",                         \
	  "result=\"delivered\"", "Calls of hooks that are over.")             \
	X(HOOK_FAILED, COUNTER, "hook_calls_total", "result=\"failed\"", NULL) \
	X(HOOK_DROPPED, COUNTER, "hook_calls_total", "result=\"dropped\"",     \
	  NULL)                                                                \
	X(HOOK_REFUSED, COUNTER, "hook_calls_total", "result=\"refused\"",     \
	  NULL)                                                                \
	X(HOOK_RETRIES, COUNTER, "hook_retries_total", NULL,                   \
	  "Calls of hooks that did not arrive and were tried again.")

#define METRICS_PROCESS(X)                                                     \
	X(ERRORS_MEMORY, COUNTER, "errors_total", "kind=\"memory\"",           \
	  "Internal errors.")                                                  \
	X(ERRORS_DISK, COUNTER, "errors_total", "kind=\"disk\"", NULL)         \
	X(ERRORS_DISK_FULL, COUNTER, "errors_total", "kind=\"disk-full\"",     \
	  NULL)                                                                \
	X(ERRORS_DESCRIPTORS, COUNTER, "errors_total",                         \
	  "kind=\"descriptors\"", NULL)                                        \
	X(ERRORS_INTERNAL, COUNTER, "errors_total", "kind=\"internal\"", NULL) \
	X(LOG_LINES_LOST, COUNTER, "log_lines_lost_total", NULL,               \
	  "Lines of the log that could not be written at once.")               \
	X(LOOP_MESSAGES, COUNTER, "loop_messages_total", NULL,                 \
	  "Messages posted to event loops.")                                   \
	X(RELOADS, COUNTER, "reloads_total", "result=\"taken\"",               \
	  "Times the configuration was to be read again.")                     \
	X(RELOADS_FAILED, COUNTER, "reloads_total", "result=\"refused\"",      \
	  NULL)                                                                \
	X(DRAINING, GAUGE, "draining", NULL,                                   \
	  "1 while the server is stopping.")                                   \
	X(START_TIME, GAUGE, "start_time_seconds", NULL,                       \
	  "When the server was started, in seconds since 1970.")
/* clang-format on */

#define METRICS(X) \
	METRICS_HTTP(X) \
	METRICS_STORE(X) \
	METRICS_SOURCES(X) \
	METRICS_WORK(X) \
	METRICS_PROCESS(X)

#define METRICS_ID(id, ...) METRIC_##id,
enum metric { METRICS(METRICS_ID) METRIC_COUNT };
#undef METRICS_ID

/** Add to a counter or move a gauge; negative only for gauges. */
void metrics_add(enum metric m, int64_t delta);

/** Write a gauge. */
void metrics_set(enum metric m, int64_t value);

/** The value as metrics_write() would show it, for tests and pages. */
int64_t metrics_get(enum metric m);

/** Which of METRIC_REQUESTS_... counts a method. */
enum metric metrics_method(const char *method);

/** Which of METRIC_RESPONSES_?XX counts a status. */
enum metric metrics_status(int status);

/** Returns: which of METRICS_SHARDS copies is this thread's. */
unsigned metrics_shard(void);

enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS };

/**
 * Append what stands before the samples of a family: its type, its unit where
 * the format has one, and what it is. `prefix`: what its name begins with.
 */
void metrics_write_family(struct strbuf *out, enum metrics_format format,
    const char *prefix, const char *name, const char *type, const char *help);

/** Append microseconds as seconds. */
void metrics_write_seconds(struct strbuf *out, uint64_t us);

/**
 * Append all metrics, those of histogram.h and procstat.h included.
 *
 * Errors:    `out->failed`, see strbuf.h.
 * Source:    Prometheus text exposition format 0.0.4; OpenMetrics 1.0.0
 */
void metrics_write(struct strbuf *out, enum metrics_format format);

#endif
