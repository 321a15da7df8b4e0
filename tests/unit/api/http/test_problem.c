/* Problem documents are valid JSON for every error and whatever a client put into a pointer. */
#include "api/http/edge.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static json_t *parse(enum err e, const struct problem *p)
{
    char text[2048];
    json_error_t error;
    size_t len = problem_json(e, p, "0af7651916cd43dd8448eb211c80319c", text, sizeof(text));
    assert_int_equal(len, strlen(text));
    json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (v == NULL)
        fail_msg("%s: %s", text, error.text);
    return v;
}

static const char *text_of(const json_t *v, const char *name)
{
    return json_string_value(json_object_get(v, name));
}

static void every_error_has_a_document(void **state)
{
    (void)state;
    for (int e = 1; e < ERR_COUNT; e++) {
        json_t *v = parse((enum err)e, NULL);
        assert_string_equal(text_of(v, "code"), err_code((enum err)e));
        assert_int_equal(json_integer_value(json_object_get(v, "status")), err_status((enum err)e));
        assert_non_null(strstr(text_of(v, "type"), err_code((enum err)e)));
        assert_non_null(text_of(v, "title"));
        assert_non_null(text_of(v, "detail"));
        assert_string_equal(text_of(v, "instance"), "0af7651916cd43dd8448eb211c80319c");
        assert_null(json_object_get(v, "errors"));
        json_decref(v);
    }
}

static void hostile_pointers_stay_inside(void **state)
{
    (void)state;
    struct problem p = { .code = ERR_FIELD_UNKNOWN };
    memset(p.pointer, '"', sizeof(p.pointer) - 1);
    memset(p.detail, '\\', sizeof(p.detail) - 1);
    json_t *v = parse(ERR_FIELD_UNKNOWN, &p);
    const json_t *first = json_array_get(json_object_get(v, "errors"), 0);
    assert_string_equal(text_of(first, "pointer"), p.pointer);
    assert_string_equal(text_of(v, "detail"), p.detail);
    json_decref(v);
    (void)problem_set(&p, ERR_FIELD_UNKNOWN, "/a\xc3", "b\n\x01\xff");
    v = parse(ERR_FIELD_UNKNOWN, &p);
    first = json_array_get(json_object_get(v, "errors"), 0);
    assert_string_equal(text_of(first, "pointer"), "/a?");
    assert_string_equal(text_of(v, "detail"), "b???");
    json_decref(v);
}

/* What was said about another error must not be shown with this one. */
static void a_stale_problem_is_not_shown(void **state)
{
    (void)state;
    struct problem p;
    (void)problem_set(&p, ERR_FIELD_RANGE, "/a", "too large");
    json_t *v = parse(ERR_BALANCE, &p);
    assert_string_equal(text_of(v, "detail"), err_text(ERR_BALANCE));
    assert_null(json_object_get(v, "errors"));
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_document),
        cmocka_unit_test(hostile_pointers_stay_inside),
        cmocka_unit_test(a_stale_problem_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
