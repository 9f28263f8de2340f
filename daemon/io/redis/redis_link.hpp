// The one connection to Redis: an asynchronous hiredis context on the daemon's loop, which comes
// back by itself.
//
//   resolving ──> connecting ──> greeting ──> up
//       ▲             │             │          │ lost: at once again (store_connecting)
//       └── backoff <─┴─────────────┴──────────┘ no answer in time, or refused (store_away)
//
// Greeting is AUTH, SELECT, INFO, SCRIPT LOAD and TIME in one go: a store that cannot be used (a
// wrong password, still loading, a replica) is away, not up. Another run id than before means that
// the counters may not be those that were known.
//
// Owns the socket, the timer and the order of answers. Decides nothing about checks.
#pragma once

#include <hiredis/async.h>
#include <uv.h>

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/io/loop/uv_handle.hpp"
#include "daemon/io/redis/redis_words.hpp"
#include "daemon/store/store_link.hpp"

namespace rategate {

class RedisLink final : public StoreLink {
 public:
  RedisLink(uv_loop_t* loop, const RedisConfig& config, StoreEvents& events);
  ~RedisLink() override;

  void start() override;
  void reserve(const Reservation& reservation) override;
  void release(const Release& release) override;
  void measure() override;
  void flush() override;
  void stop() override;
  StoreStatus status() const override;

 private:
  enum class State : std::uint8_t { Stopped, Backoff, Resolving, Connecting, Greeting, Up };
  enum class Ask : std::uint8_t { Auth, Select, Info, Load, Time, Reserve, Release };
  struct Asked {
    Ask what;
    Mono sent = kNever;                 // right before it was written
    std::vector<ReserveAsked> parts{};  // the reservations in a call
  };
  struct Resolve;  // a look-up under way; it may outlive the link

  // One function changes the state; what a state needs is set up in the enter_ function.
  void connect();
  void resolve();
  void open_next(const std::string& why);
  void open(const std::string& address);
  void adopt(redisAsyncContext* context);
  void greet();
  void greeted();
  void drop();
  void away(const std::string& why);
  void lost(const std::string& why);
  void back_off();

  Asked& command(Ask what, const std::string& bytes);
  void call_reserve();
  void call_reserve(std::deque<Reservation>& queue);
  void on_poll(int status, int events);
  void poll_for(int events);
  void on_connected(bool ok);
  void on_disconnected();
  void on_reply(const redisReply* reply);
  void on_greeting(const Asked& asked, const redisReply& reply);
  void on_reservations(const Asked& asked, const redisReply& reply);
  bool read_info(std::string_view info, std::string& why);
  void on_refusal(const Asked& asked, const std::string& error);
  void time_was(const Asked& asked, StoreTime time);
  void on_timer();
  void arm(std::int64_t ms);

  static void add_read(void* self);
  static void nothing(void*) {}
  static void add_write(void* self);
  static void del_write(void* self);
  static void cleanup(void* self);

  uv_loop_t* loop_;
  const RedisConfig config_;
  StoreEvents& events_;
  State state_ = State::Stopped;
  redisAsyncContext* context_ = nullptr;  // freed by hiredis
  UvHandle<uv_poll_t>* poll_ = nullptr;   // of context_
  int polled_ = 0;
  bool want_write_ = false;
  UvHandle<uv_timer_t> timer_;
  bool timer_armed_ = false;
  Resolve* resolve_ = nullptr;
  std::deque<std::string> addresses_;  // of the store's name, that were not tried yet

  std::deque<Asked> asked_;  // in the order of the answers to come
  std::size_t unsent_ = 0;   // how many at its end are not written yet
  Mono received_;            // right after the last read
  std::string buffer_;       // a request being written down
  // Reservations that are not in a call yet: those that checks wait for, and leases alone.
  std::deque<Reservation> urgent_;
  std::deque<Reservation> ahead_;
  std::vector<Reservation> batch_;
  std::vector<ReserveAnswer> answers_;                  // to one call; kept for their memory
  std::vector<std::vector<ReserveAsked>> spare_parts_;  // of calls that were answered
  std::size_t calls_ = 0;                               // of the reserve script, without an answer

  std::string script_;
  std::string script_sha_;     // as SCRIPT LOAD answered
  bool script_known_ = false;  // else the whole text is sent
  bool refusing_ = false;
  bool fresh_primary_ = false;
  bool counters_lost_ = false;
  std::uint64_t attempts_ = 0;  // since it was last of use
  Mono up_since_;
  std::minstd_rand random_;
  StoreStatus status_;
};

}  // namespace rategate
