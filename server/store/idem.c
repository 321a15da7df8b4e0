/* Table idem: what each Idempotency-Key was answered, written in the transaction that did the work.
 */
#include "server/store/store_internal.h"

#include <string.h>

const struct store_stmt idem_get = {
    "idem_get",
    "SELECT request_hash, status, body FROM idem WHERE principal = $1::uuid AND key = $2"
};

/* Plain INSERT: if another process stored the same key meanwhile, the whole transaction must fail.
 */
const struct store_stmt idem_put = { "idem_put",
                                     "INSERT INTO idem (principal, key, request_hash, status, body)"
                                     " VALUES ($1::uuid, $2, $3::bytea, $4::int, $5)" };

void idem_get_params(const struct write_key *key, struct param ret[IDEM_GET_PARAMS])
{
    ret[0] = p_id(&key->principal);
    ret[1] = p_text(key->key);
}

void idem_put_params(const struct write_key *key, const struct answer *answer,
                     struct param ret[IDEM_PUT_PARAMS])
{
    ret[0] = p_id(&key->principal);
    ret[1] = p_text(key->key);
    ret[2] = p_bytes(key->request_hash, sizeof(key->request_hash));
    ret[3] = p_i64(answer->status);
    ret[4] = p_text(answer->body != NULL ? answer->body : "");
}

enum err idem_read(PGresult *res, const struct write_key *key, struct arena *arena,
                   struct answer *ret)
{
    struct rows r = { .res = res };
    uint8_t hash[sizeof(key->request_hash)];
    if (!row_bytes(&r, 0, 0, hash, sizeof(hash)))
        return ERR_INTERNAL;
    if (memcmp(hash, key->request_hash, sizeof(hash)) != 0)
        return ERR_IDEM_REUSED;
    const char *body = row_text(&r, 0, 2);
    struct answer a = { .status = (int)row_i64(&r, 0, 1),
                        .body_len = strlen(body),
                        .replayed = true };
    a.body = arena_memdup(arena, body, a.body_len + 1);
    if (a.body == NULL)
        return ERR_NO_MEMORY;
    *ret = a;
    return OK;
}

const struct store_stmt *const idem_stmts[] = { &idem_get, &idem_put };
const size_t idem_stmts_n = COUNT(idem_stmts);
