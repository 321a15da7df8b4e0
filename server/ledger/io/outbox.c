#include "server/ledger/io/outbox.h"

#include <string.h>

struct kind_route {
    const char *kind;
    enum chain chain;
    bool is_public;
};

static const struct kind_route routes[] = {
    { "account.register", CHAIN_ACCOUNT, false },
    { "role.attest", CHAIN_ACCOUNT, false },
    { "record.version", CHAIN_ACCOUNT, false },
    { "deposit.request", CHAIN_TX, false },
    { "bounty.publish", CHAIN_TX, true },
    { "bounty.fund", CHAIN_TX, false },
    { "bounty.close", CHAIN_TX, false },
    { "bounty.expire", CHAIN_TX, false },
    { "submission.open", CHAIN_TX, false },
    { "submission.submit", CHAIN_TX, false },
    { "submission.withdraw", CHAIN_TX, false },
    { "submission.expire", CHAIN_TX, false },
    { "submission.pay", CHAIN_TX, false },
    { "round.draw", CHAIN_TX, false },
    { "round.decide", CHAIN_TX, false },
    { "verdict.commit", CHAIN_TX, false },
    { "verdict.reveal", CHAIN_TX, false },
    { "review.pay", CHAIN_TX, false },
    { "payout.request", CHAIN_TX, false },
    { "payout.settle", CHAIN_TX, false },
    { "account.vouch", CHAIN_ACCOUNT, false },
    { "reviewer.enroll", CHAIN_ACCOUNT, true },
    { "pseudonym.register", CHAIN_ACCOUNT, false },
    { "bounty.price", CHAIN_TX, true },
    { "clearing.credit", CHAIN_TX, false },
    { "member.propose", CHAIN_ACCOUNT, true },
    { "member.approve", CHAIN_ACCOUNT, true },
    { "member.evidence", CHAIN_ACCOUNT, true },
    { "seed.commit", CHAIN_ACCOUNT, true },
    { "seed.open", CHAIN_ACCOUNT, true },
};

enum err outbox_route(const char *kind, enum chain *ret_chain, bool *ret_public)
{
    for (size_t i = 0; i < COUNT(routes); i++)
        if (strcmp(routes[i].kind, kind) == 0) {
            *ret_chain = routes[i].chain;
            *ret_public = routes[i].is_public;
            return OK;
        }
    return ERR_STATEMENT_KIND;
}

enum err outbox_append(struct db *db, const struct statement *s, const struct id *subject,
                       const struct id *parties, size_t n_parties, usec_t now)
{
    struct entry_new entry = {
        .id = s->id,
        .kind = s->kind,
        .subject = *subject,
        .statement = s->canonical,
        .len = s->canonical_len,
        .at = now,
        .parties = parties,
        .n_parties = n_parties,
    };
    enum err e = outbox_route(s->kind, &entry.chain, &entry.is_public);
    return e == OK ? store_entry_insert(db, &entry) : e;
}
