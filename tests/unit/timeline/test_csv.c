/* server/timeline/csv.c: RFC 4180 rows, and what is not one. */
#include "server/timeline/csv.h"
#include "tests/unit/timeline/help.h"

/* All rows as text: cells in brackets, rows by their first line. */
static enum err read_all(const char *text, size_t len, char *ret, size_t room, struct problem *p)
{
    struct csv c;
    csv_init(&c, text, len);
    size_t out = 0;
    ret[0] = '\0';
    bool any = true;
    enum err e = csv_next(&c, &any, p);
    for (; e == OK && any; e = csv_next(&c, &any, p)) {
        out += (size_t)snprintf(ret + out, room - out, "%zu", c.row_line);
        for (size_t i = 0; i < c.n && out < room; i++)
            out += (size_t)snprintf(ret + out, room - out, "[%s]", csv_cell(&c, i));
        assert_true(out < room);
    }
    csv_release(&c);
    return e;
}

static void test_rows(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "", "" },
        { "\xef\xbb\xbf", "" },
        { "a,b\n1,2\n", "1[a][b]2[1][2]" },
        { "a,b\r\n1,2\r\n", "1[a][b]2[1][2]" },
        { "a,b\n1,2", "1[a][b]2[1][2]" },
        { "\xef\xbb\xbf\"a\",b\n1,2", "1[a][b]2[1][2]" },
        { "a,b\n,\n", "1[a][b]2[][]" },
        { "a,b\n1,", "1[a][b]2[1][]" },
        { "a,b\n\"x,y\",\"say \"\"hi\"\"\"\n", "1[a][b]2[x,y][say \"hi\"]" },
        { "a,b\n\"one\ntwo\r\nthree\",2\n3,4\n", "1[a][b]2[one\ntwo\r\nthree][2]5[3][4]" },
        { "a,b\n\n1,2\n\r\n\n3,4\n\n", "1[a][b]3[1][2]6[3][4]" },
        { "a\n\n1\n", "1[a]2[]3[1]" },
        { "a,b\n\"\",\"\"\"\"\n", "1[a][b]2[][\"]" },
        { "a,b\n 1 ,\t2\n", "1[a][b]2[ 1 ][\t2]" },
        { "\xc3\xa9,\xe2\x82\xac,\xf0\x9f\x8c\xb1\n",
          "1[\xc3\xa9][\xe2\x82\xac][\xf0\x9f\x8c\xb1]" },
        { "\"a\"", "1[a]" },
        { "\n", "1[]" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char got[200];
        struct problem p = { 0 };
        enum err e = read_all(cases[i][0], strlen(cases[i][0]), got, sizeof(got), &p);
        if (e != OK || strcmp(got, cases[i][1]) != 0)
            fail_msg("case %zu: %s %s", i, got, p.detail);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "a,b\n1\n", "line 2, column 1: the row has 1 cells" },
        { "a,b\n1,2,3\n", "line 2, column 3: the row has 3 cells" },
        { "a,b\n\"1\n,2,3\",4\n5\n", "line 4, column 1: the row has 1 cells" },
        { "a,b\n1,\"2\n", "line 2, column 2: a quoted cell is not closed" },
        { "a,b\n1,x\"2\"\n", "line 2, column 2: a quote stands inside" },
        { "a,b\n\"1\"2,3\n", "line 2, column 1: text follows a closing quote" },
        { "a,b\n\"1\" ,3\n", "line 2, column 1: text follows a closing quote" },
        { "a,b\r1,2\r", "line 1, column 2: a carriage return" },
        { "a,b\n1,2\r", "line 2, column 2: a carriage return" },
        { "a,b\n1,\xff\n", "line 2, column 2: the cell is not UTF-8" },
        { "a,b\n1,\xc3\n", "line 2, column 2: the cell is not UTF-8" },
        { "a,b\n\xc0\xaf,1\n", "line 2, column 1: the cell is not UTF-8" },
        { "a,b\n\xed\xa0\x80,1\n", "line 2, column 1: the cell is not UTF-8" },
        { "a,b\n\xf4\x90\x80\x80,1\n", "line 2, column 1: the cell is not UTF-8" },
        { "a,b\n\xe0\x80\xaf,1\n", "line 2, column 1: the cell is not UTF-8" },
        { "a,b\n\"\x80\",1\n", "line 2, column 1: the cell is not UTF-8" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char got[200];
        struct problem p = { 0 };
        enum err e = read_all(cases[i][0], strlen(cases[i][0]), got, sizeof(got), &p);
        if (e != ERR_SYNTAX || strncmp(p.detail, cases[i][1], strlen(cases[i][1])) != 0)
            fail_msg("case %zu: %s \"%s\"", i, err_code(e), p.detail);
    }
    char got[200];
    struct problem p = { 0 };
    assert_int_equal(read_all("a,b\n1,\0002\n", 9, got, sizeof(got), &p), ERR_SYNTAX); /* NUL */
    assert_string_equal(p.detail, "line 2, column 2: the cell is not UTF-8 text; save the file as "
                                  "UTF-8.");
}

static void test_limits(void **state)
{
    (void)state;
    char got[CSV_COLUMNS_MAX * 3 + 8], wide[CSV_COLUMNS_MAX + 1];
    memset(wide, ',', sizeof(wide)); /* n commas make n + 1 cells */
    assert_int_equal(read_all(wide, CSV_COLUMNS_MAX - 1, got, sizeof(got), NULL), OK);
    assert_int_equal(read_all(wide, CSV_COLUMNS_MAX, got, sizeof(got), NULL), ERR_LIMIT);
    size_t len = CSV_CELL_MAX + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'x', len);
    struct csv c;
    bool any = false;
    csv_init(&c, text, len - 1);
    assert_int_equal(csv_next(&c, &any, NULL), OK);
    assert_int_equal(strlen(csv_cell(&c, 0)), CSV_CELL_MAX);
    csv_release(&c);
    csv_init(&c, text, len);
    assert_int_equal(csv_next(&c, &any, NULL), ERR_LIMIT);
    csv_release(&c);
    memset(text, '"', len - 1); /* an opening quote, then pairs: half of them are content */
    csv_init(&c, text, len - 1);
    assert_int_equal(csv_next(&c, &any, NULL), OK);
    assert_int_equal(strlen(csv_cell(&c, 0)), CSV_CELL_MAX / 2 - 1);
    csv_release(&c);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
