#include "api/client/session.h"

#include "api/client/away.h"

#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <assert.h>
#include <stdio.h>

#define BODY_MAX (256u << 10)
#define PAGE_SIZE 100

void client_init(struct client *c, struct http_client *http, const uint8_t root[ROOT_BYTES])
{
    *c = (struct client){ .http = http };
    memcpy(c->root, root, ROOT_BYTES);
    keys_identity(root, &c->identity);
    keys_receive(root, &c->receive);
    c->account = account_id(c->identity.public);
}

void client_release(struct client *c)
{
    bytes_wipe(c, sizeof(*c));
}

struct id new_id(void)
{
    uint8_t random[10];
    random_bytes(random, sizeof(random));
    return id_v7(clock_now(), random);
}

json_t *json_of_id(const struct id *id)
{
    char text[ID_TEXT_SIZE];
    id_text(id, text);
    return json_string(text);
}

json_t *json_of_bytes(const uint8_t *bytes, size_t len)
{
    char text[BASE64_SIZE(96)];
    assert(len <= 96);
    base64_encode(bytes, len, text);
    return json_string(text);
}

json_t *json_of_time(usec_t at)
{
    char text[TIME_TEXT_SIZE];
    time_text(at, text);
    return json_string(text);
}

static enum err no_memory(struct problem *p)
{
    return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
}

static enum err call_with_token(struct client *c, const struct http_call *what,
                                struct http_reply *ret, struct problem *p)
{
    bool signed_in = c->token[0] != '\0';
    struct placed at;
    struct http_call call = *what; /* placed: at whose member, and as whom */
    enum err e = client_place(c, what->path, &at, p);
    if (e != OK)
        return e;
    call.path = at.path;
    call.acting_as = at.acting_as[0] != '\0' ? at.acting_as : NULL;
    call.token = signed_in ? c->token : NULL;
    e = http_client_call(c->http, &call, ret, p);
    if (e != ERR_AUTH_INVALID || !signed_in)
        return e;
    e = client_sign_in(c, p);
    if (e != OK)
        return e;
    call.token = c->token;
    return http_client_call(c->http, &call, ret, p);
}

/* Makes the call and hands out its JSON. */
static enum err call_json(struct client *c, struct http_call *call, json_t **ret, struct problem *p)
{
    struct http_reply reply;
    enum err e = call_with_token(c, call, &reply, p);
    if (e != OK)
        return e;
    if (ret != NULL && reply.json == NULL)
        e = problem_set(p, ERR_IO, "", "The server's answer is not JSON.");
    else if (ret != NULL)
        *ret = json_incref(reply.json);
    http_reply_release(&reply);
    return e;
}

enum err client_get(struct client *c, const char *path, json_t **ret, struct problem *p)
{
    struct http_call call = { .method = "GET", .path = path };
    return call_json(c, &call, ret, p);
}

/* Moves the items of one page into all; *next is the cursor of the page behind it, "" at the end.
 */
static enum err take_page(json_t *page, size_t max, json_t *all, char *next, size_t next_size,
                          struct problem *p)
{
    json_t *items;
    const char *cursor = "";
    const struct field fields[] = { F_ARRAY("items", &items, 0, PAGE_SIZE) };
    enum err e = reply_fields(page, fields, COUNT(fields), p);
    if (e != OK)
        return e;
    if (json_is_string(json_object_get(page, "next")))
        cursor = json_string_value(json_object_get(page, "next"));
    if (json_array_size(all) + json_array_size(items) > max)
        return problem_set(p, ERR_LIMIT, "", "The list has more than %zu items.", max);
    if (json_array_extend(all, items) != 0)
        return no_memory(p);
    int n = snprintf(next, next_size, "%s", cursor);
    if (n < 0 || (size_t)n >= next_size)
        return problem_set(p, ERR_IO, "/next", "The server's cursor is too long.");
    return OK;
}

enum err client_list(struct client *c, const char *path, size_t max, json_t **ret,
                     struct problem *p)
{
    char next[512] = "", full[CALL_PATH_MAX];
    json_t *all = json_array();
    enum err e = all == NULL ? no_memory(p) : OK;
    do {
        int n = snprintf(full, sizeof(full), "%s%climit=%d%s%s", path,
                         strchr(path, '?') != NULL ? '&' : '?', PAGE_SIZE,
                         next[0] != '\0' ? "&cursor=" : "", next);
        if (e == OK && (n < 0 || (size_t)n >= sizeof(full)))
            e = problem_set(p, ERR_LIMIT, "", "The request's path is too long.");
        json_t *page = NULL;
        if (e == OK)
            e = client_get(c, full, &page, p);
        if (e == OK)
            e = take_page(page, max, all, next, sizeof(next), p);
        json_decref(page);
    } while (e == OK && next[0] != '\0');
    if (e == OK)
        *ret = all;
    else
        json_decref(all);
    return e;
}

enum err client_bytes(struct client *c, const char *path, struct buf *ret, struct problem *p)
{
    struct http_call call = { .method = "GET", .path = path };
    struct http_reply reply;
    enum err e = call_with_token(c, &call, &reply, p);
    if (e != OK)
        return e;
    e = buf_add(ret, reply.body.data, reply.body.len);
    if (e != OK)
        (void)problem_set(p, e, "", "The server's answer is longer than %zu bytes.", ret->max);
    http_reply_release(&reply);
    return e;
}

static enum err post_json(struct client *c, const char *path, const json_t *body, const char *key,
                          int64_t if_match, json_t **ret, struct problem *p)
{
    struct buf b;
    buf_init(&b, BODY_MAX);
    enum err e = json_canonical(body, &b);
    if (e != OK)
        (void)problem_set(p, e, "", "%s", err_text(e));
    struct http_call call = { .method = "POST",
                              .path = path,
                              .body = b.data,
                              .body_len = b.len,
                              .key = key,
                              .if_match = if_match };
    if (e == OK)
        e = call_json(c, &call, ret, p);
    buf_release_secret(&b);
    return e;
}

enum err client_post(struct client *c, const char *path, const struct statement *s, json_t *extra,
                     int64_t if_match, json_t **ret, struct problem *p)
{
    char key[HTTP_KEY_SIZE];
    json_t *body = extra != NULL ? extra : json_object();
    if (body == NULL || json_object_set(body, "statement", s->root) != 0) {
        json_decref(body);
        return no_memory(p);
    }
    http_key(key);
    enum err e = post_json(c, path, body, key, if_match, ret, p);
    json_decref(body);
    return e;
}

enum err client_put(struct client *c, const char *path, const void *bytes, size_t len,
                    struct problem *p)
{
    struct http_call call = { .method = "PUT",
                              .path = path,
                              .body = bytes,
                              .body_len = len,
                              .octets = true,
                              .timeout_ms = 120000 };
    return call_json(c, &call, NULL, p);
}

enum err client_statement(const char *kind, int64_t version, json_t *extras,
                          const struct sign_key *key, struct statement *ret, struct problem *p)
{
    struct id id = new_id();
    json_t *draft = statement_draft(kind, &id, version, clock_now());
    if (draft == NULL || extras == NULL || json_object_update_missing(draft, extras) != 0) {
        json_decref(draft);
        json_decref(extras);
        return no_memory(p);
    }
    json_decref(extras);
    enum err e = statement_sign(draft, key, ret);
    if (e != OK)
        (void)problem_set(p, e, "", "%s", err_text(e));
    return e;
}

enum err client_say(struct client *c, const char *path, const char *kind, int64_t version,
                    json_t *extras, json_t **ret, struct problem *p)
{
    struct statement s;
    enum err e = client_statement(kind, version, extras, &c->identity, &s, p);
    if (e != OK)
        return e;
    e = client_post(c, path, &s, NULL, 0, ret, p);
    statement_release(&s);
    return e;
}

enum err client_federation(struct client *c, struct problem *p)
{
    json_t *reply = NULL;
    const char *name;
    int64_t member = 0;
    struct field fields[] = { F_TEXT("federation", &name, 1, NOTE_NAME_MAX),
                              F_INT("member", &member, 1, UINT16_MAX) };
    fields[1].optional = true; /* a server alone need not have one */
    struct http_call call = { .method = "GET", .path = "/v1/federation" };
    struct http_reply r;
    enum err e = http_client_call(c->http, &call, &r, p);
    if (e != OK)
        return e;
    reply = r.json;
    e = reply_fields(reply, fields, COUNT(fields), p);
    if (e == OK && c->federation[0] != '\0' && strcmp(c->federation, name) != 0)
        e = problem_set(p, ERR_AUTH_CHALLENGE, "",
                        "This server says it belongs to \"%.60s\", but this home is used with "
                        "\"%.60s\". Use another --home for another federation.",
                        name, c->federation);
    if (e == OK) {
        (void)snprintf(c->federation, sizeof(c->federation), "%s", name);
        c->member = (unsigned)member;
    }
    http_reply_release(&r);
    return e;
}

/* What proves the key to this federation and to no other. */
static enum err sign_challenge(const struct client *c, const uint8_t challenge[32], json_t **ret)
{
    char text[BASE64_SIZE(32)], message[NOTE_NAME_MAX + 128], account[ID_TEXT_SIZE];
    char signature_text[BASE64_SIZE(SIGN_BYTES)];
    uint8_t signature[SIGN_BYTES];
    base64_encode(challenge, 32, text);
    int len = snprintf(message, sizeof(message), "cairn-session/1\n%s\n%s", c->federation, text);
    assert(len > 0 && (size_t)len < sizeof(message));
    sign_detached(&c->identity, message, (size_t)len, signature);
    base64_encode(signature, SIGN_BYTES, signature_text);
    id_text(&c->account, account);
    *ret = json_pack("{s:s, s:s, s:s}", "account", account, "challenge", text, "signature",
                     signature_text);
    return *ret != NULL ? OK : ERR_NO_MEMORY;
}

static enum err get_challenge(struct client *c, uint8_t ret[32], struct problem *p)
{
    char path[128], account[ID_TEXT_SIZE];
    json_t *reply = NULL;
    const struct field fields[] = { F_BYTES("challenge", ret, 32) };
    id_text(&c->account, account);
    (void)snprintf(path, sizeof(path), "/v1/accounts/%s/challenge", account);
    enum err e = client_get(c, path, &reply, p);
    if (e == OK)
        e = reply_fields(reply, fields, COUNT(fields), p);
    json_decref(reply);
    return e;
}

static enum err sign_in_once(struct client *c, struct problem *p)
{
    uint8_t challenge[32];
    json_t *body = NULL, *reply = NULL;
    const char *token;
    const struct field fields[] = { F_TEXT("token", &token, 1, CLIENT_TOKEN_MAX - 1) };
    enum err e = get_challenge(c, challenge, p);
    if (e == OK && sign_challenge(c, challenge, &body) != OK)
        e = no_memory(p);
    if (e == OK)
        e = post_json(c, "/v1/sessions", body, NULL, 0, &reply, p);
    if (e == OK)
        e = reply_fields(reply, fields, COUNT(fields), p);
    if (e == OK)
        (void)snprintf(c->token, sizeof(c->token), "%s", token);
    json_decref(body);
    json_decref(reply);
    return e;
}

enum err client_sign_in(struct client *c, struct problem *p)
{
    c->token[0] = '\0';
    if (c->federation[0] == '\0') {
        enum err e = client_federation(c, p);
        if (e != OK)
            return e;
    }
    /* A challenge counts once: if the answer was lost on the way, the repeat is refused and a fresh
     * challenge is needed. */
    enum err e = sign_in_once(c, p);
    return e == ERR_AUTH_CHALLENGE ? sign_in_once(c, p) : e;
}

void client_sign_out(struct client *c)
{
    if (c->token[0] == '\0')
        return;
    struct http_call call = {
        .method = "DELETE", .path = "/v1/sessions/current", .token = c->token, .timeout_ms = 3000
    };
    struct http_reply reply;
    if (http_client_call(c->http, &call, &reply, NULL) == OK)
        http_reply_release(&reply);
    bytes_wipe(c->token, sizeof(c->token));
}
