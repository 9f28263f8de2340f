// What one atomic operation or fence of a litmus program did, as the axioms see it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rategate::model {

enum class Kind { kRead, kWrite, kUpdate, kFence };

struct Event {
  Kind kind{};
  int order = __ATOMIC_RELAXED;  // one of the compiler's constants, never consume or seq_cst
  int location = -1;             // -1: a fence
  uint64_t read = 0;             // where it reads
  uint64_t written = 0;          // where it writes

  bool reads() const { return kind == Kind::kRead || kind == Kind::kUpdate; }
  bool writes() const { return kind == Kind::kWrite || kind == Kind::kUpdate; }
  bool acquires() const { return order == __ATOMIC_ACQUIRE || order == __ATOMIC_ACQ_REL; }
  bool releases() const { return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL; }
};

// What a thread concluded; what the numbers mean is the litmus program's own affair.
using Result = std::vector<int64_t>;

// One run of a thread: the values its reads were given are in the events.
struct Trace {
  std::vector<Event> events;  // in program order
  Result result;
};

// An order in the code under test: the function it stands in, and for what.
struct Site {
  std::string function;
  std::string operation;  // "load", "store", "exchange", "swap", "failed swap", "fence"
  int order = __ATOMIC_RELAXED;

  auto operator<=>(const Site&) const = default;
};

constexpr int kNoFence = -1;

struct Weakening {
  Site site;
  int order = __ATOMIC_RELAXED;  // instead of the site's; kNoFence: the fence is left out
};

}  // namespace rategate::model
