/* cairn forensics: who made two views final that contradict each other. Offline; believes nothing
 * but the list of validators that both files bring. */
#include "api/client/cmd.h"

#include "api/client/files.h"
#include "server/base/text.h"
#include "server/ledger/wire/guilt.h"
#include "server/ledger/wire/view_file.h"

#include <inttypes.h>
#include <stdio.h>

struct fault_text {
    const char *name, *sentence;
};

static struct fault_text fault_text(uint8_t how)
{
    switch (how) {
    case CORE_FAULT_NN:
        return (struct fault_text){ "NN", "They notarized two blocks." };
    case CORE_FAULT_FF:
        return (struct fault_text){ "FF", "They finalized two blocks." };
    case CORE_FAULT_SF:
        return (struct fault_text){ "SF", "They skipped the view, and finalized a block of it." };
    case CORE_FAULT_NF:
        return (struct fault_text){ "NF", "They notarized one block, and finalized another." };
    default:
        return (struct fault_text){ "unjustified",
                                    "They signed for a block without a valid justification." };
    }
}

static const char *kind_name(uint8_t kind)
{
    return kind == CORE_N ? "notarize" : kind == CORE_S ? "skip" : "finalize";
}

/* ---- what one member signed ---- */
static json_t *vote_json(const struct wire_cert *c, uint16_t index)
{
    char id[HEX_SIZE(HASH_BYTES)], signature[HEX_SIZE(SIGN_BYTES)];
    hex_encode(c->id.bytes, HASH_BYTES, id);
    hex_encode(forensics_signature(c, index), SIGN_BYTES, signature);
    return json_pack("{s:s, s:I, s:s?, s:s}", "kind", kind_name(c->kind), "view",
                     (json_int_t)c->view, "id", c->kind == CORE_S ? NULL : id, "signature",
                     signature);
}

static json_t *votes_json(const struct forensic_proof *proof, uint16_t index)
{
    json_t *votes = json_array();
    bool good = votes != NULL && json_array_append_new(votes, vote_json(&proof->first, index)) == 0;
    if (good && proof->finding.how != 0)
        good = json_array_append_new(votes, vote_json(&proof->second, index)) == 0;
    if (good)
        return votes;
    json_decref(votes);
    return NULL;
}

/* The record that any server's account chain takes; JSON null where there is none. */
static json_t *evidence_json(const struct forensic_proof *proof, uint16_t index)
{
    struct buf record;
    char text[BASE64_SIZE(EVIDENCE_MAX)];
    buf_init(&record, EVIDENCE_MAX);
    json_t *v = json_null();
    if (forensics_evidence(proof, index, &record) == OK) {
        base64_encode(record.data, record.len, text);
        v = json_string(text);
    }
    buf_release(&record);
    return v;
}

static json_t *guilty_json(const struct wire_scope *s, const struct forensic_proof *proof)
{
    json_t *list = json_array();
    for (uint16_t i = 0; i < s->n && list != NULL; i++) {
        char key[BASE64_SIZE(SIGN_PUBLIC_BYTES)];
        if (!forensics_names(&proof->finding, i))
            continue;
        base64_encode(s->vote_key[i], SIGN_PUBLIC_BYTES, key);
        json_t *one = json_pack("{s:i, s:s, s:o, s:o}", "member", s->member[i], "vote_key", key,
                                "votes", votes_json(proof, i), "evidence", evidence_json(proof, i));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *finding_json(const struct wire_scope *s, const struct forensic_proof *proof)
{
    char genesis[HEX_SIZE(HASH_BYTES)];
    hex_encode(s->genesis, HASH_BYTES, genesis);
    return json_pack("{s:s, s:s, s:I, s:I, s:s, s:i, s:i, s:o}", "genesis", genesis, "chain",
                     chain_name(s->chain), "epoch", (json_int_t)s->epoch, "view",
                     (json_int_t)proof->finding.view, "fault", fault_text(proof->finding.how).name,
                     "members", s->n, "tolerated", core_faults(s->n), "guilty",
                     guilty_json(s, proof));
}

/* ---- for people ---- */
static void print_vote(const struct wire_cert *c, uint16_t index)
{
    char id[HEX_SIZE(HASH_BYTES)], signature[HEX_SIZE(SIGN_BYTES)];
    hex_encode(c->id.bytes, HASH_BYTES, id);
    hex_encode(forensics_signature(c, index), SIGN_BYTES, signature);
    (void)printf("  %-8s  %s\n    signature %s\n", kind_name(c->kind),
                 c->kind == CORE_S ? "(no block)" : id, signature);
}

static int print_finding(const struct wire_scope *s, const struct forensic_proof *proof)
{
    const struct forensic_finding *f = &proof->finding;
    (void)printf("The two contradict each other in view %" PRIu64 " of the %s chain, epoch %" PRIu32
                 ".\n%s\nOf %u members, %u may be faulty.\n",
                 f->view, chain_name(s->chain), s->epoch, fault_text(f->how).sentence, s->n,
                 core_faults(s->n));
    for (uint16_t i = 0; i < s->n; i++) {
        if (!forensics_names(f, i))
            continue;
        char key[BASE64_SIZE(SIGN_PUBLIC_BYTES)];
        base64_encode(s->vote_key[i], SIGN_PUBLIC_BYTES, key);
        (void)printf("\nmember %u, vote key %s\n", s->member[i], key);
        print_vote(&proof->first, i);
        if (f->how != 0)
            print_vote(&proof->second, i);
    }
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_INPUT;
}

/* ---- the command ---- */
static enum err load(const char *path, struct view_file *ret, struct problem *p)
{
    struct buf text;
    struct problem why = { 0 };
    buf_init(&text, VIEW_FILE_MAX);
    enum err e = file_read(path, &text, p);
    if (e == OK && (e = view_file_parse(buf_str(&text), text.len, ret, &why)) != OK)
        (void)problem_set(p, e, "", "%.100s is no view: %.120s", path, why.detail);
    buf_release(&text);
    return e;
}

static bool same_scope(const struct wire_scope *a, const struct wire_scope *b)
{
    return memcmp(a->genesis, b->genesis, HASH_BYTES) == 0 && a->chain == b->chain &&
           a->epoch == b->epoch && a->n == b->n &&
           memcmp(a->member, b->member, sizeof(a->member)) == 0 &&
           memcmp(a->vote_key, b->vote_key, sizeof(a->vote_key)) == 0;
}

static int compare(struct env *env, const struct view_file *a, const struct view_file *b)
{
    struct forensic_proof proof;
    struct problem p = { 0 };
    if (!same_scope(&a->scope, &b->scope)) {
        (void)problem_set(&p, ERR_FIELD_RANGE, "",
                          "The two are not of the same chain, epoch and validators.");
        return env_fail(env, EXIT_INPUT, &p);
    }
    enum err e = forensics_prove(&a->scope, &a->view, &b->view, &proof);
    if (e == OK && env->json)
        return env_print(env, finding_json(&a->scope, &proof));
    if (e == OK)
        return print_finding(&a->scope, &proof);
    (void)problem_set(&p, e, "", "%s",
                      e == ERR_FIELD_RANGE
                          ? "The two do not contradict each other: one goes on from the other, or "
                            "begins above it."
                          : "One of the two does not verify by itself: it accuses nobody.");
    return env_fail(env, EXIT_REFUSED, &p);
}

int cmd_forensics(struct env *env, int argc, char **argv)
{
    const char *paths[2] = { NULL, NULL };
    struct problem p = { 0 };
    struct view_file a, b;
    int status = env_options(env, argc, argv, NULL, 0, paths, 2);
    if (status != EXIT_DONE)
        return status;
    if (paths[1] == NULL)
        return env_usage(env, "Give two files; see --help.");
    enum err e = load(paths[0], &a, &p);
    if (e != OK)
        return env_fail_input(env, e, &p);
    e = load(paths[1], &b, &p);
    if (e == OK) {
        status = compare(env, &a, &b);
        view_file_release(&b);
    } else {
        status = env_fail_input(env, e, &p);
    }
    view_file_release(&a);
    return status;
}
