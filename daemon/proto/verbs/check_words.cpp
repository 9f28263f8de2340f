#include "daemon/proto/verbs/check_words.hpp"

#include <optional>
#include <string_view>

#include "daemon/base/duration.hpp"
#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/verbs/reply_error.hpp"

namespace rategate {
namespace {

// The options as they were written.
struct Options {
  std::optional<std::string_view> cost;
  std::optional<std::string_view> limit;
  std::optional<std::string_view> period;
};

// Pairs of words from `at` on. False after it has appended what is wrong.
bool read_options(const Args& args, std::size_t at, Options& options, std::string& out) {
  for (; at + 1 < args.size(); at += 2) {
    std::optional<std::string_view>* option = nullptr;
    std::string_view name;
    if (is_word(args[at], "cost")) {
      option = &options.cost;
      name = "COST";
    } else if (is_word(args[at], "limit")) {
      option = &options.limit;
      name = "LIMIT";
    } else if (is_word(args[at], "period")) {
      option = &options.period;
      name = "PERIOD";
    } else {
      reply_error(out, ErrorId::CheckSyntax, {args[at]});
      return false;
    }
    if (option->has_value()) {
      reply_error(out, ErrorId::OptionTwice, {name});
      return false;
    }
    *option = args[at + 1];
  }
  return true;
}

// The options' values. False after it has appended what is wrong.
bool read_values(const Options& options, CheckRequest& request, std::string& out) {
  if (options.cost) {
    const auto cost = parse_whole(*options.cost, 1, kMaxPermits);
    if (!cost) {
      reply_error(out, ErrorId::InvalidCost, {*options.cost});
      return false;
    }
    request.cost = *cost;
  }
  if (options.limit.has_value() != options.period.has_value()) {
    reply_error(out, ErrorId::LimitWithoutPeriod);
    return false;
  }
  if (!options.limit) return true;
  const auto permits = parse_permits(*options.limit);
  if (!permits) {
    reply_error(out, ErrorId::InvalidPermits, {*options.limit});
    return false;
  }
  const auto period_ms = parse_period_ms(*options.period);
  if (!period_ms) {
    reply_error(out, ErrorId::InvalidPeriod, {*options.period});
    return false;
  }
  request.declared = Rate{*permits, *period_ms};
  return true;
}

}  // namespace

bool read_check(const Args& args, CheckRequest& request, std::string& out) {
  request.limit = args[1];
  if (!valid_name(request.limit)) {
    reply_error(out, ErrorId::InvalidLimitName, {args[1]});
    return false;
  }
  // Options come in pairs: an odd number of words behind the limit starts with the key.
  std::size_t at = 2;
  if ((args.size() - at) % 2 == 1) {
    request.key = args[at++];
    request.keyed = !request.key.empty();
    if (request.key.size() > kMaxKeyBytes) {
      reply_error(out, ErrorId::KeyTooLong, {request.key.size()});
      return false;
    }
  }
  if (at == args.size()) return true;
  Options options;
  return read_options(args, at, options, out) && read_values(options, request, out);
}

}  // namespace rategate
