// One client: its socket, its bytes in and out, and the order of its answers. It parses, has
// requests answered by its host, and keeps the place of those whose answer comes later. Reading
// stops while too many answers wait or too much is unwritten: what a client does not take, it is
// not given more of.
//
//   open ──QUIT, protocol error, end of input, shutdown──> finishing ──all written──> closed
//    └──────────────── the peer has gone, or a deadline ─────────────────────────────> closed
#pragma once

#include <uv.h>

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "daemon/core/gate.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/sessions/output_budget.hpp"
#include "daemon/proto/resp/request_parser.hpp"
#include "daemon/proto/session.hpp"
#include "daemon/proto/verbs/verbs.hpp"

namespace rategate {

class Connection;

// What a connection needs of the server.
class ConnectionHost {
 public:
  ConnectionHost() = default;
  ConnectionHost(const ConnectionHost&) = delete;
  ConnectionHost& operator=(const ConnectionHost&) = delete;
  virtual ~ConnectionHost() = default;

  virtual Handled handle(Connection& connection, const Args& args, std::string& out) = 0;
  virtual void abandon(WaiterId waiter) = 0;
  virtual void protocol_error() = 0;
  // The connection is closed; the host drops it before the next turn of the loop.
  virtual void closed(Connection& connection) = 0;
  // Memory to read into, shared by all connections: good until the next read.
  virtual uv_buf_t read_buffer() = 0;
  virtual Args& args() = 0;
  virtual std::string& scratch() = 0;
  virtual OutputBudget& budget() = 0;
  // What goes with the answer to ATTACH.
  virtual std::array<int, 2> attach_fds() = 0;
  virtual std::size_t max_request() const = 0;
  virtual std::size_t max_pending() const = 0;
};

class Connection {
 public:
  Connection(uv_loop_t* loop, ConnectionHost& host, std::uint64_t id, Mono now);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(pipe_.get()); }
  void start();  // once the stream is accepted

  // The request at hand is answered later: its number in the order of answers.
  std::uint32_t next_number() const {
    return places_.empty() ? first_number_
                           : first_number_ + static_cast<std::uint32_t>(places_.size());
  }
  void park(WaiterId waiter);
  // The answer of a parked check, and then what that made possible.
  void answered(std::uint32_t number, std::string_view reply);
  void settle();

  // Whether descriptors can go with the next answer: nothing is to be written before it.
  bool may_attach() const { return places_.empty() && out_.empty() && write_ == nullptr; }

  // The daemon stops: answers what has arrived by now, and closes when all is written.
  void drain();
  void close();
  bool is_closed() const { return !pipe_.is_open(); }

  Session& session() { return session_; }
  const Session& session() const { return session_; }
  std::size_t waiting() const { return waiting_; }
  Mono since() const { return since_; }
  Mono active() const { return active_; }
  // The moment of the requests at hand: read after their bytes were, and once for all of them.
  Mono moment() const { return moment_; }
  int fd() const;

 private:
  // The place of an answer in the order: empty until it is there.
  struct Place {
    WaiterId waiter;
    std::string reply;
    bool ready = false;
  };

  void on_read(ssize_t count, const char* bytes);
  void on_end();
  void take(std::string_view bytes);
  std::size_t process(std::string_view bytes);
  bool go_on();
  void release();
  void flush();
  void write_rest();
  void send_attached();
  // What may be under way before it reads no more.
  struct Room {
    std::size_t waiting;    // checks
    std::size_t unwritten;  // bytes of answers
  };
  Room room() const;
  bool must_pause(const Room& room) const;
  bool must_pause() const { return must_pause(room()); }
  void read_or_pause();
  void account();
  std::size_t unwritten() const { return out_.size() + writing_.size(); }

  ConnectionHost& host_;
  UvHandle<uv_pipe_t> pipe_;
  uv_write_t* write_ = nullptr;  // under way
  Session session_;
  Mono since_;
  Mono active_;  // the last bytes from it
  Mono moment_;

  std::string input_;  // of a request that is not all there, or not read for now
  Progress progress_;
  std::string out_;      // answers in their order, not written yet
  std::string writing_;  // what libuv is writing
  std::deque<Place> places_;
  std::uint32_t first_number_ = 0;
  std::size_t waiting_ = 0;
  std::size_t place_bytes_ = 0;
  std::size_t accounted_ = 0;
  bool reading_ = false;
  bool processing_ = false;
  bool draining_ = false;     // the daemon stops: only what has arrived is still read
  std::size_t to_drain_ = 0;  // bytes of it in the socket
  bool finishing_ = false;    // no more requests are read
};

}  // namespace rategate
