#include "daemon/store/greeting.hpp"

#include <array>
#include <utility>

#include "daemon/store/redis/info.hpp"
#include "daemon/store/redis/refusal.hpp"

namespace rategate {
namespace {

std::string_view name_of(Call::Kind kind) {
  static constexpr std::array<std::string_view, 15> kNames = {
      "AUTH",    "SELECT", "INFO", "SCRIPT LOAD",      "SCRIPT LOAD", "reign", "TIME", "reserve",
      "release", "ASKING", "WAIT", "INFO replication", "recount",     "GET",   "hosts"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace

std::vector<Call::Kind> Greeting::begin(bool proves) {
  asked_.clear();
  if (options_.auth) asked_.push_back(Call::Kind::Auth);
  if (options_.select) asked_.push_back(Call::Kind::Select);
  asked_.insert(asked_.end(), {Call::Kind::Info, Call::Kind::LoadReserve, Call::Kind::LoadRelease,
                               Call::Kind::Reign, Call::Kind::Time});
  if (proves) asked_.insert(asked_.end(), {Call::Kind::Wait, Call::Kind::Replication});
  at_ = 0;
  why_.clear();
  learned_ = {};
  return asked_;
}

Greeting::Outcome Greeting::refuse(std::string why) {
  why_ = std::move(why);
  return Outcome::Refused;
}

Greeting::Outcome Greeting::refused(Call::Kind kind, std::string_view error) {
  // A user that may not ask INFO can still count; what INFO would tell is then not known.
  if (kind == Call::Kind::Info && is_about_rights(error)) return Outcome::Going;
  // Neither is a record that it may not keep a reason to count nothing. But a store that takes no
  // writes now is greeted again when it does: a loss that it has not noted is known to nobody who
  // starts later.
  if (kind == Call::Kind::Reign) {
    learned_.reign_error = error;
    if (is_about_rights(error) || refusal_of(error) == Refusal::Call) return Outcome::Going;
  }
  return refuse(std::string(name_of(kind)) + ": " + std::string(error));
}

Greeting::Outcome Greeting::read_info(std::string_view text) {
  RedisInfo info = parse_info(text);
  if (info.role == "slave") return refuse("it is a replica");
  // As KeyDB's "active-replica": several of them take writes, and none has all increments.
  if (!info.role.empty() && info.role != "master") {
    return refuse("its role is " + info.role + ": it is not the only one that counts");
  }
  if (info.cluster && !options_.cluster) {
    return refuse("it is a node of a Redis Cluster, which is to be named in [cluster]");
  }
  if (options_.cluster && !info.cluster) return refuse("it is no node of a Redis Cluster");
  if (info.loading) return refuse("it is loading its data");
  learned_.run_id = std::move(info.run_id);
  learned_.replid = std::move(info.replid);
  learned_.replicated = info.replicated;
  learned_.version = std::move(info.version);
  learned_.evicts = std::move(info.evicts);
  return Outcome::Going;
}

Greeting::Outcome Greeting::replied(const Reply& reply, Mono sent, Mono received) {
  const Call::Kind kind = asked_[at_++];
  if (reply.is_error) return refused(kind, reply.text);
  if (!reply.understood) return refuse(std::string(name_of(kind)) + ": not understood");
  switch (kind) {
    case Call::Kind::Info:
      return read_info(reply.text);
    case Call::Kind::LoadReserve:
      learned_.reserve_script = reply.text;
      break;
    case Call::Kind::LoadRelease:
      learned_.release_script = reply.text;
      break;
    case Call::Kind::Reign:
      learned_.reign = reply.text;
      learned_.since = reply.time.value_or(StoreTime{});
      break;
    case Call::Kind::Time:
      if (!reply.time) return refuse("TIME: not understood");
      learned_.sent = sent;
      learned_.received = received;
      learned_.time = *reply.time;
      break;
    case Call::Kind::Replication:
      if (!is_primary_of(reply.text, learned_.replid)) return refuse("it is not the primary");
      break;
    default:
      break;
  }
  return at_ == asked_.size() ? Outcome::Complete : Outcome::Going;
}

}  // namespace rategate
