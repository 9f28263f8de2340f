#include "daemon/config/key_rules.hpp"

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/duration.hpp"
#include "daemon/config/settings/settings.hpp"

namespace rategate {
namespace {

constexpr std::string_view kBlocked = "blocked";
constexpr std::string_view kUnlimited = "unlimited";
constexpr const char* kExpectedRule =
    "expected a rate in quotes, such as \"1000/s\", \"blocked\", \"unlimited\", or a table with "
    "limit and burst";

class KeyRulesReader {
 public:
  KeyRulesReader(const Limit& limit, const TellFault& tell) : limit_(limit), tell_(tell) {}

  std::vector<KeyRule> read(const Table& table) {
    std::vector<KeyRule> rules;
    for (const Entry& entry : table) {
      wrong_ = false;
      KeyRule rule;
      rule.pattern = read_key(entry);
      read_value(entry, rule);
      if (wrong_) continue;
      const auto [first, is_new] = seen_.emplace(rule.pattern, entry.place);
      if (is_new) {
        rules.push_back(std::move(rule));
      } else {
        fault(entry, entry.place,
              "there is one for it already, at line " + std::to_string(first->second.line));
      }
    }
    return rules;
  }

 private:
  void fault(const Entry& entry, Place place, const std::string& text) {
    wrong_ = true;
    tell_(place, "rule for the key '" + entry.key + "' of limit '" + limit_.name + "': " + text);
  }
  void fault(const Entry& entry, const std::string& text) { fault(entry, entry.value.place, text); }

  // The key as it is counted, or the pattern of such keys.
  std::string read_key(const Entry& entry) {
    const std::string& text = entry.key;
    if (text.empty() || text.size() > kMaxKeyBytes) {
      fault(entry, entry.place,
            "expected a key or a pattern of 1 to " + std::to_string(kMaxKeyBytes) + " bytes");
    } else if (text.find("**") != std::string::npos) {
      fault(entry, entry.place, "expected no two * side by side, as one stands for any bytes");
    } else if (limit_.key == KeyKind::Ip) {
      return read_address(entry);
    }
    return text;
  }

  std::string read_address(const Entry& entry) {
    const std::string& text = entry.key;
    if (is_pattern(text)) {
      if (text.find_first_not_of("0123456789abcdef.:/*") != std::string::npos) {
        fault(entry, entry.place,
              "expected a pattern of addresses as they are counted, such as 10.* or 2001:db8:*");
      }
      return text;
    }
    IpText room;
    const std::size_t slash = text.find('/');
    const auto network = ip_key(text.substr(0, slash), limit_.prefixes, room);
    const bool right = network && (slash == std::string::npos || *network == text);
    if (right) return std::string(*network);
    fault(entry, entry.place,
          network ? "expected the network as it is counted, " + std::string(*network)
                  : std::string("expected an IP address, or a pattern of such"));
    return text;
  }

  void read_value(const Entry& entry, KeyRule& rule) {
    if (const auto* text = std::get_if<std::string>(&entry.value.data)) {
      if (*text == kBlocked) {
        rule.kind = KeyRuleKind::Blocked;
      } else if (*text == kUnlimited) {
        rule.kind = KeyRuleKind::Unlimited;
      } else {
        read_rate(entry, entry.value.place, *text, rule);
      }
    } else if (const auto* table = std::get_if<Table>(&entry.value.data)) {
      read_table(entry, *table, rule);
    } else {
      fault(entry, kExpectedRule);
    }
    if (!wrong_) check_numbers(entry, rule);
  }

  void read_rate(const Entry& entry, Place place, std::string_view text, KeyRule& rule) {
    const auto rate = parse_rate(text);
    if (!rate) {
      const bool no_rate = text.find('/') == std::string_view::npos;
      fault(entry, place, no_rate ? std::string(kExpectedRule) : rate.error());
    } else if (!has_period_of(limit_, *rate)) {
      fault(entry, place,
            "expected the limit's own period, as in \"" + rate_text(limit_, rate->permits) +
                "\": a rule changes the number of permits alone");
    } else {
      rule.permits = rate->permits;
    }
  }

  void read_table(const Entry& entry, const Table& table, KeyRule& rule) {
    const Entry* rate = nullptr;
    for (const Entry& setting : table) {
      if (setting.key == "limit") {
        rate = &setting;
      } else if (setting.key == "burst") {
        read_burst(entry, setting, rule);
      } else {
        fault(entry, setting.place,
              "unknown setting '" + setting.key + "'; expected limit and burst");
      }
    }
    const auto* text = rate == nullptr ? nullptr : std::get_if<std::string>(&rate->value.data);
    if (text == nullptr) {
      fault(entry, "expected a limit in it, a rate in quotes such as \"1000/s\"");
    } else {
      read_rate(entry, rate->value.place, *text, rule);
    }
  }

  void read_burst(const Entry& entry, const Entry& setting, KeyRule& rule) {
    const auto* permits = std::get_if<std::int64_t>(&setting.value.data);
    if (limit_.algorithm != &kTokenBucket) {
      fault(entry, setting.place, "burst: expected it only with algorithm = \"gcra\"");
    } else if (permits == nullptr || *permits < 1 || *permits > kMaxPermits) {
      fault(entry, setting.value.place,
            "burst: expected a whole number from 1 to " + std::to_string(kMaxPermits));
    } else {
      rule.burst = *permits;
    }
  }

  void check_numbers(const Entry& entry, KeyRule& rule) {
    if (rule.kind != KeyRuleKind::Limited) return;
    if (limit_.algorithm == &kTokenBucket && !rule.burst) {
      rule.burst = limit_.burst.value_or(rule.permits);
    }
    if (rule.permits < limit_.spread) {
      fault(entry, "expected a permit at least for each of the " + std::to_string(limit_.spread) +
                       " counters over which the limit is spread");
    }
    if (const auto wrong = bucket_fault(limit_for_keys(limit_, rule))) fault(entry, wrong->text);
  }

  const Limit& limit_;
  const TellFault& tell_;
  bool wrong_ = false;  // with the rule that is read now
  std::map<std::string, Place, std::less<>> seen_;
};

std::string rule_text(const Limit& limit, const KeyRule& rule) {
  if (rule.kind == KeyRuleKind::Blocked) return quoted(kBlocked);
  if (rule.kind == KeyRuleKind::Unlimited) return quoted(kUnlimited);
  std::string rate = quoted(rate_text(limit, rule.permits));
  if (!rule.burst) return rate;
  return "{ limit = " + rate + ", burst = " + std::to_string(*rule.burst) + " }";
}

}  // namespace

std::shared_ptr<const KeyRules> read_key_rules(const Entry& keys, const Limit& limit,
                                               const TellFault& tell) {
  const auto* table = std::get_if<Table>(&keys.value.data);
  if (table == nullptr) {
    tell(keys.value.place, "keys of limit '" + limit.name + "': expected a table, [limits." +
                               key_text(limit.name) + ".keys]");
    return nullptr;
  }
  if (!limit.redis_key.has_key()) {
    tell(keys.place, "keys of limit '" + limit.name +
                         "': expected %k in its redis_key, as all keys are one counter without it");
    return nullptr;
  }
  auto rules = KeyRulesReader(limit, tell).read(*table);
  return rules.empty() ? nullptr : std::make_shared<const KeyRules>(std::move(rules));
}

std::string key_rules_text(const Limit& limit) {
  std::string out;
  if (limit.key_rules == nullptr) return out;
  for (const KeyRule& rule : limit.key_rules->all()) {
    out += quoted(rule.pattern) + " = " + rule_text(limit, rule) + "\n";
  }
  return out;
}

}  // namespace rategate
