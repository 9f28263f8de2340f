#include "daemon/tls/tls_session.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>

namespace rategate {
namespace {

bool is_address(const std::string& peer) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, peer.c_str(), address) == 1 ||
         inet_pton(AF_INET6, peer.c_str(), address) == 1;
}

// As a certificate has it: a name without the dot of the root, an address without the interface.
std::string certified(std::string_view peer) {
  if (peer.ends_with('.')) peer.remove_suffix(1);
  return std::string(peer.substr(0, peer.find('%')));
}

// The kinds of records that there are. A server that speaks no TLS sends other bytes, and OpenSSL
// would call those a wrong version.
bool begins_record(char first) { return first >= 20 && first <= 23; }

std::string one_line(std::string_view bytes) {
  constexpr std::size_t kMost = 60;
  std::string text(bytes.substr(0, std::min(bytes.find_first_of("\r\n"), kMost)));
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

}  // namespace

void TlsSession::Free::operator()(ssl_st* session) const { SSL_free(session); }

Result<TlsSession> TlsSession::begin(const TlsContext& context, const std::string& peer,
                                     bool verified) {
  TlsSession made(SSL_new(context.get()), certified(peer));
  SSL* ssl = made.session_.get();
  if (ssl == nullptr) return Error{"out of memory"};
  made.in_ = BIO_new(BIO_s_mem());
  made.out_ = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl, made.in_, made.out_);
  if (made.in_ == nullptr || made.out_ == nullptr) return Error{"out of memory"};
  BIO_set_mem_eof_return(made.in_, -1);  // no more for now is not the end
  SSL_set_connect_state(ssl);
  if (!made.expect_peer(verified)) return Error{"'" + peer + "' is no name to be verified"};
  made.shake();
  if (!made.failure_.empty()) return Error{made.failure_};
  return made;
}

bool TlsSession::expect_peer(bool verified) {
  SSL* ssl = session_.get();
  SSL_set_verify(ssl, verified ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
  // An address is asked for by nobody's name: RFC 6066 knows names alone.
  if (is_address(peer_)) return X509_VERIFY_PARAM_set1_ip_asc(parameters, peer_.c_str()) == 1;
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(parameters, peer_.data(), peer_.size()) == 1 &&
         SSL_set_tlsext_host_name(ssl, peer_.c_str()) == 1;
}

void TlsSession::feed(std::string_view bytes) {
  if (bytes.empty() || !failure_.empty()) return;
  if (!std::exchange(fed_, true) && !begins_record(bytes.front())) {
    failure_ = "the server does not speak TLS on this port, it says \"" + one_line(bytes) + "\"";
    return;
  }
  BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
  if (!open_) shake();
}

void TlsSession::shake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(session_.get());
  if (result == 1) {
    open_ = true;
  } else {
    failed(result);
  }
}

std::size_t TlsSession::read(std::span<char> into) {
  if (!open_ || !failure_.empty()) return 0;
  ERR_clear_error();
  const int got = SSL_read(session_.get(), into.data(), static_cast<int>(into.size()));
  if (got > 0) return static_cast<std::size_t>(got);
  failed(got);
  return 0;
}

void TlsSession::write(std::string_view text) {
  while (open_ && failure_.empty() && !text.empty()) {
    ERR_clear_error();
    const int written = SSL_write(session_.get(), text.data(), static_cast<int>(text.size()));
    if (written <= 0) return failed(written);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void TlsSession::take_output(std::string& into) {
  char bytes[4096];
  for (int got = 0; (got = BIO_read(out_, bytes, sizeof bytes)) > 0;) {
    into.append(bytes, static_cast<std::size_t>(got));
  }
}

// That it needs more bytes is none.
void TlsSession::failed(int result) {
  const int kind = SSL_get_error(session_.get(), result);
  if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE) failure_ = reason(result);
  ERR_clear_error();
}

std::string TlsSession::reason(int result) const {
  const SSL* ssl = session_.get();
  const long verdict = SSL_get_verify_result(ssl);
  if (!open_ && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && verdict != X509_V_OK) {
    std::string why = "the server's certificate is refused: ";
    why += X509_verify_cert_error_string(verdict);
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
      why += ", expected one for " + peer_;
    }
    return why;
  }
  if (SSL_get_error(ssl, result) == SSL_ERROR_ZERO_RETURN)
    return "the server closed the connection";
  const unsigned long error = ERR_peek_last_error();
  const char* words = ERR_reason_error_string(error);
  const bool told_by_peer =
      ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET;
  return std::string(told_by_peer ? "the server refuses TLS: " : "TLS: ") +
         (words == nullptr ? "unknown error" : words);
}

}  // namespace rategate
