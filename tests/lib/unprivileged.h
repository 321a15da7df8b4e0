/* PostgreSQL refuses to run as root, and so does the server: tests that start one drop root first.
 */
#ifndef CAIRN_TESTS_UNPRIVILEGED_H
#define CAIRN_TESTS_UNPRIVILEGED_H

/* When root: becomes user cairn, or else postgres, or else nobody, for good. Aborts if it cannot.
 */
void unprivileged_become(void);
/* A new private folder under /var/tmp, to which it also changes; removed by unprivileged_remove. */
void unprivileged_folder(char *ret, unsigned long size);
void unprivileged_remove(const char *folder);

#endif
