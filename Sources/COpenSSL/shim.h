#pragma once
// EVP and X.509 only: nothing deprecated, so that warnings can be errors.
#include <openssl/evp.h>
#include <openssl/err.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// A macro that Swift cannot read: how RFC 2253 writes a name.
static inline unsigned long slipway_XN_FLAG_RFC2253(void) { return XN_FLAG_RFC2253; }
