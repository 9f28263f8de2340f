#include "daemon/tls/tls_context.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <cstddef>
#include <optional>
#include <utility>

#include "daemon/os/files.hpp"
#include "daemon/tls/free_by.hpp"

namespace rategate {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;  // all authorities of Debian take a fifth

using Bio = std::unique_ptr<BIO, FreeBy<BIO_free>>;
using Certificate = std::unique_ptr<X509, FreeBy<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;

// What is wrong with a file, to be said behind its path.
using Wrong = std::optional<std::string>;

std::string last_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? "unknown error" : reason;
}

// The default would ask at the terminal, if there is one.
int refuse_pass_phrase(char*, int, int, void* asked) {
  if (asked != nullptr) *static_cast<bool*>(asked) = true;
  return -1;
}

Bio reader_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Certificate next_certificate(BIO* from) {
  ERR_clear_error();
  return Certificate(PEM_read_bio_X509_AUX(from, nullptr, refuse_pass_phrase, nullptr));
}

// Once no certificate is read any more: that is the end of the file, or something broken in it.
Wrong end_of(std::size_t read) {
  const unsigned long error = ERR_peek_last_error();
  const bool ended =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  Wrong wrong;
  if (!ended) {
    wrong = "has a certificate in it that cannot be read: " + last_reason();
  } else if (read == 0) {
    wrong = "has no certificate in it, expected some in PEM";
  }
  ERR_clear_error();
  return wrong;
}

Wrong trust_file(SSL_CTX* context, const std::string& text) {
  const Bio from = reader_of(text);
  std::size_t read = 0;
  for (; const Certificate each = next_certificate(from.get()); ++read) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), each.get()) != 1) return last_reason();
  }
  return end_of(read);
}

// OpenSSL looks a name's certificate up in it when it meets the name, and only by its hash.
Wrong trust_folder(SSL_CTX* context, const std::string& path) {
  const auto hashed = list_files(path, ".0");
  if (!hashed) return hashed.error();
  if (hashed->empty()) {
    return "has no certificate in it by its hash, as openssl rehash makes those names";
  }
  if (SSL_CTX_load_verify_dir(context, path.c_str()) != 1) return last_reason();
  return std::nullopt;
}

Wrong present(SSL_CTX* context, const std::string& text) {
  const Bio from = reader_of(text);
  std::size_t read = 0;
  for (; const Certificate each = next_certificate(from.get()); ++read) {
    const bool used = read == 0 ? SSL_CTX_use_certificate(context, each.get()) == 1
                                : SSL_CTX_add1_chain_cert(context, each.get()) == 1;
    if (!used) return last_reason();
  }
  return end_of(read);
}

Wrong use_key(SSL_CTX* context, const std::string& text, const std::string& certificate) {
  bool encrypted = false;
  const Bio from = reader_of(text);
  ERR_clear_error();
  const PrivateKey key(
      PEM_read_bio_PrivateKey(from.get(), nullptr, refuse_pass_phrase, &encrypted));
  if (encrypted) return "has a pass phrase, expected a key without one";
  if (key == nullptr) return "has no private key in it, expected one in PEM";
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return "is not the key of the certificate in " + certificate;
  }
  return std::nullopt;
}

// Reads the file, and has its text used. nullopt: all is well.
template <class Use>
std::optional<TlsFault> with_file(TlsFault::Of of, const std::string& path, Use use) {
  auto file = read_file(path, kMostBytes);
  Wrong wrong;
  if (!file) {
    wrong = file.error();
  } else if (!file->exists) {
    wrong = "does not exist";
  } else {
    wrong = use(file->text);
    if (of == TlsFault::Of::Key) OPENSSL_cleanse(file->text.data(), file->text.size());
  }
  ERR_clear_error();
  if (!wrong) return std::nullopt;
  return TlsFault{of, path + " " + *wrong};
}

std::optional<TlsFault> trust(SSL_CTX* context, const std::string& ca) {
  if (ca.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    return std::nullopt;
  }
  struct stat status{};
  if (::stat(ca.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    const Wrong wrong = trust_folder(context, ca);
    return wrong ? std::optional(TlsFault{TlsFault::Of::Ca, ca + " " + *wrong}) : std::nullopt;
  }
  return with_file(TlsFault::Of::Ca, ca,
                   [&](const std::string& text) { return trust_file(context, text); });
}

std::optional<TlsFault> identify(SSL_CTX* context, const TlsFiles& files) {
  if (files.certificate.empty()) return std::nullopt;
  auto fault = with_file(TlsFault::Of::Certificate, files.certificate,
                         [&](const std::string& text) { return present(context, text); });
  if (fault) return fault;
  return with_file(TlsFault::Of::Key, files.key, [&](const std::string& text) {
    return use_key(context, text, files.certificate);
  });
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

std::variant<TlsContext, TlsFault> TlsContext::make(const TlsFiles& files) {
  ERR_clear_error();
  TlsContext made(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = made.get();
  if (context == nullptr) return TlsFault{TlsFault::Of::Ca, "OpenSSL: " + last_reason()};
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  if (auto fault = trust(context, files.ca)) return *std::move(fault);
  if (auto fault = identify(context, files)) return *std::move(fault);
  return made;
}

}  // namespace rategate
