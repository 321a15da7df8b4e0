/* CSV import by mapping (docs/timeline.md#mapping). A mapping is JSON:
 *   { "format": "cairn-mapping/1", "disease": "MONDO:0005388", "subject": "id",
 *     "missing": ["", "NA"],
 *     "date": { "column": "day", "kind": "days_since", "epoch": "1974-01-01" },
 *     "columns": [ { "column": "bili", "system": "http://loinc.org", "code": "1975-2",
 *                    "type": "quantity", "unit": "mg/dL" },
 *                  { "column": "ascites", "system": "...", "code": "...", "type": "code",
 *                    "values": { "0": {"system": "...", "code": "..."}, "1": {...} } },
 *                  { "column": "ivstart", "system": "...", "code": "...", "type": "event",
 *                    "value": {"system": "...", "code": "..."} } ] }
 * date kinds: "date" (ISO dates; YYYY-MM and YYYY are coarser), "days_since" (+ "epoch"),
 * "date_plus_days" (+ "plus": column), "fixed" (+ "date", no column). A column entry may carry its
 * own "date" object, "when": {"column": c, "equals": v} to keep only matching rows, and
 * "once": true to be taken only from the subject's first row by date. An event takes its one value
 * from every cell that is not missing. "missing" defaults to the two above; "note" is for people,
 * at the top and in a column. Cells are read without spaces at either end; "1" and "1.0" are the
 * same value. RFC 4180 quoting, LF or CRLF, header line required. Pure; details never quote a cell.
 */
#ifndef CAIRN_TIMELINE_IMPORT_H
#define CAIRN_TIMELINE_IMPORT_H

#include "server/timeline/timeline.h"

#define CSV_BYTES_MAX (64u << 20)
#define CSV_COLUMNS_MAX 256
#define CSV_ROWS_MAX 1000000
#define MAPPING_BYTES_MAX (1u << 20)
#define SERIES_OBSERVATIONS_MAX 2000000 /* over all subjects of one file */

struct mapping;
struct series; /* all subjects of one file */

enum err mapping_read(const char *text, size_t len, struct mapping **ret,
                      struct problem *p) MUST_USE;
void mapping_free(struct mapping *m); /* NULL is fine */

/* Reads all rows; problems carry "line N, column C" in their detail, where C counts the cells of a
 * row from 1, and point into the mapping where a column of it is concerned. */
enum err csv_import(const struct mapping *m, const char *text, size_t len, struct series **ret,
                    struct problem *p) MUST_USE;
void series_free(struct series *s); /* wipes; NULL is fine */
size_t series_subjects(const struct series *s);
/* Borrowed; subjects are in order of first appearance. Normalised. */
const char *series_subject(const struct series *s, size_t i);
const struct timeline *series_timeline(const struct series *s, size_t i);
size_t series_rows(const struct series *s, size_t i);

#endif
