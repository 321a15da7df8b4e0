/* What the files of this folder share: checks of one member, and the steps that
 * members_apply and members_next_epoch are made of. A refusal is a stable code, or NULL for "done".
 */
#ifndef CAIRN_LEDGER_MEMBERS_INTERNAL_H
#define CAIRN_LEDGER_MEMBERS_INTERNAL_H

#include "server/ledger/members/members.h"

#define MEMBER_KEYS 4
#define MEMBER_FIELDS 7
#define CREDIT_SKIPPED (-4)
#define CREDIT_WITHHELD (-16) /* as four skipped views */

/* ---- one member (card.c) ---- */
/* Where the fields of a member are read to before they are checked. */
struct member_text {
    int64_t number;
    const char *name, *endpoint;
};
/* number, name, endpoint and the four keys, read straight into *m and *t. */
void member_fields(struct member *m, struct member_text *t, struct field ret[MEMBER_FIELDS]);
/* Checks name and endpoint and copies them; pointers of *p start with prefix. */
enum err member_finish(struct member *m, const struct member_text *t, const char *prefix,
                       struct problem *p) MUST_USE;
/* A new object with what member_fields reads; NULL without memory. */
json_t *member_json(const struct member *m);
const uint8_t *member_key_at(const struct member *m, size_t i); /* i below MEMBER_KEYS */
/* Why x cannot be in a list with the others (those of another number): "member.key_used",
 * "member.name_used", "member.endpoint_used"; NULL if it can. Names and endpoints of members that
 * are gone are free again, keys are not. */
const char *member_clash(const struct member *list, size_t n, const struct member *x);

/* ---- steps ---- */
size_t members_position(const struct members *m, uint16_t number); /* MEMBERS_MAX: none */
/* change.c: the refusal, or NULL and the change is noted. */
enum err change_propose(struct members *m, const struct member *by, const struct statement *s,
                        const char **ret_refused) MUST_USE;
enum err change_approve(struct members *m, const struct member *by, const struct statement *s,
                        const char **ret_refused) MUST_USE;
/* Why the list, as it is now, cannot be changed like this; NULL if it can. The same all through an
 * epoch: evidence convicts, but changes no role within it. */
const char *change_why_impossible(const struct members *m, const struct change *c);
/* The change that has its quorum, or NULL. */
const struct change *change_accepted(const struct members *m);
/* Changes the list as approved. */
void change_carry_out(struct members *m, const struct change *c);
/* seed.c */
enum err seed_commit(struct members *m, const struct member *by, const struct statement *s,
                     const char **ret_refused) MUST_USE;
enum err seed_open(struct members *m, const struct member *by, const struct statement *s,
                   const char **ret_refused) MUST_USE;
/* The seed of epoch `epoch`; boundary is zero for the first. */
void seed_next(const struct members *m, uint32_t epoch, const struct core_id *boundary,
               uint8_t ret[HASH_BYTES]);
/* Who committed, had the time to open and did not. */
void seed_withheld(const struct members *m, struct core_members *ret);
/* conviction.c */
enum err conviction_apply(struct members *m, const struct member *by, const struct statement *s,
                          const char **ret_refused) MUST_USE;
/* A validator may be taken out: the others are enough. */
bool conviction_due(const struct members *m);
/* Members that are convicted go, as long as the others are enough. */
void conviction_carry_out(struct members *m);
/* credit.c */
void credit_settle(struct members *m, const struct core_members *withheld);

/* apply.c: reads the members of a statement beyond the common ones and "genesis"; *ret_refused is
 * set when they are wrong or the statement is for another federation. */
enum err members_read(const struct members *m, const struct statement *s, const struct field *own,
                      size_t n, const char **ret_refused) MUST_USE;

#endif
