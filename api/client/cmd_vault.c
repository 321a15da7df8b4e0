/* cairn vault put, list, get. */
#include "api/client/cmd.h"

#include "api/client/files.h"
#include "api/client/sealing.h"

#include <stdio.h>
#include <unistd.h>

/* The number behind the last version of the record; 1 for a new one. */
static enum err next_number(struct client *c, const struct id *record, int64_t *ret,
                            struct problem *p)
{
    json_t *items = NULL;
    int64_t last = 0;
    enum err e = call_records(c, &items, p);
    for (size_t i = 0; e == OK && i < json_array_size(items); i++) {
        struct id id;
        int64_t number;
        const struct field fields[] = { F_ID("record", &id),
                                        F_INT("number", &number, 1, UINT32_MAX - 1) };
        e = reply_fields(json_array_get(items, i), fields, COUNT(fields), p);
        if (e == OK && id_equal(&id, record) && number > last)
            last = number;
    }
    json_decref(items);
    if (e == OK)
        *ret = last + 1;
    return e;
}

static enum err put(struct client *c, const struct timeline *t, const struct id *record,
                    int64_t number, json_t **ret, struct problem *p)
{
    struct record_version v = { .record = *record, .number = number, .disease = t->disease };
    struct sealed s;
    int32_t today = (int32_t)(clock_now() / USEC_PER_SEC / 86400);
    enum err e = seal_timeline(t, NULL, today, record, (uint32_t)number, c->identity.public, &s, p);
    if (e != OK)
        return e;
    v.manifest = s.manifest_json;
    v.certificate = s.certificate_json;
    if (seal_owner_wrap(&s, &c->receive, v.owner_wrap) != OK)
        e = problem_set(p, ERR_CRYPTO, "", "%s", err_text(ERR_CRYPTO));
    if (e == OK)
        e = call_record_create(c, &v, ret, p);
    if (e == OK)
        e = call_record_put(c, record, number, &s.envelope, p);
    sealed_release(&s);
    return e;
}

int cmd_vault_put(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *record_text = NULL, *rest[1] = { NULL };
    const struct cmd_option options[] = { { .name = "--record", .text = &record_text } };
    struct id record = new_id();
    struct timeline t;
    json_t *reply = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 1);
    if (status == EXIT_DONE && rest[0] == NULL)
        status = env_usage(env, "The timeline's file is missing; see --help.");
    if (status == EXIT_DONE && record_text != NULL)
        status = env_id(env, "--record", record_text, &record);
    if (status != EXIT_DONE)
        return status;
    enum err e = timeline_load(rest[0], &t, &p);
    if (e != OK)
        return env_fail_input(env, e, &p);
    status = env_open(env, NEED_SIGN_IN);
    if (status == EXIT_DONE) {
        int64_t number = 1;
        e = record_text != NULL ? next_number(&env->client, &record, &number, &p) : OK;
        if (e == OK)
            e = put(&env->client, &t, &record, number, &reply, &p);
        if (e == OK && json_object_set_new(reply, "state", json_string("stored")) != 0)
            e = problem_set(&p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
        if (e == OK) {
            status = env_print(env, reply); /* as it is now that the content is there */
        } else {
            json_decref(reply);
            status = env_fail_call(env, e, &p);
        }
    }
    timeline_release(&t);
    return status;
}

int cmd_vault_list(struct env *env, int argc, char **argv)
{
    static const char *const columns[] = { "record", "number", "disease", "size",
                                           "state",  "at",     "entry",   NULL };
    struct problem p = { 0 };
    const char *none[1];
    json_t *items = NULL;
    int status = env_options(env, argc, argv, NULL, 0, none, 0);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_records(&env->client, &items, &p);
    return e == OK ? env_print_list(env, items, columns) : env_fail_call(env, e, &p);
}

static enum err get(struct client *c, const struct id *record, int64_t number, struct timeline *ret,
                    struct problem *p)
{
    struct opening o = { .key = &c->receive };
    json_t *reply = NULL, *manifest;
    struct buf envelope;
    const struct field fields[] = { F_OBJECT("manifest", &manifest),
                                    F_BYTES("owner_wrap", o.wrap, WRAP_BYTES) };
    buf_init(&envelope, VAULT_ENVELOPE_MAX);
    o.subject = (struct vault_subject){ .record = *record, .version = (uint32_t)number };
    vault_schema_hash(TIMELINE_SCHEMA, o.subject.schema_hash);
    memcpy(o.subject.owner, c->identity.public, SIGN_PUBLIC_BYTES);
    enum err e = call_record(c, record, number, &reply, p);
    if (e == OK)
        e = reply_fields(reply, fields, COUNT(fields), p);
    if (e == OK)
        e = sealed_manifest_read(manifest, "/manifest", &o.manifest, p);
    if (e == OK)
        e = call_record_content(c, record, number, &envelope, p);
    if (e == OK && owner_context(&envelope, o.context_hash) != OK)
        e = problem_set(p, ERR_CRYPTO, "", "The content is no vault envelope.");
    if (e == OK)
        e = open_timeline(&o, &envelope, ret, p);
    json_decref(reply);
    buf_release(&envelope);
    return e;
}

/* To a file, or with "-" to standard output. */
static int write_timeline(struct env *env, const struct timeline *t, const char *path)
{
    struct problem p = { 0 };
    struct buf b;
    buf_init(&b, TIMELINE_BYTES_MAX);
    enum err e = timeline_print(t, &b);
    if (e == OK && strcmp(path, "-") == 0)
        e = fwrite(b.data, 1, b.len, stdout) == b.len && fflush(stdout) == 0 ? OK : ERR_IO;
    else if (e == OK)
        e = file_write(path, b.data, b.len, 0600, false, &p);
    buf_release_secret(&b);
    return e == OK ? EXIT_DONE : env_fail_input(env, e, &p);
}

int cmd_vault_get(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *number_text = NULL, *out = NULL, *rest[1] = { NULL };
    const struct cmd_option options[] = {
        { .name = "--number", .text = &number_text },
        { .name = "--out", .text = &out, .required = true },
    };
    struct id record;
    struct timeline t;
    int64_t number = 0;
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 1);
    if (status == EXIT_DONE)
        status = env_id(env, "The record", rest[0], &record);
    if (status == EXIT_DONE && number_text != NULL)
        status = env_int(env, "--number", number_text, 1, UINT32_MAX, &number);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE)
        return status;
    enum err e = OK;
    if (number == 0) { /* the newest */
        e = next_number(&env->client, &record, &number, &p);
        number--;
        if (e == OK && number == 0)
            e = problem_set(&p, ERR_NOT_FOUND, "", "%s", err_text(ERR_NOT_FOUND));
    }
    if (e == OK)
        e = get(&env->client, &record, number, &t, &p);
    if (e != OK)
        return env_fail_call(env, e, &p);
    status = write_timeline(env, &t, out);
    timeline_release(&t);
    return status;
}
