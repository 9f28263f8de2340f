// The two ways to a sentinel that is in the test's hands.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/store/redis/words.hpp"
#include "daemon/store/sentinel/sentinel_topology.hpp"
#include "tests/reply_tree.hpp"
#include "tests/unit/catch.hpp"

namespace rategate {

class FakeSentinelTransport final : public AskingTransport {
 public:
  void set_link(AskingLink&) override {}
  std::string login() const override {
    return password.empty() ? std::string() : login_request({}, password);
  }
  void connect() override {
    ++connects;
    open = true;
  }
  void close() override {
    open = false;
    requests.clear();
  }
  void send(std::string_view request) override { requests.emplace_back(request); }
  void send_and_hear(std::string_view request) override { requests.emplace_back(request); }
  Mono flush() override { return now; }
  std::string_view awaits() const override { return awaited; }

  // Answers the next request with that text of RESP.
  void answer(AskingLink& link, std::string_view reply) {
    REQUIRE_FALSE(requests.empty());
    requests.pop_front();
    const auto tree = ReplyTree::read(reply);
    link.replied(tree->view(), now);
  }

  Mono now{10'000'000};
  std::string awaited;
  std::string password;  // empty: it does not log in
  std::deque<std::string> requests;
  bool open = false;
  int connects = 0;
};

// A sentinel with its links.
struct FakeSentinel {
  FakeSentinelTransport asks;
  FakeSentinelTransport listens;
  SentinelLink* asking = nullptr;
  SentinelLink* listening = nullptr;

  // Both requests of a question: it has no replicas.
  void names(const HostPort& primary) {
    asks.answer(*asking, "*0\r\n");
    const std::string host = primary.host;
    const std::string port = std::to_string(primary.port);
    asks.answer(*asking, "*2\r\n$" + std::to_string(host.size()) + "\r\n" + host + "\r\n$" +
                             std::to_string(port.size()) + "\r\n" + port + "\r\n");
  }
  bool is_asked() const { return !asks.requests.empty(); }
};

// Keeps what a topology tells, and connects to whom it names.
class ToldBySentinels final : public SentinelEvents {
 public:
  void sentinel_event(const SentinelEvent& event) override {
    events.push_back(event.what);
    why = event.why;
  }
  void primary_named(const HostPort& primary, Mono now) override {
    named.push_back(primary);
    connected = topology->primary(now);
  }
  void sentinels_changed() override { ++changes; }

  std::size_t count(SentinelEvent::What what) const {
    std::size_t times = 0;
    for (const auto event : events) times += event == what ? 1 : 0;
    return times;
  }

  SentinelTopology* topology = nullptr;
  std::optional<HostPort> connected;
  std::vector<SentinelEvent::What> events;
  std::vector<HostPort> named;
  std::string why;  // of the last event
  int changes = 0;
};

}  // namespace rategate
