// Puts TLS under a connection of hiredis', of any version: hiredis is given one end of a pair of
// sockets in the place of the TCP socket, and believes in a plain connection. What it writes there
// is encrypted and sent, what comes is decrypted and laid there, within the same call, so that only
// the TCP socket has to be watched and the moments of writing and reading stay what they are.
//
// It never calls anybody. What it keeps is bounded: it takes nothing more from hiredis while
// something waits for the socket, and nothing from the socket before all of the last piece is read.
#pragma once

#include <memory>
#include <string>

#include "daemon/base/result.hpp"
#include "daemon/base/time.hpp"
#include "daemon/os/fd.hpp"
#include "daemon/tls/tls_session.hpp"

namespace rategate {

class TlsRelay {
 public:
  // Sends the first bytes of the session over the socket, which is connected and does not block.
  // The socket is the relay's from then on; on an error it stays the caller's.
  static Result<std::unique_ptr<TlsRelay>> start(int socket, TlsSession session);

  // hiredis' end of the pair, once: whoever takes it closes it.
  int take_inner() { return inner_.release(); }

  // Reads once from the socket, and goes on with the handshake.
  void receive();
  // Lays the next piece of what was received into the pair; false: there is none.
  bool deliver();
  // Sends what hiredis has written, as far as the socket takes it. Returns a reading of the clock
  // from right before the first byte of it.
  Mono push();

  // The handshake has ended well.
  bool is_open() const { return session_.is_open(); }
  // All that hiredis had written when push() was called is sent.
  bool is_written() const { return waiting_.empty() && broken_ == 0; }
  // Why nothing more will come, once deliver() has nothing; else empty.
  const std::string& failure() const {
    return session_.failure().empty() ? failure_ : session_.failure();
  }
  // Right after the last piece was read from the socket.
  Mono received() const { return received_; }

 private:
  TlsRelay(Fd socket, Fd outer, Fd inner, TlsSession session);
  bool send_waiting();

  Fd socket_;
  Fd outer_;  // the relay's end of the pair
  Fd inner_;
  TlsSession session_;
  std::string waiting_;  // encrypted, and not taken by the socket: a record, or the handshake's
  int broken_ = 0;       // why the socket takes nothing more
  std::string failure_;
  Mono received_;
};

}  // namespace rategate
