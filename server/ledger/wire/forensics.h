/* Evidence and forensics (docs/ledger.md, "who is guilty"). Pure.
 *
 * Evidence: two signed things of one member that no correct member signs both. It stands by itself:
 * whoever holds the epoch's validator list can verify it. Encoded: "ledger-evidence/1", fault u8,
 * u32 length and bytes of the first, u32 length and bytes of the second (votes as WIRE_VOTE
 * payload; proposals as chain u8 epoch u32 view u64 id[32] signer u16 signature[64]). */
#ifndef CAIRN_LEDGER_FORENSICS_H
#define CAIRN_LEDGER_FORENSICS_H

#include "server/ledger/wire/wire.h"

#define EVIDENCE_MAX 1024

struct evidence_proposal { /* what of a proposal its leader signed */
    enum chain chain;
    uint32_t epoch;
    uint64_t view;
    struct core_id id;
    uint16_t signer;
    uint8_t signature[SIGN_BYTES];
};
enum err evidence_votes(const struct wire_vote *a, const struct wire_vote *b, uint8_t *ret_fault,
                        struct buf *ret) MUST_USE; /* ERR_CRYPTO unless they conflict */
enum err evidence_proposals(const struct evidence_proposal *a, const struct evidence_proposal *b,
                            struct buf *ret) MUST_USE;
/* ERR_SYNTAX, or ERR_CRYPTO unless it convicts; *ret_signer = member number, *ret_fault. */
enum err evidence_verify(const struct wire_scope *s, const uint8_t *bytes, size_t len,
                         uint16_t *ret_signer, uint8_t *ret_fault) MUST_USE;

/* Two final views that conflict. A view is a chain of proposals (block, justification) from a
 * common ancestor (or the epoch's genesis) upward, and the F certificate of its top. */
struct forensic_view {
    const struct wire_proposal *blocks; /* ascending height */
    size_t n;
    struct wire_cert final; /* of the last */
};
struct forensic_finding {
    struct core_members guilty; /* indices; at least f+1 when the views conflict */
    uint8_t how; /* enum core_fault of the conflicting certificates (NN, NF, SF), or 0:
                    blocks notarized without a valid justification */
    uint64_t view;
};
/* Runs the safety argument as a program (docs/ledger.md, C). ERR_FIELD_VALUE if the views do not
 * conflict (one is a prefix of the other), ERR_CRYPTO if a view does not verify by itself. */
enum err forensics_run(const struct wire_scope *s, const struct forensic_view *a,
                       const struct forensic_view *b, struct forensic_finding *ret) MUST_USE;

#endif
