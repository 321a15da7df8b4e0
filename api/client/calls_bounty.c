#include "api/client/calls.h"

#include <stdio.h>

enum err call_bounty_publish(struct client *c, const json_t *terms, json_t **ret, struct problem *p)
{
    json_t *extras = json_pack("{s:O}", "terms", terms);
    return client_say(c, "/v1/bounties", "bounty.publish", 1, extras, ret, p);
}

enum err call_bounties(struct client *c, const char *disease, json_t **ret, struct problem *p)
{
    char path[128];
    if (disease == NULL)
        return client_list(c, "/v1/bounties", LIST_MAX, ret, p);
    int n = snprintf(path, sizeof(path), "/v1/bounties?disease=%s", disease);
    if (n < 0 || (size_t)n >= sizeof(path) || strpbrk(disease, "&#%? /") != NULL)
        return problem_set(p, ERR_QUERY, "", "A disease is a MONDO code such as MONDO:0005388.");
    return client_list(c, path, LIST_MAX, ret, p);
}

enum err call_bounty(struct client *c, const struct id *bounty, json_t **ret, struct problem *p)
{
    return client_get(c, call_path("/v1/bounties/", bounty, "").text, ret, p);
}

enum err call_bounty_fund(struct client *c, const struct id *bounty, int64_t version,
                          int64_t amount_minor, const char *currency, json_t **ret,
                          struct problem *p)
{
    json_t *extras = json_pack("{s:o, s:I, s:s}", "bounty", json_of_id(bounty), "amount_minor",
                               (json_int_t)amount_minor, "currency", currency);
    return client_say(c, call_path("/v1/bounties/", bounty, "/funding").text, "bounty.fund",
                      version, extras, ret, p);
}

enum err call_bounty_close(struct client *c, const struct id *bounty, int64_t version, json_t **ret,
                           struct problem *p)
{
    struct statement s;
    json_t *extras = json_pack("{s:o}", "bounty", json_of_id(bounty));
    enum err e = client_statement("bounty.close", version, extras, &c->identity, &s, p);
    if (e != OK)
        return e;
    e = client_post(c, call_path("/v1/bounties/", bounty, "/closure").text, &s, NULL, version, ret,
                    p);
    statement_release(&s);
    return e;
}

enum err call_bounty_account(struct client *c, const struct id *bounty, json_t **ret,
                             struct problem *p)
{
    return client_get(c, call_path("/v1/bounties/", bounty, "/account").text, ret, p);
}

enum err call_bounty_submissions(struct client *c, const struct id *bounty, json_t **ret,
                                 struct problem *p)
{
    return client_list(c, call_path("/v1/bounties/", bounty, "/submissions").text, LIST_MAX, ret,
                       p);
}
