/* Shared by the files of the core; nobody else includes it. Names of rules are those of
 * docs/ledger.md. */
#ifndef CAIRN_LEDGER_CORE_INTERNAL_H
#define CAIRN_LEDGER_CORE_INTERNAL_H

#include "server/ledger/core/core.h"

/* ---- slots and sets (core.c) ----------------------------------------------------------------- */
/* The slot of a view above the floor, made if it is not there; NULL outside the ring. */
struct core_slot *slot_of(struct core *c, uint64_t view);
/* The same if it is there, else NULL. */
struct core_slot *slot_find(struct core *c, uint64_t view);
/* The block with this id if the slot holds it (proposal or certified block), else NULL. */
const struct core_block *slot_block(const struct core_slot *s, const struct core_id *id);
/* A zeroed action of this type about (kind, view, id), addressed to nobody in particular. */
struct core_action *act(struct core_out *out, enum core_action_type type, uint8_t kind,
                        uint64_t view, const struct core_id *id);

/* ---- events, by file ------------------------------------------------------------------------- */
void on_record(struct core *c, const struct core_event *e);                         /* start.c */
void on_start(struct core *c, struct core_out *out);                                /* start.c */
void on_proposal(struct core *c, const struct core_event *e, struct core_out *out); /* proposal.c */
void on_block(struct core *c, const struct core_event *e);                          /* proposal.c */
void on_built(struct core *c, const struct core_event *e, struct core_out *out);    /* proposal.c */
void on_checked(struct core *c, const struct core_event *e);                        /* proposal.c */
void on_vote(struct core *c, const struct core_event *e, struct core_out *out);     /* vote.c */
void on_cert(struct core *c, const struct core_event *e, struct core_out *out); /* certificate.c */
void on_delivered(struct core *c, const struct core_event *e, struct core_out *out); /* final.c */
void on_caught_up(struct core *c, const struct core_event *e, struct core_out *out); /* final.c */
void on_timer(struct core *c, const struct core_event *e, struct core_out *out); /* pacemaker.c */
void on_retry(struct core *c, struct core_out *out);                             /* resend.c */
void on_news(struct core *c, const struct core_event *e, struct core_out *out);  /* resend.c */

/* ---- rules: each returns whether it changed anything ----------------------------------------- */
bool rule_notarize(struct core *c, struct core_slot *s, struct core_out *out); /* proposal.c */
bool rule_finalize(struct core *c, struct core_slot *s, struct core_out *out); /* vote.c */
bool rule_join(struct core *c, struct core_out *out);                          /* vote.c */
bool rule_final(struct core *c, struct core_out *out);                         /* final.c */
bool rule_enter(struct core *c);                                               /* pacemaker.c */
bool rule_propose(struct core *c, struct core_out *out);                       /* proposal.c */
/* Sets the timer of the view if something is waited for. */
void rule_arm(struct core *c, struct core_out *out); /* pacemaker.c */

/* ---- what rules do --------------------------------------------------------------------------- */
/* skip(v): refuses where a finalize vote of mine stands. */
bool cast_skip(struct core *c, struct core_slot *s, struct core_out *out); /* vote.c */
bool cast_notarize(struct core *c, struct core_slot *s, const struct core_id *id,
                   struct core_out *out); /* vote.c */
/* A quorum for (kind, view, id) is known: remembers it and tells everybody once. */
void certify(struct core *c, struct core_slot *s, uint8_t kind, const struct core_id *id,
             struct core_out *out); /* certificate.c */
/* More than f are faulty: says so once and stops voting. */
void report_fork(struct core *c, uint64_t view, const struct core_id *id,
                 struct core_out *out); /* certificate.c */
/* Asks for the block of this view once (again after a retry). */
void pull_block(struct core_slot *s, const struct core_id *id,
                struct core_out *out); /* proposal.c */
/* My votes, proposals and certificates of this view, to one member or (CORE_NOBODY) to all. */
void resend_slot(const struct core *c, const struct core_slot *s, uint16_t to,
                 struct core_out *out); /* resend.c */

#endif
