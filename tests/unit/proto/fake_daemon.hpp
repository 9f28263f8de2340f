// What the protocol's tests talk to: services that answer what they are told to, and a connection
// that buffers, parses and dispatches as the daemon's does.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/proto/resp/reply_writer.hpp"
#include "daemon/proto/resp/request_parser.hpp"
#include "daemon/proto/verbs/dispatch.hpp"
#include "daemon/proto/verbs/table.hpp"

namespace rategate::test {

struct SeenCheck {
  std::string limit;
  std::string key;
  std::int64_t cost = 0;
  bool keyed = false;
  bool declared = false;
  Rate rate;
  bool takes = true;
};

inline constexpr Decision kAllowed{true, Reason::Counted, 100, 99, 0, 412};
inline constexpr Decision kDenied{false, Reason::OverLimit, 100, 0, 412, 412};

// The limit `api`, 100 per second, that the examples of docs/protocol.md are about.
inline LimitFacts api_limit(std::uint64_t allowed = 99, std::uint64_t denied = 1) {
  Limit limit;
  limit.name = "api";
  limit.permits = 100;
  limit.period_ms = 1000;
  limit.redis_key = *KeyTemplate::parse(kDefaultRedisKey);
  return {std::make_shared<const Limit>(std::move(limit)), true, allowed, denied, 7};
}

class FakeService : public CheckService,
                    public SharingService,
                    public StateService,
                    public ConfigService {
 public:
  Services services() { return {*this, *this, *this, *this}; }

  std::deque<CheckOutcome> outcomes;  // of the next checks; kAllowed when there are none
  std::vector<SeenCheck> seen;
  std::vector<std::array<std::int64_t, 3>> settled;          // took, used, receipt
  std::vector<std::pair<std::string, std::string>> cleared;  // limit, key
  ReloadOutcome reloaded = Reloaded{1, {}};
  bool trusted = true;
  bool admin = true;
  bool remember = true;
  bool full = false;
  std::int64_t repeatable = 0;  // so many more copies of a check are answered in one step
  std::shared_ptr<const Explanation> explanation;  // the answer to EXPLAIN; null: no such limit
  Snapshot state;
  std::vector<ClientStatus> connections;

  CheckOutcome check(const Caller&, const CheckRequest& request) override {
    if (remember) {
      seen.push_back({std::string(request.limit), std::string(request.key), request.cost,
                      request.keyed, request.declared.has_value(),
                      request.declared.value_or(Rate{}), request.takes});
    }
    CheckOutcome outcome = kAllowed;
    if (!outcomes.empty()) {
      outcome = std::move(outcomes.front());
      outcomes.pop_front();
    }
    const auto* decision = std::get_if<Decision>(&outcome);
    if (decision == nullptr || request.telling < Telling::Map) return outcome;
    Explained explained{*decision, api_limit().limit};
    if (decision->allowed) explained.decision.receipt = 1'700'000'001'000;
    return explained;
  }
  ExplainOutcome explain(const Caller&, const CheckRequest& request) override {
    seen.push_back({std::string(request.limit), std::string(request.key), request.cost,
                    request.keyed, request.declared.has_value(), request.declared.value_or(Rate{}),
                    request.takes});
    if (explanation == nullptr) return Refused{no_limit_error(request.limit, "api", false)};
    return explanation;
  }
  CheckOutcome check_all(const Caller& caller, std::span<const CheckRequest> requests) override {
    for (const CheckRequest& request : requests.subspan(1)) {
      seen.push_back({std::string(request.limit),
                      std::string(request.key),
                      request.cost,
                      request.keyed,
                      false,
                      {},
                      request.takes});
    }
    return check(caller, requests.front());
  }
  CheckOutcome throttle(const Caller&, const ThrottleRequest&) override {
    return Decision{true, Reason::Counted, 16, 15, 0, 2000, 0, 2'000'000};
  }
  SettleOutcome settle(const Caller&, const SettleRequest& request) override {
    settled.push_back({request.took, request.used, request.receipt});
    if (request.check.limit != "api")
      return Refused{no_limit_error(request.check.limit, "api", false)};
    return request.took - request.used;
  }
  ClearOutcome clear(const Caller&, const CheckRequest& request) override {
    cleared.emplace_back(request.limit, request.key);
    if (request.limit != "api") return Refused{no_limit_error(request.limit, "api", false)};
    return Parked{};
  }
  ReloadOutcome reload(const Caller&) override { return reloaded; }
  bool trusts(const Peer&) override { return trusted; }
  bool is_admin(const Peer&) override { return admin; }
  std::int64_t repeat(const Caller&, const CheckRequest&, const Decision&,
                      std::int64_t count) override {
    const std::int64_t done = std::min(count, repeatable);
    repeatable -= done;
    return done;
  }
  ResolveOutcome resolve(const Caller&, const CheckRequest& request) override {
    if (request.limit != "api") return Refused{no_limit_error(request.limit, "api", false)};
    return Resolved{{5, 100, 1000, true, true, 0, 100, 1000}};
  }
  void abandon(WaiterId) override {}
  EnterOutcome enter(const Caller&, const EnterRequest&) override { return EntryDecision{}; }
  bool leave(const Caller&, std::uint64_t) override { return false; }
  StayOutcome stay(const Caller&, std::uint64_t) override { return false; }
  bool has_entered(std::uint32_t) override { return false; }
  void told(std::uint32_t) override {}
  void gone(std::uint32_t) override {}
  Result<std::size_t> hand_out(const Peer&, std::string_view answer) override {
    return answer.size();
  }
  void closing(const Peer&) override {}
  std::size_t kept_sockets() override { return 0; }
  AttachOutcome attach(const Caller& caller) override {
    if (!caller.may_pass_descriptors) return Refused{error_text(ErrorId::AttachAlone)};
    if (full) return Refused{error_text(ErrorId::NoShm)};
    return Attached{4, 77, 1'000'000, 4'198'400};
  }
  std::string_view version() override { return "0.1.0"; }
  Snapshot snapshot(bool) override { return state; }
  std::vector<ClientStatus> clients(std::uint64_t after, std::size_t most) override {
    std::vector<ClientStatus> some;
    for (const ClientStatus& client : connections) {
      if (client.id > after && some.size() < most) some.push_back(client);
    }
    return some;
  }
  ClientStatus client(const Caller& caller) override {
    const Session& session = caller.session;
    ClientStatus status;
    status.id = session.id;
    status.addr = "/run/rategate/rategate.sock";
    status.pid = 42;
    status.uid = 1000;
    status.name = session.name;
    status.lib_name = session.lib_name;
    status.lib_version = session.lib_version;
    status.resp = session.resp;
    status.last_command = session.last_command;
    return status;
  }
  bool output_full() override { return full; }
};

// Dispatches a request, and has its answer finished, however long it is.
inline Handled answer_whole(Caller& caller, const Services& services, const Args& args,
                            std::string& out) {
  const Handled handled = dispatch(caller, services, args, out);
  if (handled != Handled::Unfinished) return handled;
  while (!caller.answer->go_on(out)) continue;
  return Handled::Replied;
}

struct Connection {
  explicit Connection(FakeService& daemon, std::size_t most = 8192)
      : service(daemon), max_request(most) {
    session.id = 7;
  }

  FakeService& service;
  std::size_t max_request;
  Session session;
  Args args;
  Progress progress;
  std::string in;
  std::string out;
  int parked = 0;
  bool closed = false;

  // Takes bytes that have arrived and answers all the requests that are complete.
  void feed(std::string_view bytes) {
    in += bytes;
    std::size_t at = 0;
    while (!closed && at < in.size()) {
      const auto result =
          parse_request(std::string_view(in).substr(at), max_request, args, progress);
      if (result.kind == Parsed::Incomplete) break;
      if (result.kind == Parsed::Error) {
        ReplyWriter(out, session.resp).error(result.error);
        closed = true;
        break;
      }
      if (result.kind == Parsed::Request) {
        Caller caller(session);
        caller.may_pass_descriptors = out.empty();
        const Handled handled = answer_whole(caller, service.services(), args, out);
        if (handled == Handled::Parked) ++parked;
        closed = handled == Handled::Close;
      }
      at += result.consumed;
    }
    in.erase(0, at);
  }

  // What is answered to `bytes`.
  std::string ask(std::string_view bytes) {
    out.clear();
    feed(bytes);
    return out;
  }
};

// All rows of the table: each command, and its subcommands behind it.
inline std::vector<const Verb*> every_row() {
  std::vector<const Verb*> rows;
  for (const Verb* verb : verb_table()) {
    rows.push_back(verb);
    for (const Verb& row : verb->subcommands) rows.push_back(&row);
  }
  return rows;
}

// A multibulk of these words.
inline std::string request(const std::vector<std::string>& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return bytes;
}

}  // namespace rategate::test
