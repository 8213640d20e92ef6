#pragma once
// EVP only: nothing deprecated, so that warnings can be errors.
#include <openssl/evp.h>
#include <openssl/err.h>
#include <openssl/crypto.h>
