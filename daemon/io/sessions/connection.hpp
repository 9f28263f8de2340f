// One client: its socket, its bytes in and out, and the order of its answers. It parses, has
// requests answered by the verbs, and keeps the place of those whose answer comes later. Reading
// stops while too many checks are parked or too much is unwritten: what a client does not take, it
// is not given more of. It stops while a long answer is being made, and what was read behind it
// waits. And it stops when the connection's slice of the turn has ended: what is
// left then is handled in the next turn, so that nobody is held up by a client that asks without
// end.
//
//   open ──QUIT, protocol error, end of input, shutdown──> finishing ──all written──> closed
//    └──────────────── the peer has gone, or a deadline ─────────────────────────────> closed
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/core/gate.hpp"
#include "daemon/core/turn.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/sessions/reply_order.hpp"
#include "daemon/io/sessions/workbench.hpp"
#include "daemon/proto/caller.hpp"
#include "daemon/proto/resp/request_parser.hpp"
#include "daemon/proto/verbs/dispatch.hpp"

namespace rategate {

class Connection;

// What a connection tells.
class ConnectionEvents {
 public:
  ConnectionEvents() = default;
  ConnectionEvents(const ConnectionEvents&) = delete;
  ConnectionEvents& operator=(const ConnectionEvents&) = delete;
  virtual ~ConnectionEvents() = default;

  // It is closed. It may not be destroyed before it has returned to the loop.
  virtual void closed(Connection& connection) = 0;
  // Some connection is ready for the next turn: resume() is to be called when it is named there.
  virtual void ready() = 0;
  // It has sent what is no request, was told `error`, and is about to be closed.
  virtual void broke_protocol(const Connection& connection, const std::string& error) = 0;
};

class Connection {
 public:
  Connection(uv_loop_t* loop, ConnectionEvents& events, Workbench& bench, std::uint64_t id,
             Mono now);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(pipe_.get()); }
  // Once the stream is accepted. `local`: by a Unix socket.
  void start(bool local);

  // The answer of a parked check.
  void answered(std::uint32_t number, std::string_view reply);
  // Once for any number of answers: writes them, and goes on with what they made room for.
  void settle();
  // Its next turn has come.
  void resume();

  // The daemon stops: answers what has arrived by now, and closes when all is written.
  void drain();
  void close();
  bool is_closed() const { return !pipe_.is_open(); }

  Session& session() { return session_; }
  const Session& session() const { return session_; }
  std::size_t parked() const { return order_.parked(); }
  Mono since() const { return since_; }
  Mono active() const { return active_; }
  const Peer& peer() const { return peer_; }

 private:
  void on_read(ssize_t count, const char* bytes);
  void on_end();
  void take(std::string_view bytes);
  void keep(std::string_view bytes);
  void process_input();
  std::size_t process(std::string_view bytes);
  bool in_slice();
  bool lasts();
  bool has_more() const;
  void go_on();
  void end_slice();
  void flush();
  void write_rest();
  void send_attached();
  // What may be under way before it reads no more.
  struct Room {
    std::size_t parked;     // checks
    std::size_t unwritten;  // bytes of answers
  };
  Room room() const;
  bool must_pause(const Room& room) const {
    return finishing_ || order_.parked() >= room.parked || unwritten() >= room.unwritten;
  }
  bool must_pause() const { return must_pause(room()); }
  void read_or_pause();
  void account();
  std::size_t unwritten() const { return out_.size() + writing_.size(); }

  ConnectionEvents& events_;
  Workbench& bench_;
  UvHandle<uv_pipe_t> pipe_;
  uv_write_t* write_ = nullptr;  // under way
  Session session_;
  Peer peer_;
  Mono since_;
  Mono active_;  // the last bytes from it
  Turn::Slice slice_;

  std::string input_;           // what has arrived and is kept: see incomplete_
  std::size_t input_done_ = 0;  // bytes of it that are done with
  bool incomplete_ = false;     // all that is left of it is a part of a request
  Progress progress_;
  std::string out_;      // answers in their order, not written yet
  std::string writing_;  // what libuv is writing
  ReplyOrder order_;
  std::unique_ptr<LongAnswer> answer_;  // that is not finished: nothing behind it is handled
  std::size_t accounted_ = 0;
  bool handed_out_ = false;  // descriptors have gone with an answer
  bool reading_ = false;
  bool in_slice_ = false;
  bool draining_ = false;     // the daemon stops: only what has arrived is still read
  std::size_t to_drain_ = 0;  // bytes of it in the socket
  bool finishing_ = false;    // no more requests are read
};

}  // namespace rategate
