#include "internal.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

__thread clws_context *clws_current;

/* --- log --- */

static void emit_log(int level, const char *line) {
    if (!clws_current || !clws_current->on_log) return;
    char text[512];
    snprintf(text, sizeof text, "%s", line);
    text[strcspn(text, "\r\n")] = 0;
    clws_current->on_log(clws_current->user, level & LLL_ERR ? 0 : level & LLL_WARN ? 1 : 2, text);
}

clws_context *clws_enter(clws_context *context) {
    clws_context *previous = clws_current;
    clws_current = context;
    return previous;
}

void clws_set_error(char *error, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, size, format, arguments);
    va_end(arguments);
}

/* --- context --- */

static void timer_fired(lws_sorted_usec_list_t *sul) {
    clws_context *context = lws_container_of(sul, clws_context, timer);
    if (context->on_timer) context->on_timer(context->user);
}

const char *clws_library_version(void) {
    return lws_get_library_version();
}

void clws_name_thread(const char *name) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

/*
 * libwebsockets keeps OpenSSL's set-up in globals that it counts contexts for without a lock, and renews when the count comes
 * back from zero; a context that comes or goes on one thread then breaks handshakes on another. So one context that never
 * goes holds the set-up, and no other takes part in the counting.
 */
static pthread_mutex_t creating = PTHREAD_MUTEX_INITIALIZER;
static struct lws_context *tls_holder;

static int hold_tls(void) {
    if (tls_holder) return 0;
    lws_set_log_level(LLL_ERR | LLL_WARN, emit_log);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = clws_protocols,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
        .fd_limit_per_thread = 8,
    };
    tls_holder = lws_create_context(&info);
    return tls_holder ? 0 : -1;
}

/*
 * libwebsockets makes a table of 16 bytes for every descriptor that the process might open: 16 MiB at a million, and 16 GiB at
 * the limit that some containers set. 0 leaves it to the library; a bound of our own makes its look-ups linear.
 */
static unsigned int descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= 1024 * 1024) return 0;
    return 16 * 1024;
}

clws_context *clws_context_create(void) {
    clws_context *context = calloc(1, sizeof *context);
    if (!context) return NULL;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = clws_protocols,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .uid = (uid_t)-1,
        .gid = (gid_t)-1,
        .user = context,
        .fd_limit_per_thread = descriptor_limit(),
        .pt_serv_buf_size = 64 * 1024,
        .max_http_header_data2 = CLWS_HTTP_HEADER_BYTES,
        .timeout_secs = 20,
        .connect_timeout_secs = 20,
        .retry_and_idle_policy = &clws_no_idle_policy,
    };
    clws_context *previous = clws_enter(context);
    pthread_mutex_lock(&creating);
    context->lws = hold_tls() == 0 ? lws_create_context(&info) : NULL;
    pthread_mutex_unlock(&creating);
    clws_enter(previous);
    if (context->lws) return context;
    free(context);
    return NULL;
}

void clws_context_set_callbacks(clws_context *context, clws_timer_fn on_timer, clws_log_fn on_log, void *user) {
    context->on_timer = on_timer;
    context->on_log = on_log;
    context->user = user;
}

void clws_context_destroy(clws_context *context) {
    clws_context *previous = clws_enter(context);
    clws_timer_set(context, -1);
    lws_context_destroy(context->lws);
    clws_enter(previous == context ? NULL : previous);
    for (clws_vhost *vhost = context->vhosts, *next; vhost; vhost = next) {
        next = vhost->next;
        clws_free_vhost(vhost);
    }
    free(context->scratch);
    free(context);
}

void clws_service(clws_context *context, int no_wait) {
    clws_context *previous = clws_enter(context);
    lws_service(context->lws, no_wait ? -1 : 0);
    clws_enter(previous);
}

void clws_wake(clws_context *context) {
    lws_cancel_service(context->lws);
}

void clws_timer_set(clws_context *context, int64_t microseconds) {
    lws_sul_schedule(context->lws, 0, &context->timer, timer_fired,
                     microseconds < 0 ? LWS_SET_TIMER_USEC_CANCEL : microseconds < 1 ? 1 : microseconds);
}

uint8_t *clws_scratch(clws_context *context, size_t size) {
    if (context->scratch_size < LWS_PRE + size) {
        uint8_t *grown = realloc(context->scratch, LWS_PRE + size);
        if (!grown) return NULL;
        context->scratch = grown;
        context->scratch_size = LWS_PRE + size;
    }
    return context->scratch + LWS_PRE;
}

void clws_trim_scratch(clws_context *context) {
    if (context->scratch_size <= 1024 * 1024) return; /* else the largest message would be kept for ever */
    free(context->scratch);
    context->scratch = NULL;
    context->scratch_size = 0;
}
