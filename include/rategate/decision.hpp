// What rategate.hpp answers and throws: decisions, denials, and that there is no decision. Included
// by rategate.hpp.
#ifndef RATEGATE_DECISION_HPP
#define RATEGATE_DECISION_HPP

#include <rategate/rategate.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace rategate {
inline namespace v0 {

using std::chrono::milliseconds;

enum class Reason : int {
  Counted = RATEGATE_COUNTED,
  OverLimit = RATEGATE_OVER_LIMIT,
  StoreAway = RATEGATE_STORE_AWAY,
  NeverFits = RATEGATE_NEVER_FITS,
  ClockNotTrusted = RATEGATE_CLOCK_NOT_TRUSTED,
  Blocked = RATEGATE_BLOCKED,
  Unlimited = RATEGATE_UNLIMITED,
};

// "over the limit" and the like.
inline std::string_view to_text(Reason reason) noexcept {
  switch (reason) {
    case Reason::Counted:
      return "counted";
    case Reason::OverLimit:
      return "over the limit";
    case Reason::StoreAway:
      return "the store is away";
    case Reason::NeverFits:
      return "the cost never fits";
    case Reason::ClockNotTrusted:
      return "the clock is not trusted";
    case Reason::Blocked:
      return "the key is blocked";
    case Reason::Unlimited:
      return "the key is unlimited";
  }
  return "a reason that is not known here";
}

struct Decision {
  bool allowed = false;
  Reason reason = Reason::OverLimit;
  std::int64_t limit = 0;  // permits per period
  std::int64_t remaining =
      0;  // in this window, or bucket: an estimate, not a promise; -1: not known
  milliseconds retry_after{};  // 0 when allowed, -1 when the cost can never fit
  milliseconds reset_after{};  // until the window is over, or the bucket full
  // Where it was decided in shared memory: the end of the window, or slice, that was decided in, ms
  // of the store's clock. Else 0, but with Options::receipts what receipt() gives.
  std::int64_t window_end_ms = 0;
  // The reading of CLOCK_MONOTONIC by which it was decided in shared memory, else 0.
  std::int64_t decided_ns = 0;

  // By which Limit::settle gives back; 0: nothing was taken, or the client asks for no receipts.
  std::int64_t receipt() const noexcept { return allowed ? window_end_ms : 0; }
};

// A call was denied.
class RateLimitExceeded : public std::runtime_error {
 public:
  RateLimitExceeded(std::string limit, const Decision& denial)
      : std::runtime_error("rate limit '" + limit + "': " + std::string(to_text(denial.reason))),
        limit_(std::make_shared<const std::string>(std::move(limit))),
        reason_(denial.reason),
        retry_after_(denial.retry_after) {}

  const std::string& limit() const noexcept { return *limit_; }  // its name
  Reason reason() const noexcept { return reason_; }
  milliseconds retry_after() const noexcept { return retry_after_; }  // -1: never

 private:
  std::shared_ptr<const std::string> limit_;  // copying an exception must not throw
  Reason reason_;
  milliseconds retry_after_;
};

// There is no decision, for one of the two reasons below. code() has the errno value that
// rategate.h lists, what() the words.
class NoDecision : public std::runtime_error {
 public:
  const std::error_code& code() const noexcept { return code_; }

 protected:
  NoDecision(int code, const std::string& text)
      : std::runtime_error(text), code_(-code, std::generic_category()) {}

 private:
  std::error_code code_;
};

// The daemon cannot be asked now, or its store is away: an outage. Who wants to let calls pass then
// catches this one, and no more than this.
class Unavailable : public NoDecision {
 public:
  Unavailable(int code, const std::string& text) : NoDecision(code, text) {}
};

// It was asked, and the question was wrong: no such limit, a key that is too long; or as many wait
// as may. Whoever lets such a call pass has no limit, because it is the caller who chooses the key,
// and how often to ask.
class Refused : public NoDecision {
 public:
  Refused(int code, const std::string& text) : NoDecision(code, text) {}
};

namespace detail {

inline Decision to_decision(const rategate_decision& from) noexcept {
  Decision to;
  to.allowed = from.allowed != 0;
  to.reason = static_cast<Reason>(from.reason);
  to.limit = from.limit;
  to.remaining = from.remaining;
  to.retry_after = milliseconds(from.retry_after_ms);
  to.reset_after = milliseconds(from.reset_after_ms);
  to.window_end_ms = from.window_end_ms;
  to.decided_ns = from.decided_ns;
  return to;
}

// What a call of the C library that failed with `code` throws.
[[noreturn]] inline void fail(int code, const std::string& text) {
  switch (-code) {
    case EBUSY:
    case EINVAL:
    case EPROTO:
    case ENOENT:
    case EPERM:
    case EREMOTEIO:
    case EMSGSIZE:
    case ERANGE:
      throw Refused(code, text);
    default:
      throw Unavailable(code, text);
  }
}

}  // namespace detail

}  // namespace v0
}  // namespace rategate

#endif
