#include "daemon/proto/verbs/check_words.hpp"

#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "daemon/base/duration.hpp"
#include "daemon/proto/resp/ascii.hpp"
#include "daemon/proto/verbs/reply_error.hpp"

namespace rategate {
namespace {

enum class Option : std::uint8_t { Cost, Took, Used, At, Limit, Period, Timeout, For };
constexpr std::array<std::string_view, 8> kNames{"COST",  "TOOK",   "USED",    "AT",
                                                 "LIMIT", "PERIOD", "TIMEOUT", "FOR"};

constexpr std::string_view name_of(Option option) {
  return kNames[static_cast<std::size_t>(option)];
}

// The words of a verb behind limit and key.
class Options {
 public:
  Options(const Verb& verb, std::string& out) : verb_(verb), out_(out) {}

  // Pairs of words from `at` on, of these options. False after it has appended what is wrong.
  bool read(const Args& args, std::size_t at, std::initializer_list<Option> known) {
    for (; at + 1 < args.size(); at += 2) {
      const auto option = find(args[at], known);
      if (!option) {
        reply_error(out_, ErrorId::CheckSyntax,
                    {args[at], upper_case(verb_.name), verb_.arguments});
        return false;
      }
      auto& word = words_[static_cast<std::size_t>(*option)];
      if (word.has_value()) {
        reply_error(out_, ErrorId::OptionTwice, {name_of(*option)});
        return false;
      }
      word = args[at + 1];
    }
    return true;
  }

  const std::optional<std::string_view>& operator[](Option option) const {
    return words_[static_cast<std::size_t>(option)];
  }

  // A whole number that has to be there. False after it has appended what is wrong.
  bool number(Option option, std::int64_t least, std::int64_t most, ErrorId wrong,
              std::int64_t& into) {
    const auto& word = (*this)[option];
    if (!word) {
      reply_error(out_, ErrorId::OptionMissing,
                  {name_of(option), upper_case(verb_.name), verb_.arguments});
      return false;
    }
    const auto value = parse_whole(*word, least, most);
    if (!value) {
      reply_error(out_, wrong, {*word});
      return false;
    }
    into = *value;
    return true;
  }

  // What COST says, if it is there. False after it has appended what is wrong.
  bool cost(std::int64_t& into) {
    return !(*this)[Option::Cost] ||
           number(Option::Cost, 1, kMaxPermits, ErrorId::InvalidCost, into);
  }

  // What LIMIT and PERIOD declare, if they do. False after it has appended what is wrong.
  bool declared(std::optional<Rate>& into) {
    const auto& limit = (*this)[Option::Limit];
    const auto& period = (*this)[Option::Period];
    if (limit.has_value() != period.has_value()) {
      reply_error(out_, ErrorId::LimitWithoutPeriod);
      return false;
    }
    if (!limit) return true;
    const auto permits = parse_permits(*limit);
    if (!permits) {
      reply_error(out_, ErrorId::InvalidPermits, {*limit});
      return false;
    }
    const auto period_ms = parse_period_ms(*period);
    if (!period_ms) {
      reply_error(out_, ErrorId::InvalidPeriod, {*period});
      return false;
    }
    into = Rate{*permits, *period_ms};
    return true;
  }

 private:
  static std::optional<Option> find(std::string_view word, std::initializer_list<Option> known) {
    for (const Option option : known) {
      if (is_word(word, kLower[static_cast<std::size_t>(option)])) return option;
    }
    return std::nullopt;
  }

  static constexpr std::array<std::string_view, 8> kLower{"cost",  "took",   "used",    "at",
                                                          "limit", "period", "timeout", "for"};
  const Verb& verb_;
  std::string& out_;
  std::array<std::optional<std::string_view>, kNames.size()> words_;
};

// False after it has appended what is wrong, as the next one.
bool read_limit(std::string_view word, CheckRequest& request, std::string& out) {
  request.limit = word;
  if (valid_name(word)) return true;
  reply_error(out, ErrorId::InvalidLimitName, {word});
  return false;
}

bool read_key(std::string_view word, CheckRequest& request, std::string& out) {
  request.key = word;
  request.keyed = !word.empty();
  if (word.size() <= kMaxKeyBytes) return true;
  reply_error(out, ErrorId::KeyTooLong, {word.size()});
  return false;
}

// Limit and key; `at` is where the options begin. False after it has appended what is wrong.
bool read_subject(const Args& args, CheckRequest& request, std::size_t& at, std::string& out) {
  if (!read_limit(args[1], request, out)) return false;
  // Options come in pairs: an odd number of words behind the limit starts with the key.
  at = 2;
  if ((args.size() - at) % 2 == 0) return true;
  return read_key(args[at++], request, out);
}

constexpr std::int64_t kMostReceipt = (std::int64_t{1} << 53) - 1;

}  // namespace

bool read_check(const Verb& verb, const Args& args, CheckRequest& request, std::string& out) {
  std::size_t at = 0;
  if (!read_subject(args, request, at, out)) return false;
  if (at == args.size()) return true;
  Options options(verb, out);
  return options.read(args, at, {Option::Cost, Option::Limit, Option::Period}) &&
         options.cost(request.cost) && options.declared(request.declared);
}

bool read_checkall(const Verb& verb, const Args& args, std::vector<CheckRequest>& requests,
                   std::string& out) {
  if ((args.size() - 1) % 3 != 0) {
    reply_error(out, ErrorId::NoTriples, {args.size() - 1, verb.arguments});
    return false;
  }
  if (args.size() > 1 + 3 * kMostMembers) {
    reply_error(out, ErrorId::TooManyMembers, {(args.size() - 1) / 3});
    return false;
  }
  for (std::size_t at = 1; at < args.size(); at += 3) {
    CheckRequest& request = requests.emplace_back();
    request.telling = Telling::All;
    if (!read_limit(args[at], request, out) || !read_key(args[at + 1], request, out)) return false;
    const auto cost = parse_whole(args[at + 2], 1, kMaxPermits);
    if (!cost) {
      reply_error(out, ErrorId::InvalidCost, {args[at + 2]});
      return false;
    }
    request.cost = *cost;
  }
  return true;
}

bool read_acquire(const Verb& verb, const Args& args, CheckRequest& request, std::string& out) {
  std::size_t at = 0;
  if (!read_subject(args, request, at, out)) return false;
  Options options(verb, out);
  return options.read(args, at, {Option::Cost, Option::Timeout, Option::Limit, Option::Period}) &&
         options.number(Option::Timeout, 0, kMostTimeoutMs, ErrorId::InvalidTimeout,
                        request.timeout_ms) &&
         options.cost(request.cost) && options.declared(request.declared);
}

bool read_enter(const Verb& verb, const Args& args, EnterRequest& request, std::string& out) {
  std::size_t at = 0;
  if (!read_subject(args, request.check, at, out)) return false;
  Options options(verb, out);
  return options.read(args, at, {Option::Cost, Option::Timeout, Option::For}) &&
         options.cost(request.check.cost) &&
         (!options[Option::Timeout] ||
          options.number(Option::Timeout, 0, kMostTimeoutMs, ErrorId::InvalidTimeout,
                         request.check.timeout_ms)) &&
         (!options[Option::For] ||
          options.number(Option::For, kMinForMs, kMostForMs, ErrorId::InvalidFor, request.for_ms));
}

bool read_clear(const Verb& verb, const Args& args, CheckRequest& request, std::string& out) {
  std::size_t at = 0;
  if (!read_subject(args, request, at, out)) return false;
  Options options(verb, out);
  return options.read(args, at, {Option::Limit, Option::Period}) &&
         options.declared(request.declared);
}

bool read_settle(const Verb& verb, const Args& args, SettleRequest& request, std::string& out) {
  std::size_t at = 0;
  if (!read_subject(args, request.check, at, out)) return false;
  Options options(verb, out);
  return options.read(args, at,
                      {Option::Took, Option::Used, Option::At, Option::Limit, Option::Period}) &&
         options.number(Option::Took, 0, kMaxPermits, ErrorId::InvalidAmount, request.took) &&
         options.number(Option::Used, 0, kMaxPermits, ErrorId::InvalidAmount, request.used) &&
         options.number(Option::At, 0, kMostReceipt, ErrorId::InvalidReceipt, request.receipt) &&
         options.declared(request.check.declared);
}

bool read_refund(const Verb& verb, const Args& args, SettleRequest& request, std::string& out) {
  std::size_t at = 0;
  if (!read_subject(args, request.check, at, out)) return false;
  Options options(verb, out);
  return options.read(args, at, {Option::Cost, Option::At, Option::Limit, Option::Period}) &&
         options.number(Option::Cost, 1, kMaxPermits, ErrorId::InvalidCost, request.took) &&
         options.number(Option::At, 0, kMostReceipt, ErrorId::InvalidReceipt, request.receipt) &&
         options.declared(request.check.declared);
}

}  // namespace rategate
