// CL.THROTTLE: token buckets for clients of redis-cell, whose words, answers and errors these are.
// docs/protocol.md says what is not the same.
#include <charconv>

#include "daemon/proto/verbs/check_reply.hpp"
#include "daemon/proto/verbs/reply_error.hpp"
#include "daemon/proto/verbs/rows.hpp"

namespace rategate {
namespace {

constexpr std::int64_t kMsOfSecond = 1000;

// A number of the call, within its range.
struct Number {
  std::string_view name;
  std::int64_t least;
  std::int64_t most;
};
constexpr Number kMaxBurst{"max_burst", 0, kMaxPermits - 1};
constexpr Number kCount{"count", 0, kMaxPermits};
constexpr Number kPeriod{"period", 0, kMaxPeriodMs / kMsOfSecond};
constexpr Number kQuantity{"quantity", 0, kMaxPermits};

// False after it has appended what is wrong.
bool read(std::string_view word, const Number& number, std::int64_t& value, std::string& out) {
  const char* const end = word.data() + word.size();
  const auto [behind, failure] = std::from_chars(word.data(), end, value);
  if (behind != end || (failure != std::errc() && failure != std::errc::result_out_of_range)) {
    reply_error(out, ErrorId::CellNotInteger, {word});
    return false;
  }
  if (failure == std::errc() && value >= number.least && value <= number.most) return true;
  reply_error(out, ErrorId::CellOutOfRange, {number.name, word, number.least, number.most});
  return false;
}

bool read_throttle(const Args& args, ThrottleRequest& request, std::string& out) {
  request.key = args[1];
  if (request.key.size() > kMaxKeyBytes) {
    reply_error(out, ErrorId::KeyTooLong, {request.key.size()});
    return false;
  }
  std::int64_t max_burst = 0;
  std::int64_t period_s = 0;
  if (!read(args[2], kMaxBurst, max_burst, out) ||
      !read(args[3], kCount, request.rate.permits, out) || !read(args[4], kPeriod, period_s, out) ||
      (args.size() == 6 && !read(args[5], kQuantity, request.quantity, out))) {
    return false;
  }
  request.burst = max_burst + 1;
  request.rate.period_ms = period_s * kMsOfSecond;
  if (request.rate.permits == 0 || period_s == 0) {
    reply_error(out, ErrorId::CellZeroRate);
    return false;
  }
  if (const auto wrong = bucket_fault(cell_limit(request.rate, request.burst))) {
    reply_error(out, ErrorId::CellTooSlow, {wrong->text});
    return false;
  }
  return true;
}

Handled handle_throttle(Caller& caller, const Services& services, const Args& args,
                        std::string& out) {
  ThrottleRequest request;
  if (!read_throttle(args, request, out)) return Handled::Replied;
  return reply_to_check(caller, services.checks.throttle(caller, request), Telling::Cell, out);
}

}  // namespace

constinit const Verb kClThrottleVerb = {
    .name = "cl.throttle",
    .min_words = 5,
    .max_words = 6,
    .wrong_arity = ErrorId::CellUsage,
    .keyed = true,
    .handler = handle_throttle,
    .group = "rategate",
    .arguments = "<key> <max_burst> <count> <period> [<quantity>]",
    .summary = "Takes permits of a token bucket, as redis-cell does",
};

}  // namespace rategate
