/* The ledger thread among others: real journals, real transport, a database of memory. S1-3 to S1-7
 * of what this kind of ledger has to show, and the bad input of docs/ledger.md. */
#include "api/v1/handlers.h"
#include "server/base/log.h"
#include "server/ledger/wire/forensics.h"
#include "tests/lib/club.h"
#include "tests/unit/ledger/wire/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

const struct route api_routes[] = {
    { M_POST, PEERS_PATH, "postFrames", api_frames_post, WHO_PEER, BODY_FRAMES, WIRE_POST_MAX,
      10000, true, true, NULL },
};
const size_t api_routes_n = COUNT(api_routes);

static struct club club; /* large */

static void start_first(size_t n)
{
    for (size_t i = 0; i < n; i++)
        club_start(&club, i);
}

/* ---- good members ---------------------------------------------------------------------------- */

static void check_note(size_t i, enum chain chain)
{
    char policy[4096];
    struct policy *p = NULL;
    struct checkpoint point;
    struct buf text;
    buf_init(&text, sizeof(policy));
    struct note_key log;
    char origin[64];
    (void)snprintf(origin, sizeof(origin), "club.invalid/%s", chain_name(chain));
    assert_true(
        note_key_make(origin, NOTE_TYPE_ED25519, club.m[0].keys.log[chain - 1].public, &log));
    assert_int_equal(buf_add_str(&text, "log "), OK);
    assert_int_equal(note_key_print(&log, &text), OK);
    for (size_t k = 0; k < club.n; k++) {
        char name[64];
        struct note_key key;
        (void)snprintf(name, sizeof(name), "club.invalid/member-%zu", k + 1);
        assert_true(
            note_key_make(name, NOTE_TYPE_COSIGNATURE, club.m[k].keys.cosigner.public, &key));
        assert_int_equal(buf_addf(&text, "\nwitness m%zu ", k + 1), OK);
        assert_int_equal(note_key_print(&key, &text), OK);
    }
    assert_int_equal(buf_addf(&text, "\ngroup members %u m1 m2 m3 m4\nquorum members\n",
                              core_quorum((uint16_t)club.n)),
                     OK);
    assert_int_equal(policy_parse(buf_str(&text), text.len, &p, NULL), OK);
    (void)pthread_mutex_lock(&club.lock);
    assert_int_equal(
        policy_check(p, club.m[i].note[chain - 1], strlen(club.m[i].note[chain - 1]), &point), OK);
    assert_int_equal(point.size, club.m[i].noted[chain - 1]);
    (void)pthread_mutex_unlock(&club.lock);
    policy_free(p);
    buf_release(&text);
}

/* S1-3: every entry once, in the order of its member, the same blocks everywhere; both chains. */
static void orders_everything_once(void **state)
{
    (void)state;
    club_open(&club, 4);
    start_first(4);
    for (uint64_t round = 0; round < 10; round++)
        for (size_t i = 0; i < 4; i++) {
            club_offer(&club, i, CHAIN_TX, 1 + round * 25, 25);
            club_offer(&club, i, CHAIN_ACCOUNT, 1 + round * 2, 2);
        }
    for (size_t i = 0; i < 4; i++) {
        assert_true(club_wait_size(&club, i, CHAIN_TX, 1000));
        assert_true(club_wait_size(&club, i, CHAIN_ACCOUNT, 80));
        assert_true(club_wait_note(&club, i, CHAIN_TX, 1000));
        assert_true(club_wait_note(&club, i, CHAIN_ACCOUNT, 80));
        check_note(i, CHAIN_TX);
        check_note(i, CHAIN_ACCOUNT);
    }
    club_check(&club);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(club.m[i].evidences, 0);
    club_close(&club);
}

/* S1-4: one of four silent: the others go on. Two silent: nothing more is final, and nothing forks;
 * when one is back, all goes on, and who was away has everything. */
static void silence(void **state)
{
    (void)state;
    club_open(&club, 4);
    start_first(4);
    club_offer(&club, 0, CHAIN_TX, 1, 10);
    for (size_t i = 0; i < 4; i++)
        assert_true(club_wait_size(&club, i, CHAIN_TX, 10));
    club_stop(&club, 3);
    club_offer(&club, 1, CHAIN_TX, 1, 10);
    for (size_t i = 0; i < 3; i++)
        assert_true(club_wait_size(&club, i, CHAIN_TX, 20));
    club_stop(&club, 2);
    club_offer(&club, 1, CHAIN_TX, 11, 10);
    struct consensus_state s;
    uint64_t view = 0;
    consensus_state(club.m[0].consensus, &s);
    view = s.chain[1].view;
    assert_false(club_wait_size_for(&club, 0, CHAIN_TX, 30, 1500)); /* several timeouts long */
    assert_int_equal(club_size(&club, 0, CHAIN_TX), 20);
    consensus_state(club.m[0].consensus, &s);
    assert_true(s.chain[1].view <= view + 1); /* without a quorum no view ends */
    club_start(&club, 3);
    assert_true(club_wait_size(&club, 0, CHAIN_TX, 30));
    assert_true(club_wait_size(&club, 3, CHAIN_TX, 30));
    club_start(&club, 2);
    assert_true(club_wait_size(&club, 2, CHAIN_TX, 30));
    club_check(&club);
    club_close(&club);
}

/* S1-7: whoever is stopped in the middle of voting, whenever, signs nothing else afterwards: the
 * others would have evidence of it. */
static void restarts_in_the_middle(void **state)
{
    (void)state;
    uint64_t first[4] = { 1, 1, 1, 1 };
    club_open(&club, 4);
    start_first(4);
    for (size_t round = 0; round < 12; round++) {
        size_t who = round % 4;
        for (size_t i = 0; i < 4; i++) {
            club_offer(&club, i, CHAIN_TX, first[i], 5);
            first[i] += 5;
        }
        club_stop(&club, who);
        club_start(&club, who);
    }
    for (size_t i = 0; i < 4; i++)
        assert_true(club_wait_size(&club, i, CHAIN_TX, 240));
    club_check(&club);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(club.m[i].evidences, 0);
    club_close(&club);
}

/* ---- a faulty one ---------------------------------------------------------------------------- */

static void say(size_t from, uint16_t to, uint8_t type, const void *payload, size_t len)
{
    peers_send(club.m[from].end.app.peers, to, PEERS_VOTES, type, payload, len);
    peers_flush(club.m[from].end.app.peers);
}

static void say_vote(size_t from, const struct wire_vote *v, size_t flip)
{
    struct buf b;
    buf_init(&b, WIRE_VOTE_BYTES);
    assert_int_equal(wire_vote_print(v, &b), OK);
    if (flip > 0)
        b.data[flip] ^= 1;
    say(from, PEERS_TO_ALL, WIRE_VOTE, b.data, b.len);
    buf_release(&b);
}

static struct wire_vote vote_of(uint16_t signer, uint8_t kind, uint64_t view, uint64_t number)
{
    struct wire_vote v = { .kind = kind, .signer = signer, .view = view };
    if (kind != CORE_S)
        v.id = sample_id(number);
    wire_vote_sign(&club.scope[1], &club.m[signer].keys.vote, &v);
    return v;
}

/* S1-6: two votes of one member for one view are a record that anybody can verify. */
static void double_votes_are_evidence(void **state)
{
    (void)state;
    uint16_t signer = 0;
    uint8_t fault = 0;
    club_open(&club, 4);
    start_first(3); /* the fourth's keys are ours */
    struct wire_vote a = vote_of(3, CORE_N, 5, 1), b = vote_of(3, CORE_N, 5, 2);
    say_vote(3, &a, 0);
    say_vote(3, &b, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_true(club_wait_evidence(&club, i));
        assert_int_equal(evidence_verify(&club.scope[1], club.m[i].evidence, club.m[i].evidence_len,
                                         &signer, &fault),
                         OK);
        assert_int_equal(signer, 4);
        assert_int_equal(fault, CORE_FAULT_NN);
    }
    club_offer(&club, 0, CHAIN_TX, 1, 7); /* and the others go on */
    for (size_t i = 0; i < 3; i++)
        assert_true(club_wait_size(&club, i, CHAIN_TX, 7));
    club_close(&club);
}

static void say_cert(size_t from, const struct wire_cert *w)
{
    struct buf b;
    buf_init(&b, WIRE_FRAME_MAX);
    assert_int_equal(wire_cert_print(w, &b), OK);
    say(from, PEERS_TO_ALL, WIRE_CERT, b.data, b.len);
    buf_release(&b);
}

static struct wire_cert skip_cert(uint64_t view, uint16_t count)
{
    struct sample s = { .scope = club.scope[1] };
    for (size_t i = 0; i < 4; i++)
        s.key[i] = club.m[i].keys.vote;
    return sample_cert_by(&s, CORE_S, view, NULL, 0, count);
}

static uint64_t refused_by(size_t i)
{
    struct consensus_state s;
    consensus_state(club.m[i].consensus, &s);
    return s.refused_frames;
}

static void wait_refused(size_t i, uint64_t n)
{
    usec_t until = clock_monotonic() + 20 * USEC_PER_SEC;
    while (refused_by(i) < n && clock_monotonic() < until)
        (void)poll(NULL, 0, 1); /* nothing signals a counter */
    assert_int_equal(refused_by(i), n);
}

/* Each of these is refused and counted, and none moves a view or stops the others. */
static void bad_frames(void **state)
{
    (void)state;
    club_open(&club, 4);
    start_first(3);
    uint64_t sent = 0;
    struct wire_vote v = vote_of(3, CORE_S, 1, 0), other = v;
    say_vote(3, &v, WIRE_VOTE_BYTES - 70); /* another view than was signed */
    say_vote(3, &v, WIRE_VOTE_BYTES - 1);  /* a signature of nobody */
    other.signer = 2;
    say_vote(3, &other, 0); /* in somebody else's name */
    other = v;
    sample_malleate(other.signature);
    say_vote(3, &other, 0);
    sent += 4;
    struct wire_cert w = skip_cert(1, 2); /* 2f votes */
    say_cert(3, &w);
    w = skip_cert(1, 3);
    w.signature[1][3] ^= 1;
    say_cert(3, &w);
    w = skip_cert(1, 3);
    memcpy(w.signature[2], w.signature[1], SIGN_BYTES); /* a signer twice, under two bits */
    say_cert(3, &w);
    w = skip_cert(1, 3);
    w.signers.bits[0] = (w.signers.bits[0] & ~UINT64_C(4)) | UINT64_C(1) << 40; /* beyond n */
    say_cert(3, &w);
    sent += 4;
    uint8_t junk[300];
    for (uint8_t type = WIRE_VOTE; type <= WIRE_FINAL; type++) {
        memset(junk, type, sizeof(junk));
        say(3, PEERS_TO_ALL, type, junk, sizeof(junk));
        sent++;
    }
    /* Well signed, of no use: another epoch, a view far ahead. Dropped, not counted as broken. */
    v = vote_of(3, CORE_S, 1 + 10 * CORE_WINDOW, 0);
    say_vote(3, &v, 0);
    for (size_t i = 0; i < 3; i++)
        wait_refused(i, sent - (i == 2)); /* of its own votes a member knows from its log */
    club_offer(&club, 2, CHAIN_TX, 1, 9);
    for (size_t i = 0; i < 3; i++)
        assert_true(club_wait_size(&club, i, CHAIN_TX, 9));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(club.m[i].evidences, 0);
    club_check(&club);
    club_close(&club);
}

int main(void)
{
    crypto_setup();
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_everything_once),
        cmocka_unit_test(silence),
        cmocka_unit_test(restarts_in_the_middle),
        cmocka_unit_test(double_votes_are_evidence),
        cmocka_unit_test(bad_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
