/* Runs a scenario: every line is a comment, a setting, an event or one thing that the member must
 * do, in order and nothing besides. */
#include "tests/sim/scenario.h"

#include <stdarg.h>

static void wrong(struct scenario *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void wrong(struct scenario *s, const char *format, ...)
{
    va_list list;
    s->failed = true;
    printf("%s:%u: ", s->path, s->line);
    va_start(list, format);
    (void)vprintf(format, list);
    va_end(list);
    printf("\n");
}

static size_t split(const char *line, char words[SCENARIO_WORDS][32])
{
    size_t n = 0, at = 0;
    for (const char *p = line;; p++) {
        bool gap = *p == ' ' || *p == '\n' || *p == '\0' || *p == '#';
        if (!gap && n < SCENARIO_WORDS && at < 31)
            words[n][at++] = *p;
        if (gap && at > 0) {
            words[n++][at] = '\0';
            at = 0;
        }
        if (*p == '\0' || *p == '#')
            return n;
    }
}

/* What the last event led to and no line has expected. */
static void nothing_left(struct scenario *s)
{
    char text[200];
    for (; s->next < s->out.n && !s->failed; s->next++) {
        scenario_print(s, &s->out.a[s->next], text);
        wrong(s, "the member also does this: %s", text);
    }
    s->out.n = s->next = 0;
}

static void expect(struct scenario *s, const char *want)
{
    char text[200];
    if (strcmp(want, "nothing") == 0)
        return;
    if (s->next == s->out.n) {
        wrong(s, "expected \"%s\", the member does nothing more", want);
        return;
    }
    scenario_print(s, &s->out.a[s->next++], text);
    if (strcmp(text, want) != 0)
        wrong(s, "expected \"%s\", the member does \"%s\"", want, text);
}

static void give(struct scenario *s, char words[][32], size_t n)
{
    struct core_event e;
    if (!scenario_event(s, words, n, &e)) {
        wrong(s, "no such event");
        return;
    }
    s->out.n = 0;
    core_step(&s->core, &e, &s->out);
}

/* "block A view 1 height 1 on start" */
static void declare(struct scenario *s, char words[][32], size_t n)
{
    struct scenario_block *b = &s->blocks[s->blocks_n];
    const struct core_block *parent = n == 8 ? scenario_block(s, words[7]) : NULL;
    if (parent == NULL || s->blocks_n == SCENARIO_BLOCKS || strlen(words[1]) >= sizeof(b->name) ||
        !scenario_number(words[3], &b->block.view) ||
        !scenario_number(words[5], &b->block.height)) {
        wrong(s, "a block reads: block A view 1 height 1 on start");
        return;
    }
    memcpy(b->name, words[1], strlen(words[1]) + 1);
    memset(&b->block.id, (int)s->blocks_n + 1, sizeof(b->block.id));
    b->block.parent = parent->id;
    b->block.parent_view = parent->view;
    s->blocks_n++;
}

/* "member 1 of 4" or "observer of 4", the database at "start" or at a block: "member 1 of 4 at A"
 */
static void begin(struct scenario *s, char words[][32], size_t n)
{
    uint64_t me = CORE_NOBODY, members = 0;
    bool observer = strcmp(words[0], "observer") == 0;
    size_t at = observer ? 1 : 2;
    const struct core_block *tip = &s->blocks[0].block;
    if (n == at + 4)
        tip = scenario_block(s, words[at + 3]);
    if ((n != at + 2 && n != at + 4) || tip == NULL || !scenario_number(words[at + 1], &members) ||
        members < 1 || members > CORE_MEMBERS_MAX ||
        (!observer && !scenario_number(words[1], &me))) {
        wrong(s, "a beginning reads: member 1 of 4, or: observer of 4 at A");
        return;
    }
    s->config = (struct core_config){ .n = (uint16_t)members,
                                      .me = (uint16_t)me,
                                      .schedule_len = (uint16_t)members,
                                      .t0_ms = 1000,
                                      .in_flight_max = 4 };
    for (uint16_t i = 0; i < s->config.n; i++)
        s->config.schedule[i] = (uint8_t)i;
    core_init(&s->core, &s->config, tip->view, &tip->id, tip->height);
}

static void do_line(struct scenario *s, const char *line)
{
    char words[SCENARIO_WORDS][32];
    char rest[256] = "";
    size_t n = split(line, words);
    for (size_t i = 1; i < n; i++) {
        size_t at = strlen(rest);
        (void)snprintf(rest + at, sizeof(rest) - at, "%s%s", i > 1 ? " " : "", words[i]);
    }
    if (n == 0)
        return;
    if (strcmp(words[0], "expect") == 0) {
        expect(s, rest);
        return;
    }
    nothing_left(s);
    if (strcmp(words[0], "give") == 0)
        give(s, words + 1, n - 1);
    else if (strcmp(words[0], "block") == 0)
        declare(s, words, n);
    else if (strcmp(words[0], "member") == 0 || strcmp(words[0], "observer") == 0)
        begin(s, words, n);
    else
        wrong(s, "a line begins with block, member, observer, give, expect or #");
}

bool scenario_run(const char *path)
{
    char line[256];
    FILE *file = fopen(path, "r");
    struct scenario *s = calloc(1, sizeof(*s));
    if (file == NULL || s == NULL) {
        perror(path);
        free(s);
        return false;
    }
    s->path = path;
    s->blocks_n = 1;
    (void)snprintf(s->blocks[0].name, sizeof(s->blocks[0].name), "start");
    memset(&s->blocks[0].block.id, 1, sizeof(s->blocks[0].block.id));
    while (!s->failed && fgets(line, sizeof(line), file) != NULL) {
        s->line++;
        do_line(s, line);
    }
    if (!s->failed)
        nothing_left(s);
    bool good = !s->failed && s->line > 0;
    (void)fclose(file);
    free(s);
    return good;
}
