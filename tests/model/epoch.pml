/* One change of the member set. The old epoch has the members 0, 1, 2, the new one 1, 2, 3: 0 leaves, 3
 * joins. A Byzantine fourth is in both sets and counts as having signed everything. Votes are durable
 * here; crashes are the business of simplex.pml. docs/model.md says more.
 *
 * The old epoch has two views with the blocks 1 and 2, each of which may be a change of the set. The new
 * epoch starts from a change and has two views as well: block 3 or 4, then block 5.
 *
 *   -DUNSORTED  the members of both epochs are told apart: more states, the same verdict
 *   -DCOVERAGE  steps in a form in which SPIN says what is never reached
 *   -DWITNESS   assert that the two views of the new epoch never become final, to see that they do
 *
 * and the mutants, one rule broken in each:
 *   NONEMPTY  what follows a change in its epoch may have contents
 *   EARLY     the new epoch starts from a change that is notarized, not final
 *   UNBOUND   votes do not name their epoch
 *   MIXED     who has left still votes and is counted */

/* SPIN counts what is never reached, but does not look into d_step. */
#ifdef COVERAGE
#define STEP atomic
#else
#define STEP d_step
#endif
#define GENESIS 0
#define EMPTY 0
#define PLAIN 1
#define CHANGE 2

/* A block that is its own parent does not exist yet. */
byte parent[6] = { 0, 1, 2, 3, 4, 5 };
byte content[6];

/* Votes are bits; skips are only ever asked for in the first view of an epoch. */
#define N(b) (1 << (b))
#define F(b) (1 << (5 + (b)))
#define S_OLD (1 << 11)
#define S_NEW (1 << 12)
short cast[4];

#define SIGNED(m, x) ((cast[m] & (x)) != 0)
#define OLD_CERT(x) (SIGNED(0, x) + SIGNED(1, x) + SIGNED(2, x) >= 2)
#ifdef MIXED
#define NEW_CERT(x) (SIGNED(0, x) + SIGNED(1, x) + SIGNED(2, x) + SIGNED(3, x) >= 2)
#define IN_NEW true
#else
#define NEW_CERT(x) (SIGNED(1, x) + SIGNED(2, x) + SIGNED(3, x) >= 2)
#define IN_NEW (ME != 0)
#endif
#define IN_OLD (ME != 3)
#ifdef UNBOUND
#define NEW_SKIPPED (NEW_CERT(S_NEW) || OLD_CERT(S_OLD))
#else
#define NEW_SKIPPED NEW_CERT(S_NEW)
#endif

#define ME _pid
#define EXISTS(b) (parent[b] != (b))
#define FREE(b, p) (parent[b] == (p) || !EXISTS(b))
#define NONE_OF(x) ((cast[ME] & (x)) == 0)
#define HAVE(x) ((cast[ME] & (x)) != 0)

/* ---- the old epoch ---------------------------------------------------------------------------- */
/* A block is what its first honest vote finds it to be: contents and parent are in its hash. */
#define IS(b, p, c) (EXISTS(b) -> parent[b] == (p) && content[b] == (c) : true)
#ifdef NONEMPTY
#define FITS(p, c) ((c) != EMPTY)
#else
#define FITS(p, c) (((p) != GENESIS && content[p] == CHANGE) == ((c) == EMPTY))
#endif
#define MAY_NOTARIZE_1(c) (IN_OLD && NONE_OF(N(1)) && IS(1, GENESIS, c) && (c) != EMPTY)
#define MAY_NOTARIZE_2(p, c) \
    (IN_OLD && NONE_OF(N(2)) && IS(2, p, c) && ((p) == 1 -> OLD_CERT(N(1)) : OLD_CERT(S_OLD)) && FITS(p, c))
#define MAY_SKIP_OLD (IN_OLD && NONE_OF(S_OLD | F(1)))
#define MAY_FINALIZE_1 (IN_OLD && HAVE(N(1)) && OLD_CERT(N(1)) && NONE_OF(S_OLD | F(1)))
#define MAY_FINALIZE_2 (IN_OLD && HAVE(N(2)) && OLD_CERT(N(2)) && NONE_OF(F(2)))

/* ---- from the old to the new ------------------------------------------------------------------ */
#define FINAL_1 (OLD_CERT(F(1)) || (OLD_CERT(F(2)) && parent[2] == 1))
#define FINAL_2 OLD_CERT(F(2))
#ifdef EARLY
#define ENDS_1 OLD_CERT(N(1))
#define ENDS_2 OLD_CERT(N(2))
#else
#define ENDS_1 FINAL_1
#define ENDS_2 FINAL_2
#endif
/* The first change on a chain ends the epoch. */
#define STARTS(g) \
    (content[g] == CHANGE && ((g) == 1 -> ENDS_1 : ENDS_2 && (parent[2] == GENESIS || content[1] != CHANGE)))

/* ---- the new epoch ---------------------------------------------------------------------------- */
/* Its leader of view 1 equivocates: blocks 3 and 4. The second one comes after the first. */
#define MAY_NOTARIZE_NEW(b, g) \
    (IN_NEW && STARTS(g) && NONE_OF(N(3) | N(4)) && FREE(b, g) && ((b) == 3 || EXISTS(3)))
#define MAY_NOTARIZE_5(p) \
    (IN_NEW && NONE_OF(N(5)) && FREE(5, p) && ((p) >= 3 -> NEW_CERT(N(p)) : STARTS(p) && NEW_SKIPPED))
#define MAY_SKIP_NEW (IN_NEW && (STARTS(1) || STARTS(2)) && NONE_OF(S_NEW | F(3) | F(4)))
#define MAY_FINALIZE_NEW(b) (IN_NEW && HAVE(N(b)) && NEW_CERT(N(b)) && NONE_OF(S_NEW | F(3) | F(4)))
#define MAY_FINALIZE_5 (IN_NEW && HAVE(N(5)) && NEW_CERT(N(5)) && NONE_OF(F(5)))

/* ---- what must hold --------------------------------------------------------------------------- */
#define UP(b) parent[b]
#define BELOW(a, b) ((a) == UP(b) || (a) == UP(UP(b)) || (a) == UP(UP(UP(b))) || (a) == UP(UP(UP(UP(b)))))
#define ORDERED(a, final_a, b, final_b) \
    (!(final_a) || !(final_b) || content[a] == EMPTY || content[b] == EMPTY || BELOW(a, b))

/* Final blocks with contents stand in one line, within an epoch and across the two. An empty block is
 * not delivered, so that it may lie beside the new epoch. */
inline audit()
{
    assert(ORDERED(1, OLD_CERT(F(1)), 2, FINAL_2));
    assert(ORDERED(1, FINAL_1, 3, NEW_CERT(F(3))) && ORDERED(2, FINAL_2, 3, NEW_CERT(F(3))));
    assert(ORDERED(1, FINAL_1, 4, NEW_CERT(F(4))) && ORDERED(2, FINAL_2, 4, NEW_CERT(F(4))));
    assert(ORDERED(1, FINAL_1, 5, NEW_CERT(F(5))) && ORDERED(2, FINAL_2, 5, NEW_CERT(F(5))));
    assert(!NEW_CERT(F(3)) || !NEW_CERT(F(4)));
    assert(ORDERED(3, NEW_CERT(F(3)), 5, NEW_CERT(F(5))) && ORDERED(4, NEW_CERT(F(4)), 5, NEW_CERT(F(5))));
#ifdef WITNESS
    assert(!NEW_CERT(F(5)) || !NEW_CERT(F(3)));
#endif
}

/* Members 1 and 2 are alike, so that a state stands for itself with the two exchanged. No spare variable:
 * it would be part of the state. */
inline sign(x)
{
    cast[ME] = cast[ME] | (x);
    audit();
#ifndef UNSORTED
    if
    :: cast[2] < cast[1] ->
        cast[1] = cast[1] ^ cast[2];
        cast[2] = cast[2] ^ cast[1];
        cast[1] = cast[1] ^ cast[2]
    :: else
    fi
#endif
}

#define PROPOSE(b, p, c) parent[b] = p; content[b] = c; sign(N(b))

active [4] proctype Member()
{
end:
    do
    :: STEP { MAY_NOTARIZE_1(PLAIN) -> PROPOSE(1, GENESIS, PLAIN) }
    :: STEP { MAY_NOTARIZE_1(CHANGE) -> PROPOSE(1, GENESIS, CHANGE) }
    :: STEP { MAY_NOTARIZE_2(GENESIS, PLAIN) -> PROPOSE(2, GENESIS, PLAIN) }
    :: STEP { MAY_NOTARIZE_2(GENESIS, CHANGE) -> PROPOSE(2, GENESIS, CHANGE) }
    :: STEP { MAY_NOTARIZE_2(1, PLAIN) -> PROPOSE(2, 1, PLAIN) }
    :: STEP { MAY_NOTARIZE_2(1, CHANGE) -> PROPOSE(2, 1, CHANGE) }
    :: STEP { MAY_NOTARIZE_2(1, EMPTY) -> PROPOSE(2, 1, EMPTY) }
    :: STEP { MAY_SKIP_OLD -> sign(S_OLD) }
    :: STEP { MAY_FINALIZE_1 -> sign(F(1)) }
    :: STEP { MAY_FINALIZE_2 -> sign(F(2)) }
    :: STEP { MAY_NOTARIZE_NEW(3, 1) -> PROPOSE(3, 1, PLAIN) }
    :: STEP { MAY_NOTARIZE_NEW(3, 2) -> PROPOSE(3, 2, PLAIN) }
    :: STEP { MAY_NOTARIZE_NEW(4, 1) -> PROPOSE(4, 1, PLAIN) }
    :: STEP { MAY_NOTARIZE_NEW(4, 2) -> PROPOSE(4, 2, PLAIN) }
    :: STEP { MAY_NOTARIZE_5(1) -> PROPOSE(5, 1, PLAIN) }
    :: STEP { MAY_NOTARIZE_5(2) -> PROPOSE(5, 2, PLAIN) }
    :: STEP { MAY_NOTARIZE_5(3) -> PROPOSE(5, 3, PLAIN) }
    :: STEP { MAY_NOTARIZE_5(4) -> PROPOSE(5, 4, PLAIN) }
    :: STEP { MAY_SKIP_NEW -> sign(S_NEW) }
    :: STEP { MAY_FINALIZE_NEW(3) -> sign(F(3)) }
    :: STEP { MAY_FINALIZE_NEW(4) -> sign(F(4)) }
    :: STEP { MAY_FINALIZE_5 -> sign(F(5)) }
    od
}
