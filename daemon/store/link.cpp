#include "daemon/store/link.hpp"

#include <algorithm>
#include <utility>

#include "daemon/base/backoff.hpp"
#include "daemon/store/connecting.hpp"
#include "daemon/store/redis/words.hpp"

namespace rategate {
namespace {

constexpr std::size_t kMostUnproved = 16;  // calls that are answered, and wait for a proof

}  // namespace

Link::Link(const Options& options, Gate& gate, Transport& transport, StoreEvents& events)
    : options_(options),
      gate_(gate),
      transport_(transport),
      events_(events),
      greeting_(options.greeting),
      proof_(options.witness),
      outbox_(gate, options.shard, options.command_timeout_us, options.jitter_seed + 1,
              options.guide != nullptr),
      random_(options.jitter_seed) {
  status_.address = options.address;
}

void Link::tell(StoreEvent::What what, std::string_view why, std::int64_t number) {
  events_.store_event({what, options_.shard, why, {}, number});
}

void Link::tell_limit_refused(const Limit& limit, std::string_view error) {
  events_.store_event({StoreEvent::What::LimitRefused, options_.shard, error, limit.name, 0});
}

void Link::tell_if_ahead(const Reservation& reservation, const ReserveAnswer& answer) {
  const auto* const bucket = std::get_if<TokenBucket>(&answer.bucket);
  if (!reservation.bucket || bucket == nullptr) return;
  const std::int64_t us = unexplained_us(*bucket, *reservation.bucket, answer.time);
  if (us > 0) tell(StoreEvent::What::BucketAhead, reservation.counter, us / 1000);
}

void Link::tell_news(StoreEvent::What what, std::string_view why) {
  tell(what, why);
  tell(StoreEvent::What::Changed);
}

// ---- Making the connection ------------------------------------------------------------------

void Link::start(Mono now) {
  if (options_.guide == nullptr) connect(now);
}

void Link::connect(Mono now) {
  state_ = State::Connecting;
  until_ = after(now, options_.connect_timeout_us);
  transport_.connect();
}

void Link::connected(Mono now) {
  if (state_ != State::Connecting) return;
  state_ = State::Greeting;
  greeting_written_ = greeting_unproved_ = false;  // pump() writes it
  proof_.begin(transport_.peer());
  if (!proof_.may_greet(now)) proof_.doubt(now);
  until_ = after(now, options_.command_timeout_us);
}

// While the store writes no record others may know of a loss, and cannot tell of it either.
std::string Link::known_reign() const {
  return known_reign_.empty() && record_refused_ ? "-" : known_reign_;
}

// 80 bits in 20 hexadecimal digits, by which no two records that are ever written are the same.
std::string Link::new_token() {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string token;
  for (int i = 0; i < 20; ++i) token += kDigits[static_cast<std::size_t>(random_.of_1024() >> 6)];
  return token;
}

void Link::greet() {
  greeting_written_ = true;
  for (const Call::Kind kind : greeting_.begin(proof_.replicas() > 0)) {
    Call call{kind};
    if (kind == Call::Kind::Wait) {
      call = wait_for_replicas(proof_.replicas(), options_.command_timeout_us);
    } else if (kind == Call::Kind::Reign) {
      if (options_.guide != nullptr) call.record = record_key_ = options_.guide->record_key();
      call.reign = known_reign();
      call.token = new_token();
      call.replicas = proof_.replicas();
    }
    transport_.send(call);
  }
  greeting_sent_ = transport_.flush();
  until_ = after(greeting_sent_, options_.command_timeout_us);
}

void Link::on_greeting(const Reply& reply, Mono received, Mono now) {
  const Call::Kind kind = greeting_.expects();
  if ((kind == Call::Kind::Info || kind == Call::Kind::Replication) && !reply.is_error) {
    proof_.said(reply.text, greeting_sent_);
  }
  switch (greeting_.replied(reply, greeting_sent_, received)) {
    case Greeting::Outcome::Going:
      return;
    case Greeting::Outcome::Complete:
      greeting_unproved_ = !proof_.holds(now);
      if (is_replaceable() && greeting_.learned().replid.empty()) {
        away("it does not tell its master_replid, so that nothing proves who it is", now);
      } else if (greeting_unproved_) {
        proof_.doubt(now);
      } else {
        greeted(now);
      }
      return;
    case Greeting::Outcome::Refused:
      record_refused_ = record_refused_ || !greeting_.learned().reign_error.empty();
      refused(greeting_.why(), now);
      return;
  }
}

// Said in the log also where the store was away before: a connection that is merely closed tells
// less than what the store answers to the next one.
void Link::refused(const std::string& why, Mono now) {
  const bool was_away = shard().health.state() == StoreHealth::State::Away;
  const bool news = std::exchange(refused_greeting_, why) != why;
  away(why, now);
  if (was_away && news) tell(StoreEvent::What::Away, why);
}

// All that the greeting has learned counts from here on, and nothing before.
void Link::greeted(Mono now) {
  const Greeting::Learned& learned = greeting_.learned();
  const bool same_process = learned.run_id == known_run_id_;
  const bool same_history = learned.replid == known_replid_;
  const bool known = !learned.run_id.empty();
  const bool another = !known || !same_process || !same_history;
  // Of a cluster it may be kept in another slot than before, which says nothing of the counters.
  const bool kept_elsewhere = same_history && known && record_key_ != known_record_key_;
  const bool new_reign = !learned.reign.empty() && learned.reign != known_reign_ && !kept_elsewhere;
  const bool lost =
      (known && !known_run_id_.empty() && another) || (new_reign && !known_reign_.empty());
  if (known) {
    known_run_id_ = learned.run_id;
    known_replid_ = learned.replid;
  }
  if (!learned.reign.empty()) known_reign_ = learned.reign;
  known_record_key_ = record_key_;
  status_.version = learned.version;
  status_.run_id = learned.run_id;
  status_.evicts = learned.evicts;
  shard().health.refuses(false);  // what was refused was refused before, and maybe elsewhere
  status_.error.clear();
  state_ = State::Up;
  until_ = kNever;
  refused_greeting_.clear();
  up_since_ = now;
  not_asked_ = shard().not_asked;
  outbox_.opened({{learned.reserve_script, learned.release_script},
                  learned.reign,
                  !learned.replid.empty(),
                  proof_.replicas(),
                  options_.min_replicas,
                  another,
                  learned.sent,
                  learned.received});
  if (another) gate_.store_replaced(options_.shard, now);
  measured(learned.sent, learned.received, learned.time);
  // Since when, the store tells, if it keeps a record. If not, this host sees it now.
  const bool told = new_reign && learned.since.us > 0;
  const StoreTime since = kept_elsewhere ? StoreTime{INT64_MIN} : learned.since;
  const StoreTime through = lost && !told ? StoreTime{INT64_MAX} : since;
  // For so long an old primary may have proved that it still was one.
  const std::int64_t margin_us =
      is_replaceable() || learned.replicated ? ReplicaProof::kGoodForUs + kMaxSkewUs : 0;
  const bool more_lost = gate_.lose_windows(
      options_.shard, {through, margin_us, !learned.reign.empty(), new_reign}, now);
  if (gate_.store_up(options_.shard)) tell(StoreEvent::What::Up);
  gate_.holds().store_up(options_.shard, now);
  if (lost || more_lost) {
    const std::string_view kept = record_key_.empty() ? kReignKey : std::string_view(record_key_);
    const std::string_view record = learned.reign.empty() ? std::string_view() : kept;
    tell(lost ? StoreEvent::What::WindowsLost : StoreEvent::What::WereLost, record,
         shard().lost.through().us / 1000);
  }
  if (!learned.reign_error.empty()) tell(StoreEvent::What::ReignNotKnown, learned.reign_error);
  if (known && learned.replid.empty()) tell(StoreEvent::What::FailoverNotSeen);
  if (!status_.evicts.empty()) tell(StoreEvent::What::Evicts, status_.evicts);
  tell(StoreEvent::What::Changed);
}

// ---- Losing it ------------------------------------------------------------------------------

void Link::closed(std::string_view why, Mono now) {
  if (state_ == State::Stopped || state_ == State::Backoff) return;
  if (state_ == State::Up && now >= after(up_since_, kGoodAfterUs)) {
    lost(why, now);
  } else {
    away(why, now);
  }
}

void Link::moved(std::string_view address, Mono now) {
  if (state_ == State::Stopped && options_.guide == nullptr) return;
  status_.address = address;
  attempts_ = 0;
  if (state_ == State::Up) return lost("the primary is another one", now);
  if (state_ == State::Backoff) ++status_.reconnects;
  transport_.close();
  connect(now);
}

// With all that was asked on it, and all that was answered and not used.
void Link::drop_connection() {
  transport_.close();
  outbox_.closed();
  held_.clear();
  unproved_since_ = kNever;
}

void Link::lost(std::string_view why, Mono now) {
  status_.error = why;
  drop_connection();
  ++status_.reconnects;
  attempts_ = 0;
  if (gate_.store_connecting(options_.shard, now)) tell(StoreEvent::What::Connecting, why);
  connect(now);
}

void Link::away(std::string_view why, Mono now) {
  status_.error = why;
  drop_connection();
  back_off(now);
  if (gate_.store_away(options_.shard, now)) tell(StoreEvent::What::Away, status_.error);
  tell(StoreEvent::What::Changed);
}

void Link::back_off(Mono now) {
  state_ = State::Backoff;
  until_ = after(
      now, backoff_us(options_.backoff_min_us, options_.backoff_max_us, attempts_++, random_));
  shard().tries_again = until_;
}

void Link::try_again(Mono now) {
  if (state_ != State::Backoff) return;
  until_ = now;
  shard().tries_again = now;
}

void Link::stop(Mono now) {
  if (state_ == State::Up) outbox_.write(transport_, now);
  state_ = State::Stopped;
  until_ = kNever;
  drop_connection();
}

// ---- Its time -------------------------------------------------------------------------------

void Link::turn(Mono now) {
  if (now >= until_) {
    switch (state_) {
      case State::Backoff:
        ++status_.reconnects;
        connect(now);
        return;
      case State::Connecting:
        away(not_connected_in_time(transport_.awaits()), now);
        return;
      case State::Greeting:
        away(greeting_unproved_ || !greeting_written_ ? proof_.why_not() : "no answer in time",
             now);
        return;
      default:
        break;
    }
  }
  if (state_ == State::Greeting && greeting_unproved_ && proof_.holds(now)) greeted(now);
  if (state_ != State::Up) return;
  if (unproved_since_ != kNever) prove(now);
  if (state_ != State::Up) return;
  // Silence, and not one late answer: a way that is slow under load is no reason to leave it.
  if (now >= after(outbox_.silent_since(), options_.command_timeout_us)) {
    away("no answer in time", now);
    return;
  }
  tell_pace(now);
}

// Once when checks come to their deadline before they could be asked for, and once when that has
// been over for two time-outs.
void Link::tell_pace(Mono now) {
  StoreHealth& health = shard().health;
  if (std::exchange(not_asked_, shard().not_asked) != shard().not_asked) {
    keeps_at_ = after(now, 2 * options_.command_timeout_us);
    if (health.slow(true)) tell(StoreEvent::What::Slow, {}, outbox_.window());
  } else if (health.is_slow() && now >= keeps_at_) {
    if (health.slow(false)) tell(StoreEvent::What::Keeps, {}, outbox_.window());
  }
}

Mono Link::next_turn() const {
  if (state_ != State::Up) return until_;
  const Mono silent =
      after(std::min(outbox_.silent_since(), unproved_since_), options_.command_timeout_us);
  const bool slow = gate_.shard(options_.shard).health.is_slow();
  return std::min({silent, may_write() ? outbox_.asks_at() : kNever, slow ? keeps_at_ : kNever});
}

// What is reserved meanwhile may be for nobody.
bool Link::may_write() const { return unproved_since_ == kNever || held_.size() < kMostUnproved; }

void Link::pump(Mono now) {
  if (state_ == State::Greeting && !greeting_written_) {
    proof_.learn_replicas();
    if (proof_.may_greet(now)) greet();
  }
  if (state_ != State::Up || !may_write()) return;
  outbox_.count_hosts(gate_.counts_hosts() &&
                      (options_.guide == nullptr || options_.guide->has_host_count()));
  outbox_.write(transport_, now, proof_.wants_acknowledgement(now));
}

}  // namespace rategate
