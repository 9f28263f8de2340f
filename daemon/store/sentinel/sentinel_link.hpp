// One connection to one sentinel. There are two to each: one asks who the primary is, the other
// listens for the news that it is another, because a connection that has subscribed may ask
// nothing.
//
// Pure: a transport carries, time comes in. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/base/time.hpp"
#include "daemon/store/asking_link.hpp"
#include "daemon/store/redis/reply_view.hpp"
#include "daemon/store/sentinel/majority.hpp"

namespace rategate {

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

class SentinelLink final : public AskingLink {
 public:
  struct Options : WayOptions {
    std::size_t sentinel = 0;  // its number, in the events
    SentinelRole role = SentinelRole::Asks;
    std::string master;
  };

  // Both outlive it.
  SentinelLink(const Options& options, AskingTransport& transport, SentinelLinkEvents& events);

 private:
  std::size_t send_question(AskingTransport& transport) override;
  void question_sent(Mono sent) override;
  void question_answered(const ReplyView& reply, std::size_t left, Mono now) override;
  void unasked(Mono now) override;
  void failed(std::string_view why, Mono now) override;
  void on_primary(const ReplyView& reply, Mono now);

  const Options options_;
  SentinelLinkEvents& events_;
  SentinelAnswer answer_;  // as far as it has come
};

}  // namespace rategate
