// C11's axioms for relaxed, release and acquire, in the repaired form of Lahav, Vafeiadis, Kang,
// Hur and Dreyer, "Repairing Sequential Consistency in C/C++11" (PLDI 2017), without sequentially
// consistent operations, of which there are none here:
//
//   happens-before   hb = (program order + synchronizes-with)+, and no cycle in it
//   coherence        no hb with a chain of reads-from, modification order and reads-before against
//   it atomicity        nothing lies between an update and what it read, in modification order
//
// and weaker than that paper's in two ways, so that what passes here passes there: reads-from may
// run against program order (the paper forbids such cycles, C11 and processors do not), and a
// release sequence is continued by updates alone (C++20), not by the same thread's later stores.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/model/event.hpp"

namespace rategate::model {

// Events of all threads. The first `initial` of them are the locations' first values, in the order
// of locations, and before everything else. At most 64 events.
struct Candidate {
  struct Node {
    Event event;
    int thread = -1;  // -1: a first value
    int reads_from = -1;
  };
  std::vector<Node> nodes;  // each thread's one after the other, in program order
};

// In how many modification orders the candidate is consistent; 0: it cannot happen. Counts no
// further than the first where `count_all` is false.
uint64_t consistent_orders(const Candidate& candidate, bool count_all);

}  // namespace rategate::model
