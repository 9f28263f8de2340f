// Many threads and a fork in the middle: client_threads SOCKET CALLS [THREADS].
//
// Each thread makes CALLS checks of the limit "threads", which allows all of them; when they are
// half done, a child is made, which makes as many with the handles it inherited, while the threads
// go on. Exits with 0 when every call was allowed; the test then looks whether the daemon counted
// just as many. A child of a program under TSan may not start threads, so this one does not.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <rategate/rategate.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

bool make_calls(const rategate::Limit& limit, int calls, const std::string& key,
                std::atomic<int>* done) {
  for (int i = 0; i < calls; ++i) {
    // A wait that need not wait goes the same way as a check, and through the cancel's.
    const bool allowed = i % 2 == 0 ? limit.check(key).allowed : limit.acquire({}, key).has_value();
    if (!allowed) return false;
    if (done != nullptr) ++*done;
  }
  return true;
}

// The child's exit code.
int as_child(const rategate::Client& client, const rategate::Limit& limit, int calls) {
  try {
    if (!make_calls(limit, calls, "child", nullptr)) return 1;
    // Handles are made in a child as well.
    return client.limit("threads", 1'000'000'000, std::chrono::hours(1)).name() == "threads" ? 0
                                                                                             : 1;
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "child: %s\n", failure.what());
    return 2;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  const int calls = std::atoi(argv[2]);
  const int count = argc > 3 ? std::atoi(argv[3]) : 16;
  rategate::Options options;
  options.socket_path = argv[1];
  options.timeout = std::chrono::seconds(60);
  const rategate::Client client(options);
  const rategate::Limit limit = client.limit("threads", 1'000'000'000, std::chrono::hours(1));

  std::atomic<int> done{0};
  std::atomic<bool> right{true};
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t) {
    threads.emplace_back([&, t] {
      try {
        // Some keys are shared by threads, most are not.
        if (!make_calls(limit, calls, "key" + std::to_string(t % 12), &done)) right = false;
      } catch (const std::exception& failure) {
        std::fprintf(stderr, "thread %d: %s\n", t, failure.what());
        right = false;
      }
    });
  }
  while (done < count * calls / 2 && right) std::this_thread::yield();
  const pid_t child = fork();
  if (child == 0) _exit(as_child(client, limit, calls));
  int status = 1;
  if (child > 0) waitpid(child, &status, 0);
  for (std::thread& thread : threads) thread.join();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    std::fprintf(stderr, "the child ended with status %d\n", status);
    return 1;
  }
  return right ? 0 : 1;
}
