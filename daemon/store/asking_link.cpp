#include "daemon/store/asking_link.hpp"

#include <utility>

#include "daemon/base/backoff.hpp"
#include "daemon/store/connecting.hpp"
#include "daemon/store/redis/words.hpp"

namespace rategate {

AskingLink::AskingLink(const WayOptions& options, AskingTransport& transport)
    : options_(options), transport_(transport), random_(options.jitter_seed) {
  transport_.set_link(*this);
}

void AskingLink::start(Mono now) {
  if (state_ == State::Stopped) connect(now);
}

void AskingLink::stop() {
  state_ = State::Stopped;
  until_ = kNever;
  awaited_ = 0;
  transport_.close();
}

void AskingLink::connect(Mono now) {
  state_ = State::Connecting;
  until_ = after(now, options_.connect_timeout_us);
  transport_.connect();
}

void AskingLink::connected(Mono now) {
  if (state_ != State::Connecting) return;
  up_since_ = now;
  state_ = State::Up;
  until_ = kNever;
  greets_ = true;  // pump() writes it
}

void AskingLink::closed(std::string_view why, Mono now) {
  if (state_ == State::Connecting || state_ == State::Up) fail(why, now);
}

void AskingLink::fail(std::string_view why, Mono now) {
  const std::string kept(why);  // it may be the transport's own
  transport_.close();
  awaited_ = 0;
  if (state_ == State::Up && now >= after(up_since_, kGoodAfterUs)) attempts_ = 0;
  state_ = State::Backoff;
  until_ = after(
      now, backoff_us(options_.backoff_min_us, options_.backoff_max_us, attempts_++, random_));
  failed(kept, now);
}

void AskingLink::turn(Mono now) {
  if (now < until_) return;
  if (state_ == State::Backoff) return connect(now);
  const bool connecting = state_ == State::Connecting;
  fail(connecting ? not_connected_in_time(transport_.awaits()) : "no answer in time", now);
}

void AskingLink::pump() {
  if (state_ != State::Up || !(greets_ || (wants_ && awaited_ == 0))) return;
  logs_in_ = false;
  if (std::exchange(greets_, false)) {
    const std::string words = transport_.login();
    logs_in_ = !words.empty();
    if (logs_in_) transport_.send(words);
  }
  wants_ = false;
  awaited_ = send_question(transport_);
  const Mono sent = transport_.flush();
  if (state_ != State::Up) return;  // it was found broken
  question_sent(sent);
  until_ = after(sent, options_.command_timeout_us);
}

void AskingLink::replied(const ReplyView& reply, Mono now) {
  if (state_ != State::Up || awaited_ == 0) return;
  if (std::exchange(logs_in_, false)) {
    const std::string error(
        error_of(reply.kind() == ReplyView::Kind::Error ? reply : ReplyView::other()));
    transport_.logged_in(error);
    if (!error.empty()) fail("AUTH: " + error, now);
    return;
  }
  if (--awaited_ == 0) until_ = kNever;
  question_answered(reply, awaited_, now);
}

void AskingLink::heard(Mono now) {
  if (state_ == State::Up) unasked(now);
}

}  // namespace rategate
