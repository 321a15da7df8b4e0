#include "server/timeline/vocabulary.h"

#include "server/base/clock.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct measure measures[] = {
    /* bilirubin, total */
    { "1975-2", "mg/dL", 50, 60000, 0, 150000 },
    { "1975-2", "mg/L", 500, 600000, 0, 1500000 },
    { "14631-6", "umol/L", 1000, 1000000, 0, 2600000 },
    /* albumin */
    { "1751-7", "g/dL", 1000, 7000, 100, 15000 },
    { "1751-7", "g/L", 10000, 70000, 1000, 150000 },
    /* alkaline phosphatase, AST, ALT, GGT, CK */
    { "6768-6", "U/L", 5000, 15000000, 0, 60000000 },
    { "6768-6", "[IU]/L", 5000, 15000000, 0, 60000000 },
    { "1920-8", "U/L", 2000, 5000000, 0, 60000000 },
    { "1920-8", "[IU]/L", 2000, 5000000, 0, 60000000 },
    { "1742-6", "U/L", 2000, 5000000, 0, 60000000 },
    { "1742-6", "[IU]/L", 2000, 5000000, 0, 60000000 },
    { "2324-2", "U/L", 1000, 5000000, 0, 60000000 },
    { "2324-2", "[IU]/L", 1000, 5000000, 0, 60000000 },
    { "2157-6", "U/L", 5000, 100000000, 0, 3000000000 },
    { "2157-6", "[IU]/L", 5000, 100000000, 0, 3000000000 },
    /* platelets, leukocytes, haemoglobin, HbA1c */
    { "777-3", "10*3/uL", 5000, 1500000, 0, 10000000 },
    { "777-3", "10*9/L", 5000, 1500000, 0, 10000000 },
    { "6690-2", "10*3/uL", 100, 200000, 0, 2000000 },
    { "6690-2", "10*9/L", 100, 200000, 0, 2000000 },
    { "718-7", "g/dL", 3000, 22000, 500, 30000 },
    { "718-7", "g/L", 30000, 220000, 5000, 300000 },
    { "4548-4", "%", 3000, 18000, 1000, 30000 },
    /* prothrombin time, INR */
    { "5902-2", "s", 7000, 60000, 1000, 300000 },
    { "6301-6", "{INR}", 600, 12000, 100, 100000 },
    { "6301-6", "1", 600, 12000, 100, 100000 },
    /* cholesterol, triglycerides, glucose, creatinine, calcium, CRP */
    { "2093-3", "mg/dL", 40000, 2000000, 5000, 6000000 },
    { "2093-3", "g/L", 400, 20000, 50, 60000 },
    { "2571-8", "mg/dL", 20000, 3000000, 0, 20000000 },
    { "2571-8", "g/L", 200, 30000, 0, 200000 },
    { "2345-7", "mg/dL", 20000, 800000, 1000, 3000000 },
    { "2160-0", "mg/dL", 100, 20000, 0, 80000 },
    { "17861-6", "mg/dL", 4000, 18000, 1000, 40000 },
    { "1988-5", "mg/L", 0, 500000, 0, 2000000 },
    { "1988-5", "mg/dL", 0, 50000, 0, 200000 },
    /* sodium, potassium, NT-proBNP */
    { "2951-2", "mmol/L", 110000, 170000, 60000, 250000 },
    { "2823-3", "mmol/L", 1500, 8000, 500, 20000 },
    { "33762-6", "pg/mL", 0, 70000000, 0, 500000000 },
    { "33762-6", "ng/L", 0, 70000000, 0, 500000000 },
    /* age, height, weight, body mass index */
    { "30525-0", "a", 0, 120000, 0, 130000 },
    { "30525-0", "mo", 0, 1440000, 0, 1560000 },
    { "30525-0", "wk", 0, 6300000, 0, 6800000 },
    { "30525-0", "d", 0, 43900000, 0, 47500000 },
    { "8302-2", "cm", 30000, 230000, 10000, 280000 },
    { "8302-2", "m", 300, 2300, 100, 2800 },
    { "8302-2", "[in_i]", 12000, 91000, 4000, 111000 },
    { "29463-7", "kg", 500, 250000, 100, 700000 },
    { "29463-7", "g", 500000, 250000000, 100000, 700000000 },
    { "29463-7", "[lb_av]", 1000, 550000, 200, 1550000 },
    { "39156-5", "kg/m2", 8000, 70000, 3000, 250000 },
    /* FEV1, FEV1 measured/predicted, FVC */
    { "20150-9", "L", 200, 8000, 0, 15000 },
    { "20150-9", "mL", 200000, 8000000, 0, 15000000 },
    { "20152-5", "%", 10000, 160000, 0, 300000 },
    { "19868-9", "L", 200, 10000, 0, 15000 },
    { "19868-9", "mL", 200000, 10000000, 0, 15000000 },
    /* blood pressure, heart rate, breaths, temperature, oxygen saturation */
    { "8480-6", "mm[Hg]", 50000, 260000, 0, 400000 },
    { "8462-4", "mm[Hg]", 20000, 160000, 0, 300000 },
    { "8867-4", "/min", 25000, 230000, 0, 400000 },
    { "8867-4", "{beats}/min", 25000, 230000, 0, 400000 },
    { "9279-1", "/min", 4000, 80000, 0, 200000 },
    { "9279-1", "{breaths}/min", 4000, 80000, 0, 200000 },
    { "8310-5", "Cel", 33000, 42500, 15000, 50000 },
    { "8310-5", "[degF]", 91000, 109000, 59000, 122000 },
    { "59408-5", "%", 50000, 100000, 0, 100000 },
};
/* clang-format on */

static const char *const units[] = {
    "1",
    "%",
    "%{predicted}",
    "10*3/uL",
    "10*6/uL",
    "10*9/L",
    "10*12/L",
    "/uL",
    "/mL",
    "/L",
    "/min",
    "/h",
    "/d",
    "/wk",
    "/mo",
    "/a",
    "/[HPF]",
    "/[LPF]",
    "{INR}",
    "{score}",
    "{count}",
    "{ratio}",
    "{beats}/min",
    "{breaths}/min",
    "{copies}/mL",
    "[IU]",
    "[IU]/L",
    "[IU]/mL",
    "k[IU]/L",
    "m[IU]/L",
    "u[IU]/mL",
    "U",
    "U/L",
    "U/mL",
    "kU/L",
    "mU/L",
    "kat/L",
    "ukat/L",
    "nkat/L",
    "g",
    "kg",
    "mg",
    "ug",
    "ng",
    "pg",
    "g/L",
    "g/dL",
    "g/mL",
    "mg/L",
    "mg/dL",
    "mg/mL",
    "ug/L",
    "ug/dL",
    "ug/mL",
    "ng/L",
    "ng/dL",
    "ng/mL",
    "pg/mL",
    "pg/dL",
    "g/d",
    "mg/d",
    "ug/d",
    "g/(24.h)",
    "mg/(24.h)",
    "ug/(24.h)",
    "mg/g",
    "mg/mmol",
    "ug/g",
    "mol/L",
    "mmol/L",
    "umol/L",
    "nmol/L",
    "pmol/L",
    "mmol/mol",
    "umol/mol",
    "mmol/d",
    "umol/d",
    "meq/L",
    "mosm/kg",
    "kg/m2",
    "m2",
    "m",
    "cm",
    "mm",
    "um",
    "[in_i]",
    "[ft_i]",
    "[lb_av]",
    "[oz_av]",
    "L",
    "dL",
    "mL",
    "uL",
    "fL",
    "L/min",
    "L/s",
    "mL/min",
    "mL/min/{1.73_m2}",
    "mL/h",
    "mL/kg",
    "mm/h",
    "m/s",
    "mm[Hg]",
    "cm[H2O]",
    "kPa",
    "Cel",
    "[degF]",
    "K",
    "s",
    "ms",
    "min",
    "h",
    "d",
    "wk",
    "mo",
    "a",
    "Hz",
    "dB",
    "mV",
    "deg",
    "[pH]",
    "kcal",
    "kcal/d",
    "kJ",
    "mg/kg",
    "mg/kg/d",
    "ug/kg",
    "[IU]/kg",
    "mg/m2",
    "N",
    "Nm",
    "W",
};

bool measure_find(const char *loinc, const char *unit, const struct measure **ret)
{
    bool known = false;
    *ret = NULL;
    for (size_t i = 0; i < COUNT(measures) && *ret == NULL; i++)
        if (strcmp(measures[i].code, loinc) == 0) {
            known = true;
            if (unit != NULL && strcmp(measures[i].unit, unit) == 0)
                *ret = &measures[i];
        }
    return known;
}

bool unit_known(const char *unit)
{
    for (size_t i = 0; i < COUNT(units); i++)
        if (strcmp(units[i], unit) == 0)
            return true;
    return false;
}

static size_t digits_at(const char *text)
{
    return strspn(text, "0123456789");
}

bool loinc_valid(const char *code)
{
    size_t n = digits_at(code);
    if (n < 1 || n > 7 || code[n] != '-' || digits_at(code + n + 1) != 1 || code[n + 2] != '\0')
        return false;
    int sum = 0;
    for (size_t i = 0; i < n;
         i++) { /* every other digit from the right is doubled, nines cast out */
        int digit = code[n - 1 - i] - '0';
        if (i % 2 == 0)
            digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum += digit;
    }
    return (10 - sum % 10) % 10 == code[n + 1] - '0';
}

bool curie_valid(const char *code, const char *prefix, size_t n)
{
    size_t len = strlen(prefix);
    return strncmp(code, prefix, len) == 0 && digits_at(code + len) == n && code[len + n] == '\0';
}

/* Groups of digits with one separator of the set between them. */
struct groups {
    size_t n;         /* groups; 0 if the text is anything else */
    size_t digits;    /* of all */
    size_t shortest;  /* digits of the shortest group */
    size_t length[3]; /* digits of the first ones */
    int value[3];     /* the first ones as numbers, cut off at 9999 */
};

static int number(const char *text, size_t digits)
{
    int value = 0;
    for (size_t i = 0; i < digits && value < 1000; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

static struct groups split(const char *text, const char *separators)
{
    struct groups g = { .shortest = SIZE_MAX };
    for (;; text++) {
        size_t digits = digits_at(text);
        if (digits == 0)
            return (struct groups){ 0 };
        if (g.n < COUNT(g.length)) {
            g.length[g.n] = digits;
            g.value[g.n] = number(text, digits);
        }
        g.n++;
        g.digits += digits;
        g.shortest = digits < g.shortest ? digits : g.shortest;
        text += digits;
        if (*text == '\0')
            return g;
        if (strchr(separators, *text) == NULL)
            return (struct groups){ 0 };
    }
}

static bool looks_like_date(const char *text)
{
    struct groups g = split(text, "-/.");
    if (g.n != 3 || g.value[1] < 1 || g.value[1] > 31)
        return false;
    bool year_first = g.length[0] == 4 && g.value[0] >= 1850 && g.value[0] < 2100 &&
                      g.length[2] <= 2 && g.value[2] >= 1 && g.value[2] <= 31;
    bool year_last = g.length[0] <= 2 && g.value[0] >= 1 && g.value[0] <= 31 &&
                     (g.length[2] == 2 || g.length[2] == 4);
    return year_first || year_last;
}

/* Groups of one digit are left alone: object identifiers, enzyme and CAS numbers have them. */
static bool looks_like_phone(const char *text)
{
    size_t digits = 0;
    for (const char *s = text; *s != '\0'; s++) {
        if (strchr("0123456789+-()./", *s) == NULL)
            return false;
        digits += *s >= '0' && *s <= '9';
    }
    if (digits < 7)
        return false;
    if (text[0] == '+' || text[0] == '(' || strchr(text, ')') != NULL)
        return true;
    struct groups g = split(text, "-/.");
    return g.n >= 3 && g.shortest >= 2;
}

bool looks_like_person(const char *text)
{
    return strchr(text, '@') != NULL || strchr(text, ' ') != NULL || looks_like_date(text) ||
           looks_like_phone(text);
}

bool looks_like_compact_date(const char *text)
{
    if (digits_at(text) != 8 || text[8] != '\0')
        return false;
    if (strncmp(text, "19", 2) != 0 && strncmp(text, "20", 2) != 0)
        return false;
    char date[DATE_TEXT_SIZE];
    int32_t days;
    (void)snprintf(date, sizeof(date), "%.4s-%.2s-%.2s", text, text + 4, text + 6);
    return date_parse(date, &days);
}
