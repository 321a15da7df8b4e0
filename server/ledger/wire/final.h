/* The payload of a WIRE_FINAL frame: a proposal in the form of WIRE_PROPOSAL, which says itself
 * where it ends, then the F certificate that covers it, or nothing. Nothing is verified here but
 * hashes. Pure. */
#ifndef CAIRN_LEDGER_FINAL_H
#define CAIRN_LEDGER_FINAL_H

#include "server/ledger/wire/wire.h"

/* cert may be NULL. ERR_SYNTAX if it is not an F certificate. */
enum err wire_final_print(const struct wire_proposal *p, const struct wire_cert *cert,
                          struct buf *ret) MUST_USE;
/* The proposal borrows from bytes. *ret_cert is filled only when *ret_has_cert comes back true. */
enum err wire_final_parse(const uint8_t *bytes, size_t len, struct wire_proposal *ret,
                          struct wire_cert *ret_cert, bool *ret_has_cert) MUST_USE;

#endif
