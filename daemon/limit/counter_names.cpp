#include "daemon/limit/counter_names.hpp"

#include <algorithm>

#include "daemon/base/decimal.hpp"
#include "daemon/base/duration.hpp"
#include "daemon/base/hash_slot.hpp"
#include "daemon/limit/key_template.hpp"

namespace rategate {
namespace {

// To find one of at most sixteen parts of the slots: not finding it so often does not happen, and
// would be no more than a counter beside another one.
constexpr std::int64_t kMostTries = 1000;

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  while (!text.empty()) {
    const auto escaped = std::find_if_not(text.begin(), text.end(), is_unreserved);
    const auto size = static_cast<std::size_t>(escaped - text.begin());
    out.append(text, 0, size);
    text.remove_prefix(size);
    if (text.empty()) break;
    const auto byte = static_cast<unsigned char>(text.front());
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
    text.remove_prefix(1);
  }
}

// `write` is told of each placeholder by its letter.
template <class Write>
void expand(std::string_view text, std::string& out, const Write& write) {
  while (!text.empty()) {
    const std::size_t percent = std::min(text.find('%'), text.size());
    out.append(text, 0, percent);
    if (percent == text.size()) break;
    write(text[percent + 1]);
    text.remove_prefix(percent + 2);
  }
}

// Behind the tag of `out` so far. A few tries for each part there is, on average.
void append_sub(std::string& out, const SubCounter& sub) {
  char digits[kMostDecimal];
  const auto append = [&](char mark, std::int64_t number) {
    out += mark;
    out.append(digits, put_decimal(digits, number));
  };
  append(':', sub.number);
  const std::size_t size = out.size();
  const std::uint16_t crc = crc16(std::string_view(out).substr(out.find('{') + 1));
  for (std::int64_t number = 1; number <= kMostTries; ++number) {
    const std::uint16_t whole = crc16(std::string_view(out).substr(size), crc);
    if (whole % kHashSlots * static_cast<std::uint64_t>(sub.of) / kHashSlots ==
        static_cast<std::uint64_t>(sub.number)) {
      return;
    }
    out.resize(size);
    append('.', number);
  }
}

}  // namespace

CounterNames::CounterNames(const KeyTemplate& text, std::string_view limit, std::int64_t period_ms,
                           const SubCounter& sub, std::string_view period)
    : sub_(sub), unit_ms_(period_ms % 1000 == 0 ? 1000 : 1) {
  std::string whole = text.text();
  if (sub.of > 1) whole.insert(whole.find('}', whole.find('{')), "%s");
  expand(whole, pattern_, [&](char letter) {
    if (letter == 'n') {
      std::string name;
      append_escaped(name, limit);
      for (const char c : name) pattern_.append(c == '%' ? 2 : 1, c);
    } else if (letter == 'p') {
      pattern_ += period.empty() ? format_duration(period_ms) : std::string(period);
    } else {
      pattern_ += '%';
      pattern_ += letter;
    }
  });
}

std::string CounterNames::of(std::string_view key, std::int64_t window_start_ms) const {
  char digits[kMostDecimal];
  const auto size = put_decimal(digits, window_start_ms / unit_ms_) - digits;
  return expanded(key, {digits, static_cast<std::size_t>(size)});
}

std::string CounterNames::block_of(std::string_view key) const {
  static constexpr std::string_view kBlock = "block";
  std::string name = expanded(key, kBlock);
  if (name == of(key, 0)) name.append(":").append(kBlock);
  return name;
}

std::string CounterNames::expanded(std::string_view key, std::string_view window) const {
  std::string out;
  out.reserve(pattern_.size() + key.size() + kMostDecimal);
  expand(pattern_, out, [&](char letter) {
    if (letter == 'k') {
      append_escaped(out, key);
    } else if (letter == 'w') {
      out += window;
    } else if (letter == 's') {
      append_sub(out, sub_);
    } else {
      out += '%';
    }
  });
  return out;
}

}  // namespace rategate
