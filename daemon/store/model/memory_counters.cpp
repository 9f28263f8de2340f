#include "daemon/store/model/memory_counters.hpp"

#include <algorithm>
#include <utility>

#include "daemon/limit/limit.hpp"

namespace rategate {
namespace {

// Looked at for each new counter: more than one, so that what is forgotten keeps up with what is
// new. Where there is no room, more.
constexpr std::size_t kLooks = 4;
// Beyond that nothing is charged without a test any more, as in Redis' scripts.
constexpr std::int64_t kMostCounted = std::int64_t{1} << 53;

}  // namespace

ReserveAnswer MemoryCounters::reserve(const Reservation& request, StoreTime now) {
  if (!request.block) return take(request, now);
  const std::int64_t now_ms = now.us / 1000;
  ReserveAnswer answer;
  answer.time = now;
  answer.blocked_until_ms = blocked_until_ms(*request.block, now_ms);
  if (answer.blocked_until_ms > 0) {
    answer.status = ReserveAnswer::Status::Blocked;
    return answer;
  }
  answer = take(request, now);
  if (request.block->lasts_ms == 0 || answer.status != ReserveAnswer::Status::Looked) return answer;
  if (!refuses_some(request.costs, answer)) return answer;
  if (!set_block(*request.block, now_ms)) {
    ReserveAnswer refused;
    refused.time = now;
    refused.status = ReserveAnswer::Status::Refused;
    refused.error = "the memory store is full: there is no room for a block";
    return refused;
  }
  answer.blocked_until_ms = now_ms + request.block->lasts_ms;
  return answer;
}

// It stands through the last of its milliseconds but for that at which it ends, as in Redis, where
// the script looks at that.
std::int64_t MemoryCounters::blocked_until_ms(const BlockAsked& block, std::int64_t now_ms) {
  const CounterId id = find(hash(block.name), block.name);
  if (id.is_none() || counters_[id].expire_at_ms <= now_ms) return 0;
  if (block.lasts_ms > 0) return counters_[id].expire_at_ms;
  counters_[id].expire_at_ms = 0;
  return 0;
}

// False where there is no room.
bool MemoryCounters::set_block(const BlockAsked& block, std::int64_t now_ms) {
  const Hash hashed = hash(block.name);
  CounterId id = find(hashed, block.name);
  if (id.is_none()) id = add(hashed, block.name, now_ms);
  if (id.is_none()) return false;
  counters_[id].expire_at_ms = now_ms + block.lasts_ms;
  return true;
}

ReserveAnswer MemoryCounters::take(const Reservation& request, StoreTime now) {
  const std::int64_t now_ms = now.us / 1000;
  ReserveAnswer answer;
  answer.time = now;
  if (now_ms >= request.window.end_ms) {
    answer.status = ReserveAnswer::Status::WindowOver;
    return answer;
  }
  if (request.window.start_ms > now_ms + request.ahead_ms) {
    answer.status = ReserveAnswer::Status::TooFarAhead;
    return answer;
  }
  const Hash hashed = hash(request.counter);
  CounterId id = find(hashed, request.counter);
  if (id.is_none()) id = add(hashed, request.counter, now_ms);
  if (id.is_none()) {
    answer.status = ReserveAnswer::Status::Refused;
    answer.error = "the memory store is full: there is no room for another counter";
    return answer;
  }

  if (request.bucket) {
    reserve_in_bucket(counters_[id], *request.bucket, request, answer);
  } else {
    reserve_in_window(counters_[id], request, answer);
  }
  return answer;
}

void MemoryCounters::reserve_in_window(Counter& counter, const Reservation& request,
                                       ReserveAnswer& answer) {
  if (counter.expire_at_ms < answer.time.us / 1000) counter.value = 0;
  Grant given = request.algorithm->grant(
      {counter.value, request.limit, request.lease, request.in_hand}, request.costs);
  counter.value += given.total;
  answer.granted = std::move(given.granted);
  answer.leased = given.leased;
  counter.expire_at_ms = std::max(counter.expire_at_ms, request.expire_at_ms);
  answer.counter = counter.value;
}

void MemoryCounters::reserve_in_bucket(Counter& counter, const BucketAsked& asked,
                                       const Reservation& request, ReserveAnswer& answer) {
  const std::int64_t now_ms = answer.time.us / 1000;
  const bool stored = counter.bucket != nullptr && counter.expire_at_ms >= now_ms;
  GrantOfBucket given =
      grant_from(stored ? std::optional(*counter.bucket) : std::nullopt, asked,
                 {request.lease, request.in_hand}, request.costs, answer.time, request.bookings);
  answer.granted = std::move(given.granted);
  answer.booked = std::move(given.booked);
  answer.bucket = given.bucket;
  answer.leased = given.leased;
  answer.ends_ms = given.ends_ms;
  if (!given.changed) return;
  const std::int64_t before_ms = stored ? counter.expire_at_ms : 0;
  counter.expire_at_ms =
      expires_at_ms(given.bucket, answer.time, std::max(before_ms, given.kept_until_ms));
  if (given.kept_until_ms > 0) answer.leased = std::min(given.came_back, kMaxPermits);
  counter.bucket = std::make_unique<Bucket>(std::move(given.bucket));
}

std::int64_t MemoryCounters::release(const Release& release, StoreTime now) {
  const std::int64_t now_ms = now.us / 1000;
  const Hash hashed = hash(release.counter);
  CounterId id = find(hashed, release.counter);
  if (release.permits < 0 && id.is_none()) id = add(hashed, release.counter, now_ms);
  if (id.is_none()) return 0;
  Counter& counter = counters_[id];
  if (release.bucket) {
    BucketAsked asked = *release.bucket;
    asked.back = release.permits;
    ReserveAnswer answer;
    answer.time = now;
    reserve_in_bucket(counter, asked, {}, answer);
    return release.permits;
  }
  const bool expired = counter.expire_at_ms < now_ms;
  if (release.permits >= 0) {
    if (expired || counter.value < release.permits || mark_of(id) != 0) return 0;
  } else if (release.expire_at_ms <= now_ms || counter.value > kMostCounted) {
    return 0;
  } else {
    if (expired) counter.value = 0;
    counter.expire_at_ms = std::max(counter.expire_at_ms, release.expire_at_ms);
  }
  counter.value -= release.permits;
  return release.permits;
}

ClearAnswer MemoryCounters::clear(const Clear& clear, StoreTime now) {
  const std::int64_t now_ms = now.us / 1000;
  ClearAnswer answer;
  answer.time = now;
  const CounterId id = find(hash(clear.counter), clear.counter);
  const bool there = !id.is_none() && counters_[id].expire_at_ms >= now_ms;
  if (clear.mark == 0) {
    answer.number = there ? mark_of(id) : 0;
  } else if (clear.bucket) {
    const ReserveAnswer given = reserve(reservation_of(clear), now);
    answer.number = given.leased;
    answer.bucket = given.bucket;
  } else if (now_ms >= clear.window.end_ms) {
    answer.status = ClearAnswer::Status::WindowOver;
  } else {
    if (!clear.block.empty()) blocked_until_ms({clear.block, 0}, now_ms);
    if (!there) {
      answer.status = ClearAnswer::Status::NotThere;
      return answer;
    }
    Counter& counter = counters_[id];
    answer.number = std::exchange(counter.value, 0);
    counter.expire_at_ms = std::max(counter.expire_at_ms, clear.expire_at_ms);
    marks_[id.value] = clear.mark;
  }
  return answer;
}

std::int64_t MemoryCounters::mark_of(CounterId id) const {
  const auto found = marks_.find(id.value);
  return found == marks_.end() ? 0 : found->second;
}

MemoryCounters::Hash MemoryCounters::hash(std::string_view name) const {
  const std::uint64_t hashed = sip_hash(seed_, name);
  return {static_cast<std::size_t>(hashed >> 32) % tables_.size(),
          static_cast<std::uint32_t>(hashed)};
}

CounterId MemoryCounters::find(const Hash& hash, std::string_view name) const {
  return tables_[hash.table].find(hash.within,
                                  [&](CounterId id) { return counters_[id].name == name; });
}

bool MemoryCounters::has_room(std::string_view name) const {
  return size_ < bounds_.counters && name_bytes_ + name.size() <= bounds_.name_bytes;
}

// None where there is no room.
CounterId MemoryCounters::add(const Hash& hash, const std::string& name, std::int64_t now_ms) {
  forget_expired(has_room(name) ? kLooks : kMostLooks, now_ms);
  if (!has_room(name)) return {};
  const CounterId id = counters_.take();
  Counter& counter = counters_[id];
  counter.name = name;
  counter.live = true;
  tables_[hash.table].insert(hash.within, id);
  ++size_;
  name_bytes_ += name.size();
  return id;
}

void MemoryCounters::forget_expired(std::size_t looks, std::int64_t now_ms) {
  for (looks = std::min<std::size_t>(looks, counters_.size()); looks > 0; --looks) {
    look_at_ = {look_at_.value + 1 < counters_.size() ? look_at_.value + 1 : 0};
    const Counter& counter = counters_[look_at_];
    if (!counter.live || counter.expire_at_ms >= now_ms) continue;
    const Hash hashed = hash(counter.name);
    tables_[hashed.table].erase(hashed.within, look_at_);
    --size_;
    name_bytes_ -= counter.name.size();
    marks_.erase(look_at_.value);
    counters_.give_back(look_at_);
  }
}

}  // namespace rategate
