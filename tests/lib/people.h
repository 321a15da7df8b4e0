/* What people do, as the edge would hand it to the domain: each builds and signs the statement and
 * calls the one domain function. Every call is a new request unless "again" says otherwise. Built
 * on a world (tests/lib/world.h); results are those of the domain. Any thread. */
#ifndef CAIRN_TESTS_PEOPLE_H
#define CAIRN_TESTS_PEOPLE_H

#include "server/crypto/keys.h"
#include "server/store/seat.h"
#include "tests/lib/world.h"

struct person {
    uint8_t root[ROOT_BYTES];
    struct sign_key identity;
    struct box_key receive;
    struct id account;
};
/* Person number n, always with the same keys. */
void person_make(uint32_t n, struct person *ret);
/* Registered, and attested by the operator if role is not NULL. Aborts on failure. */
void person_join(struct world *w, const struct person *op, const char *role,
                 const char *institution, uint32_t n, struct person *ret);
/* Registers person n and makes it the operator by configuration. Aborts on failure. */
void operator_join(struct world *w, uint32_t n, struct person *ret);

#define CAST_PATIENTS 16
#define CAST_REVIEWERS 9
struct cast {
    struct person op, sponsor;
    struct person patients[CAST_PATIENTS];   /* all of "clinic" */
    struct person reviewers[CAST_REVIEWERS]; /* three each of "north", "south", "west" */
};
/* All of them registered and attested; the sponsor has 10^9 in its wallet. Aborts on failure. */
void cast_join(struct world *w, struct cast *ret);

/* A new statement; extras (reference taken) are its own members. Aborts without memory. */
void say(struct world *w, const char *kind, const struct sign_key *key, int64_t version,
         json_t *extras, struct statement *ret);
/* A new request of p. */
void ask_as(struct world *w, const struct person *p, struct arena *arena, struct act *ret);

enum err do_register(struct world *w, const struct person *p);
enum err do_attest(struct world *w, const struct person *by, const struct id *who, const char *role,
                   const char *institution);
enum err do_deposit(struct world *w, const struct person *p, int64_t amount);

struct wish { /* the terms that tests vary; the rest is fixed (people.c) */
    int64_t base, per_visit, per_month, cap;
    int64_t seats, quorum, fee, threshold;
    int64_t commit_hours, reveal_hours;
    usec_t opens_at, closes_at; /* 0: an hour ago, in 1000 hours */
};
/* 1000 + 500 per visit + 10 per month, at most 20000; 3 seats, quorum 2, fee 100, threshold 5000;
 * 48 and 24 hours. */
struct wish wish_usual(void);
json_t *wish_terms(struct world *w, const struct wish *wish); /* new reference */
enum err do_publish(struct world *w, const struct person *p, const struct wish *wish,
                    struct id *ret);
enum err do_fund(struct world *w, const struct person *p, const struct id *bounty, int64_t amount);
enum err do_close(struct world *w, const struct person *p, const struct id *bounty,
                  int64_t version);
int64_t available_of(struct world *w, const struct id *bounty);
int64_t reserved_of(struct world *w, const struct id *bounty);
int64_t wallet_of(struct world *w, const struct person *p);

struct offer { /* a submission as its patient knows it */
    struct id id, bounty, record;
    struct sign_key key; /* toward this bounty */
    struct vault_manifest manifest;
    uint8_t terms_hash[HASH_BYTES];
    int64_t visits, months, version, max_pay;
    size_t n;
    struct {
        int64_t seat;
        uint8_t grantee[BOX_PUBLIC_BYTES];
    } seats[SEATS_MAX];
};
/* Keys, record and manifest of a new slice under the usual key of that bounty. */
void offer_make(struct world *w, const struct person *p, const struct id *bounty, int64_t visits,
                int64_t months, struct offer *ret);
enum err do_open(struct world *w, const struct person *p, struct offer *o);
enum err do_content(struct world *w, const struct person *p, const struct offer *o);
/* The grants that fit; a test may spoil one before do_submit_grants. New reference. */
json_t *offer_grants(struct world *w, const struct offer *o);
enum err do_submit_grants(struct world *w, const struct person *p, struct offer *o, json_t *grants);
enum err do_submit(struct world *w, const struct person *p, struct offer *o);
enum err do_withdraw(struct world *w, const struct person *p, struct offer *o);
/* make, open, content, submit: in its round. Aborts on failure. */
void offer_in_round(struct world *w, const struct person *p, const struct id *bounty,
                    int64_t visits, int64_t months, struct offer *ret);

/* A verdict with both rubric values at mark; new reference. */
json_t *verdict_of(int64_t mark, int64_t visits, int64_t months, const char *recommend);
enum err do_commit(struct world *w, const struct person *p, const struct id *submission,
                   const json_t *verdict);
enum err do_reveal(struct world *w, const struct person *p, const struct id *submission,
                   json_t *verdict);
/* The person of these n who holds a seat of the submission; NULL if none does. seat from 1. */
const struct person *seat_holder(const struct offer *o, size_t seat, const struct person *people,
                                 size_t n);

enum err do_payout(struct world *w, const struct person *p, int64_t amount, const char *destination,
                   struct id *ret);
/* State of a submission or payout as stored. */
void state_of(struct world *w, const struct id *id, char ret[12]);

#endif
