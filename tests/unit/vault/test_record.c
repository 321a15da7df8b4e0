/* Records on the server: manifests that fit, versions in order, and uploads that are what was
 * signed. */
#include "server/vault/record.h"
#include "server/vault/blobs.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

static struct world w;
static struct person op, ada, ben;

static struct vault_manifest sample(void)
{
    struct vault_manifest m = { .size = 421 };
    memset(m.ciphertext_hash, 1, HASH_BYTES);
    memset(m.key_commitment, 2, HASH_BYTES);
    memset(m.content_commitment, 3, HASH_BYTES);
    return m;
}

static json_t *certificate(void)
{
    struct vault_manifest m = sample();
    return json_pack("{s:s, s:i, s:i, s:o}", "checks", "cairn-checks/1", "errors", 0, "warnings", 2,
                     "content_commitment", json_b64(m.content_commitment, HASH_BYTES));
}

/* ---- manifest and certificate ------------------------------------------------------------------
 */

static void test_manifest(void **state)
{
    (void)state;
    struct vault_manifest m = sample(), got;
    json_t *manifest = manifest_json(&m), *cert = certificate();
    assert_int_equal(manifest_read(manifest, cert, "/statement", &got, NULL), OK);
    assert_int_equal(got.size, m.size);
    assert_memory_equal(got.ciphertext_hash, m.ciphertext_hash, HASH_BYTES);
    assert_memory_equal(got.key_commitment, m.key_commitment, HASH_BYTES);
    assert_memory_equal(got.content_commitment, m.content_commitment, HASH_BYTES);
    json_decref(manifest);
    json_decref(cert);
}

static void test_manifest_refusals(void **state)
{
    (void)state;
    static const struct {
        bool cert;
        const char *member, *value; /* JSON; NULL: the member is taken away */
        enum err want;
        const char *pointer;
    } cases[] = {
        { false, "suite", "2", ERR_FIELD_RANGE, "/statement/manifest/suite" },
        { false, "suite", "\"1\"", ERR_FIELD_TYPE, "/statement/manifest/suite" },
        { false, "schema", "\"cairn-timeline/2\"", ERR_FIELD_CODE, "/statement/manifest/schema" },
        { false, "size", "147", ERR_FIELD_RANGE, "/statement/manifest/size" },
        { false, "size", "10485761", ERR_FIELD_RANGE, "/statement/manifest/size" },
        { false, "size", NULL, ERR_FIELD_MISSING, "/statement/manifest/size" },
        { false, "more", "1", ERR_FIELD_UNKNOWN, "/statement/manifest/more" },
        { false, "key_commitment", "\"AQ==\"", ERR_FIELD_FORMAT,
          "/statement/manifest/key_commitment" },
        { false, "content_commitment", "\"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\"",
          ERR_CERTIFICATE, "/statement/certificate" },
        { true, "errors", "1", ERR_CERTIFICATE, "/statement/certificate" },
        { true, "errors", "-1", ERR_FIELD_RANGE, "/statement/certificate/errors" },
        { true, "checks", "\"cairn-checks/0\"", ERR_FIELD_CODE, "/statement/certificate/checks" },
        { true, "warnings", NULL, ERR_FIELD_MISSING, "/statement/certificate/warnings" },
        { true, "content_commitment", "\"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\"",
          ERR_CERTIFICATE, "/statement/certificate" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vault_manifest m = sample(), got = { .size = -5 };
        struct problem p = { 0 };
        json_t *manifest = manifest_json(&m), *cert = certificate();
        json_t *object = cases[i].cert ? cert : manifest;
        if (cases[i].value == NULL)
            (void)json_object_del(object, cases[i].member);
        else
            (void)json_object_set_new(object, cases[i].member,
                                      json_loads(cases[i].value, JSON_DECODE_ANY, NULL));
        assert_string_equal(err_code(manifest_read(manifest, cert, "/statement", &got, &p)),
                            err_code(cases[i].want));
        assert_string_equal(p.pointer, cases[i].pointer);
        assert_true(p.detail[0] != '\0');
        assert_int_equal(got.size, -5);
        json_decref(manifest);
        json_decref(cert);
    }
}

/* ---- versions ----------------------------------------------------------------------------------
 */

static enum err create(const struct person *p, const struct id *record, int64_t number,
                       const char *disease, const struct vault_manifest *m)
{
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    struct statement s;
    struct answer a = { 0 };
    ask_as(&w, p, arena, &act);
    say(&w, "record.version", &p->identity, 1, json_object(), &s);
    struct record_draft d = {
        .s = &s, .record = *record, .number = number, .disease = disease, .manifest = *m
    };
    memset(d.owner_wrap, 8, sizeof(d.owner_wrap));
    enum err e = record_create(&act, &d, &a);
    statement_release(&s);
    arena_free(arena);
    return e;
}

static int64_t entries(void)
{
    return world_number(&w, "SELECT count(*) FROM entry");
}

static void test_versions_in_order(void **state)
{
    (void)state;
    const char *pbc = "MONDO:0005388";
    struct vault_manifest m = sample();
    struct id record = fixture_id(1, 1), other = fixture_id(1, 2);
    assert_int_equal(create(&ada, &record, 1, pbc, &m), OK);
    int64_t before = entries();
    assert_int_equal(create(&ada, &record, 1, pbc, &m), ERR_VERSION_NUMBER);
    assert_int_equal(create(&ada, &record, 3, pbc, &m), ERR_VERSION_NUMBER);
    assert_int_equal(create(&ada, &other, 2, pbc, &m), ERR_NOT_FOUND);
    assert_int_equal(create(&ben, &record, 2, pbc, &m), ERR_NOT_FOUND); /* another's record */
    assert_int_equal(create(&ben, &record, 1, pbc, &m), ERR_NOT_FOUND);
    static const char *const diseases[] = { "MONDO:123456", "MONDO:00053880", "ORPHA:12345",
                                            "mondo:0005388", "MONDO:000538x" };
    for (size_t i = 0; i < COUNT(diseases); i++)
        assert_int_equal(create(&ada, &other, 1, diseases[i], &m), ERR_FIELD_FORMAT);
    assert_int_equal(entries(), before);
    assert_int_equal(create(&ada, &record, 2, pbc, &m), OK);
    assert_int_equal(create(&ben, &other, 1, pbc, &m), OK);
    assert_string_equal(world_check(&w), "");
    struct record_row row;
    assert_int_equal(store_record_get(w.db, &record, 2, &ada.account, &row), OK);
    assert_false(row.stored);
    assert_int_equal(row.manifest.size, m.size);
    assert_int_equal(store_record_get(w.db, &record, 2, &ben.account, &row), ERR_NOT_FOUND);
}

static void test_signed_by_its_owner(void **state)
{
    (void)state;
    struct person mask = ada;
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    struct statement s;
    struct answer a = { 0 };
    mask.identity = ben.identity;
    ask_as(&w, &ada, arena, &act);
    say(&w, "record.version", &mask.identity, 1, json_object(), &s);
    struct record_draft d = { .s = &s,
                              .record = fixture_id(1, 9),
                              .number = 1,
                              .disease = "MONDO:0005388",
                              .manifest = sample() };
    assert_int_equal(record_create(&act, &d, &a), ERR_STATEMENT_SIGNER);
    statement_release(&s);
    arena_free(arena);
}

/* ---- uploads -----------------------------------------------------------------------------------
 */

static void upload_of(const char *text, struct vault_manifest *m, struct upload *u)
{
    FILE *f = fopen("tmp/upload", "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    *u = (struct upload){ .file = "tmp/upload", .size = strlen(text) };
    blake2b_256(text, strlen(text), NULL, 0, u->hash);
    *m = sample();
    m->size = (int64_t)strlen(text);
    memcpy(m->ciphertext_hash, u->hash, HASH_BYTES);
}

static enum err upload(const struct person *p, const struct vault_manifest *m,
                       const struct upload *u)
{
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    ask_as(&w, p, arena, &act);
    enum err e = vault_store_upload(&act, m, u);
    arena_free(arena);
    return e;
}

static bool blob_there(const uint8_t hash[HASH_BYTES])
{
    char path[BLOB_PATH_MAX];
    bool in_database = false;
    blobs_path(w.app.blobs, hash, path);
    assert_int_equal(store_blob_exists(w.db, hash, &in_database), OK);
    assert_int_equal(in_database, access(path, F_OK) == 0); /* both or none */
    return in_database;
}

static void test_upload_must_match(void **state)
{
    (void)state;
    struct vault_manifest m, wrong;
    struct upload u;
    upload_of("some ciphertext", &m, &u);
    wrong = m;
    wrong.size++;
    assert_int_equal(upload(&ada, &wrong, &u), ERR_MANIFEST_MISMATCH);
    wrong = m;
    wrong.ciphertext_hash[31] ^= 1;
    assert_int_equal(upload(&ada, &wrong, &u), ERR_MANIFEST_MISMATCH);
    assert_false(blob_there(u.hash));
    assert_int_equal(access("tmp/upload", F_OK), 0); /* not taken */
    assert_int_equal(upload(&ada, &m, &u), OK);
    assert_true(blob_there(u.hash));
    upload_of("some ciphertext", &m, &u);
    assert_int_equal(upload(&ada, &m, &u), OK); /* twice is once */
    upload_of("some ciphertext", &m, &u);
    assert_int_equal(upload(&ben, &m, &u), OK); /* whoever holds the same bytes */
    assert_int_equal(world_number(&w, "SELECT count(*) FROM blob"), 1);
}

static void test_stored_shows(void **state)
{
    (void)state;
    struct vault_manifest m;
    struct upload u;
    struct record_row row;
    struct id record = fixture_id(1, 20);
    upload_of("other ciphertext", &m, &u);
    assert_int_equal(create(&ada, &record, 1, "MONDO:0005388", &m), OK);
    assert_int_equal(store_record_get(w.db, &record, 1, &ada.account, &row), OK);
    assert_false(row.stored);
    assert_int_equal(upload(&ada, &m, &u), OK);
    assert_int_equal(store_record_get(w.db, &record, 1, &ada.account, &row), OK);
    assert_true(row.stored);
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
    operator_join(&w, 1, &op);
    person_join(&w, &op, "patient", "clinic", 2, &ada);
    person_join(&w, &op, "patient", "clinic", 3, &ben);
    return 0;
}

static int down(void **state)
{
    (void)state;
    world_down(&w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest),          cmocka_unit_test(test_manifest_refusals),
        cmocka_unit_test(test_versions_in_order), cmocka_unit_test(test_signed_by_its_owner),
        cmocka_unit_test(test_upload_must_match), cmocka_unit_test(test_stored_shows),
    };
    return cmocka_run_group_tests_name("record", tests, up, down);
}
