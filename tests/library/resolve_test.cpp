// Opening clients by options, and names of limits to handles.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/library/client_fixture.hpp"
#include "tests/unit/catch.hpp"

using namespace fake;

namespace {

int try_open(const rategate_options* options, std::string* path = nullptr) {
  rategate_client* client = nullptr;
  const int rc = rategate_open(&client, options);
  CHECK((client == nullptr) == (rc != 0));
  if (rc == 0 && path != nullptr) *path = rategate_socket_path(client);
  rategate_close(client);
  return rc;
}

int try_resolve(const OpenClient& client, const std::string& name, std::int64_t permits = 0,
                std::int64_t period_ms = 0) {
  rategate_limit* limit = nullptr;
  const int rc = rategate_resolve(client.get(), name.c_str(), permits, period_ms, &limit);
  CHECK((limit == nullptr) == (rc != 0));
  return rc;
}

}  // namespace

TEST_CASE("the socket is the options', else the environment's, else the default") {
  std::string path;
  rategate_options options{};
  options.size = sizeof options;
  unsetenv("RATEGATE_SOCKET");
  CHECK(try_open(nullptr, &path) == 0);
  CHECK(path == RATEGATE_DEFAULT_SOCKET);
  setenv("RATEGATE_SOCKET", "", 1);
  CHECK(try_open(&options, &path) == 0);
  CHECK(path == RATEGATE_DEFAULT_SOCKET);
  setenv("RATEGATE_SOCKET", "/from/environment", 1);
  CHECK(try_open(&options, &path) == 0);
  CHECK(path == "/from/environment");
  options.socket_path = "/from/options";
  CHECK(try_open(&options, &path) == 0);
  CHECK(path == "/from/options");
  unsetenv("RATEGATE_SOCKET");
}

TEST_CASE("options are read as far as their size says") {
  struct Later {  // as a later release may have them
    rategate_options known;
    std::uint64_t added;
  } later{};
  later.known.size = sizeof later;
  CHECK(try_open(&later.known) == 0);
  later.added = 1;
  CHECK(try_open(&later.known) == -EINVAL);
  later.known.size = 0;
  CHECK(try_open(&later.known) == -EINVAL);
  rategate_options options{};
  options.size = sizeof options;
  options.socket_path = "";
  CHECK(try_open(&options) == -EINVAL);
  const std::string longest(107, 'x');
  options.socket_path = longest.c_str();
  CHECK(try_open(&options) == 0);
  const std::string too_long(108, 'x');
  options.socket_path = too_long.c_str();
  CHECK(try_open(&options) == -ENAMETOOLONG);
  CHECK(rategate_open(nullptr, nullptr) == -EINVAL);
  rategate_close(nullptr);
}

TEST_CASE("names and numbers of limits have their ranges") {
  OpenClient client("/nowhere");
  for (const char* name : {"a", "rate-limit", "A_b.c/d@e-9"}) CHECK(try_resolve(client, name) == 0);
  CHECK(try_resolve(client, std::string(64, 'x')) == 0);
  CHECK(try_resolve(client, std::string(65, 'x')) == -EINVAL);
  for (const char* name : {"", " ", "a b", "a:b", "{a}", "a\n", "\xc3\xa4"}) {
    CHECK(try_resolve(client, name) == -EINVAL);
  }
  constexpr std::int64_t kLongest = 31LL * 24 * 3600 * 1000;
  CHECK(try_resolve(client, "x", 1, 10) == 0);
  CHECK(try_resolve(client, "x", RATEGATE_MAX_COST, kLongest) == 0);
  CHECK(try_resolve(client, "x", 0, 1000) == -EINVAL);
  CHECK(try_resolve(client, "x", 1, 0) == -EINVAL);
  CHECK(try_resolve(client, "x", 1, 9) == -EINVAL);
  CHECK(try_resolve(client, "x", 1, kLongest + 1) == -EINVAL);
  CHECK(try_resolve(client, "x", -1, 1000) == -EINVAL);
  CHECK(try_resolve(client, "x", RATEGATE_MAX_COST + 1LL, 1000) == -EINVAL);
  rategate_limit* limit = nullptr;
  CHECK(rategate_resolve(nullptr, "x", 0, 0, &limit) == -EINVAL);
  CHECK(rategate_resolve(client.get(), nullptr, 0, 0, &limit) == -EINVAL);
  CHECK(rategate_resolve(client.get(), "x", 0, 0, nullptr) == -EINVAL);
}

TEST_CASE("the same arguments give the same handle, whoever asks first") {
  OpenClient client("/nowhere");
  CHECK(client.limit("a") == client.limit("a"));
  CHECK(client.limit("a") != client.limit("b"));
  CHECK(client.limit("a", 1, 1000) != client.limit("a"));
  CHECK(client.limit("a", 1, 1000) != client.limit("a", 1, 1001));
  CHECK(client.limit("a", 1, 1000) != client.limit("a", 2, 1000));
  CHECK(client.limit("a", 1, 1000) == client.limit("a", 1, 1000));

  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kNames = 100;
  std::vector<std::vector<rategate_limit*>> handles(kThreads);
  std::vector<std::thread> threads;
  for (auto& mine : handles) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < kNames; ++i) {
        mine.push_back(client.limit(("n" + std::to_string(i)).c_str()));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : handles) CHECK(mine == handles[0]);
}

TEST_CASE("the version is a version") {
  int parts[3] = {-1, -1, -1};
  CHECK(std::sscanf(rategate_version(), "%d.%d.%d", &parts[0], &parts[1], &parts[2]) == 3);
  CHECK(parts[2] >= 0);
}
