#include "server/ledger/log/note_text.h"

#include "server/base/text.h"

#include <assert.h>

#define NODES_MAX (POLICY_WITNESSES_MAX + POLICY_GROUPS_MAX)
#define NO_NODE SIZE_MAX

/* A witness or a group. Because a name is a member of one group at most, the groups form a forest:
 * each node knows its parent, and children stand before parents. */
struct node {
    char name[NOTE_NAME_MAX + 1];
    size_t parent;  /* or NO_NODE */
    size_t witness; /* index of the key, or NO_NODE for a group */
    size_t need;    /* members a group needs */
};

struct policy {
    size_t n_logs, n_witnesses, n_nodes;
    size_t quorum; /* a node, or NO_NODE if none is demanded */
    struct note_key logs[POLICY_LOGS_MAX];
    struct note_key witnesses[POLICY_WITNESSES_MAX];
    struct node nodes[NODES_MAX];
};

struct parser {
    struct policy *policy;
    size_t line; /* from 1 */
    bool have_quorum;
    struct problem *problem;
};

static enum err wrong(const struct parser *p, enum err code, const char *what)
{
    return problem_set(p->problem, code, "", "Line %zu of the policy: %s", p->line, what);
}

/* Items are separated by spaces and tabs; false at the end of the line. */
static bool next_word(struct note_span *line, struct note_span *ret)
{
    while (line->len > 0 && (line->at[0] == ' ' || line->at[0] == '\t')) {
        line->at++;
        line->len--;
    }
    size_t len = 0;
    while (len < line->len && line->at[len] != ' ' && line->at[len] != '\t')
        len++;
    *ret = (struct note_span){ line->at, len };
    line->at += len;
    line->len -= len;
    return len > 0;
}

static size_t find_node(const struct policy *policy, struct note_span name)
{
    for (size_t i = 0; i < policy->n_nodes; i++)
        if (note_span_is(name, policy->nodes[i].name))
            return i;
    return NO_NODE;
}

/* Witnesses and groups share one set of names, in which "none" is taken. */
static enum err add_node(struct parser *p, struct note_span name, size_t witness, size_t *ret)
{
    struct policy *policy = p->policy;
    if (name.len > NOTE_NAME_MAX)
        return wrong(p, ERR_LIMIT, "the name is longer than 255 bytes.");
    if (note_span_is(name, "none") || find_node(policy, name) != NO_NODE)
        return wrong(p, ERR_SYNTAX, "the name is already in use.");
    assert(policy->n_nodes < NODES_MAX);
    struct node *node = &policy->nodes[policy->n_nodes];
    *node = (struct node){ .parent = NO_NODE, .witness = witness };
    memcpy(node->name, name.at, name.len);
    *ret = policy->n_nodes++;
    return OK;
}

static bool same_name_and_id(const struct note_key *a, const struct note_key *b)
{
    return strcmp(a->name, b->name) == 0 && memcmp(a->id, b->id, sizeof(a->id)) == 0;
}

/* Parses "<vkey> [<url>]" to the end of the line and holds the key against those already there. */
static enum err read_key(struct parser *p, struct note_span *line, uint8_t type,
                         const struct note_key *peers, size_t n_peers, struct note_key *ret)
{
    struct note_span vkey, url, more;
    if (!next_word(line, &vkey) || note_key_parse(vkey.at, vkey.len, ret) != OK)
        return wrong(p, ERR_SYNTAX, "a verifier key (name+id+base64) is missing or wrong.");
    if (next_word(line, &url) && next_word(line, &more))
        return wrong(p, ERR_SYNTAX, "there is something behind the URL.");
    if (ret->type != type)
        return wrong(p, ERR_SYNTAX,
                     type == NOTE_TYPE_ED25519 ? "a log's key must have signature type 1."
                                               : "a witness's key must have signature type 4.");
    for (size_t i = 0; i < n_peers; i++)
        if (memcmp(peers[i].public, ret->public, SIGN_PUBLIC_BYTES) == 0)
            return wrong(p, ERR_SYNTAX, "the public key stands on an earlier line too.");
    /* Equal name and id with another key: no signature line could say which of them it means. */
    const struct policy *policy = p->policy;
    for (size_t i = 0; i < policy->n_logs; i++)
        if (same_name_and_id(&policy->logs[i], ret))
            return wrong(p, ERR_SYNTAX, "another key has the same name and key id.");
    for (size_t i = 0; i < policy->n_witnesses; i++)
        if (same_name_and_id(&policy->witnesses[i], ret))
            return wrong(p, ERR_SYNTAX, "another key has the same name and key id.");
    return OK;
}

static enum err read_log(struct parser *p, struct note_span line)
{
    struct policy *policy = p->policy;
    struct note_key key;
    if (policy->n_logs == POLICY_LOGS_MAX)
        return wrong(p, ERR_LIMIT, "there are more than 64 logs.");
    enum err e = read_key(p, &line, NOTE_TYPE_ED25519, policy->logs, policy->n_logs, &key);
    if (e == OK)
        policy->logs[policy->n_logs++] = key;
    return e;
}

static enum err read_witness(struct parser *p, struct note_span line)
{
    struct policy *policy = p->policy;
    struct note_span name;
    struct note_key key;
    size_t node;
    if (policy->n_witnesses == POLICY_WITNESSES_MAX)
        return wrong(p, ERR_LIMIT, "there are more than 64 witnesses.");
    if (!next_word(&line, &name))
        return wrong(p, ERR_SYNTAX, "the witness's name is missing.");
    enum err e =
        read_key(p, &line, NOTE_TYPE_COSIGNATURE, policy->witnesses, policy->n_witnesses, &key);
    if (e == OK)
        e = add_node(p, name, policy->n_witnesses, &node);
    if (e == OK)
        policy->witnesses[policy->n_witnesses++] = key;
    return e;
}

static enum err read_threshold(struct parser *p, struct note_span word, size_t members, size_t *ret)
{
    uint64_t need = 0;
    if (note_span_is(word, "any"))
        need = 1;
    else if (note_span_is(word, "all"))
        need = members;
    else if (!u64_parse(word.at, word.len, &need))
        return wrong(p, ERR_SYNTAX, "a group needs all, any or a decimal number.");
    if (need < 1 || need > members)
        return wrong(p, ERR_SYNTAX, "the threshold must be from 1 to the number of members.");
    *ret = (size_t)need;
    return OK;
}

static enum err read_group(struct parser *p, struct note_span line)
{
    struct policy *policy = p->policy;
    struct note_span name, threshold, member;
    if (policy->n_nodes - policy->n_witnesses == POLICY_GROUPS_MAX)
        return wrong(p, ERR_LIMIT, "there are more than 64 groups.");
    if (!next_word(&line, &name) || !next_word(&line, &threshold))
        return wrong(p, ERR_SYNTAX, "a group is: group name all|any|k names.");
    /* The group gets its name only after its members are known, so it cannot contain itself. */
    size_t group = policy->n_nodes, members = 0;
    for (; next_word(&line, &member); members++) {
        size_t i = find_node(policy, member);
        if (i == NO_NODE)
            return wrong(p, ERR_SYNTAX, "a member is not defined on an earlier line.");
        if (policy->nodes[i].parent != NO_NODE)
            return wrong(p, ERR_SYNTAX, "a member is already in a group.");
        policy->nodes[i].parent = group;
    }
    if (members == 0)
        return wrong(p, ERR_SYNTAX, "the group has no members.");
    size_t need = 0;
    enum err e = read_threshold(p, threshold, members, &need);
    if (e == OK)
        e = add_node(p, name, NO_NODE, &group);
    if (e == OK)
        policy->nodes[group].need = need;
    return e;
}

static enum err read_quorum(struct parser *p, struct note_span line)
{
    struct note_span name, more;
    if (p->have_quorum)
        return wrong(p, ERR_SYNTAX, "there is a second quorum line.");
    if (!next_word(&line, &name) || next_word(&line, &more))
        return wrong(p, ERR_SYNTAX, "a quorum line has exactly one name.");
    p->policy->quorum = find_node(p->policy, name);
    if (p->policy->quorum == NO_NODE && !note_span_is(name, "none"))
        return wrong(p, ERR_SYNTAX, "the quorum is not defined on an earlier line.");
    p->have_quorum = true;
    return OK;
}

static enum err read_line(struct parser *p, struct note_span line)
{
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = (uint8_t)line.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return wrong(p, ERR_SYNTAX, "only tab and newline may stand for control characters.");
    }
    struct note_span word;
    if (!next_word(&line, &word) || word.at[0] == '#')
        return OK;
    if (note_span_is(word, "log"))
        return read_log(p, line);
    if (note_span_is(word, "witness"))
        return read_witness(p, line);
    if (note_span_is(word, "group"))
        return read_group(p, line);
    if (note_span_is(word, "quorum"))
        return read_quorum(p, line);
    return wrong(p, ERR_SYNTAX, "it starts with none of log, witness, group, quorum, #.");
}

static enum err read_lines(struct parser *p, struct note_span rest)
{
    while (rest.len > 0) {
        struct note_span line;
        p->line++;
        if (!note_line(&rest, &line))
            return wrong(p, ERR_SYNTAX, "the last line does not end in a newline.");
        enum err e = read_line(p, line);
        if (e != OK)
            return e;
    }
    return p->have_quorum ? OK : wrong(p, ERR_SYNTAX, "there is no quorum line.");
}

enum err policy_parse(const char *text, size_t len, struct policy **ret, struct problem *problem)
{
    if (len > POLICY_MAX)
        return problem_set(problem, ERR_LIMIT, "", "The policy is longer than 64 KiB.");
    struct policy *policy = calloc(1, sizeof(*policy));
    if (policy == NULL)
        return problem_set(problem, ERR_NO_MEMORY, "", "There is no memory for the policy.");
    struct parser parser = { .policy = policy, .problem = problem };
    enum err e = read_lines(&parser, (struct note_span){ text, len });
    if (e == OK)
        *ret = policy;
    else
        policy_free(policy);
    return e;
}

void policy_free(struct policy *p)
{
    free(p);
}

/* Children stand before parents, so one pass from front to back settles every group. */
static bool quorum_met(const struct policy *p, const bool cosigned[POLICY_WITNESSES_MAX])
{
    size_t votes[NODES_MAX] = { 0 };
    if (p->quorum == NO_NODE)
        return true;
    for (size_t i = 0; i <= p->quorum; i++) {
        const struct node *node = &p->nodes[i];
        bool met = node->witness != NO_NODE ? cosigned[node->witness] : votes[i] >= node->need;
        if (i == p->quorum)
            return met;
        if (met && node->parent != NO_NODE)
            votes[node->parent]++;
    }
    return false;
}

static size_t find_key(const struct note_key *keys, size_t n, const struct note_signature *s)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(keys[i].id, s->id, NOTE_ID_BYTES) == 0 && note_span_is(s->name, keys[i].name))
            return i;
    return NO_NODE;
}

/* A line of a known key must verify and may stand there once; lines of others are ignored. */
static enum err check_line(const struct note_key *keys, size_t n, bool *signed_by,
                           const struct note_signature *s, struct note_span body)
{
    size_t i = find_key(keys, n, s);
    if (i == NO_NODE)
        return OK;
    if (signed_by[i])
        return ERR_CRYPTO;
    enum err e = checkpoint_signature_verify(&keys[i], s, body);
    signed_by[i] = e == OK;
    return e;
}

enum err policy_check(const struct policy *p, const char *note, size_t len, struct checkpoint *ret)
{
    bool logs[POLICY_LOGS_MAX] = { false }, witnesses[POLICY_WITNESSES_MAX] = { false };
    struct note_text text;
    struct note_signature s;
    struct checkpoint c;
    enum err e = note_open(note, len, &text);
    if (e == OK)
        e = checkpoint_body_parse(text.body, &c);
    while (e == OK && note_signature_next(&text.signatures, &s)) {
        e = check_line(p->logs, p->n_logs, logs, &s, text.body);
        if (e == OK)
            e = check_line(p->witnesses, p->n_witnesses, witnesses, &s, text.body);
    }
    if (e != OK)
        return e;
    bool by_origin = false;
    for (size_t i = 0; i < p->n_logs; i++)
        by_origin = by_origin || (logs[i] && strcmp(p->logs[i].name, c.origin) == 0);
    if (!by_origin || !quorum_met(p, witnesses))
        return ERR_CRYPTO;
    *ret = c;
    return OK;
}
