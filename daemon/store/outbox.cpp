#include "daemon/store/outbox.hpp"

#include <algorithm>
#include <utility>

#include "daemon/base/hash_slot.hpp"
#include "daemon/store/redis/words.hpp"
#include "daemon/store/scripts/scripts.hpp"

namespace rategate {
namespace {

constexpr double kFirstWindow = 32;
// One answer that took very long is not the way's pace.
constexpr double kLeastCut = 0.25;
constexpr double kGrowth = 1.5;
constexpr double kMostWindow = 512;
// The most that words_of() says of one: the names of a bucket and of its block, the four words of
// that, ten of the bucket, and 128 runs of costs and bookings.
constexpr std::size_t kMostWordsOfOne = 16 + 2 * 128;
// Every so manieth counter is one that wants a lease, while checks wait, too.
constexpr std::uint32_t kLeaseEvery = 8;
// The shortest trip is that of this and the last period of time, so that a way that has become
// longer is believed after a while.
constexpr std::int64_t kShortestEveryUs = 5'000'000;
constexpr std::size_t kMostReleasesATurn = 64;
constexpr std::size_t kMostHolds = 64;  // calls under way
// On a long way one call more for each of these of its trip.
constexpr std::int64_t kCallEveryUs = 250;

}  // namespace

Outbox::Outbox(Gate& gate, ShardId shard, std::int64_t command_timeout_us,
               std::uint64_t jitter_seed, bool by_slot)
    : gate_(gate),
      shard_(shard),
      timeout_us_(command_timeout_us),
      by_slot_(by_slot),
      late_(command_timeout_us),
      window_(kFirstWindow),
      hosts_(jitter_seed) {}

void Outbox::opened(Opened opened) {
  scripts_ = std::move(opened.scripts);
  reign_ = std::move(opened.reign);
  proves_ = opened.proves;
  replicas_ = opened.replicas;
  min_replicas_ = opened.min_replicas;
  scripts_known_ = true;
  hold_script_known_ = false;
  window_ = kFirstWindow;
  round_ = 0;
  last_trips_ = {};
  trips_ = 0;
  if (opened.another_primary) shortest_us_ = {};
  late_.reset();
  last_reply_ = heard_ = opened.received;
  learn_shortest(opened.received.us - opened.sent.us, opened.received);
}

void Outbox::closed() {
  to_ask_.clear();
  under_way_.clear();
  unsent_ = calls_under_way_ = holds_under_way_ = 0;
  counters_under_way_ = beside_under_way_ = 0;
  hosts_at_ = kNever;
}

// ---- What the way is like -------------------------------------------------------------------

std::int64_t Outbox::shortest_us() const {
  if (shortest_us_[1] == 0) return shortest_us_[0];
  return std::min(shortest_us_[0], shortest_us_[1]);
}

// What is left of the time-out beside the trip itself. Where there is next to nothing, checks of
// which a part can be served are still asked for.
std::int64_t Outbox::free_us() const {
  return std::max(timeout_us_ / 16, timeout_us_ - shortest_us());
}

// What an answer should take; and what a check must have left at least, with nothing under way.
std::int64_t Outbox::target_us() const { return shortest_us() + free_us() / 4; }

// What the last calls took beyond the trip itself, at most, where as much was under way as is now:
// the more there is, the longer it waits for its turn.
std::int64_t Outbox::waits_us() const {
  const std::size_t known = std::min(trips_, last_trips_.size());
  std::int64_t longest = 0;
  for (std::size_t i = 0; i < known; ++i) {
    const Trip& trip = last_trips_[i];
    const std::int64_t waited = trip.us - shortest_us();
    const std::int64_t under_way = std::min(trip.under_way, counters_under_way_ + 1);
    longest = std::max(longest, waited * under_way / trip.under_way);
  }
  return longest;
}

std::int64_t Outbox::write_by_us() const {
  const std::int64_t free = free_us();
  std::int64_t guard = free / 4;
  // With nothing under way there is always a probe.
  if (calls_under_way_ > 0) {
    guard = std::max(guard, std::min(free * 9 / 10, 2 * waits_us()));
  }
  return shortest_us() + guard;
}

void Outbox::learn_shortest(std::int64_t trip_us, Mono received) {
  trip_us = std::max<std::int64_t>(1, trip_us);
  if (shortest_us_[0] == 0) {
    shortest_us_ = {trip_us, 0};
    shortest_since_ = received;
  } else if (received >= after(shortest_since_, kShortestEveryUs)) {
    shortest_us_ = {trip_us, shortest_us_[0]};
    shortest_since_ = received;
  } else {
    shortest_us_[0] = std::min(shortest_us_[0], trip_us);
  }
}

// The window follows the time that answers take. So many counters as were under way when a call was
// written have passed while it was: at that pace `fits` pass in the time that an answer should
// take. It is the same whichever of some answers tells it, and is not as old as the window: so a
// window is neither cut again for what was written before it was cut, nor grown for what was
// answered before it was grown.
void Outbox::adapt(std::int64_t trip_us, const UnderWay& call) {
  round_ = call.under_way * (free_us() / 8) / std::max<std::int64_t>(1, trip_us);
  const std::int64_t target = target_us();
  const auto under_way = static_cast<double>(call.under_way);
  const double fits = under_way * static_cast<double>(target) / static_cast<double>(trip_us);
  if (trip_us > target) {
    window_ = std::max(1.0, std::min(window_, std::max(fits, under_way * kLeastCut)));
    return;
  }
  // Of what may be under way, which is whole counters: at W = 1.7 it is one. On a long way the
  // answers to what was written together come together, and the last of them finds nothing else.
  if (10 * std::max(counters_under_way_, call.under_way) < 9 * window()) return;
  // Where next to nothing was waited for, more may pass than was tried: by half, and by one at
  // least, or a window of one would stay so for ever on a way that is long for its time-out.
  const bool idle = trip_us < shortest_us() + free_us() / 8;
  const double more = std::max(under_way * kGrowth, under_way + 1);
  const double tried = idle ? std::max(fits, more) : fits;
  window_ = std::max(window_,
                     std::min({kMostWindow, window_ + static_cast<double>(call.counters), tried}));
}

// ---- Writing --------------------------------------------------------------------------------

void Outbox::write(Transport& transport, Mono now, bool acknowledge) {
  if (!transport.is_written()) return;
  // What is written first then waits for nothing, whatever comes behind it.
  bool alone = under_way_.empty();
  // Outside of the window: a clock must be had also behind a full one.
  if (std::exchange(gate_.shard(shard_).measure_wanted, false)) {
    send(transport, Call{Call::Kind::Time});
  }
  const std::size_t calls_before = calls_under_way_;
  acknowledge =
      acknowledge && !is_acknowledging() && (may_reserve(For::Anybody) || may_reserve(For::Few));
  if (acknowledge) send(transport, Call{Call::Kind::Replication});
  write_asked(transport);
  const bool holds = write_holds(transport, now);
  for (const For whom : {For::Anybody, For::Few}) {
    while (write_reservations(transport, whom, now)) continue;
  }
  write_recounts(transport, now);
  hear(transport, now);
  write_host_count(transport, now);
  write_clears(transport);
  write_releases(transport);
  if (proves_ && (holds || calls_under_way_ > calls_before)) {
    const std::int64_t replicas = std::max(acknowledge ? replicas_ : 0, min_replicas_);
    if (replicas > 0) {
      send(transport, wait_for_replicas(replicas, timeout_us_));
      under_way_.back().acknowledges = acknowledge;
    }
    send(transport, Call{Call::Kind::Replication});
  }
  if (unsent_ == 0) return;
  const Mono sent = transport.flush();
  for (; unsent_ > 0; --unsent_) {
    UnderWay& call = under_way_[under_way_.size() - unsent_];
    call.sent = sent;
    call.alone = std::exchange(alone, false);
  }
}

// What is behind a WAIT is kept until that is over, so that one behind the other would come to the
// time-out of a check; and what proves the first write proves those behind it as well.
bool Outbox::is_acknowledging() const {
  return std::any_of(under_way_.begin(), under_way_.end(),
                     [](const UnderWay& call) { return call.acknowledges; });
}

// So many a second are few on a long way. Were there no more of them than on a short one, all would
// be under way soon after the first, and who came then would wait for a whole trip before its own.
std::size_t Outbox::most_calls() const {
  return kMostCalls + static_cast<std::size_t>(shortest_us() / kCallEveryUs);
}

// A client that asks for much at a time fills the window, and who comes then would wait for a whole
// trip, after which it may have too little time left. So half as much is kept for those beside it
// that want no more than an equal part of it, also where the window was cut meanwhile.
std::int64_t Outbox::room(For whom) const {
  if (whom == For::Anybody) return window() - counters_under_way_;
  return std::max<std::int64_t>(1, window() / 2) - beside_under_way_;
}

std::size_t Outbox::equal_part() const {
  const std::size_t clients = gate_.shard(shard_).lines.clients();
  return std::max<std::size_t>(
      1, static_cast<std::size_t>(window()) / std::max<std::size_t>(1, clients));
}

bool Outbox::may_reserve(For whom) const {
  const Shard& shard = gate_.shard(shard_);
  if (room(whom) <= 0) return false;
  if (whom == For::Anybody) return shard.has_to_ask() && calls_under_way_ < most_calls();
  return !shard.lines.front_of_few(equal_part()).is_none() &&
         calls_under_way_ < most_calls() + kMostCalls;
}

bool Outbox::write_reservations(Transport& transport, For whom, Mono now) {
  if (!may_reserve(whom)) return false;
  const auto a_call = (window() + static_cast<std::int64_t>(kMostCalls) - 1) /
                      static_cast<std::int64_t>(kMostCalls);
  const auto most = static_cast<std::size_t>(
      std::min({room(whom), a_call, static_cast<std::int64_t>(kMostCounters)}));
  gate_.shard(shard_).lines.set_round(static_cast<std::size_t>(round_));
  Call call = new_call();
  fill(call, most, whom, now);
  if (call.reservations.empty()) {
    recycle(std::move(call));
    return false;
  }
  const std::size_t before = under_way_.size();
  if (by_slot_) {
    send_by_slot(transport, std::move(call));
  } else {
    send(transport, std::move(call));
  }
  for (std::size_t at = before; whom == For::Few && at < under_way_.size(); ++at) {
    under_way_[at].beside = true;
    beside_under_way_ += under_way_[at].counters;
  }
  return true;
}

Call Outbox::new_call() {
  Call call{Call::Kind::Reserve};
  if (spare_.empty()) return call;
  call.reservations = std::move(spare_.back());
  spare_.pop_back();
  return call;
}

// Of what was composed at a time a call for each slot. Together they count as one, so that as much
// may be under way as where one call has room for all of it.
void Outbox::send_by_slot(Transport& transport, Call call) {
  std::vector<std::pair<std::uint16_t, std::size_t>> order;
  order.reserve(call.reservations.size());
  for (std::size_t at = 0; at < call.reservations.size(); ++at) {
    order.emplace_back(slot_of_key(call.reservations[at].counter), at);
  }
  std::sort(order.begin(), order.end());
  for (std::size_t at = 0; at < order.size();) {
    Call of_slot = new_call();
    const std::uint16_t slot = order[at].first;
    for (; at < order.size() && order[at].first == slot; ++at) {
      of_slot.reservations.push_back(std::move(call.reservations[order[at].second]));
    }
    send(transport, std::move(of_slot));
    if (at == order.size()) break;
    under_way_.back().ends_batch = false;
    --calls_under_way_;
  }
  recycle(std::move(call));
}

// By the whole text: where a slot is on its way to nobody has used the script yet.
void Outbox::write_asked(Transport& transport) {
  for (Reservation& reservation : std::exchange(to_ask_, {})) {
    send(transport, Call{Call::Kind::Asking});
    Call call = new_call();
    call.reservations.push_back(std::move(reservation));
    call.asking = true;
    const bool known = std::exchange(scripts_known_, false);
    send(transport, std::move(call));
    scripts_known_ = known;
  }
}

void Outbox::fill(Call& call, std::size_t most, For whom, Mono now) {
  // The same for the whole call, which is under way only once it is written.
  Pull pull;
  if (whom == For::Few) pull.few = equal_part();
  pull.least_left_us = write_by_us();
  pull.least_left_idle_us = target_us();
  pull.least_left_retried_us = shortest_us();
  std::size_t words = 0;
  const auto has_room = [&] {
    return call.reservations.size() < most && words + kMostWordsOfOne <= kMostWords &&
           gate_.shard(shard_).has_to_ask();
  };
  while (gate_.is_amid_group() || has_room()) {
    pull.first = call.reservations.empty();
    pull.room = most - std::min(most, call.reservations.size());
    Reservation next;
    if (!next_reservation(pull, now, next)) break;
    words += words_of(next);
    const bool alone = next.alone;
    call.reservations.push_back(std::move(next));
    if (alone) break;
  }
}

bool Outbox::next_reservation(Pull& pull, Mono now, Reservation& into) {
  // Leases are what makes most checks need no store: checks must not starve them, nor they checks.
  const bool lease_turn = turn_ % kLeaseEvery == kLeaseEvery - 1;
  using Of = Pull::Of;
  for (const Of of :
       {lease_turn ? Of::Leases : Of::Lines, lease_turn ? Of::Lines : Of::Leases, Of::Aside}) {
    const bool has_room = pull.few == 0 || of == Of::Lines || (of == Of::Leases && lease_turn);
    pull.of = of;
    if (!has_room || !gate_.compose(shard_, pull, now, into)) continue;
    ++turn_;
    return true;
  }
  return false;
}

Mono Outbox::hears_at() const {
  const bool wants = !reign_.empty() && gate_.shard(shard_).knows_until_ms > 0;
  return wants && under_way_.empty() ? after(heard_, kHearEveryUs) : kNever;
}

// Each reservation tells it as well, by the record or by what goes behind it.
bool Outbox::tells_of_loss(Call::Kind kind) const {
  if (by_slot_) return kind == Call::Kind::Replication;
  return kind == Call::Kind::Reserve || kind == Call::Kind::Hold || kind == Call::Kind::Record;
}

void Outbox::hear(Transport& transport, Mono now) {
  if (now < hears_at()) return;
  if (!gate_.has_to_hear(shard_, now)) {
    gate_.shard(shard_).knows_until_ms = 0;
    return;
  }
  Call call{by_slot_ ? Call::Kind::Replication : Call::Kind::Record};
  call.reign = compared_reign();
  send(transport, std::move(call));
}

void Outbox::write_host_count(Transport& transport, Mono now) {
  hosts_at_ = kNever;
  const auto reading = gate_.shard(shard_).clock.read(now);
  if (!counts_hosts_ || !reading) return;
  if (auto call = hosts_.due(reading->earliest)) send(transport, std::move(*call));
  // A moment later, so that it has come by then whichever way the clock is off.
  hosts_at_ = after(now, hosts_.due_in_us(reading->earliest) + 1000);
}

// In a cluster a call is of one counter, whose windows are in one slot.
void Outbox::write_recounts(Transport& transport, Mono now) {
  const std::size_t calls = by_slot_ ? kMostCounters : 1;
  for (std::size_t i = 0; i < calls; ++i) {
    Call call{Call::Kind::Recount};
    if (!gate_.compose_recounts(shard_, kMostCounters / calls, now, call.recounts)) return;
    call.reign = reign_;
    call.by_replid = by_slot_;
    send(transport, std::move(call));
  }
}

// Seldom, and by the whole text. In a cluster what was reserved of a counter, whose mark is asked
// for, may have been reserved where its slot is on its way to.
void Outbox::write_clears(Transport& transport) {
  while (auto clear = gate_.take_clear(shard_)) {
    if (by_slot_) send(transport, Call{Call::Kind::Asking});
    Call call{Call::Kind::Clear};
    call.clear = std::move(*clear);
    call.reign = compared_reign();
    send(transport, std::move(call));
  }
}

// One counter a call, so that a cluster takes it wherever its slot is. Whether there was any.
bool Outbox::write_holds(Transport& transport, Mono now) {
  bool any = false;
  while (holds_under_way_ < kMostHolds) {
    auto hold = gate_.holds().take(shard_, now);
    if (!hold) break;
    Call call{Call::Kind::Hold};
    call.hold = std::move(*hold);
    call.reign = compared_reign();
    if (hold_script_known_) call.script = kHoldScriptName;
    ++holds_under_way_;
    send(transport, std::move(call));
    any = true;
  }
  return any;
}

void Outbox::write_releases(Transport& transport) {
  for (std::size_t i = 0; i < kMostReleasesATurn; ++i) {
    auto release = gate_.take_release(shard_);
    if (!release) return;
    Call call{Call::Kind::Release};
    call.release = std::move(*release);
    send(transport, std::move(call));
  }
}

void Outbox::send(Transport& transport, Call call) {
  UnderWay& sent = under_way_.emplace_back();
  sent.call = std::move(call);
  ++unsent_;
  if (sent.call.kind == Call::Kind::Reserve) {
    if (scripts_known_) sent.call.script = scripts_.reserve;
    sent.call.reign = compared_reign();
    sent.counters = static_cast<std::int64_t>(sent.call.reservations.size());
    counters_under_way_ += sent.counters;
    sent.under_way = counters_under_way_;
    ++calls_under_way_;
  } else if (sent.call.kind == Call::Kind::Release) {
    const bool to_bucket = sent.call.release.bucket.has_value();
    if (scripts_known_) sent.call.script = to_bucket ? scripts_.reserve : scripts_.release;
    sent.call.reign = compared_reign();
  }
  transport.send(sent.call);
}

// ---- Being answered -------------------------------------------------------------------------

Outbox::Answered Outbox::replied(Mono received) {
  UnderWay& done = under_way_.front();
  last_reply_ = received;
  const Call::Kind kind = done.call.kind;
  if (tells_of_loss(kind)) heard_ = received;
  if (kind == Call::Kind::Wait) {
    late_.waited(received);
  } else {
    late_.answered(done.sent, received);
  }
  const std::int64_t trip = received.us - done.sent.us;
  if (done.alone) learn_shortest(trip, received);
  if (done.call.kind == Call::Kind::Reserve) {
    last_trips_[trips_++ % last_trips_.size()] = {trip, done.under_way};
    adapt(trip, done);
    counters_under_way_ -= done.counters;
    if (done.beside) beside_under_way_ -= done.counters;
    if (done.ends_batch) --calls_under_way_;
  } else if (kind == Call::Kind::Hold) {
    --holds_under_way_;
  }
  Answered answered{std::move(done.call), done.sent};
  under_way_.pop_front();
  return answered;
}

void Outbox::recycle(Call call) {
  if (call.reservations.capacity() == 0 || spare_.size() >= kMostCalls) return;
  call.reservations.clear();
  spare_.push_back(std::move(call.reservations));
}

Mono Outbox::silent_since() const {
  if (under_way_.empty() || under_way_.front().sent == kNever) return kNever;
  return std::max(under_way_.front().sent, last_reply_);
}

}  // namespace rategate
