/* Signatures of the votes of one chain and epoch, and the certificates made of them. The core
 * counts; this keeps the bytes. Only verified signatures come in here. Owned by the ledger thread.
 */
#ifndef CAIRN_LEDGER_BALLOTS_H
#define CAIRN_LEDGER_BALLOTS_H

#include "server/ledger/wire/wire.h"

struct ballots;

struct ballots *ballots_new(const struct wire_scope *scope);
void ballots_free(struct ballots *b);
/* The first vote of this kind by this signer; NULL if there is none. */
const struct wire_vote *ballots_vote(struct ballots *b, uint64_t view, uint8_t kind,
                                     uint16_t signer);
/* Keeps the vote if it is the first of its kind by its signer. ERR_NO_MEMORY. */
enum err ballots_add(struct ballots *b, const struct wire_vote *v) MUST_USE;
/* Keeps a certificate that was received. */
enum err ballots_add_cert(struct ballots *b, const struct wire_cert *c) MUST_USE;
/* Encoded certificate for (kind, view, id), made from votes if it did not come whole; borrowed
 * until the view's slot is used again. ERR_NOT_FOUND. */
enum err ballots_cert(struct ballots *b, uint8_t kind, uint64_t view, const struct core_id *id,
                      const uint8_t **ret, size_t *ret_len) MUST_USE;

#endif
