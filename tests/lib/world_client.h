/* A client of a world's edge for tests: one request as a person of that world, and what came back.
 * Sessions are made by the domain, since signing in is not what these tests are about. */
#ifndef CAIRN_TESTS_WORLD_CLIENT_H
#define CAIRN_TESTS_WORLD_CLIENT_H

#include "tests/lib/people.h"

struct ask {
    struct world *at;
    const char *method, *path;
    const struct person *who; /* NULL: nobody */
    const char *key, *as, *type;
    const void *body;
    size_t len;
};

struct said {
    long status;
    struct buf body;
    json_t *json;
    char link[512], replayed[16], retry_after[16], code[48];
};

/* The code of a problem is in code, "" for anything else. Aborts if no answer comes. */
void ask(const struct ask *a, struct said *ret);
void said_free(struct said *s);

#endif
