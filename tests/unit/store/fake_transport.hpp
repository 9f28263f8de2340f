// A transport whose store is in the test's hands: calls lie there until the test answers them.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/limit/group.hpp"
#include "daemon/store/driver.hpp"
#include "daemon/store/model/memory_counters.hpp"

namespace rategate {

class FakeTransport final : public Transport {
 public:
  explicit FakeTransport(std::int64_t ahead_us) : offset_us(ahead_us) {}

  void connect() override { ++connects; }
  void close() override { calls.clear(); }
  void send(const Call& call) override { calls.push_back(call); }
  Mono flush() override { return now; }
  bool is_written() const override { return written; }
  std::string_view awaits() const override { return awaited; }

  // Answers the next call as a Redis of that run id would.
  void answer(Link& link) {
    const Call call = calls.front();
    calls.pop_front();
    std::string info =
        "run_id:" + run_id + "\r\nrole:" + role + "\r\nmaster_replid:" + replid + "\r\n";
    offset += 10;
    if (follows) followed = offset - 5;
    if (!replica.empty()) {
      info += "slave0:ip=" + replica +
              ",port=6379,state=online,offset=" + std::to_string(followed) +
              ",lag=0\r\nmaster_repl_offset:" + std::to_string(offset) + "\r\n";
    }
    std::vector<ReserveAnswer> answers;
    Reply reply;
    const bool is_info = call.kind == Call::Kind::Info || call.kind == Call::Kind::Replication;
    if (is_info) reply.text = info;
    const bool is_record = call.kind == Call::Kind::Reign || call.kind == Call::Kind::Record;
    if (is_record) reply.text = reign;
    if (call.kind == Call::Kind::Wait) reply.replicas = follows ? call.replicas : 0;
    if (call.kind == Call::Kind::Reserve && !call.reign.empty() && call.reign != reign) {
      reply.reign_over = true;
      reply.time = StoreTime{now.us + offset_us};
      link.replied(reply, now, now);
      return;
    }
    reserve_all(
        call.reservations,
        [&](const Reservation& each) { return counters.reserve(each, {now.us + offset_us}); },
        answers);
    for (const Recount& each : call.recounts) answers.emplace_back().counter = each.known;
    reply.answers = answers;
    reply.time = call.kind == Call::Kind::Reign ? since : StoreTime{now.us + offset_us};
    link.replied(reply, now, now);
  }
  void answer_all(Link& link) {
    while (!calls.empty()) answer(link);
  }
  void refuse(Link& link, std::string_view error) {
    calls.pop_front();
    Reply reply;
    reply.is_error = true;
    reply.text = error;
    link.replied(reply, now, now);
  }

  Mono now{1'100'000};
  std::string awaited;
  std::int64_t offset_us;
  std::deque<Call> calls;
  MemoryCounters counters;
  std::string run_id = "one";
  std::string replica;  // the address of the only one; empty: there is none
  bool follows = true;
  std::int64_t offset = 0, followed = 0;  // of the primary, of the replica
  std::string role = "master";
  std::string replid = "first";
  std::string reign = "first 0 token";  // the record
  StoreTime since;                      // of the reign
  bool written = true;
  int connects = 0;
};

// Keeps what the links tell.
class Told final : public StoreEvents {
 public:
  void store_event(const StoreEvent& event) override {
    if (event.what != StoreEvent::What::Changed) events.push_back(event.what);
  }
  bool has(StoreEvent::What what) const {
    for (const auto event : events) {
      if (event == what) return true;
    }
    return false;
  }
  std::vector<StoreEvent::What> events;
};

}  // namespace rategate
