// What this host gives out by itself while the store is away, of limits with on_store_down =
// "share": of each counter's window up to a part of the limit, or as much as flows into such a part
// of a bucket. Bounded; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "daemon/base/time.hpp"
#include "daemon/core/ask.hpp"
#include "daemon/limit/bucket.hpp"

namespace rategate {

class LocalShares {
 public:
  // Takes the cost out of the part, in permits, of that counter's window: all of it or nothing.
  // `counter`: its name in the store, which has the window in it. Where there are too many counters
  // nobody gets anything of a new one.
  bool take(const std::string& counter, const Window& window, std::int64_t part, std::int64_t cost);
  // The same out of a bucket of those numbers, which is empty when it is asked for first. `left`:
  // what is in it then. Who only looks makes no bucket.
  bool take_from_bucket(const std::string& counter, const BucketAsked& part, const Ask& ask,
                        StoreTime now, std::int64_t& left);
  // The store is asked again: the next time the buckets begin empty.
  void forget_buckets();
  // What is left of it.
  std::int64_t left(const std::string& counter, std::int64_t part) const;

 private:
  static constexpr std::size_t kMost = 65'536;

  struct Taken {
    std::int64_t end_ms = 0;
    std::int64_t permits = 0;
  };
  std::unordered_map<std::string, Taken> taken_;
  std::int64_t next_end_ms_ = INT64_MAX;  // before that no window of theirs is over
  std::unordered_map<std::string, Bucket> buckets_;
  std::int64_t next_full_us_ = INT64_MAX;  // before that none of those is full
};

}  // namespace rategate
