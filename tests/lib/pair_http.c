#include "tests/lib/pair_http.h"

#include "server/app_peering.h"
#include "server/ledger/io/peers.h"

#include <stdio.h>
#include <stdlib.h>

static void must(enum err e)
{
    if (e == OK)
        return;
    fprintf(stderr, "pair over HTTP: %s\n", err_code(e));
    abort();
}

void edge_up(struct world *w, uint16_t port)
{
    char tmp[300];
    (void)snprintf(tmp, sizeof(tmp), "%s/tmp", w->f.dir);
    const struct listener_config c = { .address = "127.0.0.1",
                                       .port = port,
                                       .threads = 1,
                                       .workers = PAIR_WORKERS,
                                       .queue_max = 64,
                                       .tmp_dir = tmp };
    must(listener_start(&w->app, &c, &w->app.listener));
}

uint16_t edge_down(struct world *w)
{
    uint16_t port = listener_port(w->app.listener);
    listener_stop(w->app.listener);
    w->app.listener = NULL;
    return port;
}

void pair_http_up(struct pair *p)
{
    static struct members members; /* large */
    members.n = 0;
    for (size_t i = 0; i < 2; i++) {
        struct app *app = &p->w[i].app;
        struct peers_config c = { .genesis = { 7 },
                                  .me = app->member,
                                  .member_key = app->member_key };
        must(peers_open(&c, &app->peers));
        edge_up(&p->w[i], 0);
        struct member *m = &members.list[members.n++];
        *m = p->members.list[i];
        (void)snprintf(m->endpoint, sizeof(m->endpoint), "http://127.0.0.1:%u",
                       listener_port(app->listener));
    }
    for (size_t i = 0; i < 2; i++) {
        peers_set_members(p->w[i].app.peers, &members);
        p->w[i].app.peering = NULL;
        must(app_peering_open(&p->w[i].app, PAIR_WORKERS));
    }
}

void pair_http_down(struct pair *p)
{
    for (size_t i = 0; i < 2; i++) {
        struct app *app = &p->w[i].app;
        (void)edge_down(&p->w[i]);
        app_peering_close(app);
        peers_close(app->peers);
        app->peers = NULL;
    }
}
