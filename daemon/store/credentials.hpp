// Which password is the newest, and when the next one is to be fetched: from a file or a command
// that may tell another one each time.
//
// It is fetched
//   at first, and whenever somebody asks for it;
//   when between 70 and 80 % of its life are over: drawn anew each time, so that the hosts of a
//   fleet do not come as one;
//   once more at once after the store has refused it.
// Where that brings none that the store takes, and where fetching fails, it is after a back-off.
//
// Pure: whoever fetches says what came of it, time comes in. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/base/random.hpp"
#include "daemon/base/result.hpp"
#include "daemon/base/time.hpp"

namespace rategate {

struct Password {
  std::string text;
  std::int64_t life_us = 0;  // how long it is good from now on; 0: it does not say
};

// What a command wrote: a line with the password, and maybe one more, "expires-in N" with N in
// seconds from 1 to 315360000. Error: what was expected; nothing of what was written.
Result<Password> parse_password(std::string_view written);

class Credentials {
 public:
  struct Options {
    bool fetched = false;      // from somewhere; else it stays what it is said to be
    std::int64_t life_us = 0;  // of a password that does not say it; 0: until it is refused
    std::int64_t backoff_min_us = 50'000;
    std::int64_t backoff_max_us = 2'000'000;
    std::uint64_t jitter_seed = 1;
  };
  explicit Credentials(const Options& options);

  const std::string& password() const { return password_; }  // the newest; empty: none yet
  // There is one, and its life is not over.
  bool is_good(Mono now) const { return !password_.empty() && now < ends_; }

  // When to fetch the next one; kNever while that is under way, or nothing asks for it.
  Mono next_fetch() const { return next_; }
  void fetch_at(Mono when);
  // It is being fetched; one of the next two says what came of it.
  void fetching();
  // True: the store is to be told of it, since it is another one or lives longer.
  bool fetched(Password password, Mono now);
  void not_fetched(Mono now);

  // What the store said to the newest one.
  void accepted();
  void refused(Mono now);

 private:
  Mono back_off(Mono now);

  Options options_;
  std::string password_;
  Mono ends_ = kNever;  // of its life
  Mono next_ = kNever;
  bool under_way_ = false;
  bool refused_ = false;        // the newest one, and not accepted since
  bool once_more_ = true;       // may it be fetched at once, should it be refused
  std::uint64_t failures_ = 0;  // since one was accepted
  Random random_;
};

}  // namespace rategate
