#include "daemon/store/sentinel/sentinel_topology.hpp"

#include <algorithm>
#include <utility>

namespace rategate {
namespace {

// From one question to the next while nothing happens: less than an answer is good for, so that the
// next one comes while the last one counts.
constexpr std::int64_t kAskEveryUs = 800'000;
// Whatever happens, they are not asked again before that: news come from all of them at once.
constexpr std::int64_t kLeastPauseUs = 50'000;
// Without a majority for so long is without one: two questions, and the time of an answer.
constexpr std::int64_t kUnnamedAfterUs = 2'000'000;
// The first connection that is lost may be that of a sentinel which has ended: the other tells.
constexpr int kUnheardIsDeaf = 2;

SentinelLink::Options link_options(const SentinelTopology::Options& options, std::size_t at,
                                   SentinelRole role) {
  SentinelLink::Options link{options, at, role, options.master};
  // What comes later than an answer is good for is as good as nothing.
  link.command_timeout_us = std::min(options.command_timeout_us, Majority::kGoodForUs);
  link.jitter_seed += 2 * at + (role == SentinelRole::Listens ? 1 : 0);
  return link;
}

}  // namespace

SentinelTopology::SentinelTopology(const Options& options, SentinelEvents& events)
    : options_(options), events_(events), random_(options.jitter_seed) {}

SentinelTopology::Links SentinelTopology::add(std::string name, AskingTransport& asks,
                                              AskingTransport& listens) {
  const std::size_t at = sentinels_.size();
  majority_.add();
  Sentinel& added = sentinels_.emplace_back();
  added.name = std::move(name);
  const auto link = [&](SentinelRole role, AskingTransport& way) {
    SentinelLinkEvents& events = *this;
    return std::make_unique<SentinelLink>(link_options(options_, at, role), way, events);
  };
  added.asks = link(SentinelRole::Asks, asks);
  added.listens = link(SentinelRole::Listens, listens);
  return {*added.asks, *added.listens};
}

void SentinelTopology::start(Mono now) {
  agreed_at_ = now;
  ask_all(now);
  tell_words(now);
  for (const Sentinel& sentinel : sentinels_) sentinel.asks->start(now);
}

void SentinelTopology::stop() {
  asks_at_ = kNever;
  for (const Sentinel& sentinel : sentinels_) {
    sentinel.asks->stop();
    sentinel.listens->stop();
  }
}

// ---- Asking ---------------------------------------------------------------------------------

void SentinelTopology::ask_all(Mono now) {
  asked_ = now;
  // Up to a fifth earlier, so that the hosts of a fleet do not ask as one.
  asks_at_ = after(now, kAskEveryUs - kAskEveryUs / 5 * random_.of_1024() / 1024);
  for (const Sentinel& sentinel : sentinels_) sentinel.asks->ask();
}

void SentinelTopology::ask_soon(Mono now) {
  if (asks_at_ == kNever) return;  // stopped
  asks_at_ = std::min(asks_at_, std::max(now, after(asked_, kLeastPauseUs)));
}

void SentinelTopology::turn(Mono now) {
  if (asks_at_ == kNever) return;  // stopped
  for (const Sentinel& sentinel : sentinels_) {
    sentinel.asks->turn(now);
    sentinel.listens->turn(now);
  }
  if (now >= asks_at_) ask_all(now);
  if (!agreed_ || now < after(agreed_at_, kUnnamedAfterUs)) return;
  agreed_ = false;
  tell_words(now);
  events_.sentinel_event({SentinelEvent::What::MajorityLost, {}, words_, {}, {}});
  events_.sentinels_changed();
}

Mono SentinelTopology::next_turn() const {
  Mono next = asks_at_;
  if (agreed_ && asks_at_ != kNever) next = std::min(next, after(agreed_at_, kUnnamedAfterUs));
  for (const Sentinel& sentinel : sentinels_) {
    next = std::min({next, sentinel.asks->next_turn(), sentinel.listens->next_turn()});
  }
  return next;
}

void SentinelTopology::pump() {
  for (const Sentinel& sentinel : sentinels_) {
    sentinel.asks->pump();
    sentinel.listens->pump();
  }
}

std::optional<HostPort> SentinelTopology::primary(Mono now) {
  const auto named = majority_.primary(now);
  wanted_ = !named;
  if (named) {
    if (named != in_use_) replicas_.clear();
    in_use_ = named;
    learn_of_primary();
  } else {
    tell_words(now);
    ask_soon(now);
  }
  return named;
}

void SentinelTopology::left(Mono now) { ask_soon(now); }

// ---- Being answered -------------------------------------------------------------------------

void SentinelTopology::sentinel_answered(std::size_t at, SentinelAnswer answer, Mono now) {
  Sentinel& sentinel = sentinels_[at];
  sentinel.named = answer.primary;
  if (answer.primary) {
    const bool was_away = !std::exchange(sentinel.trouble, {}).empty();
    if (std::exchange(sentinel.away_told, false)) {
      events_.sentinel_event({SentinelEvent::What::SentinelBack, sentinel.name, {}, {}, {}});
    }
    if (was_away) events_.sentinels_changed();
  } else {
    fails(sentinel, answer.error);
  }
  majority_.answered(at, std::move(answer));
  sentinel.listens->start(now);
  judge(now);
}

// Whatever it was: what a sentinel publishes is its word alone, and so is not read.
void SentinelTopology::sentinel_heard(std::size_t at, Mono now) {
  sentinels_[at].unheard = 0;
  ask_soon(now);
}

void SentinelTopology::sentinel_failed(std::size_t at, SentinelRole role, std::string_view why,
                                       Mono now) {
  Sentinel& sentinel = sentinels_[at];
  if (role == SentinelRole::Asks) {
    sentinel.named.reset();
    // It asks as soon as it is connected again; a connection that is silent is listened to in vain.
    sentinel.asks->ask();
    sentinel.listens->stop();
    sentinel.unheard = 0;
    fails(sentinel, why);
    judge(now);
  } else if (++sentinel.unheard == kUnheardIsDeaf) {
    events_.sentinel_event({SentinelEvent::What::SentinelDeaf, sentinel.name, why, {}, {}});
  }
}

void SentinelTopology::fails(Sentinel& sentinel, std::string_view why) {
  const bool news = sentinel.trouble != why;
  sentinel.trouble = why;
  if (!std::exchange(sentinel.away_told, true)) {
    events_.sentinel_event({SentinelEvent::What::SentinelAway, sentinel.name, why, {}, {}});
  }
  if (news) events_.sentinels_changed();
}

void SentinelTopology::judge(Mono now) {
  const auto primary = majority_.primary(now);
  learn_of_primary();
  tell_words(now);
  if (!primary) return;
  agreed_at_ = majority_.named_since_question(*primary).value_or(now);
  if (!std::exchange(agreed_, true)) {
    events_.sentinel_event({SentinelEvent::What::MajorityBack, {}, {}, {}, to_text(*primary)});
    events_.sentinels_changed();
  }
  if (primary == in_use_ && !wanted_) return;
  if (in_use_ && primary != in_use_) {
    ++changes_;
    const std::string from = to_text(*in_use_);
    const std::string to = to_text(*primary);
    events_.sentinel_event({SentinelEvent::What::PrimaryChanged, {}, {}, from, to});
  }
  events_.primary_named(*primary, now);
}

// Who names another one tells nothing of the replicas of that in use, so that what was known last
// of them stays: one of them has been promoted.
void SentinelTopology::learn_of_primary() {
  if (!in_use_) return;
  named_at_ = majority_.named_since_question(*in_use_).value_or(kNotNamed);
  const auto known = majority_.replicas_of(*in_use_);
  if (!known) return;
  replicas_.clear();
  for (const HostPort& replica : *known) replicas_.push_back(to_text(replica));
}

// ---- What there is to know ------------------------------------------------------------------

void SentinelTopology::tell_words(Mono now) {
  words_.clear();
  if (majority_.primary(now)) return;
  for (const Sentinel& sentinel : sentinels_) {
    words_.append(words_.empty() ? "" : "; ").append(sentinel.name).append(": ");
    if (!sentinel.trouble.empty()) {
      words_ += sentinel.trouble;
    } else {
      words_ += sentinel.named ? "it names " + to_text(*sentinel.named) : "it has not answered yet";
    }
  }
  words_ =
      "no majority of the sentinels names the primary of " + options_.master + " (" + words_ + ")";
}

SentinelTopology::Status SentinelTopology::status() const {
  Status status;
  status.configured = sentinels_.size();
  for (const Sentinel& sentinel : sentinels_) {
    if (!sentinel.named) continue;
    ++status.answering;
    if (sentinel.named == in_use_) ++status.agreeing;
  }
  status.primary_changes = changes_;
  return status;
}

}  // namespace rategate
