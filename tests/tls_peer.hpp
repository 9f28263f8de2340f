// The other side of TLS, for tests: an authority, certificates of it, and a server's end of a
// connection as bytes in and out.
#pragma once

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/tls/free_by.hpp"

namespace rategate::test {

inline void must(bool holds) {
  if (!holds) std::abort();
}

using CertificatePtr = std::unique_ptr<X509, FreeBy<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, FreeBy<BIO_free>>;

inline std::string text_of(const BioPtr& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

struct Issued {
  CertificatePtr certificate;
  KeyPtr key;

  std::string certificate_pem() const {
    const BioPtr out(BIO_new(BIO_s_mem()));
    must(PEM_write_bio_X509(out.get(), certificate.get()) == 1);
    return text_of(out);
  }
  std::string key_pem() const {
    const BioPtr out(BIO_new(BIO_s_mem()));
    must(PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
         1);
    return text_of(out);
  }
};

class Authority {
 public:
  Authority() : own_(made("basicConstraints", "critical,CA:TRUE", 1, nullptr)) {}

  // `names`: "DNS:redis.example,IP:127.0.0.1". `days`: below 0 it has expired.
  Issued issue(const std::string& names, int days = 1) const {
    return made("subjectAltName", names, days, &own_);
  }
  std::string pem() const { return own_.certificate_pem(); }

 private:
  static Issued made(const char* extension, const std::string& value, int days, const Issued* by) {
    Issued issued{CertificatePtr(X509_new()), KeyPtr(EVP_EC_gen("P-256"))};
    X509* certificate = issued.certificate.get();
    const Issued& issuer = by == nullptr ? issued : *by;
    must(X509_set_version(certificate, 2) == 1);
    must(ASN1_INTEGER_set(X509_get_serialNumber(certificate), by == nullptr ? 1 : 2) == 1);
    must(X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * 86'400) != nullptr);
    must(X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86'400L) != nullptr);
    must(X509_set_pubkey(certificate, issued.key.get()) == 1);
    const auto* name = reinterpret_cast<const unsigned char*>(by == nullptr ? "ca" : "server");
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, name,
                                    -1, -1, 0) == 1);
    must(X509_set_issuer_name(certificate, X509_get_subject_name(issuer.certificate.get())) == 1);
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509V3_set_ctx_nodb(&context);
    X509_EXTENSION* added = X509V3_EXT_conf(nullptr, &context, extension, value.c_str());
    must(added != nullptr && X509_add_ext(certificate, added, -1) == 1);
    X509_EXTENSION_free(added);
    must(X509_sign(certificate, issuer.key.get(), EVP_sha256()) > 0);
    return issued;
  }

  Issued own_;
};

class TlsPeer {
 public:
  explicit TlsPeer(const Issued& as)
      : context_(SSL_CTX_new(TLS_server_method())), session_(own(context_.get(), as)) {
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_bio(session_.get(), in_, out_);
    SSL_set_accept_state(session_.get());
  }

  void feed(std::string_view bytes) {
    if (!bytes.empty()) BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
    char text[16384];
    int got = 0;
    while ((got = SSL_read(session_.get(), text, sizeof text)) > 0) {
      heard_.append(text, static_cast<std::size_t>(got));
    }
  }
  void say(std::string_view text) {
    must(SSL_write(session_.get(), text.data(), static_cast<int>(text.size())) > 0);
  }
  void say_goodbye() { SSL_shutdown(session_.get()); }
  std::string output() {
    std::string out;
    char bytes[16384];
    int got = 0;
    while ((got = BIO_read(out_, bytes, sizeof bytes)) > 0) {
      out.append(bytes, static_cast<std::size_t>(got));
    }
    return out;
  }
  const std::string& heard() const { return heard_; }
  std::string asked_for() const {  // by SNI
    const char* name = SSL_get_servername(session_.get(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
  }

 private:
  static SSL* own(SSL_CTX* context, const Issued& as) {
    must(SSL_CTX_use_certificate(context, as.certificate.get()) == 1);
    must(SSL_CTX_use_PrivateKey(context, as.key.get()) == 1);
    return SSL_new(context);
  }

  std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreeBy<SSL_free>> session_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  std::string heard_;
};

}  // namespace rategate::test
