/* The private PostgreSQL: settings, roles, restart, what a killed server leaves behind, long paths.
 */
#include "server/base/log.h"
#include "tests/lib/store_fixture.h"
#include "tests/lib/unprivileged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fixture f;

static int64_t setting_is(const char *name, const char *value)
{
    char sql[200];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM pg_settings WHERE name = '%s' AND "
                   "setting = '%s'",
                   name, value);
    return fixture_number(&f, sql);
}

static void test_settings(void **state)
{
    (void)state;
    static const char *const want[][2] = {
        { "listen_addresses", "" },
        { "fsync", "on" },
        { "synchronous_commit", "on" },
        { "full_page_writes", "on" },
        { "data_checksums", "on" },
        { "max_connections", "64" },
        { "server_encoding", "UTF8" },
        { "log_statement", "none" },
        { "log_min_error_statement", "panic" },
        { "log_min_messages", "log" },
        { "log_parameter_max_length", "0" },
        { "log_parameter_max_length_on_error", "0" },
    };
    for (size_t i = 0; i < COUNT(want); i++)
        if (setting_is(want[i][0], want[i][1]) != 1)
            fail_msg("%s", want[i][0]);
    assert_int_equal(setting_is("fsync", "off"), 0);
    assert_int_equal(fixture_number(&f,
                                    "SELECT count(*) FROM pg_database WHERE datname = 'cairn' AND "
                                    "datcollate = 'C'"),
                     1);
    struct stat st;
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/sock", f.dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void test_second_server_is_refused(void **state)
{
    (void)state;
    struct cluster *second = NULL;
    assert_int_equal(cluster_start(f.dir, &second), ERR_BUSY);
    assert_null(second);
    assert_true(cluster_up(f.cluster));
}

static bool in_file(const char *path, const char *text)
{
    char bytes[65536];
    FILE *file = fopen(path, "re");
    size_t n = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;
    if (file != NULL)
        (void)fclose(file);
    return memmem(bytes, n, text, strlen(text)) != NULL;
}

static bool in_logs(const char *text)
{
    static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/pg.log", f.dir);
    bool found = in_file(path, text);
    for (size_t i = 0; i < COUNT(days); i++) {
        (void)snprintf(path, sizeof(path), "%s/pg/log/postgresql-%s.log", f.dir, days[i]);
        found = found || in_file(path, text);
    }
    return found;
}

/* A value in a failing statement must not get into PostgreSQL's log. */
static void test_values_stay_out_of_logs(void **state)
{
    (void)state;
    char sqlstate[6];
    fixture_sqlstate(&f, "cairn_app", "SELECT 'diagnosis-4711'::int", sqlstate);
    assert_string_equal(sqlstate, "22P02");
    fixture_sqlstate(&f, "cairn_app",
                     "INSERT INTO idem VALUES (gen_random_uuid(), 'diagnosis-4711', '', 1, '')",
                     sqlstate);
    assert_string_equal(sqlstate, "23514");
    assert_false(in_logs("diagnosis-4711"));
    assert_true(in_logs("database system is ready")); /* the control: these are the logs */
}

static void test_restarts_after_death(void **state)
{
    (void)state;
    int64_t n = fixture_number(&f, "SELECT count(*) FROM schema_migration");
    fixture_kill_postgres(&f);
    fixture_wait_up(&f, false);
    fixture_wait_up(&f, true);
    assert_int_equal(fixture_number(&f, "SELECT count(*) FROM schema_migration"), n);
}

static int pid_of(const char *dir)
{
    char path[128];
    int pid = 0;
    (void)snprintf(path, sizeof(path), "%s/pg/postmaster.pid", dir);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    (void)fclose(file);
    return pid;
}

static void test_stop_and_start(void **state)
{
    (void)state;
    int pid = pid_of(f.dir);
    store_close(f.store);
    f.store = NULL;
    cluster_stop(f.cluster);
    f.cluster = NULL;
    assert_int_equal(kill(pid, 0), -1); /* gone, and reaped */
    assert_int_equal(cluster_start(f.dir, &f.cluster), OK);
    assert_int_equal(store_migrate(&f.config), OK);
    assert_true(cluster_up(f.cluster));
}

/* A server that was killed outright: its PostgreSQL ends with it. */
static void test_dies_with_its_parent(void **state)
{
    (void)state;
    cluster_stop(f.cluster);
    f.cluster = NULL;
    int ready[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t server = fork();
    if (server == 0) {
        struct cluster *c;
        if (cluster_start(f.dir, &c) == OK && write(ready[1], "r", 1) == 1)
            (void)pause();
        _exit(1);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    int pid = pid_of(f.dir);
    assert_int_equal(kill(pid, 0), 0);
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    assert_int_equal(cluster_start(f.dir, &f.cluster), OK); /* waits for the old one's end */
    assert_int_not_equal(pid_of(f.dir), pid);
    assert_int_equal(store_migrate(&f.config), OK);
}

/* One that nobody's death signal reaches: started by hand and left. */
static void test_leftover_is_stopped(void **state)
{
    (void)state;
    cluster_stop(f.cluster);
    f.cluster = NULL;
    char command[512];
    (void)snprintf(command, sizeof(command),
                   "/usr/lib/postgresql/15/bin/pg_ctl -D %s/pg -o '-k %s/sock' -s -w start"
                   " >%s/ctl.log 2>&1 </dev/null",
                   f.dir, f.dir, f.dir);
    if (access("/usr/lib/postgresql/15/bin/pg_ctl", X_OK) != 0)
        skip();
    assert_int_equal(system(command), 0);
    int pid = pid_of(f.dir);
    assert_int_equal(cluster_start(f.dir, &f.cluster), OK);
    assert_int_not_equal(pid_of(f.dir), pid);
    assert_int_equal(fixture_number(&f, "SELECT count(*) FROM entry"), 0);
}

/* A pid file that names a stranger must not cost the stranger its life. */
static void test_stranger_is_left_alone(void **state)
{
    (void)state;
    cluster_stop(f.cluster);
    f.cluster = NULL;
    pid_t stranger = fork();
    if (stranger == 0) {
        (void)pause();
        _exit(0);
    }
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/pg/postmaster.pid", f.dir);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    (void)fprintf(file, "%d\n%s/pg\n0\n5432\n%s/sock\n\n\nready\n", (int)stranger, f.dir, f.dir);
    (void)fclose(file);
    enum err e = cluster_start(f.dir, &f.cluster);
    assert_int_equal(kill(stranger, 0), 0);
    (void)kill(stranger, SIGKILL);
    (void)waitpid(stranger, NULL, 0);
    assert_int_equal(e, OK);
    assert_int_not_equal(pid_of(f.dir), stranger);
}

static void test_long_path(void **state)
{
    (void)state;
    char dir[256];
    struct store_config config = { .batch_max = 1 };
    struct cluster *c;
    int len = snprintf(dir, sizeof(dir), "%s/", f.dir);
    memset(dir + len, 'x', 120);
    dir[len + 120] = '\0';
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(cluster_start(dir, &c), OK);
    cluster_conninfo(c, &config);
    assert_memory_equal(config.conninfo, "host=/tmp/cairn-", 16);
    assert_int_equal(store_migrate(&config), OK);
    char socket_dir[64];
    assert_int_equal(sscanf(config.conninfo, "host=%63s", socket_dir), 1);
    cluster_stop(c);
    assert_int_equal(access(socket_dir, F_OK), -1); /* tidied up */
}

static int up(void **state)
{
    (void)state;
    fixture_up(&f, 50);
    return 0;
}

static int down(void **state)
{
    (void)state;
    fixture_down(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_second_server_is_refused),
        cmocka_unit_test(test_values_stay_out_of_logs),
        cmocka_unit_test(test_restarts_after_death),
        cmocka_unit_test(test_stop_and_start),
        cmocka_unit_test(test_dies_with_its_parent),
        cmocka_unit_test(test_leftover_is_stopped),
        cmocka_unit_test(test_stranger_is_left_alone),
        cmocka_unit_test(test_long_path),
    };
    return cmocka_run_group_tests(tests, up, down);
}
