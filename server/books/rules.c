/* The rules of the books that need no database. */
#include "server/books/books.h"
#include "server/crypto/hash.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[BOOK_KIND_COUNT] = {
    [BOOK_OUTSIDE] = "outside",   [BOOK_WALLET] = "wallet",         [BOOK_AVAILABLE] = "available",
    [BOOK_RESERVED] = "reserved", [BOOK_ACCRUED] = "accrued",       [BOOK_FOLLOWUP] = "followup",
    [BOOK_DISPUTED] = "disputed", [BOOK_REFUNDABLE] = "refundable", [BOOK_FEES] = "fees",
    [BOOK_CLEARING] = "clearing",
};

const char *book_kind_text(enum book_kind kind)
{
    assert((unsigned)kind < BOOK_KIND_COUNT);
    return kinds[kind];
}

bool book_currency_ok(const char *currency)
{
    if (strnlen(currency, CURRENCY_SIZE) != CURRENCY_SIZE - 1)
        return false;
    for (size_t i = 0; i < CURRENCY_SIZE - 1; i++)
        if (currency[i] < 'A' || currency[i] > 'Z')
            return false;
    return true;
}

struct id book_account_id(enum book_kind kind, const struct id *owner, const char *currency)
{
    assert(book_currency_ok(currency));
    assert((owner == NULL) == (kind == BOOK_OUTSIDE || kind == BOOK_FEES));
    char name[48];
    uint8_t hash[HASH_BYTES];
    int len = snprintf(name, sizeof(name), "cairn/v1/book/%s/%s", book_kind_text(kind), currency);
    assert(len > 0 && (size_t)len < sizeof(name));
    sha256_two(name, (size_t)len, owner != NULL ? owner->bytes : NULL, owner != NULL ? ID_BYTES : 0,
               hash);
    return id_from_hash(hash);
}

struct id books_transfer_id(const struct id *entry, uint32_t leg)
{
    static const char name[] = "cairn/v1/transfer";
    uint8_t rest[ID_BYTES + 4], hash[HASH_BYTES];
    memcpy(rest, entry->bytes, ID_BYTES);
    for (size_t i = 0; i < 4; i++)
        rest[ID_BYTES + i] = (uint8_t)(leg >> (24 - 8 * i));
    sha256_two(name, sizeof(name) - 1, rest, sizeof(rest), hash);
    return id_from_hash(hash);
}

struct transfer books_leg(const struct id *entry, uint32_t leg, const struct id *debit,
                          const struct id *credit, int64_t amount, const char *kind)
{
    return (struct transfer){ .id = books_transfer_id(entry, leg),
                              .debit = *debit,
                              .credit = *credit,
                              .amount = amount,
                              .kind = kind,
                              .mode = TRANSFER_POST };
}

static bool kind_ok(const char *kind)
{
    size_t len = kind != NULL ? strnlen(kind, 33) : 0;
    if (len == 0 || len > 32 || kind[0] < 'a' || kind[0] > 'z')
        return false;
    return strspn(kind, "abcdefghijklmnopqrstuvwxyz._-") == len;
}

static bool zero(const struct id *id)
{
    static const struct id none = { { 0 } };
    return id_equal(id, &none);
}

static enum err check_one(const struct transfer *t)
{
    if (t->amount < 1 || t->amount > TRANSFER_AMOUNT_MAX || !kind_ok(t->kind) || zero(&t->id))
        return ERR_FIELD_RANGE;
    if (id_equal(&t->debit, &t->credit) || (unsigned)t->mode > TRANSFER_VOID)
        return ERR_FIELD_RANGE;
    bool ends = t->mode == TRANSFER_SETTLE || t->mode == TRANSFER_VOID;
    return ends == !zero(&t->pending_of) ? OK : ERR_STATE;
}

enum err books_check(const char *currency, const struct transfer *t, size_t n)
{
    if (!book_currency_ok(currency))
        return ERR_BOOKS_CURRENCY;
    if (n < 1 || n > TRANSFERS_MAX)
        return ERR_FIELD_RANGE;
    for (size_t i = 0; i < n; i++) {
        enum err e = check_one(&t[i]);
        if (e != OK)
            return e;
        for (size_t j = 0; j < i; j++) {
            if (id_equal(&t[i].id, &t[j].id))
                return ERR_FIELD_RANGE;
            if (!zero(&t[i].pending_of) && id_equal(&t[i].pending_of, &t[j].pending_of))
                return ERR_STATE;
        }
    }
    return OK;
}
