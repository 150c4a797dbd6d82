#pragma once
#if !__has_include(<openssl/evp.h>)
#error "OpenSSL 3 headers are missing: run `make setup`, or install the Debian package libssl-dev"
#endif
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
