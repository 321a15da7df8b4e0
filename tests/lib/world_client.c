#include "tests/lib/world_client.h"

#include "api/http/http.h"
#include "server/base/text.h"
#include "server/party/party.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "client: %s failed\n", what);
    abort();
}

static size_t take_body(char *bytes, size_t one, size_t n, void *arg)
{
    return buf_add(&((struct said *)arg)->body, bytes, one * n) == OK ? one * n : 0;
}

static void keep(const char *line, size_t len, const char *name, char *ret, size_t size)
{
    size_t skip = strlen(name);
    if (len <= skip + 4 || strncasecmp(line, name, skip) != 0 || line[skip] != ':')
        return;
    (void)snprintf(ret, size, "%.*s", (int)(len - skip - 4), line + skip + 2);
}

static size_t take_header(char *line, size_t one, size_t n, void *arg)
{
    struct said *s = arg;
    size_t len = one * n;
    keep(line, len, "Link", s->link, sizeof(s->link));
    keep(line, len, "Idempotency-Replayed", s->replayed, sizeof(s->replayed));
    keep(line, len, "Retry-After", s->retry_after, sizeof(s->retry_after));
    return len;
}

/* Signing in is no part of this: the session is made by the domain. */
static void token_of(struct world *at, const struct person *p, char ret[TOKEN_TEXT_SIZE])
{
    uint8_t challenge[CHALLENGE_BYTES], signature[SIGN_BYTES];
    char text[BASE64_SIZE(CHALLENGE_BYTES)], message[256];
    usec_t expires = 0;
    unsigned roles = 0;
    struct arena *arena = arena_new(1u << 20);
    const struct act act = { .app = &at->app, .arena = arena, .now = world_now(at) };
    party_challenge(&at->app, &p->account, act.now, challenge, &expires);
    base64_encode(challenge, sizeof(challenge), text);
    int len = snprintf(message, sizeof(message), "cairn-session/1\n%s\n%s", WORLD_FEDERATION, text);
    sign_detached(&p->identity, message, (size_t)len, signature);
    must(db_check(at->db) == OK, "connection");
    must(party_sign_in(&act, at->db, &p->account, challenge, signature, ret, &expires, &roles) ==
             OK,
         "sign-in");
    arena_free(arena);
}

static struct curl_slist *add(struct curl_slist *list, const char *name, const char *value)
{
    char line[512];
    if (value == NULL)
        return list;
    (void)snprintf(line, sizeof(line), "%s: %s", name, value);
    return curl_slist_append(list, line);
}

void ask(const struct ask *a, struct said *ret)
{
    char url[700], token[TOKEN_TEXT_SIZE], bearer[TOKEN_TEXT_SIZE + 8];
    struct curl_slist *list = add(NULL, "Idempotency-Key", a->key);
    struct world *at = a->at;
    CURL *curl = curl_easy_init();
    *ret = (struct said){ 0 };
    buf_init(&ret->body, 16u << 20);
    list = add(list, "Cairn-Acting-As", a->as);
    list = add(list, "Content-Type", a->type != NULL ? a->type : "application/json");
    list = add(list, "Expect", "");
    if (a->who != NULL) {
        token_of(at, a->who, token);
        (void)snprintf(bearer, sizeof(bearer), "Bearer %s", token);
        list = add(list, "Authorization", bearer);
    }
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", listener_port(at->app.listener),
                   a->path);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, a->method);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    if (a->body != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)a->len);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, a->body);
    }
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, ret);
    must(curl_easy_perform(curl) == CURLE_OK, "request");
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
    curl_slist_free_all(list);
    curl_easy_cleanup(curl);
    if (json_read(buf_str(&ret->body), ret->body.len, &ret->json, NULL) != OK)
        ret->json = NULL; /* ciphertext, or nothing */
    const char *code = json_string_value(json_object_get(ret->json, "code"));
    (void)snprintf(ret->code, sizeof(ret->code), "%s", code != NULL ? code : "");
}

void said_free(struct said *s)
{
    json_decref(s->json);
    buf_release(&s->body);
}
