/* What the checks know of codes and units. Bounds are ours, wide on purpose: they are there to find
 * a wrong unit or a slipped point, not an unusual patient. Internal to the folder; pure. */
#ifndef CAIRN_TIMELINE_VOCABULARY_H
#define CAIRN_TIMELINE_VOCABULARY_H

#include "server/base/err.h"

#define SYSTEM_LOINC "http://loinc.org"
#define SYSTEM_SNOMED "http://snomed.info/sct"
#define SYSTEM_HPO "http://human-phenotype-ontology.org"
#define SYSTEM_ORPHA "http://www.orpha.net"
#define SYSTEM_NDC "http://hl7.org/fhir/sid/ndc"

/* One LOINC code in one unit that it may carry; bounds in thousandths of that unit. */
struct measure {
    const char *code, *unit;
    int64_t low, high;   /* plausible: outside, a warning */
    int64_t least, most; /* possible: outside, an error */
};

/* True if the table knows this LOINC code at all; *ret is its row for the unit, or NULL. */
bool measure_find(const char *loinc, const char *unit, const struct measure **ret);
/* UCUM (case sensitive) codes in clinical use; a small part of what UCUM can form. */
bool unit_known(const char *unit);
/* Digits, a dash and the check digit of the Luhn (mod 10) scheme. */
bool loinc_valid(const char *code);
/* Prefix and exactly n digits. */
bool curie_valid(const char *code, const char *prefix, size_t n);
/* E-mail address, telephone number, calendar date or words: what may name or find a person. */
bool looks_like_person(const char *text);
/* YYYYMMDD of this or the last century; apart, because some systems have codes of eight digits. */
bool looks_like_compact_date(const char *text);

#endif
