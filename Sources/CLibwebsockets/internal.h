/* What the files of this target share. Nothing here is seen by Swift. */
#pragma once

#include "CLibwebsockets.h"

#if !__has_include(<libwebsockets.h>)
#error "libwebsockets 4.1 headers are missing: run `make setup`, or install the Debian package libwebsockets-dev"
#endif

#include <libwebsockets.h>

#include <openssl/ssl.h>
#include <openssl/x509.h>

#define CLOSE_REASON_MAX 123 /* RFC 6455 5.5: a control frame carries 125 bytes, two of them the code */

struct clws_context {
    struct lws_context *lws;
    clws_timer_fn on_timer;
    clws_log_fn on_log;
    void *user;
    lws_sorted_usec_list_t timer;
    clws_vhost *vhosts;   /* all, freed with the context */
    clws_vhost *building; /* the server whose SSL_CTX is being made */
    struct lws_vhost *stream_vhost; /* of all streams */
    uint8_t *scratch;     /* LWS_PRE bytes, then one outgoing message */
    size_t scratch_size;
};

struct clws_vhost {
    clws_vhost *next;
    struct lws *listener; /* only while it is looked for */
    int stopped;          /* accepts nothing any more */
    clws_context *context;
    struct lws_vhost *lws;
    SSL_CTX *ssl; /* of client connections */
    char interface[64];
    char *proxy;
    const char *certificate_pem, *key_pem; /* borrowed, only while building */
    size_t certificate_pem_length, key_pem_length;
    char *error; /* borrowed, only while building */
    size_t error_size;
    clws_event_fn on_event; /* a WebSocket server has this, */
    clws_http_fn on_http;   /* an HTTP server that */
    unsigned maximum_connections, connections;
    void *user;
};

/* What the library keeps for us with a socket begins with one of these. */
typedef enum { KIND_WEBSOCKET, KIND_HTTP, KIND_STREAM } connection_kind;

struct clws_conn {
    connection_kind kind;
    clws_context *context;
    struct lws *wsi;
    clws_event_fn on_event;
    void *user;
    clws_stage stage;
    int tls, tls_checked; /* wanted; done */
    int connecting, terminated;
    int close_wanted, close_sent, aborted;
    uint16_t our_code, peer_code;
    char our_reason[CLOSE_REASON_MAX + 1];
    char text[256]; /* the peer's close reason, or the cause of a failure */
    char host[256]; /* the name that the certificate must bear */
    int certificate_error;
};

/* Whose code this thread is in: for the library's log and its TLS callbacks, which do not say. */
extern __thread clws_context *clws_current;

extern const struct lws_protocols clws_protocols[];
extern const lws_retry_bo_t clws_no_idle_policy;

/* context.c */
clws_context *clws_enter(clws_context *context);
void clws_set_error(char *error, size_t size, const char *format, ...);

uint8_t *clws_scratch(clws_context *context, size_t size);
void clws_trim_scratch(clws_context *context);

/* http.c */
int clws_http_refuses_connection(struct lws *listener);
int clws_http_accept(struct lws *wsi);
int clws_http_callback(clws_http *c, enum lws_callback_reasons reason, void *in, size_t length);

/* stream.c */
int clws_stream_callback(clws_stream *stream, enum lws_callback_reasons reason);

/* tls.c */
int clws_is_ip_literal(const char *host);
SSL_CTX *clws_make_client_tls(const clws_client_options *options, char *error, size_t error_size);
int clws_prepare_server_tls(clws_vhost *vhost, SSL_CTX *ssl);
int clws_check_server_tls(clws_vhost *vhost);
void clws_note_certificate_error(clws_conn *c, X509_STORE_CTX *store);
int clws_check_peer_certificate(clws_conn *c);

/* vhost.c */
void clws_free_vhost(clws_vhost *vhost);
