#include "daemon/io/sessions/reply_order.hpp"

#include <random>
#include <string>
#include <vector>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {
constexpr WaiterId waiter(std::uint32_t slot) { return WaiterId{{slot}, 1}; }
}  // namespace

TEST_CASE("answers wait for the check before them") {
  ReplyOrder order;
  std::string out;
  CHECK(order.at_once());
  const std::uint32_t first = order.next_number();
  order.park(waiter(1));
  CHECK_FALSE(order.at_once());
  order.keep("b");
  const std::uint32_t third = order.next_number();
  order.park(waiter(3));
  order.keep("d");
  CHECK(order.parked() == 2);
  CHECK(order.memory() > 2);
  order.answered(first, "a", out);
  CHECK(out == "ab");
  CHECK_FALSE(order.at_once());
  order.answered(third, "c", out);
  CHECK(out == "abcd");
  CHECK(order.at_once());
  CHECK(order.parked() == 0);
  CHECK(order.memory() < 1024);
}

TEST_CASE("what many answers took is given back when they are out") {
  ReplyOrder order;
  std::string out;
  const std::uint32_t first = order.next_number();
  for (std::uint32_t n = 0; n < 1000; ++n) order.park(waiter(n));
  CHECK(order.memory() > 1000);
  std::string all;
  for (std::uint32_t n = 0; n < 1000; ++n) {
    order.answered(first + n, std::to_string(n), out);
    all += std::to_string(n);
  }
  CHECK(out == all);
  order.give_back(4096);
  CHECK(order.memory() == 0);
}

TEST_CASE("a queue that is never empty does not grow") {
  ReplyOrder order;
  std::string out;
  std::uint32_t oldest = order.next_number();
  order.park(waiter(0));
  std::string all;
  for (int n = 0; n < 10'000; ++n) {
    order.park(waiter(0));
    order.keep("kept");
    order.answered(oldest, "a", out);
    oldest += n == 0 ? 1 : 2;  // behind each check but the first one there is an answer that waited
    all += n == 0 ? "a" : "akept";
  }
  CHECK(out == all);
  CHECK(order.memory() < 16'384);
}

TEST_CASE("an answer that nobody waits for is dropped") {
  ReplyOrder order;
  std::string out;
  const std::uint32_t number = order.next_number();
  order.answered(number, "x", out);
  order.park(waiter(1));
  order.park(waiter(2));
  order.answered(number + 1, "b", out);
  order.answered(number + 1, "again", out);
  order.answered(number + 7, "x", out);
  order.answered(number - 1, "x", out);
  CHECK(out.empty());
  order.answered(number, "a", out);
  CHECK(out == "ab");
}

TEST_CASE("what is dropped names the checks that are parked still") {
  ReplyOrder order;
  std::string out;
  const std::uint32_t number = order.next_number();
  for (std::uint32_t slot = 0; slot < 4; ++slot) order.park(waiter(slot));
  order.keep("e");
  order.answered(number + 2, "c", out);
  std::vector<std::uint32_t> gone;
  order.drop([&](WaiterId id) { gone.push_back(id.place.value); });
  CHECK(gone == std::vector<std::uint32_t>{0, 1, 3});
  CHECK(order.empty());
  CHECK(order.parked() == 0);
  CHECK(order.memory() == 0);
}

TEST_CASE("whatever order answers come in, they go out in that of the requests") {
  std::mt19937 random(1);
  ReplyOrder order;
  std::string out;
  std::string expected;
  std::vector<std::pair<std::uint32_t, std::string>> parked;
  for (int request = 0; request < 20'000; ++request) {
    const std::string reply = std::to_string(request) + ";";
    expected += reply;
    if (random() % 3 == 0) {
      parked.emplace_back(order.next_number(), reply);
      order.park(waiter(static_cast<std::uint32_t>(request)));
    } else if (order.at_once()) {
      out += reply;
    } else {
      order.keep(reply);
    }
    while (!parked.empty() && random() % 3 == 0) {
      const std::size_t at = random() % parked.size();
      order.answered(parked[at].first, parked[at].second, out);
      parked[at] = parked.back();
      parked.pop_back();
    }
    REQUIRE(order.parked() == parked.size());
  }
  for (const auto& [number, reply] : parked) order.answered(number, reply, out);
  CHECK(out == expected);
  CHECK(order.empty());
}
