/* What cluster.c (the watched process) and cluster_setup.c (its files) share. */
#ifndef CAIRN_STORE_CLUSTER_INTERNAL_H
#define CAIRN_STORE_CLUSTER_INTERNAL_H

#include "server/store/cluster.h"

#include <limits.h>
#include <sys/types.h>

struct cluster_paths {
    char bin[PATH_MAX];    /* folder of PostgreSQL's programs */
    char data[PATH_MAX];   /* DIR/pg */
    char fresh[PATH_MAX];  /* DIR/pg.new: becomes DIR/pg when it is complete */
    char output[PATH_MAX]; /* DIR/pg.log: standard error of the programs */
    char note[PATH_MAX];   /* DIR/sock.path: where the socket is, if not in DIR/sock */
    char socket[108];      /* folder of the socket */
    char user[64];         /* our name in the operating system */
};

/* Finds programs and names; makes the socket folder. */
enum err cluster_paths(const char *data_dir, struct cluster_paths *ret) MUST_USE;
/* Makes the cluster with its roles and the database unless it exists; writes its settings anew. */
enum err cluster_prepare(const struct cluster_paths *p) MUST_USE;
/* Stops a PostgreSQL that an earlier process left running in this folder; waits for its end. */
enum err cluster_stop_leftover(const struct cluster_paths *p) MUST_USE;
/* Removes a socket folder of our own making outside the data folder. */
void cluster_socket_clean(const struct cluster_paths *p);

/* Runs in the child between fork and exec: dies with its parent thread, own process group, input
 * from /dev/null (or the given descriptor), output to the given descriptor. Never returns. */
struct cluster_child {
    char *const *argv;
    int input, output;
    int death_signal;
    pid_t parent;
};
_Noreturn void cluster_exec(const struct cluster_child *c);
/* Opens p->output for appending; -1 on failure. */
int cluster_output(const struct cluster_paths *p);

#endif
