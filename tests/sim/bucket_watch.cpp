#include "tests/sim/bucket_watch.hpp"

#include <algorithm>
#include <iterator>

#include "daemon/core/known_bucket.hpp"

namespace rategate::sim {
namespace {
__extension__ typedef __int128 Wide;
constexpr std::int64_t kPausedUs = 60'000'000;  // the longest that anybody is

std::string text_of(const BucketPromise& promise) {
  if (promise.period_us() > 0) {
    return "with a limit of " + std::to_string(promise.burst()) + " each " +
           std::to_string(promise.period_us()) + " us";
  }
  return "with a burst of " + std::to_string(promise.burst()) + " and " +
         std::to_string(promise.rate().permits) + " each " + std::to_string(promise.rate().us) +
         " us";
}
}  // namespace

void BucketPromise::add(const BucketNumbers& numbers) {
  if (!numbers.log.none()) {
    period_us_ = 1000 * numbers.log.period_ms;
    burst_ = std::max(burst_, numbers.burst);
    return;
  }
  if (!seen_.insert({numbers.rate.permits, numbers.rate.us, numbers.burst}).second) return;
  burst_ += numbers.burst;
  if (Wide{numbers.rate.permits} * rate_.us > Wide{rate_.permits} * numbers.rate.us) {
    rate_ = numbers.rate;
  }
}

bool BucketPromise::holds(std::int64_t permits, std::int64_t us) const {
  if (period_us_ > 0) {
    return permits <= burst_ * std::max<std::int64_t>(1, (us + period_us_ - 1) / period_us_);
  }
  return (Wide{permits} - burst_) * rate_.us <= Wide{us} * rate_.permits;
}

// By the moment at which a bucket of all that is promised would be full again, in parts of a
// microsecond, as many as the rate's permits.
std::string BucketWatch::judge_granted(const BucketPromise& promise) const {
  if (!overspent_.empty()) return overspent_;
  if (promise.period_us() > 0) return judge_log(promise);
  const FillRate& rate = promise.rate();
  Wide full = 0;
  for (const State& state : all_states()) {
    const Wide now = Wide{state.at_us} * rate.permits;
    if (state.clears) full = 0;  // all begins anew, beside what is leased
    const Wide until = Wide{state.until_us} * rate.permits;
    // What came back lets as many be granted again: docs/settling.md.
    if (state.granted < 0) full += Wide{state.granted} * rate.us;
    if (state.granted > 0) full = std::max(full, until) + Wide{state.granted} * rate.us;
    if (full > now + Wide{promise.burst()} * rate.us) return judge_worst(promise);
  }
  return "";
}

// That what a lease takes out of the bucket early is not needed for the promise by itself. So what
// seems too much is looked at again: all that may be spent within an interval is spent in it.
std::string BucketWatch::judge_worst(const BucketPromise& promise) const {
  std::vector<std::int64_t> begins;
  const std::vector<State> states = all_states();
  for (const State& state : states) {
    begins.push_back(state.at_us);
    begins.push_back(state.until_us);
  }
  for (const std::int64_t begin : begins) {
    std::int64_t permits = 0;
    for (const State& state : states) {
      if (state.clears) permits = 0;
      if (state.until_us < begin) continue;
      permits += state.granted;
      const std::int64_t end = std::max(begin, state.at_us);
      if (promise.holds(permits, end - begin)) continue;
      return "granted " + std::to_string(permits) + " to be spent from " + std::to_string(begin) +
             " to " + std::to_string(end) + " us, " + text_of(promise);
    }
  }
  return "";
}

// What may be spent in the period that ends when the last of it is granted is most of what any has.
// What was granted before the log was cleared is no part of what is after it.
std::string BucketWatch::judge_log(const BucketPromise& promise) const {
  std::vector<State> by_begin;
  std::vector<State> by_end;
  const auto judge = [&]() -> std::string {
    const auto of = [](auto member) {
      return [member](const State& a, const State& b) { return a.*member < b.*member; };
    };
    std::stable_sort(by_begin.begin(), by_begin.end(), of(&State::at_us));
    std::stable_sort(by_end.begin(), by_end.end(), of(&State::until_us));
    std::int64_t permits = 0;
    auto over = by_end.begin();
    for (std::size_t i = 0; i < by_begin.size(); ++i) {
      const std::int64_t at_us = by_begin[i].at_us;
      permits += by_begin[i].granted;
      if (i + 1 < by_begin.size() && by_begin[i + 1].at_us == at_us) continue;
      for (; over != by_end.end() && over->until_us < at_us - promise.period_us(); ++over) {
        permits -= over->granted;
      }
      if (permits <= promise.burst()) continue;
      return "granted " + std::to_string(permits) + " to be spent in the period until " +
             std::to_string(at_us) + " us, " + text_of(promise);
    }
    return "";
  };
  for (const State& state : all_states()) {
    if (state.clears) {
      if (const std::string wrong = judge(); !wrong.empty()) return wrong;
      by_begin.clear();
      by_end.clear();
    }
    by_begin.push_back(state);
    // What is leased is spent before it ends.
    by_end.push_back(state);
    if (state.until_us > state.at_us) --by_end.back().until_us;
  }
  return judge();
}

// When the store gave the answer that the daemon goes by, if it still does: for as long as that is
// believed since it came, by the daemon's clock, and it may have been long on its way.
std::int64_t BucketWatch::believes_since_us(int daemon, std::int64_t asked_us) const {
  const std::int64_t since_us = asked_us - kBucketBelievedUs;
  const auto heard = heard_.find(daemon);
  if (heard == heard_.end()) return since_us;
  const auto last =
      std::upper_bound(heard->second.begin(), heard->second.end(), asked_us,
                       [](std::int64_t us, const Heard& one) { return us < one.told_us; });
  if (last == heard->second.begin()) return since_us;
  const Heard& by = *std::prev(last);
  const bool believed = asked_us - by.told_us <= kBucketBelievedUs * 1001 / 1000;
  return believed ? std::min(since_us, by.at_us) : since_us;
}

bool BucketWatch::had_room(int daemon, const BucketNumbers& of, std::int64_t cost,
                           std::int64_t asked_us, std::int64_t told_us) const {
  std::int64_t least = of.burst;
  const auto look = [&](const Bucket& bucket, std::int64_t at_us) {
    const auto* const token = std::get_if<TokenBucket>(&bucket);
    const bool same = token == nullptr || token->rate == of.rate;
    const Bucket seen = same ? bucket : TokenBucket{full_at(bucket).us, 0, of.rate};
    least = std::min(least, permits_in(seen, of.burst, StoreTime{at_us}));
  };
  // Who has denied by what it knows is told of what came back when it asks again.
  std::int64_t known_us = asked_us - of.believed_us;
  if (came_back_ > 0) known_us = std::min(known_us, believes_since_us(daemon, asked_us));
  auto at =
      std::upper_bound(states_.begin(), states_.end(), known_us,
                       [](std::int64_t us, const State& state) { return us < state.seen_us; });
  // It is at its lowest right after each answer, and when the check was asked.
  if (at != states_.begin()) look(std::prev(at)->bucket, known_us);
  const auto first = at;
  for (; at != states_.end() && at->seen_us <= told_us; ++at) look(at->bucket, at->seen_us);
  const auto told = std::find_if(std::reverse_iterator(first), states_.rend(),
                                 [&](const State& state) { return state.daemon == daemon; });
  if ((mixed_ || overdrawn_ || lost_) && told != states_.rend() &&
      told->seen_us > known_us - kBucketBelievedUs) {
    look(told->bucket, known_us);
  }
  return least >= cost + of.nothing;
}

void BucketWatch::granted(const Granted& what) {
  const std::pair numbers{what.asked.rate, what.asked.burst};
  mixed_ = mixed_ || numbers_.value_or(numbers) != numbers;
  numbers_ = numbers;
  const std::int64_t at_us = what.at_us + what.behind_us;
  // Where its answer is lost they are not spent, so that they are only looked for. A store whose
  // clock was set back takes for good what is over in hand; the answer tells the daemon of that.
  if (what.behind_us == 0) {
    const std::vector<Lease> before = leases_[what.daemon];
    spent_of_leases(what.daemon, what.of_leases, at_us);
    leases_[what.daemon] = before;
  }
  const std::int64_t end_ms = receipt_ms(what.asked.log, what.at_us);
  const bool lasts = what.may_be_put_back && !what.asked.log.none();
  const std::int64_t until_us = lasts ? 1000 * end_ms + what.behind_us : at_us;
  states_.push_back(
      {what.daemon, at_us, until_us, what.permits, what.now_is, at_us, false, end_ms});
  if (lasts && what.permits > 0) lease(what.daemon, {until_us, what.permits});
  if (what.leased == 0) return;
  const std::int64_t ends_us = what.until_us + what.behind_us;
  states_.push_back(
      {what.daemon, at_us, ends_us, what.leased, what.now_is, at_us, false, what.until_us / 1000});
  lease(what.daemon, {ends_us, what.leased});
}

void BucketWatch::lease(int daemon, const Lease& lease) {
  std::vector<Lease>& leases = leases_[daemon];
  const auto behind = std::find_if(leases.begin(), leases.end(), [&](const Lease& other) {
    return other.until_us > lease.until_us;
  });
  leases.insert(behind, lease);
}

void BucketWatch::came_back(int daemon, std::int64_t permits, std::int64_t end_ms,
                            std::int64_t now_us) {
  const Bucket bucket = states_.back().bucket;
  came_back_ += permits;
  if (std::holds_alternative<TokenBucket>(bucket)) {
    if (permits > 0) states_.push_back({daemon, now_us, now_us, -permits, bucket, now_us});
    return;
  }
  // Of a log exactly those, of which the last ones are the first.
  for (auto state = states_.rbegin(); state != states_.rend() && permits > 0; ++state) {
    if (state->end_ms != end_ms) continue;
    const std::int64_t some = std::min(permits, state->granted);
    state->granted -= some;
    permits -= some;
  }
}

void BucketWatch::told_of_booking(int daemon, std::int64_t cost, std::int64_t receipt_ms,
                                  std::int64_t now_us) {
  std::vector<Booking>& bookings = bookings_[daemon];
  const auto may_be = [&](const Booking& booking) {
    return booking.receipt_ms == receipt_ms && booking.permits >= cost;
  };
  // The smallest that it may be: who came first is told of a larger one, too, and which of them
  // that was is not known. So whoever is told next finds one, in whichever order they are told.
  auto found = bookings.end();
  for (auto one = bookings.begin(); one != bookings.end(); ++one) {
    if (may_be(*one) && (found == bookings.end() || one->permits < found->permits)) found = one;
  }
  if (found == bookings.end()) {
    overspent_ = "daemon " + std::to_string(daemon) + " told of a booking that there is not";
    return;
  }
  // Which of one millisecond it is of is not known: the interval is to have all of them.
  State told{daemon, found->good_us, found->good_us, cost, {}, now_us, false, receipt_ms};
  for (const Booking& booking : bookings) {
    if (!may_be(booking)) continue;
    told.at_us = std::max(told.at_us, booking.good_us);
    told.until_us = std::min(told.until_us, booking.good_us);
  }
  if (told.until_us > now_us) {
    overspent_ = "told " + std::to_string(told.until_us - now_us) + " us before its moment";
  }
  if (!found->cleared) told_.push_back(told);
  bookings.erase(found);
}

// By the moment of each.
std::vector<BucketWatch::State> BucketWatch::all_states() const {
  if (told_.empty()) return states_;
  std::vector<State> all = states_;
  all.insert(all.end(), told_.begin(), told_.end());
  std::stable_sort(all.begin(), all.end(),
                   [](const State& a, const State& b) { return a.at_us < b.at_us; });
  return all;
}

void BucketWatch::cleared(int daemon, bool late, const Bucket& now_is, std::int64_t now_us) {
  states_.push_back({daemon, now_us, now_us, 0, now_is, now_us, true});
  for (auto& [whose, bookings] : bookings_) {
    for (Booking& booking : bookings) booking.cleared = true;
  }
  came_back_ = std::max<std::int64_t>(came_back_, 1);
  if (!late) leases_[daemon].clear();
}

void BucketWatch::used_less(std::int64_t cost, std::int64_t asked_us, std::int64_t told_us,
                            std::int64_t back) {
  const auto found = std::find_if(allowed_.begin(), allowed_.end(), [&](const Allowed& one) {
    return one.cost == cost && one.asked_us == asked_us && one.told_us == told_us;
  });
  if (found != allowed_.end()) found->cost -= back;
}

void BucketWatch::came_back_to_slice(int daemon, std::int64_t permits, std::int64_t until_us) {
  for (Lease& lease : leases_[daemon]) {
    if (lease.until_us == until_us) lease.left += permits;
  }
}

// From those that end first, so that what is too much then is too much in any order.
void BucketWatch::spent_of_leases(int daemon, std::int64_t permits, std::int64_t now_us) {
  std::vector<Lease>& leases = leases_[daemon];
  // A process that was paused spends by a reading of the clock from before that.
  std::erase_if(leases, [&](const Lease& lease) { return lease.until_us + kPausedUs <= now_us; });
  for (Lease& lease : leases) {
    if (lease.until_us <= now_us) continue;
    const std::int64_t spent = std::min(lease.left, permits);
    lease.left -= spent;
    permits -= spent;
  }
  if (permits == 0 || !overspent_.empty()) return;
  overspent_ = "daemon " + std::to_string(daemon) + " spent " + std::to_string(permits) +
               " permits at " + std::to_string(now_us) + " us that were leased to nobody then";
}

std::string BucketWatch::judge_allowed(const BucketPromise& promise) const {
  // How much of what came back to the store was allowed within some interval is not known here.
  if (came_back_ > 0) return "";
  std::vector<Allowed> by_end = allowed_;
  std::sort(by_end.begin(), by_end.end(),
            [](const Allowed& a, const Allowed& b) { return a.told_us < b.told_us; });
  for (const Allowed& first : allowed_) {
    std::int64_t permits = 0;
    for (const Allowed& each : by_end) {
      if (each.asked_us < first.asked_us) continue;
      permits += each.cost;
      if (promise.holds(permits, each.told_us - first.asked_us)) continue;
      return "allowed " + std::to_string(permits) + " within " +
             std::to_string(each.told_us - first.asked_us) + " us from " +
             std::to_string(first.asked_us) + " us, " + text_of(promise);
    }
  }
  return "";
}

}  // namespace rategate::sim
