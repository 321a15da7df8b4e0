/* A small crew of threads that works through numbered jobs, each thread with its own connection to
 * the server. The first problem stops the rest and is handed back. */
#ifndef CAIRN_CLIENT_CREW_H
#define CAIRN_CLIENT_CREW_H

#include "api/client/http.h"

#define CREW_THREADS_MAX 64

struct crew; /* the connections; they are kept between runs */

/* Runs on a thread of the crew; http belongs to that thread. */
typedef enum err crew_job(void *arg, size_t i, struct http_client *http, struct problem *p);

enum err crew_new(const char *server, unsigned threads, struct crew **ret,
                  struct problem *p) MUST_USE;
void crew_free(struct crew *c);
/* Jobs 0..n-1, in order of their start; returns when all are done. */
enum err crew_run(struct crew *c, crew_job *job, void *arg, size_t n, struct problem *p) MUST_USE;
/* A connection for the caller's own thread, while nothing runs. */
struct http_client *crew_http(struct crew *c);

#endif
