/*
 * The wall between libwebsockets 4.1 and Swift: a few small typed functions, one callback, one event.
 *
 * Threads. A context belongs to the one thread that services it, "the loop thread". Every function here must be called on it,
 * except clws_wake(), which may be called from any thread while the context exists. The callbacks run on the loop thread,
 * and only inside clws_service() and clws_context_destroy(): no function below calls back into its caller.
 *
 * Connections. A clws_conn is created by clws_connect() or announced by CLWS_ACCEPTED. It gets exactly one CLWS_CLOSED, which
 * is its last event and after which the pointer must not be used.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

typedef struct clws_context clws_context;
typedef struct clws_vhost clws_vhost;
typedef struct clws_conn clws_conn;

/* How far a connection has come; in CLWS_CLOSED, where it ended. */
typedef enum {
    CLWS_STAGE_TCP,     /* waiting for the TCP handshake (also with a proxy) */
    CLWS_STAGE_TLS,     /* TCP stands, TLS (or the proxy's answer) is awaited */
    CLWS_STAGE_UPGRADE, /* the upgrade request is sent, its answer is awaited */
    CLWS_STAGE_OPEN     /* a WebSocket */
} clws_stage;

typedef enum {
    CLWS_ACCEPTED, /* a server has a new WebSocket; delivered to the listener's callback */
    CLWS_OPENED,   /* a client's WebSocket is open */
    CLWS_RECEIVED, /* a piece of a message: data, length, first, final, binary */
    CLWS_ACTIVITY, /* the peer showed life without a message (a pong) */
    CLWS_WRITABLE, /* one clws_send() may be made now */
    CLWS_CLOSED    /* the end: code, text (close reason or cause of failure), stage, by_peer */
} clws_event_kind;

/* Valid only while the callback runs. */
typedef struct {
    clws_event_kind kind;
    clws_stage stage;
    const uint8_t *_Nullable data;
    size_t length;
    int first;
    int final;
    int binary;
    /* The close code: what the peer sent, 1005 if its close frame had none, 1006 if there was no close frame. */
    uint16_t code;
    int by_peer;
    /* For CLWS_CLOSED before CLWS_OPENED: the X509_V_ERR_* of a refused certificate, or 0. */
    int certificate_error;
    const char *text;
} clws_event;

typedef void (*clws_event_fn)(void *_Nullable user, clws_conn *connection, const clws_event *event);

/* A connection of an HTTP server. It gets exactly one CLWS_HTTP_CLOSED, its last event, after which the pointer must not be used. */
typedef struct clws_http clws_http;

typedef enum {
    CLWS_HTTP_ACCEPTED, /* a new connection, before TLS; delivered to the listener's callback, which calls clws_http_set_user() */
    CLWS_HTTP_REQUEST,  /* a request's head: method, path, content_length; the other functions tell the rest */
    CLWS_HTTP_BODY,     /* a piece of its body: data, length */
    CLWS_HTTP_COMPLETE, /* the whole request is here; nothing is read until it has been responded to */
    CLWS_HTTP_SENT,     /* the response was handed to the kernel; the next request may follow */
    CLWS_HTTP_CLOSED    /* the end */
} clws_http_event_kind;

/* Valid only while the callback runs. A request that was responded to before its CLWS_HTTP_COMPLETE has no further events but SENT. */
typedef struct {
    clws_http_event_kind kind;
    const uint8_t *_Nullable data;
    size_t length;
    const char *method;     /* "GET" */
    const char *path;       /* percent-decoded, with dots and double slashes resolved by the library */
    size_t path_length;
    int64_t content_length; /* 0 for none */
} clws_http_event;

typedef void (*clws_http_fn)(void *_Nullable user, clws_http *connection, const clws_http_event *event);
/*
 * A client's connection of bytes: TCP, and TLS from where it is asked for. It gets exactly one CLWS_STREAM_CLOSED, its last event,
 * after which the pointer must not be used.
 */
typedef struct clws_stream clws_stream;

/* Which certificates a client trusts. Any thread. */
typedef struct clws_trust clws_trust;

typedef enum {
    CLWS_STREAM_CONNECTED, /* TCP stands */
    CLWS_STREAM_SECURED,   /* TLS stands: the certificate is trusted and bears the name */
    CLWS_STREAM_RECEIVED,  /* bytes: data, length */
    CLWS_STREAM_WRITABLE,  /* clws_stream_write() may take some */
    CLWS_STREAM_CLOSED     /* the end: finished, certificate_error, text */
} clws_stream_event_kind;

/* Valid only while the callback runs. */
typedef struct {
    clws_stream_event_kind kind;
    const uint8_t *_Nullable data;
    size_t length;
    int finished;          /* whether the peer said that it sends no more, rather than the connection breaking */
    int certificate_error; /* the X509_V_ERR_* of a refused certificate, or 0 */
    const char *text;      /* the cause of a failure, or "" */
} clws_stream_event;

typedef void (*clws_stream_fn)(void *_Nullable user, clws_stream *stream, const clws_stream_event *event);
typedef void (*clws_timer_fn)(void *_Nullable user);
/* level: 0 error, 1 warning, 2 and above detail. `line` has no line end. */
typedef void (*clws_log_fn)(void *_Nullable user, int level, const char *line);

/* The version of the library that was loaded, as "4.1.6". Any thread. */
const char *clws_library_version(void);

/* Names the calling thread; the system keeps the first 15 bytes. */
void clws_name_thread(const char *name);

/* --- context --- */

/* Makes a context. It may be made on another thread before the loop thread starts. NULL when out of memory or descriptors. */
clws_context *_Nullable clws_context_create(void);

/* Sets what the context calls back; before the loop thread starts. */
void clws_context_set_callbacks(
    clws_context *context, clws_timer_fn on_timer, clws_log_fn on_log, void *_Nullable user);

/* Ends every connection (each gets its CLWS_CLOSED) and frees everything. Never from inside a callback. */
void clws_context_destroy(clws_context *context);

/* Serves sockets and the timer once; waits for something to happen unless `no_wait`. */
void clws_service(clws_context *context, int no_wait);

/* Makes a waiting clws_service() return. Any thread, while the context exists. */
void clws_wake(clws_context *context);

/* Arms the context's one timer `microseconds` from now, replacing what was armed; negative disarms. */
void clws_timer_set(clws_context *context, int64_t microseconds);

/* --- vhosts: one per trust and proxy for clients, one per port for servers; freed with the context --- */

typedef struct {
    /* PEM certificates to trust instead of the system's; NULL trusts the system's. */
    const char *_Nullable trusted_pem;
    size_t trusted_pem_length;
    /* "http://user:password@1.2.3.4:3128", the proxy for CONNECT; NULL for none. The environment is never read. */
    const char *_Nullable proxy;
} clws_client_options;

/* How many PEM certificates a text holds; -1 if one cannot be read. Any thread. */
int clws_count_certificates(const char *pem, size_t length);

/* A home for client connections. On failure NULL, with the reason in `error`. */
clws_vhost *_Nullable clws_client_vhost(
    clws_context *context, const clws_client_options *options, char *error, size_t error_size);

typedef struct {
    const char *_Nullable interface; /* numeric address to listen on; NULL for all */
    int port;                        /* 0 for any free port */
    const char *_Nullable certificate_pem; /* chain, leaf first; NULL for no TLS */
    size_t certificate_pem_length;
    const char *_Nullable key_pem;
    size_t key_pem_length;
    clws_event_fn _Nullable on_event; /* a WebSocket server: gets CLWS_ACCEPTED with `user` */
    clws_http_fn _Nullable on_http;   /* an HTTP server: gets CLWS_HTTP_ACCEPTED with `user` */
    unsigned maximum_connections;     /* of an HTTP server; more are closed as they come */
    void *_Nullable user;
} clws_listen_options;

/* Listens. On failure NULL, with the reason in `error`. */
clws_vhost *_Nullable clws_listen(
    clws_context *context, const clws_listen_options *options, char *error, size_t error_size);

/* The port a server listens on. */
int clws_listen_port(clws_vhost *vhost);

/* Closes the listening socket; the connections that were accepted go on. */
void clws_stop_listening(clws_vhost *vhost);

/* Lets go of a vhost that does not listen any more and whose connections have ended. The pointer must not be used again. */
void clws_vhost_close(clws_vhost *vhost);

/* --- connections --- */

typedef struct {
    clws_vhost *vhost;
    const char *address; /* numeric, or a name when a proxy resolves it */
    int port;
    const char *host;        /* the name that the certificate must bear, without port */
    const char *host_header; /* the Host header's value; SNI is its part before the first colon, unless it is an address */
    const char *path;
    int tls;
    unsigned dead_after_milliseconds; /* without an acknowledgement from the peer's kernel; 0 leaves it to the system */
    clws_event_fn on_event;
    void *_Nullable user;
} clws_connect_options;

/* Begins to connect. Events follow from clws_service(). On failure NULL, with the reason in `error`, and no event. */
clws_conn *_Nullable clws_connect(
    clws_context *context, const clws_connect_options *options, char *error, size_t error_size);

/* Sets whom the connection's events go to; for an accepted one, inside its CLWS_ACCEPTED. */
void clws_set_user(clws_conn *connection, clws_event_fn on_event, void *_Nullable user);

/* How far a connection that is not open yet has come. */
clws_stage clws_get_stage(clws_conn *connection);

/* Asks for a CLWS_WRITABLE. */
void clws_want_write(clws_conn *connection);

/* Writes one whole message; only inside CLWS_WRITABLE, once. 0, or -1 when the connection is broken (its end follows). */
int clws_send(clws_conn *connection, const uint8_t *data, size_t length, int binary);

/* Bytes written but still in the library's or the kernel's buffers. */
size_t clws_unsent(clws_conn *connection);

/* Milliseconds since the kernel last received a byte from the peer, -1 if unknown. */
int64_t clws_idle_milliseconds(clws_conn *connection);

/* Stops (0) or resumes (1) reading. */
void clws_read_enable(clws_conn *connection, int enable);

/* Begins the close handshake; nothing is received or sent after it. `reason` of at most 123 bytes. */
void clws_close(clws_conn *connection, uint16_t code, const char *reason);

/* Drops the connection without a close frame, at the next clws_service(). */
void clws_abort(clws_conn *connection);

/* The peer's numeric address into `buffer`. */
void clws_peer_address(clws_conn *connection, char *buffer, size_t size);

/* The TLS version and cipher, such as "TLSv1.3 TLS_AES_256_GCM_SHA384", or "" without TLS. */
void clws_tls_description(clws_conn *connection, char *buffer, size_t size);

/* --- connections of an HTTP server --- */

/* What the header data of one request may have, in bytes, values and target together; more closes the connection. */
#define CLWS_HTTP_HEADER_BYTES 8192

/* Sets whom the connection's events go to; inside its CLWS_HTTP_ACCEPTED. */
void clws_http_set_user(clws_http *connection, clws_http_fn on_event, void *_Nullable user);

/*
 * A header's value, several joined by commas; `name` in lower case with its colon: "content-type:". Its length, or -1 if there is none
 * or it does not fit. Only inside CLWS_HTTP_REQUEST.
 */
int clws_http_header(clws_http *connection, const char *name, char *buffer, size_t size);

/*
 * The query, without its question mark. The library takes it apart and decodes it; this is put together again, so that it means
 * the same but may be encoded otherwise. Its length, or -1 if it does not fit. Only inside CLWS_HTTP_REQUEST.
 */
int clws_http_query(clws_http *connection, char *buffer, size_t size);

typedef struct {
    int status;
    const char *_Nullable headers; /* name with colon, NUL, value, NUL, and so on */
    size_t headers_length;
    const uint8_t *_Nullable body; /* copied */
    size_t body_length;
    int close; /* whether the connection ends with it */
} clws_http_response;

/* Responds to the present request, once; CLWS_HTTP_SENT follows. 0, or -1 when there is none to respond to or no memory. */
int clws_http_respond(clws_http *connection, const clws_http_response *response);

/* Whether the peer has closed its side, which is not seen while nothing is read. */
int clws_http_peer_left(clws_http *connection);

/* Drops the connection at the next clws_service(). */
void clws_http_abort(clws_http *connection);

/* --- streams --- */

/* Trusts PEM certificates, or the system's for NULL. On failure NULL, with the reason in `error`. */
clws_trust *_Nullable clws_trust_create(const char *_Nullable pem, size_t length, char *error, size_t error_size);

/* Streams that use it go on. */
void clws_trust_free(clws_trust *trust);

typedef struct {
    const char *address; /* numeric */
    int port;
    clws_stream_fn on_event;
    void *_Nullable user;
} clws_stream_options;

/* Begins to connect. Events follow from clws_service(). On failure NULL, with the reason in `error`, and no event. */
clws_stream *_Nullable clws_stream_connect(
    clws_context *context, const clws_stream_options *options, char *error, size_t error_size);

/* Begins TLS, for HTTP/1.1, with a server whose certificate must bear `host`, a name or an address. Once, after CLWS_STREAM_CONNECTED.
 * 0, or -1 when it cannot be begun. */
int clws_stream_secure(clws_stream *stream, clws_trust *trust, const char *host);

/* Asks for a CLWS_STREAM_WRITABLE. */
void clws_stream_want_write(clws_stream *stream);

/* Writes what the kernel takes now: how many bytes, or -1 when it will never take more (what the peer sent may still be read). */
int64_t clws_stream_write(clws_stream *stream, const uint8_t *data, size_t length);

/* Stops (0) or resumes (1) reading. */
void clws_stream_read_enable(clws_stream *stream, int enable);

/* Drops the connection at the next clws_service(); nothing but its CLWS_STREAM_CLOSED follows. */
void clws_stream_abort(clws_stream *stream);

#pragma clang assume_nonnull end
