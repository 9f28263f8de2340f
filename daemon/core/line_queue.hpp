// Which line is asked of the store next: round robin over the clients that wait, and of one
// client's lines the one that came first. So whoever asks for ten thousand keys waits for them by
// itself, and who asks for one is served in the next call.
//
// A turn is one line where the way to the store is slow. Where it is not, a turn is some more:
// checks that a client has sent together are answered together, and its answers need fewer writes.
//
// Clients are told apart by their flow. A line is in the queue once. All operations take constant
// time. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "daemon/base/slab.hpp"
#include "daemon/core/line.hpp"

namespace rategate {

class LineQueue {
 public:
  using Lines = Slab<Line>;

  LineQueue() = default;
  LineQueue(LineQueue&&) = default;  // clients stay where they are

  // The line is not queued.
  void push(Lines& lines, LineId line, std::uint32_t flow);
  // The line is queued.
  void remove(Lines& lines, LineId line);

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // So many lines may be taken until each client has had its turn again; a turn is one line at
  // least.
  void set_round(std::size_t lines) { round_ = lines; }
  // The line whose turn it is. Not when empty.
  LineId front() const { return first_->first; }
  // It is taken out, and where that ends the client's turn, the next one has it.
  LineId pop(Lines& lines);

 private:
  static constexpr std::size_t kLongestTurn = 16;
  // One that has lines, the order of those, and its neighbours in the round.
  struct Client {
    LineId first, last;
    Client* before = nullptr;
    Client* behind = nullptr;
  };

  void enlist(Client& client);
  void delist(const Client& client);
  std::size_t turn() const;

  std::unordered_map<std::uint32_t, Client> clients_;  // that have lines, by flow
  Client* first_ = nullptr;
  Client* last_ = nullptr;
  std::size_t size_ = 0;
  std::size_t round_ = 0;  // lines in all turns of a round
  std::size_t taken_ = 0;  // lines of the turn that is under way
};

}  // namespace rategate
