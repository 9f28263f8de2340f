// What one kind of schedule is held to beside what all are, and who asks in it where that is not
// the world's usual crowd. It sees the calls that are written and answered, and what checks are
// told.
#pragma once

#include <memory>

#include "daemon/core/request.hpp"
#include "daemon/store/call.hpp"
#include "daemon/store/store_event.hpp"
#include "tests/sim/store.hpp"

namespace rategate::sim {

class Daemon;
class World;
struct Ask;

class Judge {
 public:
  Judge() = default;
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;
  virtual ~Judge() = default;

  // Plans who asks and what befalls them. False: the usual.
  virtual bool plan() { return false; }
  // A call was composed, and is written now.
  virtual void written(Daemon&, const Call&) {}
  // After the daemon was told the reply.
  virtual void replied(Daemon&, const Call&, const Store::Answer&) {}
  virtual void told(Daemon&, const Ask&, Verdict, const Decision&) {}
  virtual void pumped(Daemon&) {}
  virtual void store_event(Daemon&, const StoreEvent&) {}
  // The schedule is over, and nothing is under way any more.
  virtual void finish() {}
};

// Of that world's kind.
std::unique_ptr<Judge> judge_for(World& world);

}  // namespace rategate::sim
