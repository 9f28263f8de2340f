// This side's files of TLS, read and held against each other: whom it trusts, and who it says that
// it is. Made anew for each connection, so that a certificate that was renewed is used by the next
// one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

struct ssl_ctx_st;  // OpenSSL's, whose headers are included in this folder's sources alone

namespace rategate {

struct TlsFiles {
  std::string ca;           // a file of certificates, or a folder of them; empty: the system's
  std::string certificate;  // with those between it and an authority's; empty: there is none
  std::string key;          // the private one of that certificate
};

struct TlsFault {
  enum class Of : std::uint8_t { Ca, Certificate, Key };
  Of of;
  std::string text;  // "PATH does not exist"
};

class TlsContext {
 public:
  // Reads small files, and so blocks as long as their file system does. A pass phrase is never
  // asked for.
  static std::variant<TlsContext, TlsFault> make(const TlsFiles& files);

  ssl_ctx_st* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}

  std::unique_ptr<ssl_ctx_st, Free> context_;
};

}  // namespace rategate
