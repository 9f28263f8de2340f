// Who is asked for next: round robin by client, first come first of each.
#include "daemon/core/line_queue.hpp"

#include <map>
#include <random>
#include <vector>

#include "tests/unit/catch.hpp"

using namespace rategate;

namespace {

struct Queue {
  Slab<Line> lines;
  LineQueue queue;
  std::map<LineId, std::uint32_t> flow_of;

  LineId push(std::uint32_t flow) {
    const LineId line = lines.take();
    queue.push(lines, line, flow);
    flow_of[line] = flow;
    return line;
  }
};

}  // namespace

TEST_CASE("who has one line waits for one of each, however many another has") {
  Queue q;
  for (int i = 0; i < 1000; ++i) q.push(1);
  q.push(2);
  std::vector<std::uint32_t> order;
  for (int i = 0; i < 3; ++i) order.push_back(q.flow_of[q.queue.pop(q.lines)]);
  CHECK(order == std::vector<std::uint32_t>{1, 2, 1});
  CHECK(q.queue.size() == 998);
}

TEST_CASE("no two of ten thousand clients share a turn") {
  Queue q;
  constexpr std::uint32_t kClients = 10'000;
  for (std::uint32_t flow = 0; flow < kClients; ++flow) {
    for (int i = 0; i < 3; ++i) q.push(flow * 0x10001);
  }
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t flow = 0; flow < kClients; ++flow) {
      REQUIRE(q.flow_of[q.queue.pop(q.lines)] == flow * 0x10001);
    }
  }
  CHECK(q.queue.empty());
}

TEST_CASE("turns are as long as a round of all that wait allows") {
  Queue q;
  for (int i = 0; i < 100; ++i) q.push(1);
  for (int i = 0; i < 5; ++i) q.push(2);
  const auto taken = [&q](std::size_t round) {
    q.queue.set_round(round);
    std::vector<std::uint32_t> order;
    for (int i = 0; i < 6; ++i) order.push_back(q.flow_of[q.queue.pop(q.lines)]);
    return order;
  };
  CHECK(taken(4) == std::vector<std::uint32_t>{1, 1, 2, 2, 1, 1});
  CHECK(taken(3) == std::vector<std::uint32_t>{2, 1, 2, 1, 2, 1});
  CHECK(q.queue.size() == 93);
}

TEST_CASE("who wants few is found, the least first, whatever is asked for already") {
  Queue q;
  const auto flow_of_few = [&q](std::size_t most) {
    const LineId line = q.queue.front_of_few(most);
    return line.is_none() ? 0 : q.flow_of[line];
  };
  for (int i = 0; i < 100; ++i) q.push(1);
  CHECK(flow_of_few(16) == 0);
  q.push(2);
  q.push(2);
  q.push(3);
  CHECK(flow_of_few(16) == 3);
  CHECK(flow_of_few(1) == 3);
  q.queue.asked(3);
  q.queue.asked(3);
  CHECK(flow_of_few(1) == 0);
  CHECK(flow_of_few(16) == 2);
  q.queue.answered(3);
  q.queue.remove(q.lines, q.queue.front_of_few(16));
  CHECK(flow_of_few(16) == 2);
  q.queue.answered(3);
  CHECK(flow_of_few(16) == 2);  // has been one of one line for longer
  q.queue.remove(q.lines, q.queue.front_of_few(16));
  CHECK(flow_of_few(16) == 3);
  CHECK(q.queue.clients() == 2);
  q.queue.asked(4);
  CHECK(q.queue.clients() == 3);
  q.queue.answered(4);
  CHECK(q.queue.clients() == 2);
}

TEST_CASE("a turn ends with the client's lines, and no turn is without end") {
  Queue q;
  q.queue.set_round(1'000'000);
  for (int i = 0; i < 100; ++i) q.push(1);
  const LineId only = q.push(2);
  q.push(3);
  for (int i = 0; i < 16; ++i) CHECK(q.flow_of[q.queue.pop(q.lines)] == 1);
  CHECK(q.queue.front() == only);
  CHECK(q.flow_of[q.queue.pop(q.lines)] == 2);
  CHECK(q.flow_of[q.queue.pop(q.lines)] == 3);
  for (int i = 0; i < 40; ++i) CHECK(q.flow_of[q.queue.pop(q.lines)] == 1);
}

TEST_CASE("lines of one client come in their order, and those taken out leave no gap") {
  Queue q;
  const LineId a = q.push(7);
  const LineId b = q.push(7);
  const LineId c = q.push(7);
  q.queue.remove(q.lines, b);
  CHECK_FALSE(q.lines[b].is_queued());
  CHECK(q.queue.pop(q.lines) == a);
  CHECK(q.queue.front() == c);
  CHECK(q.queue.pop(q.lines) == c);
  CHECK(q.queue.empty());
}

TEST_CASE("pushes, pops and removals in any order keep the queue whole") {
  Queue q;
  std::minstd_rand random(3);
  std::vector<LineId> in;
  for (int i = 0; i < 20'000; ++i) {
    if (in.empty() || random() % 2 == 0) {
      in.push_back(q.push(static_cast<std::uint32_t>(random() % 300)));
    } else if (random() % 2 == 0) {
      const LineId line = q.queue.pop(q.lines);
      REQUIRE(std::erase(in, line) == 1);
    } else {
      const std::size_t at = random() % in.size();
      q.queue.remove(q.lines, in[at]);
      in.erase(in.begin() + static_cast<std::ptrdiff_t>(at));
    }
    REQUIRE(q.queue.size() == in.size());
  }
}
