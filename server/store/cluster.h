/* The private PostgreSQL: made (initdb: data checksums, UTF8, locale C), started, watched and
 * stopped by cairnd inside its data directory; Unix socket only, no TCP. cairnd is its parent: if
 * PostgreSQL dies, it is started again and /health/ready says 503 meanwhile. Directory layout:
 * DIR/pg (cluster), DIR/sock (socket, mode 0700). Thread: start/stop from the main thread; watch
 * has its own thread. */
#ifndef CAIRN_STORE_CLUSTER_H
#define CAIRN_STORE_CLUSTER_H

#include "server/store/store.h"

struct cluster;
/* data_dir must exist and belong to the user we run as (never root). A PostgreSQL left over in it
 * is stopped first. ERR_BUSY if another process runs it, ERR_NOT_READY without PostgreSQL's
 * programs, ERR_DB_DOWN if it does not start; the log says why. */
enum err cluster_start(const char *data_dir, struct cluster **ret) MUST_USE;
/* Fills both connection strings for roles cairn_app and cairn_owner. */
void cluster_conninfo(const struct cluster *c, struct store_config *ret);
bool cluster_up(const struct cluster *c);
/* Fast shutdown (SIGINT), waits; frees. */
void cluster_stop(struct cluster *c);

#endif
