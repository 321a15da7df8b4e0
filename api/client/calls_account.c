#include "api/client/calls.h"

#include <assert.h>
#include <stdio.h>

struct call_path call_path(const char *prefix, const struct id *id, const char *suffix)
{
    struct call_path path;
    char text[ID_TEXT_SIZE];
    id_text(id, text);
    int n = snprintf(path.text, sizeof(path.text), "%s%s%s", prefix, text, suffix);
    assert(n > 0 && (size_t)n < sizeof(path.text));
    return path;
}

enum err call_register(struct client *c, json_t **ret, struct problem *p)
{
    json_t *extras =
        json_pack("{s:o}", "receive_key", json_of_bytes(c->receive.public, BOX_PUBLIC_BYTES));
    return client_say(c, "/v1/accounts", "account.register", 1, extras, ret, p);
}

enum err call_account(struct client *c, const struct id *account, json_t **ret, struct problem *p)
{
    return client_get(c, call_path("/v1/accounts/", account, "").text, ret, p);
}

enum err call_attest(struct client *c, const struct id *account, const char *role,
                     const char *institution, json_t **ret, struct problem *p)
{
    json_t *extras = json_pack("{s:o, s:s, s:s}", "account", json_of_id(account), "role", role,
                               "institution", institution);
    return client_say(c, "/v1/attestations", "role.attest", 1, extras, ret, p);
}

enum err call_wallet(struct client *c, json_t **ret, struct problem *p)
{
    return client_get(c, "/v1/wallet", ret, p);
}

enum err call_transfers(struct client *c, json_t **ret, struct problem *p)
{
    return client_list(c, "/v1/wallet/transfers", LIST_MAX, ret, p);
}

enum err call_deposit(struct client *c, int64_t amount_minor, const char *currency,
                      const char *reference, json_t **ret, struct problem *p)
{
    json_t *extras = json_pack("{s:I, s:s, s:s}", "amount_minor", (json_int_t)amount_minor,
                               "currency", currency, "reference", reference);
    return client_say(c, "/v1/deposits", "deposit.request", 1, extras, ret, p);
}

enum err call_payout(struct client *c, int64_t amount_minor, const char *currency,
                     const char *method, const char *destination, json_t **ret, struct problem *p)
{
    json_t *extras = json_pack("{s:I, s:s, s:s, s:s}", "amount_minor", (json_int_t)amount_minor,
                               "currency", currency, "method", method, "destination", destination);
    return client_say(c, "/v1/payouts", "payout.request", 1, extras, ret, p);
}

enum err call_payout_get(struct client *c, const struct id *payout, json_t **ret, struct problem *p)
{
    return client_get(c, call_path("/v1/payouts/", payout, "").text, ret, p);
}
