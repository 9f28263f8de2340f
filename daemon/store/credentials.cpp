#include "daemon/store/credentials.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "daemon/base/backoff.hpp"
#include "daemon/base/duration.hpp"

namespace rategate {
namespace {

constexpr std::string_view kExpiresIn = "expires-in ";
constexpr std::int64_t kMostSeconds = 315'360'000;
constexpr std::int64_t kSecondUs = 1'000'000;

// The part of a life after which the next password is fetched: the first, and how much later at
// most.
constexpr std::int64_t kEarliestPercent = 70;
constexpr std::int64_t kSpreadPercent = 10;

// The line that `text` begins with, which is taken off it.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

Result<Password> parse_password(std::string_view written) {
  const std::string_view password = take_line(written);
  if (password.empty()) return Error{"expected a password in its first line"};
  if (written.empty()) return Password{std::string(password), 0};
  const Error expected{"expected nothing but expires-in and seconds, from 1 to " +
                       std::to_string(kMostSeconds) + ", in a second line"};
  std::string_view life = take_line(written);
  if (!life.starts_with(kExpiresIn) || !written.empty()) return expected;
  const auto seconds = parse_whole(life.substr(kExpiresIn.size()), 1, kMostSeconds);
  if (!seconds) return expected;
  return Password{std::string(password), *seconds * kSecondUs};
}

Credentials::Credentials(const Options& options) : options_(options), random_(options.jitter_seed) {
  if (options_.fetched) next_ = Mono{INT64_MIN};
}

void Credentials::fetch_at(Mono when) {
  if (options_.fetched && !under_way_) next_ = std::min(next_, when);
}

void Credentials::fetching() {
  under_way_ = true;
  next_ = kNever;
}

bool Credentials::fetched(Password password, Mono now) {
  under_way_ = false;
  const bool another = password.text != password_;
  password_ = std::move(password.text);
  const std::int64_t life = password.life_us > 0 ? password.life_us : options_.life_us;
  ends_ = life > 0 ? after(now, life) : kNever;
  next_ = kNever;
  if (life > 0) {
    const std::int64_t part = life / 100;
    next_ = after(now, part * kEarliestPercent + part * kSpreadPercent / 1024 * random_.of_1024());
  }
  refused_ = refused_ && !another;
  if (refused_) next_ = back_off(now);
  return another || (life > 0 && !refused_);
}

void Credentials::not_fetched(Mono now) {
  under_way_ = false;
  next_ = back_off(now);
}

void Credentials::accepted() {
  refused_ = false;
  once_more_ = true;
  failures_ = 0;
}

void Credentials::refused(Mono now) {
  if (refused_) return;
  refused_ = true;
  if (!options_.fetched || under_way_) return;
  next_ = std::exchange(once_more_, false) ? now : back_off(now);
}

Mono Credentials::back_off(Mono now) {
  return after(now,
               backoff_us(options_.backoff_min_us, options_.backoff_max_us, failures_++, random_));
}

}  // namespace rategate
