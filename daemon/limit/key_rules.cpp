#include "daemon/limit/key_rules.hpp"

#include <utility>

namespace rategate {

// What stands before the first "*" begins the key, what stands behind the last one ends it, and
// what stands between them is taken where it is found first: later would leave less for the rest.
bool matches(std::string_view pattern, std::string_view key) {
  const std::size_t first = pattern.find('*');
  if (first == std::string_view::npos) return pattern == key;
  const std::size_t last = pattern.rfind('*');
  const std::string_view head = pattern.substr(0, first);
  const std::string_view tail = pattern.substr(last + 1);
  if (key.size() < head.size() + tail.size()) return false;
  if (!key.starts_with(head) || !key.ends_with(tail)) return false;
  key = key.substr(head.size(), key.size() - head.size() - tail.size());
  for (std::size_t at = first; at < last;) {
    const std::size_t next = pattern.find('*', at + 1);
    const std::string_view piece = pattern.substr(at + 1, next - at - 1);
    const std::size_t found = key.find(piece);
    if (found == std::string_view::npos) return false;
    key.remove_prefix(found + piece.size());
    at = next;
  }
  return true;
}

KeyRules::KeyRules(std::vector<KeyRule> rules) : rules_(std::move(rules)) {
  for (std::size_t at = 0; at < rules_.size(); ++at) {
    const std::string& pattern = rules_[at].pattern;
    if (is_pattern(pattern)) {
      patterns_.push_back(at);
    } else {
      exact_.emplace(pattern, at);
    }
  }
}

std::optional<std::size_t> KeyRules::find(std::string_view key) const {
  if (const auto exact = exact_.find(key); exact != exact_.end()) return exact->second;
  for (const std::size_t at : patterns_) {
    if (matches(rules_[at].pattern, key)) return at;
  }
  return std::nullopt;
}

}  // namespace rategate
