// Counts replies of RESP2 as they come in, in pieces of any size, and how many of them allow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bench {

struct Counts {
  std::uint64_t replies = 0;
  std::uint64_t allowed = 0;
  std::uint64_t errors = 0;
};

// Which number in a reply says "allowed".
enum class Verdict { none, first_is_one, first_is_zero };

// Takes simple strings, errors, integers, and flat arrays of integers: all that is asked for here.
class ReplyCounter {
 public:
  explicit ReplyCounter(Verdict verdict) : verdict_(verdict) {}

  // Calls done(allowed) for each reply that ends in `bytes`.
  template <typename Done>
  void feed(std::string_view bytes, Counts& counts, Done done) {
    for (const char byte : bytes) {
      if (byte != '\n') {
        if (line_size_ == 0) {
          kind_ = byte;
          number_ = 0;
        } else if (byte >= '0' && byte <= '9') {
          number_ = number_ * 10 + (byte - '0');
        }
        ++line_size_;
        continue;
      }
      line_size_ = 0;
      if (kind_ == '*' && left_ == 0) {
        left_ = number_;
        first_ = true;
        continue;
      }
      if (kind_ == '-') ++counts.errors;
      if (first_) allows_ = verdict_ != Verdict::none && number_ == wanted() && kind_ == ':';
      first_ = false;
      if (left_ > 0 && --left_ > 0) continue;
      first_ = true;
      ++counts.replies;
      counts.allowed += allows_;
      done(allows_);
    }
  }

 private:
  [[nodiscard]] int wanted() const { return verdict_ == Verdict::first_is_one ? 1 : 0; }

  Verdict verdict_;
  char kind_ = 0;
  bool first_ = true;  // the next value is the first of its reply
  bool allows_ = false;
  std::int64_t number_ = 0;
  std::int64_t left_ = 0;  // values of an array that are still to come
  std::size_t line_size_ = 0;
};

}  // namespace bench
