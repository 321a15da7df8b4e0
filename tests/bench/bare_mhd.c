/* The yardstick for the edge: libmicrohttpd alone, answering fixed bytes to everything, started
 * with the same flags, threads and limits as ours. Usage: bare_mhd PORT THREADS [FILE [HEADERS]];
 * FILE holds the body to answer with (default: the bytes of edge_server's /fast), HEADERS one
 * "Name: value" a line (default: the content type alone). Ends at SIGTERM. */
#include <microhttpd.h>

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX ((size_t)4 << 20)

static const char standard[] = "{\"items\":[{\"id\":\"00000000-0000-4000-8000-000000000001\","
                               "\"title\":\"fixed\"}],\"next\":null}";

static enum MHD_Result answer(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **context)
{
    static int seen;
    (void)url;
    (void)method;
    (void)version;
    (void)upload;
    (void)upload_size;
    if (*context == NULL) {
        *context = &seen; /* answering in the first call would end the connection */
        return MHD_YES;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, cls);
}

static struct MHD_Response *load(const char *path)
{
    if (path == NULL)
        return MHD_create_response_from_buffer(sizeof(standard) - 1, (void *)(uintptr_t)standard,
                                               MHD_RESPMEM_PERSISTENT);
    FILE *f = fopen(path, "rb");
    char *body = malloc(BODY_MAX);
    if (f == NULL || body == NULL) {
        perror(path);
        exit(1);
    }
    size_t len = fread(body, 1, BODY_MAX, f);
    (void)fclose(f);
    return MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE);
}

static bool add_headers(struct MHD_Response *response, const char *path)
{
    char line[1024];
    FILE *f = path != NULL ? fopen(path, "rb") : NULL;
    if (path == NULL)
        return MHD_add_response_header(response, "Content-Type", "application/json") == MHD_YES;
    if (f == NULL)
        return false;
    bool ok = true;
    while (ok && fgets(line, sizeof(line), f) != NULL) {
        char *value = strstr(line, ": ");
        line[strcspn(line, "\n")] = '\0';
        ok = value != NULL;
        if (ok) {
            *value = '\0';
            ok = MHD_add_response_header(response, line, value + 2) == MHD_YES;
        }
    }
    (void)fclose(f);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bare_mhd PORT THREADS [FILE [HEADERS]]\n");
        return 2;
    }
    sigset_t signals;
    int got = 0;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    struct MHD_Response *response = load(argc > 3 ? argv[3] : NULL);
    if (response == NULL || !add_headers(response, argc > 4 ? argv[4] : NULL))
        return 1;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
        (uint16_t)strtoul(argv[1], NULL, 10), NULL, NULL, answer, response,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)strtoul(argv[2], NULL, 10),
        MHD_OPTION_CONNECTION_LIMIT, 19000u, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)20480,
        MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_END);
    if (daemon == NULL)
        return 1;
    printf("listening\n");
    (void)fflush(stdout);
    (void)sigwait(&signals, &got);
    MHD_stop_daemon(daemon);
    MHD_destroy_response(response);
    return 0;
}
