#include "api/http/router.h"
#include "server/base/log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void handler(struct request *r)
{
    (void)r;
}

#define R(m, t)                                                                                    \
    {                                                                                              \
        .method = (m), .template = (t), .operation = (t), .handler = handler, .deadline_ms = 1     \
    }
static const struct route table[] = {
    R(M_GET, "/"),
    R(M_GET, "/v1/bounties"),
    { .method = M_POST,
      .template = "/v1/bounties",
      .operation = "p",
      .handler = handler,
      .deadline_ms = 1,
      .body = BODY_JSON,
      .body_max = 1 },
    R(M_GET, "/v1/bounties/{bounty}"),
    R(M_GET, "/v1/bounties/{bounty}/account"),
    R(M_DELETE, "/v1/sessions/current"),
    R(M_GET, "/v1/sessions/{session}"),
    R(M_GET, "/v1/records/{record}/versions/{number}"),
    R(M_GET, "/log/{chain}/checkpoint"),
    R(M_GET, "/log/{chain}/tile/{path...}"),
    R(M_GET, "/log/{chain}/tile/special"),
};

struct expect {
    enum method method;
    const char *path;
    const char *template; /* NULL = none */
    unsigned allow;
    const char *params[PATH_PARAMS_MAX];
};

#define GETS (1u << M_GET)
static const struct expect expect[] = {
    { M_GET, "/v1/bounties", "/v1/bounties", GETS | 1u << M_POST, { 0 } },
    { M_POST, "/v1/bounties", "/v1/bounties", GETS | 1u << M_POST, { 0 } },
    { M_PUT, "/v1/bounties", NULL, GETS | 1u << M_POST, { 0 } },
    { (enum method)4, "/v1/bounties", NULL, GETS | 1u << M_POST, { 0 } },
    { M_GET, "/v1/bounties/", NULL, 0, { 0 } },
    { M_GET, "/v1/bounty", NULL, 0, { 0 } },
    { M_GET, "/v1/bountiesx", NULL, 0, { 0 } },
    { M_GET, "/v1/Bounties", NULL, 0, { 0 } },
    { M_GET, "/v1%2Fbounties", NULL, 0, { 0 } },
    { M_GET, "/v1", NULL, 0, { 0 } },
    { M_GET, "/", NULL, 0, { 0 } },
    { M_GET, "/v1/bounties/x%20y", "/v1/bounties/{bounty}", GETS, { "x y" } },
    { M_GET, "/v1/bounties/a/account", "/v1/bounties/{bounty}/account", GETS, { "a" } },
    { M_GET, "/v1/bounties/a/b", NULL, 0, { 0 } },
    { M_GET, "/v1/bounties/%ff", NULL, 0, { 0 } },
    { M_GET,
      "/v1/records/r/versions/7",
      "/v1/records/{record}/versions/{number}",
      GETS,
      { "r", "7" } },
    /* a literal wins, but only for its own method */
    { M_DELETE, "/v1/sessions/current", "/v1/sessions/current", GETS | 1u << M_DELETE, { 0 } },
    { M_GET,
      "/v1/sessions/current",
      "/v1/sessions/{session}",
      GETS | 1u << M_DELETE,
      { "current" } },
    { M_GET, "/log/tx/checkpoint", "/log/{chain}/checkpoint", GETS, { "tx" } },
    { M_GET,
      "/log/tx/tile/0/x001/067",
      "/log/{chain}/tile/{path...}",
      GETS,
      { "tx", "0/x001/067" } },
    { M_GET, "/log/tx/tile/special", "/log/{chain}/tile/special", GETS, { "tx" } },
    { M_GET,
      "/log/tx/tile/1/2/3/4/5/6/7/8/9/10/11/12/13",
      "/log/{chain}/tile/{path...}",
      GETS,
      { "tx", "1/2/3/4/5/6/7/8/9/10/11/12/13" } },
    { M_GET, "/log/tx/tile/", NULL, 0, { 0 } },
    { M_GET, "/log/tx/tile", NULL, 0, { 0 } },
    { M_GET, "/a/b/c/d/e/f/g/h/i/j/k/l/m/n", NULL, 0, { 0 } },
};

static void paths_are_matched(void **state)
{
    (void)state;
    struct router *r;
    assert_int_equal(router_new(table + 1, COUNT(table) - 1, &r), OK);
    for (size_t i = 0; i < COUNT(expect); i++) {
        const struct expect *x = &expect[i];
        char scratch[256];
        struct match m;
        router_match(r, x->method, x->path, scratch, &m);
        if ((m.route == NULL) != (x->template == NULL) || m.allow != x->allow)
            fail_msg("%s: %s, allow %u", x->path, m.route != NULL ? m.route->template : "none",
                     m.allow);
        if (x->template == NULL)
            continue;
        assert_string_equal(m.route->template, x->template);
        assert_int_equal(m.route->method, x->method);
        for (int k = 0; k < PATH_PARAMS_MAX; k++) {
            assert_int_equal(m.params[k] == NULL, x->params[k] == NULL);
            if (m.params[k] != NULL)
                assert_string_equal(m.params[k], x->params[k]);
        }
    }
    router_free(r);
}

static void bad_tables_are_refused(void **state)
{
    (void)state;
    struct route pair[2] = { table[1], table[1] };
    struct router *r = NULL;
    log_set_level((enum log_level)(LOG_ERROR + 1));
    assert_int_equal(router_new(pair, 2, &r), ERR_INTERNAL);
    static const char *const bad[] = { "",
                                       "x",
                                       "/",
                                       "/a//b",
                                       "/a/",
                                       "/{",
                                       "/{}",
                                       "/a{b}",
                                       "/{a...}/b",
                                       "/{a}/{b}/{c}/{d}",
                                       "/1/2/3/4/5/6/7/8/9/10/11/12/13" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        pair[0].template = bad[i];
        if (router_new(pair, 1, &r) != ERR_INTERNAL)
            fail_msg("the template \"%s\" was taken", bad[i]);
    }
    pair[0] = table[1];
    pair[0].inline_ok = true;
    assert_int_equal(router_new(pair, 1, &r), OK);
    router_free(r);
    pair[0].who = WHO_SIGNED_IN; /* nobody checks tokens on the listener's threads */
    assert_int_equal(router_new(pair, 1, &r), ERR_INTERNAL);
    pair[0].inline_ok = false;
    pair[0].no_db = true;
    assert_int_equal(router_new(pair, 1, &r), ERR_INTERNAL);
    pair[0] = table[1];
    pair[0].body_max = 5;
    assert_int_equal(router_new(pair, 1, &r), ERR_INTERNAL);
    /* Frames are a member's: such a row may be inline and without a database, no other. */
    pair[0].body = BODY_FRAMES;
    assert_int_equal(router_new(pair, 1, &r), ERR_INTERNAL);
    pair[0].who = WHO_PEER;
    pair[0].inline_ok = pair[0].no_db = true;
    assert_int_equal(router_new(pair, 1, &r), OK);
    router_free(r);
    pair[0].body = BODY_JSON;
    assert_int_equal(router_new(pair, 1, &r), ERR_INTERNAL);
    pair[0].inline_ok = false;
    assert_int_equal(router_new(pair, 1, &r), OK);
    router_free(r);
    log_set_level(LOG_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_matched),
        cmocka_unit_test(bad_tables_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
