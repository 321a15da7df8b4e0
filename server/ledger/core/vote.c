/* Rules "on Vote", "tryFinal", "skip", and the casting of votes. A vote is recorded as mine,
 * persisted and sent in one place, cast(), so that no path can send what was not persisted. */
#include "server/ledger/core/core_internal.h"
#include "server/ledger/core/mutants.h"

static void accuse(struct core_slot *s, uint8_t fault, uint16_t who, const struct core_id *id,
                   const struct core_id *other, struct core_out *out)
{
    if (core_set_has(&s->accused[fault], who) || MUTANT(NOEVIDENCE))
        return;
    core_set_add(&s->accused[fault], who);
    struct core_action *a = act(out, CORE_EVIDENCE, fault, s->view, id);
    a->from = who;
    if (other != NULL)
        a->other = *other;
}

/* Rule "conflicting with an earlier vote of the signer". */
static void compare(struct core_slot *s, uint8_t kind, uint16_t who, const struct core_id *id,
                    struct core_out *out)
{
    bool n = core_set_has(&s->n_seen, who), f = core_set_has(&s->f_seen, who);
    if (kind == CORE_N && n && (!core_id_equal(&s->n_of[who], id) || MUTANT(FALSEEVIDENCE)))
        accuse(s, CORE_FAULT_NN, who, id, &s->n_of[who], out);
    if (kind == CORE_F && f && !core_id_equal(&s->f_of[who], id))
        accuse(s, CORE_FAULT_FF, who, id, &s->f_of[who], out);
    if (kind == CORE_N && f && !core_id_equal(&s->f_of[who], id))
        accuse(s, CORE_FAULT_NF, who, &s->f_of[who], id, out);
    if (kind == CORE_F && n && !core_id_equal(&s->n_of[who], id))
        accuse(s, CORE_FAULT_NF, who, id, &s->n_of[who], out);
    if (kind == CORE_S && f)
        accuse(s, CORE_FAULT_SF, who, &s->f_of[who], NULL, out);
    if (kind == CORE_F && core_set_has(&s->s_seen, who))
        accuse(s, CORE_FAULT_SF, who, id, NULL, out);
}

static unsigned count_equal(const struct core *c, const struct core_members *seen,
                            const struct core_id *of, const struct core_id *id)
{
    unsigned count = 0;
    for (uint16_t i = 0; i < c->config.n; i++)
        if (core_set_has(seen, i) && (core_id_equal(&of[i], id) || MUTANT(ANYHASH)))
            count++;
    return count;
}

/* A signer counts once per kind: its first vote. */
static void tally(struct core *c, struct core_slot *s, uint8_t kind, uint16_t who,
                  const struct core_id *id, struct core_out *out)
{
    struct core_members *seen = kind == CORE_N   ? &s->n_seen
                                : kind == CORE_F ? &s->f_seen
                                                 : &s->s_seen;
    struct core_id *of = kind == CORE_N ? s->n_of : s->f_of;
    compare(s, kind, who, id, out);
    bool again = MUTANT(DUPLICATES) && core_set_has(seen, who);
    if (core_set_has(seen, who) && !again)
        return;
    core_set_add(seen, who);
    if (kind != CORE_S)
        of[who] = *id;
    unsigned count = kind == CORE_S ? core_set_count(seen) : count_equal(c, seen, of, id);
    if (MUTANT(SKIPISFINAL) && kind == CORE_F)
        count += core_set_count(&s->s_seen);
    if (count + again >= core_quorum(c->config.n))
        certify(c, s, kind, kind == CORE_S ? NULL : id, out);
}

void on_vote(struct core *c, const struct core_event *e, struct core_out *out)
{
    static const struct core_id none;
    if ((e->from >= c->config.n && !MUTANT(OBSERVERS)) || e->from == c->config.me ||
        e->kind < CORE_N || e->kind > CORE_F)
        return; /* what I signed I know from my log */
    if (e->view <= c->final_view || e->view > c->view + CORE_WINDOW)
        return;
    struct core_slot *s = slot_of(c, e->view);
    if (s != NULL)
        tally(c, s, e->kind, e->from, e->kind == CORE_S ? &none : &e->id, out);
}

/* ---- casting --------------------------------------------------------------------------------- */

static bool may_vote(const struct core *c, const struct core_slot *s)
{
    return c->config.me != CORE_NOBODY && !c->forked && s->view > c->floor &&
           s->view > c->final_view;
}

static void cast(struct core *c, struct core_slot *s, uint8_t kind, const struct core_id *id,
                 struct core_out *out)
{
    (void)act(out, CORE_PERSIST, kind, s->view, id);
    (void)act(out, CORE_SEND_VOTE, kind, s->view, id);
    static const struct core_id none;
    tally(c, s, kind, c->config.me, id != NULL ? id : &none, out);
}

bool cast_notarize(struct core *c, struct core_slot *s, const struct core_id *id,
                   struct core_out *out)
{
    if (!may_vote(c, s) || s->my_n)
        return false;
    s->my_n = true;
    s->my_n_id = *id;
    cast(c, s, CORE_N, id, out);
    return true;
}

bool cast_skip(struct core *c, struct core_slot *s, struct core_out *out)
{
    if (!may_vote(c, s) || (s->my_f && !MUTANT(SKIPFINAL)) || s->my_s)
        return false;
    s->my_s = true;
    cast(c, s, CORE_S, NULL, out);
    return true;
}

/* Rule "tryFinal". */
bool rule_finalize(struct core *c, struct core_slot *s, struct core_out *out)
{
    if (!may_vote(c, s) || s->my_f || (s->my_s && !MUTANT(REFINAL)) || !s->cert_n ||
        ((!s->my_n || !core_id_equal(&s->my_n_id, &s->cert_n_id)) && !MUTANT(FINALFOREIGN)) ||
        slot_block(s, &s->cert_n_id) == NULL)
        return false;
    s->my_f = true;
    s->my_f_id = s->cert_n_id;
    cast(c, s, CORE_F, &s->my_f_id, out);
    return true;
}

/* Rules "f+1 distinct S(V)" (one of them is correct) and "on leader's own S(V)". */
bool rule_join(struct core *c, struct core_out *out)
{
    struct core_slot *s = slot_find(c, c->view);
    if (MUTANT(JOINFREE) || s == NULL ||
        (core_set_count(&s->s_seen) <= core_faults(c->config.n) &&
         !core_set_has(&s->s_seen, core_leader(c, c->view))))
        return false;
    return cast_skip(c, s, out);
}
