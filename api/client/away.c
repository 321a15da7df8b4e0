#include "api/client/away.h"

#include <stdio.h>

/* What is kept where the bounty lives. Bounties themselves are known everywhere, and accounts,
 * wallets and records are at home. */
static const char *const at_the_bounty[] = { "/v1/submissions", "/v1/reviews", "/v1/receipts" };

void client_go(struct client *c, unsigned home)
{
    c->away = (struct away){ .member = home == c->member ? 0 : home };
}

void client_go_as_patient(struct client *c, unsigned home, const struct id *bounty)
{
    struct sign_key key;
    struct box_key receive;
    client_go(c, home);
    if (c->away.member == 0)
        return;
    keys_bounty(c->root, bounty, &key, &receive);
    c->away.pseudonym = true;
    c->away.account = account_id(key.public);
    sign_key_wipe(&key);
    box_key_wipe(&receive);
}

enum err call_pseudonym(struct client *c, const struct id *bounty, struct problem *p)
{
    struct sign_key key;
    struct box_key receive;
    if (c->away.member == 0)
        return OK;
    keys_bounty(c->root, bounty, &key, &receive);
    json_t *extras = json_pack("{s:o, s:o, s:o}", "bounty", json_of_id(bounty), "key",
                               json_of_bytes(key.public, SIGN_PUBLIC_BYTES), "receive_key",
                               json_of_bytes(receive.public, BOX_PUBLIC_BYTES));
    sign_key_wipe(&key);
    box_key_wipe(&receive);
    enum err e = client_say(c, "/v1/pseudonyms", "pseudonym.register", 1, extras, NULL, p);
    return e == ERR_PSEUDONYM_EXISTS ? OK : e;
}

static bool is_at_the_bounty(const char *path)
{
    for (size_t i = 0; i < COUNT(at_the_bounty); i++) {
        size_t n = strlen(at_the_bounty[i]);
        if (strncmp(path, at_the_bounty[i], n) == 0 && strchr("/?", path[n]) != NULL)
            return true; /* strchr finds the end of the text too */
    }
    return false;
}

enum err client_place(const struct client *c, const char *path, struct placed *ret,
                      struct problem *p)
{
    bool away = c->away.member != 0 && is_at_the_bounty(path);
    int n = away ? snprintf(ret->path, sizeof(ret->path), "/v1/members/%u%s", c->away.member,
                            path + strlen("/v1"))
                 : snprintf(ret->path, sizeof(ret->path), "%s", path);
    ret->acting_as[0] = '\0';
    if (n < 0 || (size_t)n >= sizeof(ret->path))
        return problem_set(p, ERR_LIMIT, "", "The request's path is too long.");
    if (away && c->away.pseudonym)
        id_text(&c->away.account, ret->acting_as);
    return OK;
}
