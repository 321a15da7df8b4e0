#include "tests/lib/vectors.h"

#include "server/base/text.h"

#include <assert.h>

json_t *vectors_load(const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        fprintf(stderr, "%s: %s (tests run from the root of the repository)\n", path, error.text);
        abort();
    }
    return root;
}

const char *vectors_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL) {
        fprintf(stderr, "no text member \"%s\"\n", key);
        abort();
    }
    return text;
}

int64_t vectors_int(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value)) {
        fprintf(stderr, "no integer member \"%s\"\n", key);
        abort();
    }
    return json_integer_value(value);
}

void vectors_bytes(const json_t *object, const char *key, uint8_t *ret, size_t len)
{
    const char *text = vectors_text(object, key);
    if (!hex_decode(text, strlen(text), ret, len)) {
        fprintf(stderr, "\"%s\" is not %zu bytes of hex\n", key, len);
        abort();
    }
}

uint8_t *vectors_alloc(const json_t *object, const char *key, size_t *ret_len)
{
    size_t len = strlen(vectors_text(object, key)) / 2;
    uint8_t *bytes = malloc(len > 0 ? len : 1);
    assert(bytes != NULL);
    vectors_bytes(object, key, bytes, len);
    *ret_len = len;
    return bytes;
}

json_t *vectors_hex(const uint8_t *bytes, size_t len)
{
    char *text = malloc(HEX_SIZE(len));
    assert(text != NULL);
    hex_encode(bytes, len, text);
    json_t *value = json_string(text);
    free(text);
    assert(value != NULL);
    return value;
}

void vectors_pattern(uint8_t *ret, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ret[i] = (uint8_t)(31 * i + (i >> 8));
}
