// Many threads that wait for one limit: client_waits SOCKET LIMIT THREADS TIMEOUT_MS.
//
// Each begins when the one before it has its place in the daemon's line, or its permit. Prints a
// line for each, in their order: 1 or 0 for allowed, and the ns of CLOCK_MONOTONIC when it
// returned.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <rategate/rategate.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Waited {
  bool allowed = false;
  std::chrono::steady_clock::time_point returned;
};

std::int64_t field(const std::string& text, const std::string& name) {
  return std::atoll(text.c_str() + text.find("\n" + name + ":") + name.size() + 2);
}

// Each is counted when it comes.
std::int64_t came(const rategate::Client& client) {
  const rategate::Reply reply = client.command({"INFO", "stats"});
  return field({reply->text, reply->size}, "checks");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 64;
  rategate::Options options;
  options.socket_path = argv[1];
  options.shared_memory = false;
  const rategate::Client client(options);
  const rategate::Limit limit = client.limit(argv[2]);
  const std::chrono::milliseconds timeout(std::atoll(argv[4]));
  std::vector<Waited> waited(static_cast<std::size_t>(std::atoll(argv[3])));
  std::vector<std::thread> threads;
  std::int64_t before = came(client);
  for (Waited& one : waited) {
    threads.emplace_back([&] {
      one.allowed = limit.acquire(timeout).has_value();
      one.returned = std::chrono::steady_clock::now();
    });
    while (came(client) <= before) std::this_thread::yield();
    ++before;
  }
  for (std::thread& thread : threads) thread.join();
  for (const Waited& one : waited) {
    std::printf("%d %lld\n", one.allowed ? 1 : 0,
                static_cast<long long>(one.returned.time_since_epoch().count()));
  }
  return 0;
}
