// Finds the primary that a set of Redis Sentinels watches, and keeps looking: the whole of it,
// above the connections. All of them are asked, and none is followed alone: the primary is whom a
// majority of those that are configured names, in answers to questions of the last second.
//
// They are asked when a connection is made, when one of them publishes that something has changed,
// when the connection to the primary has ended for any reason, and once in a second or a little
// less while nothing happens. Where no majority names a primary, the connection that there is
// stays, and none is made: a majority that is lost proves nothing against a primary that still
// answers.
//
// Pure: transports carry, time comes in, and what has changed goes out. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/random.hpp"
#include "daemon/store/sentinel/majority.hpp"
#include "daemon/store/sentinel/sentinel_link.hpp"
#include "daemon/store/topology.hpp"

namespace rategate {

struct SentinelEvent {
  enum class What : std::uint8_t {
    PrimaryChanged,  // from one that was used to another
    SentinelAway,    // it does not answer, or knows no such master
    SentinelBack,    // it answers again, or for the first time after it did not
    SentinelDeaf,    // it is not heard: news of a change come by asking alone
    MajorityLost,    // no majority names a primary
    MajorityBack,    // one does again
  };
  What what;
  std::string_view sentinel;  // whom it is about; empty: all of them
  std::string_view why;       // for a person
  std::string_view from, to;  // PrimaryChanged
};

class SentinelEvents {
 public:
  SentinelEvents() = default;
  SentinelEvents(const SentinelEvents&) = delete;
  SentinelEvents& operator=(const SentinelEvents&) = delete;
  virtual ~SentinelEvents() = default;

  // What is worth a line in the log.
  virtual void sentinel_event(const SentinelEvent& event) = 0;
  // There is a primary to connect to at once: another one than that in use, or one at last.
  virtual void primary_named(const HostPort& primary, Mono now) = 0;
  // What is told of the sentinels has changed.
  virtual void sentinels_changed() = 0;
};

class SentinelTopology final : public Topology, private SentinelLinkEvents {
 public:
  struct Options : WayOptions {
    std::string master;
  };
  // What there is to know at one moment.
  struct Status {
    std::size_t configured = 0;
    std::size_t answering = 0;  // their last question was answered, with a primary
    std::size_t agreeing = 0;   // and that was the primary in use
    std::uint64_t primary_changes = 0;
  };

  // `events` outlives it.
  SentinelTopology(const Options& options, SentinelEvents& events);

  // One more sentinel, as a person would write it, and the two ways to it, which outlive this. Each
  // tells its own link. To be called once for each before start().
  struct Links {
    SentinelLink& asks;
    SentinelLink& listens;
  };
  Links add(std::string name, AskingTransport& asks, AskingTransport& listens);

  void start(Mono now);
  void stop();
  // Time-outs and what is to be asked; to be called at next_turn().
  void turn(Mono now);
  Mono next_turn() const;
  // Writes what is to be written; to be called after each batch of events.
  void pump();

  std::optional<HostPort> primary(Mono now) override;
  void left(Mono now) override;
  std::string_view awaits() const override { return words_; }

  // All are asked at once, or 50 ms after they were asked last; time-outs and pauses go on.
  void ask_soon(Mono now);
  const std::vector<std::string>& replicas() const override { return replicas_; }
  Mono named_at() const override { return named_at_; }
  void doubt(Mono now) override { ask_soon(now); }

  // Whom the last connection was made to.
  const std::optional<HostPort>& in_use() const { return in_use_; }
  // For who decides whether an answer of the primary counts: see there.
  const Majority& majority() const { return majority_; }
  const std::string& master() const { return options_.master; }
  Status status() const;
  // What is wrong with the majority while nothing is done about it; empty when all is well.
  std::string_view trouble() const { return agreed_ ? std::string_view() : awaits(); }

 private:
  struct Sentinel {
    std::string name;
    std::unique_ptr<SentinelLink> asks;
    std::unique_ptr<SentinelLink> listens;
    std::string trouble;  // why it names nobody; empty where it does, or was not asked yet
    std::optional<HostPort> named;
    bool away_told = false;
    int unheard = 0;  // connections that listen and were lost in a row, with nothing heard
  };

  void sentinel_answered(std::size_t at, SentinelAnswer answer, Mono now) override;
  void sentinel_heard(std::size_t at, Mono now) override;
  void sentinel_failed(std::size_t at, SentinelRole role, std::string_view why, Mono now) override;

  void ask_all(Mono now);
  void judge(Mono now);
  void learn_of_primary();
  void fails(Sentinel& sentinel, std::string_view why);
  void tell_words(Mono now);

  const Options options_;
  SentinelEvents& events_;
  std::vector<Sentinel> sentinels_;
  Majority majority_;
  std::optional<HostPort> in_use_;
  std::vector<std::string> replicas_;  // of it, as they were known last
  Mono named_at_ = kNotNamed;          // it, by a majority
  bool wanted_ = false;                // somebody asked for a primary when none was known
  Mono asked_{INT64_MIN / 2};
  Mono asks_at_ = kNever;
  Mono agreed_at_;      // the proof of the last majority
  bool agreed_ = true;  // as it was told last
  std::uint64_t changes_ = 0;
  std::string words_;  // why no majority names a primary; empty where one does
  Random random_;
};

}  // namespace rategate
