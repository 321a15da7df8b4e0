/* The manual: docs/cairn.md is what the command prints, and every command is described. */
#include "api/client/files.h"
#include "api/client/help.h"
#include "server/statement/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void the_page_is_what_is_printed(void **state)
{
    (void)state;
    struct buf page, printed;
    struct problem p = { 0 };
    buf_init(&page, 1u << 20);
    buf_init(&printed, 1u << 20);
    if (file_read("docs/cairn.md", &page, &p) != OK)
        fail_msg("%s (run from the root of the repository)", p.detail);
    assert_int_equal(help_manual(&printed), OK);
    if (strcmp(buf_str(&page), buf_str(&printed)) != 0)
        fail_msg("docs/cairn.md is out of date: build/plain/cairn help manual > docs/cairn.md");
    buf_release(&page);
    buf_release(&printed);
}

static void every_command_is_described(void **state)
{
    (void)state;
    for (size_t i = 0; i < commands_n; i++) {
        const struct command *c = &commands[i];
        struct buf b;
        buf_init(&b, 1u << 16);
        assert_non_null(c->run);
        assert_true(c->summary[0] != '\0' && strlen(c->summary) < 80);
        assert_int_equal(help_command(c, &b), OK);
        assert_int_equal(strncmp(buf_str(&b), "usage: cairn ", 13), 0);
        /* Each option of the usage line is explained below it. */
        for (const char *o = strstr(c->arguments, "--"); o != NULL; o = strstr(o + 2, "--")) {
            char name[32];
            (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(o, " ]|)"), o);
            if (strstr(c->text, name) == NULL)
                fail_msg("%s %s: %s is not explained", c->words[0],
                         c->words[1] != NULL ? c->words[1] : "", name);
        }
        for (size_t k = 0; k < i; k++)
            assert_false(strcmp(commands[k].words[0], c->words[0]) == 0 &&
                         (commands[k].words[1] == NULL || c->words[1] == NULL ||
                          strcmp(commands[k].words[1], c->words[1]) == 0));
        buf_release(&b);
    }
    struct buf all;
    buf_init(&all, 1u << 16);
    assert_int_equal(help_overview(&all), OK);
    for (size_t i = 0; i < commands_n; i++)
        assert_non_null(strstr(buf_str(&all), commands[i].summary));
    buf_release(&all);
}

static void lines_fit_a_terminal(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1u << 20);
    assert_int_equal(help_manual(&b), OK);
    for (const char *line = buf_str(&b); *line != '\0';) {
        size_t len = strcspn(line, "\n");
        if (len > 110)
            fail_msg("%.*s", (int)len, line);
        line += len + (line[len] == '\n' ? 1 : 0);
    }
    buf_release(&b);
}

static void the_template_is_valid(void **state)
{
    (void)state;
    json_t *v = NULL;
    struct terms t;
    struct problem p = { 0 };
    assert_int_equal(json_read(bounty_template, strlen(bounty_template), &v, &p), OK);
    if (terms_read(v, "", &t, &p) != OK)
        fail_msg("%s: %s", p.pointer, p.detail);
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_what_is_printed),
        cmocka_unit_test(every_command_is_described),
        cmocka_unit_test(lines_fit_a_terminal),
        cmocka_unit_test(the_template_is_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
