// Random numbers of a schedule: the same seed gives the same schedule on every machine. SplitMix64
// (Steele, Lea and Flood 2014), and whole numbers only.
#pragma once

#include <cstdint>

namespace rategate::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  // 0 to n - 1; n is 1 and more.
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(n));
  }
  // Both ends included.
  std::int64_t between(std::int64_t a, std::int64_t b) { return a + below(b - a + 1); }
  bool one_in(std::int64_t n) { return below(n) == 0; }
  bool percent(std::int64_t p) { return below(100) < p; }
  // Each power of two between the ends about as likely as another; a is 1 and more.
  std::int64_t any_size(std::int64_t a, std::int64_t b) {
    int powers = 0;
    while ((a << powers) < b) ++powers;
    const std::int64_t top = a << below(powers + 1);
    const std::int64_t bottom = top / 2 < a ? a : top / 2;
    return between(bottom, top > b ? b : top);
  }

 private:
  std::uint64_t state_;
};

}  // namespace rategate::sim
