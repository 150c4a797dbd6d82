#include "internal.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

int clws_is_ip_literal(const char *host) {
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static char no_password[] = ""; /* else OpenSSL asks the terminal about an encrypted PEM, and the loop waits */

/* How many certificates there are, each added to `store` if there is one; -1 if one cannot be read. */
static int read_certificates(const char *pem, size_t length, X509_STORE *store) {
    BIO *bio = BIO_new_mem_buf(pem, (int)length);
    int count = 0;
    X509 *certificate;
    ERR_clear_error();
    while (bio && (certificate = PEM_read_bio_X509(bio, NULL, NULL, no_password))) {
        count += !store || X509_STORE_add_cert(store, certificate) == 1;
        X509_free(certificate);
    }
    /* The end of the text reads as an error, of its own kind. */
    if (!bio || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) count = -1;
    ERR_clear_error();
    BIO_free(bio);
    return count;
}

int clws_count_certificates(const char *pem, size_t length) {
    return read_certificates(pem, length, NULL);
}

static int trust_pem(SSL_CTX *ssl, const char *pem, size_t length) {
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    /* What the operator names is trusted as it is, an intermediate or a server's own certificate too. */
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    return read_certificates(pem, length, store);
}

/* libwebsockets takes SNI from the Host header, up to the first colon; RFC 6066 3 allows no address in it. */
static void tls_progress(const SSL *ssl, int where, int result) {
    (void)result;
    const char *name = where & SSL_CB_HANDSHAKE_START ? SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) : NULL;
    if (name && (name[0] == '[' || clws_is_ip_literal(name))) SSL_set_tlsext_host_name((SSL *)ssl, NULL);
}

/*
 * libwebsockets would give every vhost of a context whose creation info looks the same one SSL_CTX, and so the trust of whichever
 * was made last. So each vhost brings its own.
 */
SSL_CTX *clws_make_client_tls(const clws_client_options *options, char *error, size_t error_size) {
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    if (!ssl) {
        ERR_clear_error();
        clws_set_error(error, error_size, "TLS could not be set up");
        return NULL;
    }
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_info_callback(ssl, tls_progress);
    SSL_CTX_set_options(ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    if (options->trusted_pem
            ? trust_pem(ssl, options->trusted_pem, options->trusted_pem_length) > 0
            : SSL_CTX_set_default_verify_paths(ssl) == 1)
        return ssl;
    clws_set_error(error, error_size, options->trusted_pem
        ? "no PEM certificate, or a damaged one, in the trusted certificates" : "the system's trusted certificates cannot be read");
    ERR_clear_error();
    SSL_CTX_free(ssl);
    return NULL;
}

clws_trust *clws_trust_create(const char *pem, size_t length, char *error, size_t error_size) {
    clws_client_options options = {.trusted_pem = pem, .trusted_pem_length = length};
    return (clws_trust *)clws_make_client_tls(&options, error, error_size);
}

void clws_trust_free(clws_trust *trust) {
    SSL_CTX_free((SSL_CTX *)trust);
}

int clws_prepare_server_tls(clws_vhost *vhost, SSL_CTX *ssl) {
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    BIO *certificates = BIO_new_mem_buf(vhost->certificate_pem, (int)vhost->certificate_pem_length);
    BIO *keys = BIO_new_mem_buf(vhost->key_pem, (int)vhost->key_pem_length);
    X509 *leaf = certificates ? PEM_read_bio_X509(certificates, NULL, NULL, no_password) : NULL;
    EVP_PKEY *key = keys ? PEM_read_bio_PrivateKey(keys, NULL, NULL, no_password) : NULL;
    int fine = leaf && key && SSL_CTX_use_certificate(ssl, leaf) == 1 && SSL_CTX_use_PrivateKey(ssl, key) == 1;
    X509 *link;
    while (fine && (link = PEM_read_bio_X509(certificates, NULL, NULL, no_password)))
        if (SSL_CTX_add_extra_chain_cert(ssl, link) != 1) {
            X509_free(link);
            fine = 0;
        }
    ERR_clear_error();
    X509_free(leaf);
    EVP_PKEY_free(key);
    BIO_free(certificates);
    BIO_free(keys);
    if (!fine) clws_set_error(vhost->error, vhost->error_size, "the server's certificate or key is not usable PEM, or they do not match");
    return fine ? 0 : -1;
}

/* Before there is a vhost: one that was made with a wrong certificate would stay until the context goes. */
int clws_check_server_tls(clws_vhost *vhost) {
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    int result = ssl ? clws_prepare_server_tls(vhost, ssl) : -1;
    if (!ssl) clws_set_error(vhost->error, vhost->error_size, "TLS could not be set up");
    SSL_CTX_free(ssl);
    return result;
}

/* Remembers why OpenSSL refuses a certificate; the library's own text does not say. Never overrules it. */
void clws_note_certificate_error(clws_conn *c, X509_STORE_CTX *store) {
    int error = X509_STORE_CTX_get_error(store);
    if (error == X509_V_OK || c->certificate_error) return;
    c->certificate_error = error;
    snprintf(c->text, sizeof c->text, "%s", X509_verify_cert_error_string(error));
}

/*
 * Before the upgrade request leaves: the chain must have been verified and the name must match. OpenSSL has done both by
 * now, except that libwebsockets would look for "[2001" if the host were [2001:db8::1], so that it is told not to; so both are
 * asked again.
 */
int clws_check_peer_certificate(clws_conn *c) {
    if (!c->tls) return 0;
    SSL *ssl = lws_get_ssl(c->wsi);
    if (!ssl) return -1;
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    long result = SSL_get_verify_result(ssl);
    if (!certificate)
        result = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
    else if (result == X509_V_OK && clws_is_ip_literal(c->host))
        result = X509_check_ip_asc(certificate, c->host, 0) == 1 ? X509_V_OK : X509_V_ERR_IP_ADDRESS_MISMATCH;
    else if (result == X509_V_OK)
        result = X509_check_host(certificate, c->host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1
            ? X509_V_OK : X509_V_ERR_HOSTNAME_MISMATCH;
    X509_free(certificate);
    c->tls_checked = 1;
    if (result == X509_V_OK) return 0;
    c->certificate_error = (int)result;
    snprintf(c->text, sizeof c->text, "%s", X509_verify_cert_error_string(result));
    return -1;
}
