// Who decides: it knows the limits, and asks the gate. Most checks are of a limit that is
// configured and are decided at once; what costs more is kept out of their way.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "daemon/base/result.hpp"
#include "daemon/base/seldom.hpp"
#include "daemon/config/config.hpp"
#include "daemon/core/gate.hpp"
#include "daemon/io/log/log.hpp"
#include "daemon/io/loop/engine.hpp"
#include "daemon/limit/limit_table.hpp"
#include "daemon/proto/service.hpp"

namespace rategate {

class Checks final : public CheckService {
 public:
  Checks(const Config& config, Engine& engine, Log& log);

  // Answers what has become of the limits that changed.
  LimitTable::Change configure(const LiveConfig& live);
  const LimitTable& limits() const { return limits_; }
  // The limit that is configured by that name, or else declared by the request, and takes its key.
  // Error: a complete error text. So it is where the limit is one of concurrency.
  Result<LimitUsePtr> find(const Caller& caller, const CheckRequest& request);

  CheckOutcome check(const Caller& caller, const CheckRequest& request) override;
  CheckOutcome check_all(const Caller& caller, std::span<const CheckRequest> requests) override;
  ExplainOutcome explain(const Caller& caller, const CheckRequest& request) override;
  CheckOutcome throttle(const Caller& caller, const ThrottleRequest& request) override;
  SettleOutcome settle(const Caller& caller, const SettleRequest& request) override;
  ClearOutcome clear(const Caller& caller, const CheckRequest& request) override;
  EnterOutcome enter(const Caller& caller, const EnterRequest& request) override;
  bool leave(const Caller& caller, std::uint64_t entry) override;
  StayOutcome stay(const Caller& caller, std::uint64_t entry) override;
  bool has_entered(std::uint32_t flow) override { return engine_.gate().holds().has_entered(flow); }
  void told(std::uint32_t flow) override { engine_.gate().holds().told(flow); }
  void gone(std::uint32_t flow) override;
  std::int64_t repeat(const Caller& caller, const CheckRequest& request, const Decision& decided,
                      std::int64_t count) override;
  void abandon(WaiterId waiter) override { engine_.gate().abandon(waiter); }

 private:
  // Of whatever algorithm, and whether it takes the key or not.
  Result<LimitUsePtr> find_any(const Caller& caller, const CheckRequest& request);
  // The same as find(), and those of concurrency as well.
  Result<LimitUsePtr> find_to_look(const Caller& caller, const CheckRequest& request);
  LimitUsePtr unnamed(const Caller& caller, const CheckRequest& request);
  LimitUsePtr declared(const Caller& caller, const CheckRequest& request, const Rate& rate);
  CheckOutcome ask(const Caller& caller, Request request);
  CheckOutcome ask_combined(const Caller& caller, const LimitUsePtr& limit,
                            const CheckRequest& request);
  SettleOutcome settle_combined(const Caller& caller, const LimitUsePtr& limit,
                                const SettleRequest& request);
  // Of a limit of concurrency that takes the key.
  CheckOutcome look_at_entry(const Caller& caller, const LimitUsePtr& limit,
                             const CheckRequest& request);
  ExplainOutcome explain_entry(const Caller& caller, const LimitUsePtr& limit,
                               const CheckRequest& request);
  CheckOutcome ask_members(const Caller& caller, const CheckRequest& request, Members members);
  // What is looked up; the log is told where another one gave way to it.
  template <class LookUp>
  LimitUsePtr tell_gave_way(const Caller& caller, const LookUp& look_up);

  const bool may_declare_;
  const std::int64_t max_declared_;
  const std::int64_t max_wait_ms_;
  Engine& engine_;
  Log& log_;
  LimitTable limits_;
  Seldom gave_way_;
};

// What is answered where counted_key() is nothing, without '-' and CRLF.
std::string error_of_key(const Limit& limit, std::string_view key);
// The reply to a check that was parked.
void write_answer(std::string& out, const Answer& answer);
// The same of a CLEAR.
void write_cleared(std::string& out, const Cleared& answer);
// The same of an ENTER.
void write_entered(std::string& out, const EntryAnswer& answer);

}  // namespace rategate
