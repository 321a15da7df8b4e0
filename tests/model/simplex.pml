/* One chain of the ledger in one epoch: notarize, skip, finalize, with crashes. docs/model.md says what
 * is left out, why nothing is lost by that, and what was seen.
 *
 * Four members, quorum three. One member is Byzantine: it counts as having signed every vote there is,
 * so it has no process. The three honest ones are processes that may do, at any time, whatever their
 * rules allow.
 *
 *   -DVIEWS=n     views 1..n, 2 or 3; view 0 is the genesis block
 *   -DTWINNED=m   bit v set: the leader of view v may equivocate (two blocks); default: all may
 *   -DGATE        signing, syncing and sending are three steps, and a crash may fall between them
 *   -DUNSORTED    equal members are told apart: more states, the same verdict
 *   -DLEMMAS      assert also the two statements that the safety argument rests on
 *   -DCOVERAGE    steps in a form in which SPIN says what is never reached
 *   -DWITNESS     assert that two views never become final, to see that the model does something
 *
 * and the mutants, one rule broken in each: AMNESIA, REFINAL, NOSKIPCERT, DOUBLE, SKIPFINAL,
 * EARLYPRUNE, SENDFIRST. */

#ifndef VIEWS
#define VIEWS 2
#endif
#ifndef TWINNED
#define TWINNED 14
#endif
/* SPIN counts what is never reached, but does not look into d_step. */
#ifdef COVERAGE
#define STEP atomic
#else
#define STEP d_step
#endif
#define HONEST 3
#define BYZANTINE 1
#define QUORUM 3

/* Block 0 is genesis; view v has the blocks 2v-1 and 2v, numbered as the first honest vote finds them. */
#define BLOCKS (2 * VIEWS)
#define VIEW(b) (((b) + 1) / 2)
/* A block that is its own parent does not exist yet. */
#if VIEWS > 2
byte parent[BLOCKS + 1] = { 0, 1, 2, 3, 4, 5, 6 };
#else
byte parent[BLOCKS + 1] = { 0, 1, 2, 3, 4 };
#endif

/* Votes are bits, and what a member has signed is a set of them. */
#define N(b) (1 << ((b) - 1))
#define F(b) (1 << (BLOCKS + (b) - 1))
#define S(v) (1 << (2 * BLOCKS + (v) - 1))
#define N_OF(v) (3 << (2 * (v) - 2))
#define F_OF(v) (N_OF(v) << BLOCKS)
#define ALL_OF(v) (N_OF(v) | F_OF(v) | S(v))
#define UP_TO(v) \
    (((v) >= 1 -> ALL_OF(1) : 0) | ((v) >= 2 -> ALL_OF(2) : 0) | ((v) >= 3 -> ALL_OF(3) : 0))

/* cast never shrinks: it is what the network has seen, hence what certificates are counted from. */
short known[HONEST]; /* volatile: the votes that the process knows it signed */
short disk[HONEST];  /* durable: the vote log */
short cast[HONEST];  /* left the process */
byte final[HONEST];  /* volatile: vf and hf, the highest block known final */
byte ground[HONEST]; /* durable: the FIN record; its view is the floor */

#define SIGNED(m, x) ((cast[m] & (x)) != 0)
#define CERT(x) (SIGNED(0, x) + SIGNED(1, x) + SIGNED(2, x) + BYZANTINE >= QUORUM)
#define CERTIFIED(b) ((b) == 0 || CERT(N(b)) || CERT(F(b)))
#define EXTENDS(b, a) \
    ((b) == (a) || parent[b] == (a) || parent[parent[b]] == (a) || parent[parent[parent[b]]] == (a))
#define SKIPPED(u, p, v) ((u) <= VIEW(p) || (u) >= (v) || CERT(S(u)))

/* ---- the rules, each with its mutant ---------------------------------------------------------- */
#define ME _pid
/* With GATE a member signs nothing while an earlier vote is on its way: a batch is one vote. */
#ifdef GATE
#define IDLE (known[ME] == disk[ME] && (disk[ME] & ~cast[ME]) == 0)
#else
#define IDLE true
#endif
#define MAY_VOTE(v) ((v) > VIEW(ground[ME]) && IDLE)

#ifdef DOUBLE
#define NOT_NOTARIZED(b) ((known[ME] & N(b)) == 0)
#else
#define NOT_NOTARIZED(b) ((known[ME] & N_OF(VIEW(b))) == 0)
#endif
#ifdef NOSKIPCERT
#define GAP(p, v) true
#else
#define GAP(p, v) (SKIPPED(1, p, v) && SKIPPED(2, p, v))
#endif
#ifdef REFINAL
#define NOT_SKIPPED(v) true
#else
#define NOT_SKIPPED(v) ((known[ME] & S(v)) == 0)
#endif
#ifdef SKIPFINAL
#define NOT_FINALIZED(v) true
#else
#define NOT_FINALIZED(v) ((known[ME] & F_OF(v)) == 0)
#endif

/* The leader proposes lazily: a block gets its parent with its first honest vote, since a block that no
 * honest member voted for has no consequence. The second block of a view comes after the first. */
#define TWIN(b) ((b) % 2 == 0)
#define MAY_APPEAR(b) (!TWIN(b) || (((TWINNED >> VIEW(b)) & 1) && EXISTS((b) - 1)))
#define PROPOSED(b, p) (parent[b] == (p) || (!EXISTS(b) && MAY_APPEAR(b)))
#define EXISTS(b) ((b) == 0 || parent[b] != (b))

/* tryNotarize: one block per view, on a certified parent that is not below what I know to be final,
 * with a skip certificate for every view in between. */
#define MAY_NOTARIZE(b, p) \
    (MAY_VOTE(VIEW(b)) && EXISTS(p) && PROPOSED(b, p) && NOT_NOTARIZED(b) && CERTIFIED(p) && \
     (p == final[ME] || VIEW(p) > VIEW(final[ME])) && GAP(p, VIEW(b)))
/* tryFinal: what I notarized has its certificate, and I did not skip the view. */
#define MAY_FINALIZE(b) \
    (MAY_VOTE(VIEW(b)) && (known[ME] & N(b)) && CERT(N(b)) && NOT_SKIPPED(VIEW(b)) && \
     (known[ME] & F_OF(VIEW(b))) == 0)
/* skip: at any time (timers, joining others and the leader's own skip are all cases of that), unless I
 * signed finalize. */
#define MAY_SKIP(v) (MAY_VOTE(v) && (known[ME] & S(v)) == 0 && NOT_FINALIZED(v))

/* ---- steps ------------------------------------------------------------------------------------ */
/* Without a spare variable, which would be part of the state. */
#define EXCHANGE(set, i, j) set[i] = set[i] ^ set[j]; set[j] = set[j] ^ set[i]; set[i] = set[i] ^ set[j]

/* Which member did what makes no difference to any rule or assertion, so a state stands
 * for all its permutations: members are kept in the order of their votes. */
#define LESS(i, j) \
    (cast[i] < cast[j] || (cast[i] == cast[j] && \
    (disk[i] < disk[j] || (disk[i] == disk[j] && \
    (known[i] < known[j] || (known[i] == known[j] && \
    (final[i] < final[j] || (final[i] == final[j] && ground[i] < ground[j]))))))))

inline sort(i, j)
{
    if
    :: LESS(j, i) ->
        EXCHANGE(known, i, j);
        EXCHANGE(disk, i, j);
        EXCHANGE(cast, i, j);
        EXCHANGE(final, i, j);
        EXCHANGE(ground, i, j)
    :: else
    fi
}

inline settle()
{
#ifndef UNSORTED
    sort(0, 1);
    sort(1, 2);
    sort(0, 1)
#else
    skip
#endif
}

#define AGREE(a, b) (!(CERT(F(a)) && CERT(F(b))) || EXTENDS(b, a))
#define ONE(v) (!(CERT(N(2 * (v))) && CERT(N(2 * (v) - 1))) && \
    !(CERT(S(v)) && (CERT(F(2 * (v))) || CERT(F(2 * (v) - 1)))))

/* Of two final blocks the later one extends the other one. */
inline audit()
{
    assert(AGREE(1, 2) && AGREE(1, 3) && AGREE(1, 4) && AGREE(2, 3) && AGREE(2, 4) && AGREE(3, 4));
#if VIEWS > 2
    assert(AGREE(1, 5) && AGREE(1, 6) && AGREE(2, 5) && AGREE(2, 6) && AGREE(3, 5) && AGREE(3, 6) &&
           AGREE(4, 5) && AGREE(4, 6) && AGREE(5, 6));
#endif
#ifdef LEMMAS
    assert(ONE(1) && ONE(2) && (VIEWS < 3 || ONE(VIEWS)));
#endif
#ifdef WITNESS
    assert(!(CERT(F(1)) && CERT(F(3)) && parent[3] == 1));
#endif
}

inline sign(x)
{
    known[ME] = known[ME] | x;
#ifndef GATE
#ifndef SENDFIRST
    disk[ME] = known[ME];
#endif
    cast[ME] = cast[ME] | x;
    audit();
#endif
    settle()
}

#define NOTARIZE(b, p) :: STEP { MAY_NOTARIZE(b, p) -> parent[b] = p; sign(N(b)) }
#define FINALIZE(b) :: STEP { MAY_FINALIZE(b) -> sign(F(b)) }
#define SKIP(v) :: STEP { MAY_SKIP(v) -> sign(S(v)) }
/* A finalize certificate on a complete chain: deliver. */
#define LEARN(b) \
    :: STEP { VIEW(b) > VIEW(final[ME]) && CERT(F(b)) && EXTENDS(b, final[ME]) -> learn(b); settle() }

inline learn(b)
{
    final[ME] = b;
#ifdef EARLYPRUNE
    disk[ME] = disk[ME] & ~UP_TO(VIEW(b))
#endif
}

/* What is delivered is recorded, and the votes up to it are forgotten. */
inline keep()
{
    ground[ME] = final[ME];
    known[ME] = known[ME] & ~UP_TO(VIEW(final[ME]));
    disk[ME] = disk[ME] & ~UP_TO(VIEW(final[ME]))
}

/* A crash with nothing in memory changes nothing. */
#ifdef AMNESIA
#define MEMORY (disk[ME] != 0)
#else
#define MEMORY (known[ME] != disk[ME] || final[ME] != ground[ME])
#endif

/* Only the log survives. Certificates and proposals are nobody's memory here: see docs/model.md. */
inline crash()
{
#ifdef AMNESIA
    disk[ME] = 0;
#endif
    known[ME] = disk[ME];
    final[ME] = ground[ME]
}

active [HONEST] proctype Member()
{
end:
    do
    NOTARIZE(1, 0)
    NOTARIZE(2, 0)
    NOTARIZE(3, 0)
    NOTARIZE(3, 1)
    NOTARIZE(3, 2)
    NOTARIZE(4, 0)
    NOTARIZE(4, 1)
    NOTARIZE(4, 2)
    FINALIZE(1)
    FINALIZE(2)
    FINALIZE(3)
    FINALIZE(4)
    SKIP(1)
    SKIP(2)
    LEARN(1)
    LEARN(2)
    LEARN(3)
    LEARN(4)
#if VIEWS > 2
    NOTARIZE(5, 0)
    NOTARIZE(5, 1)
    NOTARIZE(5, 2)
    NOTARIZE(5, 3)
    NOTARIZE(5, 4)
    NOTARIZE(6, 0)
    NOTARIZE(6, 1)
    NOTARIZE(6, 2)
    NOTARIZE(6, 3)
    NOTARIZE(6, 4)
    FINALIZE(5)
    FINALIZE(6)
    SKIP(3)
    LEARN(5)
    LEARN(6)
#endif
#if defined(GATE) || defined(SENDFIRST)
    :: STEP { known[ME] != disk[ME] -> disk[ME] = known[ME]; settle() }
#endif
#ifdef GATE
    :: STEP { (disk[ME] & ~cast[ME]) != 0 -> cast[ME] = cast[ME] | disk[ME]; audit(); settle() }
#endif
    :: STEP { ground[ME] != final[ME] -> keep(); settle() }
    :: STEP { MEMORY -> crash(); settle() }
    od
}
