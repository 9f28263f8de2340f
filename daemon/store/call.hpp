// One question to the store and its answer, as types: the seam between what decides and what
// carries. hiredis and the simulation are two transports under it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/limit/hold_record.hpp"
#include "daemon/limit/reservation.hpp"

namespace rategate {

struct Call {
  enum class Kind : std::uint8_t {
    Auth,         // the transport knows user and password
    Select,       // and the data base
    Info,         // answered by text
    LoadReserve,  // the script of reservations; answered by its name, a text
    LoadRelease,
    Reign,  // which reign it is in, by the record of it; see scripts/reign.lua
    Time,
    Reserve,
    Release,
    Clear,        // a counter is to begin anew, or its mark to be told
    Asking,       // the next call is of a slot that is on its way there
    Wait,         // until so many replicas have acknowledged what was written before
    Replication,  // who it is now, behind reservations that count only if it is who was greeted
    Recount,      // what this host knows of counters whose count the store has lost
    Record,       // what the record of the reign holds, to hear of a loss
    Hosts,        // how many hosts there are; see HostCount
    Hold,         // what this host wants to hold of a concurrency limit
  };
  Kind kind = Kind::Time;
  std::vector<Reservation> reservations{};  // of Reserve: 1 to Outbox::kMostCounters
  Release release{};                        // of Release
  rategate::Clear clear{};                  // of Clear
  HoldAsked hold{};                         // of Hold
  std::vector<Recount> recounts{};          // of Recount: 1 to Outbox::kMostCounters
  bool asking = false;                      // of Reserve: it stands behind Asking
  // Of Reserve, Release and Hold: name of the script; empty: its whole text is sent.
  std::string script{};
  // Of Reserve, Release, Clear, Recount, Record and Hold: what the record of the reign has to hold;
  // empty: it is not looked at. Of Recount, where `by_replid`: it held that, and the store has to
  // be of the same replid still. Of Reign: what it held when this host saw it last; see
  // scripts/reign.lua.
  std::string reign{};
  bool by_replid = false;  // of Recount: to a node of a cluster, where no call can have both keys
  std::string token{};     // of Reign: for a record that has to be written
  std::string record{};    // of Reign: the record's key; empty: kReignKey
  // Of Wait: how many, and for how long at most. Of Reign: not 0 where it has to write something
  // for them to follow.
  std::int64_t replicas = 0;
  std::int64_t wait_ms = 0;
  std::int64_t minute_ms = 0;  // of Hosts: the minute's start, by the store's clock
  bool adds = false;           // of Hosts: this one is to be counted in it
};

// For a quarter of the time that an answer may take: Redis ends it when its loop wakes next, which
// is up to a tenth of a second later, and the way has its part.
inline Call wait_for_replicas(std::int64_t replicas, std::int64_t command_timeout_us) {
  Call call{Call::Kind::Wait};
  call.replicas = replicas;
  call.wait_ms = command_timeout_us / 4000 + 1;  // 0 would be for ever
  return call;
}

// Good during the call that it is handed to.
struct Reply {
  bool is_error = false;
  bool understood = true;  // false: it is not of the form that such a call is answered in
  std::string_view
      text;  // of an error, of Info and Replication, of a script's name, of Reign and Record
  // Of Time, Reserve, Recount and Hold; of Reign, 0 where nothing was lost.
  std::optional<StoreTime> time;
  // Of Reserve, Clear, Recount and Hold: the record holds something else, or the replid is another
  // one; nothing was granted, or told.
  bool reign_over = false;
  std::int64_t replicas = 0;  // of Wait: how many have acknowledged
  std::int64_t hosts = 0;     // of Hosts: how many there are
  ClearAnswer clear{};        // of Clear
  HoldAnswer hold{};          // of Hold
  // Of Reserve: one for each reservation, in order. Of Recount: what each counter holds now, or
  // Refused.
  std::span<const ReserveAnswer> answers;
};

// The way to one primary. Whoever implements it tells the Link what happens, never from within
// these functions; but connect() may tell at once that it failed.
class Transport {
 public:
  Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  // Makes the connection; Link::connected() or Link::closed() tells how that went.
  virtual void connect() = 0;
  // Lets go of the connection, if there is one. Nothing is told of it any more.
  virtual void close() = 0;
  // Adds a call to what the next flush writes. Replies come in the order of the calls.
  virtual void send(const Call& call) = 0;
  // Writes what was added since the last one. Returns a reading of the clock from right before.
  virtual Mono flush() = 0;
  // What a connection that is not made yet waits for, in words, where there is more to be said than
  // that it waits; told when its time is over.
  virtual std::string_view awaits() const { return {}; }
  // Whom the connection is to, by address ("10.0.0.2:6379"); empty where that is not known.
  virtual std::string_view peer() const { return {}; }
  // Everything that was flushed has left this process: bytes that wait here can neither be recalled
  // nor be stamped.
  virtual bool is_written() const = 0;
};

}  // namespace rategate
