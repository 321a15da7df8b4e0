#include "server/party/party.h"

#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_PREFIX "cairn_"
#define MAC_AT 16

static void challenge_mac(const struct app *app, const struct id *account,
                          const uint8_t head[MAC_AT], uint8_t ret[HASH_BYTES])
{
    uint8_t message[MAC_AT + ID_BYTES];
    memcpy(message, head, MAC_AT);
    memcpy(message + MAC_AT, account->bytes, ID_BYTES);
    hmac_sha256(app->session_secret, sizeof(app->session_secret), message, sizeof(message), ret);
}

void party_challenge(const struct app *app, const struct id *account, usec_t now,
                     uint8_t ret[CHALLENGE_BYTES], usec_t *ret_expires)
{
    usec_t expires = now + CHALLENGE_MINUTES * 60 * USEC_PER_SEC;
    uint8_t mac[HASH_BYTES];
    for (int i = 0; i < 8; i++)
        ret[i] = (uint8_t)((uint64_t)expires >> (56 - 8 * i));
    random_bytes(ret + 8, 8);
    challenge_mac(app, account, ret, mac);
    memcpy(ret + MAC_AT, mac, CHALLENGE_BYTES - MAC_AT);
    *ret_expires = expires;
}

static bool challenge_fresh(const struct app *app, const struct id *account,
                            const uint8_t challenge[CHALLENGE_BYTES], usec_t now)
{
    uint8_t mac[HASH_BYTES];
    uint64_t expires = 0;
    for (int i = 0; i < 8; i++)
        expires = expires << 8 | challenge[i];
    challenge_mac(app, account, challenge, mac);
    return bytes_equal(mac, challenge + MAC_AT, CHALLENGE_BYTES - MAC_AT) && (usec_t)expires > now;
}

static bool challenge_signed(const struct app *app, const uint8_t identity[SIGN_PUBLIC_BYTES],
                             const uint8_t challenge[CHALLENGE_BYTES],
                             const uint8_t signature[SIGN_BYTES])
{
    char text[BASE64_SIZE(CHALLENGE_BYTES)], message[256];
    base64_encode(challenge, CHALLENGE_BYTES, text);
    int len = snprintf(message, sizeof(message), "cairn-session/1\n%s\n%s", app->federation, text);
    return len > 0 && (size_t)len < sizeof(message) &&
           sign_verify(identity, message, (size_t)len, signature);
}

struct signing_in {
    const struct id *account;
    const uint8_t *challenge;
    uint8_t token_hash[HASH_BYTES];
    usec_t expires;
};

static enum err session_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct signing_in *s = arg;
    enum err e = store_session_insert(db, s->token_hash, s->account, s->challenge, s->expires);
    /* The stored answer holds no token: a token exists in the reply alone. */
    return e == OK ? answer_set(ret, arena, 201, json_object()) : e;
}

static void token_make(char ret_token[TOKEN_TEXT_SIZE], uint8_t ret_hash[HASH_BYTES])
{
    uint8_t token[TOKEN_BYTES];
    random_bytes(token, sizeof(token));
    memcpy(ret_token, TOKEN_PREFIX, sizeof(TOKEN_PREFIX));
    hex_encode(token, sizeof(token), ret_token + sizeof(TOKEN_PREFIX) - 1);
    blake2b_256(token, sizeof(token), NULL, 0, ret_hash);
    bytes_wipe(token, sizeof(token));
}

enum err party_sign_in(const struct act *act, struct db *db, const struct id *account,
                       const uint8_t challenge[CHALLENGE_BYTES],
                       const uint8_t signature[SIGN_BYTES], char ret_token[TOKEN_TEXT_SIZE],
                       usec_t *ret_expires, unsigned *ret_roles)
{
    struct account_row row;
    enum err e = store_account_get(db, account, &row);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_AUTH_CHALLENGE : e;
    if (row.home != 0) /* it signs in at home */
        return ERR_AUTH_CHALLENGE;
    if (!challenge_fresh(act->app, account, challenge, act->now) ||
        !challenge_signed(act->app, row.identity, challenge, signature))
        return ERR_AUTH_CHALLENGE;
    struct signing_in s = { .account = account,
                            .challenge = challenge,
                            .expires = act->now + SESSION_HOURS * 3600 * USEC_PER_SEC };
    char token[TOKEN_TEXT_SIZE];
    token_make(token, s.token_hash);
    struct write_key key = { .principal = *account };
    char hex[HEX_SIZE(24)];
    hex_encode(challenge + 8, 24, hex); /* the random part and the MAC name this sign-in */
    (void)snprintf(key.key, sizeof(key.key), "session-%s", hex);
    memcpy(key.request_hash, challenge, sizeof(key.request_hash));
    struct answer answer = { 0 };
    e = store_write(act->app->store, "session", &key, session_tx, &s, act->arena, &answer);
    /* Replayed: the challenge was used before, or it was just now by ourselves and the writer had
     * to run again after a lost COMMIT; then the session is the one of our own token. */
    struct account_row own;
    if (e == OK && answer.replayed && store_session_get(db, s.token_hash, act->now, &own) != OK)
        e = ERR_AUTH_CHALLENGE;
    if (e == OK) {
        memcpy(ret_token, token, sizeof(token));
        *ret_expires = s.expires;
        *ret_roles = party_roles(act->app, &row);
    }
    bytes_wipe(token, sizeof(token));
    return e;
}

static bool token_hash(const char *token, uint8_t ret[HASH_BYTES])
{
    const size_t prefix = sizeof(TOKEN_PREFIX) - 1;
    uint8_t bytes[TOKEN_BYTES];
    if (strncmp(token, TOKEN_PREFIX, prefix) != 0 ||
        !hex_decode(token + prefix, strlen(token + prefix), bytes, sizeof(bytes)))
        return false;
    blake2b_256(bytes, sizeof(bytes), NULL, 0, ret);
    bytes_wipe(bytes, sizeof(bytes));
    return true;
}

enum err party_session(const struct app *app, struct db *db, const char *token,
                       struct account_row *ret)
{
    uint8_t hash[HASH_BYTES];
    if (!token_hash(token, hash))
        return ERR_AUTH_INVALID;
    return store_session_get(db, hash, app->now(app), ret);
}

static enum err sign_out_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    enum err e = store_session_delete(db, arg);
    return e == OK ? answer_set(ret, arena, 204, json_object()) : e;
}

enum err party_sign_out(const struct act *act, const char *token)
{
    uint8_t hash[HASH_BYTES];
    if (!token_hash(token, hash))
        return ERR_AUTH_INVALID;
    struct write_key key = { .principal = act->account };
    char hex[HEX_SIZE(24)];
    hex_encode(hash, 24, hex);
    (void)snprintf(key.key, sizeof(key.key), "signout-%s", hex);
    memcpy(key.request_hash, hash, sizeof(key.request_hash));
    struct answer answer = { 0 };
    return store_write(act->app->store, "sign-out", &key, sign_out_tx, hash, act->arena, &answer);
}
