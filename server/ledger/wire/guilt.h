/* What stands behind a finding of forensics.h: the certificates that contradict each other, and out
 * of them one evidence record per guilty member. Pure. */
#ifndef CAIRN_LEDGER_GUILT_H
#define CAIRN_LEDGER_GUILT_H

#include "server/ledger/wire/forensics.h"

struct forensic_proof {
    struct forensic_finding finding;
    /* The two of finding.view that contradict each other, one of each of the views (the one that
     * ends lower first). If finding.how is 0: first certifies a block that has no valid
     * justification, and second is empty. */
    struct wire_cert first, second;
};
/* As forensics_run. Takes about 50 kB of stack. */
enum err forensics_prove(const struct wire_scope *s, const struct forensic_view *a,
                         const struct forensic_view *b, struct forensic_proof *ret) MUST_USE;
/* Appends the evidence record (forensics.h) against one of finding.guilty. ERR_FIELD_RANGE if it is
 * none of them, or if finding.how is 0: then the block itself is the evidence. */
enum err forensics_evidence(const struct forensic_proof *p, uint16_t index,
                            struct buf *ret) MUST_USE;
bool forensics_names(const struct forensic_finding *f, uint16_t index);
/* The signature of that member in a certificate; it must be one of its signers. */
const uint8_t *forensics_signature(const struct wire_cert *c, uint16_t index);

#endif
