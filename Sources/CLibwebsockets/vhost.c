#include "internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void clws_free_vhost(clws_vhost *vhost) {
    SSL_CTX_free(vhost->ssl); /* its connections hold references of their own */
    free(vhost->proxy);
    free(vhost);
}

static clws_vhost *new_vhost(clws_context *context, char *error, size_t error_size) {
    clws_vhost *vhost = calloc(1, sizeof *vhost);
    if (!vhost) {
        clws_set_error(error, error_size, "out of memory");
        return NULL;
    }
    vhost->context = context;
    vhost->error = error;
    vhost->error_size = error_size;
    error[0] = 0;
    return vhost;
}

static clws_vhost *build_vhost(
    clws_vhost *vhost, struct lws_context_creation_info *info, int client, const char *failure) {
    clws_context *context = vhost->context;
    char *error = vhost->error;
    size_t error_size = vhost->error_size;
    info->protocols = clws_protocols;
    info->vhost_name = "bot"; /* not copied by the library */
    info->user = vhost;
    info->timeout_secs = 20;
    info->retry_and_idle_policy = &clws_no_idle_policy;

    clws_context *previous = clws_enter(context);
    context->building = vhost;
    int made = (vhost->lws = lws_create_vhost(context->lws, info)) != NULL;
    int fine = vhost->lws && !error[0]; /* the library goes on when the TLS callback says no */
    if (fine && client) fine = lws_init_vhost_client_ssl(info, vhost->lws) == 0 && !error[0];
    context->building = NULL;
    vhost->certificate_pem = vhost->key_pem = NULL;
    vhost->error = NULL;
    if (!fine) {
        if (vhost->lws) lws_vhost_destroy(vhost->lws);
        vhost->lws = NULL;
        if (!error[0]) clws_set_error(error, error_size, "%s", failure);
    }
    clws_enter(previous);
    if (!made) { /* nothing refers to it */
        clws_free_vhost(vhost);
        return NULL;
    }
    vhost->next = context->vhosts;
    context->vhosts = vhost;
    return fine ? vhost : NULL;
}

clws_vhost *clws_client_vhost(
    clws_context *context, const clws_client_options *options, char *error, size_t error_size) {
    clws_vhost *vhost = new_vhost(context, error, error_size);
    if (!vhost) return NULL;
    vhost->ssl = clws_make_client_tls(options, error, error_size);
    vhost->proxy = strdup(options->proxy ? options->proxy : "");
    if (!vhost->ssl || !vhost->proxy) {
        if (!error[0]) clws_set_error(error, error_size, "out of memory");
        clws_free_vhost(vhost);
        return NULL;
    }
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .provided_client_ssl_ctx = vhost->ssl,
        .http_proxy_address = vhost->proxy, /* "" keeps libwebsockets from reading http_proxy */
        .alpn = "http/1.1",
    };
    return build_vhost(vhost, &info, 1, "TLS could not be set up");
}

/* libwebsockets 4.1 would let a second vhost share the socket, and give its connections to whichever it likes. */
static int is_taken(clws_context *context, const clws_listen_options *options) {
    for (clws_vhost *vhost = context->vhosts; vhost && options->port; vhost = vhost->next)
        if (vhost->lws && (vhost->on_event || vhost->on_http) && !vhost->stopped && lws_get_vhost_listen_port(vhost->lws) == options->port
            && !strcmp(vhost->interface, options->interface ? options->interface : ""))
            return 1;
    return 0;
}

clws_vhost *clws_listen(clws_context *context, const clws_listen_options *options, char *error, size_t error_size) {
    if (is_taken(context, options)) {
        clws_set_error(error, error_size, "the port is in use");
        return NULL;
    }
    clws_vhost *vhost = new_vhost(context, error, error_size);
    if (!vhost) return NULL;
    snprintf(vhost->interface, sizeof vhost->interface, "%s", options->interface ? options->interface : "");
    vhost->on_event = options->on_event;
    vhost->on_http = options->on_http;
    vhost->maximum_connections = options->maximum_connections;
    vhost->user = options->user;
    vhost->certificate_pem = options->certificate_pem;
    vhost->certificate_pem_length = options->certificate_pem_length;
    vhost->key_pem = options->key_pem;
    vhost->key_pem_length = options->key_pem_length;
    if (options->certificate_pem && clws_check_server_tls(vhost)) {
        clws_free_vhost(vhost);
        return NULL;
    }
    struct lws_context_creation_info info = {
        .iface = options->interface,
        .port = options->port,
        .options = LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND,
        .alpn = "http/1.1",
        .http_proxy_address = "",
    };
    if (options->on_http) info.keepalive_timeout = info.timeout_secs_ah_idle = 3600; /* how long is the owner's business */
    /* libwebsockets 4.1 takes an IPv4 address for every address of both families while IPv6 is on. */
    if (!strchr(options->interface, ':')) info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
    if (options->certificate_pem)
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
    return build_vhost(vhost, &info, 0, "the address is not available or the port is in use");
}

int clws_listen_port(clws_vhost *vhost) {
    return lws_get_vhost_listen_port(vhost->lws);
}

void clws_stop_listening(clws_vhost *vhost) {
    clws_context *previous = clws_enter(vhost->context);
    vhost->stopped = 1;
    /* libwebsockets 4.1 would leave the socket open, and give its connections to a later vhost on the same port. */
    lws_callback_all_protocol_vhost_args(vhost->lws, NULL, LWS_CALLBACK_USER, NULL, 0);
    if (vhost->listener) lws_set_timeout(vhost->listener, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_SYNC);
    vhost->listener = NULL;
    clws_enter(previous);
}

int clws_vhost_is_idle(clws_vhost *vhost) {
    return vhost->connections == 0;
}

void clws_vhost_close(clws_vhost *vhost) {
    clws_context *context = vhost->context, *previous = clws_enter(context);
    lws_vhost_destroy(vhost->lws);
    vhost->lws = NULL;
    clws_enter(previous);
    if (!vhost->ssl) return; /* a server's listening socket may still be on its way out */
    for (clws_vhost **link = &context->vhosts; *link; link = &(*link)->next)
        if (*link == vhost) {
            *link = vhost->next;
            clws_free_vhost(vhost);
            return;
        }
}
