#include "server/ledger/log/note_text.h"

#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <assert.h>

static const char dash[] = "\xe2\x80\x94 "; /* U+2014 and a space */
#define DASH_LEN (sizeof(dash) - 1)

bool note_line(struct note_span *rest, struct note_span *ret)
{
    const char *end = rest->len > 0 ? memchr(rest->at, '\n', rest->len) : NULL;
    if (end == NULL)
        return false;
    *ret = (struct note_span){ rest->at, (size_t)(end - rest->at) };
    rest->len -= ret->len + 1;
    rest->at = end + 1;
    return true;
}

bool note_span_is(struct note_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* Takes one code point off the front; false unless it is well-formed UTF-8 (RFC 3629: no overlong
 * form, no surrogate, nothing above U+10FFFF). */
static bool utf8_next(struct note_span *rest, uint32_t *ret)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint8_t first = (uint8_t)rest->at[0];
    size_t len = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (len == 0 || len > rest->len || first > 0xf4)
        return false;
    uint32_t code = len == 1 ? first : first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        uint8_t next = (uint8_t)rest->at[i];
        if ((next & 0xc0) != 0x80)
            return false;
        code = code << 6 | (next & 0x3f);
    }
    if (code < least[len] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return false;
    rest->at += len;
    rest->len -= len;
    *ret = code;
    return true;
}

/* The White_Space property of Unicode, without the control characters that are refused anyway. */
static bool is_space(uint32_t code)
{
    return code == 0x20 || code == 0x85 || code == 0xa0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 ||
           code == 0x202f || code == 0x205f || code == 0x3000;
}

bool note_name_valid(struct note_span name)
{
    if (name.len == 0)
        return false;
    while (name.len > 0) {
        uint32_t code = 0;
        if (!utf8_next(&name, &code) || code < 0x20 || code == '+' || is_space(code))
            return false;
    }
    return true;
}

bool note_text_valid(struct note_span text)
{
    while (text.len > 0) {
        uint32_t code = 0;
        if (!utf8_next(&text, &code) || (code < 0x20 && code != '\n'))
            return false;
    }
    return true;
}

/* Signatures of unknown kinds may be long (post-quantum ones are), so the text is decoded in pieces
 * and only as much is kept as anyone here looks at. */
bool note_base64(struct note_span text, size_t least, uint8_t *ret, size_t max, size_t *ret_len)
{
    size_t total = 0;
    while (text.len > 0) {
        uint8_t piece[192];
        size_t take = text.len < 256 ? text.len : 256;
        size_t got = 0;
        if (!base64_decode_any(text.at, take, piece, sizeof(piece), &got))
            return false;
        if (take < text.len && got != sizeof(piece))
            return false; /* padding in the middle */
        if (total < max)
            memcpy(ret + total, piece, got < max - total ? got : max - total);
        total += got;
        text.at += take;
        text.len -= take;
    }
    *ret_len = total;
    return total >= least;
}

static bool signature_parse(struct note_span line, struct note_signature *ret)
{
    if (line.len < DASH_LEN || memcmp(line.at, dash, DASH_LEN) != 0)
        return false;
    struct note_span rest = { line.at + DASH_LEN, line.len - DASH_LEN };
    const char *space = rest.len > 0 ? memchr(rest.at, ' ', rest.len) : NULL;
    if (space == NULL)
        return false;
    struct note_signature s = { .name = { rest.at, (size_t)(space - rest.at) } };
    struct note_span text = { space + 1, rest.len - s.name.len - 1 };
    uint8_t bytes[NOTE_ID_BYTES + COSIGNATURE_BYTES] = { 0 };
    size_t len = 0;
    if (!note_name_valid(s.name) ||
        !note_base64(text, NOTE_ID_BYTES + 1, bytes, sizeof(bytes), &len))
        return false;
    memcpy(s.id, bytes, NOTE_ID_BYTES);
    memcpy(s.bytes, bytes + NOTE_ID_BYTES, COSIGNATURE_BYTES);
    s.len = len - NOTE_ID_BYTES;
    *ret = s;
    return true;
}

bool note_signature_next(struct note_span *rest, struct note_signature *ret)
{
    struct note_span line;
    return note_line(rest, &line) && signature_parse(line, ret);
}

enum err note_open(const char *note, size_t len, struct note_text *ret)
{
    if (len > CHECKPOINT_MAX)
        return ERR_LIMIT;
    if (len < 2 || note[len - 1] != '\n' || !note_text_valid((struct note_span){ note, len }))
        return ERR_SYNTAX;
    /* The last empty line parts text and signatures: earlier ones belong to the text. */
    size_t blank = len - 1;
    while (blank > 0 && !(note[blank] == '\n' && note[blank - 1] == '\n'))
        blank--;
    if (blank == 0 || blank == len - 1)
        return ERR_SYNTAX;
    struct note_span rest = { note + blank + 1, len - blank - 1 };
    struct note_text text = { .body = { note, blank }, .signatures = rest };
    for (size_t n = 0; rest.len > 0; n++) {
        struct note_signature s;
        if (n == NOTE_SIGNATURES_MAX)
            return ERR_LIMIT;
        if (!note_signature_next(&rest, &s))
            return ERR_SYNTAX;
    }
    *ret = text;
    return OK;
}

enum err note_signature_add(const struct note_key *k, const uint8_t *signature, size_t len,
                            struct buf *ret)
{
    uint8_t bytes[NOTE_ID_BYTES + COSIGNATURE_BYTES];
    char text[BASE64_SIZE(sizeof(bytes))];
    assert(len <= COSIGNATURE_BYTES);
    memcpy(bytes, k->id, NOTE_ID_BYTES);
    memcpy(bytes + NOTE_ID_BYTES, signature, len);
    base64_encode(bytes, NOTE_ID_BYTES + len, text);
    return buf_addf(ret, "%s%s %s\n", dash, k->name, text);
}

bool note_key_make(const char *name, uint8_t type, const uint8_t public_key[SIGN_PUBLIC_BYTES],
                   struct note_key *ret)
{
    size_t len = strlen(name);
    if (len > NOTE_NAME_MAX || !note_name_valid((struct note_span){ name, len }))
        return false;
    if (type != NOTE_TYPE_ED25519 && type != NOTE_TYPE_COSIGNATURE)
        return false;
    struct note_key k = { .type = type };
    memcpy(k.name, name, len);
    memcpy(k.public, public_key, SIGN_PUBLIC_BYTES);

    uint8_t message[NOTE_NAME_MAX + 2 + SIGN_PUBLIC_BYTES];
    uint8_t hash[HASH_BYTES];
    memcpy(message, name, len);
    message[len] = '\n';
    message[len + 1] = type;
    memcpy(message + len + 2, public_key, SIGN_PUBLIC_BYTES);
    sha256(message, len + 2 + SIGN_PUBLIC_BYTES, hash);
    memcpy(k.id, hash, NOTE_ID_BYTES);
    *ret = k;
    return true;
}

enum err note_key_print(const struct note_key *k, struct buf *ret)
{
    uint8_t bytes[1 + SIGN_PUBLIC_BYTES] = { k->type };
    char id[HEX_SIZE(NOTE_ID_BYTES)];
    char key[BASE64_SIZE(sizeof(bytes))];
    memcpy(bytes + 1, k->public, SIGN_PUBLIC_BYTES);
    hex_encode(k->id, NOTE_ID_BYTES, id);
    base64_encode(bytes, sizeof(bytes), key);
    return buf_addf(ret, "%s+%s+%s", k->name, id, key);
}

enum err note_key_parse(const char *text, size_t len, struct note_key *ret)
{
    enum { ID_CHARS = 2 * NOTE_ID_BYTES, KEY_CHARS = (1 + SIGN_PUBLIC_BYTES) / 3 * 4 };
    /* Base64 may hold plus signs and a name may not, so the first one ends the name. */
    const char *plus = len > 0 ? memchr(text, '+', len) : NULL;
    size_t name_len = plus != NULL ? (size_t)(plus - text) : 0;
    if (plus == NULL || name_len > NOTE_NAME_MAX || memchr(text, '\0', name_len) != NULL)
        return ERR_SYNTAX;
    if (len != name_len + 1 + ID_CHARS + 1 + KEY_CHARS || plus[1 + ID_CHARS] != '+')
        return ERR_SYNTAX;

    char name[NOTE_NAME_MAX + 1] = { 0 };
    uint8_t id[NOTE_ID_BYTES];
    uint8_t key[1 + SIGN_PUBLIC_BYTES];
    struct note_key k;
    memcpy(name, text, name_len);
    if (!hex_decode(plus + 1, ID_CHARS, id, sizeof(id)) ||
        !base64_decode(plus + 2 + ID_CHARS, KEY_CHARS, key, sizeof(key)) ||
        !note_key_make(name, key[0], key + 1, &k) || memcmp(k.id, id, sizeof(id)) != 0)
        return ERR_SYNTAX;
    *ret = k;
    return OK;
}
