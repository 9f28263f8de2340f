// One schedule of the kind `unfair`: the turn of the daemon's loop, with connections of which some
// ask without end, some for what is dear, some now and then, and some come and go. What shares the
// time among them is the daemon's own Turn; each request only costs time here.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "daemon/core/turn.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/scenario.hpp"

namespace rategate::sim {

class Turns {
 public:
  explicit Turns(const Scenario& scenario);

  // What was not true of it, or "".
  std::string run();
  std::int64_t handled() const { return handled_; }

 private:
  struct Connection {
    Turn::Slice slice;
    bool endless = false;
    bool dear = false;   // its requests may cost as much as many
    bool waits = false;  // for an answer of the store, and then goes on in the same turn
    std::int64_t cost_us = 1;
    std::int64_t gap_us = 0;  // between two requests of one who asks now and then
    std::int64_t next_us = 0;
    std::deque<std::int64_t> arrived;  // since when each request waits
    std::int64_t handled = 0;
    bool has_more() const { return endless || !arrived.empty(); }
  };

  // Who waits to be accepted: since when, and behind how many.
  struct Knock {
    std::int64_t since_us = 0;
    std::int64_t ahead = 0;
  };

  Connection any_connection(bool endless);
  std::int64_t dearest_us() const;
  void arrive();
  void accept();
  void judge_wait(const Knock& knock);
  void turn();
  void serve(Connection& connection);
  void handle(Connection& connection);
  void judge_shares();
  void fail(const std::string& what);

  const Scenario& scenario_;
  Random random_;
  Turn turn_;
  std::vector<Connection> connections_;
  std::deque<Knock> knocking_;
  std::int64_t storm_gap_us_ = 0;  // between two who connect; 0: nobody does
  std::int64_t next_knock_us_ = 0;
  std::int64_t now_us_ = 0;
  std::int64_t turn_began_us_ = 0;
  std::int64_t longest_turn_us_ = 0;
  std::int64_t handled_ = 0;
  std::string failure_;
};

}  // namespace rategate::sim
