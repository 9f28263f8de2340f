#include "tests/sim/link.hpp"

#include <algorithm>
#include <utility>

#include "tests/sim/hooks.hpp"

namespace rategate::sim {
namespace {
constexpr std::size_t kMaxCounters = 32;
constexpr int kMaxCalls = 8;
constexpr std::int64_t kGoodAfterUs = 1'000'000;
constexpr std::int64_t kCachedTimeLagUs = 30'000;
}  // namespace

Link::Link(EventQueue& events, Store& store, Random& random, const Scenario& scenario,
           LinkOwner& owner)
    : events_(events),
      store_(store),
      random_(random),
      scenario_(scenario),
      owner_(owner),
      arrives_(std::make_shared<bool>(true)) {}

std::int64_t Link::delay(bool there) {
  std::int64_t us = 1 + random_.below(2 * scenario_.delay_us);
  if (there == ((owner_.id() & 1) != 0)) us += scenario_.lopsided_us;
  if (scenario_.slow_us > 0 && random_.one_in(scenario_.slow_one_in)) {
    us += random_.below(scenario_.slow_us);
  }
  return us;
}

Mono Link::stamp() const { return owner_.clock().read(events_.now()); }

void Link::to_store(EventQueue::Event event) {
  last_out_ = std::max(last_out_ + 1, events_.now() + delay(true));
  events_.at(last_out_, [this, arrives = arrives_, event = std::move(event)]() mutable {
    if (*arrives) store_.serve(std::move(event));
  });
}

void Link::to_daemon(Handler handler) {
  last_in_ = std::max(last_in_ + 1, events_.now() + delay(false));
  events_.at(last_in_, [this, line = line_, handler = std::move(handler)]() mutable {
    owner_.when_awake([this, line, handler = std::move(handler)] {
      if (line != line_) return;
      Mono received = stamp();
      if (mistake("stamps-from-cached-time")) received.us -= random_.below(kCachedTimeLagUs);
      handler(received);
      owner_.pump();
    });
  });
}

// ---- The connection -------------------------------------------------------------------------

void Link::connect() {
  if (state_ == State::Stopped) return;
  state_ = State::Greeting;
  const std::uint64_t line = ++line_;
  arrives_ = std::make_shared<bool>(true);
  last_out_ = last_in_ = events_.now();
  const Mono sent = stamp();
  to_store([this, sent, line] {
    if (line != line_) return;  // nobody is there to be answered
    const StoreTime time = store_.time();
    const int run = store_.run();
    to_daemon([this, sent, time, run](Mono received) {
      const bool fresh = run != known_run_;
      const bool lost = fresh && known_run_ != 0;
      known_run_ = run;
      owner_.store_time(sent, received, time, fresh);
      state_ = State::Up;
      up_since_ = events_.now();
      owner_.store_up(lost);
    });
  });
  events_.in(scenario_.command_timeout_us, [this, line] {
    owner_.when_awake([this, line] {
      if (line != line_ || state_ != State::Greeting) return;
      away();
      owner_.pump();
    });
  });
}

void Link::drop() {
  ++line_;
  // What was written is on its way.
  *arrives_ = random_.percent(70);
  asked_.clear();
  urgent_.clear();
  ahead_.clear();
  calls_ = 0;
  armed_ = measure_ = false;
}

void Link::stop() {
  ++line_;
  state_ = State::Stopped;
}

void Link::away() {
  drop();
  state_ = State::Down;
  owner_.store_away();
  const std::int64_t ceiling =
      std::min<std::int64_t>(1'000'000, 50'000LL << std::min(attempts_, 10));
  ++attempts_;
  const std::uint64_t line = line_;
  events_.in(ceiling / 2 + random_.below(ceiling / 2), [this, line] {
    owner_.when_awake([this, line] {
      if (line == line_) connect();
    });
  });
}

void Link::cut() {
  if (state_ == State::Down || state_ == State::Stopped) return;
  if (state_ == State::Greeting || events_.now() < up_since_ + kGoodAfterUs) {
    away();
  } else {
    drop();
    attempts_ = 0;
    owner_.store_connecting();
    connect();
  }
  owner_.pump();
}

void Link::arm() {
  if (armed_ || asked_.empty()) return;
  armed_ = true;
  const std::int64_t at =
      owner_.clock().when(after(asked_.front()->sent, scenario_.command_timeout_us));
  const std::uint64_t line = line_;
  events_.at(at, [this, line] {
    owner_.when_awake([this, line] {
      if (line != line_) return;
      armed_ = false;
      if (asked_.empty()) return;
      if (stamp() < after(asked_.front()->sent, scenario_.command_timeout_us)) return arm();
      away();
      owner_.pump();
    });
  });
}

// ---- Asking and being answered --------------------------------------------------------------

void Link::reserve(Reservation reservation) {
  (reservation.costs.empty() ? ahead_ : urgent_).push_back(std::move(reservation));
}

void Link::release(const Release& release) {
  if (state_ != State::Up) return;
  to_store([this, release, daemon = owner_.id()] { store_.release(daemon, release); });
}

void Link::flush() {
  if (state_ != State::Up) return;
  if (std::exchange(measure_, false)) call({});
  while (calls_ < kMaxCalls && !urgent_.empty()) send_queue(urgent_);
  while (calls_ < kMaxCalls && !ahead_.empty()) send_queue(ahead_);
  arm();
}

void Link::send_queue(std::deque<Reservation>& queue) {
  std::vector<Reservation> batch;
  while (!queue.empty() && batch.size() < kMaxCounters) {
    batch.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  ++calls_;
  call(std::move(batch));
}

void Link::call(std::vector<Reservation> requests) {
  const auto call = std::make_shared<Call>(Call{std::move(requests), stamp()});
  asked_.push_back(call);
  const std::uint64_t line = line_;
  to_store([this, call, line, daemon = owner_.id()] {
    const bool refused = store_.refuses() && !call->requests.empty();
    std::vector<ReserveAnswer> answers;
    if (!refused) answers = store_.reserve(daemon, call->requests);
    if (line != line_) return;
    to_daemon([this, call, refused, answers = std::move(answers), time = store_.time()](
                  Mono received) { answer(*call, answers, time, refused, received); });
  });
}

void Link::answer(const Call& call, const std::vector<ReserveAnswer>& answers, StoreTime time,
                  bool refused, Mono received) {
  asked_.pop_front();
  if (!call.requests.empty()) --calls_;
  const bool no_script = refused && random_.one_in(3);
  if (!refused) {
    attempts_ = 0;
    owner_.store_time(call.sent, received, time, false);
  }
  for (std::size_t i = 0; i < call.requests.size(); ++i) {
    if (refused) {
      owner_.reserve_failed(call.requests[i].id, no_script);
      continue;
    }
    owner_.reserved(call.requests[i].id, answers[i]);
    // Nothing comes twice on a connection; it would have to be harmless all the same.
    if (random_.one_in(64)) owner_.reserved(call.requests[i].id, answers[i]);
  }
}

}  // namespace rategate::sim
