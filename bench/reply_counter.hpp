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

  // Calls done(allowed) for each reply that ends in `bytes`. Most of a reply is lines that say
  // nothing here, and those are only looked through for their ends: the counting must not be what
  // limits the rate.
  template <typename Done>
  void feed(std::string_view bytes, Counts& counts, Done done) {
    const char* at = bytes.data();
    const char* const end = at + bytes.size();
    while (at != end) {
      if (skip_ > 0) {
        while (at != end && skip_ > 0) skip_ -= *at++ == '\n';
        if (skip_ == 0) finish(counts, done);
        continue;
      }
      const char byte = *at++;
      if (byte != '\n') {
        if (line_size_++ == 0) {
          kind_ = byte;
          number_ = 0;
        } else if (byte >= '0' && byte <= '9') {
          number_ = number_ * 10 + (byte - '0');
        }
        continue;
      }
      line_size_ = 0;
      if (kind_ == '*' && rest_ == 0) {
        rest_ = number_;
        continue;
      }
      counts.errors += kind_ == '-';
      allows_ = verdict_ != Verdict::none && number_ == wanted() && kind_ == ':';
      skip_ = rest_ > 0 ? rest_ - 1 : 0;
      rest_ = 0;
      if (skip_ == 0) finish(counts, done);
    }
  }

 private:
  template <typename Done>
  void finish(Counts& counts, Done done) {
    ++counts.replies;
    counts.allowed += allows_;
    done(allows_);
  }

  [[nodiscard]] int wanted() const { return verdict_ == Verdict::first_is_one ? 1 : 0; }

  Verdict verdict_;
  char kind_ = 0;
  bool allows_ = false;
  std::int64_t number_ = 0;
  std::int64_t rest_ = 0;  // values of the array that has begun
  std::int64_t skip_ = 0;  // lines of it that say nothing
  std::size_t line_size_ = 0;
};

}  // namespace bench
