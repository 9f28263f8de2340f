// The checks that wait: for the store, for a window to open, for the clock to be measured. Each
// stands in one list (of its counter's line) and, while the store is to answer it, in the order of
// deadlines; all have the same time-out, so that order is the order of arrival. Places are used
// again; nothing is allocated per check once the slab has grown.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/core/ask.hpp"
#include "daemon/core/ids.hpp"

namespace rategate {

// Names a waiting check, and no other one after it is gone.
struct WaiterId {
  WaiterPlace place;
  std::uint32_t generation = 0;
  std::uint64_t combined = 0;  // the number of a combined check, or of one in ACQUIRE; 0: none
};

// Where one in ACQUIRE stands: docs/waiting.md.
enum class Stands : std::uint8_t {
  Nowhere,  // it is a CHECK, or is on its way to another line
  Asking,   // among those that the store is asked for
  Parked,   // until they are asked for again
  Booked,   // permits are booked for the line
};

struct Waiter {
  std::uint64_t ticket = 0;  // the asker's own number
  Ask ask{};
  Mono deadline;
  CounterId counter;  // whose line it stands in
  // Of a limit that is spread: the start of the window that the first of its counters was in when
  // this check began to go through them; and which of them it was before since, by their places.
  std::int64_t round_ms = 0;
  std::uint32_t tried = 0;
  bool passed_unknown = false;  // one of those could not say what it has
  std::uint32_t flow = 0;       // the client that asks, among which the store is shared evenly
  Telling telling = Telling::Integers;
  bool is_member = false;  // of a combined check: the ticket says which one
  // Not 0: of a combined check of that number, which is to be asked for together with its others.
  std::uint64_t group = 0;
  Stands stands = Stands::Nowhere;
  Mono patience;              // in ACQUIRE: it waits until then for permits; else 0
  StoreTime came;             // by then, if permits are booked for it
  std::uint64_t arrival = 0;  // of those in ACQUIRE, the how manieth it is
  Mono gives_up;       // then it is answered: a little later, where permits are booked for it
  bool asked = false;  // it is part of a reservation that is under way
  bool ever_asked = false;
  bool asked_again = false;  // with what the pool holds, as the counter alone had too little
  bool gone = false;         // nobody wants its answer any more
  // A member of a combined check that is over, to which the store may still grant something: that
  // goes back, so that the combined check is told.
  bool unwanted = false;
  bool live = false;
  bool timed = false;  // it stands among the deadlines
  std::uint32_t generation = 0;
  WaiterPlace next, prev;     // in the list
  WaiterPlace later, sooner;  // by deadline
};

class Waiters {
 public:
  // First come first.
  struct List {
    WaiterPlace first;
    WaiterPlace last;
    bool empty() const { return first.is_none(); }
    bool has_one() const { return !empty() && first == last; }
  };

  // Takes a place, last by deadline and last in the list. The waiter's links are made here.
  WaiterId add(List& list, const Waiter& waiter);
  // Out of the list and of the deadlines; the place is free.
  void remove(List& list, WaiterPlace place);
  // Out of the deadlines alone: it keeps its place in the list, which an answer counts off.
  void stop_timing(WaiterPlace place);
  // Among them again, as the last one.
  void start_timing(WaiterPlace place, Mono deadline);
  // To the back of another list.
  void move(List& from, WaiterPlace place, List& to) { move_run(from, {place, place}, to); }
  // The same for all from the run's first to its last, which stand in `from` in that order.
  void move_run(List& from, const List& run, List& to);
  // All of `front` before all of `list`; `front` is empty after.
  void put_before(List& front, List& list);
  // All of `some` among those of `list`, in the order of their arrival, as both are; `some` is
  // empty after. Costs nothing where all of them came before.
  void merge(List& some, List& list);

  Waiter& operator[](WaiterPlace place) { return slab_[place.value]; }
  const Waiter& operator[](WaiterPlace place) const { return slab_[place.value]; }
  Waiter* find(WaiterId id);
  WaiterPlace soonest() const { return deadlines_.first; }
  std::size_t count() const { return count_; }

 private:
  void link(List& list, WaiterPlace place);
  void unlink(List& list, WaiterPlace place);

  std::vector<Waiter> slab_;
  std::vector<WaiterPlace> free_;
  List deadlines_;
  std::size_t count_ = 0;
};

}  // namespace rategate
