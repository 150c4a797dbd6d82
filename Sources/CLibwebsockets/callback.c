#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* --- events --- */

static void deliver(clws_conn *c, clws_event *event) {
    event->stage = c->stage;
    if (!event->text) event->text = "";
    if (c->on_event && !c->connecting && !c->terminated) c->on_event(c->user, c, event);
}

static void deliver_kind(clws_conn *c, clws_event_kind kind) {
    clws_event event = {.kind = kind};
    deliver(c, &event);
}

/* The one place where a connection ends, whichever of the library's several ends came first. */
static void terminate(clws_conn *c, const char *cause, size_t length) {
    if (c->terminated) return;
    if (!c->text[0] && cause && length) {
        if (length >= sizeof c->text) length = sizeof c->text - 1;
        memcpy(c->text, cause, length);
        c->text[length] = 0;
    }
    clws_event event = {
        .kind = CLWS_CLOSED,
        .code = c->peer_code ? c->peer_code : c->close_sent ? c->our_code : 1006,
        .by_peer = c->peer_code != 0 && !c->close_sent,
        .certificate_error = c->certificate_error,
        .text = c->text,
    };
    deliver(c, &event);
    c->terminated = 1;
}

static void received_close(clws_conn *c, const uint8_t *payload, size_t length) {
    c->peer_code = 1005;
    if (length >= 2) {
        c->peer_code = (uint16_t)((payload[0] << 8) | payload[1]);
        size_t n = length - 2 < sizeof c->text - 1 ? length - 2 : sizeof c->text - 1;
        memcpy(c->text, payload + 2, n);
        c->text[n] = 0;
    }
}

/* --- the library's callback --- */

static int is_listening(struct lws *wsi) {
    int listening = 0;
    socklen_t size = sizeof listening;
    return getsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

static clws_conn *accept_connection(struct lws *wsi) {
    clws_vhost *vhost = lws_get_vhost_user(lws_get_vhost(wsi));
    if (vhost->stopped || !vhost->on_event) return NULL; /* stopped while the handshake was under way: its owner may be gone */
    clws_conn *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->context = vhost->context;
    c->wsi = wsi;
    c->stage = CLWS_STAGE_OPEN;
    c->on_event = vhost->on_event;
    c->user = vhost->user;
    lws_set_opaque_user_data(wsi, c);
    return c;
}

/*
 * What lws_write() takes for a close frame; libwebsockets 4.1 has the name in a private header, for lws_close_reason(). That one
 * throws away what arrives until the peer has answered, so it cannot be ours.
 */
#define WRITE_CLOSE ((enum lws_write_protocol)4)

static int send_close(clws_conn *c) {
    uint8_t buffer[LWS_PRE + 2 + CLOSE_REASON_MAX], *payload = buffer + LWS_PRE;
    size_t length = 2 + strlen(c->our_reason);
    payload[0] = (uint8_t)(c->our_code >> 8);
    payload[1] = (uint8_t)c->our_code;
    memcpy(payload + 2, c->our_reason, length - 2);
    c->close_sent = 1;
    return lws_write(c->wsi, payload, length, WRITE_CLOSE) < 0 ? -1 : 0;
}

static int writable(clws_conn *c) {
    if (c->aborted) return -1;
    if (c->close_sent) return 0;
    if (c->close_wanted) return c->peer_code ? 0 : send_close(c); /* the library answers a peer that was first */
    deliver_kind(c, CLWS_WRITABLE);
    return 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    clws_conn *c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    /* By the connection, not by its vhost: libwebsockets gives a request to whichever vhost has the same port number. */
    if (c && c->kind == KIND_HTTP) return clws_http_callback((clws_http *)c, reason, in, length);
    if (c && c->kind == KIND_STREAM) return clws_stream_callback((clws_stream *)c, reason);
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return clws_http_refuses_connection(wsi);
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        return clws_http_accept(wsi);
    case LWS_CALLBACK_RAW_ADOPT: /* what the library makes of the method CONNECT */
        return -1;
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        return clws_current && clws_current->building && clws_current->building->certificate_pem
            ? clws_prepare_server_tls(clws_current->building, user) : 0;
    case LWS_CALLBACK_USER: /* from clws_stop_listening(): each socket of the vhost in turn */
        if (is_listening(wsi)) ((clws_vhost *)lws_get_vhost_user(lws_get_vhost(wsi)))->listener = wsi;
        return 0;
    case LWS_CALLBACK_ESTABLISHED:
        c = accept_connection(wsi);
        if (!c) return -1;
        lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
        deliver_kind(c, CLWS_ACCEPTED);
        return 0;
    default:
        break;
    }

    if (!c) return lws_callback_http_dummy(wsi, reason, user, in, length);

    switch (reason) {
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
        c->stage = CLWS_STAGE_TLS;
        clws_note_certificate_error(c, user);
        return 0;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        if (c->aborted || clws_check_peer_certificate(c)) return -1;
        c->stage = CLWS_STAGE_UPGRADE;
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        if (c->aborted || (c->tls && !c->tls_checked)) return -1;
        c->stage = CLWS_STAGE_OPEN;
        c->text[0] = 0;
        deliver_kind(c, CLWS_OPENED);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
    case LWS_CALLBACK_RECEIVE: {
        lws_validity_confirmed(wsi);
        if (c->aborted) return -1;
        clws_event event = {
            .kind = CLWS_RECEIVED,
            .data = in,
            .length = length,
            .first = lws_is_first_fragment(wsi),
            .final = lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi),
            .binary = lws_frame_is_binary(wsi),
        };
        deliver(c, &event);
        return 0;
    }
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
    case LWS_CALLBACK_RECEIVE_PONG:
        deliver_kind(c, CLWS_ACTIVITY);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return writable(c);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        if (c->close_sent) return -1; /* the answer to ours, or as good as that */
        received_close(c, in, length);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        terminate(c, in, length);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
        terminate(c, NULL, 0);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        terminate(c, NULL, 0);
        lws_set_opaque_user_data(wsi, NULL);
        c->wsi = NULL;
        if (!c->connecting) clws_free_connection(c); /* else clws_connect() still holds it */
        return 0;
    case LWS_CALLBACK_CLIENT_CONFIRM_EXTENSION_SUPPORTED:
        return 1;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, length);
    }
}

const struct lws_protocols clws_protocols[] = {
    {.name = "bot", .callback = callback, .rx_buffer_size = 16 * 1024},
    {.name = NULL},
};

/* Liveness is the caller's business: no pings, no hang-up by the library. */
const lws_retry_bo_t clws_no_idle_policy = {.secs_since_valid_ping = 0, .secs_since_valid_hangup = 0};
