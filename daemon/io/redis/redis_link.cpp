#include "daemon/io/redis/redis_link.hpp"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "daemon/base/mutant.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/redis/redis_words.hpp"
#include "daemon/limit/limit.hpp"

namespace rategate {
namespace {

// A connection that lasts no longer than this was no good: it is not made anew at once.
constexpr std::int64_t kGoodAfterUs = 1'000'000;
// Of one script call: what keeps it short, for Redis serves nobody else meanwhile.
constexpr std::size_t kMaxCounters = 64;
constexpr std::size_t kMaxWords = 1024;
// Calls under way: enough that Redis never waits for the next, few enough that a check which comes
// behind ten thousand others' leases is not kept waiting by them.
constexpr std::size_t kMaxCalls = 8;

std::vector<std::string> names_of(const addrinfo* found) {
  std::vector<std::string> names;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    char name[INET6_ADDRSTRLEN] = "";
    if (at->ai_family == AF_INET6) {
      uv_ip6_name(reinterpret_cast<const sockaddr_in6*>(at->ai_addr), name, sizeof name);
    } else {
      uv_ip4_name(reinterpret_cast<const sockaddr_in*>(at->ai_addr), name, sizeof name);
    }
    names.emplace_back(name);
  }
  return names;
}

}  // namespace

struct RedisLink::Resolve {
  uv_getaddrinfo_t request{};
  RedisLink* link = nullptr;  // null: nobody waits for it any more
};

RedisLink::RedisLink(uv_loop_t* loop, const RedisConfig& config, StoreEvents& events)
    : loop_(loop),
      config_(config),
      events_(events),
      script_(reserve_script()),
      random_(std::random_device{}()) {
  uv_timer_init(loop, timer_.get());
  timer_.opened(this);
  if (!config.unix_socket.empty()) {
    status_.address = "unix:" + config.unix_socket;
  } else {
    const bool v6 = config.host.find(':') != std::string::npos;
    status_.address = (v6 ? "[" + config.host + "]" : config.host) + ":" +
                      std::to_string(config.port) + "/" + std::to_string(config.db);
  }
}

RedisLink::~RedisLink() { stop(); }

void RedisLink::start() { connect(); }

void RedisLink::stop() {
  state_ = State::Stopped;
  drop();
  if (timer_.is_open()) uv_timer_stop(timer_.get());
}

StoreStatus RedisLink::status() const { return status_; }

// ---- Making the connection ----------------------------------------------------------------

void RedisLink::connect() {
  arm(config_.connect_timeout_ms);
  if (!config_.unix_socket.empty()) {
    open({});
    return;
  }
  unsigned char address[sizeof(in6_addr)];
  if (inet_pton(AF_INET, config_.host.c_str(), address) == 1 ||
      inet_pton(AF_INET6, config_.host.c_str(), address) == 1) {
    open(config_.host);
    return;
  }
  resolve();
}

// hiredis would look the name up itself, and block the loop for it.
void RedisLink::resolve() {
  state_ = State::Resolving;
  resolve_ = new Resolve;
  resolve_->link = this;
  resolve_->request.data = resolve_;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  const int failure = uv_getaddrinfo(
      loop_, &resolve_->request,
      [](uv_getaddrinfo_t* req, int status, addrinfo* found) {
        const std::unique_ptr<Resolve> resolve(static_cast<Resolve*>(req->data));
        RedisLink* link = resolve->link;
        std::vector<std::string> addresses = names_of(found);
        uv_freeaddrinfo(found);
        if (link == nullptr) return;
        link->resolve_ = nullptr;
        if (status != 0 || addresses.empty()) {
          link->away("cannot resolve " + link->config_.host + ": " +
                     (status != 0 ? uv_strerror(status) : "no address"));
          return;
        }
        // Another one first each time, should one let the whole time-out pass.
        std::rotate(
            addresses.begin(),
            addresses.begin() + static_cast<std::ptrdiff_t>(link->attempts_ % addresses.size()),
            addresses.end());
        link->addresses_.assign(addresses.begin(), addresses.end());
        link->open_next("");
      },
      config_.host.c_str(), nullptr, &hints);
  if (failure != 0) {
    delete resolve_;
    resolve_ = nullptr;
    away(std::string("cannot resolve: ") + uv_strerror(failure));
  }
}

// The next of the addresses that a name has, as a server may listen on one of them only.
void RedisLink::open_next(const std::string& why) {
  if (addresses_.empty()) {
    away("cannot connect: " + why);
    return;
  }
  const std::string address = std::move(addresses_.front());
  addresses_.pop_front();
  open(address);
}

void RedisLink::open(const std::string& address) {
  state_ = State::Connecting;
  redisAsyncContext* context =
      address.empty() ? redisAsyncConnectUnix(config_.unix_socket.c_str())
                      : redisAsyncConnect(address.c_str(), static_cast<int>(config_.port));
  if (context == nullptr || context->err != 0) {
    const std::string why = context == nullptr ? "out of memory" : context->errstr;
    if (context != nullptr) redisAsyncFree(context);
    open_next(why);
    return;
  }
  adopt(context);
}

void RedisLink::adopt(redisAsyncContext* context) {
  context_ = context;
  context->data = this;
  poll_ = new UvHandle<uv_poll_t>;
  uv_poll_init(loop_, poll_->get(), context->c.fd);
  poll_->opened(this);
  polled_ = 0;
  context->ev.data = this;
  context->ev.addRead = add_read;
  context->ev.delRead = nothing;
  context->ev.addWrite = add_write;
  context->ev.delWrite = del_write;
  context->ev.cleanup = cleanup;
  redisAsyncSetConnectCallback(context, [](const redisAsyncContext* c, int status) {
    static_cast<RedisLink*>(c->data)->on_connected(status == REDIS_OK);
  });
  redisAsyncSetDisconnectCallback(context, [](const redisAsyncContext* c, int) {
    auto* link = static_cast<RedisLink*>(c->data);
    if (link != nullptr) link->on_disconnected();
  });
  poll_for(UV_WRITABLE);  // a connection that is made says so by being writable
}

void RedisLink::on_connected(bool ok) {
  if (ok) {
    // By hand: hiredis takes a socket that knows no keep-alive for a broken connection.
    const int on = 1;
    setsockopt(context_->c.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    state_ = State::Greeting;  // on_poll greets: here hiredis would write before the stamp is taken
    return;
  }
  const std::string why = context_->errstr;
  // hiredis frees it after this call, when another may be in its place already.
  context_->ev = {};
  context_ = nullptr;
  delete std::exchange(poll_, nullptr);
  open_next(why);
}

void RedisLink::greet() {
  arm(config_.command_timeout_ms);
  if (!config_.password.empty()) {
    command(Ask::Auth, config_.username.empty()
                           ? redis_request({"AUTH", config_.password})
                           : redis_request({"AUTH", config_.username, config_.password}));
  }
  if (config_.db != 0) command(Ask::Select, redis_request({"SELECT", std::to_string(config_.db)}));
  command(Ask::Info, redis_request({"INFO"}));
  command(Ask::Load, redis_request({"SCRIPT", "LOAD", script_}));
  command(Ask::Time, redis_request({"TIME"}));
}

void RedisLink::on_greeting(const Asked& asked, const redisReply& reply) {
  if (reply.type == REDIS_REPLY_ERROR) {
    // A user that may not ask INFO can still count; what INFO would tell is then not known.
    if (asked.what == Ask::Info && text_of(reply).substr(0, 6) == "NOPERM") {
      fresh_primary_ = true;
      return;
    }
    static constexpr const char* kWhat[] = {"AUTH", "SELECT",  "INFO",   "SCRIPT LOAD",
                                            "TIME", "reserve", "release"};
    away(std::string(kWhat[static_cast<int>(asked.what)]) + ": " + std::string(text_of(reply)));
    return;
  }
  std::string why;
  switch (asked.what) {
    case Ask::Info:
      if (!read_info(text_of(reply), why)) away(why);
      return;
    case Ask::Load:
      script_sha_ = text_of(reply);
      script_known_ = true;
      return;
    case Ask::Time:
      if (const auto time = parse_time(reply)) {
        time_was(asked, *time);
        greeted();
      } else {
        away("TIME: not understood");
      }
      return;
    default:
      return;
  }
}

bool RedisLink::read_info(std::string_view text, std::string& why) {
  const RedisInfo info = parse_info(text);
  if (info.replica) {
    why = "it is a replica";
    return false;
  }
  status_.version = info.version;
  status_.evicts = info.evicts;
  fresh_primary_ = status_.run_id != info.run_id || info.run_id.empty();
  counters_lost_ = !status_.run_id.empty() && status_.run_id != info.run_id;
  status_.run_id = info.run_id;
  return true;
}

void RedisLink::greeted() {
  state_ = State::Up;
  up_since_ = mono_now();
  if (!refusing_) status_.error.clear();
  if (timer_.is_open()) uv_timer_stop(timer_.get());
  timer_armed_ = false;
  const bool lost = std::exchange(counters_lost_, false);
  events_.store_up(lost);
}

// ---- Losing it ----------------------------------------------------------------------------

// Lets go of the connection, whatever its state. Nothing of it is heard any more.
void RedisLink::drop() {
  if (resolve_ != nullptr) {
    resolve_->link = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(&resolve_->request));
    resolve_ = nullptr;
  }
  addresses_.clear();
  asked_.clear();
  urgent_.clear();
  ahead_.clear();
  calls_ = 0;
  unsent_ = 0;
  want_write_ = false;
  if (context_ != nullptr) {
    redisAsyncContext* context = std::exchange(context_, nullptr);
    delete std::exchange(poll_, nullptr);
    // hiredis may free it only later, when another connection is in its place already.
    context->data = nullptr;
    context->onConnect = nullptr;
    context->ev = {};
    redisAsyncFree(context);
  }
}

void RedisLink::away(const std::string& why) {
  status_.error = why;
  drop();
  back_off();
  events_.store_away(why);
}

void RedisLink::back_off() {
  state_ = State::Backoff;
  const std::int64_t ceiling = std::min(
      config_.backoff_max_ms, config_.backoff_min_ms << std::min<std::uint64_t>(attempts_, 20));
  ++attempts_;
  // Between half of it and all of it, so that the hosts of a fleet do not come back as one.
  std::uniform_int_distribution<std::int64_t> jitter(ceiling / 2, ceiling);
  arm(jitter(random_));
}

void RedisLink::lost(const std::string& why) {
  if (state_ != State::Up || mono_now() < after(up_since_, kGoodAfterUs)) {
    away(why);
    return;
  }
  status_.error = why;
  drop();
  ++status_.reconnects;
  attempts_ = 0;
  events_.store_connecting(why);
  connect();
}

void RedisLink::on_disconnected() {
  std::string why = context_ != nullptr && context_->errstr != nullptr ? context_->errstr : "";
  if (why.empty()) why = "the connection was closed";
  context_ = nullptr;  // hiredis frees it after this call
  lost(why);
}

void RedisLink::arm(std::int64_t ms) {
  timer_armed_ = true;
  // From now, not from the loop's cached time, which may be long ago.
  uv_update_time(loop_);
  uv_timer_start(
      timer_.get(),
      [](uv_timer_t* timer) {
        if (timer->data != nullptr) static_cast<RedisLink*>(timer->data)->on_timer();
      },
      static_cast<std::uint64_t>(std::max<std::int64_t>(1, ms)), 0);
}

void RedisLink::on_timer() {
  timer_armed_ = false;
  switch (state_) {
    case State::Stopped:
      return;
    case State::Backoff:
      ++status_.reconnects;
      connect();
      return;
    case State::Resolving:
      away("cannot resolve " + config_.host + " in time");
      return;
    case State::Connecting:
      away("cannot connect in time");
      return;
    case State::Greeting:
      away("no answer in time");
      return;
    case State::Up:
      break;
  }
  if (asked_.empty() || asked_.front().sent == kNever) return;
  const std::int64_t left_us =
      asked_.front().sent.us + config_.command_timeout_ms * 1000 - mono_now().us;
  if (left_us > 0) {
    arm((left_us + 999) / 1000);
  } else {
    away("no answer in time");
  }
}

// ---- Asking and being answered ------------------------------------------------------------

RedisLink::Asked& RedisLink::command(Ask what, const std::string& bytes) {
  redisAsyncFormattedCommand(
      context_,
      [](redisAsyncContext* c, void* reply, void*) {
        auto* link = static_cast<RedisLink*>(c->data);
        if (link != nullptr && reply != nullptr) {
          link->on_reply(static_cast<const redisReply*>(reply));
        }
      },
      nullptr, bytes.data(), bytes.size());
  ++unsent_;
  return asked_.emplace_back(Asked{what});
}

void RedisLink::reserve(const Reservation& reservation) {
  (reservation.costs.empty() ? ahead_ : urgent_).push_back(reservation);
}

void RedisLink::release(const Release& release) {
  if (state_ != State::Up || context_ == nullptr) return;  // stranded, then
  buffer_.clear();
  append_release(buffer_, release, release_script());
  command(Ask::Release, buffer_);
}

void RedisLink::measure() {
  if (context_ != nullptr) command(Ask::Time, redis_request({"TIME"}));
}

void RedisLink::call_reserve() {
  if (state_ != State::Up || context_ == nullptr) return;
  while (calls_ < kMaxCalls && !urgent_.empty()) call_reserve(urgent_);
  while (calls_ < kMaxCalls && !ahead_.empty()) call_reserve(ahead_);
}

void RedisLink::call_reserve(std::deque<Reservation>& queue) {
  batch_.clear();
  std::size_t words = 0;
  while (!queue.empty() && batch_.size() < kMaxCounters) {
    words += words_of(queue.front());
    if (words > kMaxWords && !batch_.empty()) break;
    batch_.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  buffer_.clear();
  append_reserve(buffer_, batch_, script_known_ ? script_sha_ : std::string_view(), script_);
  Asked& asked = command(Ask::Reserve, buffer_);
  if (!spare_parts_.empty()) {
    asked.parts.swap(spare_parts_.back());
    spare_parts_.pop_back();
  }
  for (const Reservation& reservation : batch_) asked.parts.push_back(asked_of(reservation));
  ++calls_;
}

void RedisLink::flush() {
  call_reserve();
  if (!want_write_ || context_ == nullptr || state_ < State::Greeting) return;
  want_write_ = false;
  const Mono now = mono_now();
  for (; unsent_ > 0; --unsent_) asked_[asked_.size() - unsent_].sent = now;
  if (state_ == State::Up && !timer_armed_ && !asked_.empty()) arm(config_.command_timeout_ms);
  redisAsyncHandleWrite(context_);
  // What did not fit waits for the socket.
  if (context_ != nullptr) poll_for(want_write_ ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

void RedisLink::poll_for(int events) {
  if (poll_ == nullptr || polled_ == events) return;
  polled_ = events;
  uv_poll_start(poll_->get(), events, [](uv_poll_t* poll, int status, int ready) {
    if (poll->data != nullptr) static_cast<RedisLink*>(poll->data)->on_poll(status, ready);
  });
}

void RedisLink::on_poll(int status, int events) {
  if (context_ == nullptr) return;
  // An error of the socket is found by reading from it.
  if (status < 0) events = UV_READABLE;
  if (state_ == State::Connecting) {
    redisAsyncHandleWrite(context_);
    if (state_ == State::Greeting) greet();
  } else if ((events & UV_READABLE) != 0) {
    redisAsyncHandleRead(context_);
  }
  if (context_ != nullptr && (events & UV_WRITABLE) != 0 && state_ >= State::Greeting) flush();
  if (context_ != nullptr && state_ >= State::Greeting && !want_write_) poll_for(UV_READABLE);
}

// hiredis calls this right after it has read, before any reply is handed out: the moment to stamp.
void RedisLink::add_read(void* self) { static_cast<RedisLink*>(self)->received_ = mono_now(); }

// Writing waits for flush(), so that what one turn of the loop asks goes out as one.
void RedisLink::add_write(void* self) { static_cast<RedisLink*>(self)->want_write_ = true; }
void RedisLink::del_write(void* self) { static_cast<RedisLink*>(self)->want_write_ = false; }

// The context goes, and its socket with it.
void RedisLink::cleanup(void* self) {
  auto* link = static_cast<RedisLink*>(self);
  delete std::exchange(link->poll_, nullptr);
}

void RedisLink::on_reply(const redisReply* reply) {
  if (asked_.empty()) return;  // an unasked push
  Asked asked = std::move(asked_.front());
  asked_.pop_front();
  if (asked.what == Ask::Reserve) --calls_;
  if (state_ == State::Greeting) {
    on_greeting(asked, *reply);
  } else if (asked.what == Ask::Reserve) {
    on_reservations(asked, *reply);
  } else if (asked.what == Ask::Time) {
    if (const auto time = parse_time(*reply)) time_was(asked, *time);
  }
  if (asked.parts.capacity() > 0 && spare_parts_.size() < kMaxCalls) {
    asked.parts.clear();
    spare_parts_.push_back(std::move(asked.parts));
  }
}

void RedisLink::time_was(const Asked& asked, StoreTime time) {
  if (mutant("window-from-host-clock")) {
    timespec host{};
    clock_gettime(CLOCK_REALTIME, &host);
    time.us = host.tv_sec * 1'000'000 + host.tv_nsec / 1000;
  }
  events_.store_time(asked.sent, received_, time, std::exchange(fresh_primary_, false));
}

void RedisLink::on_reservations(const Asked& asked, const redisReply& reply) {
  if (reply.type == REDIS_REPLY_ERROR) {
    on_refusal(asked, std::string(text_of(reply)));
    return;
  }
  if (!parse_reserve_answers(reply, asked.parts, answers_)) {
    away("an answer was not understood");
    return;
  }
  attempts_ = 0;
  script_known_ = true;  // EVAL has made it known, too
  if (std::exchange(refusing_, false)) {
    status_.error.clear();
    events_.store_accepts();
  }
  time_was(asked, answers_.front().time);
  for (std::size_t i = 0; i < asked.parts.size(); ++i) {
    const ReserveAnswer& answer = answers_[i];
    events_.reserved(asked.parts[i].id, answer);
    if (answer.status == ReserveAnswer::Status::Spoilt) {
      events_.counter_spoilt("the counter holds something that is no number");
    }
  }
}

void RedisLink::on_refusal(const Asked& asked, const std::string& error) {
  const RedisError kind = kind_of_error(error);
  if (kind == RedisError::Connection) {
    away(error);
    return;
  }
  if (kind == RedisError::NoScript)
    script_known_ = false;  // the whole text goes with the next ones
  for (const auto& [id, runs, checks] : asked.parts) {
    if (kind == RedisError::NoScript && mutant("noscript-is-grant")) {
      ReserveAnswer granted;
      granted.counter = kMaxPermits;
      granted.granted = {1'000'000};
      events_.reserved(id, granted);
    } else {
      events_.reserve_failed(id, kind == RedisError::NoScript);
    }
  }
  if (kind == RedisError::Counter) events_.counter_spoilt(error);
  if (kind == RedisError::Store) {
    status_.error = error;
    if (!std::exchange(refusing_, true)) events_.store_refuses(error);
  }
}

}  // namespace rategate
