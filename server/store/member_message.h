/* Money messages between members (docs/members.md): tables peer_head, peer_message, peer_credit. */
#ifndef CAIRN_STORE_MEMBER_MESSAGE_H
#define CAIRN_STORE_MEMBER_MESSAGE_H

#include "server/store/books.h"

/* Locks the head of that member and gives the next sequence of a message to it. */
enum err store_message_next(struct db *db, uint16_t member, int64_t *ret) MUST_USE;

struct message_row {
    uint16_t member;
    int64_t seq;
    struct id id, cause, account;
    int64_t amount;
    char currency[CURRENCY_SIZE];
    const void *statement;
    size_t len;
};
enum err store_message_insert(struct db *db, const struct message_row *m, usec_t at) MUST_USE;
/* Rows: member, acknowledged. Whom something is still to be said to. */
enum err store_messages_open(struct db *db, struct rows **ret) MUST_USE;
/* Rows: seq, statement; in order, those after this sequence. */
enum err store_messages(struct db *db, uint16_t member, int64_t after, int limit,
                        struct rows **ret) MUST_USE;
/* That member has applied everything up to seq; never goes back, nor beyond what was sent. */
enum err store_message_acknowledge(struct db *db, uint16_t member, int64_t seq) MUST_USE;

/* Locks the head of that member and reads what was received from it so far. */
enum err store_message_received(struct db *db, uint16_t member, int64_t *ret) MUST_USE;
/* Notes that message seq = received + 1 was applied under this entry. */
enum err store_credit_insert(struct db *db, uint16_t member, int64_t seq, const struct id *entry,
                             const struct id *account, int64_t amount, const char *currency,
                             usec_t at) MUST_USE;

/* Rows: member, currency, open_minor: what was sent and not yet acknowledged. */
enum err store_clearing_open(struct db *db, struct rows **ret) MUST_USE;

extern const struct store_stmt *const member_message_stmts[];
extern const size_t member_message_stmts_n;

#endif
