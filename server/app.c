/* Wiring only: what is started, in which order, and stopped in reverse. */
#include "server/app.h"

#include "api/http/http.h"
#include "server/app_apply.h"
#include "server/app_peering.h"
#include "server/app_run.h"
#include "server/app_witness.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "server/crypto/keys.h"
#include "server/ledger/io/ledger.h"
#include "server/ledger/io/peers.h"
#include "server/market/board.h"
#include "server/ledger/io/subjects.h"
#include "server/schedule/schedule.h"
#include "server/store/cluster.h"
#include "server/vault/blobs.h"
#include "server/witness/asker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

usec_t app_now(const struct app *app)
{
    return clock_now() + app->now_offset;
}

/* A new checkpoint: waiting receipts are looked at again, witnesses elsewhere are asked. */
static void on_publish(void *arg)
{
    struct app *app = arg;
    if (app->listener != NULL)
        listener_wake(app->listener);
    asker_wake(app->asker);
}

static enum err open_store(struct app *app, const struct config *c)
{
    struct store_config s = { .batch_max = 64 };
    enum err e = OK;
    if (c->database[0] == '\0') {
        e = cluster_start(c->data_dir, &app->cluster);
        if (e == OK)
            cluster_conninfo(app->cluster, &s);
    } else {
        (void)snprintf(s.conninfo, sizeof(s.conninfo), "%s", c->database);
        (void)snprintf(s.owner_conninfo, sizeof(s.owner_conninfo), "%s",
                       c->database_owner[0] != '\0' ? c->database_owner : c->database);
    }
    if (e == OK)
        e = store_migrate(&s);
    return e == OK ? store_open(&s, &app->store) : e;
}

/* Uploads under way. Each process has a folder of its own, which it sweeps at start; it lies beside
 * the blobs, so that a finished upload can be renamed to its place. */
static enum err make_tmp(const struct config *c, char ret_tmp[256])
{
    uint8_t hash[HASH_BYTES];
    char name[HEX_SIZE(8)];
    sha256(c->data_dir, strlen(c->data_dir), hash);
    hex_encode(hash, 8, name);
    (void)snprintf(ret_tmp, 256, "%s/tmp", c->shared_dir);
    if (mkdir(ret_tmp, 0700) != 0 && errno != EEXIST)
        return ERR_IO;
    (void)snprintf(ret_tmp, 256, "%s/tmp/%s", c->shared_dir, name);
    return mkdir(ret_tmp, 0700) == 0 || errno == EEXIST ? OK : ERR_IO;
}

static enum err open_files(struct app *app)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/subjects.keys", app->data_dir);
    enum err e = subjects_open(path, &app->subjects);
    return e == OK ? blobs_open(app->data_dir, &app->blobs) : e;
}

static enum err first_board(struct app *app)
{
    struct db *db = NULL;
    enum err e = board_new(app->member, &app->board);
    if (e == OK)
        e = db_open(app->store, &db);
    if (e == OK)
        e = board_refresh(app->board, db);
    db_close(db);
    return e;
}

static void on_frames(void *arg)
{
    struct app *app = arg;
    if (app->ledger != NULL)
        ledger_frames(app->ledger);
}

/* A federation of one has nobody to talk to. */
static enum err open_peers(struct app *app, const struct config *c)
{
    struct peers_config p = {
        .me = c->member, .member_key = app->member_key, .wake = on_frames, .wake_arg = app
    };
    struct members *m = NULL;
    if (c->genesis->n == 1)
        return OK;
    memcpy(p.genesis, c->genesis_hash, HASH_BYTES);
    enum err e = peers_open(&p, &app->peers);
    sign_key_wipe(&p.member_key);
    m = e == OK ? calloc(1, sizeof(*m)) : NULL;
    if (m != NULL) {
        members_init(m, c->genesis, c->genesis_hash);
        peers_set_members(app->peers, m);
        free(m);
    }
    return e == OK && m == NULL ? ERR_NO_MEMORY : e;
}

/* The chain may have changed who is a member since the genesis. */
static enum err tell_peers(struct app *app)
{
    struct members *m = app->peers != NULL ? malloc(sizeof(*m)) : NULL;
    if (m == NULL)
        return app->peers == NULL ? OK : ERR_NO_MEMORY;
    ledger_members(app->ledger, m);
    peers_set_members(app->peers, m);
    free(m);
    return OK;
}

static enum err open_ledger(struct app *app, const struct config *c, const struct secrets *s)
{
    struct ledger_start start = {
        .keys = &s->ledger,
        .genesis = c->genesis,
        .in_flight_max = c->in_flight,
        .on_publish = on_publish,
        .arg = app,
        .apply = app_apply,
        .n_apply = app_apply_n,
    };
    memcpy(start.genesis_hash, c->genesis_hash, HASH_BYTES);
    return ledger_open(app, &start, &app->ledger);
}

static enum err start_listener(struct app *app, const struct config *c, const char *tmp)
{
    const struct listener_config listen = { .address = c->address,
                                            .port = c->port,
                                            .threads = c->threads,
                                            .workers = c->workers,
                                            .queue_max = 512,
                                            .tmp_dir = tmp };
    return listener_start(app, &listen, &app->listener);
}

enum err app_start(struct app *app, const struct config *c, const struct secrets *s)
{
    char tmp[256];
    *app = (struct app){ .now = app_now, .member = c->member, .member_key = s->member };
    memcpy(app->session_secret, s->session, sizeof(app->session_secret));
    (void)snprintf(app->federation, sizeof(app->federation), "%s", c->federation);
    (void)snprintf(app->data_dir, sizeof(app->data_dir), "%s", c->shared_dir);
    app->operator_id = account_id(c->operator_key);
    enum err e = make_tmp(c, tmp);
    if (e == OK)
        e = open_files(app);
    if (e == OK)
        e = open_store(app, c);
    if (e == OK)
        e = open_peers(app, c);
    if (e == OK)
        e = app_witness_open(app, c, s);
    if (e == OK)
        e = open_ledger(app, c, s);
    if (e == OK)
        e = tell_peers(app);
    if (e == OK)
        e = first_board(app);
    if (e == OK)
        e = app_peering_open(app, c->workers);
    if (e == OK)
        e = app_witness_start(app);
    if (e == OK)
        e = schedule_start(app, &app->schedule);
    if (e == OK)
        e = start_listener(app, c, tmp);
    if (e != OK) {
        log_error("start", "cannot start: %s", err_text(e));
        app_stop(app);
    }
    return e;
}

void app_stop(struct app *app)
{
    if (app->listener != NULL)
        listener_stop(app->listener);
    app->listener = NULL;
    schedule_stop(app->schedule);
    app_peering_close(app);
    app_witness_stop(app);
    ledger_close(app->ledger);
    app_witness_close(app);
    peers_close(app->peers);
    if (app->store != NULL)
        store_close(app->store);
    board_free(app->board);
    if (app->cluster != NULL)
        cluster_stop(app->cluster);
    blobs_close(app->blobs);
    subjects_close(app->subjects);
    sign_key_wipe(&app->member_key);
    bytes_wipe(app->session_secret, sizeof(app->session_secret));
}
