/* cairn keygen, register, whoami, attest. */
#include "api/client/cmd.h"

#include "api/client/calls.h"
#include "server/crypto/hash.h"

/* What a key is known by; the keys come out in the forms that others ask for. */
static json_t *card(const struct client *c)
{
    return json_pack("{s:o, s:o, s:o}", "account", json_of_id(&c->account), "identity_key",
                     json_of_bytes(c->identity.public, SIGN_PUBLIC_BYTES), "receive_key",
                     json_of_bytes(c->receive.public, BOX_PUBLIC_BYTES));
}

int cmd_keygen(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *none[1];
    uint8_t root[ROOT_BYTES];
    int status = env_options(env, argc, argv, NULL, 0, none, 0);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_HOME);
    if (status != EXIT_DONE)
        return status;
    random_bytes(root, sizeof(root));
    enum err e = home_root_create(&env->home, root, &p);
    if (e == OK) {
        client_init(&env->client, NULL, root);
        status = env_print(env, card(&env->client));
        client_release(&env->client);
    } else {
        status =
            e == ERR_ACCOUNT_EXISTS ? env_fail(env, EXIT_REFUSED, &p) : env_fail_input(env, e, &p);
    }
    bytes_wipe(root, sizeof(root));
    return status;
}

int cmd_register(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *none[1];
    json_t *reply = NULL;
    int status = env_options(env, argc, argv, NULL, 0, none, 0);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_KEY);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_register(&env->client, &reply, &p);
    return e == OK ? env_print(env, reply) : env_fail_call(env, e, &p);
}

int cmd_whoami(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *none[1];
    json_t *reply = NULL, *mine;
    int status = env_options(env, argc, argv, NULL, 0, none, 0);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_account(&env->client, &env->client.account, &reply, &p);
    if (e != OK)
        return env_fail_call(env, e, &p);
    mine = card(&env->client);
    /* Someone who swapped the keys at the server would be paid or read in our place. */
    if (!json_equal(json_object_get(mine, "identity_key"),
                    json_object_get(reply, "identity_key")) ||
        !json_equal(json_object_get(mine, "receive_key"), json_object_get(reply, "receive_key")))
        e = problem_set(&p, ERR_CRYPTO, "",
                        "The server shows other keys for this account than yours.");
    json_decref(mine);
    if (e == OK)
        return env_print(env, reply);
    json_decref(reply);
    return env_fail_call(env, e, &p);
}

int cmd_attest(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *account_text = NULL, *role = NULL, *institution = NULL, *none[1];
    const struct cmd_option options[] = {
        { .name = "--account", .text = &account_text, .required = true },
        { .name = "--role", .text = &role, .required = true },
        { .name = "--institution", .text = &institution, .required = true },
    };
    struct id account;
    json_t *reply = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status == EXIT_DONE)
        status = env_id(env, "--account", account_text, &account);
    if (status == EXIT_DONE)
        status = env_open(env, NEED_SIGN_IN);
    if (status != EXIT_DONE)
        return status;
    enum err e = call_attest(&env->client, &account, role, institution, &reply, &p);
    return e == OK ? env_print(env, reply) : env_fail_call(env, e, &p);
}
