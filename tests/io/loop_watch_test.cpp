#include "daemon/io/loop/loop_watch.hpp"

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
constexpr Mono at_s(std::int64_t s, std::int64_t us = 0) { return Mono{s * 1'000'000 + us}; }
}  // namespace

TEST_CASE("a turn is from the first thing that is handled to the wait") {
  LoopWatch watch;
  CHECK(watch.longest_us(at_s(1)) == 0);
  watch.waits(at_s(1));  // nothing was handled
  watch.works(at_s(2));
  watch.works(at_s(2, 300));
  CHECK(watch.longest_us(at_s(2, 300)) == 0);
  watch.waits(at_s(2, 500));
  CHECK(watch.longest_us(at_s(2, 500)) == 500);
  watch.waits(at_s(3));
  watch.works(at_s(4));
  watch.waits(at_s(4, 200));
  CHECK(watch.longest_us(at_s(5)) == 500);
}

TEST_CASE("the longest turn is forgotten after ten to twenty seconds") {
  LoopWatch watch;
  watch.works(at_s(19));
  watch.waits(at_s(19, 700));
  CHECK(watch.longest_us(at_s(20)) == 700);
  watch.works(at_s(22));
  watch.waits(at_s(22, 90));
  CHECK(watch.longest_us(at_s(29, 999'999)) == 700);
  CHECK(watch.longest_us(at_s(30)) == 90);
  CHECK(watch.longest_us(at_s(40)) == 0);

  watch.works(at_s(41));
  watch.waits(at_s(41, 50));
  CHECK(watch.longest_us(at_s(61)) == 0);  // nobody has looked in between
}
