#include "daemon/io/sessions/checks.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "daemon/base/nearest.hpp"
#include "daemon/base/random.hpp"
#include "daemon/io/loop/mono_clock.hpp"
#include "daemon/io/sessions/peer_process.hpp"
#include "daemon/proto/errors.hpp"
#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/verbs/explain_reply.hpp"

namespace rategate {
namespace {

// With a name that no limit has, to find one that is like it: each comparison takes microseconds.
constexpr std::size_t kNamesCompared = 64;

std::string error_of(Verdict verdict, const LimitPtr& limit) {
  if (verdict == Verdict::Stopping) return error_text(ErrorId::ShuttingDown);
  if (verdict == Verdict::Crowded) return error_text(ErrorId::TooManyParked, {limit->name});
  return error_text(ErrorId::StoreDown, {limit->name});
}

// The limit, where the key is one that it takes; else the error's complete text.
Result<LimitUsePtr> taking(const LimitUsePtr& limit, std::string_view key) {
  IpText room;
  if (counted_key(*limit->limit, key, room)) return limit;
  return Error{error_of_key(*limit->limit, key)};
}

// By which this host goes through the counters of a limit that is spread: another one than others.
std::uint64_t number_of_host() {
  Random random(static_cast<std::uint64_t>(mono_now_ns()) ^ static_cast<std::uint64_t>(getpid()));
  return static_cast<std::uint64_t>(random.of_1024());
}

// Until when it waits in ACQUIRE; 0: it is a check.
Mono patience_of(const Caller& caller, const CheckRequest& asked, std::int64_t max_wait_ms) {
  const std::int64_t wait_ms = std::min(asked.timeout_ms, max_wait_ms);
  return wait_ms > 0 ? after(caller.moment, wait_ms * 1000) : Mono{};
}

Request request_of(const Caller& caller, const LimitUsePtr& limit, const CheckRequest& asked,
                   std::int64_t max_wait_ms) {
  const Ask ask = asked.takes ? Ask(asked.cost) : Ask::look(asked.cost);
  Request request{limit, asked.key, ask, caller.ticket, caller.flow, asked.telling};
  request.patience = patience_of(caller, asked, max_wait_ms);
  return request;
}

// Whether the part of some limit goes by how many hosts there are.
bool shares_by_hosts(const std::vector<Limit>& limits) {
  return std::any_of(limits.begin(), limits.end(), [](const Limit& limit) {
    return limit.on_store_down == OnStoreDown::Share && limit.share == Share{};
  });
}

}  // namespace

std::string error_of_key(const Limit& limit, std::string_view key) {
  return error_text(ErrorId::KeyNoAddress, {key, limit.name});
}

Checks::Checks(const Config& config, Engine& engine, Log& log)
    : may_declare_(config.fixed.server.declared_limits),
      max_declared_(config.fixed.server.max_declared),
      max_wait_ms_(config.fixed.server.max_wait_ms),
      engine_(engine),
      log_(log),
      limits_(static_cast<std::size_t>(config.fixed.server.max_declared), number_of_host()) {
  limits_.configure(config.live.limits, LimitTable::kNoClock);
  engine_.gate().count_hosts(shares_by_hosts(config.live.limits));
}

LimitTable::Change Checks::configure(const LiveConfig& live) {
  const auto latest = engine_.latest_time();
  const LimitTable::Change change =
      limits_.configure(live.limits, latest ? latest->us / 1000 : LimitTable::kNoClock);
  engine_.gate().count_hosts(shares_by_hosts(live.limits));
  if (change.dropped) {
    engine_.gate().drop_limits(mono_now());
    engine_.gate().holds().reload(
        [this](const std::string& name) {
          const LimitUsePtr known = limits_.configured(name);
          return known != nullptr ? known : limits_.unnamed(name);
        },
        mono_now());
  }
  return change;
}

Result<LimitUsePtr> Checks::find(const Caller& caller, const CheckRequest& request) {
  auto found = find_any(caller, request);
  if (!found) return found;
  if (!(*found)->is_entered) return taking(*found, request.key);
  return Error{error_text(ErrorId::CheckOfConcurrency, {(*found)->limit->name})};
}

Result<LimitUsePtr> Checks::find_to_look(const Caller& caller, const CheckRequest& request) {
  auto found = find_any(caller, request);
  return found ? taking(*found, request.key) : found;
}

Result<LimitUsePtr> Checks::find_any(const Caller& caller, const CheckRequest& request) {
  const bool declares = request.declared && may_declare_;
  LimitUsePtr known = limits_.configured(request.limit);
  if (known == nullptr && !declares) known = unnamed(caller, request);
  if (known != nullptr) return known;
  if (!declares) {
    const auto near = nearest(request.limit, limits_.names_near(request.limit, kNamesCompared));
    return Error{no_limit_error(request.limit, near.value_or(std::string_view()),
                                request.declared.has_value())};
  }
  return declared(caller, request, *request.declared);
}

LimitUsePtr Checks::declared(const Caller& caller, const CheckRequest& request, const Rate& rate) {
  return tell_gave_way(caller,
                       [&] { return limits_.declared(request.limit, rate, request.keyed); });
}

LimitUsePtr Checks::unnamed(const Caller& caller, const CheckRequest& request) {
  return tell_gave_way(caller, [&] { return limits_.unnamed(request.limit); });
}

template <class LookUp>
LimitUsePtr Checks::tell_gave_way(const Caller& caller, const LookUp& look_up) {
  const std::uint64_t before = limits_.gave_way();
  LimitUsePtr limit = look_up();
  if (limits_.gave_way() == before) return limit;
  if (const std::uint64_t times = gave_way_.happened(caller.moment)) {
    log_.event(LogLevel::Warning, "declared_limit_gave_way",
               "there are max_declared limits: one that counters are of gave way to a new one",
               {{"max_declared", max_declared_},
                {"new_limit", limit->limit->name},
                {"client", shown_peer(caller.peer)},
                {"times", times}});
  }
  return limit;
}

CheckOutcome Checks::check(const Caller& caller, const CheckRequest& request) {
  // Most checks: the pointer is not even copied, which would cost two locked instructions.
  if (const LimitUsePtr& known = limits_.configured(request.limit);
      known != nullptr && !known->is_entered) {
    if (known->is_combined()) return ask_combined(caller, known, request);
    return ask(caller, request_of(caller, known, request, max_wait_ms_));
  }
  const auto limit = request.takes ? find(caller, request) : find_to_look(caller, request);
  if (!limit) return Refused{limit.error()};
  if ((*limit)->is_entered) return look_at_entry(caller, *limit, request);
  if ((*limit)->is_combined()) return ask_combined(caller, *limit, request);
  return ask(caller, request_of(caller, *limit, request, max_wait_ms_));
}

CheckOutcome Checks::ask_combined(const Caller& caller, const LimitUsePtr& limit,
                                  const CheckRequest& request) {
  Members members;
  if (const Limit* const wrong = add_members(limit, request.key, request.cost, 0, members)) {
    return Refused{error_of_key(*wrong, request.key)};
  }
  return ask_members(caller, request, std::move(members));
}

CheckOutcome Checks::check_all(const Caller& caller, std::span<const CheckRequest> requests) {
  Members members;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const CheckRequest& request = requests[i];
    const auto limit = find(caller, request);
    if (!limit) return Refused{limit.error()};
    const Limit* const wrong = add_members(*limit, request.key, request.cost, i, members);
    if (wrong != nullptr) return Refused{error_of_key(*wrong, request.key)};
  }
  if (members.size() > kMostMembers) {
    return Refused{error_text(ErrorId::TooManyMembers, {members.size()})};
  }
  return ask_members(caller, requests.front(), std::move(members));
}

CheckOutcome Checks::ask_members(const Caller& caller, const CheckRequest& request,
                                 Members members) {
  CombinedRequest asked{std::move(members), request.takes, caller.ticket, caller.flow,
                        request.telling};
  asked.patience = patience_of(caller, request, max_wait_ms_);
  const CheckResult result = engine_.gate().check_combined(std::move(asked), caller.moment);
  if (result.waits) return Parked{result.waiter};
  const LimitPtr named = result.by_rule != nullptr ? result.by_rule->shown : nullptr;
  if (result.verdict != Verdict::Decided) return Refused{error_of(result.verdict, named)};
  if (request.telling >= Telling::Map) return Explained{result.decision, named};
  return result.decision;
}

// Of one limit as of several: a combined check knows to its end what it was asked.
ExplainOutcome Checks::explain(const Caller& caller, const CheckRequest& request) {
  const auto limit = find_to_look(caller, request);
  if (!limit) return Refused{limit.error()};
  if ((*limit)->is_entered) return explain_entry(caller, *limit, request);
  Members members;
  if (const Limit* const wrong = add_members(*limit, request.key, request.cost, 0, members)) {
    return Refused{error_of_key(*wrong, request.key)};
  }
  const CheckResult result = engine_.gate().check_combined(
      {std::move(members), false, caller.ticket, caller.flow, request.telling, true},
      caller.moment);
  if (result.waits) return Parked{result.waiter};
  if (auto explanation = engine_.gate().take_explanation()) return explanation;
  return Refused{error_of(result.verdict, (*limit)->limit)};
}

CheckOutcome Checks::throttle(const Caller& caller, const ThrottleRequest& request) {
  if (!may_declare_) return Refused{no_limit_error(kCellName, {}, true)};
  const LimitUsePtr limit =
      tell_gave_way(caller, [&] { return limits_.cell(request.rate, request.burst); });
  return ask(caller,
             {limit, request.key, request.quantity, caller.ticket, caller.flow, Telling::Cell});
}

SettleOutcome Checks::settle(const Caller& caller, const SettleRequest& request) {
  const auto limit = find(caller, request.check);
  if (!limit) return Refused{limit.error()};
  const Limit& numbers = *(*limit)->limit;
  if (numbers.settle == Settle::Off) {
    return Refused{error_text(ErrorId::SettleOff, {numbers.name})};
  }
  if ((*limit)->is_combined()) return settle_combined(caller, *limit, request);
  IpText room;
  const auto counted = counted_key(numbers, request.check.key, room);
  if (!counted) return Refused{error_of_key(numbers, request.check.key)};
  return engine_.gate().settle({*limit, *counted, request.took, request.used, request.receipt},
                               caller.moment);
}

SettleOutcome Checks::settle_combined(const Caller& caller, const LimitUsePtr& limit,
                                      const SettleRequest& request) {
  Members members;
  const Limit* const wrong = add_members(limit, request.check.key, 1, 0, members);
  if (wrong != nullptr) return Refused{error_of_key(*wrong, request.check.key)};
  return engine_.gate().settle_combined(
      members, {limit, request.check.key, request.took, request.used, request.receipt},
      caller.moment);
}

ClearOutcome Checks::clear(const Caller& caller, const CheckRequest& request) {
  const auto limit = find(caller, request);
  if (!limit) return Refused{limit.error()};
  const Limit& numbers = *(*limit)->limit;
  IpText room;
  const auto counted = counted_key(numbers, request.key, room);
  if (!counted) return Refused{error_of_key(numbers, request.key)};
  log_.event(LogLevel::Info, "clear", "somebody lets a limit begin anew",
             {{"limit", numbers.name}, {"client", shown_peer(caller.peer)}});
  engine_.gate().clear({*limit, *counted, caller.ticket}, caller.moment);
  return Parked{};
}

CheckOutcome Checks::ask(const Caller& caller, Request request) {
  const LimitPtr& limit = request.limit->limit;
  IpText room;
  const auto counted = counted_key(*limit, request.key, room);
  if (!counted) return Refused{error_of_key(*limit, request.key)};
  request.key = *counted;
  const CheckResult result = engine_.gate().check(request, caller.moment);
  if (result.waits) return Parked{result.waiter};
  if (result.verdict != Verdict::Decided) return Refused{error_of(result.verdict, limit)};
  if (request.telling >= Telling::Map) {
    return Explained{result.decision, result.by_rule != nullptr ? result.by_rule->limit : limit};
  }
  return result.decision;
}

std::int64_t Checks::repeat(const Caller& caller, const CheckRequest& request,
                            const Decision& decided, std::int64_t count) {
  const LimitUsePtr& limit = limits_.configured(request.limit);
  // Declared in the call: as rare as it is dear to find. Or combined, so that it is taken of
  // several.
  if (!limit || limit->is_combined()) return 0;
  IpText room;
  const auto counted = counted_key(*limit->limit, request.key, room);
  if (!counted) return 0;  // it was decided, so that it is one
  return engine_.gate().repeat({limit, *counted, request.cost}, decided, count, caller.moment);
}

void write_cleared(std::string& out, const Cleared& answer) {
  ReplyWriter reply(out, 2);
  if (answer.stopping) {
    reply.error(error_text(ErrorId::ShuttingDown));
  } else if (!answer.why_not.empty()) {
    reply.error(error_text(ErrorId::NotCleared, {answer.limit->name, answer.why_not}));
  } else {
    reply.integer(answer.permits);
  }
}

void write_answer(std::string& out, const Answer& answer) {
  if (answer.explanation != nullptr) {
    const int resp = answer.telling == Telling::Map3 ? 3 : 2;
    return write_explanation(out, *answer.explanation, resp);
  }
  if (answer.verdict != Verdict::Decided) {
    return ReplyWriter(out, 2).error(error_of(answer.verdict, answer.limit));
  }
  write_told(out, answer.telling, answer.decision, answer.limit.get());
}

}  // namespace rategate
