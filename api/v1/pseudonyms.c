/* /v1/pseudonyms */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/crypto/keys.h"
#include "server/party/pseudonym.h"

void api_pseudonyms_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    struct id bounty;
    uint8_t key[SIGN_PUBLIC_BYTES], receive[BOX_PUBLIC_BYTES];
    const struct field extra[] = { F_ID("bounty", &bounty), F_BYTES("key", key, sizeof(key)),
                                   F_BYTES("receive_key", receive, sizeof(receive)) };
    enum err e = v1_statement(r, "pseudonym.register", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = pseudonym_register(&act, &s, &bounty, key, receive, &answer);
    v1_done(r, e, &answer);
}
