// Rules of a limit for some of its keys: numbers of their own, or none. A limit may have thousands
// of them. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rategate {

enum class KeyRuleKind : std::uint8_t {
  Limited,    // counted, by the rule's numbers
  Blocked,    // denied, and not counted
  Unlimited,  // allowed, and not counted
};

struct KeyRule {
  // A key, or a pattern: one with a "*" in it, each of which stands for any bytes, and for none.
  std::string pattern;
  KeyRuleKind kind = KeyRuleKind::Limited;
  std::int64_t permits = 0;           // of Limited: per period of the limit
  std::optional<std::int64_t> burst;  // likewise; nothing: what the limit says
  bool operator==(const KeyRule&) const = default;
};

inline bool is_pattern(std::string_view text) { return text.find('*') != std::string_view::npos; }
// Whether the key is one of those that the pattern stands for. Takes time of the product of their
// lengths at the worst, and of the key's length where there is one "*".
bool matches(std::string_view pattern, std::string_view key);

class KeyRules {
 public:
  // In the order of the file; no pattern twice.
  explicit KeyRules(std::vector<KeyRule> rules);
  KeyRules(const KeyRules&) = delete;  // its index looks into its rules
  KeyRules& operator=(const KeyRules&) = delete;

  // The number of the key's rule: that which names it, or else the first pattern that matches.
  // Nothing: the key is the limit's own. One pass over the patterns.
  std::optional<std::size_t> find(std::string_view key) const;

  const std::vector<KeyRule>& all() const { return rules_; }

 private:
  std::vector<KeyRule> rules_;
  std::unordered_map<std::string_view, std::size_t> exact_;
  std::vector<std::size_t> patterns_;
};

}  // namespace rategate
