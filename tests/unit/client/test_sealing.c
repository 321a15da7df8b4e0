/* From the patient's client to the reviewer's: what is sealed opens for whom it was sealed, and for
 * nobody else, and nothing of it can be exchanged on the way. */
#include "api/client/sealing.h"
#include "server/base/text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TODAY 20000

static char system_loinc[] = "http://loinc.org", code_bili[] = "1975-2", unit_mg[] = "mg/dL";

struct world {
    struct timeline t;
    struct id record, submission;
    struct sign_key owner;
    struct box_key reviewer, stranger;
    struct sealed sealed;
    json_t *grants, *wraps;
    struct opening opening;
};

static void fill(struct timeline *t)
{
    timeline_init(t);
    t->disease = strdup("MONDO:0005388");
    for (int i = 0; i < 40; i++) {
        struct observation o = { .date = 10000 + 31 * i,
                                 .system = system_loinc,
                                 .code = code_bili,
                                 .unit = unit_mg,
                                 .value = 10 + i,
                                 .scale = 1 };
        assert_int_equal(timeline_add(t, &o), OK);
    }
    (void)timeline_normalise(t);
}

static json_t *seats_for(const struct box_key *who)
{
    return json_pack("[{s:i, s:o, s:s}]", "seat", 2, "grantee",
                     json_of_bytes(who->public, BOX_PUBLIC_BYTES), "institution", "x");
}

static void open_world(struct world *w)
{
    uint8_t root[ROOT_BYTES] = { 7 }, other[ROOT_BYTES] = { 8 };
    struct problem p = { 0 };
    memset(w, 0, sizeof(*w));
    fill(&w->t);
    w->record = new_id();
    w->submission = new_id();
    keys_identity(root, &w->owner);
    keys_receive(root, &w->reviewer);
    keys_receive(other, &w->stranger);
    assert_int_equal(
        seal_timeline(&w->t, NULL, TODAY, &w->record, 1, w->owner.public, &w->sealed, &p), OK);
    json_t *seats = seats_for(&w->reviewer);
    assert_int_equal(seal_grants(&w->submission, seats, &w->sealed.manifest, w->sealed.dek,
                                 TODAY * 86400 * USEC_PER_SEC, &w->grants, &w->wraps, &p),
                     OK);
    json_decref(seats);
    struct opening *o = &w->opening;
    o->key = &w->reviewer;
    o->subject = (struct vault_subject){ .record = w->record, .version = 1 };
    vault_schema_hash(TIMELINE_SCHEMA, o->subject.schema_hash);
    memcpy(o->subject.owner, w->owner.public, SIGN_PUBLIC_BYTES);
    o->manifest = w->sealed.manifest;
    assert_int_equal(grant_hash(json_array_get(w->grants, 0), o->context_hash), OK);
    const char *wrap = json_string_value(json_object_get(json_array_get(w->wraps, 0), "wrap"));
    assert_true(base64_decode(wrap, strlen(wrap), o->wrap, WRAP_BYTES));
}

static void close_world(struct world *w)
{
    timeline_release(&w->t);
    sealed_release(&w->sealed);
    json_decref(w->grants);
    json_decref(w->wraps);
}

static enum err try_open(const struct world *w)
{
    struct timeline t;
    struct problem p = { 0 };
    enum err e = open_timeline(&w->opening, &w->sealed.envelope, &t, &p);
    if (e == OK) {
        assert_int_equal(t.n, w->t.n);
        assert_int_equal(t.observations[39].value, w->t.observations[39].value);
        timeline_release(&t);
    } else {
        assert_true(p.detail[0] != '\0');
    }
    return e;
}

static void opens_for_the_reviewer(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    assert_int_equal(try_open(&w), OK);
    const json_t *grant = json_array_get(w.grants, 0);
    assert_int_equal(json_integer_value(json_object_get(grant, "seat")), 2);
    assert_string_equal(json_string_value(json_object_get(grant, "purpose")), "review");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(w.wraps, 0), "seat")), 2);
    w.opening.key = &w.stranger;
    assert_int_equal(try_open(&w), ERR_CRYPTO);
    close_world(&w);
}

/* Each thing that was signed is compared: change one and the slice stays shut. */
static void nothing_can_be_exchanged(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    uint8_t *const places[] = {
        w.opening.wrap,
        w.opening.wrap + WRAP_BYTES - 1,
        w.opening.context_hash,
        w.opening.subject.record.bytes,
        w.opening.subject.owner,
        w.opening.subject.schema_hash,
        w.opening.manifest.ciphertext_hash,
        w.opening.manifest.key_commitment,
        w.opening.manifest.content_commitment,
        w.sealed.envelope.data,
        w.sealed.envelope.data + VAULT_AAD_BYTES,
        w.sealed.envelope.data + w.sealed.envelope.len - 1,
    };
    for (size_t i = 0; i < COUNT(places); i++) {
        *places[i] ^= 1;
        assert_int_equal(try_open(&w), ERR_CRYPTO);
        *places[i] ^= 1;
    }
    w.opening.manifest.size++;
    assert_int_equal(try_open(&w), ERR_CRYPTO);
    w.opening.manifest.size--;
    w.opening.subject.version++;
    assert_int_equal(try_open(&w), ERR_CRYPTO);
    w.opening.subject.version--;
    assert_int_equal(try_open(&w), OK);
    /* The same change with an honest hash over it: the inner checks must catch it by themselves. */
    w.sealed.envelope.data[w.sealed.envelope.len - 1] ^= 1;
    blake2b_256(w.sealed.envelope.data, w.sealed.envelope.len, NULL, 0,
                w.opening.manifest.ciphertext_hash);
    assert_int_equal(try_open(&w), ERR_CRYPTO);
    close_world(&w);
}

static void owners_open_their_own(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    assert_int_equal(seal_owner_wrap(&w.sealed, &w.stranger, w.opening.wrap), OK);
    assert_int_equal(owner_context(&w.sealed.envelope, w.opening.context_hash), OK);
    uint8_t head[HASH_BYTES]; /* as docs/vault.md says, for others open these too */
    sha256(w.sealed.envelope.data, 92, head);
    assert_memory_equal(head, w.opening.context_hash, HASH_BYTES);
    assert_int_equal(try_open(&w), ERR_CRYPTO);
    w.opening.key = &w.stranger;
    assert_int_equal(try_open(&w), OK);
    close_world(&w);
}

static void manifests_round_trip(void **state)
{
    (void)state;
    struct world w;
    struct vault_manifest back;
    struct problem p = { 0 };
    open_world(&w);
    json_t *v = json_deep_copy(w.sealed.manifest_json);
    assert_int_equal(sealed_manifest_read(v, "/manifest", &back, &p), OK);
    assert_memory_equal(&back, &w.sealed.manifest, sizeof(back));
    assert_int_equal(json_object_set_new(v, "suite", json_integer(2)), 0);
    assert_int_equal(sealed_manifest_read(v, "/manifest", &back, &p), ERR_FIELD_RANGE);
    assert_string_equal(p.pointer, "/manifest/suite");
    json_decref(v);
    const json_t *c = w.sealed.certificate_json;
    assert_int_equal(json_integer_value(json_object_get(c, "errors")), 0);
    assert_true(json_equal(json_object_get(c, "content_commitment"),
                           json_object_get(w.sealed.manifest_json, "content_commitment")));
    close_world(&w);
}

/* A series with errors is not sealed at all. */
static void errors_hold_it_back(void **state)
{
    (void)state;
    struct timeline t;
    struct sealed s;
    struct problem p = { 0 };
    const struct id record = new_id();
    const uint8_t owner[SIGN_PUBLIC_BYTES] = { 0 };
    fill(&t);
    assert_int_equal(seal_timeline(&t, NULL, 10000, &record, 1, owner, &s, &p), ERR_CERTIFICATE);
    timeline_release(&t); /* its dates lie in the future of day 10000 */
}

static void unusable_keys_are_refused(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    const struct box_key zero = { { 0 }, { 0 } };
    json_t *seats = seats_for(&zero), *grants = NULL, *wraps = NULL;
    open_world(&w);
    assert_int_equal(
        seal_grants(&w.submission, seats, &w.sealed.manifest, w.sealed.dek, 0, &grants, &wraps, &p),
        ERR_CRYPTO);
    assert_null(grants);
    json_decref(seats);
    close_world(&w);
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_for_the_reviewer), cmocka_unit_test(nothing_can_be_exchanged),
        cmocka_unit_test(owners_open_their_own),  cmocka_unit_test(manifests_round_trip),
        cmocka_unit_test(errors_hold_it_back),    cmocka_unit_test(unusable_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
