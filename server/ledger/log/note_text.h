/* The shape of signed notes (C2SP signed-note), for the files of this folder only: text, blank
 * line, signature lines. Nothing here verifies a signature. All pointers borrow from the note.
 * Pure. */
#ifndef CAIRN_LEDGER_NOTE_TEXT_H
#define CAIRN_LEDGER_NOTE_TEXT_H

#include "server/ledger/log/note.h"

#define NOTE_ID_BYTES 4
#define COSIGNATURE_BYTES (8 + SIGN_BYTES) /* big-endian POSIX time || Ed25519 */

struct note_span {
    const char *at;
    size_t len;
};

struct note_text {
    struct note_span body;       /* with its final newline */
    struct note_span signatures; /* one or more whole lines */
};

struct note_signature {
    struct note_span name;
    uint8_t id[NOTE_ID_BYTES];
    uint8_t bytes[COSIGNATURE_BYTES]; /* the first of len bytes: no known kind has more */
    size_t len;
};

/* Takes the next newline-terminated line (without its newline); false at the end, or if there is no
 * newline. */
bool note_line(struct note_span *rest, struct note_span *ret);
bool note_span_is(struct note_span s, const char *text);
/* True for a key name: not empty, valid UTF-8, no control character, Unicode space or plus. */
bool note_name_valid(struct note_span name);
/* True for text that may stand in a note: valid UTF-8, no control character but newline. */
bool note_text_valid(struct note_span text);
/* True for strict base64 of at least least bytes, however long; ret gets the first max of them. */
bool note_base64(struct note_span text, size_t least, uint8_t *ret, size_t max, size_t *ret_len);

/* Splits a note and checks every line of it, also those of unknown keys. */
enum err note_open(const char *note, size_t len, struct note_text *ret) MUST_USE;
/* Steps through the signature lines; rest starts as note_text.signatures. */
bool note_signature_next(struct note_span *rest, struct note_signature *ret);
/* Appends the line of one signature. */
enum err note_signature_add(const struct note_key *k, const uint8_t *signature, size_t len,
                            struct buf *ret) MUST_USE;

/* Reads checkpoint lines from a whole note body. */
enum err checkpoint_body_parse(struct note_span body, struct checkpoint *ret) MUST_USE;
/* Verifies one signature of the key over a checkpoint body, by the rules of the key's type. */
enum err checkpoint_signature_verify(const struct note_key *k, const struct note_signature *s,
                                     struct note_span body) MUST_USE;

#endif
