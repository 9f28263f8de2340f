// The well-known recipe's demo, asking rategate: 2000 calls, 5 ms apart, of a function that may be
// called 100 times per second. Every other call goes through the other daemon.
//
//   rategate_demo [SOCKET [SOCKET]]
//
// Exits with 1 when a second has not the 100 calls that it should, 2 when a daemon cannot be asked.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <rategate/rategate.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kCalls = 2000;
constexpr int kLimit = 100;

void work() {}

struct Call {
  Clock::time_point asked;
  Clock::time_point answered;
  bool allowed = false;
  std::chrono::milliseconds retry_after{};
};

std::vector<rategate::Client> clients_of(int argc, char** argv) {
  std::vector<rategate::Client> clients;
  for (int i = 1; i < argc; ++i) {
    rategate::Options options;
    options.socket_path = argv[i];
    clients.emplace_back(options);
  }
  if (clients.empty()) clients.emplace_back();
  return clients;
}

std::vector<Call> make_calls(const std::vector<rategate::Client>& clients) {
  std::vector<rategate::Limited<void (*)()>> functions;
  for (const auto& client : clients) {
    functions.push_back(rategate::rate_per_second(client, kLimit, work));
  }
  const bool live = isatty(STDOUT_FILENO) != 0;
  std::vector<Call> calls;
  int success = 0;
  for (std::size_t i = 0; i < kCalls; ++i) {
    Call call;
    call.asked = Clock::now();
    try {
      functions[i % functions.size()]();
      call.allowed = true;
      ++success;
    } catch (const rategate::RateLimitExceeded& denied) {
      call.retry_after = denied.retry_after();
    }
    call.answered = Clock::now();
    calls.push_back(call);
    if (live && i % 10 == 0) {
      std::printf("\r%zu of %d calls: %d allowed", i + 1, kCalls, success);
      std::fflush(stdout);
    }
    std::this_thread::sleep_for(5ms);
  }
  if (live) std::printf("\r\033[K");
  return calls;
}

// The seconds are those of the store's clock. Each denial says in how many ms the next one starts,
// rounded up; together they tell this clock's moment of it to within a millisecond or two.
class Seconds {
 public:
  explicit Seconds(const std::vector<Call>& calls) {
    for (const Call& call : calls) {
      if (call.allowed) continue;
      const auto earliest = call.asked + call.retry_after - 1ms;
      const auto latest = call.answered + call.retry_after;
      if (!known_) from_ = earliest, to_ = latest;
      known_ = true;
      const auto whole = std::chrono::round<std::chrono::seconds>(latest - to_);
      from_ = std::max(from_, earliest - whole);
      to_ = std::min(to_, latest - whole);
    }
    if (from_ > to_) std::swap(from_, to_);
    // Two daemons know the time each to within their own error.
    from_ -= 1ms;
    to_ += 1ms;
  }

  bool known() const { return known_; }
  // The second that a moment is in, as early, or as late, as it can be.
  long earliest(Clock::time_point moment) const { return number(moment, to_); }
  long latest(Clock::time_point moment) const { return number(moment, from_); }

 private:
  static long number(Clock::time_point moment, Clock::time_point start) {
    return static_cast<long>(std::chrono::floor<std::chrono::seconds>(moment - start).count());
  }

  bool known_ = false;
  Clock::time_point from_;  // a second starts between these two, and every second from there
  Clock::time_point to_;
};

// The allowed calls of each second. One that was made just between two counts for the later, where
// permits are fresh, unless that one's are all taken by the calls after it.
std::map<long, int> count_allowed(const std::vector<Call>& calls, const Seconds& seconds) {
  std::map<long, int> counts;
  for (long second = seconds.earliest(calls.front().asked);
       second <= seconds.latest(calls.back().answered); ++second) {
    counts[second] = 0;
  }
  for (auto call = calls.rbegin(); call != calls.rend(); ++call) {
    if (!call->allowed) continue;
    const long first = seconds.earliest(call->asked);
    long second = seconds.latest(call->answered);
    while (second > first && counts[second] >= kLimit) --second;
    ++counts[second];
  }
  return counts;
}

// Whether a call was denied in that second for certain: then it was asked for more than it gave.
bool denied_in(long second, const std::vector<Call>& calls, const Seconds& seconds) {
  return std::any_of(calls.begin(), calls.end(), [&](const Call& call) {
    return !call.allowed && seconds.earliest(call.asked) == second &&
           seconds.latest(call.answered) == second;
  });
}

bool print_and_check(const std::vector<Call>& calls, const Seconds& seconds) {
  const std::map<long, int> counts = count_allowed(calls, seconds);
  const long first = counts.begin()->first;
  bool right = true;
  std::printf("Allowed in each second:\n");
  for (const auto& [second, count] : counts) {
    const bool full = second > seconds.latest(calls.front().asked) &&
                      second < seconds.earliest(calls.back().answered);
    const bool wanting = count < kLimit && denied_in(second, calls, seconds);
    const bool wrong = count > kLimit || (full && wanting && count < kLimit - 1);
    const char* note = "";
    if (wrong) {
      note = "  WRONG";
    } else if (!full) {
      note = "  (not a full second)";
    } else if (wanting) {
      // One was charged and not used: its daemon was told when the second was over.
      note = "  (the answer to one came too late)";
    } else if (count < kLimit) {
      note = "  (this machine made no more calls)";
    }
    std::printf("  %2ld: %3d%s\n", second - first + 1, count, note);
    right = right && !wrong;
  }
  std::printf(right ? "Each full second has %d.\n" : "Each full second should have %d.\n", kLimit);
  return right;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<Call> calls = make_calls(clients_of(argc, argv));
  const auto success =
      std::count_if(calls.begin(), calls.end(), [](const Call& call) { return call.allowed; });
  std::printf("Success count: %td\nFail count: %td\n", success, kCalls - success);
  const Seconds seconds(calls);
  if (!seconds.known()) {
    std::printf("No call was denied, at twice the limit.\n");
    return 1;
  }
  return print_and_check(calls, seconds) ? 0 : 1;
} catch (const rategate::NoDecision& failure) {
  std::fprintf(stderr, "%s\n", failure.what());
  return 2;
}
