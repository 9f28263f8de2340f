#include "tests/sim/store.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "daemon/base/hash_slot.hpp"
#include "daemon/limit/group.hpp"
#include "daemon/store/redis/words.hpp"
#include "tests/sim/hooks.hpp"

namespace rategate::sim {
namespace {

constexpr std::string_view kReserveName = "sha-of-reserve";
constexpr std::string_view kReleaseName = "sha-of-release";
const std::string kRecord(kReignKey);
constexpr std::string_view kOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";
constexpr std::string_view kReadOnly = "READONLY You can't write against a read only replica.";

bool starts_with_one_of(std::string_view name, const std::vector<std::string>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(),
                     [&](const std::string& beginning) { return name.starts_with(beginning); });
}

// By which it is told whose call it is.
std::vector<std::string> keys_of(const Call& call) {
  std::vector<std::string> keys;
  for (const Reservation& reservation : call.reservations) {
    keys.push_back(reservation.counter);
    if (reservation.names_base) keys.push_back(base_name(reservation.counter));
  }
  if (call.kind == Call::Kind::Release) {
    keys.push_back(call.release.counter);
    if (!call.release.bucket) keys.push_back(mark_name(call.release.counter));
  }
  if (call.kind == Call::Kind::Clear) {
    keys.push_back(call.clear.counter);
    if (!call.clear.bucket) keys.push_back(mark_name(call.clear.counter));
  }
  if (call.kind == Call::Kind::Reign) keys.push_back(call.record);
  for (const Recount& recount : call.recounts) {
    keys.insert(keys.end(), {recount.counter, base_name(recount.counter)});
  }
  return keys;
}

}  // namespace

// ---- One after another ----------------------------------------------------------------------

void Store::serve(std::int64_t counters, EventQueue::Event command) {
  queue_.push_back({counters, std::move(command)});
  if (!busy_) serve_next();
}

std::int64_t Store::takes_us(std::int64_t counters) {
  if (counters == 0) return 0;
  left_ns_ += call_ns_ + counters * counter_ns_;
  const std::int64_t us = left_ns_ / 1000;
  left_ns_ %= 1000;
  return us;
}

void Store::serve_next() {
  while (!queue_.empty()) {
    const std::int64_t now = events_.now();
    const std::int64_t us = takes_us(queue_.front().counters);
    const std::int64_t until = std::max(now, stalled_until_) + us;
    if (until > now) {
      busy_ = true;
      busy_since_ = now;
      events_.at(until, [this, process = process_] {
        if (process != process_) return;
        busy_us_ = busy_us();
        busy_ = false;
        // Another stall may have begun meanwhile.
        if (events_.now() >= stalled_until_) {
          const Command command = std::move(queue_.front());
          queue_.pop_front();
          command.run();
        }
        if (!busy_) serve_next();
      });
      return;
    }
    const Command command = std::move(queue_.front());
    queue_.pop_front();
    command.run();
  }
}

std::int64_t Store::busy_us() const { return busy_us_ + (busy_ ? events_.now() - busy_since_ : 0); }

// ---- As one of some servers -----------------------------------------------------------------

void Store::be(Server server) { server_ = std::move(server); }

void Store::reign_as(std::uint64_t history) {
  was_replica_ = replica_;
  replica_ = false;
  history_ = history;
}

void Store::follow(const Store& primary) {
  replica_ = true;
  ++sessions_;
  model_ = primary.model_;
}

void Store::restart_with_data(std::uint64_t history) {
  begin_process();
  was_replica_ = false;
  history_ = history;
}

void Store::wrote(const Write& write) {
  if (server_.written) server_.written(write);
}

// ---- As a node of a cluster -----------------------------------------------------------------

std::vector<std::string> Store::keys_of_slot(std::uint16_t slot) {
  std::vector<std::string> keys = model_.keys(clock_us());
  std::erase_if(keys, [&](const std::string& key) { return slot_of_key(key) != slot; });
  std::sort(keys.begin(), keys.end());
  return keys;
}

void Store::migrate(const std::string& key, Store& to) {
  const auto value = model_.get(key, clock_us());
  if (!value) return;
  const std::int64_t ttl_ms = model_.pttl(key, clock_us());
  const std::int64_t left_ms = ttl_ms < 0 ? 0 : std::max<std::int64_t>(1, ttl_ms);
  const auto arrive = [key, value, left_ms, now = to.clock_us()](RedisModel& model) {
    model.set(key, *value, left_ms, now);
  };
  arrive(to.model_);
  to.wrote(arrive);
  const auto leave = [key, now = clock_us()](RedisModel& model) { model.del(key, now); };
  leave(model_);
  wrote(leave);
}

// ---- What befalls it ------------------------------------------------------------------------

void Store::keep_record_alone(bool keeps) {
  const auto record = model_.get(kRecord, events_.now());
  model_.forget_all();
  if (keeps && record) model_.set(kRecord, *record, 0, events_.now());
}

void Store::forget_all(bool but_the_record) {
  keep_record_alone(but_the_record);
  lost_counters();
}

void Store::lost_counters() {
  checker_.counters_lost(events_.now());
  told_ = false;
}

// Another one, which knows no scripts and has no connections.
void Store::begin_process() {
  ++process_;
  ++sessions_;
  ++history_;
  replica_ = false;
  queue_.clear();
  busy_us_ = busy_us();
  busy_ = false;
  flush_scripts();
}

void Store::restart(std::int64_t down_us, std::int64_t loading_us, bool keeps_record) {
  begin_process();
  forget_all(keeps_record);
  down_until_ = events_.now() + down_us;
  loading_until_ = down_until_ + loading_us;
}

void Store::demote() {
  replica_ = true;
  forget_all(false);
}

void Store::promote(bool throws_out) {
  if (!replica_) return;
  replica_ = false;
  was_replica_ = true;
  if (throws_out) ++sessions_;
  ++history_;
}

void Store::fail_over(std::int64_t down_us) {
  begin_process();
  was_replica_ = true;
  model_ = replica_data_;
  lost_counters();
  down_until_ = events_.now() + down_us;
}

bool Store::forbids(std::string_view counter) const {
  return starts_with_one_of(counter, forbidden_);
}

bool Store::spoils(std::string_view counter) const { return starts_with_one_of(counter, spoilt_); }

// ---- Calls ----------------------------------------------------------------------------------

Store::Answer Store::error(std::string text) {
  Answer answer;
  answer.is_error = true;
  answer.text = std::move(text);
  return answer;
}

std::string Store::info() const {
  return "# Server\r\nredis_version:7.0.15\r\nrun_id:" + server_.name + std::to_string(process_) +
         "\r\ncluster_enabled:" + (node_.redirect ? "1" : "0") +
         "\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction\r\nloading:" + (loading() ? "1" : "0") +
         "\r\n" + replication();
}

std::string Store::replication() const {
  return std::string("# Replication\r\nrole:") + (replica_ ? "slave" : "master") +
         "\r\nmaster_replid:" + std::to_string(history_) +
         "\r\nmaster_replid2:" + (was_replica_ ? std::to_string(history_ - 1) : "0") + "\r\n" +
         (server_.replication ? server_.replication() : "connected_slaves:0\r\n");
}

Store::Answer Store::answer(Session& session, const Call& call) {
  if (call.kind == Call::Kind::Auth) {
    if (events_.now() < locked_until_) {
      return error("WRONGPASS invalid username-password pair or user is disabled.");
    }
    session.authenticated = true;
    return {};
  }
  if (wants_password_ && !session.authenticated) return error("NOAUTH Authentication required.");
  const bool asking = std::exchange(session.asking, call.kind == Call::Kind::Asking);
  Answer answer;
  switch (call.kind) {
    case Call::Kind::Info:
      answer.text = info();
      return answer;
    case Call::Kind::Replication:
      answer.text = replication();
      return answer;
    case Call::Kind::Time:
      answer.time = StoreTime{clock_us()};
      return answer;
    case Call::Kind::Select:
    case Call::Kind::Auth:
    case Call::Kind::Wait:
    case Call::Kind::Asking:
      return answer;
    default:
      break;
  }
  if (loading()) return error("LOADING Redis is loading the dataset in memory");
  if (node_.redirect) {
    std::string elsewhere = node_.redirect(keys_of(call), asking);
    if (!elsewhere.empty()) return error(std::move(elsewhere));
  }
  if (call.kind == Call::Kind::LoadReserve) {
    knows_reserve_ = true;
    answer.text = kReserveName;
    return answer;
  }
  if (call.kind == Call::Kind::LoadRelease) {
    knows_release_ = true;
    answer.text = kReleaseName;
    return answer;
  }
  if (call.kind == Call::Kind::Reign) return reign(call);
  if (call.kind == Call::Kind::Recount) return recount(call);
  if (call.kind == Call::Kind::Clear) return clear(session, call);
  if (call.kind == Call::Kind::Record) {
    answer.text = model_.get(kRecord, clock_us()).value_or("");
    return answer;
  }
  return run_script(session, call);
}

Store::Answer Store::reign(const Call& call) {
  if (!keeps_records_) return error("NOPERM this user has no permissions to access a key");
  if (replica_) return error(std::string(kReadOnly));
  const bool writable = events_.now() >= refuses_until_;
  const RedisModel::Greets greets{std::to_string(history_), call.reign, call.token, was_replica_};
  const std::string key = call.record.empty() ? kRecord : call.record;
  const auto record = model_.reign(key, greets, writable, clock_us());
  if (!record && !mistake("refused-record-ignored")) return error(std::string(kOutOfMemory));
  told_ = true;
  wrote([key, record, now = clock_us()](RedisModel& model) {
    if (record) model.set(key, *record, 0, now);
  });
  Answer answer;
  answer.text = record.value_or("");
  answer.time = parse_since(ReplyView::text(answer.text));
  return answer;
}

Store::Answer Store::run_script(Session& session, const Call& call) {
  const bool reserves = call.kind == Call::Kind::Reserve;
  bool& known = reserves || call.release.bucket ? knows_reserve_ : knows_release_;
  // Keys are looked at before anything else is.
  const bool forbidden = reserves
                             ? std::any_of(call.reservations.begin(), call.reservations.end(),
                                           [&](const Reservation& r) { return forbids(r.counter); })
                             : forbids(call.release.counter);
  if (forbidden) {
    ++refused_calls_;
    return error("NOPERM this user has no permissions to access one of the keys used as arguments");
  }
  if (!call.script.empty() && !known) {
    return error("NOSCRIPT No matching script. Please use EVAL.");
  }
  // A bucket is given back to by the script of reservations.
  const bool by_reserve = reserves || call.release.bucket;
  if (!call.script.empty() && call.script != (by_reserve ? kReserveName : kReleaseName)) {
    checker_.fail("a script was called by the name " + call.script);
  }
  known = true;
  if (!reserves) return release(session.daemon, call);
  if (replica_) return error(std::string(kReadOnly));
  if (events_.now() < refuses_until_) return error(std::string(kOutOfMemory));
  return reserve(session.daemon, call);
}

Store::Answer Store::reserve(int daemon, const Call& call) {
  Answer answer;
  const std::int64_t now = clock_us();
  answer.time = StoreTime{now};
  answer.reign_over = !call.reign.empty() && model_.get(kRecord, now) != call.reign;
  if (answer.reign_over) return answer;
  answer.answers.reserve(call.reservations.size());
  const auto held = counters_of(call.reservations, now);
  reserve_all(
      call.reservations, [&](const Reservation& each) { return reserve_one(daemon, each, now); },
      answer.answers);
  checker_.decided_together(call.reservations, answer.answers,
                            {held, counters_of(call.reservations, now)});
  return answer;
}

// What each of them holds.
std::vector<std::string> Store::counters_of(std::span<const Reservation> reservations,
                                            std::int64_t now_us) {
  std::vector<std::string> values;
  for (const Reservation& each : reservations) {
    values.push_back(model_.get(each.counter, now_us).value_or(""));
  }
  return values;
}

ReserveAnswer Store::reserve_one(int daemon, const Reservation& request, std::int64_t now) {
  if (spoils(request.counter)) model_.set(request.counter, "no number", 0, now);
  const bool existed = model_.get(request.counter, now).has_value();
  const ReserveAnswer given = model_.reserve(request, now);
  if (given.status == ReserveAnswer::Status::Looked &&
      (request.bucket || given.blocked_until_ms > 0 || charged_permits(request, given) > 0)) {
    wrote([request, now](RedisModel& model) { model.reserve(request, now); });
  }
  const auto value = model_.get(request.counter, now);
  checker_.reserved(daemon, request, given, existed, value ? std::atoll(value->c_str()) : 0, now);
  return given;
}

Store::Answer Store::recount(const Call& call) {
  if (replica_) return error(std::string(kReadOnly));
  if (events_.now() < refuses_until_) return error(std::string(kOutOfMemory));
  Answer answer;
  const std::int64_t now = clock_us();
  answer.time = StoreTime{now};
  const bool same_replid = call.reign.starts_with(std::to_string(history_) + " ");
  answer.reign_over = call.by_replid ? !same_replid : model_.get(kRecord, now) != call.reign;
  if (answer.reign_over) return answer;
  const std::string token = call.reign.substr(call.reign.rfind(' ') + 1);
  for (const Recount& request : call.recounts) {
    answer.answers.push_back(model_.recount(request, token, now));
    wrote([request, token, now](RedisModel& model) { model.recount(request, token, now); });
    const auto value = model_.get(request.counter, now);
    checker_.recounted(request, value ? std::optional(std::atoll(value->c_str())) : std::nullopt);
  }
  return answer;
}

Store::Answer Store::release(int daemon, const Call& call) {
  if (replica_) return error(std::string(kReadOnly));
  const Release& release = call.release;
  // Mistake: what was counted in data that are lost is taken off those that are there now.
  const bool over = !call.reign.empty() && model_.get(kRecord, clock_us()) != call.reign &&
                    !mistake("released-after-a-loss");
  if (over) {
    if (release.permits > 0) checker_.released(daemon, release.counter, release.permits, 0);
    return {};
  }
  if (release.bucket) return release_to_bucket(daemon, release);
  const std::int64_t taken = model_.release(release, clock_us());
  if (taken != 0)
    wrote([release, now = clock_us()](RedisModel& model) { model.release(release, now); });
  if (release.permits > 0) {
    checker_.released(daemon, release.counter, release.permits, taken);
  } else {
    checker_.charged(release.counter, -taken);
  }
  return {};
}

Store::Answer Store::release_to_bucket(int daemon, const Release& release) {
  const Reservation nothing = reservation_of(release);
  const std::int64_t now = clock_us();
  const ReserveAnswer answer = model_.reserve(nothing, now);
  if (answer.status != ReserveAnswer::Status::Looked) return {};
  wrote([nothing, now](RedisModel& model) { model.reserve(nothing, now); });
  checker_.settled(daemon, nothing, answer, model_.came_back(), now);
  return {};
}

Store::Answer Store::clear(const Session& session, const Call& call) {
  const Clear& asked = call.clear;
  if (replica_ && asked.mark != 0) return error(std::string(kReadOnly));
  if (asked.mark != 0 && events_.now() < refuses_until_) return error(std::string(kOutOfMemory));
  Answer answer;
  const std::int64_t now = clock_us();
  answer.reign_over = !call.reign.empty() && model_.get(kRecord, now) != call.reign;
  if (answer.reign_over) return answer;
  if (asked.bucket) return clear_bucket(session, asked);
  const auto done = model_.clear(asked, now);
  if (!done) return error("ERR the counter holds something that is no whole number");
  answer.clear = *done;
  if (asked.mark == 0 || done->status != ClearAnswer::Status::Done) return answer;
  wrote([asked, now](RedisModel& model) { model.clear(asked, now); });
  checker_.cleared(session.daemon, session.left, asked.counter, done->number);
  return answer;
}

Store::Answer Store::clear_bucket(const Session& session, const Clear& clear) {
  Answer answer;
  const std::int64_t now = clock_us();
  const Reservation all = reservation_of(clear);
  const ReserveAnswer given = model_.reserve(all, now);
  if (given.status != ReserveAnswer::Status::Looked)
    return error("ERR the counter holds no bucket");
  wrote([all, now](RedisModel& model) { model.reserve(all, now); });
  answer.clear = {ClearAnswer::Status::Done, given.leased, given.bucket, given.time};
  checker_.bucket_cleared(session.daemon, session.left, all, given, now);
  return answer;
}

void Store::recipe(Checker::Account& account, std::int64_t expire_s) {
  const std::int64_t now = clock_us();
  const bool existed = model_.get(account.name, now).has_value();
  const std::int64_t value = model_.incr_by(account.name, 1, now).value;
  if (model_.pttl(account.name, now) == -1) {
    model_.expire_at(account.name, now / 1000 + expire_s * 1000, now);
  }
  checker_.recipe_called(account, existed, value, now);
}

}  // namespace rategate::sim
