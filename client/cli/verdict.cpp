#include "client/cli/verdict.hpp"

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "client/cli/reply_map.hpp"

namespace rategate::cli {
namespace {

std::vector<std::string> words_of(std::string_view verb, const Question& question) {
  std::vector<std::string> words{std::string(verb), question.limit};
  if (!question.key.empty()) words.push_back(question.key);
  words.insert(words.end(), {"COST", std::to_string(question.cost)});
  if (question.permits != 0) {
    words.insert(words.end(), {"LIMIT", std::to_string(question.permits), "PERIOD",
                               std::to_string(question.period_ms) + "ms"});
  }
  return words;
}

const rategate_reply& field(const rategate_reply& map, std::string_view name,
                            rategate_reply_type type) {
  const rategate_reply* value = find(map, name);
  if (value == nullptr || value->type != type) {
    throw Refused(-EPROTO, "CHECKX was answered with something else than a decision");
  }
  return *value;
}

std::int64_t number(const rategate_reply& map, std::string_view name) {
  return field(map, name, RATEGATE_REPLY_INTEGER).integer;
}

// What an older daemon does not tell is not so.
bool flag(const rategate_reply& map, std::string_view name) {
  return find(map, name) != nullptr && number(map, name) == 1;
}

std::string text(const rategate_reply& map, std::string_view name) {
  return text_of(field(map, name, RATEGATE_REPLY_STRING));
}

Verdict read_verdict(const rategate_reply& map) {
  Decision decision;
  decision.allowed = number(map, "allowed") == 1;
  decision.reason = static_cast<Reason>(number(map, "reason"));
  decision.limit = number(map, "limit");
  decision.remaining = number(map, "remaining");
  decision.retry_after = milliseconds(number(map, "retry_after_ms"));
  decision.reset_after = milliseconds(number(map, "reset_after_ms"));
  return {decision, Rule{text(map, "rule"), text(map, "algorithm"), number(map, "period_ms"),
                         number(map, "burst"), text(map, "source"), number(map, "receipt"),
                         flag(map, "near"), flag(map, "shadow")}};
}

bool is_unknown_command(const Refused& failure) {
  return failure.code().value() == EREMOTEIO &&
         std::string_view(failure.what()).starts_with("ERR unknown command");
}

}  // namespace

Limit resolve(const Client& client, const Question& question) {
  if (question.permits == 0) return client.limit(question.limit);
  return client.limit(question.limit, question.permits, milliseconds(question.period_ms));
}

Verdict ask_check(const Client& client, const Question& question) {
  const Limit limit = resolve(client, question);
  // A key that is too long is a mistake also where nobody can be asked, and the library says so.
  if (question.key.size() <= RATEGATE_MAX_KEY) {
    const std::vector<std::string> words = words_of("CHECKX", question);
    try {
      return read_verdict(*client.command({words.begin(), words.end()}));
    } catch (const Refused& failure) {
      if (!is_unknown_command(failure)) throw;  // else the daemon is an older one, and took nothing
    }
  }
  return {limit.check(question.key, question.cost), {}};
}

Verdict ask_peek(const Client& client, const Question& question) {
  return {resolve(client, question).peek(question.key, question.cost), {}};
}

Verdict ask_acquire(const Client& client, const Question& question,
                    std::optional<milliseconds> timeout) {
  return read_verdict(*resolve(client, question).acquirex(timeout, question.key, question.cost));
}

Reply ask_explain(const Client& client, const Question& question) {
  const Limit limit = resolve(client, question);
  // The library says what is wrong with it.
  if (question.key.size() > RATEGATE_MAX_KEY) limit.peek(question.key, question.cost);
  const std::vector<std::string> words = words_of("EXPLAIN", question);
  return client.command({words.begin(), words.end()});
}

Named ask_all(const Client& client, const std::vector<std::string>& members) {
  if (members.empty() || members.size() % 3 != 0) {
    throw std::invalid_argument("rategate: expected LIMIT KEY COST, for each limit all three");
  }
  std::vector<Limit> limits;
  for (std::size_t i = 0; i < members.size(); i += 3) limits.push_back(client.limit(members[i]));
  std::vector<Limit::Of> list;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const std::string& cost = members[3 * i + 2];
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(cost.data(), cost.data() + cost.size(), number);
    if (error != std::errc() || end != cost.data() + cost.size()) {
      throw std::invalid_argument("rategate: '" + cost + "' is no cost");
    }
    list.push_back(limits[i].of(members[3 * i + 1], number));
  }
  const CombinedDecision combined = check_all(list);
  return {members[3 * combined.named], combined.decision};
}

}  // namespace rategate::cli
