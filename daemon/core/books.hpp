// The books of this host's permits. What a reservation brought in goes out again in exactly one
// way:
//
//   reserved + settled + put back = spent + spent by clients + released + stranded + held
//
// Whoever moves permits says so here at that moment, so that nobody has to settle anything later;
// what is held is what is left over, and check_books() of the gate holds it against the pools.
// Permits are counted, not calls. Not thread-safe.
#pragma once

#include <cassert>
#include <cstdint>

namespace rategate {

class Books {
 public:
  struct Totals {
    std::int64_t reserved = 0;
    std::int64_t settled = 0;  // had been spent, and were not used: see Settler
    std::int64_t spent = 0;    // by checks that came to the daemon
    std::int64_t spent_by_clients = 0;
    std::int64_t put_back = 0;  // of those
    std::int64_t released = 0;
    std::int64_t stranded = 0;
    std::int64_t held = 0;
  };
  const Totals& totals() const { return totals_; }

  // An answer of the store brought them in.
  void reserved(std::int64_t permits) { move(permits, totals_.reserved, 1); }
  // Their takers gave them back.
  void settled(std::int64_t permits) { move(permits, totals_.settled, 1); }
  // By checks that came to the daemon.
  void spent(std::int64_t permits) { move(permits, totals_.spent, -1); }
  // By clients, out of words in shared memory.
  void spent_by_clients(std::int64_t permits) { move(permits, totals_.spent_by_clients, -1); }
  // Clients put back into a word what they had taken of it.
  void put_back(std::int64_t permits) { move(permits, totals_.put_back, 1); }
  // Given back to the store.
  void released(std::int64_t permits) { move(permits, totals_.released, -1); }
  // Reserved, and spent by nobody: their window or slice ended, or who asked had gone.
  void stranded(std::int64_t permits) { move(permits, totals_.stranded, -1); }

 private:
  void move(std::int64_t permits, std::int64_t& account, int sign) {
    assert(permits >= 0);
    account += permits;
    totals_.held += sign * permits;
    assert(totals_.held >= 0);
  }

  Totals totals_;
};

}  // namespace rategate
