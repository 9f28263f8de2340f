// Limits functions in C++17 by decorating them.
//
//   c++ -std=c++17 decorator.cpp $(pkg-config --cflags --libs rategate) && ./a.out
#include <iostream>
#include <memory>
#include <rategate/rategate.hpp>
#include <string>

struct Mailer {
  std::string sender;
  std::string send(std::unique_ptr<std::string> text) const { return sender + ": " + *text; }
};

int main() try {
  // 5 calls per second of the limit "example-cpp", by all processes on all hosts that name it.
  auto send = rategate::rate_per_second(5, &Mailer::send, "example-cpp");
  const Mailer mailer{"alice"};

  for (int i = 1; i <= 7; ++i) {
    try {
      std::cout << send(mailer, std::make_unique<std::string>("mail " + std::to_string(i))) << '\n';
    } catch (const rategate::RateLimitExceeded& denied) {
      std::cout << "mail " << i << ": " << denied.what() << ", try again in "
                << denied.retry_after().count() << " ms\n";
    }
  }

  // Without a decorator, and waiting for a permit instead of being denied.
  const rategate::Client client;
  const auto limit = client.limit("example-cpp", 5, std::chrono::seconds(1));
  if (limit.acquire(std::chrono::seconds(5))) std::cout << "the last one waited for its turn\n";
} catch (const rategate::NoDecision& failure) {
  std::cerr << failure.what() << '\n';
  return 1;
}
