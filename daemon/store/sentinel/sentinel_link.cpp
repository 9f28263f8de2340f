#include "daemon/store/sentinel/sentinel_link.hpp"

#include <algorithm>
#include <utility>

#include "daemon/base/backoff.hpp"
#include "daemon/store/connecting.hpp"
#include "daemon/store/redis/words.hpp"
#include "daemon/store/sentinel/words.hpp"

namespace rategate {
namespace {

bool is_error(const ReplyView& reply) { return reply.kind() == ReplyView::Kind::Error; }

}  // namespace

SentinelLink::SentinelLink(const Options& options, SentinelTransport& transport,
                           SentinelLinkEvents& events)
    : options_(options), transport_(transport), events_(events), random_(options.jitter_seed) {}

void SentinelLink::start(Mono now) {
  if (state_ == State::Stopped) connect(now);
}

void SentinelLink::stop() {
  state_ = State::Stopped;
  until_ = kNever;
  expected_.clear();
  transport_.close();
}

void SentinelLink::connect(Mono now) {
  state_ = State::Connecting;
  until_ = after(now, options_.connect_timeout_us);
  transport_.connect();
}

void SentinelLink::connected(Mono now) {
  if (state_ != State::Connecting) return;
  up_since_ = now;
  state_ = State::Up;
  until_ = kNever;
  greets_ = true;  // pump() writes it
}

void SentinelLink::closed(std::string_view why, Mono now) {
  if (state_ == State::Connecting || state_ == State::Up) fail(why, now);
}

void SentinelLink::fail(std::string_view why, Mono now) {
  const std::string kept(why);  // it may be the transport's own
  transport_.close();
  expected_.clear();
  if (state_ == State::Up && now >= after(up_since_, kGoodAfterUs)) attempts_ = 0;
  state_ = State::Backoff;
  until_ = after(
      now, backoff_us(options_.backoff_min_us, options_.backoff_max_us, attempts_++, random_));
  events_.sentinel_failed(options_.sentinel, options_.role, kept, now);
}

void SentinelLink::turn(Mono now) {
  if (now < until_) return;
  if (state_ == State::Backoff) return connect(now);
  const bool connecting = state_ == State::Connecting;
  fail(connecting ? not_connected_in_time(transport_.awaits()) : "no answer in time", now);
}

void SentinelLink::pump() {
  const bool listens = options_.role == SentinelRole::Listens;
  if (state_ != State::Up || !(greets_ || (wants_ && !listens && expected_.empty()))) return;
  if (std::exchange(greets_, false) && !options_.password.empty()) {
    expected_.push_back(Reply::Login);
    transport_.send(login_request(options_.username, options_.password));
  }
  if (listens) {
    expected_.push_back(Reply::Pong);
    transport_.send_and_hear(listen_request());
  } else {
    wants_ = false;
    expected_.push_back(Reply::Replicas);
    transport_.send(replicas_request(options_.master));
    expected_.push_back(Reply::Primary);
    transport_.send(primary_request(options_.master));
  }
  const Mono sent = transport_.flush();
  if (state_ != State::Up) return;  // it was found broken
  answer_ = {};
  answer_.asked = sent;
  until_ = after(sent, options_.answer_timeout_us);
}

void SentinelLink::replied(const ReplyView& reply, Mono now) {
  if (state_ != State::Up || expected_.empty()) return;
  const Reply kind = expected_.front();
  expected_.pop_front();
  switch (kind) {
    case Reply::Login:
      if (is_error(reply)) fail("AUTH: " + std::string(error_of(reply)), now);
      return;
    case Reply::Pong:
      if (is_error(reply)) return fail("PING: " + std::string(error_of(reply)), now);
      until_ = kNever;  // the subscription's own answer is the first that is heard
      return;
    case Reply::Replicas:
      answer_.replicas = parse_replicas(reply);
      return;
    case Reply::Primary:
      on_primary(reply, now);
      return;
  }
}

void SentinelLink::on_primary(const ReplyView& reply, Mono now) {
  auto primary = parse_primary(reply, options_.master);
  if (is_error(reply)) return fail(primary.error(), now);
  until_ = kNever;
  if (primary) {
    answer_.primary = std::move(*primary);
  } else {
    answer_.error = primary.error();
  }
  events_.sentinel_answered(options_.sentinel, std::exchange(answer_, {}), now);
}

void SentinelLink::heard(Mono now) {
  if (state_ != State::Up) return;
  events_.sentinel_heard(options_.sentinel, now);
}

}  // namespace rategate
