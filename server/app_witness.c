#include "server/app_witness.h"

#include "server/ledger/io/outside.h"
#include "server/witness/asker.h"
#include "server/witness/witness.h"

_Static_assert(CONFIG_WITNESS_FOR_MAX == WITNESS_LOGS_MAX, "one bound for one thing");
_Static_assert(CONFIG_WITNESSES_MAX == ASKER_WITNESSES_MAX, "one bound for one thing");

enum err app_witness_open(struct app *app, const struct config *c, const struct secrets *s)
{
    struct asker_witness list[ASKER_WITNESSES_MAX];
    const struct witness_config w = { .logs = c->witness_for,
                                      .n = c->n_witness_for,
                                      .cosigner = &s->ledger.cosigner };
    enum err e = witness_open(app, &w, &app->witness);
    if (e != OK || c->n_witnesses == 0)
        return e;
    for (size_t i = 0; i < c->n_witnesses; i++)
        list[i] = (struct asker_witness){ c->witnesses[i].url, c->witnesses[i].key };
    e = outside_new(&app->outside);
    return e == OK ? asker_new(app, list, c->n_witnesses, &app->asker) : e;
}

enum err app_witness_start(struct app *app)
{
    return app->asker != NULL ? asker_start(app->asker) : OK;
}

void app_witness_stop(struct app *app)
{
    asker_stop(app->asker);
}

void app_witness_close(struct app *app)
{
    asker_free(app->asker);
    outside_free(app->outside);
    witness_close(app->witness);
    app->asker = NULL;
    app->outside = NULL;
    app->witness = NULL;
}
