// Who is served when, in the one thread that serves all connections: what keeps a client that asks
// without end from taking the loop away from the others.
//
// A turn is one round of the loop. In each of them a connection has one slice of time: 100 µs, or
// its part of the 500 µs of a turn where more connections are ready, and never less than 20 µs. Who
// is not done when its slice ends goes to the end of a queue, and has its next slice in the next
// turn: round robin. A request is never interrupted, so a slice is exceeded by what is between two
// looks at the clock, which is read after 16 requests, and after one that may have been dear by
// itself. New connections are clients as well: four are accepted in a turn, whatever they come
// through.
//
// Slices are time and not a number of requests, because some requests cost a thousand times as much
// as others. So a turn's work is at most 500 µs and 20 µs for each connection that is ready, and
// that is also the longest that a connection waits for its slice.
//
//   turn.begin();                                      each time the loop comes round
//   while (auto id = turn.next()) serve(*id);          those that were not done
//   if (!turn.may_accept()) ...                        the next turn accepts it
//
//   serve, and when bytes come:
//     if (turn.start(slice, now)) {
//       do {
//         handle a request; turn.handled(dear);
//         if (turn.look_due()) turn.look(now);
//       } while (there is more && !turn.over());
//       turn.stop(slice, now);
//     }
//     if (there is more) turn.put_off(slice);
//
// Time is an argument. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "daemon/base/time.hpp"

namespace rategate {

class Turn {
 public:
  struct Policy {
    std::int64_t all_us = 500;   // what all slices of a turn share
    std::int64_t most_us = 100;  // of one slice
    std::int64_t least_us = 20;  // of one slice, however many there are
    int requests = 16;           // between two looks at the clock
    int accepts = 4;             // in a turn
  };

  // What a connection has of the turn it was last served in. It keeps this; the turn changes it.
  struct Slice {
    std::uint32_t id = 0;  // the connection's own number: next() names it
    bool ready = false;    // it stands in the queue
    std::int64_t left_us = 0;
    std::uint64_t turn = 0;
  };

  Turn() : Turn(Policy{}) {}
  explicit Turn(const Policy& policy) : policy_(policy), slice_us_(policy.most_us) {}

  void begin();

  // The next of those that were ready when the turn began, and nothing once each has been named.
  // Who has closed meanwhile is named as well.
  std::optional<std::uint32_t> next();
  // To be called for each that next() has named and that is still there, before start().
  void resume(Slice& slice);
  // Not done: ready for the next turn, after those that are ready already.
  void put_off(Slice& slice);
  bool anybody_ready() const { return !queue_.empty(); }

  // Begins a visit to a connection, or goes on with its slice of this turn. False where that is
  // used up, and where the connection stands in the queue, which it must not pass. One visit at a
  // time.
  bool start(Slice& slice, Mono now);
  // A request was handled. `dear`: it may have cost as much as many.
  void handled(bool dear) { unlooked_ += dear ? policy_.requests : 1; }
  bool look_due() const { return unlooked_ >= policy_.requests; }
  void look(Mono now);
  // The slice has ended, as of the last look.
  bool over() const { return over_; }
  // When the clock was last looked at: the moment of the request at hand.
  Mono moment() const { return moment_; }
  void stop(Slice& slice, Mono now);

  // Whether one more connection may be accepted in this turn. Counts it.
  bool may_accept();

 private:
  void give(Slice& slice, std::int64_t us);

  Policy policy_;
  std::uint64_t number_ = 1;
  std::int64_t slice_us_;     // of one connection in this turn
  std::int64_t used_us_ = 0;  // by all
  std::size_t served_ = 0;    // connections
  int accepted_ = 0;
  std::deque<std::uint32_t> queue_;
  std::size_t to_name_ = 0;  // at the front of the queue: those of this turn

  // The visit at hand.
  Mono began_;
  Mono until_;
  Mono moment_;
  int unlooked_ = 0;
  bool over_ = true;
};

}  // namespace rategate
