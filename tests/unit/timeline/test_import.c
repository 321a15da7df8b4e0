/* server/timeline/import.c: rows to series, and refusals that name line and column but quote no
 * cell. */
#include "tests/unit/timeline/help.h"

#define YES "{\"system\":\"urn:v\",\"code\":\"Y\"}"
#define NO "{\"system\":\"urn:v\",\"code\":\"N\"}"

static const char mapping_text[] =
    "{\"format\":\"cairn-mapping/1\",\"disease\":\"MONDO:0005388\",\"subject\":\"id\","
    "\"date\":{\"column\":\"day\",\"kind\":\"days_since\",\"epoch\":\"1974-01-01\"},\"columns\":["
    "{\"column\":\"lab\",\"system\":\"urn:a\",\"code\":\"lab\",\"type\":\"quantity\",\"unit\":"
    "\"g\"},"
    "{\"column\":\"sign\",\"system\":\"urn:a\",\"code\":\"sign\",\"type\":\"code\",\"values\":{"
    "\"0\":" NO ",\"0.5\":" YES ",\"yes\":" YES "}},"
    "{\"column\":\"age\",\"system\":\"urn:a\",\"code\":\"age\",\"type\":\"quantity\",\"unit\":"
    "\"a\","
    "\"once\":true},"
    "{\"column\":\"lab\",\"system\":\"urn:a\",\"code\":\"on-drug\",\"type\":\"event\","
    "\"value\":" YES ",\"when\":{\"column\":\"arm\",\"equals\":\"1\"}},"
    "{\"column\":\"stop\",\"system\":\"urn:a\",\"code\":\"stop\",\"type\":\"event\",\"value\":" YES
    ",\"date\":{\"column\":\"start\",\"kind\":\"date_plus_days\",\"plus\":\"stop\"}}]}";

#define HEADER "id,day,lab,sign,age,arm,start,stop\n"

static enum err run(const char *csv, struct series **ret, struct problem *p)
{
    struct mapping *m = NULL;
    assert_int_equal(mapping_read(mapping_text, strlen(mapping_text), &m, p), OK);
    enum err e = csv_import(m, csv, strlen(csv), ret, p);
    mapping_free(m);
    return e;
}

static void one_line(const struct observation *o, char *ret, size_t room)
{
    char date[DATE_TEXT_SIZE];
    date_text(o->date, date);
    if (o->unit != NULL)
        (void)snprintf(ret, room, "%s/%d %s %lld/%d%s", date, (int)o->precision, o->code,
                       (long long)o->value, o->scale, o->unit);
    else
        (void)snprintf(ret, room, "%s/%d %s %s", date, (int)o->precision, o->code, o->value_code);
}

static void expect(const struct timeline *t, const char *const *lines, size_t n)
{
    assert_int_equal(t->n, n);
    for (size_t i = 0; i < n; i++) {
        char line[200];
        one_line(&t->observations[i], line, sizeof(line));
        assert_string_equal(line, lines[i]);
    }
}

/* Two subjects, rows mixed and out of order, gaps, quotes, spaces, decimals where whole numbers
 * were. */
static void test_rows(void **state)
{
    (void)state;
    static const char csv[] = HEADER "b,31,2.50,yes,50,0,NA,\n"
                                     "\"a\",59.0,,0.0,41,1,1974-03-01,10\n"
                                     "a,0,1e1,.50,40,1.0,2000-01-01,-1\n"
                                     "a, 59 , NA ,NA,41,1,1974-03-01,NA\n"
                                     "b,0,NA,NA,NA,1,,5\n";
    static const char *const a[] = { "1974-01-01/0 age 40/0a", "1974-01-01/0 lab 10/0g",
                                     "1974-01-01/0 on-drug Y", "1974-01-01/0 sign Y",
                                     "1974-03-01/0 sign N",    "1974-03-11/0 stop Y",
                                     "1999-12-31/0 stop Y" };
    static const char *const b[] = { "1974-02-01/0 lab 25/1g", "1974-02-01/0 sign Y" };
    struct series *s = NULL;
    struct problem p = { 0 };
    if (run(csv, &s, &p) != OK)
        fail_msg("%s %s", p.pointer, p.detail);
    assert_int_equal(series_subjects(s), 2);
    assert_string_equal(series_subject(s, 0), "b"); /* order of first appearance */
    assert_string_equal(series_subject(s, 1), "a");
    assert_int_equal(series_rows(s, 0), 2);
    assert_int_equal(series_rows(s, 1), 3);
    expect(series_timeline(s, 1), a, COUNT(a));
    expect(series_timeline(s, 0), b, COUNT(b)); /* age missing on the first date: not taken later */
    assert_string_equal(series_timeline(s, 0)->disease, "MONDO:0005388");
    series_free(s);
}

static const struct {
    const char *csv;
    enum err e;
    const char *pointer, *detail;
} refusals[] = {
    { "", ERR_SYNTAX, "", "line 1, column 1: the file is empty" },
    { "id,day,lab,sign,age,arm,start\n", ERR_FIELD_MISSING, "/columns/4/column",
      "line 1, column 1: the header has no column \"stop\"" },
    { "id,lab,sign,age,arm,start,stop\n", ERR_FIELD_MISSING, "/date/column",
      "line 1, column 1: the header has no column \"day\"" },
    { "ID,day,lab,sign,age,arm,start,stop\n", ERR_FIELD_MISSING, "/subject",
      "line 1, column 1: the header has no column \"id\"" },
    { "id,day,lab,sign,age,start,stop\n", ERR_FIELD_MISSING, "/columns/3/when/column",
      "line 1, column 1: the header has no column \"arm\"" },
    { "id,day,lab,sign,age,arm,stop\n", ERR_FIELD_MISSING, "/columns/4/date/column",
      "line 1, column 1: the header has no column \"start\"" },
    { "id,day,lab,lab,sign,age,arm,start,stop\n", ERR_SYNTAX, "", "line 1, column 4: this column" },
    { HEADER "a,SECRET,1,0,1,1,,\n", ERR_FIELD_FORMAT, "/date", "line 2, column 2: a whole" },
    { HEADER "a,1.5,1,0,1,1,,\n", ERR_FIELD_FORMAT, "/date", "line 2, column 2: a whole" },
    { HEADER "a,4000001,1,0,1,1,,\n", ERR_FIELD_FORMAT, "/date", "line 2, column 2: a whole" },
    { HEADER "a,3000000,1,0,1,1,,\n", ERR_FIELD_FORMAT, "/date", "line 2, column 2: a whole" },
    { HEADER "a,0,1,0,1,1,,\na,NA,1,0,1,1,,\n", ERR_FIELD_MISSING, "/date",
      "line 3, column 2: the row has no date" },
    { HEADER ",0,1,0,1,1,,\n", ERR_FIELD_MISSING, "/subject",
      "line 2, column 1: the row does not" },
    { HEADER "a,0,SECRET,0,1,1,,\n", ERR_FIELD_FORMAT, "/columns/0",
      "line 2, column 3: a decimal" },
    { HEADER "a,0,1e16,0,1,1,,\n", ERR_FIELD_FORMAT, "/columns/0", "line 2, column 3: a decimal" },
    { HEADER "a,0,1,SECRET,1,1,,\n", ERR_FIELD_CODE, "/columns/1",
      "line 2, column 4: the mapping" },
    { HEADER "a,0,1,1,1,1,,\n", ERR_FIELD_CODE, "/columns/1", "line 2, column 4: the mapping" },
    { HEADER "a,0,1,0,1,1,SECRET,3\n", ERR_FIELD_FORMAT, "/columns/4/date",
      "line 2, column 7: a date" },
    { HEADER "a,0,1,0,1,1,2001-02-29,3\n", ERR_FIELD_FORMAT, "/columns/4/date",
      "line 2, column 7: a date" },
    { HEADER "a,0,1,0,1,1,2001-02,3\n", ERR_FIELD_FORMAT, "/columns/4/date",
      "line 2, column 7: a date" }, /* days after a whole month: no day is meant */
    { HEADER "a,0,1,0,1,1,2001-02-03,SECRET\n", ERR_FIELD_FORMAT, "/columns/4/date",
      "line 2, column 8: a whole" },
    { HEADER "\"a\nb\",0,1,0,1,1,,\na,0,x,0,1,1,,\n", ERR_FIELD_FORMAT, "/columns/0",
      "line 4, column 3: a decimal" },
    { HEADER "a,0,1\n", ERR_SYNTAX, "", "line 2, column 3: the row has 3 cells" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct series *s = NULL;
        struct problem p = { 0 };
        enum err e = run(refusals[i].csv, &s, &p);
        const char *detail = refusals[i].detail;
        if (e != refusals[i].e || strcmp(p.pointer, refusals[i].pointer) != 0 ||
            strncmp(p.detail, detail, strlen(detail)) != 0)
            fail_msg("case %zu: %s at \"%s\": %s", i, err_code(e), p.pointer, p.detail);
        assert_null(s);
        assert_null(strstr(p.detail, "SECRET"));
    }
}

static void test_long_cells(void **state)
{
    (void)state;
    char csv[1000], name[202];
    memset(name, 'n', sizeof(name));
    name[200] = '\0';
    struct series *s = NULL;
    struct problem p = { 0 };
    (void)snprintf(csv, sizeof(csv), HEADER "%s,0,1,0,1,1,,\n", name);
    assert_int_equal(run(csv, &s, &p), OK);
    assert_string_equal(series_subject(s, 0), name);
    series_free(s);
    name[200] = 'n';
    name[201] = '\0';
    (void)snprintf(csv, sizeof(csv), HEADER "%s,0,1,0,1,1,,\n", name);
    assert_int_equal(run(csv, &s, &p), ERR_FIELD_RANGE);
    (void)snprintf(csv, sizeof(csv), HEADER "a,0,%s,0,1,1,,\n", name);
    assert_int_equal(run(csv, &s, &p), ERR_FIELD_FORMAT);
    (void)snprintf(csv, sizeof(csv), HEADER "a,0,1,%s,1,1,,\n", name);
    assert_int_equal(run(csv, &s, &p), ERR_FIELD_CODE);
}

/* Coarse ISO dates keep their precision. */
static void test_iso_dates(void **state)
{
    (void)state;
    static const char text[] =
        "{\"format\":\"cairn-mapping/1\",\"disease\":\"MONDO:0005388\",\"subject\":\"id\","
        "\"missing\":[\"-\"],\"date\":{\"column\":\"d\",\"kind\":\"date\"},\"columns\":["
        "{\"column\":\"v\",\"system\":\"urn:a\",\"code\":\"v\",\"type\":\"quantity\",\"unit\":"
        "\"g\"}]}";
    static const char csv[] = "id,d,v\np,2001-02-03,1\np,2001-02,2\np,2001,3\np,2002,-\n";
    static const char *const want[] = { "2001-01-01/2 v 3/0g", "2001-02-01/1 v 2/0g",
                                        "2001-02-03/0 v 1/0g" };
    static const char *const bad[] = { "2001-13", "01-02-2001", "2001-2-3", "20010203", "" };
    struct mapping *m = NULL;
    struct series *s = NULL;
    assert_int_equal(mapping_read(text, strlen(text), &m, NULL), OK);
    assert_int_equal(csv_import(m, csv, strlen(csv), &s, NULL), OK);
    expect(series_timeline(s, 0), want, COUNT(want));
    series_free(s);
    for (size_t i = 0; i < COUNT(bad); i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "id,d,v\np,%s,1\n", bad[i]);
        assert_int_equal(csv_import(m, line, strlen(line), &s, NULL), ERR_FIELD_FORMAT);
    }
    mapping_free(m);
}

/* Many subjects: finding one stays quick, and each keeps its own rows. */
static void test_many_subjects(void **state)
{
    (void)state;
    enum { SUBJECTS = 5000 };
    struct buf b;
    buf_init(&b, CSV_BYTES_MAX);
    assert_int_equal(buf_add_str(&b, HEADER), OK);
    for (int row = 0; row < 2 * SUBJECTS; row++)
        assert_int_equal(buf_addf(&b, "p%d,%d,%d,0,,,,\n", row % SUBJECTS, row, row + 1), OK);
    struct series *s = NULL;
    assert_int_equal(run(buf_str(&b), &s, NULL), OK);
    assert_int_equal(series_subjects(s), SUBJECTS);
    for (size_t i = 0; i < SUBJECTS; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "p%zu", i);
        assert_string_equal(series_subject(s, i), name);
        const struct timeline *t = series_timeline(s, i);
        assert_int_equal(t->n, 4);
        assert_int_equal(t->observations[3].date - t->observations[0].date, SUBJECTS);
    }
    series_free(s);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),          cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_iso_dates),     cmocka_unit_test(test_long_cells),
        cmocka_unit_test(test_many_subjects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
