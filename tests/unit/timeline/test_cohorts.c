/* Whole files: the real cohorts import without an error, print to the same bytes again, and do not
 * depend on how a program wrote the file. CAIRN_COHORTS names a directory with pbc.csv and
 * rhDNase.csv; without it these two are told as skipped. */
#include "server/timeline/check.h"
#include "server/timeline/csv.h"
#include "tests/unit/timeline/help.h"

#define TODAY 20000

struct cohort {
    const char *name;
    size_t subjects, rows, observations;
    bool carried; /* in tests/data */
};

static const struct cohort cohorts[] = {
    { "pbcseq", 220, 1562, 19745, true },
    { "cgd", 90, 154, 874, true },
    { "rhDNase", 450, 543, 1888, false },
    { "pbc", 220, 220, 3902, false },
};

static bool read_cohort(const struct cohort *c, struct buf *ret)
{
    char path[512];
    const char *folder = c->carried ? "tests/data" : getenv("CAIRN_COHORTS");
    (void)snprintf(path, sizeof(path), "%s/%s.csv", folder != NULL ? folder : "", c->name);
    return folder != NULL && read_file(path, ret);
}

static struct mapping *cohort_mapping(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "tests/data/mappings/%s.json", name);
    return load_mapping(path);
}

static struct series *import(const struct mapping *m, const struct buf *csv)
{
    struct series *s = NULL;
    struct problem p = { 0 };
    if (csv_import(m, buf_str(csv), csv->len, &s, &p) != OK)
        fail_msg("%s: %s", p.pointer, p.detail);
    return s;
}

/* Import, print, parse, print: the same bytes. */
static void round_trip(const struct timeline *t)
{
    struct timeline back;
    struct problem p = { 0 };
    struct buf a, b;
    print(t, &a);
    if (timeline_parse(buf_str(&a), a.len, &back, &p) != OK)
        fail_msg("%s: %s", p.pointer, p.detail);
    print(&back, &b);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_true(json_is_canonical(buf_str(&a), a.len));
    timeline_release(&back);
    buf_release(&a);
    buf_release(&b);
}

static void test_cohorts(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(cohorts); c++) {
        struct mapping *m = cohort_mapping(cohorts[c].name);
        struct buf csv;
        if (!read_cohort(&cohorts[c], &csv)) {
            assert_false(cohorts[c].carried);
            print_message("skipped: %s.csv is not here; its mapping was read\n", cohorts[c].name);
            mapping_free(m);
            continue;
        }
        struct series *s = import(m, &csv);
        size_t rows = 0, observations = 0, errors = 0, warnings = 0;
        for (size_t i = 0; i < series_subjects(s); i++) {
            const struct timeline *t = series_timeline(s, i);
            struct findings f;
            rows += series_rows(s, i);
            observations += t->n;
            round_trip(t);
            assert_int_equal(timeline_check(t, NULL, TODAY, &f), OK);
            errors += f.errors;
            warnings += f.warnings;
            findings_release(&f);
        }
        print_message("%s: %zu subjects, %zu rows, %zu observations, %zu errors, %zu warnings\n",
                      cohorts[c].name, series_subjects(s), rows, observations, errors, warnings);
        assert_int_equal(series_subjects(s), cohorts[c].subjects);
        assert_int_equal(rows, cohorts[c].rows);
        assert_int_equal(observations, cohorts[c].observations);
        assert_int_equal(errors, 0);
        series_free(s);
        buf_release(&csv);
        mapping_free(m);
    }
}

/* The same rows as another program would write them: shuffled, all cells quoted, CRLF, a byte order
 * mark, whole numbers with a decimal point, no end of line at the end. */
static void rewrite(const struct buf *csv, uint64_t seed, struct buf *ret)
{
    enum { ROWS = 4096 };
    static size_t lines[ROWS];
    size_t n = 0;
    for (size_t i = 0; i < csv->len && n < ROWS; i++)
        if (csv->data[i] == '\n' && i + 1 < csv->len)
            lines[n++] = i + 1;
    for (size_t i = n; i > 1; i--) {
        size_t j = below(&seed, i), hold = lines[i - 1];
        lines[i - 1] = lines[j];
        lines[j] = hold;
    }
    buf_init(ret, CSV_BYTES_MAX);
    assert_int_equal(buf_add_str(ret, "\xef\xbb\xbf"), OK);
    for (size_t row = 0; row <= n; row++) {
        size_t at = row == 0 ? 0 : lines[row - 1];
        size_t len =
            (size_t)((uint8_t *)memchr(csv->data + at, '\n', csv->len - at) - csv->data) - at;
        struct csv c;
        bool any = false;
        csv_init(&c, (const char *)csv->data + at, len);
        assert_int_equal(csv_next(&c, &any, NULL), OK);
        for (size_t i = 0; i < c.n; i++) {
            const char *cell = csv_cell(&c, i);
            bool whole = i > 0 && cell[0] != '\0' && cell[strspn(cell, "0123456789")] == '\0';
            assert_int_equal(buf_addf(ret, "%s\"%s%s\"",
                                      i > 0     ? ","
                                      : row > 0 ? "\r\n"
                                                : "",
                                      cell, whole ? ".0" : ""),
                             OK);
        }
        csv_release(&c);
    }
}

static const struct timeline *find(const struct series *s, const char *name)
{
    for (size_t i = 0; i < series_subjects(s); i++)
        if (strcmp(series_subject(s, i), name) == 0)
            return series_timeline(s, i);
    return NULL;
}

static void test_other_writers(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(cohorts); c++) {
        struct buf csv, other;
        if (!read_cohort(&cohorts[c], &csv))
            continue;
        struct mapping *m = cohort_mapping(cohorts[c].name);
        rewrite(&csv, 7 + c, &other);
        struct series *a = import(m, &csv), *b = import(m, &other);
        assert_int_equal(series_subjects(a), series_subjects(b));
        for (size_t i = 0; i < series_subjects(a); i++) {
            const struct timeline *t = find(b, series_subject(a, i));
            assert_non_null(t);
            struct buf x, y;
            print(series_timeline(a, i), &x);
            print(t, &y);
            assert_string_equal(buf_str(&x), buf_str(&y));
            buf_release(&x);
            buf_release(&y);
        }
        series_free(a);
        series_free(b);
        mapping_free(m);
        buf_release(&csv);
        buf_release(&other);
    }
}

/* Gaps anywhere but in the subject and the date: fewer observations, no refusal. */
static void test_gaps(void **state)
{
    (void)state;
    struct mapping *m = cohort_mapping("pbcseq");
    struct buf csv;
    assert_true(read_cohort(&cohorts[0], &csv));
    for (uint64_t seed = 1; seed <= 3; seed++) {
        uint64_t random = seed;
        struct buf other;
        buf_init(&other, CSV_BYTES_MAX);
        struct csv c;
        bool any = false;
        csv_init(&c, buf_str(&csv), csv.len);
        assert_int_equal(csv_next(&c, &any, NULL), OK);
        for (bool header = true; any; header = false) {
            for (size_t i = 0; i < c.n; i++) {
                bool gap = !header && i != 0 && i != 6 && below(&random, 3) == 0;
                assert_int_equal(
                    buf_addf(&other, "%s%s", i > 0 ? "," : "",
                             gap ? (below(&random, 2) == 0 ? "NA" : "") : csv_cell(&c, i)),
                    OK);
            }
            assert_int_equal(buf_add_str(&other, "\n"), OK);
            assert_int_equal(csv_next(&c, &any, NULL), OK);
        }
        csv_release(&c);
        struct series *s = import(m, &other);
        size_t observations = 0;
        for (size_t i = 0; i < series_subjects(s); i++) {
            round_trip(series_timeline(s, i));
            observations += series_timeline(s, i)->n;
        }
        assert_true(observations > 10000 && observations < 15000);
        series_free(s);
        buf_release(&other);
    }
    buf_release(&csv);
    mapping_free(m);
}

/* Spot checks against the file, read by eye: patient 1's first and second rows. */
static void test_first_patient(void **state)
{
    (void)state;
    struct mapping *m = cohort_mapping("pbcseq");
    struct buf csv, b;
    assert_true(read_cohort(&cohorts[0], &csv));
    struct series *s = import(m, &csv);
    print(series_timeline(s, 0), &b);
    static const char *const parts[] = {
        "{\"code\":\"1975-2\",\"date\":\"1974-01-01\",\"precision\":\"day\",\"scale\":1,"
        "\"system\":\"http://loinc.org\",\"unit\":\"mg/dL\",\"value\":145}",
        "{\"code\":\"30525-0\",\"date\":\"1974-01-01\",\"precision\":\"day\",\"scale\":9,"
        "\"system\":\"http://loinc.org\",\"unit\":\"a\",\"value\":58765229295}",
        "{\"code\":\"1920-8\",\"date\":\"1974-07-12\",\"precision\":\"day\",\"scale\":1,"
        "\"system\":\"http://loinc.org\",\"unit\":\"U/L\",\"value\":62}",
        "{\"code\":\"HP:0012522\",\"date\":\"1974-07-12\",\"precision\":\"day\","
        "\"system\":\"http://human-phenotype-ontology.org\",\"value_code\":\"Y\","
        "\"value_system\":\"http://terminology.hl7.org/CodeSystem/v2-0532\"}",
    };
    for (size_t i = 0; i < COUNT(parts); i++)
        if (strstr(buf_str(&b), parts[i]) == NULL)
            fail_msg("not there: %s", parts[i]);
    const char *second = strstr(buf_str(&b), "1974-07-12");
    assert_null(strstr(second, "30525-0")); /* the age belongs to the first date alone */
    assert_null(strstr(second, "2093-3"));  /* NA */
    buf_release(&b);
    series_free(s);
    buf_release(&csv);
    mapping_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cohorts),
        cmocka_unit_test(test_other_writers),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_first_patient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
