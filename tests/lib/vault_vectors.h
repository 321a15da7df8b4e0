/* Makes the vault test vectors, tests/data/vault/keys.json and envelopes.json, from documented
 * inputs: each secret is SHA-256("cairn test vector/" || name), cut to the length it needs, so that
 * nobody has to trust a constant; contents are vectors_pattern. The unit tests compare the files
 * with what comes out here, the interoperability test recomputes them with other libraries. `make`
 * writes them never: a difference is a change of the format. */
#ifndef CAIRN_TESTS_LIB_VAULT_VECTORS_H
#define CAIRN_TESTS_LIB_VAULT_VECTORS_H

#include "server/vault/format.h"

#include <jansson.h>

/* Envelopes of at most this much content are in the file whole, of longer ones the SHA-256 only. */
#define VAULT_VECTORS_WHOLE_MAX 1024

/* All are new values that the caller ends with json_decref. */
json_t *vault_vectors_keys(void);
json_t *vault_vectors_envelopes(void);
/* Everything that is derived from one root secret. */
json_t *vault_vectors_keys_of(const uint8_t root[ROOT_BYTES], const struct id *bounty);
json_t *vault_vectors_manifest(const struct vault_manifest *manifest);

#endif
