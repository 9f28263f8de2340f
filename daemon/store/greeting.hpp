// The greeting of a store: what is asked of a new connection before it is used, and what the
// answers mean. A state machine over replies, pure.
//
// Nothing that it learns counts before it is complete: the run id of a store that is still loading
// must not be known when the store is asked again. So all of it is handed over at once, at the end,
// and a greeting that is cut short leaves nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/store/call.hpp"

namespace rategate {

class Greeting {
 public:
  struct Options {
    bool auth = false;     // a password is set
    bool select = false;   // a data base other than 0 is
    bool cluster = false;  // it has to be a node of a Redis Cluster; else it must not be one
  };
  // What is known of a store after a whole greeting.
  struct Learned {
    std::string run_id;       // of the process; empty: it does not tell
    std::string replid;       // of its data's history: another one after each promotion and restart
    bool replicated = false;  // it has a replica, or was one
    std::string version;
    std::string evicts;  // the policy by which it may evict counters; empty when it does not
    std::string reserve_script;  // their names in the store
    std::string release_script;
    std::string reign;        // the record of it; empty: it keeps none
    StoreTime since;          // windows that had begun by then may have lost counters; 0: none has
    std::string reign_error;  // why that cannot be known; empty where it is
    Mono sent, received;      // of TIME
    StoreTime time;
  };
  enum class Outcome : std::uint8_t { Going, Complete, Refused };

  explicit Greeting(const Options& options) : options_(options) {}

  // From the next begin() on.
  void set_auth(bool auth) { options_.auth = auth; }

  // Begins anew. The calls to be made, in order; their replies come back in that order. `proves`:
  // its replicas are asked to acknowledge something, and it tells then how far they are.
  std::vector<Call::Kind> begin(bool proves);
  // To which call the next reply is.
  Call::Kind expects() const { return asked_[at_]; }
  Outcome replied(const Reply& reply, Mono sent, Mono received);
  // After Refused: why, for a person.
  const std::string& why() const { return why_; }
  // After Complete.
  const Learned& learned() const { return learned_; }

 private:
  Outcome refuse(std::string why);
  Outcome refused(Call::Kind kind, std::string_view error);
  Outcome read_info(std::string_view text);

  Options options_;
  std::vector<Call::Kind> asked_;
  std::size_t at_ = 0;
  std::string why_;
  Learned learned_;
};

}  // namespace rategate
