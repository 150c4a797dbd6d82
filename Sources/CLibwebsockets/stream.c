#include "internal.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * The HTTP client of libwebsockets 4.1 tells only the headers whose names it is asked for, takes a chunked body that breaks off for
 * a whole one, and its raw client cannot do TLS. So it only polls here, and HTTP is spoken above.
 */

#define PIECES 4 /* at most, before other connections get their turn */

struct clws_stream {
    connection_kind kind;
    clws_context *context;
    struct lws *wsi;
    clws_stream_fn on_event;
    void *user;
    SSL *ssl;
    int connected, secured; /* TCP stands; TLS does */
    int reading, wants_write, aborted;
    int finished; /* the peer said that this is all */
    int certificate_error;
    char text[256]; /* the cause of a failure */
    lws_sorted_usec_list_t turn;
};

static void deliver(clws_stream *s, clws_stream_event *event) {
    if (!event->text) event->text = "";
    if (!s->aborted || event->kind == CLWS_STREAM_CLOSED) s->on_event(s->user, s, event);
}

static void deliver_kind(clws_stream *s, clws_stream_event_kind kind) {
    clws_stream_event event = {.kind = kind};
    deliver(s, &event);
}

static int fail(clws_stream *s, const char *cause) {
    if (!s->text[0]) snprintf(s->text, sizeof s->text, "%s", cause ? cause : "");
    return -1;
}

/* --- turns --- */

static void turn_came(lws_sorted_usec_list_t *sul) {
    clws_stream *s = lws_container_of(sul, clws_stream, turn);
    if (s->aborted)
        lws_set_timeout(s->wsi, PENDING_TIMEOUT_KILLED_BY_PARENT, LWS_TO_KILL_SYNC);
    else
        lws_callback_on_writable(s->wsi);
}

/* Asks for a turn once the socket takes bytes. Not at once: what is asked for inside a turn, the library forgets. */
static void want_turn(clws_stream *s) {
    lws_sul_schedule(s->context->lws, 0, &s->turn, turn_came, 1);
}

/* What OpenSSL's `result` means: 0 to go on later, -1 for the end. */
static int tls_outcome(clws_stream *s, int result) {
    int error = errno;
    switch (SSL_get_error(s->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return 0;
    case SSL_ERROR_WANT_WRITE:
        want_turn(s);
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        s->finished = 1;
        return -1;
    case SSL_ERROR_SYSCALL:
        return fail(s, error ? strerror(error) : "the connection was closed");
    default:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return fail(s, "the connection was closed");
        return fail(s, ERR_reason_error_string(ERR_peek_error()));
    }
}

static int handshake(clws_stream *s) {
    ERR_clear_error();
    errno = 0;
    int result = SSL_connect(s->ssl);
    long verdict = SSL_get_verify_result(s->ssl);
    if (verdict != X509_V_OK) {
        s->certificate_error = (int)verdict;
        return fail(s, X509_verify_cert_error_string(verdict));
    }
    if (result != 1) return tls_outcome(s, result);
    if (!SSL_get0_peer_certificate(s->ssl)) return fail(s, "the server has no certificate");
    s->secured = 1;
    deliver_kind(s, CLWS_STREAM_SECURED);
    return 0;
}

/* Whether bytes of the owner's can be read and written. */
static int is_ready(const clws_stream *s) {
    return s->connected && (!s->ssl || s->secured);
}

static int receive(clws_stream *s) {
    uint8_t piece[16 * 1024];
    for (int round = 0; round < PIECES && s->reading && !s->aborted && is_ready(s); round++) {
        ERR_clear_error();
        errno = 0;
        ssize_t length = s->ssl ? SSL_read(s->ssl, piece, sizeof piece)
                                : recv(lws_get_socket_fd(s->wsi), piece, sizeof piece, 0);
        if (length <= 0) {
            if (s->ssl) return tls_outcome(s, (int)length);
            if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return 0;
            s->finished = length == 0;
            return length == 0 ? -1 : fail(s, strerror(errno));
        }
        clws_stream_event event = {.kind = CLWS_STREAM_RECEIVED, .data = piece, .length = (size_t)length};
        deliver(s, &event);
    }
    if (s->secured && SSL_pending(s->ssl) > 0) want_turn(s); /* the socket does not tell of these */
    return 0;
}

/* Does what can be done now; -1 ends the stream. */
static int take_turn(clws_stream *s) {
    if (s->aborted) return -1;
    if (!s->connected) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(lws_get_socket_fd(s->wsi), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) return fail(s, strerror(error));
        s->connected = 1;
        deliver_kind(s, CLWS_STREAM_CONNECTED);
    }
    if (s->ssl && !s->secured && !s->aborted && handshake(s)) return -1;
    if (receive(s)) return -1;
    if (is_ready(s) && s->wants_write && !s->aborted) {
        s->wants_write = 0;
        deliver_kind(s, CLWS_STREAM_WRITABLE);
    }
    return s->aborted ? -1 : 0;
}

int clws_stream_callback(clws_stream *s, enum lws_callback_reasons reason) {
    switch (reason) {
    case LWS_CALLBACK_RAW_RX_FILE:
    case LWS_CALLBACK_RAW_WRITEABLE_FILE:
        return take_turn(s);
    case LWS_CALLBACK_RAW_CLOSE_FILE: {
        lws_sul_schedule(s->context->lws, 0, &s->turn, turn_came, LWS_SET_TIMER_USEC_CANCEL);
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(lws_get_socket_fd(s->wsi), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error && !s->finished) fail(s, strerror(error));
        if (s->secured && !s->text[0]) SSL_shutdown(s->ssl); /* as far as the socket takes it now */
        ERR_clear_error();
        clws_stream_event event = {
            .kind = CLWS_STREAM_CLOSED,
            .finished = s->finished,
            .certificate_error = s->certificate_error,
            .text = s->text,
        };
        deliver(s, &event);
        return 0;
    }
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(s->wsi, NULL);
        SSL_free(s->ssl);
        free(s);
        return 0;
    default:
        return 0;
    }
}

/* --- for the owner --- */

static int open_socket(const clws_stream_options *options, char *error, size_t error_size) {
    char port[8];
    snprintf(port, sizeof port, "%d", options->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *address = NULL;
    if (getaddrinfo(options->address, port, &hints, &address) != 0) {
        clws_set_error(error, error_size, "the address is not numeric");
        return -1;
    }
    int on = 1, descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor >= 0) setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (descriptor < 0 || (connect(descriptor, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS)) {
        clws_set_error(error, error_size, "%s", strerror(errno));
        if (descriptor >= 0) close(descriptor);
        descriptor = -1;
    }
    freeaddrinfo(address);
    return descriptor;
}

static struct lws_vhost *stream_vhost(clws_context *context) {
    if (context->stream_vhost) return context->stream_vhost;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = clws_protocols,
        .vhost_name = "stream",
        .http_proxy_address = "",
        .retry_and_idle_policy = &clws_no_idle_policy,
    };
    context->stream_vhost = lws_create_vhost(context->lws, &info);
    return context->stream_vhost;
}

clws_stream *clws_stream_connect(
    clws_context *context, const clws_stream_options *options, char *error, size_t error_size) {
    clws_context *previous = clws_enter(context);
    struct lws_vhost *vhost = stream_vhost(context);
    clws_stream *s = vhost ? calloc(1, sizeof *s) : NULL;
    lws_sock_file_fd_type descriptor = {.filefd = -1};
    if (!s)
        clws_set_error(error, error_size, "out of memory");
    else
        descriptor.filefd = open_socket(options, error, error_size);
    if (descriptor.filefd >= 0) {
        s->kind = KIND_STREAM;
        s->context = context;
        s->on_event = options->on_event;
        s->user = options->user;
        s->reading = 1;
        s->wsi = lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, descriptor, clws_protocols[0].name, NULL);
        /* When it takes no more, libwebsockets 4.1 keeps the descriptor until the context goes. */
        if (!s->wsi) clws_set_error(error, error_size, "too many open files");
    }
    clws_enter(previous);
    if (!s || !s->wsi) {
        free(s);
        return NULL;
    }
    lws_set_opaque_user_data(s->wsi, s);
    want_turn(s);
    return s;
}

int clws_stream_secure(clws_stream *s, clws_trust *trust, const char *host) {
    static const unsigned char http[] = "\x08http/1.1";
    ERR_clear_error();
    SSL *ssl = SSL_new((SSL_CTX *)trust);
    int is_address = clws_is_ip_literal(host);
    X509_VERIFY_PARAM *rules = ssl ? SSL_get0_param(ssl) : NULL;
    if (rules) X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int fine = host[0] && rules && SSL_set_alpn_protos(ssl, http, sizeof http - 1) == 0
        && SSL_set_fd(ssl, lws_get_socket_fd(s->wsi)) == 1
        && (is_address ? X509_VERIFY_PARAM_set1_ip_asc(rules, host)
                       : SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host));
    ERR_clear_error();
    if (!fine) {
        SSL_free(ssl);
        return -1;
    }
    s->ssl = ssl;
    want_turn(s);
    return 0;
}

void clws_stream_want_write(clws_stream *s) {
    s->wants_write = 1;
    want_turn(s);
}

int64_t clws_stream_write(clws_stream *s, const uint8_t *data, size_t length) {
    int64_t written = 0;
    if (length > 256 * 1024) length = 256 * 1024;
    errno = 0;
    if (s->ssl) {
        ERR_clear_error();
        int result = SSL_write(s->ssl, data, (int)length), error = result > 0 ? 0 : SSL_get_error(s->ssl, result);
        written = result > 0 ? result : error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
    } else {
        written = send(lws_get_socket_fd(s->wsi), data, length, MSG_NOSIGNAL);
        if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) written = 0;
    }
    return written;
}

void clws_stream_read_enable(clws_stream *s, int enable) {
    s->reading = enable != 0;
    lws_rx_flow_control(s->wsi, enable);
    if (enable) want_turn(s); /* for what OpenSSL has already */
}

void clws_stream_abort(clws_stream *s) {
    s->aborted = 1;
    want_turn(s);
}
