// Runs a thread of a litmus program and writes down its atomic operations instead of doing them.
//
// A read is given one of the values that anybody may ever write to that place. Which one is a
// choice, and a thread is run again and again until all of its choices were made: so a thread's
// runs cover whatever the others do, and the axioms then say which runs fit together.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "tests/model/event.hpp"

namespace rategate::model {

using Thread = std::function<Result()>;

class Recorder {
 public:
  // `weakening` may be null; else it must outlive the recorder.
  explicit Recorder(const Weakening* weakening) : weakening_(weakening) {}

  // All runs of a thread, with the values that are known so far.
  std::vector<Trace> runs(const Thread& thread);

  // Adds what the runs write to the values that reads may be given. Whether there was anything new.
  bool learn(const std::vector<Trace>& runs);

  // What each location holds at first.
  const std::vector<uint64_t>& initial() const { return initial_; }
  // Every order that was met, as the code has it.
  const std::set<Site>& sites() const { return sites_; }

  // What the operations of the code under test come to. `value` is what the memory really holds,
  // which nobody changes, and so the location's first value.
  uint64_t load(const void* at, uint64_t value, int order, const char* function);
  void store(const void* at, uint64_t value, uint64_t next, int order, const char* function);
  uint64_t exchange(const void* at, uint64_t value, uint64_t next, int order, const char* function);
  // The value that was there: it was swapped if that is `expected`.
  uint64_t swap(const void* at, uint64_t value, uint64_t expected, uint64_t next, int success,
                int failure, const char* function);
  void fence(int order, const char* function);

  // The one that is running a thread. Precondition: there is one.
  static Recorder& running();

 private:
  struct Choice {
    size_t taken = 0;
    size_t of = 0;
  };

  static Recorder*& current();
  int location(const void* at, uint64_t value);
  uint64_t choose(int location);
  int order_at(const char* function, const char* operation, int order);

  const Weakening* weakening_;
  std::map<const void*, int> locations_;
  std::vector<uint64_t> initial_;
  std::vector<std::vector<uint64_t>> values_;  // by location
  std::set<Site> sites_;
  std::vector<Choice> choices_;
  size_t next_choice_ = 0;
  std::vector<Event> events_;
};

}  // namespace rategate::model
