// Who wants a limit to begin anew for a key (docs/clearing.md), until that is done or was in vain.
// A limit that is spread has several counters, each of which is a part. There are few at a time.
// Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/base/time.hpp"
#include "daemon/core/ids.hpp"
#include "daemon/limit/limit_table.hpp"

namespace rategate {

// How it ended.
struct Cleared {
  std::uint64_t ticket = 0;
  LimitPtr limit;
  // What its counters held, of buckets what came back to them.
  std::int64_t permits = 0;
  std::string why_not;    // empty: it is done
  bool stopping = false;  // the daemon stops, and gave up waiting
};

class Clears {
 public:
  struct Part {
    std::uint64_t id = 0;
    LimitUsePtr use;
    std::string key;
    CounterId counter;   // whose `clearing` it has set; none: it has not yet
    bool asked = false;  // the store; nothing of the counter was under way then
    ShardId shard;       // which
    Window window;       // that is to be cleared
    Mono not_before;     // while it waits
  };
  struct Job {
    std::uint64_t ticket = 0;
    LimitPtr limit;
    Mono deadline;
    std::int64_t permits = 0;  // of the parts that are done
    std::string_view waits_for = "the store has not answered in time";
    std::vector<Part> parts;  // that are not
  };

  bool empty() const { return jobs_.empty(); }
  std::list<Job>& jobs() { return jobs_; }
  Job& add(std::uint64_t ticket, LimitPtr limit, Mono deadline) {
    Job& job = jobs_.emplace_back();
    job.ticket = ticket;
    job.limit = std::move(limit);
    job.deadline = deadline;
    return job;
  }
  void add_part(Job& job, const LimitUsePtr& use, std::string_view key) {
    Part& part = job.parts.emplace_back();
    part.id = ++last_id_;
    part.use = use;
    part.key = key;
  }
  // Null where it is no more.
  std::pair<Job*, Part*> find(std::uint64_t id) {
    for (Job& job : jobs_) {
      for (Part& part : job.parts) {
        if (part.id == id) return {&job, &part};
      }
    }
    return {nullptr, nullptr};
  }
  void end(Job& job, std::string_view why_not, bool stopping = false) {
    over_.push_back({job.ticket, job.limit, job.permits, std::string(why_not), stopping});
    jobs_.remove_if([&](const Job& each) { return &each == &job; });
  }
  // Those that have ended; to be taken.
  std::vector<Cleared>& over() { return over_; }

  Mono next_turn() const {
    Mono next = kNever;
    for (const Job& job : jobs_) {
      next = std::min(next, job.deadline);
      for (const Part& part : job.parts) {
        if (!part.asked) next = std::min(next, part.not_before);
      }
    }
    return next;
  }

 private:
  std::list<Job> jobs_;
  std::vector<Cleared> over_;
  std::uint64_t last_id_ = 0;
};

}  // namespace rategate
