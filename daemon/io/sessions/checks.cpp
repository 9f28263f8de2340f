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

namespace rategate {
namespace {

// With a name that no limit has, to find one that is like it: each comparison takes microseconds.
constexpr std::size_t kNamesCompared = 64;

std::string error_of(Verdict verdict, const LimitPtr& limit) {
  return verdict == Verdict::Stopping ? error_text(ErrorId::ShuttingDown)
                                      : error_text(ErrorId::StoreDown, {limit->name});
}

// By which this host goes through the counters of a limit that is spread: another one than others.
std::uint64_t number_of_host() {
  Random random(static_cast<std::uint64_t>(mono_now_ns()) ^ static_cast<std::uint64_t>(getpid()));
  return static_cast<std::uint64_t>(random.of_1024());
}

// Whether the part of some limit goes by how many hosts there are.
bool shares_by_hosts(const std::vector<Limit>& limits) {
  return std::any_of(limits.begin(), limits.end(), [](const Limit& limit) {
    return limit.on_store_down == OnStoreDown::Share && limit.share == Share{};
  });
}

}  // namespace

Checks::Checks(const Config& config, Engine& engine, Log& log)
    : may_declare_(config.fixed.server.declared_limits),
      max_declared_(config.fixed.server.max_declared),
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
  if (change.dropped) engine_.gate().drop_limits(mono_now());
  return change;
}

Result<LimitUsePtr> Checks::find(const Caller& caller, const CheckRequest& request) {
  if (const LimitUsePtr& known = limits_.configured(request.limit)) return known;
  if (!request.declared || !may_declare_) {
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
  if (const LimitUsePtr& known = limits_.configured(request.limit)) {
    return ask(caller, known, request.key, request.cost);
  }
  const auto limit = find(caller, request);
  if (!limit) return Refused{limit.error()};
  return ask(caller, *limit, request.key, request.cost);
}

CheckOutcome Checks::throttle(const Caller& caller, const ThrottleRequest& request) {
  if (!may_declare_) return Refused{no_limit_error(kCellName, {}, true)};
  const LimitUsePtr limit =
      tell_gave_way(caller, [&] { return limits_.cell(request.rate, request.burst); });
  return ask(caller, limit, request.key, request.quantity);
}

CheckOutcome Checks::ask(const Caller& caller, const LimitUsePtr& limit, std::string_view key,
                         std::int64_t cost) {
  const CheckResult result =
      engine_.gate().check({limit, key, cost, caller.ticket, caller.flow}, caller.moment);
  if (result.waits) return Parked{result.waiter};
  if (result.verdict != Verdict::Decided) return Refused{error_of(result.verdict, limit->limit)};
  return result.decision;
}

std::int64_t Checks::repeat(const Caller& caller, const CheckRequest& request,
                            const Decision& decided, std::int64_t count) {
  const LimitUsePtr& limit = limits_.configured(request.limit);
  if (!limit) return 0;  // declared in the call: as rare as it is dear to find
  return engine_.gate().repeat({limit, request.key, request.cost}, decided, count, caller.moment);
}

void write_answer(std::string& out, const Answer& answer) {
  if (answer.verdict == Verdict::Decided && answer.decision.cell) {
    write_cell(out, answer.decision);
  } else if (answer.verdict == Verdict::Decided) {
    write_decision(out, answer.decision);
  } else {
    ReplyWriter(out, 2).error(error_of(answer.verdict, answer.limit));
  }
}

}  // namespace rategate
