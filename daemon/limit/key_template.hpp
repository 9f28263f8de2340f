// How the counters of a limit are named in the store, as it is configured. Pure.
#pragma once

#include <string>
#include <string_view>

#include "daemon/base/result.hpp"

namespace rategate {

// Whether the byte stands for itself in a counter's name (RFC 3986, unreserved).
bool is_unreserved(char c);

// A counter's name with %n (limit name), %k (key), %p (period, canonical), %w (window's start in
// unix seconds, or in ms where the period is not whole seconds) and %% (a percent sign).
//
// No two (name, key) of one template get one counter: bytes of names and keys other than letters,
// digits, "_", "-", "." and "~" are written %XX, and between two placeholders stands at least one
// byte that no escaped text has (so no percent sign). A template that cannot promise that is
// refused.
class KeyTemplate {
 public:
  static Result<KeyTemplate> parse(std::string_view text);

  const std::string& text() const { return text_; }
  bool has_key() const { return has_key_; }
  bool has_window() const { return has_window_; }
  // Whether what stands between its first braces, by which a Redis Cluster chooses the slot, is the
  // same for all windows of a counter, and not empty whatever the key is.
  bool has_steady_tag() const;

 private:
  std::string text_;
  bool has_key_ = false;
  bool has_window_ = false;
};

}  // namespace rategate
