// What each reply means to the gate, and to the connection itself.
#include <utility>

#include "daemon/base/hash_slot.hpp"
#include "daemon/store/cluster/redirect.hpp"
#include "daemon/store/link.hpp"
#include "daemon/store/redis/info.hpp"
#include "daemon/store/redis/refusal.hpp"

namespace rategate {
namespace {

constexpr std::string_view kOtherData = "its data are not those that were greeted";

}  // namespace

void Link::replied(const Reply& reply, Mono received, Mono now) {
  if (state_ == State::Greeting && greeting_written_ && !greeting_unproved_) {
    on_greeting(reply, received, now);
    return;
  }
  if (state_ != State::Up || !outbox_.expects_reply()) return;  // an unasked push
  on_answer(outbox_.replied(received), reply, received, now);
  if (state_ == State::Up && outbox_.late().too_many()) away("answers come too late", now);
}

void Link::on_answer(Outbox::Answered answered, const Reply& reply, Mono received, Mono now) {
  const Call::Kind kind = answered.call.kind;
  if (kind == Call::Kind::Reserve || kind == Call::Kind::Hold) {
    on_reservations(std::move(answered), reply, received, now);
    return;
  }
  if (kind == Call::Kind::Recount) {
    on_recounts(answered.call, reply, now);
  } else if (kind == Call::Kind::Clear) {
    on_clear(answered.call, reply, now);
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

// The same of what is held: its answer is as good as one to a reservation, and no better.
void Link::on_reservations(Outbox::Answered answered, const Reply& reply, Mono received, Mono now) {
  // Who was replaced leads to where a slot is that its successor gave away, without the counts that
  // it alone had: it counts when it has said behind it that it still is the primary.
  const bool waits = holds_answers() || (outbox_.proves() && leads_elsewhere(reply.text));
  if (reply.is_error && !waits) {
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

// Needs no proof of who the store is: where another one has taken its place, what it knew is lost
// as what this one has done is.
void Link::on_clear(const Call& call, const Reply& reply, Mono now) {
  if (!reply.is_error && reply.understood && reply.reign_over) return closed(kOtherData, now);
  if (!reply.is_error && !reply.understood) return away("an answer was not understood", now);
  if (!reply.is_error) return gate_.clear_answered(call.clear, reply.clear, now);
  const auto redirect = options_.guide == nullptr ? std::nullopt : parse_redirect(reply.text);
  if (redirect) {
    options_.guide->map_is_old(now);
    tell_on_its_way(*redirect, call.clear.counter, now);
    return gate_.clear_elsewhere(call.clear, now);
  }
  if (refusal_of(reply.text) == Refusal::Connection) return away(reply.text, now);
  gate_.clear_refused(call.clear, reply.text, now);
}

void Link::on_record(const std::string& reign, const Reply& reply, Mono now) {
  if (reply.is_error) {
    closed(reply.text, now);
  } else if (reply.text != reign) {
    closed(kOtherData, now);
  }
}

void Link::on_recounts_refused(const Call& call, std::string_view error, Mono now) {
  const auto redirect = options_.guide == nullptr ? std::nullopt : parse_redirect(error);
  if (redirect) {
    // By then it is in the map where it is. This answer waits for no proof of who gave it; and
    // while the slot is on its way it is not known whether its counters have come already.
    options_.guide->map_is_old(now);
    tell_on_its_way(*redirect, call.recounts.front().counter, now);
    return gate_.recount_later(options_.shard, call.recounts, now);
  }
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
  // One that hangs up behind each answer is not of use yet.
  if (outbox_.late().none() && now >= after(up_since_, kGoodAfterUs)) attempts_ = 0;
  measured(held.answered.sent, held.received, held.time);
  if (held.answered.call.kind == Call::Kind::Hold) {
    outbox_.hold_script_known(true);
    return gate_.holds().answered(held.answered.call.hold, held.hold, now);
  }
  outbox_.scripts_known(true);  // the whole text has made it known, too
  std::string_view refused;     // by the store, and not for the sake of one counter
  bool took_some = false;       // which says that it takes writes
  for (std::size_t i = 0; i < reservations.size(); ++i) {
    const ReserveAnswer& answer = held.answers[i];
    const std::uint64_t group = reservations[i].group;
    const bool more =
        group != 0 && i + 1 < reservations.size() && reservations[i + 1].group == group;
    gate_.answered(reservations[i].id, answer, now, more);
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
      if (answer.status == ReserveAnswer::Status::Looked) tell_if_ahead(reservations[i], answer);
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

// Nothing was done. It is asked for again where the map says that it is by then.
void Link::on_hold_refused(const Call& call, std::string_view error, Mono now) {
  const auto redirect = options_.guide == nullptr ? std::nullopt : parse_redirect(error);
  if (redirect) {
    options_.guide->map_is_old(now);
    tell_on_its_way(*redirect, call.hold.counter, now);
    return gate_.holds().later(call.hold, now);
  }
  switch (refusal_of(error)) {
    case Refusal::Connection:
      return away(error, now);
    case Refusal::NoScript:
      outbox_.hold_script_known(false);
      // Who was sent its whole text would say the same again, and for ever.
      return call.script.empty() ? gate_.holds().later(call.hold, now)
                                 : gate_.holds().again(call.hold, now);
    case Refusal::Store:
    case Refusal::Call: {
      const Limit* const limit = gate_.holds().refused(call.hold, now);
      if (refusal_of(error) == Refusal::Store) return store_refuses(error, now);
      if (limit != nullptr) tell_limit_refused(*limit, error);
      return;
    }
  }
}

void Link::on_refusal(const Call& call, std::string_view error, Mono now) {
  if (call.kind == Call::Kind::Hold) return on_hold_refused(call, error, now);
  const auto redirect = options_.guide == nullptr ? std::nullopt : parse_redirect(error);
  if (redirect) return on_redirect(call, *redirect, now);
  Failure failure = Failure::Unknown;
  switch (refusal_of(error)) {
    case Refusal::Connection:
      away(error, now);
      return;
    case Refusal::NoScript:
      // Who was sent its whole text would say the same again, and for ever.
      if (call.script.empty()) failure = Failure::Later;
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

// Nothing was counted. A call of several counters is taken apart, as each may be elsewhere. Who
// tells of another slot than was asked for is asked again a little later: at once he would say the
// same again, and for ever. So would nodes that lead to each other, so that who was led somewhere
// is not led on from there; a slot is on its way to one node only.
void Link::on_redirect(const Call& call, const Redirect& redirect, Mono now) {
  const bool alone = call.reservations.size() == 1;
  const bool its_slot = redirect.slot == slot_of_key(call.reservations.front().counter);
  Failure failure = alone ? Failure::Later : Failure::RefusedCall;
  tell_on_its_way(redirect, call.reservations.front().counter, now);
  const bool moved = redirect.kind == Redirect::Kind::Moved;
  // It may have been replaced without knowing it. The map tells of both.
  const bool unproved = moved && outbox_.proves() && !proof_.holds(now);
  if (moved && !its_slot) {
    failure = Failure::Later;
  } else if (unproved || redirect.kind == Redirect::Kind::Nowhere) {
    options_.guide->map_is_old(now);
    failure = Failure::Later;
  } else if (moved) {
    failure = options_.guide->moved(redirect, now) ? Failure::Unknown : Failure::Later;
  } else if (redirect.kind == Redirect::Kind::Ask && alone && its_slot && !call.asking &&
             options_.guide->ask_elsewhere(redirect, call.reservations.front(), now)) {
    return;
  }
  for (const Reservation& reservation : call.reservations) {
    gate_.failed(reservation.id, failure, now);
  }
}

// Unless it has left already.
void Link::tell_on_its_way(const Redirect& redirect, const std::string& counter, Mono now) {
  const bool on_its_way =
      redirect.kind == Redirect::Kind::Ask || redirect.kind == Redirect::Kind::TryAgain;
  if (!on_its_way) return;
  gate_.slot_on_its_way(slot_of_key(counter), options_.shard, now);
}

void Link::ask(Reservation reservation, Mono now) {
  if (state_ != State::Up) {
    gate_.failed(reservation.id, Failure::Later, now);
  } else if (gate_.asked_at(reservation, options_.shard, now)) {
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
