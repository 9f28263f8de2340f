// A reply of the store, as much as is looked at here: a view, made anew wherever one is looked at,
// of a reply that the transport owns and that must outlive it. So what reads replies knows no
// library, and a reply to 64 reservations is not copied to be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rategate {

class ReplyView {
 public:
  enum class Kind : std::uint8_t { Other, Integer, Text, Error, Array };
  // Makes the view of the reply number `at` of an array.
  using Child = ReplyView (*)(const void* array, std::uint32_t at);

  static ReplyView other() { return ReplyView(Kind::Other, 0); }
  static ReplyView integer(std::int64_t value) {
    ReplyView view(Kind::Integer, 0);
    view.integer_ = value;
    return view;
  }
  static ReplyView text(std::string_view bytes) { return of_bytes(Kind::Text, bytes); }
  static ReplyView error(std::string_view bytes) { return of_bytes(Kind::Error, bytes); }
  static ReplyView array(const void* replies, std::size_t size, Child child) {
    ReplyView view(Kind::Array, size);
    view.data_ = replies;
    view.child_ = child;
    return view;
  }

  Kind kind() const { return kind_; }
  bool is_array_of(std::size_t size) const { return kind_ == Kind::Array && size_ == size; }
  // 0 of what is no integer.
  std::int64_t integer() const { return kind_ == Kind::Integer ? integer_ : 0; }
  // Of a text or an error; empty of anything else.
  std::string_view bytes() const {
    const bool has_bytes = kind_ == Kind::Text || kind_ == Kind::Error;
    return has_bytes ? std::string_view(static_cast<const char*>(data_), size_)
                     : std::string_view();
  }
  // Of an array, how many there are.
  std::size_t size() const { return kind_ == Kind::Array ? size_ : 0; }
  // Of an array, and below size().
  ReplyView operator[](std::size_t at) const {
    return child_(data_, static_cast<std::uint32_t>(at));
  }

 private:
  ReplyView(Kind kind, std::size_t size) : size_(static_cast<std::uint32_t>(size)), kind_(kind) {}
  static ReplyView of_bytes(Kind kind, std::string_view bytes) {
    ReplyView view(kind, bytes.size());
    view.data_ = bytes.data();
    return view;
  }

  union {
    std::int64_t integer_ = 0;
    const void* data_;  // the bytes, or what child_ is called with
  };
  Child child_ = nullptr;
  std::uint32_t size_;  // in bytes, or replies; the store sends 512 MiB at most
  Kind kind_;
};
static_assert(sizeof(ReplyView) == 24);

}  // namespace rategate
