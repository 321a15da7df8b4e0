#include "server/ledger/io/peers_request.h"

#include "server/crypto/hash.h"
#include "server/ledger/io/peers_internal.h"
#include "server/peer/httpsig.h"

#include <stdio.h>
#include <string.h>

#define IDLE_CONNECTION_S 50L /* the other side closes after 60 */
#define LINE_MAX_BYTES 512

void peers_request_setup(CURL *e, const char *ca_file)
{
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, IDLE_CONNECTION_S);
    curl_easy_setopt(e, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
    if (ca_file != NULL)
        curl_easy_setopt(e, CURLOPT_CAINFO, ca_file);
}

/* The fields of a request as they will be sent, for the signature. */
struct fields {
    const struct peers_request *r;
    char member[HTTPSIG_MEMBER_SIZE];
    char digest[HTTPSIG_DIGEST_SIZE];
    char length[24];
};

static const char *field(void *arg, const char *name)
{
    const struct fields *f = arg;
    bool body = f->r->type != NULL;
    if (strcmp(name, "cairn-member") == 0)
        return f->member;
    if (strcmp(name, "content-digest") == 0)
        return body ? f->digest : NULL;
    if (strcmp(name, "content-type") == 0)
        return f->r->type;
    if (strcmp(name, "content-length") == 0)
        return body ? f->length : NULL;
    if (strcmp(name, "cairn-on-behalf-of") == 0)
        return f->r->on_behalf_of;
    if (strcmp(name, "idempotency-key") == 0)
        return f->r->idempotency_key;
    return strcmp(name, "if-match") == 0 ? f->r->if_match : NULL;
}

static void add(struct curl_slist **list, bool *ok, const char *name, const char *value)
{
    char line[LINE_MAX_BYTES];
    int len = snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *more = NULL;
    if (*ok && len > 0 && (size_t)len < sizeof(line))
        more = curl_slist_append(*list, line);
    *ok = more != NULL;
    if (*ok)
        *list = more;
}

static struct curl_slist *lines_of(const struct fields *f, const struct httpsig_lines *signature)
{
    struct curl_slist *list = NULL;
    bool ok = true;
    if (f->r->type != NULL) {
        add(&list, &ok, "Content-Type", f->r->type);
        add(&list, &ok, "Content-Digest", f->digest);
    }
    if (f->r->on_behalf_of != NULL)
        add(&list, &ok, "Cairn-On-Behalf-Of", f->r->on_behalf_of);
    if (f->r->if_match != NULL)
        add(&list, &ok, "If-Match", f->r->if_match);
    if (f->r->idempotency_key != NULL)
        add(&list, &ok, "Idempotency-Key", f->r->idempotency_key);
    add(&list, &ok, "Cairn-Member", f->member);
    add(&list, &ok, "Signature-Input", signature->input);
    add(&list, &ok, "Signature", signature->signature);
    /* No waiting for "100 Continue": it would cost a round trip. */
    struct curl_slist *more = ok ? curl_slist_append(list, "Expect:") : NULL;
    if (more == NULL)
        curl_slist_free_all(list);
    return more;
}

struct curl_slist *peers_request_headers(struct peers *p, const struct peers_request *r,
                                         int64_t now)
{
    struct fields f = { .r = r };
    struct httpsig_lines lines = { 0 };
    struct httpsig_member member = { .from = p->me, .to = r->to };
    struct httpsig_stamp stamp = { .from = p->me, .created = now };
    const struct httpsig_message message = {
        .method = r->method, .path = r->path, .query = r->query, .field = field, .arg = &f
    };
    memcpy(member.genesis, p->genesis, sizeof(member.genesis));
    random_bytes(&stamp.nonce, sizeof(stamp.nonce));
    httpsig_member_print(&member, f.member);
    (void)snprintf(f.length, sizeof(f.length), "%zu", r->body_len);
    if (r->type != NULL)
        httpsig_digest_print(r->body, r->body_len, f.digest);
    if (httpsig_sign(&message, &stamp, &p->member_key, &lines) != OK)
        return NULL;
    return lines_of(&f, &lines);
}
