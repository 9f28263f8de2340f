// The names that a limit's counters have in the store: of each key and each window one. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rategate {

class KeyTemplate;

// One of the counters over which a limit is spread: `number` of `of`, from 0. Of a limit that is
// not spread it is the only one.
struct SubCounter {
  std::int64_t number = 0;
  std::int64_t of = 1;
};

// What is the same in all of them is written once, because there is a name in each reservation.
class CounterNames {
 public:
  // The name of a sub-counter has ":NUMBER" at the end of its tag, and behind it, where it needs
  // that, ".1", ".2" and so on, the first by which its slot is in that part of all slots: of four,
  // the second in the second quarter. So they are in different shards, where the slots are shared
  // out in order. `text` has to have a tag then. `period`: what %p stands for, of a calendar; of
  // others it is the duration.
  CounterNames(const KeyTemplate& text, std::string_view limit, std::int64_t period_ms,
               const SubCounter& sub = {}, std::string_view period = {});

  // `window_start_ms`: of the store's clock.
  std::string of(std::string_view key, std::int64_t window_start_ms) const;
  // What stands beside all counters of the key while it is blocked (docs/blocking.md): in place of
  // the window "block", or behind a name that has none ":block". No counter of the limit is called
  // that, and its tag is theirs.
  std::string block_of(std::string_view key) const;

 private:
  // `window`: what stands for %w.
  std::string expanded(std::string_view key, std::string_view window) const;

  std::string pattern_;  // with %k, %w and %% in it, and %s where the sub-counter stands
  SubCounter sub_;
  std::int64_t unit_ms_;
};

}  // namespace rategate
