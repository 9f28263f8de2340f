// Which line is asked of the store next: round robin over the clients that wait, and of one
// client's lines the one that came first. So whoever asks for ten thousand keys waits for them by
// itself, and who asks for one is served in the next call.
//
// A turn is one line where the way to the store is slow. Where it is not, a turn is some more:
// checks that a client has sent together are answered together, and its answers need fewer writes.
//
// Clients are told apart by their flow. There is another order, by how much each wants, for those
// to whom the turn comes too late: see front_of_few(). A line is in the queue once. All operations
// take constant time. Not thread-safe.
#pragma once

#include <algorithm>
#include <array>
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
  LineId front() const { return turns_.first->first; }
  // It is taken out, and where that ends the client's turn, the next one has it.
  LineId pop(Lines& lines);

  // Of the client that has the fewest lines here and asked for together, that many at most, and
  // kMostFew, the first line; none where there is no such client with lines here.
  static constexpr std::size_t kMostFew = 16;
  LineId front_of_few(std::size_t most) const;
  // Clients that have lines, or of which some are asked for.
  std::size_t clients() const { return clients_.size(); }
  // A line of the client, which is in no queue, is asked for; and is not any more.
  void asked(std::uint32_t flow);
  void answered(std::uint32_t flow);

 private:
  static constexpr std::size_t kLongestTurn = 16;
  // One that has lines, in their order, or of which some are asked for.
  struct Client {
    struct Place {
      Client* before = nullptr;
      Client* behind = nullptr;
    };
    LineId first, last;
    std::size_t waiting = 0;  // lines
    std::size_t asked = 0;    // lines
    Place in_round, in_row;

    bool has_lines() const { return !first.is_none(); }
  };
  struct Row {
    explicit Row(Client::Place Client::* place = &Client::in_row) : of(place) {}
    void put_last(Client& client);
    void take_out(const Client& client);

    Client::Place Client::* of;
    Client* first = nullptr;
    Client* last = nullptr;
  };

  std::size_t turn() const;
  Row& row_of(const Client& client) {
    return rows_[std::min(client.waiting + client.asked, kMostFew + 1)];
  }
  template <class Change>
  void change(Client& client, const Change& change);

  std::unordered_map<std::uint32_t, Client> clients_;  // by flow
  Row turns_{&Client::in_round};                       // those that have lines
  std::array<Row, kMostFew + 2> rows_;                 // the same, by how much they want
  std::size_t waiting_ = 0;                            // clients that have lines
  std::size_t size_ = 0;
  std::size_t round_ = 0;  // lines in all turns of a round
  std::size_t taken_ = 0;  // lines of the turn that is under way
};

}  // namespace rategate
