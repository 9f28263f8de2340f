// Reads replies as strictly as they can be read: the tests' own idea of RESP, which shares no code
// with the program.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rategate::test {

struct Reply {
  char type = 0;     // as on the wire
  std::string text;  // of + - $ =, for = without "txt:"
  std::int64_t number = 0;
  bool null = false;
  std::vector<Reply> items;  // of * ~ %; of a map, fields and values in turn

  // The value of a field, of a map or of a flat array of fields and values.
  const Reply& at(std::string_view field) const {
    static const Reply none{};
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      if (items[i].text == field) return items[i + 1];
    }
    return none;
  }
};

class ReplyReader {
 public:
  ReplyReader(std::string_view bytes, int resp) : bytes_(bytes), resp3_(resp == 3) {}

  // Moves past one reply. False where the bytes are not exactly one that this version of the
  // protocol has. `reply` may be null.
  bool read(Reply* reply, int depth = 0) {
    if (at_ >= bytes_.size() || depth > 8) return false;
    const char type = bytes_[at_++];
    if (reply != nullptr) reply->type = type;
    if (type == '+' || type == '-') return read_line(reply);
    if (type == '_') {
      if (reply != nullptr) reply->null = true;
      return resp3_ && take("\r\n");
    }
    const auto number = read_number();
    if (!number) return false;
    if (reply != nullptr) reply->number = *number;
    switch (type) {
      case ':':
        return true;
      case '$':
        if (*number == -1 && !resp3_) {
          if (reply != nullptr) reply->null = true;
          return true;
        }
        return read_bulk(*number, reply);
      case '=':
        if (!resp3_ || *number < 4 || !take("txt:")) return false;
        return read_bulk(*number - 4, reply);
      case '%':
        return resp3_ && *number >= 0 && read_items(*number * 2, reply, depth);
      case '~':
        return resp3_ && *number >= 0 && read_items(*number, reply, depth);
      case '*':
        return *number >= 0 && read_items(*number, reply, depth);
      default:
        return false;
    }
  }

  bool at_end() const { return at_ == bytes_.size(); }

 private:
  bool take(std::string_view text) {
    if (bytes_.substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }

  bool read_line(Reply* reply) {
    const std::size_t start = at_;
    while (at_ < bytes_.size() && static_cast<unsigned char>(bytes_[at_]) >= 0x20 &&
           static_cast<unsigned char>(bytes_[at_]) < 0x7f) {
      ++at_;
    }
    if (reply != nullptr) reply->text = bytes_.substr(start, at_ - start);
    return take("\r\n");
  }

  std::optional<std::int64_t> read_number() {
    std::int64_t number = 0;
    const char* const start = bytes_.data() + at_;
    const auto [stop, fault] = std::from_chars(start, bytes_.data() + bytes_.size(), number);
    if (fault != std::errc()) return std::nullopt;
    at_ += static_cast<std::size_t>(stop - start);
    if (!take("\r\n")) return std::nullopt;
    return number;
  }

  bool read_bulk(std::int64_t size, Reply* reply) {
    if (size < 0 || static_cast<std::size_t>(size) > bytes_.size() - at_) return false;
    const auto length = static_cast<std::size_t>(size);
    if (reply != nullptr) reply->text = bytes_.substr(at_, length);
    at_ += length;
    return take("\r\n");
  }

  bool read_items(std::int64_t count, Reply* reply, int depth) {
    for (std::int64_t i = 0; i < count; ++i) {
      Reply* item = nullptr;
      if (reply != nullptr) item = &reply->items.emplace_back();
      if (!read(item, depth + 1)) return false;
    }
    return true;
  }

  std::string_view bytes_;
  bool resp3_;
  std::size_t at_ = 0;
};

// Whether the bytes are one reply and nothing else.
inline bool is_one_reply(std::string_view bytes, int resp) {
  ReplyReader reader(bytes, resp);
  return reader.read(nullptr) && reader.at_end();
}

}  // namespace rategate::test
