#include "internal.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/*
 * What the kernel has not sent yet stands before everything that follows, however urgent. So it gets no more than this beyond what
 * is on its way: 0.13 s at 2 Mbit/s, and enough for a fast network, because it asks for more as it sends.
 */
enum { UNSENT_BYTES = 32 * 1024 };

static void keep_little_in_kernel(int socket) {
    int bytes = UNSENT_BYTES;
    setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

/* Best effort: a connection without these works, and its owner's heartbeat finds a dead peer too. */
static void watch_peer(int socket, unsigned milliseconds) {
    int third = (int)(milliseconds / 3000), on = 1, probes = 3;
    if (third < 1) third = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &third, sizeof third);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &third, sizeof third);
    setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

void clws_free_connection(clws_conn *c) {
    if (c->vhost) c->vhost->connections--;
    free(c);
}

clws_conn *clws_connect(clws_context *context, const clws_connect_options *options, char *error, size_t error_size) {
    clws_conn *c = calloc(1, sizeof *c);
    if (!c) {
        clws_set_error(error, error_size, "out of memory");
        return NULL;
    }
    c->context = context;
    c->vhost = options->vhost;
    c->vhost->connections++;
    c->on_event = options->on_event;
    c->user = options->user;
    c->tls = options->tls != 0;
    snprintf(c->host, sizeof c->host, "%s", options->host);

    struct lws_client_connect_info info = {
        .context = context->lws,
        .vhost = options->vhost->lws,
        .address = options->address,
        .port = options->port,
        .host = options->host_header,
        .path = options->path,
        .ssl_connection = (options->tls ? LCCSCF_USE_SSL : 0) | LCCSCF_HTTP_NO_FOLLOW_REDIRECT
            | (strchr(options->host, ':') ? LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK : 0), /* see clws_check_peer_certificate() */
        .alpn = "http/1.1",
        .local_protocol_name = clws_protocols[0].name,
        .ietf_version_or_minus_one = -1,
        .retry_and_idle_policy = &clws_no_idle_policy,
        .opaque_user_data = c,
        .pwsi = &c->wsi,
    };
    clws_context *previous = clws_enter(context);
    c->connecting = 1;
    struct lws *wsi = lws_client_connect_via_info(&info);
    c->connecting = 0;
    clws_enter(previous);
    if (wsi && !c->terminated) {
        c->wsi = wsi;
        keep_little_in_kernel(lws_get_socket_fd(wsi));
        if (options->dead_after_milliseconds) watch_peer(lws_get_socket_fd(wsi), options->dead_after_milliseconds);
        return c;
    }
    clws_set_error(error, error_size, "%s", c->text[0] ? c->text : "the connection could not be started");
    if (wsi) /* it ended while it was being made, and its destruction is still to come */
        c->on_event = NULL;
    else
        clws_free_connection(c);
    return NULL;
}

void clws_set_user(clws_conn *c, clws_event_fn on_event, void *user) {
    c->on_event = on_event;
    c->user = user;
}

clws_stage clws_get_stage(clws_conn *c) {
    if (c->stage != CLWS_STAGE_TCP || !c->wsi) return c->stage;
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return getpeername(lws_get_socket_fd(c->wsi), (struct sockaddr *)&peer, &size) == 0 ? CLWS_STAGE_TLS : CLWS_STAGE_TCP;
}

void clws_want_write(clws_conn *c) {
    lws_callback_on_writable(c->wsi);
}

int clws_send(clws_conn *c, const uint8_t *data, size_t length, int binary) {
    uint8_t *copy = clws_scratch(c->context, length);
    if (!copy) return -1;
    memcpy(copy, data, length); /* because the library masks in place */
    int written = lws_write(c->wsi, copy, length, binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
    clws_trim_scratch(c->context);
    return written < 0 ? -1 : 0;
}

size_t clws_unsent(clws_conn *c) {
    int bytes = 0;
    ioctl(lws_get_socket_fd(c->wsi), SIOCOUTQ, &bytes);
    return (size_t)(bytes > 0 ? bytes : 0) + (lws_partial_buffered(c->wsi) ? 1 : 0);
}

int64_t clws_idle_milliseconds(clws_conn *c) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    if (getsockopt(lws_get_socket_fd(c->wsi), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return -1;
    return info.tcpi_last_data_recv;
}

void clws_read_enable(clws_conn *c, int enable) {
    lws_rx_flow_control(c->wsi, enable);
}

void clws_close(clws_conn *c, uint16_t code, const char *reason) {
    if (c->close_wanted) return;
    c->close_wanted = 1;
    c->our_code = code;
    snprintf(c->our_reason, sizeof c->our_reason, "%s", reason);
    lws_callback_on_writable(c->wsi);
}

void clws_abort(clws_conn *c) {
    /* The timeout is the socket's only one: a handshake that gets further in this round sets another, and must not. */
    c->aborted = 1;
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
}

void clws_peer_address(clws_conn *c, char *buffer, size_t size) {
    buffer[0] = 0;
    lws_get_peer_simple(c->wsi, buffer, size);
}

void clws_tls_description(clws_conn *c, char *buffer, size_t size) {
    SSL *ssl = lws_get_ssl(c->wsi);
    snprintf(buffer, size, "%s%s%s", ssl ? SSL_get_version(ssl) : "", ssl ? " " : "", ssl ? SSL_get_cipher_name(ssl) : "");
}
