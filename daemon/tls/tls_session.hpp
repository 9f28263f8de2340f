// The client's side of one TLS connection, as bytes: what the peer sent goes in, what is to be sent
// to it comes out. It knows no socket, and so it neither waits nor is called back.
//
// Nothing of the caller's is encrypted before the handshake has ended well, and it does only where
// the peer has proved to be who it was expected to be.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/base/result.hpp"
#include "daemon/tls/tls_context.hpp"

struct bio_st;
struct ssl_st;

namespace rategate {

class TlsSession {
 public:
  // `peer`: the name or the address that its certificate must be for. `verified`: false takes any
  // certificate of anybody. The context may be gone afterwards. The first bytes to send are there
  // at once.
  static Result<TlsSession> begin(const TlsContext& context, const std::string& peer,
                                  bool verified);

  // Bytes of the peer, the handshake's among them.
  void feed(std::string_view bytes);
  // What of it was for the caller; 0: nothing more before more is fed, or ever.
  std::size_t read(std::span<char> into);
  // To be told to the peer; only once it is open.
  void write(std::string_view text);
  // Appends what is to be sent now; after a failure, too: it tells the peer of it.
  void take_output(std::string& into);

  // The handshake has ended well.
  bool is_open() const { return open_; }
  // Why nothing more will come of it; empty while something may. What was fed before can still be
  // read.
  const std::string& failure() const { return failure_; }

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  TlsSession(ssl_st* session, std::string peer) : session_(session), peer_(std::move(peer)) {}

  bool expect_peer(bool verified);
  void shake();
  void failed(int result);
  std::string reason(int result) const;

  std::unique_ptr<ssl_st, Free> session_;
  bio_st* in_ = nullptr;  // both belong to the session
  bio_st* out_ = nullptr;
  std::string peer_;
  bool open_ = false;
  bool fed_ = false;
  std::string failure_;
};

}  // namespace rategate
