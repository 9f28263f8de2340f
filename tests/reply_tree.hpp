// A reply of the store as a test makes it: by its parts, or from RESP.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/store/redis/reply_view.hpp"

namespace rategate {

struct ReplyTree {
  ReplyView::Kind kind = ReplyView::Kind::Other;
  std::int64_t number = 0;
  std::string bytes;
  std::vector<ReplyTree> replies;

  static ReplyTree of(std::int64_t number) { return {ReplyView::Kind::Integer, number, {}, {}}; }
  static ReplyTree of(std::string_view text) {
    return {ReplyView::Kind::Text, 0, std::string(text), {}};
  }
  static ReplyTree of(std::vector<ReplyTree> replies) {
    return {ReplyView::Kind::Array, 0, {}, std::move(replies)};
  }
  static ReplyTree of_numbers(const std::vector<std::int64_t>& numbers) {
    std::vector<ReplyTree> replies;
    for (const std::int64_t number : numbers) replies.push_back(of(number));
    return of(std::move(replies));
  }

  ReplyView view() const {
    switch (kind) {
      case ReplyView::Kind::Other:
        return ReplyView::other();
      case ReplyView::Kind::Integer:
        return ReplyView::integer(number);
      case ReplyView::Kind::Text:
        return ReplyView::text(bytes);
      case ReplyView::Kind::Error:
        return ReplyView::error(bytes);
      case ReplyView::Kind::Array:
        break;
    }
    return ReplyView::array(replies.data(), replies.size(),
                            [](const void* array, std::uint32_t at) {
                              return static_cast<const ReplyTree*>(array)[at].view();
                            });
  }

  // From the first bytes of `rest`, which are taken off; what ends too early ends there. Nothing
  // where RESP does not begin like that.
  static std::optional<ReplyTree> read(std::string_view& rest, int depth = 8) {
    const std::size_t end = rest.find("\r\n");
    if (end == std::string_view::npos || end == 0 || depth == 0) return std::nullopt;
    const char type = rest[0];
    const std::string_view line = rest.substr(1, end - 1);
    rest.remove_prefix(end + 2);
    std::int64_t number = 0;
    std::from_chars(line.data(), line.data() + line.size(), number);
    switch (type) {
      case ':':
        return of(number);
      case '+':
        return of(line);
      case '-':
        return ReplyTree{ReplyView::Kind::Error, 0, std::string(line), {}};
      case '$': {
        if (number < 0) return ReplyTree{};
        const ReplyTree text = of(rest.substr(0, static_cast<std::size_t>(number)));
        rest.remove_prefix(std::min(rest.size(), text.bytes.size() + 2));
        return text;
      }
      case '*': {
        ReplyTree array = of(std::vector<ReplyTree>());
        for (; number > 0; --number) {
          auto reply = read(rest, depth - 1);
          if (!reply) break;
          array.replies.push_back(std::move(*reply));
        }
        return array;
      }
      default:
        return std::nullopt;
    }
  }
};

}  // namespace rategate
