/* cairn verify: offline, trusting the policy file and nothing else. */
#include "api/client/cmd.h"

#include "api/client/files.h"
#include "api/client/receipt.h"
#include "server/crypto/hash.h"

#include <dirent.h>
#include <stdio.h>

static json_t *facts_json(const struct receipt_facts *f)
{
    return json_pack("{s:o, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:o}", "id", json_of_id(&f->id),
                     "kind", f->kind, "origin", f->origin, "index", (json_int_t)f->index, "size",
                     (json_int_t)f->size, "member", (json_int_t)f->member, "sequence",
                     (json_int_t)f->sequence, "public", f->is_public ? 1 : 0, "time",
                     json_of_time(f->time));
}

/* "ID.tlog-proof" -> "ID" */
static bool receipt_name(const char *file, char ret[ID_TEXT_SIZE], struct id *ret_id)
{
    static const char suffix[] = ".tlog-proof";
    size_t n = strlen(file);
    if (n != ID_TEXT_SIZE - 1 + sizeof(suffix) - 1 || strcmp(file + ID_TEXT_SIZE - 1, suffix) != 0)
        return false;
    memcpy(ret, file, ID_TEXT_SIZE - 1);
    ret[ID_TEXT_SIZE - 1] = '\0';
    return id_parse(ret, ret_id);
}

static int verify_folder(struct env *env, const struct policy *policy, const char *folder)
{
    struct problem p = { 0 };
    DIR *dir = opendir(folder);
    json_int_t verified = 0, failed = 0;
    if (dir == NULL) {
        (void)problem_set(&p, ERR_IO, "", "Cannot open the folder %.150s.", folder);
        return env_fail(env, EXIT_INPUT, &p);
    }
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        char name[ID_TEXT_SIZE];
        struct id id;
        struct receipt r;
        struct receipt_facts facts;
        struct problem why = { 0 };
        if (!receipt_name(d->d_name, name, &id))
            continue;
        enum err e = receipt_load(folder, name, &r, &why);
        if (e == OK) {
            e = receipt_verify(policy, &r, &id, &facts, &why);
            receipt_release(&r);
        }
        if (e == OK) {
            verified++;
            continue;
        }
        failed++;
        (void)fprintf(stderr, "cairn: %s: %s\n", name, why.detail);
    }
    (void)closedir(dir);
    if (verified + failed == 0) {
        (void)problem_set(&p, ERR_IO, "", "There are no receipts (ID.tlog-proof) in %.150s.",
                          folder);
        return env_fail(env, EXIT_INPUT, &p);
    }
    int status = env_print(env, json_pack("{s:I, s:I}", "verified", verified, "failed", failed));
    return status != EXIT_DONE ? status : failed > 0 ? EXIT_REFUSED : EXIT_DONE;
}

struct files {
    const char *proof, *leaf, *statement, *salt;
};

static int verify_files(struct env *env, const struct policy *policy, const struct files *f)
{
    struct problem p = { 0 };
    struct receipt r;
    struct receipt_facts facts;
    receipt_init(&r);
    enum err e = file_read(f->proof, &r.proof, &p);
    if (e == OK)
        e = file_read(f->leaf, &r.leaf, &p);
    if (e == OK)
        e = file_read(f->statement, &r.statement, &p);
    if (e == OK && f->salt != NULL)
        e = file_read(f->salt, &r.salt, &p);
    int status;
    if (e != OK) {
        status = env_fail_input(env, e, &p);
    } else if ((e = receipt_verify(policy, &r, NULL, &facts, &p)) != OK) {
        p.code = e;
        status = env_fail(env, EXIT_REFUSED, &p);
    } else {
        status = env_print(env, facts_json(&facts));
    }
    receipt_release(&r);
    return status;
}

int cmd_verify(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    struct files f = { 0 };
    const char *policy_path = NULL, *folder = NULL, *none[1];
    const struct cmd_option options[] = {
        { .name = "--policy", .text = &policy_path, .required = true },
        { .name = "--dir", .text = &folder },
        { .name = "--proof", .text = &f.proof },
        { .name = "--leaf", .text = &f.leaf },
        { .name = "--statement", .text = &f.statement },
        { .name = "--salt", .text = &f.salt },
    };
    struct policy *policy = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    bool three = f.proof != NULL && f.leaf != NULL && f.statement != NULL;
    bool some = f.proof != NULL || f.leaf != NULL || f.statement != NULL || f.salt != NULL;
    if (status == EXIT_DONE && (folder != NULL ? some : !three))
        status =
            env_usage(env, "Give --dir, or --proof, --leaf, --statement and, for a private entry, "
                           "--salt; see --help.");
    if (status != EXIT_DONE)
        return status;
    enum err e = policy_load(policy_path, &policy, &p);
    if (e != OK)
        return env_fail_input(env, e, &p);
    status = folder != NULL ? verify_folder(env, policy, folder) : verify_files(env, policy, &f);
    policy_free(policy);
    return status;
}
