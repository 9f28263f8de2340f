// The life of a connection to a server that is asked something now and then, and counts nothing:
// made, logged in, used, given up, and made again with a back-off. What is asked, and what an
// answer means, is the business of whoever derives from it.
//
// Pure: a transport carries, time comes in. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/base/random.hpp"
#include "daemon/base/time.hpp"
#include "daemon/store/connecting.hpp"
#include "daemon/store/redis/reply_view.hpp"

namespace rategate {

class AskingLink;

// The way to one server. Whoever implements it tells the AskingLink what happens, never from within
// these functions; but connect() and flush() may tell at once that the connection has ended.
class AskingTransport {
 public:
  AskingTransport() = default;
  AskingTransport(const AskingTransport&) = delete;
  AskingTransport& operator=(const AskingTransport&) = delete;
  virtual ~AskingTransport() = default;

  // Who is told of what happens, from the first connect() on.
  virtual void set_link(AskingLink& link) = 0;
  // Makes the connection; AskingLink::connected() or closed() tells how that went.
  virtual void connect() = 0;
  // Lets go of the connection, if there is one. Nothing is told of it any more.
  virtual void close() = 0;
  // Adds requests to what the next flush writes. One reply is told of them.
  virtual void send(std::string_view requests) = 0;
  // The same for requests behind whose reply more comes unasked, which is told by heard().
  virtual void send_and_hear(std::string_view requests) = 0;
  // Writes what was added. Returns a reading of the clock from right before.
  virtual Mono flush() = 0;
  // The request by which the connection logs in; empty: it does not.
  virtual std::string login() const = 0;
  // What the server said to that: nothing, or why it refuses.
  virtual void logged_in(std::string_view) {}
  // What a connection that is not made yet waits for, in words; empty where that says it all.
  virtual std::string_view awaits() const { return {}; }
};

class AskingLink {
 public:
  // The transport tells it what happens, and outlives it.
  AskingLink(const WayOptions& options, AskingTransport& transport);
  AskingLink(const AskingLink&) = delete;
  AskingLink& operator=(const AskingLink&) = delete;
  virtual ~AskingLink() = default;

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

 protected:
  // Sends the question, and answers how many replies it has.
  virtual std::size_t send_question(AskingTransport& transport) = 0;
  // It was written, at that moment by a reading from right before.
  virtual void question_sent(Mono) {}
  // The next of its replies; `left` more are to come.
  virtual void question_answered(const ReplyView& reply, std::size_t left, Mono now) = 0;
  // Something came unasked.
  virtual void unasked(Mono) {}
  // The connection could not be made, or has ended; it is tried again by itself.
  virtual void failed(std::string_view why, Mono now) = 0;

  // The connection is no good: it is left, and failed() told.
  void fail(std::string_view why, Mono now);

 private:
  enum class State : std::uint8_t { Stopped, Backoff, Connecting, Up };

  void connect(Mono now);

  const WayOptions options_;
  AskingTransport& transport_;
  State state_ = State::Stopped;
  Mono until_ = kNever;         // of the back-off, of the connecting, of an answer
  std::size_t awaited_ = 0;     // replies to the question
  bool logs_in_ = false;        // the next reply is to that
  bool greets_ = false;         // nothing was written on this connection yet
  bool wants_ = false;          // a question is to be asked
  std::uint64_t attempts_ = 0;  // since a connection was good
  Mono up_since_;
  Random random_;
};

}  // namespace rategate
