// The life of one connection to one sentinel: made, logged in, used, given up, and made again with
// a back-off. There are two to each: one asks who the primary is, the other listens for the news
// that it is another, because a connection that has subscribed may ask nothing.
//
// Pure: a transport carries, time comes in. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "daemon/base/random.hpp"
#include "daemon/base/time.hpp"
#include "daemon/store/redis/reply_view.hpp"
#include "daemon/store/sentinel/majority.hpp"

namespace rategate {

// The way to one sentinel. Whoever implements it tells the SentinelLink what happens, never from
// within these functions; but connect() and flush() may tell at once that the connection has ended.
class SentinelTransport {
 public:
  SentinelTransport() = default;
  SentinelTransport(const SentinelTransport&) = delete;
  SentinelTransport& operator=(const SentinelTransport&) = delete;
  virtual ~SentinelTransport() = default;

  // Makes the connection; SentinelLink::connected() or closed() tells how that went.
  virtual void connect() = 0;
  // Lets go of the connection, if there is one. Nothing is told of it any more.
  virtual void close() = 0;
  // Adds requests to what the next flush writes. One reply is told of them.
  virtual void send(std::string_view requests) = 0;
  // The same for requests behind whose reply more comes unasked, which is told by heard().
  virtual void send_and_hear(std::string_view requests) = 0;
  // Writes what was added. Returns a reading of the clock from right before.
  virtual Mono flush() = 0;
  // What a connection that is not made yet waits for, in words; empty where that says it all.
  virtual std::string_view awaits() const { return {}; }
};

enum class SentinelRole : std::uint8_t { Asks, Listens };

class SentinelLinkEvents {
 public:
  SentinelLinkEvents() = default;
  SentinelLinkEvents(const SentinelLinkEvents&) = delete;
  SentinelLinkEvents& operator=(const SentinelLinkEvents&) = delete;
  virtual ~SentinelLinkEvents() = default;

  // To a question, by the connection that asks.
  virtual void sentinel_answered(std::size_t sentinel, SentinelAnswer answer, Mono now) = 0;
  // It listens from now on, or something came: the primary may be another.
  virtual void sentinel_heard(std::size_t sentinel, Mono now) = 0;
  // The connection could not be made, or has ended; it is tried again by itself.
  virtual void sentinel_failed(std::size_t sentinel, SentinelRole role, std::string_view why,
                               Mono now) = 0;
};

class SentinelLink {
 public:
  struct Options {
    std::size_t sentinel = 0;  // its number, in the events
    SentinelRole role = SentinelRole::Asks;
    std::string master;
    std::string username;  // empty: AUTH with the password alone
    std::string password;  // empty: no AUTH
    std::int64_t connect_timeout_us = 1'000'000;
    std::int64_t answer_timeout_us = 250'000;
    std::int64_t backoff_min_us = 50'000;
    std::int64_t backoff_max_us = 2'000'000;
    std::uint64_t jitter_seed = 1;
  };

  // Both outlive it.
  SentinelLink(const Options& options, SentinelTransport& transport, SentinelLinkEvents& events);

  // Connects, unless it was started already.
  void start(Mono now);
  // Lets go. Nothing is told after it.
  void stop();
  // A question is to be asked: by the next pump(), or once the one under way is answered.
  void ask() { wants_ = true; }

  // The transport's events.
  void connected(Mono now);
  void closed(std::string_view why, Mono now);
  void replied(const ReplyView& reply, Mono now);
  void heard(Mono now);

  // Time-outs, and the end of a back-off; to be called at next_turn().
  void turn(Mono now);
  Mono next_turn() const { return until_; }
  // Writes what is to be written.
  void pump();

 private:
  enum class State : std::uint8_t { Stopped, Backoff, Connecting, Up };
  enum class Reply : std::uint8_t { Login, Pong, Replicas, Primary };

  void connect(Mono now);
  void fail(std::string_view why, Mono now);
  void on_primary(const ReplyView& reply, Mono now);

  const Options options_;
  SentinelTransport& transport_;
  SentinelLinkEvents& events_;
  State state_ = State::Stopped;
  Mono until_ = kNever;         // of the back-off, of the connecting, of an answer
  std::deque<Reply> expected_;  // in the order of the replies to come
  bool greets_ = false;         // nothing was written on this connection yet
  bool wants_ = false;          // a question is to be asked
  SentinelAnswer answer_;       // as far as it has come
  std::uint64_t attempts_ = 0;  // since a connection was good
  Mono up_since_;
  Random random_;
};

}  // namespace rategate
