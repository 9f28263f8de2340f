// What goes back to the store: stock of long windows, and what was taken and not used.
#include <utility>

#include "daemon/core/lease.hpp"
#include "daemon/core/lease_keeper.hpp"

namespace rategate {
namespace {
// Releases that wait to be written; permits beyond them are stranded.
constexpr std::size_t kMostReleases = 4096;
}  // namespace

void LeaseKeeper::release_stock(Counter& counter, const Window& window) {
  const Limit& limit = *counter.use->limit;
  if (limit.period_ms <= kLongPeriodMs || !limit.algorithm->has_windows) return;
  const std::int64_t permits = counter.pool.take_stock(window);
  if (permits == 0) return;
  const std::string name = counter.use->names.of(counter.key.view(), window.start_ms);
  // Those of before it was cleared are not in the counter.
  const bool cleared = marks_.of(name) != 0;
  if (cleared || !push(counter, {name, permits})) books_.stranded(permits);
}

bool LeaseKeeper::give_back(Counter& counter, const Window& window, std::int64_t permits,
                            Mono now) {
  const std::string name = counter.use->names.of(counter.key.view(), window.start_ms);
  if (!push(counter, {name, permits})) return false;
  books_.settled(permits);
  PoolBook book = book_of(counter, window, now);
  counter.pool.uncharge(window, permits, book);
  return true;
}

bool LeaseKeeper::push(const Counter& counter, Release release) {
  Shard& shard = shard_of(counter);
  if (!shard.health.is_up() || shard.releases.size() >= kMostReleases) return false;
  shard.releases.push_back(std::move(release));
  return true;
}

bool LeaseKeeper::push_to_bucket(const Counter& counter, std::int64_t permits, std::int64_t of_ms,
                                 Mono now) {
  BucketAsked asked = decider_.asked_of_bucket(counter, now);
  asked.back_ms = of_ms;
  return push(counter, {counter.use->names.of(counter.key.view(), 0), permits, 0, asked});
}

std::optional<Release> LeaseKeeper::take_release(Shard& shard) {
  if (shard.releases.empty()) return std::nullopt;
  Release release = std::move(shard.releases.front());
  shard.releases.pop_front();
  if (release.permits > 0) books_.released(release.permits);
  return release;
}

void LeaseKeeper::strand_releases(Shard& shard) {
  for (const Release& release : shard.releases) {
    if (release.permits > 0) books_.stranded(release.permits);
  }
  shard.releases.clear();
}

}  // namespace rategate
