#include "daemon/store/link.hpp"

#include <algorithm>
#include <utility>

#include "daemon/base/backoff.hpp"
#include "daemon/store/connecting.hpp"
#include "daemon/store/redis/info.hpp"
#include "daemon/store/redis/refusal.hpp"

namespace rategate {
namespace {

constexpr std::string_view kOtherData = "its data are not those that were greeted";
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
  greeting_unproved_ = false;
  proof_.begin(transport_.peer());
  for (const Call::Kind kind : greeting_.begin(proof_.replicas() > 0)) {
    Call call{kind};
    if (kind == Call::Kind::Wait) {
      call = wait_for_replicas(proof_.replicas(), options_.command_timeout_us);
    } else if (kind == Call::Kind::Reign) {
      if (options_.guide != nullptr) call.record = options_.guide->record_key();
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
  const bool new_reign = !learned.reign.empty() && learned.reign != known_reign_;
  const bool lost =
      (known && !known_run_id_.empty() && another) || (new_reign && !known_reign_.empty());
  if (known) {
    known_run_id_ = learned.run_id;
    known_replid_ = learned.replid;
  }
  if (!learned.reign.empty()) known_reign_ = learned.reign;
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
                  options_.guide == nullptr ? learned.reign : std::string(),
                  !learned.replid.empty(),
                  proof_.replicas(),
                  options_.min_replicas,
                  another,
                  learned.sent,
                  learned.received});
  if (another) gate_.store_replaced(options_.shard);
  measured(learned.sent, learned.received, learned.time);
  // Since when, the store tells, if it keeps a record. If not, this host sees it now.
  const bool told = new_reign && learned.since.us > 0;
  const StoreTime through = lost && !told ? StoreTime{INT64_MAX} : learned.since;
  // For so long an old primary may have proved that it still was one.
  const std::int64_t margin_us =
      is_replaceable() || learned.replicated ? ReplicaProof::kGoodForUs + kMaxSkewUs : 0;
  // In a cluster a counter is in another slot than the record, and no script can look at both.
  const bool recounts = !learned.reign.empty() && options_.guide == nullptr;
  const bool more_lost =
      gate_.lose_windows(options_.shard, {through, margin_us, recounts, new_reign}, now);
  if (gate_.store_up(options_.shard)) tell(StoreEvent::What::Up);
  if (lost || more_lost) {
    tell(lost ? StoreEvent::What::WindowsLost : StoreEvent::What::WereLost, {},
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
        away(greeting_unproved_ ? proof_.why_not() : "no answer in time", now);
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
  if (state_ == State::Greeting && !greeting_written_) greet();
  if (state_ != State::Up || !may_write()) return;
  outbox_.write(transport_, now, proof_.wants_acknowledgement(now));
}

// ---- Being answered -------------------------------------------------------------------------

void Link::replied(const Reply& reply, Mono received, Mono now) {
  if (state_ == State::Greeting && greeting_written_ && !greeting_unproved_) {
    on_greeting(reply, received, now);
    return;
  }
  if (state_ != State::Up || !outbox_.expects_reply()) return;  // an unasked push
  Outbox::Answered answered = outbox_.replied(received);
  const Call::Kind kind = answered.call.kind;
  if (kind == Call::Kind::Reserve) {
    on_reservations(std::move(answered), reply, received, now);
    return;
  }
  if (kind == Call::Kind::Recount) {
    on_recounts(answered.call, reply, now);
  } else if (kind == Call::Kind::Hosts) {
    if (!reply.is_error && reply.understood) gate_.hosts_seen(reply.hosts);
  } else if (kind == Call::Kind::Record) {
    on_record(answered.call.reign, reply, now);
  } else if (kind == Call::Kind::Wait) {
    on_acknowledged(reply);
  } else if (kind == Call::Kind::Replication) {
    on_replication(reply, answered.sent, now);
  } else if (kind == Call::Kind::Time && reply.time) {
    measured(answered.sent, received, *reply.time);
  } else if (kind == Call::Kind::Release && reply.is_error &&
             refusal_of(reply.text) == Refusal::NoScript) {
    outbox_.scripts_known(false);  // its permits are stranded: a release is sent once
  }
}

void Link::on_reservations(Outbox::Answered answered, const Reply& reply, Mono received, Mono now) {
  if (reply.is_error && !holds_answers()) {
    on_refusal(answered.call, reply.text, now);
  } else if (!reply.is_error && reply.understood && reply.reign_over) {
    closed(kOtherData, now);
  } else if (!reply.is_error && (!reply.understood || !reply.time ||
                                 reply.answers.size() != answered.call.reservations.size())) {
    away("an answer was not understood", now);
  } else {
    held_.hold(std::move(answered), reply, received);
    if (outbox_.proves()) return;
    held_.seal();
    use_held(now);
    return;
  }
  outbox_.recycle(std::move(answered.call));
}

// Needs no proof of who the store is: what was told to another one is told anew to the next,
// because that has another record.
void Link::on_recounts(const Call& call, const Reply& reply, Mono now) {
  if (reply.is_error) {
    on_recounts_refused(call, reply.text, now);
  } else if (reply.understood && reply.reign_over) {
    closed(kOtherData, now);
  } else if (!reply.understood || reply.answers.size() != call.recounts.size()) {
    away("an answer was not understood", now);
  } else {
    // All of it is told again: twice is as good as once.
    for (const ReserveAnswer& answer : reply.answers) {
      const bool refused = answer.status == ReserveAnswer::Status::Refused;
      if (refused && refusal_of(answer.error) != Refusal::Call) {
        return on_recounts_refused(call, answer.error, now);
      }
    }
    for (const auto& refused : gate_.recounted(options_.shard, call.recounts, reply.answers, now)) {
      tell_limit_refused(*refused.limit, refused.error);
    }
  }
}

void Link::on_record(const std::string& reign, const Reply& reply, Mono now) {
  if (reply.is_error) {
    closed(reply.text, now);
  } else if (reply.text != reign) {
    closed(kOtherData, now);
  }
}

void Link::on_recounts_refused(const Call& call, std::string_view error, Mono now) {
  switch (refusal_of(error)) {
    case Refusal::Connection:
      return away(error, now);
    case Refusal::NoScript:  // never: its whole text was sent
    case Refusal::Store:
      gate_.recount_again(options_.shard, now);
      return store_refuses(error, now);
    case Refusal::Call:
      break;
  }
  const Limit* const limit = gate_.recounts_refused(options_.shard, call.recounts, now);
  if (limit != nullptr) tell_limit_refused(*limit, error);
}

// What too few replicas have may be lost with the primary: it is as if the store had refused it.
void Link::on_acknowledged(const Reply& reply) {
  const std::int64_t least = options_.min_replicas;
  if (least == 0 || (reply.understood && !reply.is_error && reply.replicas >= least)) return;
  if (reply.is_error) return held_.refuse_grants(reply.text);
  held_.refuse_grants("NOREPLICAS " + std::to_string(reply.replicas) +
                      " of min_replicas = " + std::to_string(least) + " have acknowledged in time");
}

// The store has said who it is, after all that is held was answered. A replid never comes back: if
// it is the greeting's now, it was so then.
void Link::on_replication(const Reply& reply, Mono sent, Mono now) {
  if (reply.is_error) {
    closed(reply.text, now);
  } else if (!is_primary_of(reply.text, known_replid_)) {
    closed("it is not the primary any more that was greeted", now);
  } else {
    held_.seal();
    proof_.learn_replicas();
    proof_.said(reply.text, sent);
    prove(now);
  }
}

// Where there is no proof yet, who can give one is asked; what is held waits for that.
void Link::prove(Mono now) {
  proof_.doubt_if_old(now);
  if (proof_.holds(now) || !held_.grant_anything()) {
    unproved_since_ = kNever;
    use_held(now);
  } else if (unproved_since_ == kNever) {
    unproved_since_ = now;
  } else if (now >= after(unproved_since_, options_.command_timeout_us)) {
    closed(proof_.why_not(), now);
  }
}

void Link::use_held(Mono now) {
  held_.use_sealed([&](HeldAnswers::Held& held) {
    use(held, now);
    outbox_.recycle(std::move(held.answered.call));
  });
}

void Link::use(const HeldAnswers::Held& held, Mono now) {
  if (!held.error.empty()) {
    on_refusal(held.answered.call, held.error, now);
    return;
  }
  const auto& reservations = held.answered.call.reservations;
  attempts_ = 0;
  outbox_.scripts_known(true);  // the whole text has made it known, too
  measured(held.answered.sent, held.received, held.time);
  std::string_view refused;  // by the store, and not for the sake of one counter
  bool took_some = false;    // which says that it takes writes
  for (std::size_t i = 0; i < reservations.size(); ++i) {
    const ReserveAnswer& answer = held.answers[i];
    gate_.answered(reservations[i].id, answer, now);
    if (answer.status == ReserveAnswer::Status::Spoilt) {
      tell(StoreEvent::What::CounterSpoilt, "the counter holds something that is no whole number");
    } else if (answer.status == ReserveAnswer::Status::Refused) {
      if (refusal_of(answer.error) == Refusal::Call) {
        tell(StoreEvent::What::CounterSpoilt, answer.error);
      } else {
        refused = answer.error;
      }
    } else {
      took_some = took_some || has_charged(reservations[i], answer);
    }
  }
  if (!refused.empty()) {
    store_refuses(refused, now);
  } else if (took_some && shard().health.refuses(false)) {
    status_.error.clear();
    tell(StoreEvent::What::Accepts);
    tell(StoreEvent::What::Changed);
  }
}

// The store as a whole, and what it said.
void Link::store_refuses(std::string_view error, Mono now) {
  if (refusal_of(error) == Refusal::Connection) {
    away(error, now);
    return;
  }
  // A primary that lacks replicas, say, may have been cut off from them, and replaced.
  proof_.doubt(now);
  status_.error = error;
  if (!shard().health.refuses(true)) return;
  tell(StoreEvent::What::Refuses, error);
  tell(StoreEvent::What::Changed);
}

void Link::on_refusal(const Call& call, std::string_view error, Mono now) {
  const auto redirect = options_.guide == nullptr ? std::nullopt : parse_redirect(error);
  if (redirect) return on_redirect(call, *redirect, now);
  Failure failure = Failure::Unknown;
  switch (refusal_of(error)) {
    case Refusal::Connection:
      away(error, now);
      return;
    case Refusal::NoScript:
      outbox_.scripts_known(false);
      break;
    case Refusal::Store:
      failure = Failure::StoreRefuses;
      break;
    case Refusal::Call:
      // What was refused before it ran was refused for the sake of one of its counters, maybe.
      failure = call.reservations.size() > 1 ? Failure::RefusedCall : Failure::LimitRefused;
      break;
  }
  for (const Reservation& reservation : call.reservations) {
    const Limit* limit = gate_.failed(reservation.id, failure, now);
    if (limit != nullptr) tell_limit_refused(*limit, error);
  }
  if (failure == Failure::StoreRefuses) store_refuses(error, now);
}

// Nothing was counted. A call of several counters is taken apart, as each may be elsewhere.
void Link::on_redirect(const Call& call, const Redirect& redirect, Mono now) {
  const bool alone = call.reservations.size() == 1;
  Failure failure = alone ? Failure::Later : Failure::RefusedCall;
  if (redirect.kind == Redirect::Kind::Moved) {
    failure = options_.guide->moved(redirect, now) ? Failure::Unknown : Failure::Later;
  } else if (redirect.kind == Redirect::Kind::Ask && alone &&
             options_.guide->ask_elsewhere(redirect, call.reservations.front(), now)) {
    return;
  }
  for (const Reservation& reservation : call.reservations) {
    gate_.failed(reservation.id, failure, now);
  }
}

void Link::ask(Reservation reservation, Mono now) {
  if (state_ != State::Up) {
    gate_.failed(reservation.id, Failure::Later, now);
  } else if (gate_.asked_at(reservation.id, options_.shard)) {
    outbox_.ask(std::move(reservation));
  }
}

void Link::measured(Mono sent, Mono received, StoreTime time) {
  const StoreClock& clock = shard().clock;
  const std::int64_t before = clock.offset_us();
  if (gate_.measured(options_.shard, sent, received, time) == StoreClock::Measured::Contradicted) {
    tell(StoreEvent::What::ClockStepped, {}, clock.offset_us() - before);
  }
  const auto reading = clock.read(received);
  if (!reading) return;
  const bool trusted = clock.trusts(*reading);
  if (trusted == std::exchange(clock_trusted_, trusted)) return;
  tell(trusted ? StoreEvent::What::ClockTrusted : StoreEvent::What::ClockNotTrusted, {},
       reading->error_us());
  tell(StoreEvent::What::Changed);
}

}  // namespace rategate
