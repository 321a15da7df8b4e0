/* CRC-32C (Castagnoli), as in iSCSI: RFC 3720 section 12.1, test vectors in its appendix B.4. Finds
 * damage, not forgery. Uses the processor's instruction where there is one. Pure, thread-safe. */
#ifndef CAIRN_BASE_CRC32C_H
#define CAIRN_BASE_CRC32C_H

#include "server/base/err.h"

uint32_t crc32c(const void *bytes, size_t len);
/* The same without the instruction, some thirty times slower; both must always agree. */
uint32_t crc32c_portable(const void *bytes, size_t len);

#endif
