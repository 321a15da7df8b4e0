/* A pair whose members talk over HTTP: two edges with the product's own routes on free loopback
 * ports, and the product's own signed calls between them. Aborts when anything fails. */
#ifndef CAIRN_TESTS_PAIR_HTTP_H
#define CAIRN_TESTS_PAIR_HTTP_H

#include "api/http/http.h"
#include "tests/lib/pair.h"

#define PAIR_WORKERS 4

/* After pair_up, in place of its direct calls; down before pair_down. */
void pair_http_up(struct pair *p);
void pair_http_down(struct pair *p);
/* One edge comes back on a port (0: any), or goes away and says which it had. */
void edge_up(struct world *w, uint16_t port);
uint16_t edge_down(struct world *w);

#endif
