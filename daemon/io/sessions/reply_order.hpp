// The order of a connection's answers, which is that of its requests: a check that is parked keeps
// its place, and the answers to what came after it wait there for its own. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/core/waiters.hpp"

namespace rategate {

class ReplyOrder {
 public:
  // Whether the answer to the request at hand goes out at once: no check before it is parked.
  bool at_once() const { return empty(); }
  bool empty() const { return places_.size() == gone_; }
  // The place of the request at hand, to be named when its answer comes.
  std::uint32_t next_number() const {
    return first_number_ + static_cast<std::uint32_t>(places_.size() - gone_);
  }

  // The request at hand is a check that is parked, or has an answer that does not go out at once.
  void park(WaiterId waiter);
  void keep(std::string_view reply);
  // The answer of a parked check: goes to `out` with those that waited for it, or waits itself.
  void answered(std::uint32_t number, std::string_view reply, std::string& out);
  // Drops everything. `then` is called with each check that is parked.
  template <class Then>
  void drop(Then then) {
    for (const Place& place : places_) {
      if (!place.answered) then(place.waiter);
    }
    std::vector<Place>().swap(places_);
    gone_ = parked_ = bytes_ = 0;
  }

  // Where it is empty, and its memory is more than it may keep.
  void give_back(std::size_t keep) {
    if (empty() && memory() > keep) std::vector<Place>().swap(places_);
  }

  std::size_t parked() const { return parked_; }
  std::size_t memory() const { return places_.capacity() * sizeof(Place) + bytes_; }

 private:
  struct Place {
    WaiterId waiter;
    std::string reply;
    bool answered = false;
  };

  void advance(std::string& out);
  void forget_gone();

  std::vector<Place> places_;
  std::size_t gone_ = 0;  // the first ones, whose answers went out; the check of the next is parked
  std::uint32_t first_number_ = 0;
  std::size_t parked_ = 0;
  std::size_t bytes_ = 0;  // of replies
};

}  // namespace rategate
