// rategate for C++17 and later: header only, over the C library (link with -lrategate).
//
//   auto send = rategate::rate_per_second(100, [](const Mail& mail) { ... });
//   try {
//     send(mail);
//   } catch (const rategate::RateLimitExceeded& denied) {
//     // try again after denied.retry_after()
//   }
//
// A decorated function asks the daemon and then calls, with its arguments forwarded and its result
// returned as they are. Ways to say the limit:
//
//   rate_per_second(100, fn)            100 calls per second, by all hosts that do the same: the
//                                       built-in limit "rate-limit", whose counter is that of the
//                                       well-known recipe, rate-limit:<unix second>
//   rate_per_second(100, fn, "mail")    100 per second of a limit named "mail"
//   limited("api", fn)                  the limit "api" as the daemon is configured
//
// each also with a Client before it; without one, each makes a client of its own, which asks at
// $RATEGATE_SOCKET or else the default path. fn is whatever std::invoke takes.
//
// Work of which only so many may go on at a time enters, and leaves with its scope:
//
//   if (auto entry = client.limit("work").enter("alice")) do_the_work();
//
// Failures are exceptions: RateLimitExceeded for a denial; and NoDecision, which is Unavailable
// while the daemon or its store is away, and Refused where the question is wrong. Client and Limit
// are handles that are cheap to copy; the last copy, of the client, its limits and what they
// decorate, closes the connections. All of it may be used by many threads at once, and after
// fork(), as rategate.h says.
#ifndef RATEGATE_RATEGATE_HPP
#define RATEGATE_RATEGATE_HPP

#include <rategate/rategate.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <rategate/decision.hpp>
#include <rategate/entry.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rategate {
inline namespace v0 {

// Names and values of the fields of an HTTP response, in the order in which they are written.
using HttpFields = std::vector<std::pair<std::string, std::string>>;

// A decision about the limit `name` as RateLimit-Policy, RateLimit, X-RateLimit-Limit, -Remaining
// and -Reset, and Retry-After; which of them when, and what they say, is told with
// rategate_http_fields in rategate.h. `period` is the limit's, 0 where it is not known; `burst` of
// a token bucket, 0 of windows. Throws std::invalid_argument where name or numbers are out of
// range.
inline HttpFields http_fields(const Decision& decision, std::string_view name, milliseconds period,
                              std::int64_t burst = 0) {
  rategate_decision told{};
  told.allowed = decision.allowed ? 1 : 0;
  told.limit = decision.limit;
  told.remaining = decision.remaining;
  told.retry_after_ms = decision.retry_after.count();
  told.reset_after_ms = decision.reset_after.count();
  char lines[RATEGATE_MAX_HTTP_FIELDS];
  // A NUL inside would cut the name short.
  const int size = name.find('\0') != std::string_view::npos
                       ? -EINVAL
                       : rategate_http_fields(std::string(name).c_str(), period.count(), burst,
                                              &told, lines, sizeof lines);
  if (size < 0) throw std::invalid_argument("rategate: no limit's decision for HTTP fields");
  HttpFields fields;
  std::string_view left(lines, static_cast<std::size_t>(size));
  while (!left.empty()) {
    const std::size_t colon = left.find(": ");
    const std::size_t end = left.find("\r\n");
    fields.emplace_back(left.substr(0, colon), left.substr(colon + 2, end - colon - 2));
    left.remove_prefix(end + 2);
  }
  return fields;
}

struct Options {
  std::string socket_path;     // empty: $RATEGATE_SOCKET, else the default path
  milliseconds timeout{0};     // of one call. 0: 5 s
  std::uint32_t max_idle = 0;  // connections kept open between calls. 0: 64
  bool shared_memory = true;   // false: ask over the socket only
  bool receipts = false;       // true: decisions have receipts, for Limit::settle
};

// An answer to any verb; its nodes live as long as it does.
class Reply {
 public:
  explicit Reply(rategate_reply* reply) noexcept : reply_(reply) {}
  const rategate_reply& operator*() const noexcept { return *reply_; }
  const rategate_reply* operator->() const noexcept { return reply_.get(); }

 private:
  struct Free {
    void operator()(rategate_reply* reply) const noexcept { rategate_reply_free(reply); }
  };
  std::unique_ptr<rategate_reply, Free> reply_;
};

struct CombinedDecision;

// A resolved limit. Keeps its client open.
class Limit {
 public:
  // Asks for `cost` permits, all or none. Throws NoDecision.
  Decision check(std::string_view key = {}, std::int64_t cost = 1) const {
    return ask(rategate_check, key, cost);
  }

  // What check would decide now, and nothing is taken: an estimate, which reserves nothing. Always
  // asks the daemon over the socket. Throws NoDecision.
  Decision peek(std::string_view key = {}, std::int64_t cost = 1) const {
    return ask(rategate_peek, key, cost);
  }

  // Says what was used of `took` permits that a check of this limit, for that key, has taken by
  // that receipt. Gives how many were taken back; negative: so many were charged, because more was
  // used. Throws NoDecision. Whether it was settled is not known after Unavailable; it is never
  // sent twice, and is not to be repeated: settled twice, it gives back twice.
  std::int64_t settle(std::int64_t took, std::int64_t used, std::int64_t receipt,
                      std::string_view key = {}) const {
    std::int64_t back = 0;
    rategate_error error;
    const int rc =
        rategate_settle(limit_, key.data(), key.size(), took, used, receipt, &back, &error);
    if (rc != 0) detail::fail(rc, error.text);
    return back;
  }

  // The limit begins anew for that key, on all hosts, by the time that this returns: see
  // rategate_clear. Gives how many permits were counted of it. Throws NoDecision; Unavailable where
  // the store has not done it, or nobody knows.
  std::int64_t clear(std::string_view key = {}) const {
    std::int64_t cleared = 0;
    rategate_error error;
    const int rc = rategate_clear(limit_, key.data(), key.size(), &cleared, &error);
    if (rc != 0) detail::fail(rc, error.text);
    return cleared;
  }

  // Throws RateLimitExceeded when denied, NoDecision.
  void require(std::string_view key = {}, std::int64_t cost = 1) const {
    const Decision decision = check(key, cost);
    if (!decision.allowed) throw RateLimitExceeded(name_, decision);
  }

  // Waits until it is allowed, and for no longer than the time-out (none: for ever), in the
  // daemon's line: first come first served. Nothing when the time is over or Client::cancel was
  // called. Throws NoDecision, and at once where the cost can never fit.
  std::optional<Decision> acquire(std::optional<milliseconds> timeout = std::nullopt,
                                  std::string_view key = {}, std::int64_t cost = 1) const {
    rategate_decision answer;
    rategate_error error;
    const int rc =
        rategate_acquire(limit_, key.data(), key.size(), cost, wait_ms(timeout), &answer, &error);
    if (rc == -ETIMEDOUT || rc == -ECANCELED) return std::nullopt;
    if (rc != 0) detail::fail(rc, error.text);
    return detail::to_decision(answer);
  }

  // Waits as acquire does, and gives what the daemon tells of the decision, allowed or denied: see
  // rategate_acquirex. Throws NoDecision, also after Client::cancel.
  Reply acquirex(std::optional<milliseconds> timeout = std::nullopt, std::string_view key = {},
                 std::int64_t cost = 1) const {
    rategate_reply* reply = nullptr;
    rategate_error error;
    const int rc =
        rategate_acquirex(limit_, key.data(), key.size(), cost, wait_ms(timeout), &reply, &error);
    if (rc != 0) detail::fail(rc, error.text);
    return Reply(reply);
  }

  // Begins work under a limit of concurrency: see rategate_enter. The entry, while it lives, holds
  // `cost` slots; it is false where it was denied, and says why. Denied, it waits for others to
  // leave, for `timeout` (none: for ever). `lasts` 0: it belongs to a connection of its own; else
  // it is over after that time unless Entry::stay renews it. Throws NoDecision.
  Entry enter(std::string_view key = {}, std::int64_t cost = 1,
              std::optional<milliseconds> timeout = milliseconds(0),
              milliseconds lasts = milliseconds(0)) const {
    rategate_entry* entry = nullptr;
    rategate_decision answer;
    rategate_error error;
    const int rc = rategate_enter(limit_, key.data(), key.size(), cost, wait_ms(timeout),
                                  lasts.count(), &entry, &answer, &error);
    if (rc != 0) detail::fail(rc, error.text);
    return Entry(client_, entry, detail::to_decision(answer));
  }

  const std::string& name() const noexcept { return name_; }
  rategate_limit* get() const noexcept { return limit_; }

  // Permits of it, for check_all().
  struct Of {
    const Limit& limit;
    std::string_view key;
    std::int64_t cost = 1;
  };
  Of of(std::string_view key = {}, std::int64_t cost = 1) const { return {*this, key, cost}; }

 private:
  friend class Client;
  Limit(std::shared_ptr<rategate_client> client, rategate_limit* limit, std::string name)
      : client_(std::move(client)), limit_(limit), name_(std::move(name)) {}

  // None is for ever.
  static std::int64_t wait_ms(const std::optional<milliseconds>& timeout) noexcept {
    return timeout ? std::int64_t{timeout->count() < 0 ? 0 : timeout->count()} : -1;
  }

  Decision ask(decltype(rategate_check)& question, std::string_view key, std::int64_t cost) const {
    rategate_decision answer;
    rategate_error error;
    const int rc = question(limit_, key.data(), key.size(), cost, &answer, &error);
    if (rc != 0) detail::fail(rc, error.text);
    return detail::to_decision(answer);
  }

  std::shared_ptr<rategate_client> client_;
  rategate_limit* limit_;
  std::string name_;
};

// A decision about several limits, and the place of the one that it is of in their list.
struct CombinedDecision {
  Decision decision;
  std::size_t named = 0;
};

// Asks for permits of several limits of one client, all or none: see rategate_check_all. Throws
// NoDecision, std::invalid_argument for a list that cannot be.
inline CombinedDecision check_all(const std::vector<Limit::Of>& list) {
  std::vector<rategate_member> members;
  for (const Limit::Of& of : list) {
    members.push_back({of.limit.get(), of.key.data(), of.key.size(), of.cost});
  }
  rategate_decision answer;
  rategate_error error;
  std::size_t named = 0;
  const int rc = rategate_check_all(members.data(), members.size(), &answer, &named, &error);
  if (rc == -EINVAL) throw std::invalid_argument(std::string("rategate: ") + error.text);
  if (rc != 0) detail::fail(rc, error.text);
  return {detail::to_decision(answer), named};
}

class Client {
 public:
  // Does not connect: the first call that asks does. Throws Unavailable where even that fails
  // (memory, descriptors), std::invalid_argument for options that cannot be.
  Client() : Client(Options{}) {}
  explicit Client(const Options& options) {
    if (options.timeout.count() < 0 || options.timeout.count() > UINT32_MAX) {
      throw std::invalid_argument("rategate: a time-out of 0 to 2^32 - 1 ms");
    }
    rategate_options given{};
    given.size = sizeof given;
    given.socket_path = options.socket_path.empty() ? nullptr : options.socket_path.c_str();
    given.timeout_ms = static_cast<std::uint32_t>(options.timeout.count());
    given.max_idle = options.max_idle;
    given.flags =
        (options.shared_memory ? 0 : RATEGATE_NO_SHM) | (options.receipts ? RATEGATE_RECEIPTS : 0);
    rategate_client* client = nullptr;
    const int rc = rategate_open(&client, &given);
    if (rc == -ENAMETOOLONG) throw std::invalid_argument("rategate: the socket's path is too long");
    if (rc != 0) detail::fail(rc, "rategate: cannot make a client");
    client_.reset(client, rategate_close);
  }

  // The limit of that name as the daemon is configured. Does not ask the daemon. Throws
  // std::invalid_argument where no limit can have that name.
  Limit limit(std::string_view name) const { return resolve(name, 0, milliseconds(0)); }

  // The same, declared: for a daemon that has none of that name, so many permits per period.
  // Throws std::invalid_argument also where the numbers are out of range.
  Limit limit(std::string_view name, std::int64_t permits, milliseconds period) const {
    if (permits == 0) throw std::invalid_argument("rategate: a limit of 0 permits");
    return resolve(name, permits, period);
  }

  // Sends any other verb, such as {"PING"}. Throws NoDecision, also when an error is the answer.
  Reply command(const std::vector<std::string_view>& words) const {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string_view word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    rategate_reply* reply = nullptr;
    rategate_error error;
    const int rc =
        rategate_command(client_.get(), words.size(), texts.data(), sizes.data(), &reply, &error);
    if (rc != 0) detail::fail(rc, error.text);
    return Reply(reply);
  }

  // Ends each Limit::acquire and acquirex of this client, now and later. For a program that ends.
  void cancel() const noexcept { rategate_cancel(client_.get()); }

  std::string_view socket_path() const noexcept { return rategate_socket_path(client_.get()); }
  rategate_client* get() const noexcept { return client_.get(); }

 private:
  Limit resolve(std::string_view name, std::int64_t permits, milliseconds period) const {
    std::string text(name);
    rategate_limit* limit = nullptr;
    // A NUL inside would cut the name short.
    const int rc =
        text.find('\0') != std::string::npos
            ? -EINVAL
            : rategate_resolve(client_.get(), text.c_str(), permits, period.count(), &limit);
    if (rc == -EINVAL) {
      throw std::invalid_argument("rategate: '" + text +
                                  "' cannot be a limit: names are 1 to 64 letters, digits and "
                                  "_-./@, permits 1 to 1000000000, periods 10 ms to 31 days");
    }
    if (rc != 0) detail::fail(rc, "rategate: cannot resolve a limit");
    return Limit(client_, limit, std::move(text));
  }

  std::shared_ptr<rategate_client> client_;
};

// A callable that asks its limit and then calls the function it was made of. As const, movable and
// copyable as that function is.
template <class F>
class Limited {
 public:
  template <class G>
  Limited(Limit limit, G&& function)
      : limit_(std::move(limit)), function_(std::forward<G>(function)) {}

  template <class... Args>
  std::invoke_result_t<F&, Args...> operator()(Args&&... args) & {
    limit_.require();
    return std::invoke(function_, std::forward<Args>(args)...);
  }
  template <class... Args>
  std::invoke_result_t<const F&, Args...> operator()(Args&&... args) const& {
    limit_.require();
    return std::invoke(function_, std::forward<Args>(args)...);
  }
  template <class... Args>
  std::invoke_result_t<F, Args...> operator()(Args&&... args) && {
    limit_.require();
    return std::invoke(std::move(function_), std::forward<Args>(args)...);
  }

  const Limit& limit() const noexcept { return limit_; }

 private:
  Limit limit_;
  F function_;
};

template <class F>
Limited<std::decay_t<F>> limited(const Client& client, std::string_view name, F&& function) {
  return {client.limit(name), std::forward<F>(function)};
}

template <class F>
Limited<std::decay_t<F>> limited(std::string_view name, F&& function) {
  return limited(Client(), name, std::forward<F>(function));
}

template <class F>
Limited<std::decay_t<F>> rate_per_second(const Client& client, std::int64_t permits, F&& function,
                                         std::string_view name = RATEGATE_RECIPE_LIMIT) {
  return {client.limit(name, permits, std::chrono::seconds(1)), std::forward<F>(function)};
}

template <class F>
Limited<std::decay_t<F>> rate_per_second(std::int64_t permits, F&& function,
                                         std::string_view name = RATEGATE_RECIPE_LIMIT) {
  return rate_per_second(Client(), permits, std::forward<F>(function), name);
}

}  // namespace v0
}  // namespace rategate

#endif
