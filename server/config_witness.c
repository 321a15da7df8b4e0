/* cairn.conf: whom this member witnesses and who witnesses it (docs/witness.md). */
#include "server/config_internal.h"

#include "server/base/log.h"

#include <stdio.h>
#include <string.h>

static bool same_key(const struct note_key *a, const struct note_key *b)
{
    return strcmp(a->name, b->name) == 0 && memcmp(a->id, b->id, sizeof(a->id)) == 0;
}

bool config_witness_for(struct config *c, const char *value)
{
    struct note_key k;
    if (c->n_witness_for == CONFIG_WITNESS_FOR_MAX ||
        note_key_parse(value, strlen(value), &k) != OK || k.type != NOTE_TYPE_ED25519)
        return false;
    for (size_t i = 0; i < c->n_witness_for; i++)
        if (same_key(&c->witness_for[i], &k))
            return false;
    c->witness_for[c->n_witness_for++] = k;
    return true;
}

/* scheme://host and perhaps a path; what follows is appended to it, so it ends before a slash. */
static bool url_valid(const char *url, size_t len)
{
    static const char *const schemes[] = { "http://", "https://" };
    size_t scheme = 0;
    for (size_t i = 0; i < COUNT(schemes) && scheme == 0; i++)
        if (len > strlen(schemes[i]) && memcmp(url, schemes[i], strlen(schemes[i])) == 0)
            scheme = strlen(schemes[i]);
    if (scheme == 0 || len > CONFIG_URL_MAX || url[scheme] == '/' || url[len - 1] == '/')
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f ||
            strchr("?#@\"\\<>", url[i]) != NULL)
            return false;
    return true;
}

/* A name stands for one witness: it is the key of what is stored. */
bool config_witness(struct config *c, const char *value)
{
    struct config_witness w = { .url = "" };
    size_t len = strcspn(value, " \t");
    const char *key = value + len + strspn(value + len, " \t");
    if (c->n_witnesses == CONFIG_WITNESSES_MAX || !url_valid(value, len) ||
        note_key_parse(key, strlen(key), &w.key) != OK || w.key.type != NOTE_TYPE_COSIGNATURE)
        return false;
    for (size_t i = 0; i < c->n_witnesses; i++)
        if (strcmp(c->witnesses[i].key.name, w.key.name) == 0)
            return false;
    memcpy(w.url, value, len);
    c->witnesses[c->n_witnesses++] = w;
    return true;
}

static bool own_log(const struct config *c, const struct note_key *k)
{
    for (int i = 0; i < CHAINS; i++) {
        char origin[NOTE_NAME_MAX + 1];
        (void)snprintf(origin, sizeof(origin), "%s/%s", c->federation,
                       chain_name((enum chain)(i + 1)));
        if (strcmp(origin, k->name) == 0 ||
            memcmp(c->genesis->log_key[i], k->public, SIGN_PUBLIC_BYTES) == 0)
            return true;
    }
    return false;
}

static bool own_member(const struct config *c, const struct note_key *k)
{
    char prefix[NOTE_NAME_MAX + 1];
    (void)snprintf(prefix, sizeof(prefix), "%s/member-", c->federation);
    if (strncmp(prefix, k->name, strlen(prefix)) == 0)
        return true;
    for (size_t i = 0; i < c->genesis->n; i++)
        if (memcmp(c->genesis->members[i].cosigner_key, k->public, SIGN_PUBLIC_BYTES) == 0)
            return true;
    return false;
}

enum err config_check_witnesses(const struct config *c)
{
    for (size_t i = 0; i < c->n_witness_for; i++)
        if (own_log(c, &c->witness_for[i])) {
            log_error("config",
                      "witness_for = %s..: that is a log of this federation, which its members "
                      "cosign anyway; name those of others",
                      c->witness_for[i].name);
            return ERR_USAGE;
        }
    for (size_t i = 0; i < c->n_witnesses; i++)
        if (own_member(c, &c->witnesses[i].key)) {
            log_error("config",
                      "witness = %s %s..: that is a member of this federation; an outside witness "
                      "is one of another",
                      c->witnesses[i].url, c->witnesses[i].key.name);
            return ERR_USAGE;
        }
    return OK;
}
