// The requests of a load, written as RESP once and then only copied, and the order of their keys.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

class Requests {
 public:
  // `command`: words with a space between, %k for a key of ten bytes, one of `keys`.
  Requests(const std::string& command, int keys, bool each_in_turn) : in_turn_(each_in_turn) {
    for (int key = 0; key < keys; ++key) texts_.push_back(write(command, key));
    order_.resize(texts_.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::shuffle(order_.begin(), order_.end(), std::mt19937{1});
  }

  // Whether all requests are the same bytes.
  [[nodiscard]] bool uniform() const { return texts_.size() == 1; }

  std::string_view next() {
    if (uniform()) return texts_.front();
    if (in_turn_) {
      const std::string_view text = texts_[order_[at_]];
      at_ = at_ + 1 == order_.size() ? 0 : at_ + 1;
      return text;
    }
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return texts_[random_ % texts_.size()];
  }

 private:
  static std::string write(const std::string& command, int key) {
    char name[16];
    std::snprintf(name, sizeof name, "key:%06d", key);
    std::istringstream words(command);
    std::string text, word;
    int count = 0;
    while (words >> word) {
      if (const auto at = word.find("%k"); at != std::string::npos) word.replace(at, 2, name);
      text += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
      ++count;
    }
    return "*" + std::to_string(count) + "\r\n" + text;
  }

  bool in_turn_;
  std::vector<std::string> texts_;
  std::vector<std::uint32_t> order_;
  std::size_t at_ = 0;
  std::uint64_t random_ = 88172645463325252U;
};

}  // namespace bench
