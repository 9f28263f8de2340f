#include "tests/model/axioms.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace rategate::model {
namespace {

constexpr size_t kMaxEvents = 64;
// before[i]: the set of events that happen before event i, as bits.
using Before = std::array<uint64_t, kMaxEvents>;

uint64_t bit(size_t i) { return uint64_t{1} << i; }

// Edges from whatever releases for the write at the head of a release sequence to whatever acquires
// for the read at its end.
void synchronize(const Candidate& all, size_t head, size_t read, Before& before) {
  const auto& nodes = all.nodes;
  uint64_t releasers = 0;
  if (nodes[head].event.releases()) releasers |= bit(head);
  for (size_t i = head;
       nodes[head].thread >= 0 && i-- > 0 && nodes[i].thread == nodes[head].thread;) {
    if (nodes[i].event.kind == Kind::kFence && nodes[i].event.releases()) releasers |= bit(i);
  }
  if (releasers == 0) return;
  if (nodes[read].event.acquires()) before[read] |= releasers;
  for (size_t i = read + 1; i < nodes.size() && nodes[i].thread == nodes[read].thread; ++i) {
    if (nodes[i].event.kind == Kind::kFence && nodes[i].event.acquires()) before[i] |= releasers;
  }
}

// False where something would happen before itself.
bool happens_before(const Candidate& all, Before& before) {
  const auto& nodes = all.nodes;
  uint64_t first_values = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    before[i] = 0;
    if (nodes[i].thread < 0) {
      first_values |= bit(i);
      continue;
    }
    before[i] = first_values;
    if (nodes[i - 1].thread == nodes[i].thread) before[i] |= bit(i - 1);
  }
  for (size_t read = 0; read < nodes.size(); ++read) {
    if (!nodes[read].event.reads()) continue;
    auto head = static_cast<size_t>(nodes[read].reads_from);
    // At most so many steps: a ring of updates that read from each other fails atomicity later.
    for (size_t steps = 0; steps < nodes.size(); ++steps) {
      synchronize(all, head, read, before);
      if (nodes[head].event.kind != Kind::kUpdate) break;
      head = static_cast<size_t>(nodes[head].reads_from);
    }
  }
  for (size_t via = 0; via < nodes.size(); ++via) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      if ((before[i] & bit(via)) != 0) before[i] |= before[via];
    }
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    if ((before[i] & bit(i)) != 0) return false;
  }
  return true;
}

// One location: modification orders are tried one by one. With a place for each write, and for each
// read the one right behind the write that it reads, "reads-from, modification order and
// reads-before" all lead to higher places, so coherence is: hb never leads to a lower place.
class Location {
 public:
  Location(const Candidate& all, const Before& before, int location)
      : all_(all), before_(before), location_(location) {
    for (size_t i = 0; i < all.nodes.size(); ++i) {
      const Event& event = all.nodes[i].event;
      if (event.location != location) continue;
      events_.push_back(i);
      // The first value stays where it is: at the beginning.
      if (event.writes() && all.nodes[i].thread >= 0) writes_.push_back(i);
    }
  }

  uint64_t count_orders(bool count_all) {
    uint64_t count = 0;
    std::sort(writes_.begin(), writes_.end());
    do {
      if (!atomic() || !coherent()) continue;
      ++count;
      if (!count_all) break;
    } while (std::next_permutation(writes_.begin(), writes_.end()));
    return count;
  }

 private:
  bool atomic() {
    auto previous = static_cast<size_t>(location_);  // first values stand in the locations' order
    for (const size_t write : writes_) {
      const auto& node = all_.nodes[write];
      if (node.event.kind == Kind::kUpdate && static_cast<size_t>(node.reads_from) != previous) {
        return false;
      }
      previous = write;
    }
    return true;
  }

  bool coherent() {
    place_[static_cast<size_t>(location_)] = 0;
    size_t place = 0;
    for (const size_t write : writes_) place_[write] = place += 2;
    for (const size_t event : events_) {
      const auto& node = all_.nodes[event];
      if (!node.event.writes()) place_[event] = place_[static_cast<size_t>(node.reads_from)] + 1;
    }
    for (const size_t later : events_) {
      for (const size_t earlier : events_) {
        if ((before_[later] & bit(earlier)) != 0 && place_[earlier] > place_[later]) return false;
      }
    }
    return true;
  }

  const Candidate& all_;
  const Before& before_;
  int location_;
  std::vector<size_t> events_;
  std::vector<size_t> writes_;
  std::array<size_t, kMaxEvents> place_{};
};

}  // namespace

uint64_t consistent_orders(const Candidate& candidate, bool count_all) {
  if (candidate.nodes.size() > kMaxEvents) throw std::logic_error("a litmus of too many events");
  Before before{};
  if (!happens_before(candidate, before)) return 0;
  uint64_t count = 1;
  // Given hb, each location's order can be chosen for itself.
  for (size_t i = 0; i < candidate.nodes.size() && candidate.nodes[i].thread < 0 && count > 0;
       ++i) {
    count *= Location(candidate, before, static_cast<int>(i)).count_orders(count_all);
  }
  return count;
}

}  // namespace rategate::model
