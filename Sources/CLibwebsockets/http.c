#define _GNU_SOURCE /* POLLRDHUP */
#include "internal.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define PAUSE (20 * LWS_US_PER_MS)
#define LINGER_BYTES (256 * 1024)
#define LINGER_SECONDS 3
#define PIECE (16 * 1024) /* of a response's body: what the library writes at once */

struct clws_http {
    connection_kind kind;
    clws_vhost *vhost;
    struct lws *wsi;
    clws_http_fn on_event;
    void *user;
    int aborted;
    /* the present request */
    int in_request, complete, is_head, is_later;
    int64_t body_left;
    int64_t read_before; /* how many bytes of the connection had been read when the request before was over; -1: unknown */
    /* its response; `head` holds names and values, NUL-terminated in turn */
    int responding, head_sent, close, status;
    char *head;
    size_t head_length;
    uint8_t *body;
    size_t body_length, body_sent;
    lws_sorted_usec_list_t pause;
    int64_t linger; /* how much may still come after the last response, dropped */
};

static int is_ready(clws_http *c, short events) {
    struct pollfd socket = {.fd = lws_get_socket_fd(c->wsi), .events = events};
    return poll(&socket, 1, 0) > 0;
}

static void deliver(clws_http *c, clws_http_event *event) {
    if (!event->method) event->method = "";
    if (!event->path) event->path = "";
    if (c->on_event) c->on_event(c->user, c, event);
}

static void deliver_kind(clws_http *c, clws_http_event_kind kind) {
    clws_http_event event = {.kind = kind};
    deliver(c, &event);
}

static void forget_response(clws_http *c) {
    free(c->head);
    free(c->body);
    c->head = NULL;
    c->body = NULL;
    c->in_request = c->responding = c->head_sent = 0;
    c->head_length = c->body_length = c->body_sent = 0;
}

/* --- accepting --- */

int clws_http_refuses_connection(struct lws *listener) {
    clws_vhost *vhost = lws_get_vhost_user(lws_get_vhost(listener));
    return vhost && vhost->on_http && (vhost->stopped || vhost->connections >= vhost->maximum_connections);
}

int clws_http_accept(struct lws *wsi) {
    clws_vhost *vhost = lws_get_vhost_user(lws_get_vhost(wsi));
    if (!vhost || !vhost->on_http) return 0;
    if (vhost->stopped) return -1;
    clws_http *c = calloc(1, sizeof *c);
    if (!c) return -1;
    c->kind = KIND_HTTP;
    c->vhost = vhost;
    c->wsi = wsi;
    c->on_event = vhost->on_http;
    c->user = vhost->user;
    vhost->connections++;
    lws_set_opaque_user_data(wsi, c);
    deliver_kind(c, CLWS_HTTP_ACCEPTED);
    return 0;
}

void clws_http_set_user(clws_http *c, clws_http_fn on_event, void *user) {
    c->on_event = on_event;
    c->user = user;
}

/* --- requests --- */

int clws_http_header(clws_http *c, const char *name, char *buffer, size_t size) {
    for (int token = 0; token < WSI_TOKEN_COUNT; token++) {
        const char *known = (const char *)lws_token_to_string((enum lws_token_indexes)token);
        if (!known || strcmp(known, name)) continue;
        if (!lws_hdr_total_length(c->wsi, (enum lws_token_indexes)token)) return -1;
        return lws_hdr_copy(c->wsi, buffer, (int)size, (enum lws_token_indexes)token);
    }
    return lws_hdr_custom_copy(c->wsi, buffer, (int)size, name, (int)strlen(name));
}

int clws_http_query(clws_http *c, char *buffer, size_t size) {
    char part[CLWS_HTTP_HEADER_BYTES + 1];
    size_t used = 0;
    for (int index = 0;; index++) {
        int length = lws_hdr_copy_fragment(c->wsi, part, sizeof part, WSI_TOKEN_HTTP_URI_ARGS, index);
        if (length < 0) break;
        if (index && used < size) buffer[used++] = '&';
        for (int i = 0, in_value = 0; i < length; i++) {
            unsigned char byte = (unsigned char)part[i];
            int plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')
                || (byte && strchr("-._~/:", byte)) || (byte == '=' && !in_value);
            if (byte == '=') in_value = 1;
            if (used + 4 > size) return -1;
            used += (size_t)(plain ? (buffer[used] = (char)byte, 1) : snprintf(buffer + used, 4, "%%%02X", byte));
        }
    }
    if (used >= size) return -1;
    buffer[used] = 0;
    return (int)used;
}

static const char *method_name(int index) {
    switch (index) {
    case LWSHUMETH_GET: return "GET";
    case LWSHUMETH_POST: return "POST";
    case LWSHUMETH_OPTIONS: return "OPTIONS";
    case LWSHUMETH_PUT: return "PUT";
    case LWSHUMETH_PATCH: return "PATCH";
    case LWSHUMETH_DELETE: return "DELETE";
    case LWSHUMETH_HEAD: return "HEAD";
    default: return "";
    }
}

/* The body's length, -1 if the header is not a number, -2 if there is no header. */
static int64_t content_length(struct lws *wsi) {
    char text[32];
    int length = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    if (!length) return -2;
    if (length > 18 || lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH) != length) return -1;
    return strspn(text, "0123456789") == (size_t)length ? atoll(text) : -1;
}

static void refuse(clws_http *c, int status) {
    clws_http_response response = {.status = status, .close = 1};
    if (clws_http_respond(c, &response)) clws_http_abort(c);
}

/* How many bytes of the connection the library has read; -1 if the system does not tell. */
static int64_t bytes_read(clws_http *c) {
    int fd = lws_get_socket_fd(c->wsi), unread, still_unread = -1;
    struct tcp_info info;
    do { /* more may come between the two questions */
        socklen_t size = sizeof info;
        unread = still_unread;
        memset(&info, 0, sizeof info);
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) || ioctl(fd, SIOCINQ, &still_unread)) return -1;
        if (size < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) return -1;
    } while (unread != still_unread);
    int64_t read = (int64_t)info.tcpi_bytes_received - still_unread;
    return read > 0 ? read : -1;
}

static void completed(clws_http *c) {
    if (c->complete) return;
    c->complete = 1;
    if (c->responding) return;
    lws_rx_flow_control(c->wsi, 0); /* libwebsockets 4.1 would spin if more came now: it does not read it, and polls for it */
    deliver_kind(c, CLWS_HTTP_COMPLETE);
}

/*
 * libwebsockets 4.1 reads the body of a request that came in one piece with the one before it from the wrong place, and then for
 * ever. Whether one did is not told; but then nothing was read for it since. Where the system does not tell how much was read, the
 * library has something to do without waiting (as it may have for another reason, which costs a client a request).
 */
static int has_unreadable_body(clws_http *c) {
    if (!c->is_later || c->body_left <= 0) return 0;
    if (c->read_before < 0) return lws_service_adjust_timeout(c->vhost->context->lws, 1000, 0) == 0;
    return bytes_read(c) == c->read_before;
}

static int begin_request(clws_http *c) {
    unsigned char buffer[LWS_PRE + 32];
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char *path = NULL;
    int path_length = 0;
    int method = lws_http_get_uri_and_method(c->wsi, &path, &path_length);
    if (method < 0 || !path) return -1;
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0);
    c->in_request = 1;
    c->complete = c->close = 0;
    c->is_head = method == LWSHUMETH_HEAD;
    c->body_left = content_length(c->wsi);
    if (has_unreadable_body(c)) {
        c->aborted = 1;
        (void)!lws_return_http_status(c->wsi, 503, NULL);
        return -1;
    }
    c->is_later = 1;
    if (lws_hdr_total_length(c->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING)) {
        refuse(c, 501); /* the library cannot read chunks */
    } else if (c->body_left == -1) {
        refuse(c, 400);
    } else if (c->body_left == -2 && (method == LWSHUMETH_POST || method == LWSHUMETH_PUT || method == LWSHUMETH_PATCH)) {
        refuse(c, 411); /* the library would wait for a body without an end */
    } else {
        if (c->body_left < 0) c->body_left = 0;
        clws_http_event event = {
            .kind = CLWS_HTTP_REQUEST,
            .method = method_name(method),
            .path = path,
            .path_length = (size_t)path_length,
            .content_length = c->body_left,
        };
        deliver(c, &event);
    }
    if (c->body_left <= 0) {
        completed(c);
    } else if (!c->responding && lws_hdr_total_length(c->wsi, WSI_TOKEN_HTTP_EXPECT)) {
        memcpy(buffer + LWS_PRE, interim, sizeof interim - 1);
        if (lws_write(c->wsi, buffer + LWS_PRE, sizeof interim - 1, LWS_WRITE_HTTP_HEADERS) < 0) return -1;
    }
    return c->aborted ? -1 : 0;
}

static void received(clws_http *c, const uint8_t *data, size_t length) {
    size_t mine = (uint64_t)c->body_left < length ? (size_t)c->body_left : length;
    c->body_left -= (int64_t)mine;
    if (mine && !c->responding) {
        clws_http_event event = {.kind = CLWS_HTTP_BODY, .data = data, .length = mine};
        deliver(c, &event);
    }
    if (c->body_left == 0) completed(c);
}

/* --- responses --- */

static void go_on(lws_sorted_usec_list_t *sul);

/* Asks for the next chance to write. */
static void want_write(clws_http *c) {
    if (is_ready(c, POLLOUT)) {
        lws_rx_flow_control(c->wsi, 1); /* while reading is off, the library does not tell that it can write either */
        lws_callback_on_writable(c->wsi);
    } else { /* the client does not read: if it sent more meanwhile, libwebsockets 4.1 would spin until it does */
        lws_rx_flow_control(c->wsi, 0);
        lws_sul_schedule(c->vhost->context->lws, 0, &c->pause, go_on, PAUSE);
    }
}

static void go_on(lws_sorted_usec_list_t *sul) {
    want_write(lws_container_of(sul, clws_http, pause));
}

int clws_http_respond(clws_http *c, const clws_http_response *response) {
    if (!c->in_request || c->responding || c->aborted) return -1;
    c->head = malloc(response->headers_length + 1);
    c->body = malloc(response->body_length + 1);
    if (!c->head || !c->body) {
        free(c->head);
        free(c->body);
        c->head = NULL;
        c->body = NULL;
        return -1;
    }
    if (response->headers_length) memcpy(c->head, response->headers, response->headers_length);
    c->head[response->headers_length] = 0;
    if (response->body_length) memcpy(c->body, response->body, response->body_length);
    c->head_length = response->headers_length;
    c->body_length = response->body_length;
    c->status = response->status;
    c->close = c->close || response->close;
    c->responding = 1;
    want_write(c);
    return 0;
}

static int write_head(clws_http *c) {
    size_t size = c->head_length * 2 + 1024;
    uint8_t *start = clws_scratch(c->vhost->context, size), *p = start, *end = start + size;
    if (!start || lws_add_http_header_status(c->wsi, (unsigned)c->status | LWSAHH_FLAG_NO_SERVER_NAME, &p, end)) return -1;
    for (const char *name = c->head, *limit = c->head + c->head_length; name < limit;) {
        const char *value = name + strlen(name) + 1;
        size_t length = strlen(value);
        if (lws_add_http_header_by_name(c->wsi, (const uint8_t *)name, (const uint8_t *)value, (int)length, &p, end)) return -1;
        name = value + length + 1;
    }
    if (c->status != 204 && c->status != 304 && lws_add_http_header_content_length(c->wsi, c->body_length, &p, end)) return -1;
    if (c->close && lws_add_http_header_by_token(c->wsi, WSI_TOKEN_CONNECTION, (const uint8_t *)"close", 5, &p, end)) return -1;
    if (c->is_head || c->status == 204 || c->status == 304) c->body_length = 0;
    c->head_sent = 1;
    return lws_finalize_write_http_header(c->wsi, start, &p, end);
}

static int write_piece(clws_http *c) {
    size_t left = c->body_length - c->body_sent, length = left < PIECE ? left : PIECE;
    uint8_t *copy = clws_scratch(c->vhost->context, length);
    if (!copy) return -1;
    memcpy(copy, c->body + c->body_sent, length);
    c->body_sent += length;
    return lws_write(c->wsi, copy, length, length == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0 ? -1 : 0;
}

/*
 * The client is still sending a body that was refused. To close now would answer that with a reset, which may overtake the response
 * (RFC 9112 9.6).
 */
static int linger(clws_http *c) {
    c->linger = LINGER_BYTES;
    lws_rx_flow_control(c->wsi, 1);
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_SHUTDOWN_FLUSH, LINGER_SECONDS);
    if (!lws_is_ssl(c->wsi)) shutdown(lws_get_socket_fd(c->wsi), SHUT_WR);
    return 0;
}

static int dropped(clws_http *c, size_t length) {
    c->linger -= (int64_t)length;
    c->body_left -= (int64_t)length;
    return c->linger <= 0 || c->body_left <= 0 ? -1 : 0;
}

static int is_sent(const clws_http *c) {
    return c->head_sent && c->body_sent == c->body_length;
}

/*
 * The request ends with its last piece, not at the next chance to write: a client that has the whole response may send its next
 * request at once, and libwebsockets 4.1 would put that aside, from where it cannot read a body (see has_unreadable_body).
 */
static int writable(clws_http *c) {
    if (!c->responding) return 0;
    if (!is_sent(c) && (c->head_sent ? write_piece(c) : write_head(c))) return -1;
    if (!is_sent(c) || lws_partial_buffered(c->wsi)) {
        want_write(c);
        return 0;
    }
    c->read_before = bytes_read(c);
    int close = c->close || c->vhost->stopped;
    forget_response(c);
    deliver_kind(c, CLWS_HTTP_SENT);
    if (close && !c->complete && !c->aborted && !c->vhost->stopped) return linger(c);
    if (close || c->aborted) return -1;
    return lws_http_transaction_completed(c->wsi) ? -1 : 0;
}

/* --- the library's callback --- */

int clws_http_callback(clws_http *c, enum lws_callback_reasons reason, void *in, size_t length) {
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return c->aborted ? -1 : begin_request(c);
    case LWS_CALLBACK_HTTP_BODY:
        if (c->linger && !c->aborted) return dropped(c, length);
        if (!c->aborted) received(c, in, length);
        return c->aborted ? -1 : 0;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        if (c->linger) return -1;
        completed(c);
        return c->aborted ? -1 : 0;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return c->aborted ? -1 : writable(c);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: /* to h2c, or to WebSocket */
        return lws_return_http_status(c->wsi, 501, NULL) ? -1 : 1;
    case LWS_CALLBACK_RAW_ADOPT: /* what the library makes of the method CONNECT */
        return -1;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_sul_schedule(c->vhost->context->lws, 0, &c->pause, go_on, LWS_SET_TIMER_USEC_CANCEL);
        deliver_kind(c, CLWS_HTTP_CLOSED);
        c->vhost->connections--;
        lws_set_opaque_user_data(c->wsi, NULL);
        forget_response(c);
        free(c);
        return 0;
    default:
        return 0;
    }
}

int clws_http_peer_left(clws_http *c) {
    return is_ready(c, POLLRDHUP);
}

void clws_http_abort(clws_http *c) {
    c->aborted = 1;
    lws_set_timeout(c->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_ASYNC);
}
