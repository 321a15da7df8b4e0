/* A small crew of threads that works through numbered jobs, each thread with its own connections,
 * one to each server. The first problem stops the rest and is handed back. */
#ifndef CAIRN_CLIENT_CREW_H
#define CAIRN_CLIENT_CREW_H

#include "api/client/http.h"

#define CREW_THREADS_MAX 64
#define CREW_SERVERS_MAX 16

struct crew; /* the connections; they are kept between runs */

/* One thread's connections, in the order of the servers. */
struct links {
    struct http_client *to[CREW_SERVERS_MAX];
};

/* Runs on a thread of the crew; links belongs to that thread. */
typedef enum err crew_job(void *arg, size_t i, const struct links *links, struct problem *p);

/* servers: n URLs, 1..CREW_SERVERS_MAX. */
enum err crew_new(const char *const *servers, size_t n, unsigned threads, struct crew **ret,
                  struct problem *p) MUST_USE;
void crew_free(struct crew *c);
/* Jobs 0..n-1, in order of their start; returns when all are done. */
enum err crew_run(struct crew *c, crew_job *job, void *arg, size_t n, struct problem *p) MUST_USE;
/* Connections for the caller's own thread, while nothing runs. */
const struct links *crew_links(const struct crew *c);

#endif
