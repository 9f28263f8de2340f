// A daemon's connection to the store, as daemon/io/redis/redis_link.cpp makes and uses it: calls of
// up to 32 reservations, up to 8 under way, stamps right before the write and right after the read,
// a time-out, a back-off. Messages keep their order within a connection, and only there: what was
// sent before a connection was lost may come to the store after what the next one brings.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "daemon/limit/reservation.hpp"
#include "tests/sim/event_queue.hpp"
#include "tests/sim/host_clock.hpp"
#include "tests/sim/random.hpp"
#include "tests/sim/scenario.hpp"
#include "tests/sim/store.hpp"

namespace rategate::sim {

// Whose connection it is.
class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  virtual int id() const = 0;
  virtual const HostClock& clock() const = 0;
  // Now, or when the host's daemon goes on; never, when it has ended.
  virtual void when_awake(EventQueue::Event event) = 0;
  virtual void store_time(Mono sent, Mono received, StoreTime time, bool first_of_primary) = 0;
  virtual void store_up(bool lost) = 0;
  virtual void store_connecting() = 0;
  virtual void store_away() = 0;
  virtual void reserved(std::uint64_t id, const ReserveAnswer& answer) = 0;
  virtual void reserve_failed(std::uint64_t id, bool retry) = 0;
  // After each of the events above.
  virtual void pump() = 0;
};

class Link {
 public:
  Link(EventQueue& events, Store& store, Random& random, const Scenario& scenario,
       LinkOwner& owner);

  void start() { connect(); }
  void stop();
  void reserve(Reservation reservation);
  void release(const Release& release);
  void measure() { measure_ = true; }
  void flush();
  // The connection breaks; what is on its way to the store comes there all the same, or not.
  void cut();

 private:
  enum class State { Down, Greeting, Up, Stopped };
  struct Call {
    std::vector<Reservation> requests;  // none: TIME
    Mono sent;
  };
  using Handler = std::function<void(Mono received)>;

  std::int64_t delay(bool there);
  Mono stamp() const;
  void to_store(EventQueue::Event event);
  void to_daemon(Handler handler);
  void connect();
  void drop();
  void away();
  void arm();
  void call(std::vector<Reservation> requests);
  void answer(const Call& call, const std::vector<ReserveAnswer>& answers, StoreTime time,
              bool refused, Mono received);
  void send_queue(std::deque<Reservation>& queue);

  EventQueue& events_;
  Store& store_;
  Random& random_;
  const Scenario& scenario_;
  LinkOwner& owner_;
  State state_ = State::Down;
  std::uint64_t line_ = 0;
  std::shared_ptr<bool> arrives_;  // whether what is on the way to the store comes there
  std::int64_t last_out_ = 0;
  std::int64_t last_in_ = 0;
  std::deque<Reservation> urgent_;
  std::deque<Reservation> ahead_;
  std::deque<std::shared_ptr<Call>> asked_;
  int calls_ = 0;
  bool measure_ = false;
  bool armed_ = false;
  int known_run_ = 0;
  int attempts_ = 0;
  std::int64_t up_since_ = 0;
};

}  // namespace rategate::sim
