/* Tile paths from outside: whatever parses is exactly what would be printed. */
#include "server/ledger/log/tile.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *path = malloc(size + 1);
    char back[TILE_PATH_MAX];
    struct tile_ref t;
    if (path == NULL)
        return 0;
    if (size > 0)
        memcpy(path, data, size);
    path[size] = '\0';
    if (tile_path_parse(path, &t)) {
        tile_path(&t, back);
        assert(strcmp(back, path) == 0);
        assert(tile_width_at(t.level, t.index, UINT64_MAX) <= TILE_WIDTH);
    }
    free(path);
    return 0;
}
