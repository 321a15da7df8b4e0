/* cairn receipt list, receipt get, policy. */
#include "api/client/cmd.h"

#include "api/client/calls.h"
#include "api/client/files.h"
#include "api/client/receipt.h"

#include <stdio.h>

#define WAIT_S 20

int cmd_receipt_list(struct env *env, int argc, char **argv)
{
    static const char *const columns[] = { "id", "kind", "chain", "state", "at", NULL };
    struct problem p = { 0 };
    const char *member = NULL, *bounty = NULL, *none[1];
    const struct cmd_option options[] = { { .name = "--member", .text = &member },
                                          { .name = "--bounty", .text = &bounty } };
    json_t *items = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status == EXIT_DONE)
        status = env_turn(env, member, bounty);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_receipts(&env->client, &items, &p);
    return e == OK ? env_print_list(env, items, columns) : env_fail_call(env, e, &p);
}

/* Fetches one receipt and saves its files; appends a row about it. */
static enum err get_one(struct client *c, const struct id *id, unsigned wait_s, const char *folder,
                        json_t *rows, struct problem *p)
{
    char text[ID_TEXT_SIZE];
    json_t *reply = NULL;
    struct receipt r;
    id_text(id, text);
    enum err e = call_receipt(c, id, wait_s, &reply, p);
    if (e == OK)
        e = receipt_from_reply(reply, &r, p);
    json_decref(reply);
    if (e != OK)
        return e;
    e = receipt_save(&r, folder, text, p);
    json_t *row = json_pack("{s:s, s:s, s:b}", "id", text, "folder", folder, "private",
                            r.salt.len > 0 ? 1 : 0);
    receipt_release(&r);
    if (json_array_append_new(rows, row) != 0 && e == OK)
        e = problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    return e;
}

static enum err get_all(struct client *c, unsigned wait_s, const char *folder, json_t *rows,
                        struct problem *p)
{
    json_t *items = NULL;
    enum err e = call_receipts(c, &items, p);
    for (size_t i = 0; e == OK && i < json_array_size(items); i++) {
        struct id id;
        const struct field fields[] = { F_ID("id", &id) };
        e = reply_fields(json_array_get(items, i), fields, COUNT(fields), p);
        if (e == OK)
            e = get_one(c, &id, wait_s, folder, rows, p);
    }
    json_decref(items);
    return e;
}

int cmd_receipt_get(struct env *env, int argc, char **argv)
{
    static const char *const columns[] = { "id", "private", "folder", NULL };
    struct problem p = { 0 };
    const char *out = NULL, *wait_text = NULL, *member = NULL, *bounty = NULL, *rest[1] = { NULL };
    bool all = false;
    const struct cmd_option options[] = { { .name = "--out", .text = &out },
                                          { .name = "--wait", .text = &wait_text },
                                          { .name = "--member", .text = &member },
                                          { .name = "--bounty", .text = &bounty },
                                          { .name = "--all", .flag = &all } };
    char folder[HOME_FILE_MAX];
    int64_t wait_s = WAIT_S;
    struct id id = { 0 };
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 1);
    if (status == EXIT_DONE && all == (rest[0] != NULL))
        status = env_usage(env, "Name one entry, or give --all; see --help.");
    if (status == EXIT_DONE && !all)
        status = env_id(env, "The entry", rest[0], &id);
    if (status == EXIT_DONE && wait_text != NULL)
        status = env_int(env, "--wait", wait_text, 0, WAIT_S, &wait_s);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status == EXIT_DONE)
        status = env_turn(env, member, bounty);
    if (status != EXIT_DONE)
        return status;
    enum err e = home_file(&env->home, "receipts", "", true, folder, &p);
    if (e == OK && out != NULL) {
        e = folder_make(out, 0700, &p);
        (void)snprintf(folder, sizeof(folder), "%s", out);
    }
    if (e != OK)
        return env_fail_input(env, e, &p);
    json_t *rows = json_array();
    e = all ? get_all(&env->client, (unsigned)wait_s, folder, rows, &p)
            : get_one(&env->client, &id, (unsigned)wait_s, folder, rows, &p);
    if (e == OK)
        return env_print_list(env, rows, columns);
    json_decref(rows);
    return env_fail_call(env, e, &p);
}

int cmd_policy(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *out = NULL, *none[1];
    const struct cmd_option options[] = { { .name = "--out", .text = &out } };
    struct buf text;
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SERVER);
    if (status != EXIT_DONE)
        return status;
    struct client anyone = { .http = env->http };
    buf_init(&text, POLICY_MAX);
    enum err e = call_policy(&anyone, &text, &p);
    if (e != OK) {
        status = env_fail_call(env, e, &p);
    } else if (out == NULL) {
        status = fputs(buf_str(&text), stdout) >= 0 && fflush(stdout) == 0 ? EXIT_DONE : EXIT_INPUT;
    } else if ((e = file_write(out, text.data, text.len, 0644, false, &p)) != OK) {
        status = env_fail_input(env, e, &p);
    }
    buf_release(&text);
    return status;
}
