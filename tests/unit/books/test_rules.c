/* The rules of the books that need no database: ids, currencies, what a group may hold. */
#include "server/books/books.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <string.h>

static const struct id one = { { 1 } }, two = { { 2 } }, three = { { 3 } };

/* Computed with another program: printf 'cairn/v1/book/wallet/EUR' and the owner's bytes |
 * sha256sum. */
static void test_ids_are_fixed(void **state)
{
    (void)state;
    char text[ID_TEXT_SIZE];
    struct id id = book_account_id(BOOK_WALLET, &one, "EUR");
    id_text(&id, text);
    assert_string_equal(text, "0abc69c9-7a83-80e2-99b4-74ca4bc0a57a");
    id = book_account_id(BOOK_OUTSIDE, NULL, "USD");
    id_text(&id, text);
    assert_string_equal(text, "c76a6b26-e9fd-8f42-9481-9dac16326308");
    id = books_transfer_id(&two, 258);
    id_text(&id, text);
    assert_string_equal(text, "74a0f4e3-9a2c-8c1e-99c4-b484d9fa0daf");
}

static void test_ids_differ(void **state)
{
    (void)state;
    struct id all[] = {
        book_account_id(BOOK_WALLET, &one, "EUR"),
        book_account_id(BOOK_WALLET, &two, "EUR"),
        book_account_id(BOOK_WALLET, &one, "USD"),
        book_account_id(BOOK_RESERVED, &one, "EUR"),
        book_account_id(BOOK_FEES, NULL, "EUR"),
        books_transfer_id(&one, 0),
        books_transfer_id(&one, 1),
        books_transfer_id(&two, 0),
    };
    for (size_t i = 0; i < COUNT(all); i++)
        for (size_t j = 0; j < i; j++)
            assert_false(id_equal(&all[i], &all[j]));
}

static void test_currency(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "EU", "EURO", "eur", "E R", "EU1", "\xc3\x84UR" };
    assert_true(book_currency_ok("EUR"));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(book_currency_ok(bad[i]));
}

static struct transfer good(uint32_t leg)
{
    return books_leg(&three, leg, &one, &two, 5, "fee");
}

static void test_check_one(void **state)
{
    (void)state;
    struct transfer t = good(0);
    assert_int_equal(books_check("EUR", &t, 1), OK);
    assert_int_equal(books_check("eur", &t, 1), ERR_BOOKS_CURRENCY);
    assert_int_equal(books_check("EUR", &t, 0), ERR_FIELD_RANGE);
    const int64_t amounts[] = { 0, -1, INT64_MIN, TRANSFER_AMOUNT_MAX + 1, INT64_MAX };
    for (size_t i = 0; i < COUNT(amounts); i++) {
        t = good(0);
        t.amount = amounts[i];
        assert_int_equal(books_check("EUR", &t, 1), ERR_FIELD_RANGE);
    }
    t = good(0);
    t.amount = TRANSFER_AMOUNT_MAX;
    assert_int_equal(books_check("EUR", &t, 1), OK);
    t.credit = t.debit;
    assert_int_equal(books_check("EUR", &t, 1), ERR_FIELD_RANGE);
    const char *const kinds[] = { NULL,    "",    "Fee",
                                  "fee\"", "a,b", "1fee",
                                  "f{",    "\\",  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        t = good(0);
        t.kind = kinds[i];
        assert_int_equal(books_check("EUR", &t, 1), ERR_FIELD_RANGE);
    }
}

static void test_check_modes(void **state)
{
    (void)state;
    struct transfer t = good(0);
    t.pending_of = one; /* a posting ends nothing */
    assert_int_equal(books_check("EUR", &t, 1), ERR_STATE);
    t.mode = TRANSFER_SETTLE;
    assert_int_equal(books_check("EUR", &t, 1), OK);
    t.pending_of = (struct id){ { 0 } };
    assert_int_equal(books_check("EUR", &t, 1), ERR_STATE);
    t.mode = TRANSFER_VOID;
    assert_int_equal(books_check("EUR", &t, 1), ERR_STATE);
    t.mode = TRANSFER_PENDING;
    assert_int_equal(books_check("EUR", &t, 1), OK);
    t.mode = (enum transfer_mode)7;
    assert_int_equal(books_check("EUR", &t, 1), ERR_FIELD_RANGE);
}

static void test_check_group(void **state)
{
    (void)state;
    struct transfer t[TRANSFERS_MAX + 1];
    for (uint32_t i = 0; i < COUNT(t); i++)
        t[i] = good(i);
    assert_int_equal(books_check("EUR", t, TRANSFERS_MAX), OK);
    assert_int_equal(books_check("EUR", t, TRANSFERS_MAX + 1), ERR_FIELD_RANGE);
    t[9].id = t[3].id;
    assert_int_equal(books_check("EUR", t, 10), ERR_FIELD_RANGE);
    t[0].mode = t[1].mode = TRANSFER_VOID;
    t[0].pending_of = t[1].pending_of = one; /* one pending transfer cannot end twice */
    assert_int_equal(books_check("EUR", t, 2), ERR_STATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_are_fixed), cmocka_unit_test(test_ids_differ),
        cmocka_unit_test(test_currency),      cmocka_unit_test(test_check_one),
        cmocka_unit_test(test_check_modes),   cmocka_unit_test(test_check_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
